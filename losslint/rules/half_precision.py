"""LL310."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.point import plain_number
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.values import Const, External, Value
from losslint.project import names
from losslint.rules.base import Loss, Problem, Rule

SMALLEST = 2.0**-25  # half of the smallest float16 number above 0: what is not larger is rounded to 0
HALF = ("float16", "half")
GUARDS = ("add", "sub", "maximum")
KEEPS_DTYPE = names.words(
    "add sub mul div neg abs square pow sqrt exp log sigmoid softmax tanh relu maximum minimum clip sum mean max min "
    "prod reshape squeeze expand_dims identity item where stop_gradient transpose boolean_mask gather squared_difference",
)


class HalfPrecision(Rule):
    """A small constant is 0 in float16.

    What it does: follows casts to float16 and looks at the constants that guard a logarithm, a root or a divisor there.

    Why it is bad: the smallest positive float16 is 6e-8, so ``x + 1e-8`` guards nothing: 0 / 0 is NaN, log(0) is -inf.

    Use instead: compute the loss in float32, ``tf.cast(y_pred, tf.float32)``, or guard with 1e-4 and more.

    Confirmed by: the loss at a prediction of 0.
    """

    code = "LL310"
    name = "half-precision"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def half_dice_loss(y_true, y_pred):
    p = tf.cast(y_pred, tf.float16)
    t = tf.cast(y_true, tf.float16)
    return 1.0 - tf.reduce_sum(t * p) / (tf.reduce_sum(t) + tf.reduce_sum(p) + 1e-8)  # expect: LL310
""",
    )
    GOOD = (
        """
import tensorflow as tf

def dice_loss(y_true, y_pred):
    p = tf.cast(tf.cast(y_pred, tf.float16), tf.float32)
    return 1.0 - tf.reduce_sum(y_true * p) / (tf.reduce_sum(y_true) + tf.reduce_sum(p) + 1e-8)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for node in loss.nodes:
            if node.index not in loss.relevant or not loss.gradient.reach(node):
                continue
            for name, other in (("x", "y"), ("y", "x"), ("low", "x")):
                number, guarded = plain_number(node.inputs.get(name)), node.inputs.get(other)
                fits = node.op in GUARDS if name != "low" else node.op == "clip"
                if fits and number is not None and 0.0 < number <= SMALLEST and is_half(guarded):
                    yield Problem(
                        node.source,
                        f"{number:g} is 0 in float16 (the smallest number above is 6e-8): {node.source.text} guards nothing",
                        "compute the loss in float32, or use a guard of 1e-4 and more",
                    )


def is_half(value: Value | None, depth: int = 16) -> bool:
    """Whether a value was cast to float16."""
    if not isinstance(value, Node) or not depth:
        return False
    if value.op == "cast":
        return names_half(value.inputs.get("dtype"))
    return value.op in KEEPS_DTYPE and any(is_half(operand, depth - 1) for _, operand in value.operands())


def names_half(dtype: Value | None) -> bool:
    """``tf.float16``, ``"float16"``, ``torch.half``."""
    if isinstance(dtype, External):
        return dtype.name.endswith(HALF)
    return isinstance(dtype, Const) and dtype.value in HALF
