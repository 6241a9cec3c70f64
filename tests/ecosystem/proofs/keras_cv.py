"""KerasCV: functions alone, as the package's old preprocessing no longer imports; boxes are in the format they want."""

from __future__ import annotations

import types

import keras
import numpy as np
import tensorflow as tf

from tests.ecosystem.observe import eager, sliced

FILE = "keras_cv/src/models/legacy/object_detection/faster_rcnn/faster_rcnn.py"
compute_loss = sliced(FILE, "compute_loss", tf=tf)["compute_loss"]
boxes = types.SimpleNamespace(is_relative=lambda name: False, convert_format=lambda box, **_: box)
pairs = sliced("keras_cv/src/bounding_box/iou.py", "_compute_area", "_compute_intersection", "compute_iou",
               ops=keras.ops, keras=keras, bounding_box=boxes)  # fmt: skip
iou_loss = sliced("keras_cv/src/losses/iou_loss.py", "call", ops=keras.ops,
                  bounding_box=types.SimpleNamespace(compute_iou=pairs["compute_iou"]))["call"]  # fmt: skip


def boxes_that_do_not_meet() -> list[str]:
    loss = types.SimpleNamespace(bounding_box_format="yxyx", axis=-1, mode="log")
    truth = np.array([[0.0, 0.0, 1.0, 1.0]], "float32")
    return eager(lambda p: iou_loss(loss, truth, p), truth + 5.0)


def batch_of_unknown_size() -> list[str]:
    class Reached(Exception):
        """The line after the one in question."""

    def anchors(**_: object) -> None:
        raise Reached

    model = types.SimpleNamespace(anchor_generator=anchors)
    seen = []
    for batch in (2, None):
        images = tf.TensorSpec([batch, 64, 64, 3], tf.float32)
        step = tf.function(lambda x: compute_loss(model, x, None, None, True), [images], autograph=False)
        try:
            step.get_concrete_function()
        except Exception as error:
            seen.append(type(error).__name__)
    assert seen[0] == "Reached"  # with a known batch it goes on
    return [f"raises {seen[1]}"]
