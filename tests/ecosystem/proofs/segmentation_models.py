"""segmentation-models: its functions take the backend as an argument; here that of Keras 2."""

from __future__ import annotations

import numpy as np
from tf_keras import backend

from tests.ecosystem.observe import eager, sliced

FILE = "segmentation_models/base/functional.py"
FUNCTIONS = sliced(FILE, "_gather_channels", "gather_channels", "categorical_crossentropy")


def chosen_classes_without_probability() -> list[str]:
    truth = np.zeros((1, 1, 2, 3), "float32")
    truth[..., 0] = 1.0
    loss = FUNCTIONS["categorical_crossentropy"]
    sure = np.array([1.0, 0.0, 0.0], "float32") * np.ones((1, 1, 2, 3), "float32")
    return eager(lambda p: loss(truth, p, class_indexes=[1, 2], backend=backend), sure)
