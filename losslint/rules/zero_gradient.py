"""LL107."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.gradient import Cause
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.values import Const
from losslint.rules.base import Loss, Problem, Rule

STEEP = 50.0  # sigmoid(k * (p - t)): 17 % of uniform [0, 1] inputs have an exactly zero slope at k = 50, 90 % at 1000


class ZeroGradient(Rule):
    """The gradient exists, but it is exactly zero: training runs without a word and learns nothing.

    What it does: finds ``sign`` and very steep sigmoids (k >= 50) where they are the only path from the prediction
    to the loss. ``sign`` times a differentiable factor is fine.

    Why it is bad: no error is raised, as the gradient is not None, and the weights never move.

    Use instead: ``tf.tanh(k * x)``, or a sigmoid with k around 10.

    Confirmed by: the gradient is all zeros on random inputs while the loss varies.
    """

    code = "LL107"
    name = "zero-gradient"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def direction_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(tf.sign(y_true) - tf.sign(y_pred)))  # expect: LL107
""",
        """
import tensorflow as tf

def step_loss(y_true, y_pred):
    hard = tf.sigmoid(1000.0 * (y_pred - 0.5))  # expect: LL107
    return tf.reduce_mean(tf.square(y_true - hard))
""",
    )
    GOOD = (
        """
import tensorflow as tf

def signed_root_loss(y_true, y_pred):
    d = y_true - y_pred
    return tf.reduce_mean(tf.sign(d) * d * tf.abs(d))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for cut in loss.cuts_by(Cause.ZERO):
            yield Problem(
                cut.node.source,
                f"the slope of {cut.node.source.text} is 0 everywhere, and it is the only path from "
                f"{loss.root_of(cut.operand)} to the loss: training runs without an error and never moves a weight",
                cut.node.operation.instead
                if cut.node.operation and cut.node.operation.instead != "-"
                else "use a smooth stand-in such as tf.tanh(5.0 * x)",
                loss.doubt(cut),
            )
        for node, steepness in steep_sigmoids(loss):
            yield Problem(
                node.source,
                f"with a factor of {steepness:g} this sigmoid is flat almost everywhere: its slope is exactly 0 in "
                f"float32 as soon as the argument passes 17, so {loss.prediction} gets no gradient from most inputs",
                "use a factor of 10 to 20, or train on the unthresholded value",
            )


def steep_sigmoids(loss: Loss) -> Iterator[tuple[Node, float]]:
    """Steep sigmoids without which no gradient would reach the loss."""
    steep = {}
    for node in loss.nodes:
        if (
            node.op == "sigmoid"
            and node.index in loss.relevant
            and (factor := _steepness(node.inputs.get("x"))) >= STEEP
        ):
            steep[node.index] = (node, factor)
    if not steep:
        return
    if not any(loss.gradient.live_without(value, set(steep)) for value, _ in loss.results):
        yield from steep.values()


def _steepness(value: object) -> float:
    if isinstance(value, Node) and value.op == "mul":
        for side in ("x", "y"):
            factor = value.inputs.get(side)
            if isinstance(factor, Const) and isinstance(factor.value, (int, float)):
                return abs(float(factor.value))
    return 0.0
