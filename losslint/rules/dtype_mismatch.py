"""LL407."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from losslint.facts.array_dtypes import type_named
from losslint.facts.dtypes import FLOAT, differ, dtypes, is_float
from losslint.graph.nodes import Kind, Node, nodes_in
from losslint.graph.values import NONE, Const, Value
from losslint.graph.written import operand_text, uncast
from losslint.ops.moves import RESHAPES
from losslint.project.modes import Mode
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.torch_dtypes import refused

# Measured with TensorFlow 2.21: operation -> inputs that a float32 label cannot be.
INTEGERS = {
    "one_hot": ("indices",), "gather": ("indices",), "gather_nd": ("indices",), "embedding_lookup": ("ids",),
    "sparse_softmax_cross_entropy_with_logits": ("y_true",), "in_top_k": ("y_true",), "item": ("index",),
    "segment_sum": ("segment_ids",), "segment_mean": ("segment_ids",), "segment_max": ("segment_ids",),
    "scatter_nd": ("indices",), "scatter_update": ("indices",), "dynamic_partition": ("partitions",),
    "bitwise": ("x", "y"),
}  # fmt: skip
BOOLEANS = {"logical_and": ("x", "y"), "logical_or": ("x", "y"), "logical_not": ("x",), "where": ("condition",)}
INTEGERS_IN_JAX = {  # measured with JAX 0.10; one_hot takes any number
    "sparse_softmax_cross_entropy_with_logits": ("y_true",), "take_along_axis": ("indices",), "gather": ("indices",),
    "item": ("index",), "segment_sum": ("segment_ids",), "bincount": ("x",),
}  # fmt: skip
KERAS_RAISES = ("keras.backend.one_hot", "keras.backend.gather", "keras.ops.take", "keras.ops.segment_sum",
                "keras.ops.segment_max")  # the others cast what they are given
# Of two tensors: measured, in eager code and in graphs.
BOTH = ("add", "sub", "mul", "div", "pow", "mod", "maximum", "minimum", "squared_difference", "matmul", "divide_no_nan",
        "multiply_no_nan", "xlogy", "atan2", "where", "stack", "concat", "greater", "greater_equal", "less", "less_equal",
        "equal", "not_equal")  # fmt: skip
NOT_OF_TRUTH = ("add", "sub", "div", "pow", "maximum", "minimum", "squared_difference")  # two booleans multiply
NUMBERS = ("sum", "mean", "max", "min", "prod", "cumsum", "square", "abs", "neg")  # not of booleans
FLOATS = ("log", "exp", "sqrt", "sigmoid", "softmax", "tanh", "log1p", "softplus", "log_softmax")
RAISES = "InvalidArgumentError in eager code, TypeError in a graph"
KEEPS_DTYPE = (*RESHAPES, "item", "identity", "convert_to_tensor")


class DtypeMismatch(Rule):
    """Tensors of two dtypes meet, or one is used for what its dtype cannot be, as the float32 labels of Keras 3 for indices.

    What it does: finds TensorFlow operations on an integer or boolean tensor and a floating-point one, or a Python float
    (``tf.cast(y_true, tf.int32) * y_pred``, ``total / tf.shape(x)[0]``, ``loss * (y_true > 0)``), means of booleans and
    logarithms of integers. Under Keras 3 also ``tf.one_hot``, ``tf.gather``, segment sums and sparse cross-entropies whose
    indices are the labels as they come in, and ``tf.where`` and logical operations whose conditions are. (Most of
    ``keras.ops`` casts by itself, as JAX does, which refuses floating-point indices and classes only.) PyTorch promotes
    in arithmetic, but its losses, indices, masks and means do not: integers for ``binary_cross_entropy``, floats for
    ``nll_loss`` or ``gather``, ``1 - mask`` of a boolean mask.
    Nor do its layers and its products of matrices: NumPy's numbers are float64, the weights of a layer float32.

    Why it is bad: TensorFlow converts numbers and NumPy arrays, but no tensor: ``InvalidArgumentError`` or ``TypeError``.
    Keras 3 casts y_true and y_pred to the dtype of the loss (float32) before it calls it, although the data set holds
    integers. (Keras 2 kept the dtype.)

    Use instead: ``tf.cast(mask, y_pred.dtype)``; ``tf.cast(y_true, tf.int32)`` for indices; ``target.float()``,
    ``target.long()``, ``torch.from_numpy(x).float()``.

    Confirmed by: running the loss (raises).
    """

    code = "LL407"
    name = "dtype-mismatch"
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
import torch.nn.functional as F

def train_step(net, x, labels, optimizer):
    hit = net(x).argmax(dim=1) == labels
    loss = F.binary_cross_entropy_with_logits(net(x), F.one_hot(labels, 3))  # expect: LL407
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item(), hit.mean()  # expect: LL407
""",
    )
    GOOD = (
        """
import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K

CLASSES = np.array([1, 2, 4])

def mixed_loss(y_true, y_pred):
    rows, columns = tf.shape(y_pred)[0], y_pred.shape[-1]
    mask = tf.cast(y_true > 0, y_pred.dtype)
    number = tf.cast(rows, tf.float32) * columns / 2 + tf.cast(tf.math.count_nonzero(mask), tf.float32)
    share = tf.reduce_mean(tf.cast(rows > 3, tf.float32)) + K.mean(K.greater(y_true, 0.5))
    half = tf.cast(rows // 2 + rows % 2 * 2, tf.float32)
    sizes = tf.cast(tf.size(mask) / 2, tf.float32) + tf.constant([1.0, 2, 3]) * tf.constant(2.0)
    chosen = tf.where(y_true > 0, y_pred, 0)
    return tf.reduce_sum(mask * chosen * CLASSES) / number + share + half / sizes * tf.constant(3, dtype=y_pred.dtype)

model = tf.keras.Sequential([tf.keras.layers.Dense(3)])
model.compile(loss=mixed_loss)
""",
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
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if loss.site.framework == "torch":
            yield from refused(loss)
        if loss.site.framework == "jax":
            yield from float_indices(loss)
        if loss.site.qualname.endswith("__call__"):
            return  # the cast is part of the __call__ that is overridden here
        by_keras = loss.keras_version >= 3 and loss.called_by_keras and loss.site.mode is Mode.GRAPH
        if loss.site.framework == "tensorflow" and "enable_numpy_behavior" not in loss.site.module.text:
            yield from mixed(loss, loss.graph.floatx if by_keras else "")
        if by_keras:
            yield from cast_labels(loss)


def mixed(loss: Loss, keras: str) -> Iterator[Problem]:
    """Operations on tensors of two dtypes, and on numbers that one of them cannot hold."""
    found = dtypes(loss.gradient, keras)
    for node in loss.nodes:
        if node.kind is not Kind.TENSOR or node.framework not in ("", "tensorflow") or node.context.tried or (
                node.context.guarded):
            continue
        sides = [o for name, o in node.operands() if name in ("x", "y", "values")]
        known = {found[side.index]: side for side in sides if side.index in found}
        if node.op in BOTH:
            yield from clash(node, known)
            if node.op in NOT_OF_TRUTH and fraction_beside(node) is None and (
                    {found.get(side.index) for side in sides} == {"bool"}):
                yield Problem(
                    node.source,
                    f"{operand_text(node, sides[0])} is bool, which TensorFlow does not compute with: {RAISES}",
                    f"tf.cast({operand_text(node, sides[0])}, tf.float32), or | and & for what holds",
                )
        elif sides and len(known) == 1 and (dtype := next(iter(known))) and (
                dtype == "bool" if node.op in NUMBERS else node.op in FLOATS and not is_float(dtype)):
            yield Problem(
                node.source,
                f"{node.source.text} needs {'numbers' if dtype == 'bool' else 'floating-point numbers'}, and "
                f"{operand_text(node, sides[0])} is {dtype}: {RAISES}",
                f"tf.cast({operand_text(node, sides[0])}, tf.float32)",
            )


def fraction_beside(node: Node) -> float | None:
    """A floating-point number that an operand is written as."""
    written = [value.value for name in ("x", "y") if isinstance(value := node.inputs.get(name), Const)]
    return next((number for number in written if isinstance(number, float)), None)


def clash(node: Node, known: dict[str, Node]) -> Iterator[Problem]:
    """What two operands say that do not go together."""
    fraction = fraction_beside(node)
    for (dtype, side), (other_dtype, other) in itertools.combinations(known.items(), 2):
        if differ(dtype, other_dtype):
            odd, told, to = (other, side, dtype) if is_float(dtype) else (side, other, other_dtype)
            first, second = operand_text(node, side), operand_text(node, other)
            yield Problem(
                node.source,
                f"{first} is {dtype} and {second} is {other_dtype}, and TensorFlow converts no tensor: "
                f"{'TypeError' if node.op.startswith('div') else RAISES}",
                f"tf.cast({operand_text(node, odd)}, {operand_text(node, told)}.dtype)" if to == FLOAT else (
                    f"tf.cast({operand_text(node, odd)}, tf.{to})"),
            )
            return
    for dtype, side in known.items():
        if fraction is not None and not is_float(dtype) and not (node.op == "mul" and dtype == "bool"):
            code = operand_text(node, side)
            yield Problem(
                node.source,
                f"{code} is {dtype}, which does not hold {fraction:g}: TypeError",
                f"tf.cast({code}, tf.float32)",
            )


def float_indices(loss: Loss) -> Iterator[Problem]:
    """Indices that JAX is given as floating-point numbers."""
    for node in loss.nodes:
        for name in INTEGERS_IN_JAX.get(node.op, ()):
            for given in nodes_in(node.inputs.get(name, NONE)):
                if is_cast_to_float(given) and node.framework in ("", "jax") and not node.context.tried:
                    text = operand_text(node, given)
                    yield Problem(
                        node.source,
                        f"{node.source.text} needs integers, and {text} holds floating-point numbers: TypeError",
                        f"{uncast(text)}.astype(jnp.int32)",
                    )


def is_cast_to_float(node: Node, depth: int = 6) -> bool:
    """Whether a tensor is what a cast has made floating-point numbers of, perhaps in another shape."""
    method, inner = node.inputs.get("function"), node.inputs.get("x")
    if node.op == "cast":
        return is_float(type_named(node.inputs.get("dtype")))
    if node.op == "unknown" and isinstance(method, Node) and method.op == "attribute":
        return method.name == "astype" and is_float(type_named(node.inputs.get("arg0")))
    return node.op in (*RESHAPES, "item") and isinstance(inner, Node) and depth > 0 and is_cast_to_float(inner, depth - 1)


def cast_labels(loss: Loss) -> Iterator[Problem]:
    """Labels as indices or conditions, which Keras 3 has made floating-point numbers of."""
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
