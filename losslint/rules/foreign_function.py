"""LL103."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.gradient import Cause
from losslint.graph.nodes import Node
from losslint.graph.values import External, Value
from losslint.ops.table import preferred
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
from losslint.rules.dead_term import dead_terms

FRAMEWORKS = {"tensorflow": "TensorFlow", "torch": "PyTorch", "jax": "JAX"}
COMPUTES = ("elementwise", "reduce", "linear", "loss")
CONVERTS = ("convert_to_tensor", "tensor", "identity")


class ForeignFunction(Rule):
    """A function of another library is called on a tensor: math, SciPy, scikit-learn, OpenCV, ``model.predict``.

    What it does: finds such calls where a tensor enters them inside a loss, also those of another framework:
    ``jnp.mean`` of a tensor of PyTorch.

    Why it is bad: they need values, so tracing raises (``TypeError``, ``NotImplementedError``); in eager code their
    result is unknown to the gradient tape. A framework refuses the tensors of another one that are to be trained.

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
        """
import tensorflow as tf

def train(model, features, x, y):
    with tf.GradientTape() as tape:
        out = model(x)
        distance = tf.reduce_mean((features.predict(out) - features.predict(y)) ** 2)  # expect: LL103
        loss = tf.reduce_mean(tf.abs(out - y)) + 0.1 * distance
    return tape.gradient(loss, model.trainable_variables)
""",
    )
    GOOD = (
        """
import tensorflow as tf

def train(model, teacher, x, y):
    with tf.GradientTape() as tape:
        out = model(x)
        loss = tf.reduce_mean(tf.abs(out - y)) + 0.1 * tf.reduce_mean((out - teacher.predict(x)) ** 2)
    return tape.gradient(loss, model.trainable_variables)
""",
        """
import math
import tensorflow as tf

def gaussian_loss(y_true, y_pred, sigma=0.5):
    return tf.reduce_mean(tf.square(y_true - y_pred)) / (2 * sigma**2) + math.log(sigma * math.sqrt(2 * math.pi))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        cut = {c.node.index for c in loss.cuts_by(Cause.FOREIGN)}
        refused: set[int] = set()
        terms = predicted_terms(loss)
        for node in loss.nodes:
            operand = of_another_framework(loss, node)
            if operand is not None and operand.index not in refused:
                refused.add(node.index)
                yield mixed(node, operand, home_of(loss, operand))
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
            elif severity is None and node.index in terms:
                yield Problem(
                    node.source,
                    f"{node.source.text} returns NumPy arrays: the term {terms[node.index].source.text} adds to the loss, "
                    "and no gradient of it reaches the model",
                    advice(loss, node),
                    related=(terms[node.index].source,),
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


def predicted_terms(loss: Loss) -> dict[int, Node]:
    """The calls of ``predict`` that leave one term of a loss without a gradient while another trains, with that term."""
    if not any(node.op == "python.predict" for node in loss.nodes):
        return {}
    return {cut.node.index: term for facts, term in dead_terms(loss) for cut in facts.decisive_cuts(term)
            if cut.node.op == "python.predict"}


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


def of_another_framework(loss: Loss, node: Node) -> Node | None:
    """The operand of a framework's function that is surely a tensor of another one, and refused. What is not trained can
    still be read by TensorFlow, as an array."""
    called = "raw" in node.detail and node.framework in FRAMEWORKS
    if not called or node.family not in COMPUTES or node.op in CONVERTS or node.context.no_grad:
        return None
    return next((
        operand for operand in tensor_operands(node)
        if home_of(loss, operand) not in ("", node.framework) and loss.gradient.live(operand)), None)


def home_of(loss: Loss, value: Value | None, depth: int = 8) -> str:
    """The framework that a value is a tensor of; "" where that is not sure, as for what models of Keras return, which run on
    any."""
    if not isinstance(value, Node) or not depth:
        return ""
    if value.op == "param":
        return "jax" if value.name in loss.site.differentiated else ""
    if value.op == "layer":
        model = value.detail.get("object")
        return "torch" if isinstance(model, External) and model.name.startswith("torch.") else ""
    if "raw" in value.detail:
        return value.framework if value.framework in FRAMEWORKS else ""
    if value.family not in COMPUTES and value.op != "item":
        return ""
    homes = (home_of(loss, operand, depth - 1) for name, operand in value.operands() if name != "index")
    return next(filter(None, homes), "")


def mixed(node: Node, operand: Node, home: str) -> Problem:
    """A function of one framework that is given a tensor of another."""
    own, other = FRAMEWORKS[node.framework], FRAMEWORKS[home]
    replacement = preferred(home, node.op)
    return Problem(
        node.source,
        f"{node.source.text} is {own}, but {operand.source.text} is a tensor of {other}: {own} raises, and once it is "
        "converted no gradient passes from one to the other",
        f"use {replacement}" if replacement else f"compute the whole loss in {other}",
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
