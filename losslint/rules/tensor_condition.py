"""LL201."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.graph.nodes import Kind, Node
from losslint.graph.source import AstSource
from losslint.project.modes import Mode
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule, error_of_truth, where_it_raises
from losslint.rules.given_shapes import calls_of

HOW = {
    "if": "if", "while": "while", "conditional expression": "the conditional expression", "assert": "assert",
    "bool()": "bool()", "comprehension condition": "the condition of the comprehension",
}  # fmt: skip
AUTOGRAPH_CONVERTS = ("if", "while", "conditional expression")
SAME_SHAPE = ("cast", "convert_to_tensor", "greater", "greater_equal", "less", "less_equal", "equal", "not_equal")
INSTEAD = {
    "while": "use tf.while_loop",
    "assert": "use tf.debugging.assert_greater and its relatives",
}
CHOOSE = (
    "use tf.where(condition, a, b), which computes both sides element by element; for one scalar condition tf.cond or "
    "@tf.function also work"
)
SELECTIONS = {  # of JAX, and what they raise; ``where`` with a condition alone
    "boolean_mask": "NonConcreteBooleanIndexError", "nonzero": "ConcretizationTypeError",
    "where": "ConcretizationTypeError", "unique": "ConcretizationTypeError", "compress": "TracerBoolConversionError",
}  # fmt: skip
INSTEAD_IN_JAX = "use jnp.where(condition, a, b), which computes both sides, or jax.lax.cond"


class TensorCondition(Rule):
    """Python asks a tensor whether it is true: ``if``, ``while``, a conditional expression, ``assert``.

    What it does: finds conditions that depend on the value of a tensor. Configuration, ``is None``, static shapes and
    ranks, ``isinstance`` and ``training`` flags are Python values and fine. Under ``jax.jit`` a selection ``x[x > 0]`` asks
    the same of each element, as its shape depends on the answers; a text such as ``"mean"`` is no argument that it traces.

    Why it is bad: Keras 3 ``fit`` traces the loss without AutoGraph and raises ``OperatorNotAllowedInGraphError: Using a
    symbolic tf.Tensor as a Python bool is not allowed``. The gradient itself is not the trouble: where the code
    runs (eagerly, under the user's own ``@tf.function``, in Keras 2) it is right.

    Use instead: ``tf.where`` (both sides are computed), ``tf.cond``, or ``@tf.function`` on the function that holds the
    ``if``. A jump between the branches stays a jump, whichever is used.

    Confirmed by: tracing the loss without AutoGraph (raises).
    """

    code = "LL201"
    name = "tensor-condition"
    BAD = (
        """
import tensorflow as tf

def switching_loss(y_true, y_pred):
    error = tf.abs(y_true - y_pred)
    if tf.reduce_mean(error) > 1.0:  # expect: LL201
        return tf.reduce_mean(error)
    return tf.reduce_mean(tf.square(error))
""",
        """
import tensorflow as tf

def scaled_loss(y_true, y_pred):
    positives = tf.reduce_sum(y_true)
    scale = 1.0 / positives if positives > 0 else 1.0  # expect: LL201
    return scale * tf.reduce_sum(tf.abs(y_true - y_pred))
""",
        """
import tensorflow as tf

@tf.function
def pinball_loss(y_true, y_pred):
    error = y_true - y_pred
    return 0.9 * error if error > 0 else -0.1 * error  # expect: LL201
""",
    )
    GOOD = (
        """
from functools import partial

import jax
import jax.numpy as jnp

@partial(jax.jit, static_argnames=("reduction",))
def reduced_loss(params, x, y, reduction="mean"):
    error = (x @ params - y) ** 2
    return error.mean() if reduction == "mean" else error.sum()

@jax.jit
def mean_loss(params, x, y, reduction="mean"):
    error = (x @ params - y) ** 2
    return error.mean() if reduction == "mean" else error.sum()

def chosen_loss(params, x, y, kind):
    return reduced_loss(params, x, y, "sum") if kind == "sum" else mean_loss(params, x, y)

given = (jnp.ones(3), jnp.ones((4, 3)), jnp.ones(4))
slopes = [jax.grad(reduced_loss)(*given, "sum"), jax.grad(mean_loss)(*given), jax.grad(chosen_loss)(*given, "sum")]
""",
        """
import jax
import jax.numpy as jnp

def hinge_loss(params, x, y):
    margin = 1.0 - y * (x @ params)
    return jnp.sum(jnp.where(margin > 0, margin, 0.0))

def selected_loss(params, x, y):
    return jnp.sum((x @ params - y)[y > 0] ** 2)

slope, eager_slope = jax.jit(jax.grad(hinge_loss)), jax.grad(selected_loss)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        yield from traced_texts(loss)
        for node in loss.nodes:
            if node.op in SELECTIONS and loss.site.framework == "jax" and selects_when_traced(loss, node):
                yield Problem(
                    node.source,
                    f"how many elements {node.source.text} has depends on values: jax.jit raises {SELECTIONS[node.op]}",
                    "use jnp.where(mask, x, 0.0), and divide its sum by the sum of the mask where a mean is meant",
                )
                continue
            how = node.detail.get("how")
            operand = node.inputs.get("x")
            if node.op != "python.bool" or how not in HOW or getattr(operand, "kind", None) is not Kind.TENSOR:
                continue
            if getattr(operand, "detail", {}).get("boolean"):
                continue  # LL202 has said it
            converts = how in AUTOGRAPH_CONVERTS
            if converts and node.context.mode is Mode.AUTOGRAPH and one_per_sample(operand):
                yield Problem(
                    node.source,
                    f"{HOW[str(how)]} needs one truth value, but {node.source.text} has one for each sample, which raises "
                    "also where AutoGraph converts the condition",
                    "use tf.where(condition, a, b), which computes both sides element by element",
                )
                continue
            severity = loss.graph_severity(node, autograph_converts=converts)
            if severity is not None:
                jax = loss.site.framework == "jax"
                instead = INSTEAD_IN_JAX if jax else INSTEAD.get(str(how), CHOOSE)
                asked = operand.source if how == "bool()" and isinstance(operand, Node) else node.source
                yield Problem(
                    node.source,
                    f"{HOW[str(how)]} needs the value of the tensor {asked.text}: "
                    f"{where_it_raises(loss, node)} raises {error_of_truth(loss)}",
                    instead,
                    severity,
                )


def traced_texts(loss: Loss) -> Iterator[Problem]:
    """Texts that are handed to a function which ``jax.jit`` traces, every argument of it."""
    site, function = loss.site, loss.site.node
    if site.framework != "jax" or not isinstance(function, ast.FunctionDef):
        return
    if not any(site.module.dotted(decorator) == "jax.jit" for decorator in function.decorator_list):
        return  # perhaps with static_argnames
    for call in calls_of(loss, function):
        for given in (*call.args, *(word.value for word in call.keywords)):
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                yield Problem(
                    AstSource(site.module, given),
                    f"jax.jit traces every argument of {function.name}, and {given.value!r} is no array: TypeError",
                    "name the parameter that decides in @partial(jax.jit, static_argnames=(...))",
                )


def selects_when_traced(loss: Loss, node: Node) -> bool:
    """Whether a selection by values stands in what ``jax.jit`` traces, and is made by what it traces."""
    if loss.site.mode is not Mode.GRAPH or any(name in node.inputs for name in ("size", "y")):
        return False
    traced = {n.index for n in loss.graph.params.values()}
    chosen = node.inputs.get("mask") or node.inputs.get("condition") or node.inputs.get("x")
    return chosen is not None and any(n.index in traced for n in loss.gradient.cone(chosen))


def one_per_sample(value: object, depth: int = 8) -> bool:
    """Whether a value is computed element by element from a label or prediction, so that it has the batch axis."""
    if not isinstance(value, Node) or not depth:
        return False
    if value.op == "param":
        return value.role in (Role.PREDICTION, Role.LABEL)
    plain = value.family == "elementwise" or value.op in SAME_SHAPE
    return plain and any(one_per_sample(operand, depth - 1) for _, operand in value.operands())
