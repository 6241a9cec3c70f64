"""What a loss asks of its inputs: it raises at a point that an assertion refuses, so that such a point shows nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from losslint.facts.float32 import PRIMITIVES
from losslint.facts.gradient import GradientFacts
from losslint.facts.point import Cone, Point
from losslint.facts.variables import Variable
from losslint.graph.nodes import Node
from losslint.graph.values import Const, Value

COMPARED = {  # what an operation asserts of its x, beside its y or 0
    "assert_positive": "greater", "assert_non_negative": "greater_equal", "assert_negative": "less",
    "assert_non_positive": "less_equal", "assert_greater": "greater", "assert_greater_equal": "greater_equal",
    "assert_less": "less", "assert_less_equal": "less_equal", "assert_none_equal": "not_equal",
}  # fmt: skip


@dataclass(frozen=True)
class Requirement:
    """A comparison of two values; a condition is compared with 0."""

    test: str  # the comparison, an operation
    x: Value
    y: Value
    cone: Cone

    def holds(self, assignment: Mapping[Variable, float], beside: Mapping[Variable, float] | None) -> bool | None:
        """Whether it is met at a point; None where that is not known."""
        point = Point(self.cone, assignment, beside=beside)
        known = [self._at(side) for side in (point, point.other) if side is not None]
        return None if None in known else all(known)

    def _at(self, point: Point) -> bool | None:
        if point.opaque:
            return None
        x, y = point(self.x), point(self.y)
        return bool(PRIMITIVES[self.test].value(x, y))


class Requirements:
    """All that a graph requires."""

    def __init__(self, gradient: GradientFacts, base: Mapping[Variable, float]) -> None:
        """``base``: the plainest point; what that does not meet is about something else than these numbers."""
        found = [_requirement(gradient, node, truth) for node, truth in gradient.graph.required]
        self._all = [one for one in found if one is not None and one.holds(base, None)]

    def allow(self, assignment: Mapping[Variable, float], beside: Mapping[Variable, float] | None = None) -> bool:
        """Whether a loss gets beyond its assertions at a point, for all that is known."""
        return all(one.holds(assignment, beside) is not False for one in self._all)


def _requirement(gradient: GradientFacts, node: Node, truth: bool) -> Requirement | None:
    """What a check asks for; None for one that is about shapes, types or the like."""
    while node.op in ("python.not", "assert_true", "python.bool"):
        truth = truth is not (node.op == "python.not")
        inner = node.inputs.get("condition" if node.op == "assert_true" else "x")
        if not isinstance(inner, Node):
            return None
        node = inner
    if node.op in COMPARED and "x" in node.inputs:
        x, y = node.inputs["x"], node.inputs.get("y", Const(0.0))
        return Requirement(COMPARED[node.op], x, y, Cone.of(gradient, x, y))
    if node.family in ("assert", "scope"):
        return None
    return Requirement("not_equal" if truth else "equal", node, Const(0.0), Cone.of(gradient, node))
