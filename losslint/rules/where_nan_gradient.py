"""LL305."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.nan_labels import poisoned
from losslint.findings import Severity
from losslint.ops.table import preferred
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.numerics import UNDER_XLA, code_of, hazards_of, point_of, problem, text


class WhereNanGradient(Rule):
    """``tf.where`` hides a singular value, but not its gradient.

    What it does: finds branches of ``where`` whose operation is singular at an input for which the other branch is taken,
    and labels that the loss takes for NaN in places, masked only after they were computed with.

    Why it is bad: the gradient flows back through both branches; the one that was not taken gets 0, and ``0 * inf`` is
    NaN, as ``0 * NaN`` is. Replacing NaN afterwards repairs the value only.

    Use instead: guard the input as well, the double where:
    ``safe = tf.where(ok, x, 1.0)`` and ``tf.where(ok, tf.math.log(safe), 0.0)``. Labels are replaced first:
    ``y_true = tf.where(known, y_true, 0.0)``.

    Confirmed by: the gradient at that input.
    """

    code = "LL305"
    name = "where-nan-gradient"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def positive_loss(y_true, y_pred):
    p = tf.nn.relu(y_pred)
    return -tf.reduce_mean(tf.where(p > 0.0, y_true * tf.math.log(p), 0.0))  # expect: LL305
""",
        """
import tensorflow as tf

def log_loss(y_true, y_pred):
    safe = tf.where(y_pred > 0.0, tf.math.log(y_pred), 0.0)  # expect: LL305
    return tf.reduce_mean(tf.square(y_true - safe))
""",
        """
import tensorflow as tf

def masked_mse(y_true, y_pred):
    error = tf.square(y_true - y_pred)  # expect: LL305
    return tf.reduce_mean(tf.where(tf.math.is_nan(y_true), 0.0, error))
""",
        """
import tensorflow as tf

def masked_mae(y_true, y_pred):
    known = tf.cast(tf.math.is_finite(y_true), tf.float32)
    return tf.reduce_sum(known * tf.abs(y_true - y_pred)) / (tf.reduce_sum(known) + 1.0)  # expect: LL305
""",
        """
import tensorflow as tf

def bell_loss(y_true, y_pred):
    radius = tf.abs(y_pred)
    bell = tf.sqrt(1.0 - radius / 0.5)  # expect: LL305
    return tf.reduce_mean(tf.square(tf.where(radius < 0.5, y_pred * bell, tf.zeros_like(bell)) - y_true))
""",
    )
    GOOD = (
        """
import tensorflow as tf

def rim_loss(y_true, y_pred):
    radius = tf.abs(y_pred)
    bell = tf.sqrt(1.0 - tf.minimum(radius / 0.5, 0.999))
    return tf.reduce_mean(tf.square(tf.where(radius < 0.5, y_pred * bell, 0.02 * y_pred) - y_true))
""",
        """
import tensorflow as tf

def log_loss(y_true, y_pred):
    positive = y_pred > 0.0
    safe = tf.where(positive, y_pred, tf.ones_like(y_pred))
    return tf.reduce_mean(tf.square(y_true - tf.where(positive, tf.math.log(safe), tf.zeros_like(safe))))
""",
        """
import tensorflow as tf

def masked_mse(y_true, y_pred):
    missing = tf.math.is_nan(y_true)
    error = tf.square(tf.where(missing, 0.0, y_true) - y_pred)
    return tf.reduce_mean(tf.where(missing, 0.0, error))
""",
        """
import tensorflow as tf

def masked_mse(y_true, y_pred):
    known = tf.math.logical_not(tf.math.is_nan(y_true))
    return tf.reduce_sum(tf.square(tf.boolean_mask(y_true, known) - tf.boolean_mask(y_pred, known)))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for hazard in hazards_of(loss, self.code):
            yield problem(
                loss,
                hazard,
                f"where does not take {text(hazard.node)} for {point_of(loss, hazard)}, but its gradient flows back all "
                f"the same: 0 * inf = NaN{UNDER_XLA if hazard.xla_only else ''}",
                f"guard the input too: safe = tf.where(condition, {code_of(hazard)}, 1.0), and use safe inside",
            )
        for facts in loss.evaluated:
            for found in poisoned(facts):
                label = found.label.name
                effect = "and the loss is NaN" if found.value else "and so is the gradient of every weight"
                yield Problem(
                    found.node.source,
                    f"{label} is NaN in places, as the loss itself expects; masking {text(found.node)} comes too late: "
                    f"0 * NaN is NaN, {effect}",
                    f"replace the missing labels first: {label} = {where_of(loss)}(missing, 0.0, {label}), and then mask",
                    related=(found.label.source,),
                )


def where_of(loss: Loss) -> str:
    return preferred(loss.spelling, "where") or "where"
