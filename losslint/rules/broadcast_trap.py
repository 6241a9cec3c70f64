"""LL401."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.values import Const, Seq, Value
from losslint.project.modes import Mode
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule

ELEMENTWISE = (
    "add", "sub", "mul", "div", "maximum", "minimum", "squared_difference", "mse", "mae", "equal", "greater", "less",
)  # fmt: skip
KEEPS_SHAPE = (
    "cast",
    "convert_to_tensor",
    "identity",
    "clip",
    "abs",
    "square",
    "log",
    "exp",
    "sigmoid",
    "neg",
    "stop_gradient",
)
REDUCTIONS = ("sum", "mean", "max", "min", "norm")


class BroadcastTrap(Rule):
    """One side of an operation has lost an axis that the other still has: (B,) against (B, 1) gives (B, B).

    What it does: finds a prediction that was squeezed, indexed (``y_pred[:, 0]``) or reduced over its last axis, combined
    element by element with a label as Keras hands it over, and the other way round.

    Why it is bad: Keras expands labels of shape (B,) to (B, 1) before it calls a loss function; the difference is (B, B),
    every prediction is compared with every label, and the model learns the mean. Nothing warns.

    Use instead: ``y_pred[:, :1]``, ``keepdims=True``, or ``tf.reshape(y_true, tf.shape(y_pred))``.

    Confirmed by: the shape of the difference.
    """

    code = "LL401"
    name = "broadcast-trap"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def first_column_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred[:, 0]))  # expect: LL401

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=first_column_loss)
""",
        """
import tensorflow as tf

def squeezed_loss(y_true, y_pred):
    p = tf.squeeze(y_pred)
    return tf.reduce_mean(tf.abs(p - y_true))  # expect: LL401

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=squeezed_loss)
""",
    )
    GOOD = (
        """
import tensorflow as tf

def columns_loss(y_true, y_pred):
    mean, width = y_pred[:, :1], y_pred[:, 1]
    flat = tf.squeeze(y_true, axis=-1) - y_pred[:, 0]
    return tf.reduce_mean(tf.square(y_true - mean)) + tf.reduce_mean(tf.square(flat) + width)

model = tf.keras.Sequential([tf.keras.layers.Dense(2)])
model.compile(loss=columns_loss)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if loss.site.mode is not Mode.GRAPH or not loss.called_by_keras or loss.site.kind == "method":
            return
        for node in loss.nodes:
            if node.op not in ELEMENTWISE or node.index not in loss.relevant:
                continue
            names = ("x", "y") if "x" in node.inputs else ("y_true", "y_pred")
            sides = [node.inputs.get(n) for n in names]
            for dropped, whole in (sides, sides[::-1]):
                first, second = lost_axis(dropped), as_given(whole)
                if first and second and first[0] is not second:
                    yield Problem(
                        node.source,
                        f"{first[1]} is (B,), but {second.name} comes as (B, 1): {node.source.text} is (B, B), every "
                        "prediction against every label",
                        f"keep the axis ([:, :1], keepdims=True), or reshape {second.name}",
                    )
                    break


def as_given(value: Value | None, depth: int = 6) -> Node | None:
    """The label or prediction that a value still has the shape of."""
    if not isinstance(value, Node) or not depth:
        return None
    if value.op == "param":
        return value if value.role in (Role.LABEL, Role.PREDICTION) else None
    return as_given(value.inputs.get("x"), depth - 1) if value.op in KEEPS_SHAPE else None


def lost_axis(value: Value | None, depth: int = 6) -> tuple[Node, str] | None:
    """The argument a value comes from and the text of the step that dropped its last axis."""
    if not isinstance(value, Node) or not depth:
        return None
    base = value.inputs.get("x")
    given = as_given(base)
    if given is not None:
        axis, keeps = value.inputs.get("axis"), value.inputs.get("keepdims")
        drops = (
            (value.op == "squeeze" and (axis is None or _is(axis, -1, 1)))
            or (value.op in REDUCTIONS and _is(axis, -1, 1) and keeps is None)
            or (value.op == "item" and _drops_last(value.inputs.get("index")))
        )
        if drops:
            return given, value.source.text
    return lost_axis(base, depth - 1) if value.op in KEEPS_SHAPE else None


def _is(value: Value | None, *numbers: int) -> bool:
    return isinstance(value, Const) and value.value in numbers


def _drops_last(index: Value | None) -> bool:
    """``[:, 0]`` and ``[..., 0]``."""
    if not isinstance(index, Seq) or index.kind != "index" or len(index.items) != 2:
        return False
    first, second = index.items
    whole = (isinstance(first, Const) and first.value is ...) or (
        isinstance(first, Seq) and all(isinstance(e, Const) and e.value is None for e in first.items)
    )
    return whole and isinstance(second, Const) and type(second.value) is int
