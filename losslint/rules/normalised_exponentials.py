"""Exponentials that are divided by a sum of themselves (LL302): what is taken off all exponents cancels, where a bound on
them would leave no gradient."""

from __future__ import annotations

from losslint.facts.constants import plain_number
from losslint.facts.gradient import Edge
from losslint.graph.nodes import Node
from losslint.graph.values import Const, Value
from losslint.graph.written import as_operand
from losslint.ops.moves import SAME_NUMBERS
from losslint.rules.base import Loss

PASSES = (*SAME_NUMBERS, "item", "gather", "boolean_mask", "transpose", "diagonal", "sum", "mean")
ALONG_ROWS = ("exp", "mul", "add", "div", "cast", "identity", "convert_to_tensor")  # elements stay in their rows
SMALL = 1e-2  # a number that keeps a divisor off 0


def shifted(loss: Loss, exponential: Node, exponent: str) -> str:
    """What to write for an exponential that is normalised; "" where it is used for more than such quotients."""
    scaling, holding = _followed(loss, exponential)
    quotients = [node for node in loss.nodes if node.op == "div" and node.index in loss.relevant and all(
        _is_in(node.inputs.get(name), scaling) for name in ("x", "y"))]
    if not quotients or _leaves(loss, exponential, {node.index for node in quotients}):
        return ""
    axes = {_axis([node for node in loss.gradient.cone(quotient) if node.index in holding and node is not quotient])
            for quotient in quotients}
    axis = axes.pop() if len(axes) == 1 else None
    if axis is None:  # what is far below the largest of all rows would be 0 / 0
        return "it is normalised, and a bound would leave no gradient: compute with the exponents and tf.reduce_logsumexp"
    largest = f"tf.reduce_max({exponent}, axis={axis}, keepdims=True)"
    if loss.spelling == "torch":
        largest = f"{as_operand(exponent)}.amax(dim={axis}, keepdim=True)"
    return f"it is normalised, so take the largest exponent off all of them: tf.exp({exponent} - {largest})"


def _followed(loss: Loss, exponential: Node) -> tuple[set[int], set[int]]:
    """What is twice as large where the exponential is, and all that is computed from it."""
    scaling, holding = {exponential.index}, {exponential.index}
    for node in loss.nodes[exponential.index + 1 :]:
        entering = (operand.index for _, operand, kind in loss.gradient.edges[node.index] if kind is not Edge.NO_VALUE)
        if not holding.isdisjoint(entering):
            holding.add(node.index)
            if _scales(node, scaling, holding):
                scaling.add(node.index)
    return scaling, holding


def _scales(node: Node, scaling: set[int], holding: set[int]) -> bool:
    """Whether a value is twice as large where those that scale are."""
    x, y = node.inputs.get("x"), node.inputs.get("y")
    if node.op in PASSES:
        return _is_in(x, scaling)
    if node.op == "add":
        return all(_is_in(side, scaling) or _is_small(side) for side in (x, y))
    sides = {"mul": ((x, y), (y, x)), "div": ((x, y),)}.get(node.op, ())
    return any(_is_in(one, scaling) and not _is_in(other, holding) for one, other in sides)


def _is_in(value: Value | None, nodes: set[int]) -> bool:
    return isinstance(value, Node) and value.index in nodes


def _is_small(value: Value | None) -> bool:
    number = plain_number(value)
    return number is not None and 0.0 < number < SMALL


def _leaves(loss: Loss, node: Node, quotients: set[int]) -> bool:
    """Whether a value gets into the result by another way."""
    seen, stack = set(quotients), [node]
    while stack:
        users = [user for user in loss.users(stack.pop()) if user.index in loss.relevant]
        if not users:
            return True
        stack += [user for user in users if user.index not in seen]
        seen.update(user.index for user in users)
    return False


def _axis(between: list[Node]) -> int | None:
    """The one axis that both sides are summed along; None where there are several, or elements leave their rows."""
    sums = [node for node in between if node.op == "sum"]
    given = [node.inputs.get("axis") for node in sums]
    axes = {along.value if isinstance(along, Const) else None for along in given}
    axis = axes.pop() if len(axes) == 1 else None
    kept = all(node.op in ALONG_ROWS or node in sums for node in between)
    return axis if kept and isinstance(axis, int) else None
