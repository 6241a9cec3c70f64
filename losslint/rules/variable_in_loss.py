"""LL208."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losslint.rules.base import Loss, Problem, Rule

CREATORS = re.compile(
    r"tf\.Variable|keras\.Variable|keras\.backend\.variable|keras\.metrics\.[A-Z]\w*|keras\.layers\."
    r"(Dense|EinsumDense|Embedding|LSTM|GRU|SimpleRNN|MultiHeadAttention|PReLU|\w*Normalization|\w*Conv\w*\dD\w*)"
)


class VariableInLoss(Rule):
    """A variable is created each time the loss is called.

    What it does: finds variables, and layers and metrics that hold some, made inside a loss which a graph is traced from.

    Why it is bad: ``tf.function`` raises ``tf.function only supports singleton tf.Variables``; a variable made from a
    tensor also cuts its gradient.

    Use instead: create it once, outside of the loss, and ``assign`` to it in a callback.

    Confirmed by: tracing the loss (raises), running it under ``tf.GradientTape`` (gradient None).
    """

    code = "LL208"
    name = "variable-in-loss"
    BAD = (
        """
import tensorflow as tf

def weighted_loss(y_true, y_pred):
    scale = tf.Variable(2.0)  # expect: LL208
    return scale * tf.reduce_mean(tf.square(y_true - y_pred))
""",
    )
    GOOD = (
        """
import tensorflow as tf

scale = tf.Variable(2.0, trainable=False)

def weighted_loss(y_true, y_pred):
    return scale * tf.reduce_mean(tf.square(y_true - y_pred))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if not loss.site.is_function:
            return
        cut = {c.node.index for c in loss.decisive_cuts}
        for node in loss.nodes:
            severity = loss.graph_severity(node)
            if (
                CREATORS.fullmatch(node.name)
                and severity is not None
                and (not node.context.guarded)
                and node.index not in cut
            ):
                yield Problem(
                    node.source,
                    f"{node.source.text} creates new variables in every call of the loss: "
                    "tf.function only supports variables that are created once",
                    "create it outside of the loss (trainable=False) and assign to it in a callback",
                    severity,
                )
