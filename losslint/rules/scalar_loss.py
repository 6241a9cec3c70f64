"""LL402."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losslint.facts.shape import REDUCTIONS, ShapeFacts, is_number
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.source import AstSource
from losslint.graph.values import Const, Value
from losslint.project.fits import weighted_fits_of_class
from losslint.project.index import defaults, parameters
from losslint.project.labels import BATCH
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.given_shapes import as_keras_gives
from losslint.rules.normalised_axis import normalised_over_batch

WEIGHT = re.compile(r"(^|_)(weights?|w|wts?)$")
KEEPS_SIZE = ("l2_normalize", "softmax", "log_softmax", "cumsum")


class ScalarLoss(Rule):
    """The loss is reduced over the batch, while the project passes sample or class weights.

    What it does: finds losses that return one number for the whole batch, and train steps that do not use the weights
    they unpack, where a model that is compiled with them is given ``sample_weight`` or ``class_weight``: by name, by
    position, in ``**options``, or as the third part of a data set's rows.
    A parameter ``sample_weight=None`` of such a loss is pointed at: Keras never passes it.
    Without weights a mean over all is fine; a sum over the batch, and work along axis 0, is worth an info, so is a softmax
    along axis 0 of what is a row for each sample: a label of its own picks from it, or its other axis is summed.

    Why it is bad: Keras multiplies what the loss returns with the weights of the samples: a scalar times their mean. No
    sample is weighted, and nothing warns. What is left of a reduction along axis 0 has one value an output, which Keras
    takes for one value a sample.

    Use instead: one value a sample, ``tf.reduce_mean(..., axis=-1)``.

    Confirmed by: the weighted loss differs from the weighted mean of the losses of the samples.
    """

    code = "LL402"
    name = "scalar-loss"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def smooth_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred))  # expect: LL402

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=smooth_loss)
model.fit([[0.0]], [[1.0]], class_weight={0: 1.0, 1: 5.0})
""",
        """
import tensorflow as tf

class Weighted(tf.keras.Model):
    def train_step(self, data):
        x, y, sample_weight = tf.keras.utils.unpack_x_y_sample_weight(data)  # expect: LL402
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.keras.losses.binary_crossentropy(y, self(x, training=True)))
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return {"loss": loss}

inputs = tf.keras.Input((4,))
model = Weighted(inputs, tf.keras.layers.Dense(1, activation="sigmoid")(inputs))
model.compile(optimizer="adam")
model.fit([[0.0] * 4], [[1.0]], class_weight={0: 1.0, 1: 5.0})
""",
        """
import tensorflow as tf

def r2_loss(y_true, y_pred, sample_weight=None):  # expect: LL402
    weights = tf.ones_like(y_true) if sample_weight is None else sample_weight
    residual = tf.reduce_sum(weights * tf.square(y_true - y_pred))
    return residual / (tf.reduce_sum(weights * tf.square(y_true)) + 1.0)

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=r2_loss)
model.fit([[0.0], [1.0]], [[1.0], [2.0]], sample_weight=tf.constant([1.0, 3.0]))
""",
    )
    GOOD = (
        """
import torch
from torch import nn

class Slots(nn.Module):
    def __init__(self):
        super().__init__()
        self.slots, self.energy = nn.Linear(16, 4), nn.Linear(16, 1)

    def forward(self, rows, bags):
        to_slots = torch.softmax(self.slots(rows).T, dim=0)
        weights = torch.softmax(self.energy(bags).squeeze(-1), dim=1)
        mixed = torch.softmax(rows, dim=0)
        slots = torch.einsum("kn,nd->kd", to_slots, rows)
        return slots.mean() + torch.einsum("bn,bnd->bd", weights, bags).mean() + torch.einsum("nd,nd->d", mixed, rows).mean()

slots = Slots()
slots(torch.randn(8, 16), torch.randn(8, 12, 16)).backward()
""",
        """
import jax
import jax.numpy as jnp

def class_loss(params, x, labels):
    logp = jax.nn.log_softmax(x @ params, axis=-1)
    return -jnp.mean(jnp.take_along_axis(logp, labels[:, None], axis=1))

def columns_loss(params, x, labels):
    logp = jax.nn.log_softmax(params @ x.T, axis=0)
    return -jnp.mean(jnp.take_along_axis(logp, labels[None], axis=0))

def pairs_loss(params, x, other):
    similarity = (x @ params) @ other.T
    pairs = jnp.arange(len(x))[:, None]
    of_rows, of_columns = jax.nn.log_softmax(similarity, axis=1), jax.nn.log_softmax(similarity, axis=0)
    return -jnp.mean(jnp.take_along_axis(of_rows, pairs, axis=1) + jnp.take_along_axis(of_columns, pairs, axis=1))

def one_way_loss(params, x, other):
    logp = jax.nn.log_softmax((x @ params) @ other.T, axis=0)
    return -jnp.mean(jnp.take_along_axis(logp, jnp.arange(len(x))[:, None], axis=1))

def symmetric_loss(params, x, other, partner):
    similarity = (x @ params) @ other.T
    of_rows, of_columns = jax.nn.log_softmax(similarity, axis=1), jax.nn.log_softmax(similarity, axis=0)
    return -jnp.mean(jnp.take_along_axis(of_rows + of_columns, partner[:, None], axis=1))

gradients = [jax.grad(f) for f in (class_loss, columns_loss, pairs_loss, one_way_loss, symmetric_loss)]
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        yield from unused_weights(loss)
        yield from normalised_over_batch(loss)
        if not loss.called_by_keras:
            return
        shapes = ShapeFacts(loss.graph, as_keras_gives(loss))
        weights = weights_passed(loss)
        for value, target in loss.results:
            if weights and shapes(value) == () and (hoped_for := weights_wanted(loss)) is not None:
                yield Problem(
                    AstSource(loss.site.module, hoped_for),
                    f"{hoped_for.arg} is always None: Keras calls a loss function with (y_true, y_pred) alone, and "
                    f"multiplies what it returns, here one number, by the weights that {weights} passes: no sample is "
                    "weighted",
                    "return one value a sample (axis=-1) and leave the weights to Keras",
                    related=(target.source,),
                )
                continue
            if weights and shapes(value) == ():
                yield Problem(
                    target.source,
                    f"one number for the whole batch, while {weights} passes weights: Keras multiplies it by the mean "
                    "weight, so no sample is weighted",
                    "return one value a sample: reduce over the features only (axis=-1)",
                )
                continue
            for node in summed(value):
                rows = shapes(node.inputs.get("x"))
                if loss.gradient.live(node) and shapes(node) == () and rows is not None and BATCH in rows:
                    yield Problem(
                        node.source,
                        f"{node.source.text} adds up the whole batch: the loss and the step grow with the batch size",
                        "take the mean, or reduce over the features only (axis=-1)",
                        Severity.INFO,
                    )
        left_over = [shape for value, _ in loss.results if (shape := shapes(value)) and BATCH not in shape]
        for node in loss.nodes:
            if node.index in loss.relevant and loss.gradient.live(node) and over_batch(node, shapes):
                kept = node.op in KEEPS_SIZE
                if not kept and not left_over:
                    continue  # a mean over the batch to take away, say
                yield Problem(
                    node.source,
                    f"{node.source.text} works along axis 0, the batch: "
                    + ("each value depends on the other samples of its batch" if kept else
                       "what is left is one value an output, which Keras takes for one value a sample"),
                    "work along the features (axis=-1)",
                    Severity.INFO,
                )


def weights_wanted(loss: Loss) -> ast.arg | None:
    """The parameter of a compiled function by which it would be given weights: None by default, and never passed."""
    site, function = loss.site, loss.site.node
    if site.kind == "method" or not isinstance(function, ast.FunctionDef):
        return None
    default, built = defaults(function), {word.arg for call in (site.built_by, *site.built_again) if call is not None
                                          for word in call.keywords}
    return next((
        parameter for parameter in parameters(function)
        if WEIGHT.search(parameter.arg) and parameter.arg not in built and is_none(default.get(parameter.arg))), None)


def is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def summed(value: Value, depth: int = 8) -> Iterator[Node]:
    """The sums over everything that a loss is, or adds to its other terms."""
    if not isinstance(value, Node) or not depth:
        return
    scaled = value.op == "mul" and any(isinstance(v, Const) for v in value.inputs.values())
    if value.op == "sum":
        yield value
    elif scaled or value.op in ("add", "sub", "neg", "identity", "cast"):
        for part in value.inputs.values():
            yield from summed(part, depth - 1)


def over_batch(node: Node, shapes: ShapeFacts) -> bool:
    """Whether an operation reduces or normalises rows of features along the batch."""
    shape = shapes(node.inputs.get("x"))
    along = node.op in (*REDUCTIONS, *KEEPS_SIZE) and is_number(node.inputs.get("axis"), 0)
    return along and shape is not None and len(shape) > 1 and shape[0] == BATCH


def unused_weights(loss: Loss) -> Iterator[Problem]:
    """A ``train_step`` that unpacks the sample weights and never looks at them, while ``fit`` is given some."""
    step = loss.site.node
    passed = weights_passed(loss)
    if not passed or not isinstance(step, ast.FunctionDef) or step.name != "train_step":
        return
    read = {n.id for n in ast.walk(step) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    for statement in ast.walk(step):
        match statement:
            case ast.Assign(targets=[ast.Tuple(elts=[_, _, ast.Name(id=name) as weights])]) if name not in read:
                yield Problem(
                    AstSource(loss.site.module, weights),
                    f"{name} is unpacked and never used, while {passed} passes weights: no sample is weighted",
                    f"hand it on: self.compute_loss(x, y, y_pred, {name}), or multiply the losses of the samples by it",
                )


def weights_passed(loss: Loss) -> str:
    """The place where a model that is compiled with the loss, or trained by this ``train_step``, gets weights; "" where none
    does."""
    site = loss.site
    home = site.class_node
    of_class = weighted_fits_of_class(home, site.module) if home is not None else []
    places = [*site.weighted, *((site.module, fit) for fit in of_class)]
    if not places:
        return ""
    module, fit = places[0]
    return f"row {fit.lineno}" + ("" if module is site.module else f" of {module.path.name}")
