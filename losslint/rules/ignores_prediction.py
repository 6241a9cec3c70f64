"""LL110."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losslint.facts.gradient import VARIABLES, models_of
from losslint.findings import Severity
from losslint.graph.nodes import Kind, Node, nodes_in
from losslint.graph.values import Const, Seq, Value
from losslint.project.index import walk
from losslint.project.names import has_loss_word, names_loss
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule

DUMMY = re.compile(r"dummy|zero|identity|fake|no_?loss|noop|none|constant|placeholder|stub|mock", re.I)
TRAINED = ("unknown", "weight", "attribute", "layer", "python.predict")  # what may hold the variables of a model
LOOKS_ELSEWHERE = (*TRAINED, "array_method")


class IgnoresPrediction(Rule):
    """The returned value does not depend on the prediction.

    What it does: follows the returned value back; when the prediction is not among what it is computed from, there is
    nothing to train. (A loss that ignores the label is an info: it may be a regulariser.)

    Why it is bad: the gradient is None for every weight.

    Use instead: compute the loss from the prediction. Dummy losses of multi-output models are left alone.

    Confirmed by: running the loss under ``tf.GradientTape`` (gradient None).
    """

    code = "LL110"
    name = "ignores-prediction"
    BAD = (
        """
import tensorflow as tf

class PaddedError(tf.keras.losses.Loss):
    def __init__(self, padded=False):
        super().__init__()
        self.padded = padded

    def call(self, y_true, y_pred):
        if self.padded:
            y_true, y_pred = y_true[1:], y_true[1:]
        return tf.keras.losses.mae(y_true, y_true)  # expect: LL110
""",
        """
import tensorflow as tf

def spread_loss(y_true, y_pred):
    centre = tf.reduce_mean(y_true, axis=0)
    return tf.reduce_mean(tf.square(y_true - centre), axis=-1)  # expect: LL110
""",
        """
import tensorflow as tf

net = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(4)])

def denoising_step(clean):
    noise = tf.random.normal(tf.shape(clean))
    noisy = clean + noise
    with tf.GradientTape() as tape:
        predicted = net(noisy)
        loss = tf.reduce_mean(tf.square(noisy - noise))  # expect: LL110
    return tape.gradient(loss, net.trainable_variables)
""",
    )
    GOOD = (
        """
import tensorflow as tf

net = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(4)])
scale = tf.Variable(1.0)

def probe_step(x, y):
    with tf.GradientTape() as tape:
        predicted = net(x)
        loss = tf.reduce_mean(tf.square(predicted - y))
    return tape.gradient(loss, net.trainable_variables)

def decay_step(x):
    with tf.GradientTape() as tape:
        net(x)
        loss = tf.add_n([tf.nn.l2_loss(w) for w in net.trainable_variables])
    return tape.gradient(loss, net.trainable_variables)

def added_step(x):
    with tf.GradientTape() as tape:
        net(x)
        loss = tf.add_n(net.losses)
    return tape.gradient(loss, net.trainable_variables)

def scale_step(x, y):
    with tf.GradientTape() as tape:
        net(x)
        loss = tf.reduce_mean(tf.square(scale * x - y))
    return tape.gradient(loss, [scale])

def input_step(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        net(x)
        loss = tf.reduce_mean(tf.square(x))
    return tape.gradient(loss, x)
""",
        """
import torch
from torch.distributions import AffineTransform, Categorical

def weighted_likelihood_loss(logits, target, weight):
    policy = Categorical(logits=logits)
    return -(weight * policy.log_prob(target)).sum() / weight.sum()

def ratio_loss(logits, action, old, advantage):
    return -((Categorical(logits=logits).log_prob(action) - old).exp() * advantage).mean()

def shift_loss(pred, target):
    move = AffineTransform(0.0, pred)
    return (move(target) - target).pow(2).mean()
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        yield from unused_outputs(loss)
        params = loss.graph.params.values()
        if not loss.site.certain or not any(p.role is Role.PREDICTION for p in params):
            return
        if DUMMY.search(loss.site.qualname) or loss.graph.gaps:
            return
        facts = loss.gradient
        for value, target in loss.results:
            if not any(n.kind is Kind.TENSOR for n in nodes_in(value)) or target.how != "return":
                continue
            if isinstance(target.value, Seq) and any(isinstance(part, Const) for part in target.value.items):
                continue  # an abstract method somewhere below returns nothing
            cone = [n for n in facts.cone(value) if not is_flag(loss, n)]
            if any(n.family == "variable" or is_known_elsewhere(n) for n in cone) or deleted(loss):
                continue
            if of_the_factory(loss, cone):
                continue
            if not facts.reach(value):
                if only_a_label(cone):
                    continue
                yield Problem(
                    target.source,
                    f"the returned value does not depend on {loss.prediction}: there is nothing to train",
                    f"compute the loss from {loss.prediction}",
                )
            elif (
                not any(n.op == "param" and n.role in (Role.LABEL, Role.TENSOR, Role.UNKNOWN) for n in cone)
                and any(p.role is Role.LABEL for p in params)
                and sum(n.op != "param" for n in cone) > 1
            ):
                label = next(p.name for p in params if p.role is Role.LABEL)
                yield Problem(
                    target.source,
                    f"the returned value does not depend on {label}: unless the batch itself says what is right, as in a "
                    "contrastive loss, every prediction is pulled the same way",
                    f"compare {loss.prediction} with {label}, or rename the parameter to _ if this is a regulariser",
                    Severity.INFO,
                )


def unused_outputs(loss: Loss) -> Iterator[Problem]:
    """What a tape is to differentiate by the variables of a model, where nothing that the model returned enters it."""
    if loss.graph.gaps:
        return
    for value, target in loss.results:
        if target.tape is None or target.sources is None or not isinstance(value, Node):
            continue
        facts = loss.gradient_at(target)
        cone = [*facts.cone(value)]
        made = [node for node in loss.nodes if node.op == "layer" and target.tape in node.context.tapes]
        elsewhere = any(
            n.op in TRAINED or n.op in ("gradient", "phi") or n.family in ("variable", "state") for n in cone)
        if not made or not of_model(target.sources) or facts.reach(value) or elsewhere or len(cone) < 2:
            continue
        called = [*made[-1].source.route][-1].text
        yield Problem(
            value.source,
            f"{value.source.text} does not depend on what {called} returns: there is nothing to train",
            f"compute the loss from what {called} returns",
        )


def of_model(sources: Value) -> bool:
    """Whether a gradient is asked for by the variables of a model: ``net.trainable_variables``, ``self.weights``."""
    return bool(models_of(sources)) or (
        isinstance(sources, Node) and sources.op == "variable" and sources.source.text.rpartition(".")[2] in VARIABLES)


def is_flag(loss: Loss, node: Node) -> bool:
    """Whether an attribute only decides between branches: ``self.normalise`` is configuration, not a hidden output."""
    return node.op == "attribute" and all(
        user.op == "python.bool" or (user.op == "phi" and user.inputs.get("condition") is node)
        for user in loss.users(node)
    )


def is_known_elsewhere(node: Node) -> bool:
    """Whether the prediction may be in a value that is not known here: also in what was computed from it before, as in
    ``reweight(mse, logits)``, and in what an abstract method returns in the classes that have it."""
    if node.op == "param":
        return node.role is Role.UNKNOWN and (names_loss(node.name) or has_loss_word(node.name))
    first = next(iter(node.inputs.values()), None)
    return node.op in LOOKS_ELSEWHERE or (node.family in ("reduce", "elementwise") and first == Const(None))


def of_the_factory(loss: Loss, cone: list[Node]) -> bool:
    """Whether a loss is computed from nothing but what its factory was given: the divergence of a latent code."""
    given = [node for node in cone if node.op == "param"]
    return bool(given) and not any(node is own for node in given for own in loss.graph.params.values())


def only_a_label(cone: list[Node]) -> bool:
    """``return 0 * y_true`` or a constant: a deliberate stand-in, not a forgotten prediction."""
    made = [n for n in cone if n.op != "param"]
    return (len(made) <= 1 and not any(n.family == "loss" for n in made)) or len(made) == len(cone)


def deleted(loss: Loss) -> bool:
    """``del y_pred`` says that the argument is ignored on purpose."""
    return any(
        isinstance(n, ast.Delete) and any(isinstance(x, ast.Name) and x.id in loss.graph.params for x in walk(n))
        for n in walk(loss.site.node)
    )
