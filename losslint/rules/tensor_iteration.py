"""LL203."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.graph.nodes import Kind, Node
from losslint.project.index import required
from losslint.rules.base import Loss, Problem, Rule, where_it_raises


class TensorIteration(Rule):
    """Python iterates over a tensor: ``for x in t``, a comprehension, ``zip``, ``list``, ``itertools``, unpacking.

    What it does: finds such loops inside a loss. Lists of tensors, ``tf.unstack`` along a known axis and data sets are
    fine.

    Why it is bad: Keras 3 ``fit`` raises ``OperatorNotAllowedInGraphError: Iterating over a symbolic tf.Tensor is not
    allowed``. AutoGraph converts only the plain ``for``; the others raise under ``@tf.function`` as well.

    Use instead: one vectorised expression over the whole batch, or ``tf.map_fn``.

    Confirmed by: tracing the loss (raises).
    """

    code = "LL203"
    name = "tensor-iteration"
    BAD = (
        """
import tensorflow as tf

def per_sample_loss(y_true, y_pred):
    total = 0.0
    for t, p in zip(y_true, y_pred):  # expect: LL203
        total += tf.reduce_mean(tf.abs(t - p))
    return total
""",
        """
import itertools
import tensorflow as tf

def any_order_loss(y_true, y_pred):
    orders = list(itertools.permutations(y_pred))  # expect: LL203
    return tf.reduce_min(tf.stack([tf.reduce_mean(tf.square(tf.stack(order) - y_true)) for order in orders]))
""",
    )
    GOOD = (
        """
import tensorflow as tf

encoder, decoder = tf.keras.layers.Dense(2), tf.keras.layers.Dense(4)
scale = tf.Variable(1.0)
optimizer = tf.keras.optimizers.Adam()

@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(scale * decoder(encoder(x)) - y))
    variables = [scale] + encoder.trainable_variables + decoder.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    return loss
""",
        """
import tensorflow as tf

def per_channel_loss(y_true, y_pred):
    total = 0.0
    for c in range(3):
        total += tf.reduce_mean(tf.abs(y_true[..., c] - y_pred[..., c]))
    return total + sum(tf.reduce_mean(p) for p in tf.unstack(y_pred, axis=-1))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if loss.site.framework == "jax":
            return  # a traced array is unrolled
        for node in loss.nodes:
            operand = node.inputs.get("x")
            if node.op == "python.contains":
                severity = loss.graph_severity(node)
                instead = "use tf.reduce_any(tf.equal(t, x))"
                what = f"`in` searches the tensor {subject(operand, node)}"
            elif node.op == "python.iter" and getattr(operand, "kind", None) is Kind.TENSOR:
                how = str(node.detail.get("how"))
                severity = loss.graph_severity(node, autograph_converts=how == "for")
                instead = "write it for the whole batch at once (reductions over an axis), or use tf.map_fn"
                if how == "unpacking":
                    if is_handed_parts(loss, operand):
                        continue
                    instead = "use tf.unstack(t, num=..., axis=...), or index the parts: t[..., 0]"
                what = f"{how} iterates over the tensor {subject(operand, node)}"
            else:
                continue
            if severity is not None:
                yield Problem(
                    node.source,
                    f"{what}: {where_it_raises(loss, node)} raises OperatorNotAllowedInGraphError",
                    instead,
                    severity,
                )


def is_handed_parts(loss: Loss, operand: object) -> bool:
    """Whether a parameter of a function is taken apart that Keras cannot call, for it asks for more than a label and a
    prediction: who calls it may pass a list, as of the outputs of two stages."""
    function = loss.site.node
    if not isinstance(function, ast.FunctionDef) or loss.site.compiled:
        return False
    asked = [argument.arg for argument in required(function) if argument.arg != "self"]
    return isinstance(operand, Node) and operand.op == "param" and len(asked) > 2


def subject(operand: object, node: Node) -> str:
    """The tensor in the words of the code; ``x[0] = 1`` before it left the name as it was."""
    while isinstance(operand, Node) and operand.op.endswith(".set_item"):
        operand = operand.inputs["x"]
    return (operand if isinstance(operand, Node) else node).source.text
