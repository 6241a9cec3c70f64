"""LL309."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.hazards import Hazard
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.numerics import (
    LOGS,
    NO_NAN,
    ROOTS,
    around,
    at_least,
    bound_of,
    bound_of_log,
    hazards_of,
    instead,
    is_zero,
    logarithm_of,
    misplaced_guard,
    off_zero,
    problem,
    text,
)  # fmt: skip
from losslint.rules.unguarded_log import logarithm


class MisplacedGuard(Rule):
    """A guard that comes after the operation it was meant for.

    What it does: looks at what becomes of a logarithm, root or quotient that is not finite at a plausible input, and at
    the numerator: an epsilon, a bound or ``multiply_no_nan`` there was meant to help, and cannot.

    Why it is bad: ``sqrt(x) + eps`` has the slope of ``sqrt(x)``, which is infinite at 0; ``log(0) + eps`` is -inf; a
    clip keeps NaN; ``multiply_no_nan(log(p), y)`` repairs the value, and its gradient is 0 * inf = NaN.

    Use instead: the guard inside: ``tf.sqrt(x + eps)``, ``tf.math.log(p + eps)``, ``a / (b + eps)``,
    ``tf.math.xlogy(y, p)``.

    Confirmed by: the value and gradient at that input.
    """

    code = "LL309"
    name = "misplaced-guard"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def distance_loss(y_true, y_pred):
    distance = tf.sqrt(tf.reduce_sum(tf.square(y_true - y_pred), axis=-1)) + 1e-8  # expect: LL309
    return tf.reduce_mean(distance)
""",
        """
import tensorflow as tf

def entropy_loss(y_true, y_pred):
    return -tf.reduce_mean(y_true * (tf.math.log(y_pred) + 1e-7))  # expect: LL309
""",
        """
import tensorflow as tf

def dice_loss(y_true, y_pred):
    overlap = tf.reduce_sum(y_true * y_pred)
    return 1.0 - (2.0 * overlap + 1e-6) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred))  # expect: LL309
""",
    )
    GOOD = (
        """
import tensorflow as tf

def distance_loss(y_true, y_pred):
    return tf.reduce_mean(tf.sqrt(tf.reduce_sum(tf.square(y_true - y_pred), axis=-1) + 1e-8))

def dice_loss(y_true, y_pred):
    overlap = tf.reduce_sum(y_true * y_pred)
    return 1.0 - (2.0 * overlap + 1e-6) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) + 1e-6)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for hazard in hazards_of(loss, self.code):
            guard = misplaced_guard(loss, hazard)
            if guard is not None:
                help_text = instead(loss, hazard, advice(loss, hazard, guard))
                yield problem(loss, hazard, f"{is_zero(loss, hazard)}, {why(hazard, guard)}", help_text)


def why(hazard: Hazard, guard: Node) -> str:
    """What the guard does not change."""
    op = hazard.node.op
    if guard is hazard.node.inputs.get("x"):
        return f"and the constant in {text(guard)} guards the numerator, not the divisor"
    if guard.op == "multiply_no_nan":
        return "and multiply_no_nan repairs the value only: the gradient is 0 * inf = NaN"
    if op in LOGS:
        bad = "its log -inf"
    else:
        bad = "where the slope of the root is infinite" if op in ROOTS else "and the quotient not finite"
    late = "the epsilon" if guard.op == "add" else f"the {guard.op}"
    kept = "NaN and inf stay what they are" if hazard.value else "the gradient is NaN or inf all the same"
    return f"{bad}; {late} in {text(guard)} comes too late: {kept}"


def advice(loss: Loss, hazard: Hazard, guard: Node) -> str:
    """The guard in its place."""
    op, divisor = hazard.node.op, hazard.operand
    if guard.op == "multiply_no_nan":
        return "tf.math.xlogy(y, p), whose gradient is 0 where y is"
    if op in LOGS:
        bound = bound_of_log(loss, hazard)
        return f"guard the operand: {around(loss, hazard, lambda code: logarithm(hazard.node, at_least(loss, code, bound)))}"
    if op in ROOTS or divisor is None:
        bound = bound_of(loss, divisor, "1e-12")
        return f"guard the operand: {around(loss, hazard, lambda code: at_least(loss, code, bound))}"
    no_nan = "tf.math.divide_no_nan, or " if loss.spelling in NO_NAN and logarithm_of(loss, hazard.node) is None else ""
    return f"guard the divisor: {no_nan}{off_zero(loss, hazard.node, divisor)}"
