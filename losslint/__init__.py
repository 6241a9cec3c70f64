"""losslint: a static analyzer for custom loss functions."""

__version__ = "0.1.0"
