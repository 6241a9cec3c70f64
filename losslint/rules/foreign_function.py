"""LL103."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.gradient import Cause
from losslint.graph.nodes import Node
from losslint.rules.base import (
    Loss,
    Problem,
    Rule,
    framework_name,
    is_traced,
    tensor_operands,
    twin,
    where_it_raises,
)


class ForeignFunction(Rule):
    """A function of another library is called on a tensor: math, SciPy, scikit-learn, OpenCV, ``model.predict``.

    What it does: finds such calls where a tensor enters them inside a loss.

    Why it is bad: they need values, so tracing raises (``TypeError``, ``NotImplementedError``); in eager code their
    result is unknown to the gradient tape.

    Use instead: the TensorFlow function of the same meaning; call ``model(x)`` instead of ``model.predict(x)``.

    Confirmed by: tracing the loss (raises) and running it under ``tf.GradientTape`` (gradient None).
    """

    code = "LL103"
    name = "foreign-function"
    BAD = (
        """
import math
import tensorflow as tf

def log_loss(y_true, y_pred):
    return math.log(tf.reduce_mean(tf.square(y_true - y_pred)) + 1.0)  # expect: LL103
""",
        """
import tensorflow as tf

def train(model, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model.predict(x) - y) ** 2)  # expect: LL103
    return tape.gradient(loss, model.trainable_variables)
""",
    )
    GOOD = (
        """
import math
import tensorflow as tf

def gaussian_loss(y_true, y_pred, sigma=0.5):
    return tf.reduce_mean(tf.square(y_true - y_pred)) / (2 * sigma**2) + math.log(sigma * math.sqrt(2 * math.pi))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        cut = {c.node.index for c in loss.cuts_by(Cause.FOREIGN)}
        for node in loss.nodes:
            if not is_foreign(node) or not (tensor_operands(node) or node.op == "python.predict"):
                continue
            severity = loss.graph_severity(node)
            if loss.site.framework == "jax":
                if is_traced(loss, node):
                    yield Problem(
                        node.source,
                        f"{node.source.text} needs the value of a traced array: jax.grad and jax.jit raise "
                        "ConcretizationTypeError",
                        advice(loss, node),
                    )
            elif node.index in cut:
                raises = f"; {where_it_raises(loss, node)} raises before that" if severity is not None else ""
                yield Problem(
                    node.source,
                    f"{node.source.text} leaves {framework_name(loss)}, so no gradient reaches "
                    f"{root_of(loss, node)}{raises}",
                    advice(loss, node),
                )
            elif severity is not None:
                yield Problem(
                    node.source,
                    f"{node.source.text} needs the values of a tensor: {where_it_raises(loss, node)} raises while tracing",
                    advice(loss, node),
                    severity,
                )


def is_foreign(node: Node) -> bool:
    """Whether a node is a call into a library outside the frameworks and NumPy."""
    return node.op == "python.predict" or (
        not node.op.startswith("python.")
        and (
            node.framework == "python"
            or (
                node.family == "escape"
                and (node.framework not in ("numpy",))
                and node.op not in ("py_function", "numpy_function")
            )
        )
    )


def root_of(loss: Loss, node: Node) -> str:
    """What the call cuts off."""
    tensors = tensor_operands(node)
    return loss.root_of(tensors[0]) if tensors and node.op != "python.predict" else "the model"


def advice(loss: Loss, node: Node) -> str:
    """What to call instead."""
    if node.op == "python.predict":
        return "call the model itself, model(x, training=False): predict returns NumPy arrays"
    replacement = twin(loss, node)
    instead = f"write it with {framework_name(loss)} functions, or compute it beside the loss"
    return f"use {replacement}" if replacement else instead
