"""Numbers that are known while the graph is built, and what graph mode does with them."""

from __future__ import annotations

from typing import NamedTuple

from losslint.graph.nodes import Node, carrier
from losslint.graph.values import Const, Seq, Value
from losslint.ops.moves import MAKES_TENSOR


def plain_number(value: Value | None) -> float | None:
    """A number that is known while the graph is built, through ``tf.constant`` and casts."""
    if isinstance(value, Const) and isinstance(value.value, (int, float)) and not isinstance(value.value, bool):
        return float(value.value)
    if isinstance(value, Node) and value.op in MAKES_TENSOR:
        return plain_number(carrier(value))
    return None


def is_unknown(value: Value | None) -> bool:
    """A configured number that the code does not show: ``1 - CLIP``, with ``CLIP`` from a package."""
    return not isinstance(value, (Node, Const, Seq))


class Folding(NamedTuple):
    """``(c1 +- x) +- c2`` as graph mode computes it: the constants, each with its sign, are added first."""

    first: float
    last: float
    sign: float  # of x
    x: Value


def folding(node: Node) -> Folding | None:
    """What graph mode makes of a sum with two constants; None for another node, and in PyTorch."""
    if node.op not in ("add", "sub") or node.framework == "torch":
        return None
    for outer, inner in (("y", "x"), ("x", "y")):
        last, nested = plain_number(node.inputs.get(outer)), node.inputs.get(inner)
        if last is None or not isinstance(nested, Node) or nested.op not in ("add", "sub"):
            continue
        of_last = -1.0 if node.op == "sub" and outer == "y" else 1.0
        flip = -1.0 if node.op == "sub" and inner == "y" else 1.0  # last - (..)
        for side, other in (("x", "y"), ("y", "x")):
            first, x = plain_number(nested.inputs.get(side)), nested.inputs.get(other)
            if first is not None and x is not None and plain_number(x) is None:
                of_first = -1.0 if nested.op == "sub" and side == "y" else 1.0
                of_x = -1.0 if nested.op == "sub" and side == "x" else 1.0
                return Folding(flip * of_first * first, of_last * last, flip * of_x, x)
    return None
