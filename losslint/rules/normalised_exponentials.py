"""Exponentials that are divided by a sum of themselves (LL302): what is taken off all exponents cancels, where a bound on
them would leave no gradient."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.constants import plain_number
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
    quotients = [node for node in loss.nodes if node.op == "div" and node.index in loss.relevant and all(
        _scales(loss, node.inputs.get(name), exponential) for name in ("x", "y"))]
    if not quotients or _leaves(loss, exponential, {node.index for node in quotients}):
        return ""
    axes = {_axis(loss, quotient, exponential) for quotient in quotients}
    axis = axes.pop() if len(axes) == 1 else None
    if axis is None:  # what is far below the largest of all rows would be 0 / 0
        return "it is normalised, and a bound would leave no gradient: compute with the exponents and tf.reduce_logsumexp"
    largest = f"tf.reduce_max({exponent}, axis={axis}, keepdims=True)"
    if loss.spelling == "torch":
        largest = f"{as_operand(exponent)}.amax(dim={axis}, keepdim=True)"
    return f"it is normalised, so take the largest exponent off all of them: tf.exp({exponent} - {largest})"


def _scales(loss: Loss, value: Value | None, exponential: Node) -> bool:
    """Whether a value is twice as large where the exponential is."""
    if value is exponential or not isinstance(value, Node):
        return value is exponential
    x, y = value.inputs.get("x"), value.inputs.get("y")
    if value.op in PASSES:
        return _scales(loss, x, exponential)
    if value.op == "add":
        return all(_scales(loss, side, exponential) or _is_small(side) for side in (x, y))
    if value.op in ("mul", "div"):
        sides = ((x, y), (y, x)) if value.op == "mul" else ((x, y),)
        return any(_scales(loss, one, exponential) and not _holds(loss, other, exponential) for one, other in sides)
    return False


def _is_small(value: Value | None) -> bool:
    number = plain_number(value)
    return number is not None and 0.0 < number < SMALL


def _holds(loss: Loss, value: Value | None, exponential: Node) -> bool:
    return isinstance(value, Node) and exponential in loss.gradient.cone(value)


def _leaves(loss: Loss, node: Node, quotients: set[int]) -> bool:
    """Whether a value gets into the result by another way."""
    users = [user for user in loss.users(node) if user.index in loss.relevant]
    return not users or any(user.index not in quotients and _leaves(loss, user, quotients) for user in users)


def _axis(loss: Loss, quotient: Node, exponential: Node) -> int | None:
    """The one axis that both sides are summed along; None where there are several, or elements leave their rows."""
    between = [node for node in _between(loss, quotient, exponential) if node is not quotient]
    sums = [node for node in between if node.op == "sum"]
    given = [node.inputs.get("axis") for node in sums]
    axes = {along.value if isinstance(along, Const) else None for along in given}
    axis = axes.pop() if len(axes) == 1 else None
    kept = all(node.op in ALONG_ROWS or node in sums for node in between)
    return axis if kept and isinstance(axis, int) else None


def _between(loss: Loss, quotient: Node, exponential: Node) -> Iterator[Node]:
    return (node for node in loss.gradient.cone(quotient) if _holds(loss, node, exponential))
