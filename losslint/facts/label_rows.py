"""Whether the rows of a tensor of labels may be taken to sum to 1: a cross-entropy of the framework takes the gradient
``softmax - labels``, which is wrong for weighted labels and masks though the value is right."""

from __future__ import annotations

from losslint.facts.constants import plain_number
from losslint.graph.nodes import Node
from losslint.graph.values import Value
from losslint.ops.moves import SAME_NUMBERS
from losslint.project.roles import Role

KEPT = (*SAME_NUMBERS, "item", "stop_gradient")


def are_one_hot(labels: Value | None) -> bool:
    """Whether labels are handed in as they are, or made of indices."""
    while isinstance(labels, Node) and labels.op in KEPT:
        labels = labels.inputs.get("x")
    return isinstance(labels, Node) and (labels.op in ("one_hot", "eye", "placeholder") or labels.role is Role.LABEL)


def sum_to_one(labels: Value | None) -> bool:
    """Whether labels are such, smoothed ones, or probabilities."""
    while isinstance(labels, Node) and labels.op in KEPT:
        labels = labels.inputs.get("x")
    return are_one_hot(labels) or (isinstance(labels, Node) and (labels.op == "softmax" or _is_smoothed(labels)))


def _is_smoothed(labels: Node) -> bool:
    """``y * (1 - eps) + eps / classes``: a share of the labels, and as much of another number."""
    operands = [labels.inputs.get(name) for name in ("x", "y")] if labels.op == "add" else []
    return any(_is_share(one) and _is_number(other) for one, other in zip(operands, reversed(operands), strict=True))


def _is_share(value: Value | None) -> bool:
    operands = [value.inputs.get(name) for name in ("x", "y")] if isinstance(value, Node) and value.op == "mul" else []
    return any(
        are_one_hot(one) and (number := plain_number(other)) is not None and 0.5 < number < 1.0
        for one, other in zip(operands, reversed(operands), strict=True))


def _is_number(value: Value | None) -> bool:
    """A number, or one that is divided by how many classes there are."""
    divided = value.inputs.get("x") if isinstance(value, Node) and value.op == "div" else value
    return plain_number(divided) is not None
