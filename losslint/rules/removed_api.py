"""LL409."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.project.uses import imports_root
from losslint.rules.base import Loss, Problem, Rule

TF1_MARKS = ("compat.v1", "disable_v2_behavior", "tf.Session", "tf.placeholder", "tf.layers", "tf.contrib",
             "tf.get_variable", "tf.train.")  # fmt: skip


class RemovedApi(Rule):
    """A function that the target no longer has.

    What it does: finds names of TensorFlow 1 (``tf.log``) in files that are not TensorFlow 1 scripts, and functions of
    ``keras.backend`` that Keras 3 dropped. (``tf.keras.backend`` still has them.)

    Why it is bad: ``AttributeError: module 'keras.backend' has no attribute 'mean'``.

    Use instead: ``keras.ops``, or the TensorFlow 2 name.

    Confirmed by: running the loss (raises).
    """

    code = "LL409"
    name = "removed-api"
    BAD = (
        """
import keras
import keras.backend as K

def log_cosh_loss(y_true, y_pred):
    return K.mean(K.square(y_true - y_pred), axis=-1)  # expect: LL409
""",
        """
import tensorflow as tf

def entropy_loss(y_true, y_pred):
    return -tf.reduce_mean(y_true * tf.log(y_pred + 1e-7))  # expect: LL409
""",
    )
    GOOD = (
        """
import tensorflow as tf
from tensorflow.keras import backend as K

def squared_loss(y_true, y_pred):
    return K.mean(K.square(y_true - y_pred), axis=-1) + 0.0 * K.epsilon()
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        module = loss.site.module
        if loss.keras_version < 3 or loss.site.framework != "tensorflow" or imports_root(module, "tf_keras"):
            return
        old = any(mark in module.text for mark in TF1_MARKS)
        for node in loss.nodes:
            raw, api = str(node.detail.get("raw", "")), node.api
            if api is None or node.source.module is not module or node.context.guarded:
                continue
            if api.note == "tf.keras only" and raw.startswith("keras.backend."):
                yield Problem(
                    node.source,
                    f"{raw} does not exist in Keras 3: AttributeError",
                    f"use {self.current_keras(node.op, raw)}import it from tensorflow.keras.backend",
                )
            elif api.note == "TensorFlow 1" and raw.startswith("tensorflow.") and not old:
                yield Problem(
                    node.source,
                    f"{raw.replace('tensorflow.', 'tf.', 1)} does not exist in TensorFlow 2: AttributeError",
                    "use " + self.current(node.op, raw),
                )

    def current_keras(self, operation: str, raw: str) -> str:
        """The name in Keras 3 with "or" after it; nothing where there is none."""
        from losslint.ops.table import lookup, preferred

        name = f"keras.ops.{raw.rpartition('.')[2]}"
        name = name if lookup(name) is not None else preferred("keras", operation)
        return f"{name}, or " if name and not name.startswith("keras.backend.") else ""

    def current(self, operation: str, raw: str) -> str:
        from losslint.ops.table import preferred

        return preferred("tensorflow", operation) or f"tf.compat.v1.{raw.rpartition('.')[2]}"
