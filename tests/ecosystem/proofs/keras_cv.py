"""KerasCV: the step alone, as the package's old preprocessing no longer imports; the shape is read before all else."""

from __future__ import annotations

import types

import tensorflow as tf

from tests.ecosystem.observe import sliced

FILE = "keras_cv/src/models/legacy/object_detection/faster_rcnn/faster_rcnn.py"
compute_loss = sliced(FILE, "compute_loss", tf=tf)["compute_loss"]


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
