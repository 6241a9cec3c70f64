"""LL406."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.shape import stacked
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.source import AstSource
from losslint.graph.values import Const, External, Value
from losslint.ops.table import lookup
from losslint.project.heads import head_of
from losslint.rules.base import Loss, Problem, Rule

WITH_LOGITS = ("sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits",
               "sparse_softmax_cross_entropy_with_logits", "cross_entropy")  # fmt: skip
FROM_LOGITS = ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy")
SQUASHING = ("sigmoid", "softmax")
UNBOUNDED = ("linear", "relu", "tanh")
KEEPS = ("cast", "clip", "reshape", "identity", "convert_to_tensor", "squeeze")


class LogitsMismatch(Rule):
    """A loss that expects logits is handed probabilities, or one that expects probabilities is handed logits.

    What it does: follows the prediction inside the loss, and into the models of the same file that it comes from, to a
    sigmoid or softmax before a ``..._with_logits`` operation, ``from_logits=True`` or PyTorch's ``cross_entropy``, and
    compares the last activation with the loss that ``compile`` is given.

    Why it is bad: it runs. Squashed twice, the loss cannot fall below a floor (1.46 for a perfect prediction of 10
    classes); logits taken for probabilities are clipped to [0, 1], and most of them get no gradient.

    Use instead: hand over the logits, and say so with ``from_logits=True``; or neither.

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
        """
import tensorflow as tf

bce = tf.keras.losses.BinaryCrossentropy(from_logits=True)

def combined_loss(y_true, y_pred):
    return bce(y_true, y_pred) + tf.reduce_mean(tf.abs(y_true - y_pred))  # expect: LL406

def make_model():
    inputs = tf.keras.Input((8, 8, 1))
    outputs = tf.keras.layers.Conv2D(1, 1, activation="sigmoid")(inputs)
    return tf.keras.Model(inputs, outputs)

make_model().compile(loss=combined_loss)
""",
        """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(20, 4)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x):
        return self.softmax(self.fc(x))

net, criterion = Net(), nn.CrossEntropyLoss()
loss = criterion(net(torch.randn(16, 20)), torch.randint(0, 4, (16,)))  # expect: LL406
loss.backward()
""",
        """
import torch
from torch import nn

net = nn.Sequential(nn.Linear(20, 4), nn.Softmax(dim=1))
loss = nn.functional.cross_entropy(net(torch.randn(16, 20)), torch.randint(0, 4, (16,)))  # expect: LL406
loss.backward()
""",
        """
import tensorflow as tf

def sparse_bce_loss(y_true, y_pred):
    entropy = tf.keras.losses.binary_crossentropy(y_true, y_pred)  # expect: LL406
    return entropy + 0.1 * tf.reduce_mean(tf.abs(y_pred), axis=-1)

model = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(1)])
model.compile(loss=sparse_bce_loss)
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
        """
import torch
from torch import nn

net = nn.Sequential(nn.Linear(20, 4), nn.LogSoftmax(dim=1))
gate = nn.Sequential(nn.Linear(20, 4), nn.Softmax(dim=1))
x, y = torch.randn(16, 20), torch.randint(0, 4, (16,))
loss = nn.functional.nll_loss(net(x), y) + nn.functional.cross_entropy(nn.functional.linear(gate(x), torch.eye(4)), y)
loss.backward()
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for node in loss.nodes:
            told = from_logits(node)
            expects = node.op in WITH_LOGITS or (node.op in FROM_LOGITS and is_true(told))
            plain = node.op in FROM_LOGITS and (told is None or (isinstance(told, Const) and told.value is False))
            squashed = squashing(node.inputs.get("y_pred")) if expects else None
            if squashed is not None:
                yield Problem(
                    node.source,
                    f"{node.source.text} applies the activation itself, but it is given {squashed.source.text}: it is "
                    "applied twice",
                    "hand over the logits" + ("" if node.op in WITH_LOGITS else ", or drop from_logits=True"),
                    related=(squashed.source,),
                )
            elif (expects or plain) and "compile(" in loss.site.reason and is_prediction(node.inputs.get("y_pred")):
                head = head_of(*{m.path: m for m in (loss.site.module, *loss.site.models_in)}.values())
                if plain and head is not None and head.activation in UNBOUNDED:
                    layer = AstSource(head.module, head.at)
                    yield Problem(
                        node.source,
                        f"{node.source.text} expects probabilities, but the model ends in {layer.text}: what is not between "
                        "0 and 1 is clipped, and gets no gradient",
                        "from_logits=True",
                        related=(layer,),
                    )
                elif expects and head is not None and head.activation in SQUASHING:
                    layer = AstSource(head.module, head.at)
                    otherwise = "" if node.op in WITH_LOGITS else ", or from_logits=True"
                    yield Problem(
                        node.source,
                        f"{node.source.text} expects logits, but the model ends in {layer.text}: the activation is "
                        "applied twice",
                        f"drop the activation of the last layer{otherwise}",
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
    if value.op in SQUASHING or (value.op == "layer" and last_is_squashing(value.detail.get("object"))):
        return value
    return squashing(value.inputs.get("x"), depth - 1) if value.op in KEEPS else None


def last_is_squashing(model: Value | None) -> bool:
    """Whether a model or layer ends in a sigmoid or softmax."""
    if not isinstance(model, External):
        return False
    layers = stacked(model)
    if layers:
        return last_is_squashing(layers[-1])
    given = model.kwargs.get("activation")
    api = lookup(model.name)
    return (isinstance(given, Const) and given.value in SQUASHING) or (api is not None and api.operation.name in SQUASHING)


def is_prediction(value: Value | None, depth: int = 5) -> bool:
    """Whether a value is the prediction as it comes in."""
    if not isinstance(value, Node) or not depth:
        return False
    return value.op == "param" or (value.op in KEEPS and is_prediction(value.inputs.get("x"), depth - 1))
