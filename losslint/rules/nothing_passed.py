"""Gradient functions that return 0, or nothing, whatever arrives."""

from __future__ import annotations

from losslint.graph.nodes import CustomGradient, Node, is_same
from losslint.graph.values import Const, Seq, Value
from losslint.ops.moves import UNCHANGED


def gives_nothing(custom: CustomGradient) -> bool:
    """Whether the gradients of a function are 0 whatever arrives, or None."""
    return is_nothing(custom.gradients, custom.upstream.index)


def is_nothing(gradients: Value, since: int) -> bool:
    """Whether gradients are 0 or None. Zeros that were made before node ``since`` may be filled by now."""
    if isinstance(gradients, Seq):
        return not gradients.open and all(is_nothing(one, since) for one in gradients.items)
    if isinstance(gradients, Const):
        return gradients.value is None or gradients.value == 0
    if not isinstance(gradients, Node):
        return False
    if gradients.op == "mul":
        return any(is_nothing(factor, since) for factor in gradients.inputs.values())
    return gradients.op in ("zeros", "zeros_like") and gradients.index > since and "empty" not in gradients.name


def is_stop(custom: CustomGradient) -> bool:
    """Whether a function returns what it is given, and no gradient: that is meant."""
    value = custom.value
    while isinstance(value, Node) and value.op in UNCHANGED:
        value = value.inputs.get("x")
    return value is not None and any(is_same(value, given) for given in custom.given) and gives_nothing(custom)
