"""Labels that may be NaN, because the loss itself tests for it, and where their NaN gets into value or gradient all the
same: ``where`` and masks put a 0 there, and ``0 * NaN`` is NaN, forwards as well as backwards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from losslint.facts.float32 import NAN
from losslint.facts.hazards import HazardFacts
from losslint.facts.point import Point
from losslint.facts.slopes import slopes
from losslint.graph.nodes import Node


@dataclass(frozen=True)
class Poisoned:
    """An operation that a masked NaN goes through."""

    node: Node
    label: Node
    value: bool  # the loss itself is NaN, not only its gradient


def poisoned(facts: HazardFacts) -> Iterator[Poisoned]:
    """The first such operation for each label that is tested."""
    for variable in facts.inputs.may_be_nan:
        point = Point(facts.cone, facts.inputs.base | {variable: NAN})
        label = facts.gradient.graph.nodes[variable[0]]
        if not math.isfinite(point(facts.result)):
            node = next((n for n in facts.nodes if _is_masked(n, point) and facts.gradient.live(n)), None)
            if node is not None:
                yield Poisoned(node, label, value=True)
            continue
        gradients = slopes(point, facts.result)
        if not all(math.isfinite(gradients.get(i, 0.0)) for i in facts.gradient.trained):
            culprit = facts.blame.first_bad_slope(point, gradients)
            if culprit is not None:
                yield Poisoned(culprit, label, value=False)


def _is_masked(node: Node, point: Point) -> bool:
    """``NaN * 0``."""
    operands = [point(node.inputs[name]) for name in ("x", "y") if name in node.inputs]
    return node.op == "mul" and len(operands) == 2 and 0.0 in operands and any(math.isnan(x) for x in operands)
