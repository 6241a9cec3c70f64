"""DLOmix: the functions of the loss, whose file needs Keras alone."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tests.ecosystem.observe import eager, sliced

NAMES = ("_l2_normalize", "_mask_negative_peaks", "masked_spectral_distance")
DISTANCE = sliced("dlomix/losses/intensity.py", *NAMES, keras=keras, np=np, ops=ops, _L2_NORMALIZE_EPSILON=1e-12)[
    "masked_spectral_distance"
]


def perfect_spectrum() -> list[str]:
    spectrum = np.array([[1.0, 0.0]], "float32")
    return eager(lambda p: DISTANCE(spectrum, p), spectrum)
