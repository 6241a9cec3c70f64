"""LL407."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.graph.nodes import Node, nodes_in
from losslint.graph.values import Value
from losslint.ops.moves import RESHAPES
from losslint.project.modes import Mode
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule

# Measured with TensorFlow 2.21: operation -> inputs that a float32 label cannot be.
INTEGERS = {
    "one_hot": ("indices",), "gather": ("indices",), "gather_nd": ("indices",), "embedding_lookup": ("ids",),
    "sparse_softmax_cross_entropy_with_logits": ("y_true",), "in_top_k": ("y_true",), "item": ("index",),
    "segment_sum": ("segment_ids",), "segment_mean": ("segment_ids",), "segment_max": ("segment_ids",),
    "scatter_nd": ("indices",), "scatter_update": ("indices",), "dynamic_partition": ("partitions",),
    "bitwise": ("x", "y"),
}  # fmt: skip
BOOLEANS = {"logical_and": ("x", "y"), "logical_or": ("x", "y"), "logical_not": ("x",), "where": ("condition",)}
KERAS_RAISES = ("keras.backend.one_hot", "keras.backend.gather", "keras.ops.take", "keras.ops.segment_sum",
                "keras.ops.segment_max")  # the others cast what they are given
KEEPS_DTYPE = (*RESHAPES, "item", "flatten", "identity", "convert_to_tensor")


class LabelDtype(Rule):
    """Labels are used as integers or booleans, but Keras 3 has cast them to float32.

    What it does: finds ``tf.one_hot``, ``tf.gather``, ``weights[y_true]``, segment sums and sparse cross-entropies whose
    indices are the labels as they come in, and ``tf.where`` and logical operations whose conditions are. (Most of
    ``keras.ops`` casts by itself, and a training loop of one's own hands labels over as they are.)

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
        """
import tensorflow as tf

WEIGHTS = tf.constant([1.0, 5.0, 2.0])

class GroupedLoss(tf.keras.losses.Loss):
    def call(self, y_true, y_pred):
        group = tf.reshape(y_true, [-1])
        worst = tf.math.unsorted_segment_sum(y_pred, group, 3)  # expect: LL407
        return tf.reduce_sum(WEIGHTS * tf.reduce_sum(tf.square(worst), axis=-1))
""",
        """
import tensorflow as tf

def present_loss(y_true, y_pred):
    missed = tf.where(y_true, 1.0 - y_pred, y_pred)  # expect: LL407
    return tf.reduce_mean(missed, axis=-1)

model = tf.keras.Sequential([tf.keras.layers.Dense(2, activation="sigmoid")])
model.compile(loss=present_loss)
""",
    )
    GOOD = (
        """
import keras
from keras import ops

def focal_loss(y_true, y_pred):
    chosen = ops.sum(ops.one_hot(ops.reshape(y_true, (-1,)), 3) * y_pred, axis=-1)
    sure = ops.logical_and(y_true > 0, y_pred[:, 0] > 0.9)
    return ops.where(sure, 0.5, 1.0) * -ops.log(chosen + 1e-7)

model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
model.compile(loss=focal_loss)
""",
        """
import tensorflow as tf

def sparse_loss(labels, logits):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))

def step(model, optimizer, x, labels):
    with tf.GradientTape() as tape:
        loss = sparse_loss(labels, model(x, training=True))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
""",
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
            if node.framework == "keras" and node.name not in KERAS_RAISES:
                continue
            for kinds, word, dtype in ((INTEGERS, "integers", "int32"), (BOOLEANS, "booleans", "bool")):
                inputs = (node.inputs.get(name) for name in kinds.get(node.op, ()))
                label = next((name for value in inputs if value is not None and (name := raw_label(value))), "")
                if label and (node.op != "where" or "x" in node.inputs):
                    yield Problem(
                        node.source,
                        f"{node.source.text} needs {word}, but Keras 3 casts {label} to float32 before it calls the loss: "
                        "TypeError",
                        f"tf.cast({label}, tf.{dtype})",
                    )


def raw_label(value: Value, depth: int = 6) -> str:
    """The name of the label a value still is, uncast; "" otherwise."""
    for node in nodes_in(value):
        if node.op == "param" and node.role is Role.LABEL:
            return node.name
        if node.op in KEEPS_DTYPE and depth:
            inner = node.inputs.get("x")
            if isinstance(inner, Node) and (name := raw_label(inner, depth - 1)):
                return name
    return ""
