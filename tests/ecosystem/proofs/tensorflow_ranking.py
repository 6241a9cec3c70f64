"""TensorFlow Ranking: the file of its losses needs the Keras of its day, so the circle loss is taken out of it."""

from __future__ import annotations

import types

import numpy as np
import tensorflow as tf

from tests.ecosystem.observe import eager, sliced

UTILS = sliced("tensorflow_ranking/python/utils.py", "is_label_valid", tf=tf)
HELPERS = sliced(
    "tensorflow_ranking/python/losses_impl.py",
    *("_check_tensor_shapes", "_apply_pairwise_op", "_pairwise_comparison", "CircleLoss"),
    tf=tf,
    utils=types.SimpleNamespace(is_label_valid=UTILS["is_label_valid"]),
    _ListwiseLoss=object,
)


def wrong_order() -> list[str]:
    circle = HELPERS["CircleLoss"]
    loss = circle.__new__(circle)
    loss._gamma, loss._margin = 64, 0.25
    labels = np.array([[1.0, 0.0]], "float32")
    return eager(lambda s: loss._compute_unreduced_loss_impl(labels, loss.get_logits(s))[0], [[0.0, 1.0]])
