"""keras-unet-collection: its two files of losses, which import by themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tests.ecosystem.observe import eager, sliced, traced

BACKEND = {"tf": tf, "K": tf.keras.backend}
old = sliced("keras_unet_collection/loss.py", "_crps_tf", "crps2d_tf", **BACKEND)
new = sliced(
    "keras_unet_collection/losses.py",
    *("_crps_tf", "crps2d_tf", "dice_coef", "dice", "tversky_coef", "focal_tversky"),
    **BACKEND,
)
MASK = np.array([[1.0, 0.0], [0.0, 1.0]], "float32")
EMPTY = np.zeros((2, 2), "float32")
CONSTANT = np.full((2, 2), 0.5, "float32")


def constant_prediction_old() -> list[str]:
    return eager(lambda p: old["_crps_tf"](MASK, p), CONSTANT)


def constant_prediction() -> list[str]:
    return eager(lambda p: new["_crps_tf"](MASK, p), CONSTANT)


def empty_mask_predicted_empty() -> list[str]:
    return eager(lambda p: new["dice"](EMPTY, p), EMPTY)


def perfect_mask() -> list[str]:
    return eager(lambda p: new["focal_tversky"](MASK, p), MASK)


def batch_of_unknown_size_old() -> list[str]:
    return of_unknown_size(old["crps2d_tf"])


def batch_of_unknown_size() -> list[str]:
    return of_unknown_size(new["crps2d_tf"])


def of_unknown_size(loss: Callable[..., tf.Tensor]) -> list[str]:
    image = tf.TensorSpec([None, 4, 4, 2], tf.float32)
    step = tf.function(loss, [image, image], autograph=False)
    try:
        step.get_concrete_function()
    except Exception as error:
        return [f"raises {type(error).__name__}"]
    return traced(lambda p: loss(p, p), np.zeros((2, 4, 4, 2)))
