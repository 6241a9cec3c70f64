"""LL310."""

from __future__ import annotations

import math
from collections.abc import Iterator

from losslint.facts.constants import plain_number
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.values import Value
from losslint.graph.written import number_text
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.numerics import LOGS, effect, hazards_of, is_zero, problem

SMALLEST = 2.0**-25  # half of the smallest float16 number above 0: what is not larger is rounded to 0
OVERFLOWS = 1.0 / 65504.0  # the slope of log and of a division is infinite below
INSTEAD = "compute the loss in float32, or guard with 1e-3 or more, and a divisor with 1e-2 or more"
STEEP = 1e-5  # an operand at which the slope of log is infinite
GUARDS = ("add", "sub", "maximum")
LARGEST = 65520.0  # what is not smaller is inf in float16


class HalfPrecision(Rule):
    """A small constant is 0 in float16, a large one is inf.

    What it does: follows casts to float16 and looks at the constants that guard a logarithm, a root or a divisor there,
    and at those that something is multiplied by.

    Why it is bad: the smallest positive float16 is 6e-8, so ``x + 1e-8`` guards nothing: 0 / 0 is NaN, log(0) is -inf.
    The largest is 65504, so ``(1 - mask) * -1e9`` is 0 * -inf = NaN wherever the mask is 1.

    Use instead: compute the loss in float32, ``tf.cast(y_pred, tf.float32)``, or guard with 1e-3 and more (1 - 1e-4 is 1).

    Confirmed by: the loss at a prediction of 0.
    """

    code = "LL310"
    name = "half-precision"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def short_loss(y_true, y_pred):
    p = tf.clip_by_value(tf.cast(tf.sigmoid(y_pred), tf.float16), 1e-4, 1.0 - 1e-4)
    return -tf.reduce_mean((1.0 - tf.cast(y_true, tf.float16)) * tf.math.log(1.0 - p))  # expect: LL310
""",
        """
import tensorflow as tf

def half_dice_loss(y_true, y_pred):
    p = tf.cast(y_pred, tf.float16)
    t = tf.cast(y_true, tf.float16)
    return 1.0 - tf.reduce_sum(t * p) / (tf.reduce_sum(t) + tf.reduce_sum(p) + 1e-8)  # expect: LL310
""",
        """
import tensorflow as tf

def half_log_loss(y_true, y_pred):
    p = tf.cast(y_pred, tf.float16)
    return -tf.reduce_mean(tf.cast(y_true, tf.float16) * tf.math.log(p + 1e-6))  # expect: LL310
""",
    )
    GOOD = (
        """
import tensorflow as tf

def masked_loss(y_true, y_pred):
    logits, mask = tf.cast(y_pred, tf.float16), tf.cast(y_true > 0, tf.float16)
    logits += (1.0 - mask) * -6e4
    return tf.reduce_mean(tf.cast(tf.reduce_logsumexp(logits, axis=-1), tf.float32))
""",
        """
import tensorflow as tf

def dice_loss(y_true, y_pred):
    p = tf.cast(tf.cast(y_pred, tf.float16), tf.float32)
    return 1.0 - tf.reduce_sum(y_true * p) / (tf.reduce_sum(y_true) + tf.reduce_sum(p) + 1e-8)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        yield from too_large(loss)
        told = list(too_small(loss))
        yield from (found for _, found in told)
        for hazard in hazards_of(loss, self.code):
            behind = {node.index for node in loss.gradient.cone(hazard.operand)} if hazard.operand is not None else set()
            if behind.isdisjoint(index for index, _ in told):
                message = f"{is_zero(loss, hazard)}: the guard in it is lost to float16 rounding, and {effect(hazard)}"
                yield problem(loss, hazard, message, INSTEAD)


def too_large(loss: Loss) -> Iterator[Problem]:
    """Products with a constant that a float16 does not hold; PyTorch multiplies by it in float32."""
    if any(node.framework == "torch" for node in loss.nodes):
        return
    for node in loss.nodes:
        if node.op != "mul" or node.index not in loss.relevant:
            continue
        for name, other in (("x", "y"), ("y", "x")):
            number, product = plain_number(node.inputs.get(name)), node.inputs.get(other)
            if number is not None and abs(number) >= LARGEST and isinstance(product, Node) and loss.is_half(product):
                infinite = "inf" if number > 0.0 else "-inf"
                yield Problem(
                    node.source,
                    f"{number_text(number)} is {infinite} in float16 (the largest number is 65504), and 0 * {infinite} is "
                    f"NaN: {node.source.text} is never a number where it should be 0",
                    f"write {number_text(math.copysign(6e4, number))}, or compute the loss in float32",
                )


def too_small(loss: Loss) -> Iterator[tuple[int, Problem]]:
    """The guards that a float16 does not hold, or whose inverse it does not hold."""
    for node in loss.nodes:
        if node.index not in loss.relevant or not loss.gradient.reach(node):
            continue
        for name, other in (("x", "y"), ("y", "x"), ("low", "x")):
            number, guarded = plain_number(node.inputs.get(name)), node.inputs.get(other)
            fits = node.op in GUARDS if name != "low" else node.op == "clip"
            if not fits or number is None or not 0.0 < number < OVERFLOWS or not loss.is_half(guarded):
                continue
            singular = next((user for user in loss.users(node) if user.op in LOGS or (user.inputs.get("y") is node
                             and user.op == "div")), None)
            if number <= SMALLEST:
                yield node.index, Problem(
                    node.source,
                    f"{number_text(number)} is 0 in float16 (the smallest number above is 6e-8): {node.source.text} guards "
                    "nothing",
                    INSTEAD,
                )
            elif singular is not None:
                yield node.index, Problem(
                    node.source,
                    f"{number_text(number)} is too small a guard in float16: the slope of {singular.source.text} is "
                    f"{steepest(node, number, guarded)}, which is inf above 65504",
                    INSTEAD,
                )


def steepest(guard: Node, number: float, guarded: Value | None) -> str:
    """The slope behind a guard, and where it is that steep: a bound has none where it holds."""
    if guard.op in ("add", "sub"):
        return f"1 / {number_text(number)} at 0"
    at, operand = number_text(max(number, STEEP)), guarded.source.text if isinstance(guarded, Node) else "its operand"
    return f"1 / {at} where {operand} is {at}"
