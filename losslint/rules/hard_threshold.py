"""LL106."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.gradient import Cause
from losslint.rules.base import Loss, Problem, Rule

BITS = ("logical_and", "logical_or", "logical_xor", "logical_not")  # written &, |, ^ and ~


class HardThreshold(Rule):
    """The loss sees the prediction only through a comparison: accuracy, hard F1 or hard IoU as a loss.

    What it does: finds comparisons whose result is cast to numbers, averaged or used in ``where`` with constants, when
    no other path carries a gradient. Masks and branch selectors beside such a path are fine.

    Why it is bad: a step has slope 0 everywhere, and TensorFlow gives None: ``No gradients provided for any variable``.

    Use instead: ``tf.sigmoid(k * (x - t))`` with k around 10, or the soft version (soft Dice, soft F1, cross-entropy);
    keep the hard version in ``metrics=``.

    Confirmed by: running the loss under ``tf.GradientTape`` (gradient None).
    """

    code = "LL106"
    name = "hard-threshold"
    BAD = (
        """
import tensorflow as tf

def hard_dice_loss(y_true, y_pred):
    mask = tf.cast(y_pred > 0.5, tf.float32)  # expect: LL106
    return 1.0 - 2.0 * tf.reduce_sum(mask * y_true) / (tf.reduce_sum(mask) + tf.reduce_sum(y_true) + 1.0)
""",
        """
import tensorflow as tf

def miss_loss(y_true, y_pred):
    return tf.reduce_mean(tf.where(tf.abs(y_true - y_pred) < 0.1, 0.0, 1.0))  # expect: LL106
""",
    )
    GOOD = (
        """
import tensorflow as tf

def selector_loss(y_true, y_pred):
    e = tf.abs(y_true - y_pred)
    small = tf.cast(e < 1.0, tf.float32)
    return tf.reduce_mean(small * 0.5 * e**2 + (1.0 - small) * (e - 0.5))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for cut in loss.cuts_by(Cause.COMPARE):
            root = loss.root_of(cut.operand)
            what = "is a step: its slope is 0 everywhere"
            if loss.site.framework == "torch" and cut.node.op in BITS and cut.node.api is None:
                what = "takes booleans or integers (PyTorch refuses floating-point numbers), which have no gradient"
            yield Problem(
                cut.node.source,
                f"{cut.node.source.text} {what}, and it is the only path from {root} to the loss, so training gets no "
                "gradient",
                "use a soft threshold, tf.sigmoid(10.0 * (x - t)), or the soft form of the loss; keep the hard one in "
                "metrics=",
                loss.doubt(cut),
            )
