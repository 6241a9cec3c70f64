"""CSBDeep: the file of the losses imports the package's TensorFlow helpers, which need more than Keras."""

from __future__ import annotations

import numpy as np
from tensorflow.keras import backend as K

from tests.ecosystem.observe import eager, sliced

FILE = "csbdeep/internals/losses.py"
LABEL = np.full((1, 2, 2, 2), 0.4, "float32")
NO_SCALE = np.concatenate([np.full((1, 2, 2, 2), 0.3), np.zeros((1, 2, 2, 2))], axis=-1).astype("float32")


def _laplace(channels_last: bool) -> list[str]:
    axis = -1 if channels_last else 1
    names = sliced(FILE, "_mean_or_not", "loss_laplace", K=K, np=np, backend_channels_last=lambda: channels_last)
    return eager(lambda p: names["loss_laplace"]()(LABEL, p), np.moveaxis(NO_SCALE, -1, axis))


def no_scale() -> list[str]:
    return _laplace(channels_last=True)


def no_scale_channels_first() -> list[str]:
    return _laplace(channels_last=False)
