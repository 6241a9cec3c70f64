"""LL113."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from losslint.facts.point import Cone, Point
from losslint.facts.switch import GRID, switch_point
from losslint.facts.variables import Variable, variable_of
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.values import Const, Value
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule

ORDERED = ("greater", "greater_equal", "less", "less_equal")
LABELS = (0.37, -0.81, 1.43)  # label values at which the loss is looked at
STEP = 1e-4  # well above the resolution of float32
SMALLEST_JUMP = 1e-3


class DiscontinuousLoss(Rule):
    """The loss jumps where a condition on the prediction switches.

    What it does: finds ``where`` and ``if`` on a threshold of the prediction, locates the switch numerically and
    compares the loss on both sides of it. Huber, hinge and guards agree there and are fine; so are masks of labels.

    Why it is bad: ``tf.where(y_pred > t, y_true - y_pred, 0.)`` has a gradient, contrary to folklore, but it is exactly
    0 for every prediction on the constant side: such a sample can never be corrected. A jump between two other
    branches is an info: the optimiser does not see it.

    Use instead: a weight that fades, ``w = tf.sigmoid(k * (x - t))`` and ``w * above + (1 - w) * below``, or branches that
    meet at the switch.

    Confirmed by: the measured jump.
    """

    code = "LL113"
    name = "discontinuous-loss"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def one_sided_loss(y_true, y_pred):
    error = tf.where(y_pred > 0.5, y_true - y_pred, 0.0)  # expect: LL113
    return tf.reduce_mean(tf.square(error))
""",
    )
    GOOD = (
        """
import tensorflow as tf

def huber_loss(y_true, y_pred, delta=1.0):
    e = tf.abs(y_true - y_pred)
    return tf.reduce_mean(tf.where(e <= delta, 0.5 * e**2, delta * (e - 0.5 * delta)))

def asymmetric_loss(y_true, y_pred):
    e = y_true - y_pred
    return tf.reduce_mean(tf.where(e > 0.0, 3.0, 1.0) * tf.square(e))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for value, _ in loss.results:
            if not loss.gradient.live(value):
                continue
            switches = [*switching(loss)]
            known = [line for line in lines(loss, value) if not line.at(GRID[0]).opaque] if switches else []
            for node, condition in switches:
                jump = next(filter(None, (jump_at(loss, line, value, condition) for line in known)), None)
                if jump is not None:
                    problem = self.problem(loss, node, condition, jump)
                    yield replace(problem, related=(condition.source,), example=jump.example)

    def problem(self, loss: Loss, node: Node, condition: Node, jump: Jump) -> Problem:
        constant_sides = sum(not loss.gradient.reach(node.inputs[side]) for side in ("x", "y"))
        one_sided = constant_sides == 1 and compares_the_prediction(loss, condition)
        text = condition.source.text
        where = f"at {jump.name} = {jump.at:.3g} it jumps from {jump.below:.3g} to {jump.above:.3g}"
        if one_sided:
            return Problem(
                node.source,
                f"the loss switches on {text}: {where} (y_true = {jump.label:g}), and on the constant side its gradient is "
                "exactly 0, so such a prediction is never corrected",
                "blend the two sides instead of switching: w = tf.sigmoid(10.0 * (x - threshold)), and "
                "w * above + (1.0 - w) * below",
                Severity.WARNING,
            )
        return Problem(
            node.source,
            f"the loss is not continuous where {text} switches: {where}",
            "let the branches meet at the switch, as the Huber loss does",
            Severity.INFO,
        )


@dataclass(frozen=True)
class Jump:
    """A jump of the loss: where, with which label, and the loss on both sides."""

    name: str
    at: float
    label: float
    below: float
    above: float
    labels: tuple[str, ...]

    @property
    def example(self) -> tuple[tuple[str, float], ...]:
        """The arguments, and what all of each holds at the jump."""
        return ((self.name, self.at), *((name, self.label) for name in self.labels))


class Line:
    """A result along the values of its prediction, with labels that stay as they are."""

    def __init__(self, cone: Cone, prediction: str, variable: Variable, label: float) -> None:
        self.cone, self.prediction, self.variable, self.label = cone, prediction, variable, label
        self.fixed = {
            v: label if node.role is Role.LABEL else 0.5 + node.index % 7 / 16.0
            for node in cone.nodes
            if node.op == "param" and (v := variable_of(node)) is not None
        }

    def at(self, x: float, cone: Cone | None = None) -> Point:
        return Point(cone or self.cone, {**self.fixed, self.variable: x})

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.cone.nodes if node.op == "param" and node.role is Role.LABEL)

    @cached_property
    def points(self) -> list[tuple[float, Point]]:
        """The grid, evaluated once for all conditions."""
        return [(x, self.at(x)) for x in GRID]


def lines(loss: Loss, result: Value) -> list[Line]:
    """A result of one prediction along its values, with some labels."""
    predictions = [n for n in loss.graph.params.values() if n.role is Role.PREDICTION]
    variable = variable_of(predictions[0]) if len(predictions) == 1 else None
    cone = Cone.of(loss.gradient, result)
    return [Line(cone, predictions[0].name, variable, label) for label in LABELS] if variable is not None else []


def switching(loss: Loss) -> Iterator[tuple[Node, Node]]:
    """The choices between two values that an ordered comparison of a prediction makes, and the comparison."""
    for node in loss.nodes:
        condition = node.inputs.get("condition")
        if (node.op in ("where", "phi") and node.index in loss.relevant and isinstance(condition, Node)
                and condition.op in ORDERED and condition.inputs.keys() >= {"x", "y"} and loss.gradient.reach(condition)):
            yield node, condition


def jump_at(loss: Loss, line: Line, result: Value, condition: Node) -> Jump | None:
    """The jump of a result where an ordered comparison switches, None without one."""
    x, y = condition.inputs["x"], condition.inputs["y"]
    around = Cone.of(loss.gradient, condition)

    def difference(point: Point) -> float:
        return point(x) - point(y)

    along = ((at, difference(point)) for at, point in line.points)
    switch = switch_point(along, lambda at: difference(line.at(at, around)))
    if switch is None:
        return None
    below, above = (line.at(switch + side * STEP)(result) for side in (-1, 1))
    wider = [line.at(switch + side * 10 * STEP)(result) for side in (-1, 1)]
    jump = above - below
    if abs(jump - (wider[1] - wider[0])) > 0.1 * abs(jump):
        return None  # a slope, or a singularity: a jump does not depend on how close one looks
    if SMALLEST_JUMP * (1.0 + abs(above) + abs(below)) < abs(jump) < math.inf:
        return Jump(line.prediction, switch, line.label, below, above, line.labels)
    return None


def compares_the_prediction(loss: Loss, condition: Node) -> bool:
    """Whether the prediction itself, not something computed from it, is compared with a fixed threshold."""
    for side, other in (("x", "y"), ("y", "x")):
        value, threshold = condition.inputs[side], condition.inputs[other]
        if isinstance(value, Node) and value.op == "item":
            value = value.inputs["x"]
        fixed = isinstance(threshold, Const) or (
            isinstance(threshold, Node) and threshold.op in ("constant", "param") and threshold.role is not Role.LABEL
        )
        if isinstance(value, Node) and value.role is Role.PREDICTION and fixed:
            return True
    return False
