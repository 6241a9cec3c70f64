"""TensorFlow Graphics: two functions of its projects, alone."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.ecosystem.observe import eager, sliced

HUBER = sliced("tensorflow_graphics/projects/points_to_3Dobjects/losses/regression_huber_loss.py", "HuberLoss", tf=tf)
MATRIX = sliced("tensorflow_graphics/projects/nasa/lib/model_utils.py", "get_transform_matrix", tf=tf)


def perfect_regression() -> list[str]:
    box = np.ones((1, 2, 2, 3), "float32")
    return eager(lambda p: HUBER["HuberLoss"]()(p, box, None), box)


def six_numbers_for_a_rotation() -> list[str]:
    with tf.Graph().as_default():
        transform = tf.compat.v1.placeholder(tf.float32, [2, 1, 4, 9])
        try:
            MATRIX["get_transform_matrix"](transform, 1.0, 3, 6, 3)
        except Exception as error:
            return [f"raises {type(error).__name__}"]
    return ["fine"]
