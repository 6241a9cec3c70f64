"""LL304."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from losslint.facts.hazards import OTHERS, Hazard
from losslint.facts.step import averages
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.source import MAX_QUOTED
from losslint.graph.values import Const
from losslint.graph.written import argument, in_place, one_line
from losslint.ops.moves import SAME_NUMBERS
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.numerics import (
    HALF_BOUND,
    NO_NAN,
    ROOTS,
    at_least,
    bound_of,
    hazards_of,
    instead,
    is_zero,
    logarithm_of,
    off_zero,
    point_of,
    problem,
    reaches,
    text,
    written_operand,
)  # fmt: skip
from losslint.rules.unguarded_log import taken_apart

COUNTS = ("sum", "count_nonzero", "size")
MEAN = {  # of a selection that may be empty: of all of it, and along an axis
    "torch": ("{0}.sum() / max({0}.numel(), 1)", "{0}.sum(dim={1}) / max({0}.shape[{1}], 1)"),
    "jax": ("jnp.sum({0}) / max({0}.size, 1)", "jnp.sum({0}, axis={1}) / max({0}.shape[{1}], 1)"),
    "tensorflow": ("tf.math.divide_no_nan(tf.reduce_sum({0}), tf.cast(tf.size({0}), {0}.dtype))",
                   "tf.math.divide_no_nan(tf.reduce_sum({0}, axis={1}), tf.cast(tf.shape({0})[{1}], {0}.dtype))"),
}  # fmt: skip
AVERAGE = "take the sum of it, and divide that by the number of elements, or by 1 where there are none"


class DivisionByZero(Rule):
    """A divisor can be exactly 0: an empty mask, no positives, a constant row, an all-zero prediction.

    What it does: evaluates the loss at such inputs. A divisor that depends on labels alone is a contract of the data and
    reported as an info; not so one that counts pairs of a batch, of which any data may give none.

    Why it is bad: 0 / 0 is NaN, and NaN stays in the weights. The mean of an empty selection is NaN without a gradient: the
    weights stay what they are, the loss that is logged, compared and checkpointed by does not.

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
    )
    GOOD = (
        """
import tensorflow as tf

class Evidence(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(2)

    def call(self, x):
        mean, spread = tf.split(self.dense(x), 2, axis=-1)
        return tf.concat([mean, tf.nn.softplus(spread) + 0.01], axis=-1)

def scaled_loss(y_true, y_pred):
    mean, spread = tf.split(y_pred, 2, axis=-1)
    return tf.reduce_mean(tf.abs(y_true - mean) / spread + tf.math.log(spread), axis=-1)

model = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), Evidence()])
model.compile(loss=scaled_loss)
""",
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
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for hazard in hazards_of(loss, self.code):
            if hazard.node.op == "mean" or averages(hazard.node):
                yield problem(
                    loss,
                    hazard,
                    f"{text(hazard.node)} is the mean of an empty selection for {point_of(loss, hazard)}: 0 / 0 = NaN",
                    averaged(loss, hazard.node),
                )
                continue
            message = f"the divisor {is_zero(loss, hazard)}{batch_of(hazard)}"
            yield problem(loss, hazard, message, instead(loss, hazard, guarded(loss, hazard)))


def batch_of(hazard: Hazard) -> str:
    """The batch that has no pair of the kind that a divisor counts."""
    alike = "no two labels are" if OTHERS in hazard.at else "all labels are"
    return f": a batch in which {alike} alike, such as a last one of one sample" if hazard.of_pairs else ""


def guarded(loss: Loss, hazard: Hazard) -> str:
    """The bound to write: under the roots of a divisor, as at 0 their slope is infinite too."""
    roots = [form for root in roots_in(hazard.operand) if (form := guarded_root(loss, root))]
    if roots:
        return f"guard what is under the root: {', and '.join(dict.fromkeys(roots))}"
    divisor = hazard.operand
    if divisor is None:
        return "keep the divisor away from 0"
    log = logarithm_of(loss, hazard.node)
    if log is not None and (apart := taken_apart(loss, log, hazard.node, bound_of(loss, divisor))):
        return apart
    bound = off_zero(loss, hazard.node, divisor)
    no_nans = loss.spelling in NO_NAN and log is None  # the logarithm of its 0 is -inf
    guard = f"use {no_nan(hazard.node)}, or divide by {bound}" if no_nans else f"divide by {bound}"
    counted = is_count(divisor) and loss.is_never_negative(divisor)
    code = written_operand(hazard.node, divisor, too_long="")
    return f"{guard}; for counts {at_least(loss, code, '1.0') if code else 'with a bound of 1.0'}" if counted else guard


def no_nan(node: Node) -> str:
    """A division that gives 0 where the divisor is 0, with the operands of one that does not."""
    above, below = (argument(node, name) for name in ("x", "y"))
    codes = [one_line(node.source, code) for code in (above, below) if code is not None]
    codes = ["1.0", *codes] if node.op == "reciprocal" else codes
    fit = len(codes) == 2 and all(codes) and sum(map(len, codes)) <= 2 * MAX_QUOTED
    return f"tf.math.divide_no_nan({', '.join(codes)})" if fit else "tf.math.divide_no_nan"


def is_count(divisor: Node) -> bool:
    """Whether a divisor may be a number of things."""
    while divisor.op in SAME_NUMBERS and isinstance(inner := divisor.inputs.get("x"), Node):
        divisor = inner
    return divisor.op in COUNTS


def averaged(loss: Loss, mean: Node) -> str:
    """The sum of a selection, divided by the number of its elements where there are any."""
    selected, axis = mean.inputs.get("x"), mean.inputs.get("axis")
    if averages(mean):
        return averaged_loss(mean)
    kept = mean.inputs.get("keepdims")
    along = axis.value if isinstance(axis, Const) else axis
    if not isinstance(selected, Node) or not (along is None or isinstance(along, int)) or (
            kept is not None and not (isinstance(kept, Const) and not kept.value)):
        return AVERAGE
    code = written_operand(mean, selected, too_long=text(selected))
    name = code if code.isidentifier() else "selected"
    form = MEAN.get(loss.spelling, MEAN["tensorflow"])[along is not None].format(name, along)
    keep = "" if name == code else f"keep selected = {code}, then "
    return f"{keep}write {in_place(mean.source, form)} for {text(mean)}"


def averaged_loss(mean: Node) -> str:
    """A loss function of PyTorch that sums, where it averages."""
    code, target = one_line(mean.source, mean.source.node), argument(mean, "y_true")
    if not code.endswith(")") or mean.detail.get("object") is not None or target is None:
        return AVERAGE
    form = f'{code[:-1]}, reduction="sum") / max({one_line(mean.source, target)}.numel(), 1)'
    return f"write {in_place(mean.source, form)}"


def roots_in(divisor: Node | None) -> Iterator[Node]:
    """The roots whose product a divisor is, wherever their values were moved."""
    seen, stack = set[int](), [divisor] if divisor is not None else []
    while stack:
        node = stack.pop()
        if node.op in ROOTS:
            yield node
        elif node.index not in seen and (node.op in ("mul", "item") or node.family == "move" or node.op in SAME_NUMBERS):
            seen.add(node.index)
            stack += [operand for _, operand in reversed(node.operands())]


def guarded_root(loss: Loss, root: Node) -> str:
    """A root that keeps away from 0, far enough that what is divided by it has a slope of 1000 at most; that of a product
    under the root, as in a correlation, by far less: small spreads make it much smaller."""
    form = next((m for m in loss.terms if m.root is root and not m.rewrite.exact and len(m.nodes) == 1), None)
    if form is None or not loss.gradient.live(root):
        return ""
    epsilon = 1e-16 if root.op in ("sqrt", "rsqrt") and reaches(root.inputs.get("x"), ("mul",), depth=1) else 1e-6
    form = replace(form, epsilon=float(HALF_BOUND) if loss.is_half(root) else epsilon)
    return f"{form.form(loss.spelling)} for {text(root)}"
