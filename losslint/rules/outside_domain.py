"""LL307."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.hazards import GAMMAS, Hazard, pole_of
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.values import Const
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.numerics import (
    around,
    at_least,
    bound_of,
    bound_of_log,
    effect,
    hazards_of,
    inside,
    operand_of,
    place_of,
    point_of,
    problem,
)

APART = "replace one side where both are 0: tf.atan2(y, tf.where((x == 0) & (y == 0), 1.0, x))"
POSITIVE = ("log", "log2", "log10", "log1p", "sqrt", "rsqrt", "pow", "xlogy", "xlog1py")


class OutsideDomain(Rule):
    """acos at the edge of its domain, lgamma at its pole, atan2 of two zeros, or the log of a negative number.

    What it does: evaluates the loss at aligned and opposite vectors (a cosine of exactly 1), and at negative outputs of a
    model whose last layer of the same file has no activation.

    Why it is bad: the slope is infinite at the edge, and clipping to [-1, 1] keeps the edge; lgamma and digamma of a relu
    that gives 0 are infinite or NaN, and so is the log of a negative number.

    Use instead: clip to the inside, ``tf.clip_by_value(c, -1.0 + 1e-6, 1.0 - 1e-6)``, or ``tf.atan2``; a concentration is
    ``tf.nn.softplus(z) + 1e-6``.

    Confirmed by: the gradient at that input.
    """

    code = "LL307"
    name = "outside-domain"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def angle_loss(y_true, y_pred):
    cosine = tf.clip_by_value(y_true * y_pred, -1.0, 1.0)
    return tf.reduce_mean(tf.acos(cosine))  # expect: LL307
""",
        """
import tensorflow as tf

def relative_loss(y_true, y_pred):
    ratio = tf.math.log(y_pred + 1.0) - tf.math.log(y_true + 1.0)  # expect: LL307
    return tf.reduce_mean(tf.square(ratio))

model = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(1)])
model.compile(loss=relative_loss)
""",
        """
import tensorflow as tf

def heading_loss(y_true, y_pred):
    angle = y_true[:, 0]
    known = tf.cast(angle >= 0.0, tf.float32)
    x, y = known * y_pred[:, 0], known * y_pred[:, 1]
    return tf.reduce_mean(known * tf.square(tf.atan2(y, x) - angle))  # expect: LL307
""",
    )
    GOOD = (
        """
import tensorflow as tf

def root_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - tf.sqrt(y_pred + 1e-6)), axis=-1)

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss="mse")
""",
        """
import tensorflow as tf

def heading_loss(y_true, y_pred):
    difference = y_true - y_pred
    return tf.reduce_mean(tf.square(tf.atan2(tf.sin(difference), tf.cos(difference))))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for hazard in hazards_of(loss, self.code):
            at = place_of(loss, hazard) or f"for {point_of(loss, hazard)}"
            where = f"{operand_of(hazard)} is {hazard.operand_value:g} {at}"
            if hazard.node.op in POSITIVE:
                guard = f"guard it: {kept_above(loss, hazard, bound_of_log(loss, hazard))}"
                below, end = ("number below -1", "above -1") if pole_of(hazard.node.op) else ("negative number", "positive")
                keeps = f"end the model in an activation that keeps it {end} (softplus, sigmoid), or "
                yield problem(
                    loss,
                    hazard,
                    f"{where}, and {hazard.node.op} of a {below} is NaN",
                    guard if hazard.opposed is not None or falls(hazard.operand) else keeps + guard,
                )
                continue
            if hazard.node.op == "atan2":
                yield problem(loss, hazard, f"{where}, as is the other side: the slope of atan2 is 0 / 0 there", APART)
                continue
            if hazard.node.op in GAMMAS:
                bound = kept_above(loss, hazard, bound_of(loss, hazard.operand, "1e-6"))
                yield problem(loss, hazard, f"{where}: {hazard.node.op} has a pole at 0, and {effect(hazard)}",
                              f"keep its argument above 0: {bound}")
                continue
            beyond = hazard.node.op != "acosh" and abs(hazard.operand_value) > 1.0
            subject = hazard.node.op if hazard.value else f"the slope of {hazard.node.op}"
            bad = f"{hazard.node.op} is NaN beyond 1" if beyond else f"{subject} is infinite there"
            yield problem(loss, hazard, f"{where}: {bad}", f"clip to the inside of the domain: {inside(loss, hazard)}")


def kept_above(loss: Loss, hazard: Hazard, bound: str) -> str:
    return around(loss, hazard, lambda code: at_least(loss, code, bound))


def falls(operand: Node | None) -> bool:
    """Whether an operand is ``-x`` or ``1 - x``, which no activation of the model keeps positive."""
    return operand is not None and (
        operand.op == "neg" or (operand.op == "sub" and isinstance(operand.inputs.get("x"), Const)))
