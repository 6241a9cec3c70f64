"""LL404."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import libcst as cst

from losslint.facts.axes import certain_axes
from losslint.findings import Severity
from losslint.graph.indexing import may_be_several
from losslint.graph.nodes import Kind, Node, Target, below
from losslint.graph.source import AstSource, Source
from losslint.graph.values import NONE, NOTHING, Const, External, Map, Seq, Value
from losslint.ops.table import lookup
from losslint.project.bodies import ends_in_computing, ends_in_vain, forgets_return
from losslint.project.index import keyword, last_name, walk
from losslint.project.modes import Mode, is_true
from losslint.project.module import Module
from losslint.project.roles import Role
from losslint.project.uses import wrapper
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.numerics import reaches

COMPUTES = ("elementwise", "reduce", "linear", "move", "gather", "cast", "compare", "round", "sign", "loss")
OPERANDS = ("x", "y", "indices", "y_true", "y_pred")
SHAPES = ("static_dim", "static_rank", "static_shape")
RETURNED_BY_STEP = {"compute_loss": "the loss", **dict.fromkeys(("train_step", "test_step"), 'a dict, {"loss": loss},')}
STARTED_BY = {"test_step": "evaluation"}
BACKWARD = "asked for its backward()"
BATCHED = re.compile(r"batch|images|labels|inputs|targets|samples|^[xy]s$|^[xy]b$", re.IGNORECASE)  # names of many rows
VALIDATES = ("validation_data", "validation_split")


class BadReturn(Rule):
    """A loss returns None, several values, nothing on some path, or an array where one number is wanted.

    What it does: follows every path of the loss to its end; and finds helpers that end without a ``return`` while the
    loss computes with what they give, and a ``train_step``, ``test_step`` or ``compute_loss`` of a model that
    ends so. Where no
    ``compile`` is in sight, only of a loss that ends in nothing for some shapes. In PyTorch and JAX it finds None or
    several values where ``jax.grad`` differentiates a loss, and what ``backward()`` or ``jax.grad`` is given with
    more than one number, as far as numbers in the code say so.

    Why it is bad: None raises ``None values not supported``; a dict raises; a tuple or list is silently stacked and
    averaged. ``backward()`` and ``jax.grad`` raise for everything but one number.

    Use instead: return one float tensor on every path; add the terms of a sum.

    Confirmed by: running the loss.
    """

    code = "LL404"
    name = "bad-return"
    BAD = (
        """
import tensorflow as tf

def forgotten_loss(y_true, y_pred):  # expect: LL404
    loss = tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)

def object_loss(y_true, y_pred):
    return tf.keras.losses.MeanSquaredError(y_true, y_pred)  # expect: LL404

other = tf.keras.Sequential([tf.keras.layers.Dense(1)])
other.compile(loss=object_loss)

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=forgotten_loss)
""",
        """
import tensorflow as tf

def two_part_loss(y_true, y_pred):
    error = y_true - y_pred
    return tf.reduce_mean(tf.abs(error), axis=-1), tf.reduce_mean(tf.square(error), axis=-1)  # expect: LL404

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=two_part_loss)
""",
        """
import tensorflow as tf

def overlap(y_true, y_pred):
    score = tf.reduce_sum(y_true * y_pred) / (tf.reduce_sum(y_true + y_pred) + 1.0)

def overlap_loss(y_true, y_pred):
    return 1.0 - 2.0 * overlap(y_true, y_pred)  # expect: LL404
""",
    )
    GOOD = (
        """
import keras
import tensorflow as tf

class Hooked(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        weight = self.weight_of(x)
        raise NotImplementedError(f"one loss for each task, weighted by {weight}")

class Looped(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - self(x, training=True)))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))

def train(model, batches):
    for batch in batches:
        model.train_step(batch)

class Penalised(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)
        return loss + 0.1 * tf.reduce_mean(tf.square(y_pred))
""",
        """
import tensorflow as tf

def logged(name):
    def decorate(function):
        def wrapper(y_true, y_pred):
            value = function(y_true, y_pred)
            tf.summary.scalar(name, tf.reduce_mean(value))
            return value
        return wrapper
    return decorate

@logged("error")
def squared_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)

model = tf.keras.Sequential([tf.keras.layers.Dense(3)])
model.compile(loss=squared_loss)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for node in loss.nodes:
            if (what := done_with_none(node)) and not node.context.guarded:
                yield given_none(loss, node, what)
        yield from lost_by_a_step(loss)
        if loss.graph.gaps:
            return
        yield from not_a_number(loss)
        if not loss.called_by_keras:
            return
        for target in loss.graph.targets:
            value = target.value
            if (condition := only_for_some_shapes(value)) is not None:
                yield Problem(
                    AstSource(loss.site.module, name_of(loss.site.node, loss.site.module)),
                    f"the loss returns None unless {condition.source.text}: Keras raises `None values not supported`",
                    "return one tensor for every shape, or raise an error for those that are not meant",
                    Severity.WARNING,
                )
            elif is_made_of_tensors(value):
                yield Problem(
                    target.source,
                    f"{target.source.text} makes a loss object, whose settings these are to be, and computes nothing: it "
                    "raises",
                    "call the object: put () before the tensors",
                )
            elif not loss.site.compiled and put_in_its_place(loss, target) is None:
                continue
            elif isinstance(value, Seq) and len(value.items) > 1:
                yield Problem(
                    target.source,
                    "the loss returns several values: Keras stacks them silently and trains on their mean",
                    "return one tensor: add the terms, with their weights",
                    Severity.WARNING,
                )
            elif isinstance(value, Map):
                yield Problem(target.source, "the loss returns a dict: Keras raises TypeError", "return one tensor")
            elif may_be_none(value) and does_something(loss.site.node):
                always = isinstance(value, Const)
                wrapper = put_in_its_place(loss, target)
                yield Problem(
                    wrapper or AstSource(loss.site.module, name_of(loss.site.node, loss.site.module)),
                    (f"{wrapper.text}, which a decorator puts in place of the loss, returns None" if wrapper
                     else "the loss returns None")
                    + ("" if always else " on some path")
                    + ": Keras raises `None values not supported`",
                    "end every path with `return` of one tensor, or raise an error for unknown settings",
                    None if always else Severity.WARNING,
                )


def given_none(loss: Loss, node: Node, what: str) -> Problem:
    """The None of a function, told where a step asks it for its gradient by the name of the one function that may be it."""
    at_fault = [name for name in loss.graph.without_return.values() if name.text != "__init__"]
    if node.detail.get("how") == BACKWARD and len(at_fault) == 1:
        return Problem(
            at_fault[0],
            f"{at_fault[0].text} ends without `return`: {what}",
            f"return the loss at the end of {at_fault[0].text}",
            related=(node.source,),
        )
    return Problem(
        node.source,
        f"{what}: the function that is called there ends without `return`",
        "return the value at the end of that function",
    )


def lost_by_a_step(loss: Loss) -> Iterator[Problem]:
    """A ``train_step`` or ``compute_loss`` that Keras calls, or a ``test_step`` beside it, and that computes for nothing.

    Measured with Keras 3.15: ``fit`` raises ValueError for all of them, ``evaluate`` for the last.
    """
    site = loss.site
    if site.class_node is None or site.mode is not Mode.GRAPH:
        return
    beside = [s for s in site.class_node.body if isinstance(s, ast.FunctionDef) and s.name == "test_step"]
    for step in (site.node, *beside):
        if not isinstance(step, ast.FunctionDef) or step.name not in RETURNED_BY_STEP:
            continue
        always = forgets_return(step)
        if (always or computes_for_nothing(step)) and runs_it(site.module, step.name):
            yield Problem(
                AstSource(site.module, name_of(step, site.module)),
                f"Keras uses what {step.name} returns, and it ends without `return`{'' if always else ' on some path'}: "
                f"{STARTED_BY.get(step.name, 'fit')} raises ValueError",
                f"return {RETURNED_BY_STEP[step.name]} at its end",
            )


def computes_for_nothing(step: ast.FunctionDef) -> bool:
    """Whether a step that returns something elsewhere ends in what it computes."""
    return ends_in_computing(step.body) and not any(isinstance(node, ast.Yield | ast.YieldFrom) for node in walk(step))


def runs_it(module: Module, step: str) -> bool:
    """Whether a step is left to Keras, and something has Keras run it: else a loop of the file's own may."""
    calls = module.index.calls_by_name
    by_hand = [call.func for call in calls.get(step, []) if isinstance(call.func, ast.Attribute)]
    if any(not isinstance(func.value, ast.Call) for func in by_hand):  # but for super().train_step(...)
        return False
    if step == "test_step":
        return "evaluate" in calls or any(keyword(fit, name) for fit in calls.get("fit", []) for name in VALIDATES)
    return step != "train_step" or "fit" in calls


def put_in_its_place(loss: Loss, target: Target) -> Source | None:
    """The name of the function that a decorator returns for a loss, where that one ends without ``return``."""
    node = target.source.node
    if not isinstance(node, cst.FunctionDef) or node.name.value == getattr(loss.site.node, "name", node.name.value):
        return None
    return Source(target.source.unit, node.name)


def not_a_number(loss: Loss) -> Iterator[Problem]:
    """What jax.grad and backward() do not take: they differentiate one number."""
    for target in loss.graph.targets:
        value = target.value
        if loss.site.framework == "torch" and target.how == "backward" and target.upstream in (None, NONE):
            if isinstance(value, Node) and any(
                    size is not None and size > 1 for size in certain_axes(value)):
                yield Problem(
                    target.source,
                    f"{value.source.text} has a number for each element, and backward() differentiates one: RuntimeError "
                    "(`grad can be implicitly created only for scalar outputs`)",
                    "take the mean or sum before backward()",
                )
        elif loss.site.framework == "torch" and value is NOTHING and ends_in_vain(loss.site.node):
            yield Problem(
                AstSource(loss.site.module, name_of(loss.site.node, loss.site.module)),
                f"{loss.site.qualname} ends without `return`: the loss is None",
                "end it with `return` of the loss",
            )
        elif loss.site.framework == "jax" and loss.site.gradients and target.how == "return":
            yield from refused_by_jax(loss, target)


def refused_by_jax(loss: Loss, target: Target) -> Iterator[Problem]:
    """What jax.grad is given in place of a number."""
    value, calls = target.value, loss.site.gradients
    grad = f"jax.{last_name(wrapper(calls[0]))}"
    error = "TypeError (`Gradient only defined for scalar-output functions`)"
    if value is NOTHING:
        yield Problem(
            AstSource(loss.site.module, name_of(loss.site.node, loss.site.module)),
            f"the loss returns None: {grad} raises {error}",
            "end it with `return` of one number",
        )
    elif isinstance(value, Seq | Map) and not any(map(may_have_aux, calls)):
        yield Problem(
            target.source,
            f"the loss returns {'a dict' if isinstance(value, Map) else 'several values'}, and {grad} differentiates one "
            f"number: {error}",
            f"write has_aux=True in {grad} where only the first value is the loss, or add the terms",
        )
    elif (made := without_aux(value, calls)) is not None:
        yield Problem(
            target.source,
            f"the loss returns one number, and {last_name(made.func)} in line {made.lineno} expects (value, extra): "
            "TypeError",
            "drop has_aux=True, or return the extra value beside the loss",
        )
    elif certain_axes(value) or is_loss_of_rows(loss, value):
        yield Problem(
            target.source,
            f"the loss returns a number for each row, and {grad} differentiates one: {error}",
            "return the mean: jnp.mean(...)",
        )


def is_loss_of_rows(loss: Loss, value: Value) -> bool:
    """Whether a loss of optax, which reduces nothing but the classes, is returned for what the code calls a batch."""
    if not isinstance(value, Node) or value.family != "loss" or not value.name.startswith("optax.") or (
            "vmap" in loss.site.module.text):
        return False
    return any(node.op == "param" and BATCHED.search(node.name) for node in below([value]))


def without_aux(value: Value, calls: tuple[ast.Call, ...]) -> ast.Call | None:
    """The call that is told of extra values, where the loss certainly returns one tensor."""
    single = isinstance(value, Node) and value.kind is Kind.TENSOR and value.op != "phi" and not may_be_several(value)
    return next((call for call in calls if single and is_true(keyword(call, "has_aux"))), None)


def may_have_aux(call: ast.Call) -> bool:
    """Whether ``jax.grad(f, has_aux=True)`` may take what else is returned for extra."""
    told = [k.value for k in call.keywords if k.arg in ("has_aux", None)] + call.args[2:]
    return any(not isinstance(value, ast.Constant) or value.value is not False for value in told)


def done_with_none(node: Node) -> str:
    """What a loss does with the None of a helper, in words; "" where it does nothing."""
    if node.op == "python.none":
        how, text = node.detail["how"], node.source.text
        return f"None is unpacked into {text}" if how == "unpacked" else f"None is {how} in {text}"
    first = [canonical for canonical, _ in node.api.parameters[:1]] if node.api is not None else []
    given = [node.inputs.get(name) for name in (*OPERANDS, *first)] if node.family in COMPUTES else []
    parts = [part for value in given for part in (value.items if isinstance(value, Seq) else [value])]
    return f"{node.source.text} computes with None" if any(part is NOTHING for part in parts) else ""


def is_made_of_tensors(value: Value) -> bool:
    """``MeanSquaredError(y_true, y_pred)``: an object of a class of losses, given what is meant for its call."""
    api = lookup(value.name) if isinstance(value, External) and value.name.endswith("()") else None
    if api is None or api.operation.family != "loss" or not isinstance(value, External):
        return False
    roles = [part.role for part in value.args[:2] if isinstance(part, Node)]
    return {Role.LABEL, Role.PREDICTION} <= set(roles)


def only_for_some_shapes(value: Value) -> Node | None:
    """The one condition on the shape of a tensor without which a loss ends in nothing."""
    if not isinstance(value, Node) or value.op != "phi":
        return None
    condition, given, otherwise = (value.inputs.get(name) for name in ("condition", "x", "y"))
    nothing = isinstance(otherwise, Const) and otherwise.value is None
    if not nothing or not isinstance(given, Node) or not isinstance(condition, Node) or may_be_none(given):
        return None
    return condition if reaches(condition, SHAPES) else None


def may_be_none(value: Value, depth: int = 8) -> bool:
    """Whether a returned value is None on some path."""
    if isinstance(value, Const):
        return value.value is None
    if isinstance(value, Node) and value.op == "phi" and depth:
        return any(may_be_none(v, depth - 1) for k, v in value.inputs.items() if k != "condition")
    return False


def does_something(node: ast.AST) -> bool:
    """Whether a function has a body besides a docstring, ``pass`` and ``raise``."""
    body = getattr(node, "body", [])
    return isinstance(body, list) and any(
        not isinstance(s, (ast.Pass, ast.Raise)) and not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        for s in body
    )


def name_of(function: ast.AST, module: Module) -> ast.AST:
    """A node that spans the name of a function in its ``def`` line."""
    line = module.lines[getattr(function, "lineno", 1) - 1]
    name = getattr(function, "name", "")
    start = line.encode().find(name.encode()) if name else getattr(function, "col_offset", 0)
    row = getattr(function, "lineno", 1)
    return ast.Name(
        id=name, lineno=row, col_offset=start, end_lineno=row, end_col_offset=start + len(name.encode() or b"x")
    )
