"""LL402."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.values import Const, Value
from losslint.rules.base import Loss, Problem, Rule

WEIGHTS = ("sample_weight", "class_weight")
FITTING = ("fit", "train_on_batch", "fit_generator", "evaluate")


class ScalarLoss(Rule):
    """The loss is reduced over the batch, while the project passes sample or class weights.

    What it does: finds losses that return one number for the whole batch, in files that call ``fit`` with
    ``sample_weight`` or ``class_weight``. Without weights a scalar is fine.

    Why it is bad: Keras multiplies what the loss returns with the weights of the samples: a scalar times their mean. No
    sample is weighted, and nothing warns.

    Use instead: one value a sample, ``tf.reduce_mean(..., axis=-1)``.

    Confirmed by: the weighted loss differs from the weighted mean of the losses of the samples.
    """

    code = "LL402"
    name = "scalar-loss"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def smooth_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred))  # expect: LL402

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=smooth_loss)
model.fit([[0.0]], [[1.0]], class_weight={0: 1.0, 1: 5.0})
""",
    )
    GOOD = (
        """
import tensorflow as tf

def smooth_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=smooth_loss)
model.fit([[0.0]], [[1.0]], class_weight={0: 1.0, 1: 5.0})
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if not loss.called_by_keras:
            return
        row = weights_row(loss)
        if not row:
            return
        for value, target in loss.results:
            if isinstance(value, Node) and is_scalar(value):
                yield Problem(
                    target.source,
                    f"one number for the whole batch, while row {row} passes weights: Keras multiplies it by the mean "
                    "weight, so no sample is weighted",
                    "return one value a sample: reduce over the features only (axis=-1)",
                )


def weights_row(loss: Loss) -> int:
    """The row where the file passes weights to ``fit``; 0 when it does not. A loss defined inside a function (a test,
    say) is compiled there, so that only the calls of that function count."""
    owner = loss.site.owner
    compiled_there = owner is not None and any(called(n, ("compile",)) for n in ast.walk(owner))
    for node in ast.walk(owner) if compiled_there and owner is not None else loss.site.module.nodes:
        if isinstance(node, ast.Call) and called(node, FITTING):
            for word in node.keywords:
                given = not (isinstance(word.value, ast.Constant) and word.value.value is None)
                if word.arg in WEIGHTS and given:
                    return node.lineno
    return 0


def called(node: ast.AST, names: tuple[str, ...]) -> bool:
    """Whether a node calls a method of one of these names."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names


def is_scalar(value: Value, depth: int = 8) -> bool:
    """Whether a value is a full reduction, possibly scaled or added to another."""
    if isinstance(value, Const):
        return isinstance(value.value, (int, float))
    if not isinstance(value, Node) or not depth:
        return False
    if value.op in ("mean", "sum", "max", "min"):
        axis = value.inputs.get("axis")
        keeps = value.inputs.get("keepdims")
        return (axis is None or (isinstance(axis, Const) and axis.value is None)) and keeps is None
    if value.op in ("add", "sub", "mul", "div", "neg", "sqrt", "maximum", "minimum", "log", "exp", "identity", "cast"):
        return all(is_scalar(v, depth - 1) for k, v in value.inputs.items() if k in ("x", "y"))
    return False
