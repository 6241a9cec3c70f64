"""LL411."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Severity
from losslint.graph.nodes import Kind, Node
from losslint.graph.values import Const
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule


class BatchAxisIndex(Rule):
    """``y_pred[0]`` picks the first sample of the batch where the first output or column is meant.

    What it does: finds a plain number as the first index of an argument of a loss that Keras calls.

    Why it is bad: the first axis is the batch: the loss trains on one sample of each batch and ignores the others.

    Use instead: ``y_pred[:, 0]`` or ``y_pred[..., 0]``; Keras calls a loss once an output, never with a list.

    Confirmed by: the gradient is zero for all other rows.
    """

    code = "LL411"
    name = "batch-axis-index"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def pair_loss(y_true, y_pred):
    left, right = y_pred[0], y_pred[1]  # expect: LL411
    return tf.reduce_mean(tf.square(left - right)) + 0.0 * tf.reduce_sum(y_true)

model = tf.keras.Sequential([tf.keras.layers.Dense(2)])
model.compile(loss=pair_loss)
""",
    )
    GOOD = (
        """
import tensorflow as tf

def pair_loss(y_true, y_pred):
    left, right = y_pred[:, 0], y_pred[..., 1]
    return tf.reduce_mean(tf.square(left - right - y_true[:, 0]))

model = tf.keras.Sequential([tf.keras.layers.Dense(2)])
model.compile(loss=pair_loss)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if not (loss.site.compiled and loss.called_by_keras):
            return
        rows: dict[int, list[Node]] = {}
        for node in loss.nodes:
            base, index = node.inputs.get("x"), node.inputs.get("index")
            if (
                node.op == "item"
                and isinstance(base, Node)
                and base.kind is Kind.TENSOR
                and base.role in (Role.PREDICTION, Role.LABEL)
                and isinstance(index, Const)
                and type(index.value) is int
                and node.source.text.endswith("]")
            ):
                rows.setdefault(node.source.row, []).append(node)
        for nodes in rows.values():
            yield self.in_one_row(list({node.source.text: node for node in nodes}.values()))

    def in_one_row(self, nodes: list[Node]) -> Problem:
        """One problem for the samples that a line picks."""
        first, *others = nodes
        base, index = first.inputs["x"], first.inputs["index"]
        assert isinstance(base, Node)
        assert isinstance(index, Const)
        texts = [node.source.text for node in nodes]
        said = f"{texts[0]} is sample {index.value} of the batch, not output or column {index.value}"
        if others:
            said = f"{', '.join(texts[:-1])} and {texts[-1]} are samples of the batch, not outputs or columns"
        return Problem(
            first.source,
            f"{said}: the other samples are ignored",
            f"{base.name}[:, {index.value}] for a column; give each output a loss of its own",
        )
