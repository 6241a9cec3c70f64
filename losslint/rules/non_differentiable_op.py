"""LL105."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.gradient import Cause, Cut
from losslint.graph.nodes import may_be_key
from losslint.rules.base import Loss, Problem, Rule


class NonDifferentiableOp(Rule):
    """The only path from the prediction to the loss leads through an operation without a derivative.

    What it does: finds rounding, argmax, sorting indices, casts to integers, one_hot of them, histograms, counting and
    the like, where no other path carries a gradient. As a mask or index beside a path that does, they are fine.

    Why it is bad: the gradient is None: ``No gradients provided for any variable``.

    Use instead: the soft version (probabilities instead of classes, soft counts), or a straight-through estimator; keep
    the hard version in ``metrics=``.

    Confirmed by: running the loss under ``tf.GradientTape`` (gradient None).
    """

    code = "LL105"
    name = "non-differentiable-op"
    BAD = (
        """
import tensorflow as tf

def class_distance_loss(y_true, y_pred):
    guess = tf.cast(tf.argmax(y_pred, axis=-1), tf.float32)  # expect: LL105
    return tf.reduce_mean(tf.abs(y_true - guess))
""",
        """
import torch.nn as nn
import torch.nn.functional as F

def step(net, x, y):
    loss = F.mse_loss(net(x).argmax(1).float(), y.float())  # expect: LL105
    loss.backward()

def other_step(x, y):
    net, criterion = nn.Linear(6, 3), nn.L1Loss()
    loss = criterion(net(x).round(), y.view(-1, 3).to("cpu"))  # expect: LL107
    loss.backward()
""",
    )
    GOOD = (
        """
import tensorflow as tf

def rounded_loss(y_true, y_pred):
    rounded = y_pred + tf.stop_gradient(tf.round(y_pred) - y_pred)
    return tf.reduce_mean(tf.square(y_true - rounded))
""",
        """
import tensorflow as tf

def top_class_loss(y_true, y_pred):
    best = tf.argmax(y_pred, axis=-1)
    return -tf.reduce_mean(tf.math.log(tf.gather(y_pred, best, batch_dims=1) + 1e-7))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for cut in loss.cuts_by(Cause.DISCRETE):
            if cut.node.op == "phi" or may_be_key(cut.node):
                continue  # what Python decides by has a truth, and is no tensor: LL201
            yield Problem(cut.node.source, message(loss, cut), advice(cut), loss.doubt(cut))


def message(loss: Loss, cut: Cut) -> str:
    """Why this operation stops the gradient."""
    node, root = cut.node, loss.root_of(cut.operand)
    if node.op == "cast":
        return (
            f"{node.source.text} makes integers, which have no gradient, and it is the only path from {root} to the "
            "loss"
        )
    if node.operation is not None and node.operation.cut == "raises":
        return f"{node.source.text} has no registered gradient: tape.gradient raises LookupError"
    if node.op == "metric":
        return (
            f"{node.source.text} has no gradient (a metric assigns what it counts to variables), and it is the only path "
            f"from {root} to the loss"
        )
    if node.detail.get("indices"):
        return (
            f"the indices that {node.source.text} gives have no gradient (the smallest change of {root} does not change "
            "them), and they are the only path to the loss"
        )
    return (
        f"{node.source.text} has no gradient (the smallest change of {root} does not change its result), and it is "
        "the only path to the loss"
    )


def advice(cut: Cut) -> str:
    """What to write instead, from the operation table."""
    operation = cut.node.operation
    if operation is not None and operation.instead != "-":
        return operation.instead
    return "use a differentiable stand-in, and keep this one for metrics="
