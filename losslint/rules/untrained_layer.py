"""LL114."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losslint.facts.gradient import ESCAPES, Cause, Cut, called_model, models_of
from losslint.findings import Severity
from losslint.graph.nodes import Node, Target
from losslint.graph.values import Const, External, Instance, Value
from losslint.ops.table import canonical_name
from losslint.rules.base import Loss, Problem, Rule

WEIGHTS = re.compile(
    r"keras\.(layers\.\w*(Dense|Conv|LSTM|GRU|RNN|Embedding|MultiHeadAttention)\w*|(models\.)?Sequential)\(\)$"
)
FREEZES = re.compile(r"\btrainable\s*=\s*False|\.(freeze|load_weights)\(|\bset_trainable\b")


class UntrainedLayer(Rule):
    """A layer gets no gradient, although the loss depends on its output and the layers after it train.

    What it does: follows each layer and model with weights from its output to the compiled loss, or to the value that a
    tape differentiates with respect to it, and finds the operation that stops the gradient of one while others
    arrive: rounding, a cast to integers, argmax. Layers behind an explicit ``stop_gradient``, frozen layers and
    straight-through estimators are left alone.

    Why it is bad: the weights before that operation keep their first values; a line of the log (``Gradients do not exist
    for variables``) is all that tells of it.

    Use instead: a straight-through estimator, ``x + tf.stop_gradient(tf.round(x) - x)``, or a smooth stand-in; write
    ``trainable=False`` or ``tf.stop_gradient`` where it is meant.

    Confirmed by: the gradients of the layer's variables are None.
    """

    code = "LL114"
    name = "untrained-layer"
    severity = Severity.WARNING
    BAD = (
        """
import keras
from keras import ops

class Quantize(keras.layers.Layer):
    def call(self, x):
        return ops.round(x * 255.0) / 255.0  # expect: LL114

inputs = keras.Input((8,))
hidden = keras.layers.Dense(8)(inputs)
outputs = keras.layers.Dense(1)(Quantize()(hidden))
keras.Model(inputs, outputs).compile("adam", "mse")
""",
        """
import tensorflow as tf

encoder, decoder = tf.keras.layers.Dense(8), tf.keras.layers.Dense(1)

def step(x, y):
    with tf.GradientTape() as tape:
        code = tf.round(encoder(x))  # expect: LL114
        loss = tf.reduce_mean(tf.square(decoder(code) - y))
    return tape.gradient(loss, encoder.trainable_variables + decoder.trainable_variables)
""",
    )
    GOOD = (
        """
import keras
from keras import ops

class Quantize(keras.layers.Layer):
    def call(self, x):
        return x + ops.stop_gradient(ops.round(x * 255.0) / 255.0 - x)

inputs = keras.Input((8,))
hidden = keras.layers.Dense(8)(inputs)
outputs = keras.layers.Dense(1)(Quantize()(hidden))
keras.Model(inputs, outputs).compile("adam", "mse")
""",
        """
import tensorflow as tf

encoder, decoder = tf.keras.layers.Dense(8), tf.keras.layers.Dense(1)

def step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(decoder(tf.round(encoder(x))) - y))
    return tape.gradient(loss, decoder.trainable_variables)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if loss.site.kind not in ("model", "tape") or FREEZES.search(loss.site.module.text):
            return
        calls: dict[int, list[tuple[Node, Target]]] = {}
        for target in loss.graph.targets:
            for node in trained_calls(loss, target):
                calls.setdefault(id(called_model(node)), []).append((node, target))
        for places in calls.values():
            if any(arrives(loss, node, target) for node, target in places):
                continue
            for node, target in places:
                cut = self.cut(loss, node, target)
                if cut is not None and loss.gradient_at(target).live(target.value):
                    yield self.problem(node, target, cut)
                    break

    def cut(self, loss: Loss, node: Node, target: Target) -> Cut | None:
        """The one operation that keeps the gradient from a call; None where it is meant, or has no single cause."""
        facts = loss.gradient
        cuts = facts.cuts_of(target.value, node.index)
        decisive = [cut for cut in cuts if node.index in facts.live_with(target.value, {cut.node.index})]
        raises = [c for c in cuts if c.cause in ESCAPES and loss.graph_severity(c.node) is Severity.ERROR]  # said elsewhere
        if raises or any(cut.cause is Cause.DETACH for cut in cuts):
            return None
        return decisive[-1] if decisive else None

    def problem(self, node: Node, target: Target, cut: Cut) -> Problem:
        layer, source = called_model(node), node.source
        if isinstance(layer, External) and layer.made is not None and source.span == target.source.span:
            source = layer.made  # a layer of a Sequential model is called where the model is compiled
        operation = cut.node.operation
        instead = operation.instead if operation is not None and operation.instead != "-" else ""
        return Problem(
            cut.node.source,
            f"{cut.node.source.text} passes no gradient on, and it is the only way from {source.text} to the "
            "loss: its weights get no gradient from it, while the layers after it train",
            instead or "use a straight-through estimator, x + tf.stop_gradient(tf.round(x) - x), or a smooth stand-in",
            related=(source,),
        )


def trained_calls(loss: Loss, target: Target) -> Iterator[Node]:
    """The calls of layers and models in the cone of a target whose weights are to be trained by it."""
    asked = None if target.tape is None else asked_models(target.sources)
    for node in loss.gradient.cone(target.value):
        layer = called_model(node)
        if node.op != "layer" or layer is None or node.context.no_grad:
            continue
        if target.tape is None:
            wanted = isinstance(layer, External) and has_weights(layer)
        else:
            wanted = asked is not None and layer in asked and target.tape in node.context.tapes
        if wanted:
            yield node


def asked_models(sources: Value | None) -> list[Value]:
    """The models and layers whose variables a tape is asked for; of an object its layers with weights."""
    found = models_of(sources) or [] if sources is not None else []
    parts = [v for m in found if isinstance(m, Instance) for v in m.attributes.values()]
    return [*found, *(v for v in parts if isinstance(v, External) and has_weights(v))]


def has_weights(layer: External) -> bool:
    trainable = layer.kwargs.get("trainable")
    return bool(WEIGHTS.search(canonical_name(layer.name))) and not isinstance(trainable, Const)


def arrives(loss: Loss, node: Node, target: Target) -> bool:
    """Whether the gradient of a target reaches a call, or nobody knows how the target depends on it."""
    facts = loss.gradient
    return node.index in facts.live(target.value) or node.index not in facts.reach(target.value)
