"""KerasHub: the file of the loss alone, as the package needs more than Keras."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tests.ecosystem.observe import eager, sliced

silog = sliced("keras_hub/src/models/depth_anything/depth_anything_loss.py", "silog", keras=keras, ops=ops)["silog"]
DEPTHS = np.array([1.0, 2.0, 3.0, 4.0], "float32").reshape(1, 2, 2, 1)


def perfect_depths() -> list[str]:
    return eager(lambda p: silog(DEPTHS, p), DEPTHS)


def a_pixel_without_depth() -> list[str]:
    masked = DEPTHS * np.array([0.0, 1.0, 1.0, 1.0], "float32").reshape(1, 2, 2, 1)
    return eager(lambda p: silog(masked, p), 1.5 * DEPTHS**2)
