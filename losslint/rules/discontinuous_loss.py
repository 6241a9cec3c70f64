"""LL113."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
            for node in loss.nodes:
                condition = node.inputs.get("condition")
                if node.op in ("where", "phi") and isinstance(condition, Node) and node.index in loss.relevant:
                    jump = jump_at(loss, value, condition)
                    if jump is not None:
                        yield self.problem(loss, node, condition, jump)

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


def jump_at(loss: Loss, result: Value, condition: Node) -> Jump | None:
    """The jump of a result where an ordered comparison of the prediction switches, None without one."""
    predictions = [n for n in loss.graph.params.values() if n.role is Role.PREDICTION]
    if condition.op not in ORDERED or len(predictions) != 1 or not loss.gradient.reach(condition):
        return None
    if not condition.inputs.keys() >= {"x", "y"}:
        return None
    cone = Cone.of(loss.gradient, result)
    variable = variable_of(predictions[0])
    assert variable is not None
    for label in LABELS:
        fixed = {
            v: label if node.role is Role.LABEL else 0.5 + node.index % 7 / 16.0
            for node in cone.nodes
            if node.op == "param" and (v := variable_of(node)) is not None
        }

        def at(x: float, fixed: dict[Variable, float] = fixed) -> Point:
            return Point(cone, {**fixed, variable: x})

        def difference(x: float, at: Callable[[float], Point] = at) -> float:
            point = at(x)
            return point(condition.inputs["x"]) - point(condition.inputs["y"])

        if at(GRID[0]).opaque:
            return None  # part of the loss has no meaning for one element
        switch = switch_point(difference)
        if switch is None:
            continue
        below, above = (at(switch + side * STEP)(result) for side in (-1, 1))
        wider = [at(switch + side * 10 * STEP)(result) for side in (-1, 1)]
        jump = above - below
        if abs(jump - (wider[1] - wider[0])) > 0.1 * abs(jump):
            continue  # a slope, or a singularity: a jump does not depend on how close one looks
        if SMALLEST_JUMP * (1.0 + abs(above) + abs(below)) < abs(jump) < math.inf:
            return Jump(predictions[0].name, switch, label, below, above)
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
