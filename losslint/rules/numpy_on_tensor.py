"""LL101."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.gradient import KEEPS_TAPE, Cause
from losslint.findings import Severity
from losslint.graph.nodes import Kind, Node, nodes_in
from losslint.graph.values import NONE
from losslint.rules.base import (
    Loss,
    Problem,
    Rule,
    framework_name,
    is_traced,
    tensor_operands,
    twin,
    where_it_raises,
)

CONVERSIONS = ("np.float16", "np.float32", "np.float64", "np.int32", "np.int64", "np.bool_")
DISPATCHED_BY_JAX = ("np.mean", "np.sum", "np.prod", "np.max", "np.min", "np.std", "np.var", "np.any", "np.all",
                     "np.cumsum", "np.argmax", "np.argmin", "np.reshape", "np.transpose")  # fmt: skip
ONLY_READS_SHAPE = ("np.shape", "np.ndim", "np.isscalar", "np.iterable", "np.result_type")


class NumpyOnTensor(Rule):
    """A NumPy function is called on a tensor, or a tensor is written into a NumPy array.

    What it does: finds NumPy calls that a tensor enters inside a loss. NumPy on constants, configuration and shapes
    is fine, and so is a NumPy array as the operand of a tensor operation.

    Why it is bad: while a graph is traced (Keras ``fit``, ``tf.function``) the tensor has no values yet, and the call
    raises ``NotImplementedError: Cannot convert a symbolic tf.Tensor to a numpy array``. In eager code it runs, but the
    result is a plain array that the gradient tape has never seen: ``No gradients provided for any variable``.

    Use instead: the TensorFlow or ``keras.ops`` function of the same meaning.

    Confirmed by: running the loss under ``tf.GradientTape`` (gradient None) and tracing it (raises).
    """

    code = "LL101"
    name = "numpy-on-tensor"
    BAD = (
        """
import numpy as np
import tensorflow as tf

def rmsle_loss(y_true, y_pred):
    gap = np.log1p(y_pred) - tf.math.log1p(y_true)  # expect: LL101
    return tf.reduce_mean(tf.square(gap))
""",
        """
import numpy as np
import tensorflow as tf

def weighted_loss(y_true, y_pred):
    share = np.mean(y_true)  # expect: LL101
    return tf.reduce_mean(tf.square(y_true - y_pred)) * share
""",
    )
    GOOD = (
        """
import numpy as np
import tensorflow as tf

PRIOR = np.array([0.2, 0.8])

def gaussian_nll_loss(y_true, y_pred):
    n = np.prod(y_pred.shape[1:])
    return tf.reduce_mean(0.5 * np.log(2.0 * np.pi) + PRIOR * tf.square(y_true - y_pred)[:, np.newaxis]) / n
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        cut = {c.node.index for c in loss.cuts_by(Cause.NUMPY)}
        for node in loss.nodes:
            if not is_numpy(node) or not tensor_operands(node):
                continue
            if is_indexed_array(node) and not loss.site.is_function:
                continue  # of a script: what it passes to a tf.function is a tensor there
            severity = loss.graph_severity(node)
            if loss.site.framework == "jax":
                if node.name not in DISPATCHED_BY_JAX and is_traced(loss, node):
                    yield Problem(
                        node.source,
                        f"{node.source.text} needs the values of a traced array: jax.grad and jax.jit raise "
                        "TracerArrayConversionError",
                        self.advice(loss, node),
                    )
                continue
            if node.index in cut:
                yield self.problem(loss, node, "no gradient reaches " + loss.root_of(tensor_operands(node)[0]))
            elif severity is not None:
                yield Problem(
                    node.source,
                    f"{node.source.text} needs the values of a tensor: {where_it_raises(loss, node)} raises "
                    "NotImplementedError while tracing",
                    self.advice(loss, node),
                    severity,
                )

    def problem(self, loss: Loss, node: Node, effect: str) -> Problem:
        raises = loss.graph_severity(node) is not None
        message = f"{node.source.text} leaves {framework_name(loss)}, so {effect}"
        if raises:
            message += f"; {where_it_raises(loss, node)} raises NotImplementedError before that"
        return Problem(node.source, message, self.advice(loss, node), None if loss.site.certain else Severity.WARNING)

    def advice(self, loss: Loss, node: Node) -> str:
        if node.op == "numpy.set_item":
            return "collect the tensors in a list and use tf.stack, or tf.tensor_scatter_nd_update"
        if is_indexed_array(node):
            return "use tf.gather(tf.constant(array), indices)"
        if node.family == "dtype" or node.op == "cast" or node.name in CONVERSIONS:
            return f"use tf.cast(t, tf.{node.name.rpartition('.')[2]})"
        replacement = twin(loss, node)
        return f"use {replacement}" if replacement else "use TensorFlow or keras.ops functions on tensors"


def is_numpy(node: Node) -> bool:
    """Whether a node is NumPy's doing."""
    if node.op == "numpy.set_item" or is_indexed_array(node):
        return True
    return (
        node.framework == "numpy"
        and node.name not in ONLY_READS_SHAPE
        and (node.api is None or node.api.note != KEEPS_TAPE)
    )


def is_indexed_array(node: Node) -> bool:
    """Whether an array is indexed by a tensor, whose values NumPy asks for."""
    array, index = node.inputs.get("x"), node.inputs.get("index")
    return node.op == "item" and isinstance(array, Node) and array.kind is Kind.ARRAY and any(
        part.kind is Kind.TENSOR for part in nodes_in(index or NONE))
