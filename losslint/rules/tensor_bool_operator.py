"""LL202."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.graph.nodes import Kind
from losslint.graph.source import Source
from losslint.rules.base import Loss, Problem, Rule, error_of_truth, where_it_raises

INSTEAD = {
    "and": "use tf.logical_and(a, b), or & with brackets",
    "or": "use tf.logical_or(a, b), or | with brackets",
    "not": "use tf.logical_not(a), or ~",
    "chained comparison": "use tf.logical_and(low < x, x < high)",
}
BRANCHES = ("if", "while", "conditional expression", "assert")
IN_A_CONDITION = (
    "combine with tf.logical_and, tf.logical_or or tf.logical_not, and choose with tf.where or tf.cond instead of a branch"
)


class TensorBoolOperator(Rule):
    """``and``, ``or``, ``not`` or a chained comparison on a tensor.

    What it does: finds Python's boolean operators where an operand is a tensor.

    Why it is bad: they ask the tensor for its truth. Keras 3 ``fit`` raises ``OperatorNotAllowedInGraphError``; on
    more than one element it raises everywhere: ``The truth value of an array is ambiguous``.

    Use instead: ``tf.logical_and``, ``tf.logical_or``, ``tf.logical_not``, or ``&``, ``|``, ``~`` with brackets.

    Confirmed by: tracing the loss without AutoGraph (raises).
    """

    code = "LL202"
    name = "tensor-bool-operator"
    BAD = (
        """
import tensorflow as tf

def band_loss(y_true, y_pred):
    inside = tf.cast(0.2 < y_true < 0.8, tf.float32)  # expect: LL202
    return tf.reduce_mean(inside * tf.square(y_true - y_pred))
""",
    )
    GOOD = (
        """
import tensorflow as tf

def band_loss(y_true, y_pred, weights=None):
    inside = tf.cast((y_true > 0.2) & (y_true < 0.8), tf.float32)
    weights = weights or [1.0, 2.0]
    return tf.reduce_mean(inside * weights * tf.square(y_true - y_pred))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        asked = [n for n in loss.nodes if n.op == "python.bool" and n.detail.get("how") in BRANCHES]
        for node in loss.nodes:
            how = str(node.detail.get("how"))
            if (
                node.op != "python.bool"
                or how not in INSTEAD
                or getattr(node.inputs.get("x"), "kind", None) is not Kind.TENSOR
            ):
                continue
            severity = loss.graph_severity(node, autograph_converts=True)
            if severity is not None:
                branches = any(asks.source.unit is node.source.unit and holds(asks.source, node.source) for asks in asked)
                yield Problem(
                    node.source,
                    f"{how} needs the truth of the tensor {node.source.text}: "
                    f"{where_it_raises(loss, node)} raises {error_of_truth(loss)}",
                    IN_A_CONDITION if branches else INSTEAD[how],
                    severity,
                )


def holds(outer: Source, inner: Source) -> bool:
    """Whether a piece of code lies within another of the same statement."""
    first, last = outer.span
    start, end = inner.span
    return (first.row, first.column) <= (start.row, start.column) and (end.row, end.column) <= (last.row, last.column)
