"""LL406."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.source import AstSource
from losslint.graph.values import Const, Value
from losslint.project.module import Module
from losslint.rules.base import Loss, Problem, Rule

WITH_LOGITS = ("sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits",
               "sparse_softmax_cross_entropy_with_logits")  # fmt: skip
FROM_LOGITS = ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy")
SQUASHING = ("sigmoid", "softmax")
KEEPS = ("cast", "clip", "reshape", "identity", "convert_to_tensor", "squeeze")


class LogitsMismatch(Rule):
    """An activation is applied twice: probabilities are handed to a loss that expects logits.

    What it does: follows the prediction inside the loss to a sigmoid or softmax before a ``..._with_logits`` operation
    or ``from_logits=True``, and, for models in the same file, compares the last activation with the loss that
    ``compile`` is given.

    Why it is bad: it runs; the gradient is squashed twice, and the loss cannot fall below a floor (1.46 for a perfect
    prediction of 10 classes).

    Use instead: hand over the logits, or drop ``from_logits=True``.

    Confirmed by: the loss at a perfect prediction.
    """

    code = "LL406"
    name = "logits-mismatch"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def twice_loss(y_true, y_pred):
    p = tf.nn.sigmoid(y_pred)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=p))  # expect: LL406
""",
    )
    GOOD = (
        """
import tensorflow as tf

def once_loss(y_true, y_pred):
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred))

def probability_loss(y_true, y_pred):
    return tf.keras.losses.binary_crossentropy(y_true, tf.nn.sigmoid(y_pred), from_logits=False)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for node in loss.nodes:
            expects = node.op in WITH_LOGITS or (node.op in FROM_LOGITS and is_true(from_logits(node)))
            squashed = squashing(node.inputs.get("y_pred")) if expects else None
            if squashed is not None:
                yield Problem(
                    node.source,
                    f"{node.source.text} applies the activation itself, but it is given {squashed.source.text}: it is "
                    "applied twice",
                    "hand over the logits" + ("" if node.op in WITH_LOGITS else ", or drop from_logits=True"),
                    related=(squashed.source,),
                )
            elif node.op in WITH_LOGITS and "compile(" in loss.site.reason and is_prediction(node.inputs.get("y_pred")):
                head = last_activation(loss.site.module)
                if head is not None:
                    layer = AstSource(loss.site.module, head)
                    yield Problem(
                        node.source,
                        f"{node.source.text} expects logits, but the model ends in {layer.text}: the activation is "
                        "applied twice",
                        "drop the activation of the last layer",
                        related=(layer,),
                    )


def from_logits(node: Node) -> Value | None:
    """``from_logits=`` of the call, or of the object that is called."""
    given = node.inputs.get("from_logits")
    built = node.detail.get("object")
    return given if given is not None else built.kwargs.get("from_logits") if built is not None else None


def is_true(value: Value | None) -> bool:
    return isinstance(value, Const) and value.value is True


def squashing(value: Value | None, depth: int = 5) -> Node | None:
    """The sigmoid or softmax that a value is the output of."""
    if not isinstance(value, Node) or not depth:
        return None
    if value.op in SQUASHING:
        return value
    return squashing(value.inputs.get("x"), depth - 1) if value.op in KEEPS else None


def is_prediction(value: Value | None, depth: int = 5) -> bool:
    """Whether a value is the prediction as it comes in."""
    if not isinstance(value, Node) or not depth:
        return False
    return value.op == "param" or (value.op in KEEPS and is_prediction(value.inputs.get("x"), depth - 1))


def last_activation(module: Module) -> ast.expr | None:
    """The sigmoid or softmax layer that the only model of a file ends in: the last layer of its one Sequential."""
    models = [
        n for n in module.nodes
        if isinstance(n, ast.Call) and getattr(n.func, "attr", getattr(n.func, "id", "")) == "Sequential"
    ]  # fmt: skip
    if (
        len(models) != 1
        or not models[0].args
        or not isinstance(models[0].args[0], ast.List)
        or not models[0].args[0].elts
    ):
        return None
    last = models[0].args[0].elts[-1]
    for word in getattr(last, "keywords", []):
        if word.arg == "activation" and isinstance(word.value, ast.Constant) and word.value.value in SQUASHING:
            return last
    return None
