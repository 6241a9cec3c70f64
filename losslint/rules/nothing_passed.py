"""Gradient functions that return 0, or nothing, whatever arrives."""

from __future__ import annotations

from losslint.graph.nodes import CustomGradient, Node, is_same
from losslint.graph.values import Const, Seq, Value
from losslint.ops.moves import UNCHANGED


def is_nothing(gradients: Value) -> bool:
    """Whether gradients are 0 whatever arrives, or None."""
    if isinstance(gradients, Seq):
        return not gradients.open and all(map(is_nothing, gradients.items))
    if isinstance(gradients, Const):
        return gradients.value is None or gradients.value == 0
    if not isinstance(gradients, Node):
        return False
    if gradients.op == "mul":
        return any(map(is_nothing, gradients.inputs.values()))
    return gradients.op in ("zeros", "zeros_like")


def is_stop(custom: CustomGradient) -> bool:
    """Whether a function returns what it is given, and no gradient: that is meant."""
    value = custom.value
    while isinstance(value, Node) and value.op in UNCHANGED:
        value = value.inputs.get("x")
    return value is not None and any(is_same(value, given) for given in custom.given) and is_nothing(custom.gradients)
