"""LL302."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.hazards import Hazard
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.ops.moves import SAME_NUMBERS
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.normalised_exponentials import shifted
from losslint.rules.numerics import (
    around,
    at_most,
    hazards_of,
    instead,
    operand_of,
    point_of,
    problem,
    stable_form,
    text,
)

LIMITS = {"exp": ("88.7", "11.1"), "cosh": ("89.4", "11.8"), "sinh": ("89.4", "11.8")}  # in float32 and float16


class ExpOverflow(Rule):
    """An exponential overflows: exp passes the largest float32 at 88.7 (float16: 11.1).

    What it does: evaluates the loss with logits of magnitude 100, and labels and predictions that are some hundreds apart
    where their difference is the exponent. A warning where a label enters the exponent (an unscaled target is enough) or
    where an exact stable form exists; an info for the exp of one output.

    Why it is bad: inf in the loss, ``0 * inf`` or ``inf - inf`` = NaN in the gradient.

    Use instead: ``tf.math.softplus`` for log(1 + exp(x)), ``tf.reduce_logsumexp``, ``tf.nn.softmax``; take the largest
    exponent off where the exponentials are normalised, else bound it, ``tf.exp(tf.minimum(x, 20.0))``.

    Confirmed by: the value and gradient at that input.
    """

    code = "LL302"
    name = "exp-overflow"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def growth_loss(y_true, y_pred):
    return tf.reduce_mean(tf.exp(tf.abs(y_true - y_pred)))  # expect: LL302
""",
        """
import tensorflow as tf

def softplus_loss(labels, logits):
    return tf.reduce_mean(tf.math.log(1.0 + tf.exp(logits)) - labels * logits)  # expect: LL302
""",
        """
import tensorflow as tf

def linex_loss(y_true, y_pred, slope=0.8):
    error = y_true - y_pred
    return tf.reduce_mean(tf.exp(slope * error) - slope * error - 1.0, axis=-1)  # expect: LL302
""",
    )
    GOOD = (
        """
import tensorflow as tf

def stable_loss(labels, logits):
    return tf.reduce_mean(tf.maximum(logits, 0.0) - labels * logits + tf.math.log1p(tf.exp(-tf.abs(logits))))
""",
        """
import tensorflow as tf

def linex_loss(y_true, y_pred, slope=0.8):
    error = tf.minimum(slope * (y_true - y_pred), 20.0)
    return tf.reduce_mean(tf.exp(error) - error - 1.0, axis=-1)

def remaining_life_loss(y_true, y_pred):
    late = y_pred - y_true
    return tf.reduce_mean(tf.where(late < 0.0, tf.exp(-late / 13.0), tf.exp(late / 10.0)) - 1.0)

def welsch_loss(y_true, y_pred):
    return 1.0 - tf.reduce_mean(tf.exp(-0.5 * tf.square(y_true - y_pred)))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for hazard in hazards_of(loss, self.code):
            single, half = LIMITS.get(hazard.node.op, LIMITS["exp"])
            limit = f"{half} in float16" if loss.is_half(hazard.operand) else single
            yield problem(
                loss,
                hazard,
                f"{text(hazard.node)} overflows to inf as soon as {operand_of(hazard)} passes {limit} "
                f"({point_of(loss, hazard)})",
                mended(loss, hazard, bounded(loss, hazard)),
            )


def bounded(loss: Loss, hazard: Hazard) -> str:
    """The exponential with a bound; one that is normalised would lose its gradient by that."""

    def form(code: str) -> str:
        normalised = shifted(loss, hazard.node, code) if hazard.node.op == "exp" else ""
        return normalised or f"bound the exponent: tf.exp({at_most(loss, code, '20.0')})"

    return around(loss, hazard, form)


def mended(loss: Loss, hazard: Hazard, bound: str) -> str:
    """The stable form, and the bound for what is used outside of it too."""
    form, advice = stable_form(loss, hazard), instead(loss, hazard, bound)
    if form is None:
        return advice
    parts = [loss.nodes[index] for index in form.nodes if hazard.node.index <= index != form.root.index]
    inside = form.nodes | {move.node.index for move in form.moves}
    return f"{advice}; elsewhere {bound}" if any(_leaves(loss, part, inside) for part in parts) else advice


def _leaves(loss: Loss, node: Node, nodes: frozenset[int]) -> bool:
    """Whether a value is used outside of some operations."""
    return any(
        _leaves(loss, user, nodes) if user.op in SAME_NUMBERS else user.index in loss.relevant
        for user in loss.users(node) if user.index not in nodes)
