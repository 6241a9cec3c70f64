"""LL306."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.constants import plain_number
from losslint.facts.hazards import Hazard, pole_of
from losslint.findings import Severity
from losslint.graph.source import MAX_QUOTED
from losslint.graph.written import argument, one_line
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.numerics import (
    INVERSES,
    around,
    at_least,
    bound_of_log,
    hazards_of,
    inside,
    operand_of,
    point_of,
    problem,
    with_name,
)


class IneffectiveEpsilon(Rule):
    """An epsilon that is lost to rounding: the guard is there and guards nothing.

    What it does: evaluates the loss in float32 (where ``1 - 1e-8`` is 1), and once more as graph mode folds it: Grappler,
    XLA and jax.jit turn ``1 - p + eps`` into ``(1 + eps) - p``, whatever the brackets, and that is ``1 - p`` for eps
    below 6e-8.

    Why it is bad: log(0). With folding, eager runs do not show it; ``fit`` gives -inf.

    Use instead: ``tf.maximum(1.0 - p, 1e-7)``, which is not folded; epsilons of 1e-7 or more beside 1 in float32.

    Confirmed by: the value in a ``tf.function``.
    """

    code = "LL306"
    name = "ineffective-epsilon"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def folded_loss(y_true, y_pred):
    off = tf.math.log(1.0 - y_pred + 1e-10)  # expect: LL306
    return -tf.reduce_mean((1.0 - y_true) * off)
""",
        """
import tensorflow as tf

def rounded_loss(y_true, y_pred):
    p = tf.clip_by_value(y_pred, 1e-8, 1.0 - 1e-8)
    return -tf.reduce_mean((1.0 - y_true) * tf.math.log(1.0 - p))  # expect: LL306
""",
        """
import tensorflow as tf

def correlation_loss(y_true, y_pred, eps=1e-9):
    z = tf.atanh(tf.clip_by_value(y_pred, -1.0 + eps, 1.0 - eps))  # expect: LL306
    return tf.reduce_mean(tf.square(tf.atanh(0.9 * y_true) - z), axis=-1)

model = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="tanh")])
model.compile("adam", loss=correlation_loss)
""",
    )
    GOOD = (
        """
import tensorflow as tf

def exact_loss(y_true, y_pred):
    p = tf.clip_by_value(tf.cast(tf.sigmoid(y_pred), tf.float64), 1e-12, 1.0 - 1e-12)
    return -tf.reduce_mean((1.0 - tf.cast(y_true, tf.float64)) * tf.math.log(1.0 - p))
""",
        """
import tensorflow as tf

def guarded_loss(y_true, y_pred):
    on = tf.math.log(y_pred + 1e-10)
    off = tf.math.log(tf.maximum(1.0 - y_pred, 1e-10))
    return -tf.reduce_mean(y_true * on + (1.0 - y_true) * off)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for hazard in hazards_of(loss, self.code):
            operand, point, pole = operand_of(hazard), point_of(loss, hazard), f"{pole_of(hazard.node.op):g}"
            if hazard.node.op in INVERSES:
                message = (
                    f"the epsilon of {operand} is lost to float32 rounding: it is {hazard.operand_value:g} for {point}, "
                    f"where the slope of {hazard.node.op} is infinite"
                )
                yield problem(loss, hazard, message, f"write {inside(loss, hazard)}")
                continue
            if hazard.graph_only:
                mode = "under jax.jit" if loss.spelling == "jax" else "in graph mode (fit, tf.function, a session)"
                message = (
                    f"{mode} the constants of {operand} are folded and the epsilon is rounded "
                    f"away: it is exactly {pole} for {point}, and its log -inf; eager runs do not show it"
                )
            else:
                message = f"the epsilon of {operand} is lost to float32 rounding: it is {pole} for {point}, and its log -inf"
            yield problem(loss, hazard, message, f"write {guarded(loss, hazard)}")


def guarded(loss: Loss, hazard: Hazard) -> str:
    """The operand with a bound, less an epsilon that is added to it there."""

    def form(code: str) -> str:
        return f"{at_least(loss, code, bound_of_log(loss, hazard))}, or use an epsilon of 1e-7 or more"

    operand = hazard.operand
    if operand is not None and operand.op == "add" and any(
            argument(hazard.node, name) is operand.source.node for name, _ in hazard.node.operands()):
        for name, other in (("x", "y"), ("y", "x")):
            number, rest = plain_number(operand.inputs.get(name)), argument(operand, other)
            if number is not None and 0.0 < number < 1e-3 and rest is not None:
                return with_name(loss, one_line(operand.source, rest), MAX_QUOTED, form)
    return around(loss, hazard, form)
