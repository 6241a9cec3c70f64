"""LL304."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from losslint.facts.hazards import Hazard
from losslint.facts.step import averages
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.ops.moves import SAME_NUMBERS
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.numerics import (
    NO_NAN,
    ROOTS,
    at_least,
    code_of,
    hazards_of,
    instead,
    is_zero,
    point_of,
    problem,
    text,
)  # fmt: skip

MASKED_MEAN = "use tf.math.divide_no_nan(tf.reduce_sum(mask * x), tf.reduce_sum(mask))"
INSTEAD_OF_MEAN = {
    "torch": "use (mask * x).sum() / mask.sum().clamp(min=1)",
    "jax": "use jnp.sum(mask * x) / jnp.maximum(jnp.sum(mask), 1)",
}


class DivisionByZero(Rule):
    """A divisor can be exactly 0: an empty mask, no positives, a constant row, an all-zero prediction.

    What it does: evaluates the loss at such inputs. A divisor that depends on labels alone is a contract of the data and
    reported as an info.

    Why it is bad: 0 / 0 is NaN, and NaN stays in the weights.

    Use instead: ``tf.math.divide_no_nan(a, b)``, ``a / tf.maximum(b, 1.0)`` for counts, or a smoothing constant in
    numerator AND denominator.

    Confirmed by: the value and gradient at that input.
    """

    code = "LL304"
    name = "division-by-zero"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def dice_loss(y_true, y_pred):
    overlap = tf.reduce_sum(y_true * y_pred)
    return 1.0 - 2.0 * overlap / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred))  # expect: LL304
""",
        """
import tensorflow as tf

def foreground_loss(y_true, y_pred):
    error = tf.boolean_mask(tf.abs(y_true - y_pred), y_true > 0.5)
    return tf.reduce_mean(error)  # expect: LL304
""",
        """
import torch
import torch.nn.functional as F

def sparse_depth_loss(pred, target):
    valid = target > 0
    return F.l1_loss(pred[valid], target[valid])  # expect: LL304
""",
        """
import torch

def sparse_depth_loss(pred, target):
    valid = target > 0
    return torch.abs(pred[valid] - target[valid]).mean()  # expect: LL304
""",
    )
    GOOD = (
        """
import torch
import torch.nn.functional as F

def sparse_depth_loss(pred, target):
    valid = target > 0
    if not valid.any():
        return pred.sum() * 0.0
    return F.l1_loss(pred[valid], target[valid])

def summed_loss(pred, target):
    valid = target > 0
    return torch.abs(pred[valid] - target[valid]).sum() / valid.sum().clamp(min=1)
""",
        """
import tensorflow as tf

def dice_loss(y_true, y_pred, smooth=1.0):
    overlap = tf.reduce_sum(y_true * y_pred)
    return 1.0 - (2.0 * overlap + smooth) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) + smooth)

def masked_loss(y_true, y_pred):
    mask = tf.cast(y_true > 0.5, y_pred.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(mask * tf.abs(y_true - y_pred)), tf.reduce_sum(mask))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for hazard in hazards_of(loss, self.code):
            if hazard.node.op == "mean" or averages(hazard.node):
                yield problem(
                    loss,
                    hazard,
                    f"{text(hazard.node)} is the mean of an empty selection for {point_of(loss, hazard)}: 0 / 0 = NaN",
                    INSTEAD_OF_MEAN.get(loss.site.framework, MASKED_MEAN),
                )
                continue
            yield problem(
                loss, hazard, f"the divisor {is_zero(loss, hazard)}", instead(loss, hazard, guarded(loss, hazard))
            )


def guarded(loss: Loss, hazard: Hazard) -> str:
    """The bound to write: under the roots of a divisor, as at 0 their slope is infinite too."""
    roots = [form for root in roots_in(hazard.operand) if (form := guarded_root(loss, root))]
    if roots:
        return f"guard what is under the root: {', and '.join(dict.fromkeys(roots))}"
    guard = at_least(loss, code_of(hazard), "1e-7")
    if loss.spelling in NO_NAN:
        guard = f"tf.math.divide_no_nan, or {guard}"
    return f"use {guard}; for counts {at_least(loss, 'n', '1.0')}"


def roots_in(divisor: Node | None) -> Iterator[Node]:
    """The roots whose product a divisor is, wherever their values were moved."""
    if divisor is None:
        return
    if divisor.op in ROOTS:
        yield divisor
    elif divisor.op in ("mul", "item") or divisor.family == "move" or divisor.op in SAME_NUMBERS:
        for _, operand in divisor.operands():
            yield from roots_in(operand)


def guarded_root(loss: Loss, root: Node) -> str:
    """A root that keeps away from 0, far enough that what is divided by it has a slope of 1000 at most."""
    form = next((m for m in loss.terms if m.root is root and not m.rewrite.exact and len(m.nodes) == 1), None)
    if form is None or not loss.gradient.live(root):
        return ""
    return f"{replace(form, epsilon=1e-6).form(loss.spelling)} for {text(root)}"
