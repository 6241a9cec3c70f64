"""LL305."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.facts.hazards import Hazard
from losslint.facts.nan_labels import poisoned
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.source import MAX_QUOTED
from losslint.graph.written import argument, one_line, rebound, replaced
from losslint.ops.moves import UNCHANGED
from losslint.ops.table import preferred
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.numerics import (
    DIVISIONS,
    EXPONENTIALS,
    INVERSES,
    UNDER_XLA,
    at_most,
    hazards_of,
    instead,
    point_of,
    problem,
    step_from_one,
    text,
    with_name,
    written_operand,
)  # fmt: skip

MEASURES = ("norm", "euclidean_norm", "std", "mean")  # of many elements, so that one condition says nothing of each


class WhereNanGradient(Rule):
    """``tf.where`` hides a singular value, but not its gradient.

    What it does: finds branches of ``where`` whose operation is singular at an input for which the other branch is taken,
    and labels that the loss takes for NaN in places, masked only after they were computed with.

    Why it is bad: the gradient flows back through both branches; the one that was not taken gets 0, and ``0 * inf`` is
    NaN, as ``0 * NaN`` is. Replacing NaN afterwards repairs the value only.

    Use instead: guard the input as well, the double where:
    ``safe = tf.where(ok, x, 1.0)`` and ``tf.where(ok, tf.math.log(safe), 0.0)``. Labels are replaced first:
    ``y_true = tf.where(known, y_true, 0.0)``.

    Confirmed by: the gradient at that input.
    """

    code = "LL305"
    name = "where-nan-gradient"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def positive_loss(y_true, y_pred):
    p = tf.nn.relu(y_pred)
    return -tf.reduce_mean(tf.where(p > 0.0, y_true * tf.math.log(p), 0.0))  # expect: LL305
""",
        """
import tensorflow as tf

def log_loss(y_true, y_pred):
    safe = tf.where(y_pred > 0.0, tf.math.log(y_pred), 0.0)  # expect: LL305
    return tf.reduce_mean(tf.square(y_true - safe))
""",
        """
import tensorflow as tf

def masked_mse(y_true, y_pred):
    error = tf.square(y_true - y_pred)  # expect: LL305
    return tf.reduce_mean(tf.where(tf.math.is_nan(y_true), 0.0, error))
""",
    )
    GOOD = (
        """
import tensorflow as tf

def rim_loss(y_true, y_pred):
    radius = tf.abs(y_pred)
    bell = tf.sqrt(1.0 - tf.minimum(radius / 0.5, 0.999))
    return tf.reduce_mean(tf.square(tf.where(radius < 0.5, y_pred * bell, 0.02 * y_pred) - y_true))
""",
        """
import tensorflow as tf

def log_loss(y_true, y_pred):
    positive = y_pred > 0.0
    safe = tf.where(positive, y_pred, tf.ones_like(y_pred))
    return tf.reduce_mean(tf.square(y_true - tf.where(positive, tf.math.log(safe), tf.zeros_like(safe))))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        told: set[int] = set()
        for hazard in hazards_of(loss, self.code):
            inner = innermost(loss, hazard)
            if inner.node.index in told:
                continue
            told.add(inner.node.index)
            yield problem(
                loss,
                hazard,
                f"where does not take {text(hazard.node)} for {point_of(loss, hazard)}, but its gradient flows back all "
                f"the same: 0 * inf = NaN{UNDER_XLA if hazard.xla_only else ''}",
                guarded(loss, inner),
            )
        for facts in loss.evaluated:
            for found in poisoned(facts):
                label = found.label.name
                effect = "and the loss is NaN" if found.value else "and so is the gradient of every weight"
                yield Problem(
                    found.node.source,
                    f"{label} is NaN in places, as the loss itself expects; masking {text(found.node)} comes too late: "
                    f"0 * NaN is NaN, {effect}",
                    f"replace the missing labels first: {label} = {where_of(loss)}(missing, 0.0, {label}), and then mask",
                    related=(found.label.source,),
                )


def innermost(loss: Loss, hazard: Hazard) -> Hazard:
    """The first singular operation on the side that is not taken: in ``log(p / y)`` the division, where y is 0."""
    behind = {node.index for node in loss.gradient.cone(hazard.operand)} if hazard.operand is not None else set()
    inside = [h for h in loss.hazards if h.discarded == hazard.discarded and h.node.index in behind]
    return min(inside, key=lambda inner: inner.node.index, default=hazard)


def guarded(loss: Loss, hazard: Hazard) -> str:
    """The input to compute with instead: 1 where the operation is not taken, or where it is singular."""
    node, operand = hazard.node, hazard.operand
    if node.op in MEASURES or operand is None:
        return instead(loss, hazard, "guard the input too, so that it is regular where the condition does not hold")
    part = argument(node, next(name for name, inner in node.operands() if inner is operand))
    written = replaced(node.source, part, "safe") if part is not None else ""
    told = f"write {written} for {text(node)}" if 0 < len(written) <= MAX_QUOTED else "use safe inside"
    code = written_operand(node, operand, too_long=text(operand))
    return with_name(
        loss, code, 2 * MAX_QUOTED, lambda code: f"guard the input too: safe = {safe(loss, hazard, code)}, and {told}")


def safe(loss: Loss, hazard: Hazard, code: str) -> str:
    """An operand where an operation is taken, and where it is not a number at which it is regular."""
    node, condition = hazard.node, condition_of(loss, hazard)
    regular = "0.0" if node.op in (*EXPONENTIALS, "acos", "asin", "atanh") else "2.0" if node.op == "acosh" else "1.0"
    if condition and hazard.discarded is not None:
        side, by = hazard.discarded.side, hazard.discarded.by
        kept = side == "x" and by is not None and by.op == "where"  # a mask leaves its x where it holds
        sides = f"{code}, {regular}" if kept else f"{regular}, {code}"
        return f"tf.where({condition}, {sides})"
    if node.op in INVERSES and node.op != "atan2":
        step = step_from_one(loss, hazard.operand)
        return f"tf.clip_by_value({code}, -1.0 + {step}, 1.0 - {step})"
    if node.op in EXPONENTIALS:
        return at_most(loss, code, "20.0")
    return f"tf.where({code} {'==' if node.op in DIVISIONS else '<='} 0.0, 1.0, {code})"


def condition_of(loss: Loss, hazard: Hazard) -> str:
    """The condition of a choice, as it may be asked before the operation; "" where it comes of it or has another shape."""
    by = hazard.discarded.by if hazard.discarded is not None else None
    name = "mask" if by is not None and by.op == "masked_fill" else "condition"
    test, code = (by.inputs.get(name), argument(by, name)) if by is not None else (None, None)
    if by is None or code is None or not isinstance(test, Node) or not seen_together(by, hazard.node):
        return ""
    if hazard.node in loss.gradient.cone(test) or not is_elementwise(loss, hazard.node, by):
        return ""
    source = by.source
    if isinstance(code, cst.Name) and seen_together(test, by):  # may get its name after the operation
        source, code = test.source, test.source.node
    if rebound(hazard.node.source, code, by.source):
        return ""
    return one_line(source, code)


def seen_together(a: Node, b: Node) -> bool:
    """Whether two operations stand in one call of one function, so that names mean the same."""
    first, second = (node.source.via.node if node.source.via is not None else None for node in (a, b))
    return a.source.module is b.source.module and first is second


def is_elementwise(loss: Loss, node: Node, choice: Node) -> bool:
    """Whether a choice takes or leaves each element of what an operation gives by itself."""
    stack, behind = [node], {n.index for n in loss.gradient.cone(choice)}
    while stack:
        for user in loss.users(stack.pop()):
            if user is not choice and user.index in behind and user.family not in ("shape", "constant"):
                if user.family != "elementwise" and user.op not in UNCHANGED:
                    return False
                stack.append(user)
    return True


def where_of(loss: Loss) -> str:
    return preferred(loss.spelling, "where") or "where"
