"""LL206."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.graph.indexing import may_be_several
from losslint.graph.nodes import Kind, Node
from losslint.graph.values import Const
from losslint.rules.base import Loss, Problem, Rule, tensor_operands


class ItemAssignment(Rule):
    """NumPy habits that a tensor does not have: ``t[i] = x``, ``t.mean()``, ``t.T``, ``t.reshape(..)``, ``t.astype(..)``.

    What it does: finds item assignment to tensors and methods that ``tf.Tensor`` lacks.

    Why it is bad: they raise in every mode: ``'Tensor' object does not support item assignment``,
    ``'Tensor' object has no attribute 'mean'``.

    Use instead: ``tf.where`` or ``tf.tensor_scatter_nd_update``; ``tf.reduce_mean``, ``tf.transpose``, ``tf.reshape``,
    ``tf.cast``.

    Confirmed by: running the loss (raises).
    """

    code = "LL206"
    name = "item-assignment"
    BAD = (
        """
import tensorflow as tf

def padded_loss(y_true, y_pred):
    error = tf.abs(y_true - y_pred)
    error[:, 0] = 0.0  # expect: LL206
    return error.mean()  # expect: LL206
""",
    )
    GOOD = (
        """
import tensorflow as tf

def padded_loss(y_true, y_pred):
    parts = [tf.abs(y_true - y_pred), tf.square(y_true - y_pred)]
    parts[0] = parts[0] * 0.5
    return tf.add_n(parts)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if loss.site.framework == "torch":
            return
        if loss.site.framework == "jax":
            yield from self.assigned_arrays(loss)
            return
        for node in loss.nodes:
            if node.op == "python.set_item" and getattr(node.inputs.get("x"), "kind", None) is Kind.TENSOR:
                yield Problem(
                    node.source,
                    f"{node.source.text} is assigned to, but a tensor cannot be changed in place: TypeError",
                    "use tf.where(mask, new, old), or tf.tensor_scatter_nd_update",
                )
            elif is_missing_method(node):
                method = node.name.rpartition(".")[2]
                instead = (
                    node.api.note if node.api is not None and node.api.note else "use the tf function of that name"
                )
                yield Problem(
                    node.source,
                    f"{node.source.text}: a tensor has no .{method}: AttributeError",
                    f"use {instead}" if instead.startswith("tf.") else instead,
                )


    def assigned_arrays(self, loss: Loss) -> Iterator[Problem]:
        """Arrays of JAX that are written to; a NumPy array of labels may be."""
        for node in loss.nodes:
            if node.op == "python.set_item" and any(loss.gradient.reach(o) for o in tensor_operands(node)[:1]):
                yield Problem(
                    node.source,
                    f"{node.source.text} is assigned to, but a JAX array cannot be changed in place: TypeError",
                    "use x = x.at[index].set(value)",
                )


def is_missing_method(node: Node) -> bool:
    """Whether a method is called that NumPy arrays have and tensors have not, on what is certainly one tensor.

    Not ``copy``: what is copied is a dict more often than an array.
    """
    method = node.family == "missing" and node.name.startswith("tf.Tensor.") and not node.name.endswith(".copy")
    return method and any(is_tensor(operand) for operand in tensor_operands(node)[:1])


def is_tensor(node: Node) -> bool:
    """Whether a node is certainly a tensor: a model may return several things, and a distribution among them."""
    while node.op in ("item", "identity") and isinstance(inner := node.inputs.get("x"), Node):
        if node.op == "item" and may_be_several(inner):
            return not isinstance(node.inputs.get("index"), Const)
        node = inner
    return not may_be_several(node)
