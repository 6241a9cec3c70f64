"""LL307."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Severity
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.numerics import hazards_of, point_of, problem, text


class OutsideDomain(Rule):
    """acos, asin, atanh or acosh at the edge of its domain.

    What it does: evaluates the loss at aligned and opposite vectors: a cosine of exactly 1.

    Why it is bad: the slope is infinite at the edge. Clipping to [-1, 1] keeps the edge and repairs nothing.

    Use instead: clip to the inside, ``tf.clip_by_value(c, -1.0 + 1e-6, 1.0 - 1e-6)``, or ``tf.atan2``.

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
    )
    GOOD = (
        """
import tensorflow as tf

def angle_loss(y_true, y_pred):
    cosine = tf.clip_by_value(y_true * y_pred, -1.0 + 1e-6, 1.0 - 1e-6)
    return tf.reduce_mean(tf.acos(cosine))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for hazard in hazards_of(loss, self.code):
            yield problem(
                loss,
                hazard,
                f"{text(hazard.operand)} is {hazard.operand_value:g} for {point_of(loss, hazard)}: the slope of "
                f"{hazard.node.op} is infinite there",
                "clip to the inside of the domain: tf.clip_by_value(c, -1.0 + 1e-6, 1.0 - 1e-6)",
            )
