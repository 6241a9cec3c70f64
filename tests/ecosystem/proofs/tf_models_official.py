"""The model garden: the function of the loss alone."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.ecosystem.observe import eager, sliced, traced

LOSS = sliced("official/legacy/detection/modeling/losses.py", "focal_loss", tf=tf)["focal_loss"]


def very_negative_logit() -> list[str]:
    targets = np.array([[1.0]], "float32")
    return eager(lambda z: LOSS(z, targets, 0.25, 2.0, 1.0), [[-100.0]])


def folded_epsilon() -> list[str]:
    loss = sliced("official/projects/yolo/ops/loss_utils.py", "sigmoid_bce", tf=tf)["sigmoid_bce"]
    return traced(lambda z: loss(tf.zeros_like(z), z, 0.0)[0], [[20.0]])  # the value beside its own gradient
