"""LL111."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.shape import is_none
from losslint.findings import Severity
from losslint.graph.nodes import Kind, Node
from losslint.rules.base import Loss, Problem, Rule, tensor_operands

PURE_FAMILIES = ("elementwise", "reduce", "linear", "loss", "compare", "round", "sign", "index", "discrete", "image",
                 "move", "gather", "signal", "cast")  # fmt: skip
# What a module of PyTorch has as well, and changes itself by.
OF_MODULES = ("to", "type", "cpu", "cuda", "half", "float", "double", "bfloat16")
OPERATORS = ("add", "sub", "mul", "div", "pow", "neg", "matmul", "clip")


class DiscardedResult(Rule):
    """The result of a tensor operation is thrown away: the guard does nothing.

    What it does: finds expression statements inside a loss whose value is a new tensor nobody uses.

    Why it is bad: tensors do not change in place; ``tf.clip_by_value(p, eps, 1 - eps)`` on a line of its own leaves
    ``p`` as it was, and the log below still meets 0.

    Use instead: assign the result, or return it where it is the loss.

    Confirmed by: the statement can be removed without any change of value or gradient.
    """

    code = "LL111"
    name = "discarded-result"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def clipped_loss(y_true, y_pred):
    tf.clip_by_value(y_pred, 1e-7, 1.0 - 1e-7)  # expect: LL111
    return tf.reduce_mean(tf.abs(y_true - y_pred))
""",
        """
import torch
import torch.nn.functional as F

class GanLoss(torch.nn.Module):
    def forward(self, score, target, squared):
        if squared:
            F.mse_loss(score, target)  # expect: LL111
        return F.l1_loss(score, target)
""",
    )
    GOOD = (
        """
import tensorflow as tf

def checked_loss(y_true, y_pred):
    tf.debugging.assert_equal(tf.shape(y_true), tf.shape(y_pred))
    tf.print("mean", tf.reduce_mean(y_pred))
    return tf.reduce_mean(tf.abs(y_true - y_pred))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for node, source in loss.graph.statements:
            if is_pure(node) and tensor_operands(node) and node.source.node is source.node and not is_of_a_module(node):
                told = f"the result of {source.text} is thrown away"
                if node.family == "loss":
                    yield Problem(source, told, f"return it: return {source.text}")
                    continue
                operand = tensor_operands(node)[0].source.text
                yield Problem(
                    source,
                    f"{told}: tensors do not change in place",
                    f"assign it: {operand} = {source.text}" if operand.isidentifier() else "assign the result",
                )


def is_of_a_module(node: Node) -> bool:
    """``net.to(device)``, where nothing shows that what is moved is a tensor; ``z.contiguous()`` computes nothing."""
    owner, method = node.inputs.get("x"), node.name.rpartition(".")[2]
    computed = isinstance(owner, Node) and owner.framework != "python" and (
        owner.api is not None or owner.op in OPERATORS)  # not copy.deepcopy(net)
    return node.framework == "torch" and (method == "contiguous" or (method in OF_MODULES and not computed))


def is_pure(node: Node) -> bool:
    """Whether a node only computes a tensor."""
    if node.kind is not Kind.TENSOR:
        return False
    if node.api is None:
        return node.op in OPERATORS
    if node.op == "check_numerics" or "assert" in node.name:
        return False  # it works as a statement
    if "loss_collection" in dict(node.api.parameters).values() and not is_none(node.told("loss_collection")):
        return False  # TensorFlow 1 adds it to the losses that get_total_loss sums
    in_place = node.framework == "torch" and (node.name.endswith("_") or {"out", "inplace"} & node.inputs.keys())
    return node.framework in ("tensorflow", "keras", "jax", "torch") and node.family in PURE_FAMILIES and not in_place
