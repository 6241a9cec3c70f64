"""Which operation is to blame where a loss, or its gradient, is not finite at a point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from losslint.facts.gradient import GradientFacts
from losslint.facts.point import Point
from losslint.facts.slopes import contributions, slopes
from losslint.graph.nodes import Node, nodes_in


class Discarded(NamedTuple):
    """What does not take a value: the innermost choice, and the input of it that it leaves. None: another way."""

    by: Node | None
    side: str = ""


class Blame:
    """The operations of one result, asked at points."""

    def __init__(self, gradient: GradientFacts, result: Node, nodes: Sequence[Node]) -> None:
        self.gradient, self.result, self.nodes = gradient, result, nodes

    def culprit(self, point: Point) -> Node | None:
        """The operation that makes the result or a gradient not finite."""
        if not math.isfinite(point.values[self.result.index]):
            return self._first_bad_value(point, self.result)
        gradients = slopes(point, self.result)
        if all(math.isfinite(gradients.get(i, 0.0)) for i in self.gradient.trained):
            return None
        culprit = self.first_bad_slope(point, gradients)
        factor = next((o for _, o in culprit.operands() if not math.isfinite(point(o))), None) if culprit else None
        if culprit is not None and culprit.op in ("mul", "div", "pow") and factor is not None:
            return self._first_bad_value(point, factor)  # 0 * log(0) backwards: the log is to blame
        return culprit

    def _first_bad_value(self, point: Point, node: Node) -> Node | None:
        """The operation that makes the first non-finite value on the way to a node."""
        for _ in self.nodes:
            operands = [operand for _, operand in _value_operands(node, point)]
            divided = (o.inputs.get("y") for o in operands if o.op == "div" and point(o) == 0.0)  # by infinity, it may be
            bad = next((o for o in (*operands, *divided) if isinstance(o, Node) and not math.isfinite(point(o))), None)
            if bad is None:
                return node
            node = bad
        return None

    def taken(self, point: Point) -> set[int]:
        """The operations whose values make the result: of each ``where`` only the side that is taken."""
        taken: set[int] = set()
        stack = [self.result]
        while stack:
            node = stack.pop()
            if node.index not in taken:
                taken.add(node.index)
                stack += [operand for _, operand in _value_operands(node, point)]
        return taken

    def discarded(self, culprit: Node, point: Point) -> Discarded:
        """The choice that does not take what an operation gives at a point."""
        for node in self.nodes:
            sides = point.sides(node)
            if sides is not None and any(
                    culprit.index == n.index for o in nodes_in(node.inputs[sides[1]]) for n in self.gradient.cone(o)):
                return Discarded(node, sides[1])
        return Discarded(None)

    def first_bad_slope(self, point: Point, gradients: Mapping[int, float]) -> Node | None:
        """The operation whose backward function turns a finite upstream gradient into a non-finite one."""
        for node in reversed(self.nodes):
            dy = gradients.get(node.index)
            if dy is None or not math.isfinite(dy) or node.index in point.mended:
                continue
            for operand, gradient in contributions(point, node, dy):
                if not math.isfinite(gradient) and self.gradient.live(operand):
                    return node
        return None


def _value_operands(node: Node, point: Point) -> list[tuple[str, Node]]:
    """The operands whose values made this node's value: of ``where`` the side that was taken, of ``zeros_like`` none."""
    if node.family in ("shape", "constant"):
        return []
    sides = point.sides(node)
    return [("x", n) for n in nodes_in(node.inputs[sides[0]])] if sides is not None else list(node.operands())
