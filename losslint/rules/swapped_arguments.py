"""LL403."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import libcst as cst

from losslint.facts.gradient import Edge, edge
from losslint.facts.point import Cone, Point
from losslint.facts.variables import variable_of
from losslint.findings import Severity
from losslint.graph.nodes import Node, nodes_in
from losslint.graph.source import AstSource
from losslint.graph.values import Const, Value
from losslint.ops.moves import SAME_NUMBERS
from losslint.project.index import Function, argument, parameters
from losslint.project.module import Module
from losslint.project.roles import Role, role_by_name
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.given_shapes import calls_of

ASYMMETRIC = (
    "binary_crossentropy", "categorical_crossentropy", "kl_divergence", "poisson",
    "sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits", "mape", "msle", "hinge", "squared_hinge",
    "categorical_hinge", "binary_focal_crossentropy", "categorical_focal_crossentropy",
)  # fmt: skip
# Their labels are class numbers, which no model returns.
OF_CLASSES = ("sparse_categorical_crossentropy", "sparse_softmax_cross_entropy_with_logits", "nll_loss", "cross_entropy")
ENTROPIES = ("binary_crossentropy", "categorical_crossentropy", "kl_divergence")
MADE = ("one_hot", "ones", "zeros", "ones_like", "zeros_like")
GIVEN_BY = ("labels", "logits", "y_true", "y_pred", "input", "target")
TURNED = [Role.PREDICTION, Role.LABEL]  # what is given for (label, prediction)
DATA = ("param", "item")
LOGARITHMS = ("log", "log_softmax", "log_sigmoid")
SAMPLES = ((0.3, 0.8), (0.9, 0.2), (-0.4, 0.7), (0.0, 0.6), (1.0, 0.0))


class SwappedArguments(Rule):
    """The arguments of a loss are in the wrong order: Keras calls it with (y_true, y_pred).

    What it does: finds losses that Keras calls and that declare the prediction first, calls of built-in losses that are
    given the prediction as the label, and calls of the file's own losses whose arguments say so by their names. Losses
    that are symmetric in both are left alone, and those that have the same term in the right order as well. A Kullback-
    Leibler divergence is taken both ways, so the reverse one is worth an info.

    Why it is bad: it runs, and optimises something else: the mask is built from predictions, the log taken of labels.

    Use instead: declare ``(y_true, y_pred)``.

    Confirmed by: the loss differs when its arguments are exchanged.
    """

    code = "LL403"
    name = "swapped-arguments"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def relative_loss(y_pred, y_true):  # expect: LL403
    return tf.reduce_mean(tf.abs(y_true - y_pred) / (tf.abs(y_true) + 1.0), axis=-1)

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=relative_loss)
""",
        """
import tensorflow as tf

def smoothed_loss(y_true, y_pred):
    return tf.keras.losses.binary_crossentropy(y_pred, 0.9 * y_true + 0.05)  # expect: LL403

def two_heads_loss(y_true, y_pred):
    far = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) * 0.5
    return tf.keras.losses.poisson(y_pred, y_true) + far  # expect: LL403
""",
        """
import keras
import tensorflow as tf

class Classifier(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            p = self(x, training=True)
            loss = keras.ops.mean(keras.losses.binary_crossentropy(p, y, from_logits=True))  # expect: LL403
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
        return {"loss": loss}
""",
    )
    GOOD = (
        """
import tensorflow as tf

def jeffreys_loss(y_true, y_pred):
    kl = tf.keras.losses.KLDivergence()
    return kl(y_true, y_pred) + kl(y_pred, y_true)

def symmetric_loss(y_true, y_pred):
    y_pred = tf.clip_by_value(y_pred, 1e-7, 1.0)
    label = tf.clip_by_value(y_true, 1e-4, 1.0)
    forward = -tf.reduce_sum(y_true * tf.math.log(y_pred), axis=-1)
    return forward + 0.1 * tf.keras.losses.categorical_crossentropy(y_pred, label)

def reverse_kl_loss(y_true, y_pred):
    return tf.keras.losses.KLDivergence()(y_pred, y_true)
""",
        """
import torch
import torch.nn.functional as F

net, teacher = torch.nn.Linear(4, 3), torch.nn.Linear(4, 3)

def step(x, y):
    logits = net(x)
    with torch.no_grad():
        soft = F.softmax(teacher(x), dim=-1)
    loss = F.cross_entropy(logits, y) + F.cross_entropy(logits, soft) + F.nll_loss(F.log_softmax(logits, dim=-1), y)
    loss.backward()
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        yield from self.definition(loss)
        yield from self.calls(loss)
        yield from misplaced_calls(loss)

    def definition(self, loss: Loss) -> Iterator[Problem]:
        if not loss.called_by_keras:
            return
        if not isinstance(loss.site.node, Function):
            return
        arguments = loss.site.node.args
        names = [a for a in arguments.args if a.arg not in ("self", "cls")]
        if len(names) < 2:
            return
        first, second = (role_by_name(a.arg) for a in names[:2])
        given = len(names) - len(arguments.defaults) > 1
        others = second is Role.LABEL or (second is Role.UNKNOWN and loss.site.compiled and given)
        if first is Role.PREDICTION and others and not is_symmetric(loss, names[0].arg, names[1].arg):
            yield Problem(
                AstSource(loss.site.module, names[0]),
                f"Keras calls a loss with (y_true, y_pred), so {names[0].arg} receives the labels and {names[1].arg} the "
                "predictions, and this loss is not symmetric",
                f"exchange the parameters: ({names[1].arg}, {names[0].arg})",
            )

    def calls(self, loss: Loss) -> Iterator[Problem]:
        facts = loss.gradient
        labels = {n.index for n in loss.graph.params.values() if n.role is Role.LABEL}
        for node in loss.nodes:
            label, prediction = node.inputs.get("y_true"), node.inputs.get("y_pred")
            if node.op not in (*ASYMMETRIC, *OF_CLASSES) or label is None or prediction is None:
                continue
            if not facts.live(label) or facts.reach(prediction) or has_twin(loss, node):
                continue
            sources = {n.index for part in nodes_in(prediction) for n in facts.cone(part)}
            handed = isinstance(prediction, Node) and (
                is_of_batch(loss, prediction) or is_called_label(prediction) or is_made_label(prediction))
            if sources & labels or (is_output(label) and (handed or node.op in OF_CLASSES)):
                yield reversed_divergence(node) if node.op == "kl_divergence" else exchanged(node)


def is_of_batch(loss: Loss, value: Node, depth: int = 6) -> bool:
    """Whether a value is what ``train_step`` is handed, as ``x, y = data`` unpacks it: no model returns it."""
    if value.op == "cast" and depth:
        inner = value.inputs.get("x")
        return isinstance(inner, Node) and is_of_batch(loss, inner, depth - 1)
    whole = value.inputs.get("x")
    of_step = loss.site.class_node is not None and getattr(loss.site.node, "name", "") == "train_step"
    return of_step and value.op == "item" and isinstance(whole, Node) and whole.op == "param"


def is_called_label(value: Node) -> bool:
    """Whether a value is data that is called a label: the ``y`` of ``for x, y in batches``, or of ``step(x, y)``."""
    name = value.source.text
    return value.op in DATA and name.isidentifier() and (name in ("y", "Y") or role_by_name(name) is Role.LABEL)


def is_made_label(value: Node) -> bool:
    """Whether a value is made as labels are: as one-hot rows, or of ones or zeros alone."""
    inner = value.inputs.get("x")
    return value.op in MADE or (value.op in SAME_NUMBERS and isinstance(inner, Node) and is_made_label(inner))


def exchanged(node: Node) -> Problem:
    """A loss whose arguments nobody exchanges on purpose."""
    first = "prediction" if node.framework in ("torch", "jax") else "label"
    call = node.source.node
    named = isinstance(call, cst.Call) and any(given.keyword and given.keyword.value in GIVEN_BY for given in call.args)
    return Problem(
        node.source,
        f"{node.source.text} is given the prediction as the label" + ("" if named else f": the {first} comes first"),
        "exchange the two" if named else "exchange the first two arguments",
    )


def misplaced_calls(loss: Loss) -> Iterator[Problem]:
    """Calls of a function that say by their names that they give the prediction for its label, and the label for its
    prediction; not where another call gives them in order, as a symmetric loss does."""
    function = loss.site.node
    if not isinstance(function, ast.FunctionDef) or loss.site.module.index.class_around(function) is not None:
        return
    names = [parameter.arg for parameter in parameters(function)]
    places = {role: [name for name in names if role_by_name(name) is role] for role in (Role.LABEL, Role.PREDICTION)}
    if any(len(found) != 1 for found in places.values()):
        return
    (label,), (prediction,) = places[Role.LABEL], places[Role.PREDICTION]
    calls = list(calls_of(loss, function))
    given = [[argument(call, names.index(name), name) for name in (label, prediction)] for call in calls]
    roles = [[role_given(value, loss.site.module) for value in pair] for pair in given]
    if TURNED not in roles or TURNED[::-1] in roles or not tells_apart(loss, label, prediction):
        return
    for call, (for_label, for_prediction), found in zip(calls, given, roles, strict=True):
        if found == TURNED and for_label is not None and for_prediction is not None:
            yield Problem(
                AstSource(loss.site.module, call),
                f"{function.name} takes {ast.unparse(for_label)} for its {label} and {ast.unparse(for_prediction)} for its "
                f"{prediction}, and treats the two differently",
                f"exchange the two: {label} is the label, {prediction} the prediction",
            )


def role_given(value: ast.expr | None, module: Module) -> Role | None:
    """What an argument is: by its name, and by whether a model may have returned it, ``out = net(x)``."""
    if not isinstance(value, ast.Name):
        return None
    role = Role.LABEL if value.id in ("y", "Y") else role_by_name(value.id)
    bound, _ = module.index.lookup(value.id, module.index.scope(value))
    called = [made for made in bound if isinstance(made, ast.Call) and isinstance(made.func, ast.Name)]
    if role is Role.PREDICTION:
        return role if called and len(called) == len(bound) else None
    return None if called else role


def tells_apart(loss: Loss, label: str, prediction: str) -> bool:
    """Whether a function certainly does something else with its label: no derivative passes to it, or the numbers differ."""
    params = loss.graph.params
    if label not in params or prediction not in params:
        return False
    results = [node for value, _ in loss.results for node in nodes_in(value)]
    if loss.gradient.live(results[0]) if results else False:
        reached = passes_on(loss, params[label])
        return not any(node.index in reached for node in results) or differ(loss, label, prediction) is True
    return False


def passes_on(loss: Loss, source: Node) -> set[int]:
    """The nodes that a derivative with respect to one node passes through."""
    reached = {source.index}
    for node in loss.nodes:
        if any(operand.index in reached and edge(node, name, operand) is Edge.LIVE for name, operand in node.operands()):
            reached.add(node.index)
    return reached


def reversed_divergence(node: Node) -> Problem:
    """The divergence of the label from the prediction, which policies and variational models are trained with."""
    return Problem(
        node.source,
        f"{node.source.text} is the reverse divergence, of the label from the prediction: it settles on one mode of the "
        "labels instead of covering all",
        "exchange the first two arguments, unless the reverse divergence is meant",
        Severity.INFO,
    )


def has_twin(loss: Loss, swapped: Node) -> bool:
    """Whether the loss also has the same term in the right order: a symmetric loss (Jeffreys' divergence, symmetric cross
    entropy) has both. The twin may be written out: a label times the logarithm of a prediction."""
    facts = loss.gradient
    pairs = (pair for node in loss.nodes if node.index in loss.relevant for pair in in_order(node, swapped.op))
    return any(not facts.reach(label) and facts.live(prediction) for label, prediction in pairs)


def in_order(node: Node, op: str) -> Iterator[tuple[Value, Value]]:
    """What a term of one kind takes for the label and the prediction."""
    label, prediction = node.inputs.get("y_true"), node.inputs.get("y_pred")
    if node.op == op and label is not None and prediction is not None:
        yield label, prediction
    elif node.op == "mul" and op in ENTROPIES and len(node.inputs) == 2:
        one, other = node.inputs.values()
        yield from ((a, b) for a, b in ((one, other), (other, one)) if is_logarithm(b) and not isinstance(a, Const))


def is_logarithm(value: Value) -> bool:
    """Whether a value is a logarithm, with any sign."""
    while isinstance(value, Node) and value.op == "neg":
        value = value.inputs["x"]
    return isinstance(value, Node) and value.op in LOGARITHMS


def is_output(value: Value, depth: int = 6) -> bool:
    """Whether a value is what a model returns, or a function of nothing else."""
    if not isinstance(value, Node) or not depth:
        return False
    if value.op == "layer":
        return True
    inner = [*value.operands()]
    return value.family == "elementwise" and len(inner) == 1 and is_output(inner[0][1], depth - 1)


def is_symmetric(loss: Loss, first: str, second: str) -> bool:
    """Whether exchanging the two arguments changes nothing at some points; False when that cannot be seen."""
    return differ(loss, first, second) is False


def differ(loss: Loss, first: str, second: str) -> bool | None:
    """Whether exchanging the two arguments changes anything at some points; None when that cannot be seen."""
    results = [n for value, _ in loss.results for n in nodes_in(value) if isinstance(n, Node)]
    params = loss.graph.params
    if not results or first not in params or second not in params:
        return None
    cone = Cone.of(loss.gradient, *results)
    a, b = variable_of(params[first]), variable_of(params[second])
    if a is None or b is None:
        return None
    for x, y in SAMPLES:
        one, other = Point(cone, {a: x, b: y}), Point(cone, {a: y, b: x})
        if one.opaque:
            return None
        if abs(one(results[0]) - other(results[0])) > 1e-5:
            return True
    return False
