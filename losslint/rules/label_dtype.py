"""LL407."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.graph.nodes import Node, nodes_in
from losslint.graph.values import Value
from losslint.project.modes import Mode
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule

INTEGER_INPUTS = {
    "one_hot": "indices",
    "gather": "indices",
    "gather_nd": "indices",
    "sparse_softmax_cross_entropy_with_logits": "y_true",
}
KEEPS = ("reshape", "squeeze", "expand_dims", "item", "flatten", "identity", "convert_to_tensor")


class LabelDtype(Rule):
    """Labels are used as integers, but Keras 3 has cast them to float32.

    What it does: finds ``tf.one_hot``, ``tf.gather`` and sparse cross-entropies whose indices are the labels as they
    come in.

    Why it is bad: Keras 3 casts y_true and y_pred to the dtype of the loss (float32) before it calls it; the operation
    raises ``TypeError`` although the data set holds integers. (Keras 2 kept the dtype.)

    Use instead: ``tf.cast(y_true, tf.int32)``.

    Confirmed by: ``fit`` with integer labels (raises).
    """

    code = "LL407"
    name = "label-dtype"
    BAD = (
        """
import tensorflow as tf

def weighted_loss(y_true, y_pred):
    weights = tf.gather(tf.constant([1.0, 5.0]), y_true)  # expect: LL407
    return weights * tf.keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

model = tf.keras.Sequential([tf.keras.layers.Dense(2, activation="softmax")])
model.compile(loss=weighted_loss)
""",
    )
    GOOD = (
        """
import tensorflow as tf

def weighted_loss(y_true, y_pred):
    weights = tf.gather(tf.constant([1.0, 5.0]), tf.cast(y_true, tf.int32))
    return weights * tf.keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

model = tf.keras.Sequential([tf.keras.layers.Dense(2, activation="softmax")])
model.compile(loss=weighted_loss)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if loss.site.qualname.endswith("__call__"):
            return  # the cast is part of the __call__ that is overridden here
        if loss.keras_version < 3 or not loss.called_by_keras or loss.site.mode is not Mode.GRAPH:
            return
        for node in loss.nodes:
            indices = node.inputs.get(INTEGER_INPUTS.get(node.op, ""))
            if node.framework == "tensorflow" and indices is not None and (label := raw_label(indices)):
                yield Problem(
                    node.source,
                    f"{node.source.text} needs integers, but Keras 3 casts {label} to float32 before it calls the loss: "
                    "TypeError",
                    f"tf.cast({label}, tf.int32)",
                )


def raw_label(value: Value, depth: int = 6) -> str:
    """The name of the label a value still is, uncast; "" otherwise."""
    for node in nodes_in(value):
        if node.op == "param" and node.role is Role.LABEL:
            return node.name
        if node.op in KEEPS and depth:
            inner = node.inputs.get("x")
            if isinstance(inner, Node) and (name := raw_label(inner, depth - 1)):
                return name
    return ""
