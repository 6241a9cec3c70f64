"""The loss at one point, backwards: what each operation passes back, as the registered gradients compute it."""

from __future__ import annotations

import math

from losslint.facts.float32 import NAN, SAFE_IN_TORCH, SELECTS, SHORT_CIRCUITS, div
from losslint.facts.point import JOINS, Point
from losslint.facts.step import Step
from losslint.graph.nodes import Node, carrier, nodes_in
from losslint.graph.values import NONE

NO_GRADIENT = frozenset(
    [
        "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_not",
        "all", "any", "is_nan", "is_finite", "is_inf", "round", "floor", "ceil", "zeros_like", "ones_like", "stop_gradient",
    ]
)  # fmt: skip


def slopes(point: Point, result: Node) -> dict[int, float]:
    """The derivative of ``result`` with respect to each node of the cone, as the registered gradients compute it."""
    upstream: dict[int, float] = {result.index: 1.0}
    for node in reversed(point.cone.nodes):
        dy = upstream.get(node.index)
        if dy is None:
            continue
        for operand, gradient in contributions(point, node, dy):
            if node.index in point.mended and not math.isfinite(gradient):
                gradient = dy
            upstream[operand.index] = upstream.get(operand.index, 0.0) + gradient
    return upstream


def contributions(point: Point, node: Node, dy: float) -> list[tuple[Node, float]]:
    """What a node passes back to each operand that is a node."""
    op, inputs, step = node.op, node.inputs, point.cone.steps[node.index]
    if (
        node.context.no_grad
        or node.framework in ("numpy", "python")
        or op.startswith(("python.f", "python.i", "python.n"))
    ):
        return []
    if node.index in point.empty:
        return []
    if (sides := point.sides(node)) is not None:
        # a branch that Python or tf.cond does not take is not run, and has no gradient
        shares = zip(sides, (dy, 0.0) if op != "phi" else (dy,), strict=False)
        return [(value, share) for name, share in shares if isinstance(value := inputs[name], Node)]
    if op in NO_GRADIENT:
        return []
    if op == "clip":
        x = inputs.get("x")
        if not isinstance(x, Node):
            return []
        inside = point(x) == point.values[node.index]
        return [(x, dy if inside else 0.0)]
    if op == "cast" and node.dtype in ("int", "bool"):
        return []
    if op == "gradient":
        return [(n, dy) for n in nodes_in(inputs.get("x", NONE))]
    if op == "custom_gradient":  # takes the place of what the value's own operations would pass back
        return [(operand, dy) for name, operand in node.operands() if name != "value"]
    if any(index in point.empty for index in step.sources) and op not in JOINS:
        return [(operand, 0.0) for _, operand in node.operands()]  # this element is not among the selected ones
    if point.other is not None and op in ("max", "min") and point.values[node.index] != point(carrier(node)):
        return [(n, 0.0) for n in nodes_in(carrier(node) or NONE)]  # the other one is chosen
    if step.primitive is not None:
        arguments = point.arguments(step)
        if step.framework == "torch" and op in SAFE_IN_TORCH and (
                point.values[node.index] == 0.0 if len(arguments) == 1 else not any(arguments)):
            return []
        multiplies = point.xla or step.framework in ("torch", "jax")
        if multiplies and op in SELECTS and not arguments[0] > 0.0:
            return [(o, 0.0) for _, o in node.operands()]
        if multiplies and op in SHORT_CIRCUITS and dy == 0.0:
            parts = tuple(0.0 * part for part in _slopes(point, step, arguments, 1.0))
        else:
            parts = _slopes(point, step, arguments, dy)
        return [
            (operand, step.round(part)) for name, part in zip(step.names, parts, strict=False)
            if isinstance(operand := inputs[name], Node) and not point.is_across(step, name)
        ]
    if op in JOINS:
        items = point.joined(step)
        share = dy if op == "add_n" else div(dy, float(max(len(items), 1)))
        return [(v, share) for v in items if isinstance(v, Node)]
    if step.passes_on or step.is_difference or node.index in point.opaque:
        return [(n, dy) for n in nodes_in(step.passed or NONE)][:1]
    return []


def _slopes(point: Point, step: Step, arguments: list[float], dy: float) -> tuple[float, ...]:
    """What a scalar operation passes back to its operands."""
    assert step.primitive is not None
    try:
        return step.primitive.backward(arguments, point.values[step.index], dy)
    except (ArithmeticError, ValueError):
        return (NAN,) * len(arguments)
