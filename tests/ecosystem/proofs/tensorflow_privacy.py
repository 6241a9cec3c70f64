"""TensorFlow Privacy: the call of the loss alone, as the package needs the Keras of its day."""

from __future__ import annotations

import types

import numpy as np
import tensorflow as tf

from tests.ecosystem.observe import sliced, traced

OPS = types.SimpleNamespace(convert_to_tensor_v2=tf.convert_to_tensor)
FILE = "tensorflow_privacy/privacy/bolt_on/losses.py"


BASES = {"losses": tf.keras.losses, "StrongConvexMixin": object, "tf": tf, "_ops": OPS}
REDUCTIONS = types.SimpleNamespace(ReductionV2=types.SimpleNamespace(SUM_OVER_BATCH_SIZE="sum_over_batch_size"))
HUBER = sliced(FILE, "StrongConvexHuber", losses_utils=REDUCTIONS, **BASES)["StrongConvexHuber"]
LABELS = np.array([[1.0], [-1.0]], "float32")


def any_batch() -> list[str]:
    loss = types.SimpleNamespace(delta=0.1, dtype=tf.float32)
    return traced(lambda p: HUBER.call(loss, LABELS, p), [[0.3], [0.2]])
