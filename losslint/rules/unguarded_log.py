"""LL301."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.constants import plain_number
from losslint.facts.hazards import SINGULAR_IN_Y, Hazard
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.values import Value
from losslint.graph.written import argument, in_place, replaced
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.endings import SQUASHING, ending, is_prediction
from losslint.rules.numerics import (
    around,
    at_least,
    bound_of_log,
    hazards_of,
    instead,
    is_zero,
    problem,
    text,
    written_operand,
)

PLAIN = ("log", "log2", "log10")


class UnguardedLog(Rule):
    """The logarithm of a value that can be exactly 0.

    What it does: evaluates the loss at saturated probabilities, one-hot labels and perfect predictions in float32, and
    reports a logarithm whose operand is exactly 0 there. A sigmoid is exactly 1 from 16.7 and a softmax entry is
    exactly 0 below a gap of 87, so ``log(1 - p)`` and ``log(p)`` are reached in practice.

    Why it is bad: log(0) is -inf and its slope inf; ``0 * inf`` is NaN, and NaN stays in the weights.

    Use instead: stay on the logits (``tf.nn.sigmoid_cross_entropy_with_logits``, ``tf.nn.log_softmax``), or clip:
    ``tf.math.log(tf.maximum(p, 1e-7))``.

    Confirmed by: the value and gradient at that input.
    """

    code = "LL301"
    name = "unguarded-log"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

class OpenLoss(tf.keras.losses.Loss):
    def __init__(self, from_logits):
        super().__init__()
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        if self.from_logits:
            p = tf.sigmoid(y_pred)
        else:
            p = tf.clip_by_value(y_pred, 1e-6, 1.0)
        return -tf.reduce_mean(y_true * tf.math.log(p), axis=-1)  # expect: LL301
""",
        """
import tensorflow as tf

def entropy_loss(y_true, y_pred):
    return -tf.reduce_mean(y_true * tf.math.log(y_pred), axis=-1)  # expect: LL301
""",
        """
import tensorflow as tf

def binary_loss(labels, logits):
    p = tf.sigmoid(logits)
    return -tf.reduce_mean(labels * tf.math.log_sigmoid(logits) + (1.0 - labels) * tf.math.log(1.0 - p))  # expect: LL301
""",
    )
    GOOD = (
        """
import tensorflow as tf

def clipped_loss(y_true, y_pred):
    p = tf.clip_by_value(y_pred, 1e-7, 1.0 - 1e-7)
    return -tf.reduce_mean(y_true * tf.math.log(p) + (1.0 - y_true) * tf.math.log(1.0 - p), axis=-1)

def guarded_loss(y_true, y_pred):
    return -tf.reduce_mean(tf.math.xlogy(y_true, y_pred + 1e-7) + tf.math.log(tf.square(y_pred) + 1.0))

def whole_loss(y_true, y_pred):
    p = tf.concat([1.0 - y_pred, y_pred], axis=-1)
    return tf.reduce_mean(tf.square(y_true - y_pred)) - tf.reduce_mean(tf.math.log(tf.reduce_sum(p, axis=-1)))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for hazard in hazards_of(loss, self.code):
            yield problem(
                loss,
                hazard,
                f"{is_zero(loss, hazard)}: its log is -inf, and NaN reaches the "
                "weights",
                instead(loss, hazard, guarded(loss, hazard)),
            )


def guarded(loss: Loss, hazard: Hazard) -> str:
    """The guard to write; a quotient is taken apart, as its divisor may be 0 too."""
    operand, bound = hazard.operand, bound_of_log(loss, hazard)
    if apart := taken_apart(loss, hazard.node, operand, bound):
        return apart
    guard = around(loss, hazard, lambda code: logarithm(hazard.node, at_least(loss, code, bound)))
    return f"{guard}, or compute the loss from logits" if is_probability(loss, operand) else guard


def taken_apart(loss: Loss, log: Node, quotient: Node | None, bound: str) -> str:
    """The logarithm of a quotient as a difference of two, each kept above 0; "" for that of anything else."""
    parts = [operand for _, operand in quotient.operands()] if quotient is not None and quotient.op == "div" else []
    if quotient is None or len(parts) != 2 or log.op not in PLAIN or log.inputs.get("x") is not quotient:
        return ""
    codes = [written_operand(quotient, part, too_long=letter) for part, letter in zip(parts, "ab", strict=True)]
    long = [f"{code} = {text(part)}" for part, code, letter in zip(parts, codes, "ab", strict=True) if code == letter]
    above, below = (code if loss.is_positive(part) else at_least(loss, code, bound)
                    for part, code in zip(parts, codes, strict=True))
    told = f" (with {', '.join(long)})" if long else ""
    return f"write {in_place(log.source, f'{logarithm(log, above)} - {logarithm(log, below)}')} for {text(log)}{told}"


def logarithm(node: Node, code: str) -> str:
    """The same kind of logarithm of other code; that alone where its place is not known."""
    part = argument(node, "y" if node.op in SINGULAR_IN_Y else "x")
    if node.op == "log":
        return f"tf.math.log({code})"
    return replaced(node.source, part, code) if part is not None else code


def is_probability(loss: Loss, value: Value | None, depth: int = 4) -> bool:
    """Whether a value is what a model gives as a probability, or differs from that by numbers."""
    if not isinstance(value, Node) or not depth or not loss.gradient.live(value):
        return False
    if value.op in ("sub", "add", "maximum"):
        sides = [value.inputs.get(name) for name in ("x", "y")]
        return any(plain_number(one) is not None and is_probability(loss, other, depth - 1)
                   for one, other in zip(sides, reversed(sides), strict=True))
    known = ending(loss, value)
    return known[1] in SQUASHING if known is not None else is_prediction(value)
