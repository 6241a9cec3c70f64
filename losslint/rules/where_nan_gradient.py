"""LL305."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Severity
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.numerics import code_of, hazards_of, point_of, problem, text


class WhereNanGradient(Rule):
    """``tf.where`` hides a singular value, but not its gradient.

    What it does: finds branches of ``where`` whose operation is singular at an input for which the other branch is taken.

    Why it is bad: the gradient flows back through both branches; the one that was not taken gets 0, and ``0 * inf`` is
    NaN. Replacing NaN afterwards repairs the value only.

    Use instead: guard the input as well, the double where:
    ``safe = tf.where(ok, x, 1.0)`` and ``tf.where(ok, tf.math.log(safe), 0.0)``.

    Confirmed by: the gradient at that input.
    """

    code = "LL305"
    name = "where-nan-gradient"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def log_loss(y_true, y_pred):
    safe = tf.where(y_pred > 0.0, tf.math.log(y_pred), 0.0)  # expect: LL305
    return tf.reduce_mean(tf.square(y_true - safe))
""",
    )
    GOOD = (
        """
import tensorflow as tf

def log_loss(y_true, y_pred):
    positive = y_pred > 0.0
    safe = tf.where(positive, y_pred, tf.ones_like(y_pred))
    return tf.reduce_mean(tf.square(y_true - tf.where(positive, tf.math.log(safe), tf.zeros_like(safe))))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for hazard in hazards_of(loss, self.code):
            yield problem(
                loss,
                hazard,
                f"where does not take {text(hazard.node)} for {point_of(loss, hazard)}, but its gradient flows back all "
                "the same: 0 * inf = NaN",
                f"guard the input too: safe = tf.where(condition, {code_of(hazard)}, 1.0), and use safe inside",
            )
