"""losslint: a static analyzer for custom loss functions."""

from losslint.trainable import assert_trainable, confirm

__all__ = ["assert_trainable", "confirm"]
__version__ = "0.1.0"
