"""LL303."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.hazards import Hazard
from losslint.findings import Severity
from losslint.graph.written import argument, as_operand, in_place, one_line
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.numerics import (
    UNDER_XLA,
    around,
    at_least,
    bound_of,
    hazards_of,
    instead,
    is_zero,
    operand_of,
    problem,
)


class InfiniteGradientAtZero(Rule):
    """The slope of a root, norm, standard deviation or fractional power is infinite at 0, and 0 is reached.

    What it does: evaluates the loss at perfect predictions, equal embeddings and saturated probabilities, forwards and
    backwards as TensorFlow does it.

    Why it is bad: the loss is finite, so nothing shows; the gradient is inf or, after ``0 * inf``, NaN: one perfectly
    predicted row turns every weight into NaN.

    Use instead: a guard INSIDE: ``tf.sqrt(tf.maximum(s, 1e-12))`` or ``tf.sqrt(s + 1e-12)``; a guard outside
    (``sqrt(s) + eps``) repairs nothing.

    Confirmed by: the gradient at that input.
    """

    code = "LL303"
    name = "infinite-gradient-at-zero"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def distances_loss(y_true, y_pred):
    squares = tf.reduce_sum(tf.square(y_pred), axis=1, keepdims=True)
    between = squares - 2.0 * tf.matmul(y_pred, y_pred, transpose_b=True) + tf.transpose(squares)
    return tf.reduce_mean(tf.abs(tf.sqrt(tf.nn.relu(between)) - y_true))  # expect: LL303
""",
        """
import tensorflow as tf

def rmse_loss(y_true, y_pred):
    return tf.sqrt(tf.reduce_mean(tf.square(y_true - y_pred)))  # expect: LL303
""",
        """
import tensorflow as tf

def distance_loss(y_true, y_pred):
    return tf.reduce_mean(tf.norm(y_true - y_pred, axis=-1)) + 1e-6  # expect: LL303
""",
    )
    GOOD = (
        """
import tensorflow as tf

def spread_loss(y_true, y_pred):
    squares = tf.reduce_sum(tf.square(y_pred[:, None, :] - y_pred[None, :, :]), axis=-1)
    itself = tf.eye(tf.shape(y_pred)[0], dtype=tf.bool)
    return -tf.reduce_mean(tf.sqrt(tf.where(itself, 1.0, squares)))

def bond_loss(places, neighbours):
    itself = tf.equal(neighbours, tf.range(tf.shape(places)[0])[:, None])
    squares = tf.reduce_sum(tf.square(places[:, None, :] - tf.gather(places, neighbours)), axis=-1)
    return tf.reduce_mean(tf.square(tf.sqrt(tf.where(itself, 1.0, squares)) - 1.0))
""",
        """
import tensorflow as tf

def rmse_loss(y_true, y_pred):
    return tf.sqrt(tf.reduce_mean(tf.square(y_true - y_pred)) + 1e-12)

def focal_loss(y_true, y_pred):
    p = tf.clip_by_value(y_pred, 1e-7, 1.0 - 1e-7)
    return -tf.reduce_mean(tf.pow(1.0 - p, 2.0) * y_true * tf.math.log(p))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for hazard in hazards_of(loss, self.code):
            node = hazard.node
            if node.op == "std":
                yield problem(
                    loss,
                    hazard,
                    f"{operand_of(hazard)} may be constant along the axis: its standard deviation is 0, where the slope "
                    "is infinite; the loss looks fine, its gradient is NaN",
                    instead(loss, hazard, "take the root of the variance plus a constant"),
                )
                continue
            what, seen = (node.op, "is not finite") if hazard.value else (f"the slope of {node.op}", "looks fine")
            yield problem(
                loss,
                hazard,
                f"{what} is infinite at 0, and {is_zero(loss, hazard)}: "
                f"the loss {seen}, its gradient is NaN{UNDER_XLA if hazard.xla_only else ' or inf'}",
                instead(loss, hazard, guarded(loss, hazard)),
            )


def guarded(loss: Loss, hazard: Hazard) -> str:
    """The guard where there is no stable form to write."""
    node, bound = hazard.node, bound_of(loss, hazard.operand)
    if node.op in ("norm", "euclidean_norm"):
        return "write the norm out, with a constant under its root"
    exponent = argument(node, "y")
    power = one_line(node.source, exponent) if exponent is not None else ""

    def form(code: str) -> str:
        base = at_least(loss, code, bound)
        return in_place(node.source, f"{base} ** {as_operand(power)}") if power else base

    return f"keep the base away from 0: {around(loss, hazard, form)}"
