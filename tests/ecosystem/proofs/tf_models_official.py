"""The model garden: the function of the loss alone."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.ecosystem.observe import eager, sliced

LOSS = sliced("official/legacy/detection/modeling/losses.py", "focal_loss", tf=tf)["focal_loss"]


def very_negative_logit() -> list[str]:
    targets = np.array([[1.0]], "float32")
    return eager(lambda z: LOSS(z, targets, 0.25, 2.0, 1.0), [[-100.0]])
