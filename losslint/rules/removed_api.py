"""LL409."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.graph.nodes import Node
from losslint.project.uses import imports_root
from losslint.rules.base import Loss, Problem, Rule

TF1_MARKS = ("compat.v1", "disable_v2_behavior", "tf.Session", "tf.placeholder", "tf.layers", "tf.contrib",
             "tf.get_variable", "tf.train.")  # fmt: skip

OLD_KEYWORDS = {  # of TensorFlow 1 -> of TensorFlow 2, none of whose functions takes the old one
    "keep_dims": "keepdims", "reduction_indices": "axis", "squeeze_dims": "axis", "concat_dim": "axis", "dimension": "axis",
}  # fmt: skip


class RemovedApi(Rule):
    """A function that the target no longer has.

    What it does: finds names and keywords of TensorFlow 1 (``tf.log``, ``keep_dims=``) in files that are not TensorFlow 1
    scripts, and functions of ``keras`` that Keras 3 dropped. (``tf.keras.backend`` still has those of ``keras.backend``.)
    Of the short and the long names of losses, ``keras.losses`` has only ``mean_squared_error``, ``tf.keras.losses`` only
    ``mse``.

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
        """
import tensorflow as tf

def summed_loss(y_true, y_pred):
    error = tf.keras.losses.mean_squared_error(y_true, y_pred)  # expect: LL409
    return error + tf.keras.losses.cosine_proximity(y_true, y_pred)  # expect: LL409

def measured_loss(y_true, y_pred):
    return tf.keras.metrics.log_cosh(y_true, y_pred)  # expect: LL409

def kept_loss(y_true, y_pred):
    centre = tf.reduce_mean(y_pred, axis=-1, keep_dims=True)  # expect: LL409
    return tf.reduce_mean(tf.square(y_true - y_pred + centre), axis=-1)
""",
    )
    GOOD = (
        """
import tensorflow as tf
from tensorflow.keras import backend as K

def squared_loss(y_true, y_pred):
    return K.mean(K.square(y_true - y_pred), axis=-1) + 0.0 * K.epsilon()
""",
        """
import keras
import tensorflow as tf

def named_loss(y_true, y_pred):
    return keras.losses.mean_squared_error(y_true, y_pred) + tf.keras.losses.mse(y_true, y_pred)

def kept_loss(y_true, y_pred):
    centre = tf.compat.v1.reduce_mean(y_pred, axis=-1, keep_dims=True) + tf.reduce_mean(y_pred, -1, keepdims=True)
    return tf.reduce_mean(tf.square(y_true - tf.nn.l2_normalize(y_pred + centre, dim=-1)), axis=-1)
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
            if (elsewhere := other_home(api.note, raw)) is not None:
                yield Problem(
                    node.source,
                    f"{raw.replace('tensorflow.', 'tf.', 1)} does not exist in Keras 3: AttributeError",
                    f"use {self.current_keras(node.op, raw)}{elsewhere}",
                )
            elif raw.startswith("tensorflow.") and ".compat." not in raw and (keyword := old_keyword(node)) and not old:
                yield Problem(
                    node.source,
                    f"{raw.replace('tensorflow.', 'tf.', 1)} has no parameter {keyword} in TensorFlow 2: TypeError",
                    f"write {OLD_KEYWORDS[keyword]}= instead",
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
        known = name and not name.startswith("keras.backend.") and name != raw.removeprefix("tensorflow.")
        return f"{name}, or " if known else ""

    def current(self, operation: str, raw: str) -> str:
        from losslint.ops.table import preferred

        return preferred("tensorflow", operation) or f"tf.compat.v1.{raw.rpartition('.')[2]}"


def other_home(note: str, raw: str) -> str | None:
    """What to write for a name of Keras that its module lacks in Keras 3; None for one that it has."""
    name = raw.removeprefix("tensorflow.")
    if not name.startswith(("keras.losses.", "keras.metrics.", "keras.backend.")):
        return None
    if note == "tf.keras only" and name == raw:
        return f"import it from tensorflow.{raw.rpartition('.')[0]}"
    if note == "Keras 2" and not name.startswith("keras.backend."):
        return "one of the names in keras.losses"
    return name if note == "keras only" and name != raw else None


def old_keyword(node: Node) -> str | None:
    """A keyword of TensorFlow 1 in the call that a node stands for."""
    call = node.source.node
    keywords = [a.keyword.value for a in call.args if a.keyword is not None] if isinstance(call, cst.Call) else []
    return next((keyword for keyword in keywords if keyword in OLD_KEYWORDS), None)
