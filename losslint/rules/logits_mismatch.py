"""LL406."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.shape import is_number, is_true
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.source import AstSource
from losslint.graph.values import Const
from losslint.project.heads import Head, head_of
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.endings import (
    KEEPS_SCALE,
    SQUASHING,
    ending,
    head_called,
    is_prediction,
    mixture,
    shown,
    unscaled,
)
from losslint.rules.of_logarithms import outside_of_keras, wrong_target
from losslint.rules.one_class import of_one_class

WITH_LOGITS = ("sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits",
               "sparse_softmax_cross_entropy_with_logits", "cross_entropy")  # fmt: skip
CLASSES = {
    "binary_crossentropy": "BinaryCrossentropy", "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "binary_focal_crossentropy": "BinaryFocalCrossentropy", "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
}  # fmt: skip
ACTIVATION = {name: "a sigmoid" if name.startswith("binary") else "a softmax" for name in CLASSES}
RECOVERS = tuple(name for name in CLASSES if "focal" not in name)
# Measured with Keras 3.15: it looks for the operation that made the tensor, or for the logits noted on it.
RECOVERED = ("with TensorFlow Keras warns and takes the logits back if nothing lies between; with JAX or PyTorch, or "
             "after a reshape, the activation is applied twice")
UNBOUNDED = ("linear", "relu", "tanh")


class LogitsMismatch(Rule):
    """A loss that expects logits is handed probabilities, or one that expects (log-)probabilities something else.

    What it does: follows the prediction inside the loss, and into the models of the same file that it comes from, to a
    sigmoid or softmax before a ``..._with_logits`` operation, ``from_logits=True`` or PyTorch's ``cross_entropy``, and
    compares the last activation of a model with the loss that ``compile`` is given, also one of Keras itself. A model
    is followed to the call that builds it, also from the parameter of a class or function that calls it, and through
    the arguments of factories; one that is loaded, changed or ends in a layer it cannot name is left alone.
    ``nll_loss`` and ``kl_div`` of PyTorch and optax want logarithms of probabilities, and the divergence probabilities for
    its target (logarithms with ``log_target=True``); PyTorch's ``binary_cross_entropy`` wants probabilities. A softmax over
    one number is 1 whatever that is, and a loss of classes has nothing to choose from if it is given one.

    Why it is bad: most of it runs. Squashed twice, the loss cannot fall below a floor (1.46 for a perfect prediction of 10
    classes); logits taken for probabilities are clipped to [0, 1], and most of them get no gradient: ``Dense(10)`` with
    ``sparse_categorical_crossentropy`` can stay at log(10) for ever. Keras 3 on TensorFlow takes the logits back from a
    softmax or sigmoid that the prediction comes from directly, and warns; the focal losses, the other backends, and
    anything after a clip or a reshape squash twice. The negative log-likelihood of probabilities is -1 where all is
    right, and its slope does not grow where all is wrong.

    Use instead: hand over the logits, and say so with ``from_logits=True``, or neither; ``log_softmax`` before ``nll_loss``
    and ``kl_div``.

    Confirmed by: the loss at a perfect prediction.
    """

    code = "LL406"
    name = "logits-mismatch"
    severity = Severity.WARNING
    BAD = (
        """
import haiku as hk
import jax
import optax
from flax import nnx

class Scorer(nnx.Module):
    def __init__(self, rngs):
        self.out = nnx.Linear(20, 4, rngs=rngs)

    def __call__(self, x):
        return nnx.softmax(self.out(x))

model = Scorer(nnx.Rngs(0))
net = hk.without_apply_rng(hk.transform(lambda x: hk.Sequential([hk.Linear(4), jax.nn.softmax])(x)))

def scorer_loss(model, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()  # expect: LL406

def net_loss(params, x, y):
    logits = net.apply(params, x)
    return optax.softmax_cross_entropy(logits, jax.nn.one_hot(y, 4)).mean()  # expect: LL406

gradients = [nnx.value_and_grad(scorer_loss), jax.grad(net_loss)]
""",
        """
import keras
from keras import layers

certain = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, activation="softmax")])  # expect: LL406
certain.compile("adam", loss="binary_crossentropy")

def one_class(activation):
    model = keras.Sequential()
    model.add(layers.Dense(8, activation="relu"))
    model.add(layers.Dense(1, activation=activation))
    return model

one_class("sigmoid").compile("adam", loss="categorical_crossentropy")  # expect: LL406
one_class(None).compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))  # expect: LL406

def distance(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)

inputs = keras.Input((10,))
scores = layers.Dense(1)(inputs)
price = keras.Model(inputs, layers.Activation("softmax")(scores))  # expect: LL406
price.compile("adam", loss=distance)
""",
        """
import torch
from torch import nn

class Binary(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = nn.Linear(20, 16), nn.Linear(16, 1)

    def forward(self, x):
        return torch.softmax(self.out(torch.relu(self.hidden(x))), dim=1)  # expect: LL406

net, scorer = Binary(), nn.Sequential(nn.Linear(20, 1))
x, y = torch.randn(16, 20), torch.ones(16, 1)
loss = nn.functional.binary_cross_entropy(net(x), y) + nn.functional.cross_entropy(scorer(x), y)  # expect: LL406
loss.backward()
""",
    )
    GOOD = (
        """
import equinox as eqx
import haiku as hk
import jax
import optax
from flax import nnx

class Scorer(nnx.Module):
    def __init__(self, rngs):
        self.gate, self.out = nnx.Linear(20, 20, rngs=rngs), nnx.Linear(20, 4, rngs=rngs)

    def __call__(self, x):
        return self.out(x * nnx.sigmoid(self.gate(x)))

class Chances(eqx.Module):
    out: eqx.nn.Linear

    def __init__(self, key):
        self.out = eqx.nn.Linear(20, 4, key=key)

    def __call__(self, x):
        return jax.nn.log_softmax(self.out(x))

scorer, chances = Scorer(nnx.Rngs(0)), Chances(jax.random.key(0))
net = hk.transform(lambda x: hk.Sequential([hk.Linear(8), jax.nn.sigmoid, hk.Linear(4)])(x))

def scorer_loss(scorer, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(scorer(x), y).mean()

def chances_loss(chances, x, y):
    return -(jax.vmap(chances)(x) * y).sum(-1).mean()

def net_loss(params, key, x, y):
    return optax.softmax_cross_entropy(net.apply(params, key, x), jax.nn.one_hot(y, 4)).mean()

gradients = [nnx.value_and_grad(scorer_loss), eqx.filter_grad(chances_loss), jax.grad(net_loss)]
""",
        """
import torch
from keras import Input, Model, Sequential, layers
from torch import nn

two = Sequential([Input((10,)), layers.Dense(2), layers.Activation("softmax")])
two.compile("adam", loss="categorical_crossentropy")
rows = Input((16, 4))
Model(rows, layers.Softmax(axis=1)(layers.Dense(1)(rows))).compile("adam", loss="mse")
Model(rows, layers.Activation("softmax")(layers.Flatten()(layers.Dense(1)(rows)))).compile(
    "adam", loss="categorical_crossentropy")
cells = Sequential([Input((8, 8, 3)), layers.Conv2D(1, 1), layers.Reshape((64,)), layers.Softmax()])
cells.compile("adam", loss="sparse_categorical_crossentropy")
binary = Sequential([Input((10,)), layers.Dense(1, activation="sigmoid")])
binary.compile("adam", loss="binary_focal_crossentropy")

class Pointer(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.score = nn.Linear(10, 1), nn.Linear(10, 1)

    def forward(self, items):
        pooled = items * torch.softmax(self.gate(items), dim=1)
        return torch.softmax(self.score(pooled).squeeze(-1), dim=1)

chosen = Pointer()(torch.randn(4, 6, 10))
loss = nn.functional.mse_loss(chosen, torch.rand(4, 6)) + nn.functional.cross_entropy(
    nn.Conv2d(1, 3, 1)(torch.randn(4, 1, 8, 8)), torch.zeros(4, 8, 8, dtype=torch.long))
loss.backward()
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for node in loss.nodes:
            told = node.told("from_logits")
            expects = node.op in WITH_LOGITS or (node.op in CLASSES and is_true(told))
            plain = node.op in CLASSES and (told is None or (isinstance(told, Const) and told.value is False))
            given = ending(loss, node.inputs.get("y_pred"))
            target = ending(loss, node.inputs.get("y_true"))
            squashed = given[0] if (expects or plain) and given is not None and given[1] in SQUASHING else None
            problem = (given and outside_of_keras(node, *given)) or (target and wrong_target(node, *target))
            if problem:
                yield problem
            elif expects and given is None and (mixed := mixture(node.inputs.get("y_pred"))) is not None and mixed[1] <= 1.0:
                yield Problem(
                    node.source,
                    f"{node.source.text} expects logits, but it is given means or maxima of {mixed[0].source.text}, numbers "
                    "from 0 to 1: it squashes them once more",
                    "give probabilities to a loss of probabilities, or take the mean before the activation",
                    related=(mixed[0].source,),
                )
            elif expects and squashed is not None and given is not None:
                of_layer = squashed.op == "layer"
                ends = f", which ends in a {given[1]}" if of_layer else ""
                recovered = of_layer and node.framework == "keras" and node.op in RECOVERS
                yield Problem(
                    node.source,
                    f"{node.source.text} applies the activation itself, but it is given {squashed.source.text}{ends}: "
                    + (RECOVERED if recovered else "it is applied twice"),
                    "hand over the logits" + ("" if node.op in WITH_LOGITS else ", or drop from_logits=True"),
                    related=(squashed.source,),
                )
            elif plain and squashed is not None and squashed.op in SQUASHING and is_prediction(squashed.inputs.get("x")):
                yield from self.squashed_twice(loss, squashed)
            elif node.op in SQUASHING and node.index in loss.relevant:
                yield from self.squashed_again(loss, node)
            elif (expects or plain) and is_prediction(node.inputs.get("y_pred")):
                yield from self.compared(loss, node, expects)

        for node in written_out(loss):
            yield from self.squashed_twice(loss, node, (node.op,))
        yield from of_one_class(loss)

    def squashed_twice(self, loss: Loss, squashed: Node, endings: tuple[str, ...] = SQUASHING) -> Iterator[Problem]:
        """The loss applies the activation that the model ends in."""
        if (head := head_that_ends_in(loss, endings)) is not None:
            layer = AstSource(head.module, head.at)
            yield Problem(
                squashed.source,
                f"{squashed.source.text} is applied to what the model has squashed already: it ends in {shown(head)}",
                "drop one of the two",
                related=(layer,),
            )

    def squashed_again(self, loss: Loss, node: Node) -> Iterator[Problem]:
        """The loss applies the activation that a model ends in which it calls itself: a teacher, say."""
        scores = unscaled(node.inputs.get("x"))
        if isinstance(scores, Node) and (head := head_called(loss, scores)) is not None and head.activation == node.op:
            layer = AstSource(head.module, head.at)
            yield Problem(
                node.source,
                f"{node.source.text} is applied to what {scores.source.text} has squashed already: that model ends in "
                f"{layer.text}",
                "drop one of the two; to soften probabilities take their logarithm first",
                related=(layer, scores.source),
            )

    def compared(self, loss: Loss, node: Node, expects: bool) -> Iterator[Problem]:
        """What the loss expects, against the last layer of the model."""
        head = head_that_ends_in(loss, SQUASHING if expects else UNBOUNDED)
        if head is None:
            return
        layer = AstSource(head.module, head.at)
        source = AstSource(loss.site.module, loss.site.node) if loss.site.kind == "builtin" else node.source
        if expects:
            otherwise = "" if node.op in WITH_LOGITS else ", or from_logits=True"
            given = node.inputs.get("y_pred")
            direct = isinstance(given, Node) and given.op in ("param", "cast", "convert_to_tensor")
            effect = RECOVERED if direct and node.op in RECOVERS else "the activation is applied twice"
            yield Problem(
                source,
                f"{source.text} expects logits, but the model ends in {shown(head)}: {effect}",
                f"drop the activation of the last layer{otherwise}",
                related=(layer,),
            )
        else:
            yield Problem(
                source,
                f"{source.text} expects probabilities, but the model ends in {shown(head)}: what is not between 0 and 1 is "
                + ("clipped, and gets no gradient" if node.op in RECOVERS else "taken for a probability all the same"),
                instead(loss, node) if head.activation == "linear" else f"end the model in {ACTIVATION[node.op]}",
                related=(layer,),
            )


def written_out(loss: Loss) -> list[Node]:
    """The activations that a loss applies to each prediction as it comes in, to take the logarithm of them by itself."""
    judged = {end[0].index for n in loss.nodes if (end := ending(loss, n.inputs.get("y_pred"))) is not None}
    return [
        n for n in loss.nodes
        if n.op in SQUASHING and n.index not in judged and n.index in loss.relevant and enters_logarithm(loss, n)
        and is_prediction(n.inputs.get("x")) and ("axis" not in n.inputs or is_number(n.inputs["axis"], -1))
    ]  # fmt: skip


def enters_logarithm(loss: Loss, node: Node, depth: int = 4) -> bool:
    """Whether the logarithm of a value is taken, perhaps after an epsilon or a bound."""
    users = loss.users(node) if depth else []
    bounded = (user for user in users if user.op in (*KEEPS_SCALE, "add", "maximum"))
    return any(user.op == "log" for user in users) or any(enters_logarithm(loss, user, depth - 1) for user in bounded)


def head_that_ends_in(loss: Loss, activations: tuple[str, ...]) -> Head | None:
    """The head of a model that is compiled with a loss, where it is one of some activations."""
    site = loss.site
    heads: tuple[Head | None, ...] = site.heads
    if site.compiled and not heads and site.kind != "builtin":
        heads = (head_of(*{m.path: m for m in (site.module, *site.models_in)}.values()),)
    return next((head for head in heads if head is not None and head.activation in activations), None)


def instead(loss: Loss, node: Node) -> str:
    """How to say that the prediction is logits, where the loss is called or, as a text, named."""
    site = loss.site
    if site.kind != "builtin" or site.built_by is not None:
        return "from_logits=True"
    return f"loss=keras.losses.{CLASSES[node.op]}(from_logits=True)"
