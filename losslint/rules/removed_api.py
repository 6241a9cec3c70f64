"""LL409."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

import libcst as cst

from losslint.graph.nodes import Node, NotedCall
from losslint.ops.table import Api, apis, lookup, preferred
from losslint.project.modes import Mode
from losslint.project.module import Module
from losslint.project.uses import imports_root
from losslint.rules.base import Loss, Problem, Rule

TF1_MARKS = ("compat.v1", "disable_v2_behavior", "tf.Session", "tf.placeholder", "tf.layers", "tf.contrib",
             "tf.get_variable", "tf.train.")  # fmt: skip

OLD_KEYWORDS = {  # of TensorFlow 1 -> of TensorFlow 2, none of whose functions takes the old one
    "keep_dims": "keepdims", "reduction_indices": "axis", "squeeze_dims": "axis", "concat_dim": "axis", "dimension": "axis",
}  # fmt: skip
OLD_KEYWORDS_OF = {"ctc": {"inputs": "logits", "sequence_length": "logit_length"}}  # operation -> of TensorFlow 1 -> of 2
PRECISIONS = {"float": "float32", "double": "float64"}
COMPLETE = {  # the modules all of whose functions that compute with tensors are in the tables -> framework
    **dict.fromkeys(("tf", "tf.math", "tf.nn"), "tensorflow"),
    **dict.fromkeys(("keras", "keras.ops", "keras.backend"), "keras"),
    **dict.fromkeys(("torch", "torch.F"), "torch"), **dict.fromkeys(("jnp", "jax.nn"), "jax"),
}
COMPUTES = ("elementwise", "reduce", "linear", "move", "gather", "compare", "round", "sign", "loss")
OF_GRAPHS = ("tf.gradients", "keras.backend.gradients")
MAX_NAMES = 5  # that a message tells
VAGUE = ("control", "object", "scope", "state", "python", "escape", "print")  # families of many different functions


class RemovedApi(Rule):
    """A function that the target does not have.

    What it does: finds names and keywords of TensorFlow 1 (``tf.log``, ``keep_dims=``) in files that are not TensorFlow
    1 scripts, functions of ``keras`` that Keras 3 dropped, functions of one module that are asked of another
    (``tf.keras.sum``, ``torch.reduce_mean``), and ``tf.gradients`` in a step that runs eagerly. (``tf.keras.backend``
    still has those of ``keras.backend``.) Of the short and the long names of losses, ``keras.losses`` has only
    ``mean_squared_error``, ``tf.keras.losses`` only ``mse``; ``keras.objectives`` is gone.

    Why it is bad: ``AttributeError: module 'keras.backend' has no attribute 'mean'``.

    Use instead: ``keras.ops``, or the TensorFlow 2 name.

    Confirmed by: running the loss (raises).
    """

    code = "LL409"
    name = "removed-api"
    BAD = (
        """
import keras
import keras.backend as K

def log_cosh_loss(y_true, y_pred):
    return K.mean(K.square(y_true - y_pred), axis=-1)  # expect: LL409

def smooth_loss(y_true, y_pred):
    slope = K.gradients(y_pred, y_true)[0]  # expect: LL409
    return keras.objectives.mean_squared_error(y_true, y_pred) + 0.0 * slope  # expect: LL409
""",
        """
import tensorflow as tf

def entropy_loss(y_true, y_pred):
    return -tf.reduce_mean(y_true * tf.log(y_pred + 1e-7))  # expect: LL409
""",
        """
import tensorflow as tf

def summed_loss(y_true, y_pred):
    error = tf.keras.losses.mean_squared_error(y_true, y_pred)  # expect: LL409
    return error + tf.keras.losses.cosine_proximity(y_true, y_pred)  # expect: LL409

def measured_loss(y_true, y_pred):
    return tf.keras.metrics.log_cosh(y_true, y_pred)  # expect: LL409

def annealed_loss(y_true, y_pred):
    spread = tf.keras.backend.logsumexp(y_pred, axis=-1)  # expect: LL409
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) + 0.1 * spread

def kept_loss(y_true, y_pred):
    centre = tf.reduce_mean(y_pred, axis=-1, keep_dims=True)  # expect: LL409
    return tf.reduce_mean(tf.square(y_true - y_pred + centre), axis=-1)
""",
    )
    GOOD = (
        """
import tensorflow as tf
from tensorflow.keras import backend as K

def squared_loss(y_true, y_pred):
    return K.mean(K.square(y_true - y_pred), axis=-1) + 0.0 * K.epsilon()
""",
        """
import keras
import tensorflow as tf
from tensorflow.python.ops import array_ops, math_ops

def named_loss(y_true, y_pred):
    return keras.losses.mean_squared_error(y_true, y_pred) + tf.keras.losses.mse(y_true, y_pred)

def older_loss(y_true, y_pred):
    try:
        error = tf.keras.losses.mean_squared_error(y_true, y_pred)
    except AttributeError:
        error = tf.keras.losses.mse(y_true, y_pred)
    return error

def inner_loss(y_true, y_pred):
    error = array_ops.squeeze(math_ops.squared_difference(y_true, y_pred), squeeze_dims=[1])
    return math_ops.div_no_nan(math_ops.log(math_ops.reduce_sum(error) + 1.0), 4.0)

def kept_loss(y_true, y_pred):
    centre = tf.compat.v1.reduce_mean(y_pred, axis=-1, keep_dims=True) + tf.reduce_mean(y_pred, -1, keepdims=True)
    return tf.reduce_mean(tf.square(y_true - tf.nn.l2_normalize(y_pred + centre, dim=-1)), axis=-1)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        yield from of_other_modules(loss)
        yield from of_graphs_alone(loss)
        module = loss.site.module
        if loss.keras_version < 3 or loss.site.framework != "tensorflow" or imports_root(module, "tf_keras"):
            return
        old, asked = any(mark in module.text for mark in TF1_MARKS), asked_for(module)
        families: dict[str, list[NotedCall]] = {}
        for called in loss.graph.noted:
            here = called.source.module is module and not (called.context.guarded or called.context.tried)
            if here and is_missing(called, old) and called.raw.rpartition(".")[2] not in asked:
                families.setdefault(family(called), []).append(called)
        for calls in families.values():
            yield problem(calls)
        for node in loss.nodes:
            raw = str(node.detail.get("raw", ""))
            if old or not is_public(raw) or ".compat." in raw:
                continue
            if node.source.module is module and not node.context.guarded and (renamed := old_keyword(node)) is not None:
                keyword, current = renamed
                yield Problem(
                    node.source,
                    f"{spelled(raw)} has no parameter {keyword} in TensorFlow 2: TypeError",
                    f"write {current}= instead",
                )


def asked_for(module: Module) -> set[str]:
    """The names that a file asks for before it uses them, ``hasattr(K, "mean")``, wherever in it that is."""
    calls = module.index.calls_by_name
    asked = (call.args[1] for how in ("hasattr", "getattr") for call in calls.get(how, []) if len(call.args) > 1)
    return {name.value for name in asked if isinstance(name, ast.Constant) and isinstance(name.value, str)}


def of_other_modules(loss: Loss) -> Iterator[Problem]:
    """Functions that a module never had, and another module or framework has."""
    for node in loss.nodes:
        home, _, name = node.name.rpartition(".") if node.op == "unknown" else ("", "", "")
        if home not in COMPLETE or node.context.guarded or node.context.tried or not (elsewhere := functions().get(name)):
            continue
        if name in asked_for(loss.site.module):
            continue
        in_keras = home.startswith("keras")
        if in_keras and (loss.keras_version < 3 or imports_root(loss.site.module, "tf_keras")):
            continue
        operation = elsewhere.operation.name
        spelling = "keras" if in_keras else COMPLETE[home]
        called = node.source.text.partition("(")[0]
        yield Problem(
            node.source,
            f"{called} does not exist: AttributeError (it is a function of {elsewhere.name.rpartition('.')[0]})",
            f"use {preferred(spelling, operation) or elsewhere.name}",
        )


@cache
def functions() -> dict[str, Api]:
    """The functions that compute with tensors, by their last names, in whatever module they are."""
    found: dict[str, Api] = {}
    for framework in dict.fromkeys(COMPLETE.values()):
        for name, api in apis(framework).items():
            home, _, last = name.rpartition(".")
            if home in COMPLETE and api.operation.family in COMPUTES:
                found.setdefault(last, api)
    return found


def of_graphs_alone(loss: Loss) -> Iterator[Problem]:
    """``tf.gradients`` in a step with a tape that the file's own code runs eagerly."""
    site = loss.site
    calls, text = site.module.index.calls_by_name, site.module.text
    runs = site.kind == "tape" and (site.owner is None or getattr(site.owner, "name", "") in calls)
    if not runs or any(mark in text for mark in (*TF1_MARKS, "as_default", "disable_eager_execution")):
        return
    for node in loss.nodes:
        if node.name in OF_GRAPHS and node.context.mode is Mode.EAGER and not (node.context.guarded or node.context.tried):
            yield Problem(
                node.source,
                f"{node.source.text.partition('(')[0]} works while a graph is built, and this runs eagerly: RuntimeError",
                "watch the source with a tf.GradientTape of its own around the computation, and ask it for the gradient",
            )


def family(called: NotedCall) -> str:
    """What calls are told of together: all that one import from tensorflow.keras.backend would mend, else each by itself."""
    whole = called.api.note == "tf.keras only" and called.raw.startswith("keras.backend.")
    return "keras.backend" if whole else str(called.source.span)


def problem(calls: list[NotedCall]) -> Problem:
    """What to say of calls that are told of together, where the first of them stands."""
    first = calls[0]
    names = list(dict.fromkeys(called.raw.rpartition(".")[2] for called in calls))
    if len(names) == 1:
        version = "TensorFlow 2" if first.api.note == "TensorFlow 1" else "Keras 3"
        return Problem(first.source, f"{spelled(first.raw)} does not exist in {version}: AttributeError", advice(first))
    last = f"and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else f"and {names.pop()}"
    return Problem(
        first.source,
        f"keras.backend.{', '.join(names[:MAX_NAMES])} {last} do not exist in Keras 3: AttributeError",
        "use keras.ops, or write `from tensorflow.keras import backend as K`",
    )


def is_missing(called: NotedCall, old: bool) -> bool:
    """Whether the target lacks a name. ``old``: the file is for TensorFlow 1."""
    name, raw, note = called.api.name, called.raw, called.api.note
    if note == "TensorFlow 1":
        return is_public(raw) and not old
    public = raw.removeprefix("tensorflow.") == name and not name.endswith("()")  # inner modules of Keras have all
    return public and note in ("Keras 2", "tf.keras only" if raw == name else "keras only")


def is_public(raw: str) -> bool:
    """Whether a name is of TensorFlow's public API: ``tensorflow.python.ops.math_ops`` still has ``log`` and others."""
    return raw.startswith("tensorflow.") and not raw.startswith("tensorflow.python.")


def advice(called: NotedCall) -> str:
    """What to write for a name that the target lacks."""
    raw, note = called.raw, called.api.note
    current = counterpart(called)
    if note == "TensorFlow 1":
        return f"use {current or 'tf.compat.v1.' + raw.removeprefix('tensorflow.')}"
    choices = [f"use {current}"] if current else []
    if note == "tf.keras only":
        choices.append(f"import it from tensorflow.{raw.rpartition('.')[0]}")
    return ", or ".join(choices) or "nothing in Keras 3 replaces it; the package tf_keras is Keras 2"


def counterpart(called: NotedCall) -> str:
    """The name that the target has for what a call does; "" where there is none."""
    operation, in_keras = called.api.operation, called.raw.startswith("keras.")
    module, _, last = called.api.name.rpartition(".")
    if module in ("keras.losses", "keras.metrics", "keras.objectives"):
        has, home = ("", "keras only" if in_keras else "tf.keras only"), module.replace("objectives", "losses")
        alike = (api.name for api in apis("keras").values() if api.operation.name == operation.name and api.note in has)
        found = next((name for name in alike if name.rpartition(".")[0] == home and name.islower() and name[-1] != ")"), "")
        return found if in_keras or not found else f"tf.{found}"
    if operation.name in ("to_int", "to_float"):  # tf.to_int32(x)
        dtype = last.rpartition("_")[2]
        return f"tf.cast(x, tf.{PRECISIONS.get(dtype, dtype)})"
    same = [f"keras.ops.{last}", f"keras.random.{last.removeprefix('random_')}"] if in_keras else []
    found = next(filter(lookup, same), "") or preferred("keras" if in_keras else "tensorflow", operation.name)
    return "" if operation.family in VAGUE or found.startswith("keras.backend.") else found


def spelled(raw: str) -> str:
    """A name as users write it."""
    return raw.replace("tensorflow.", "tf.", 1)


def old_keyword(node: Node) -> tuple[str, str] | None:
    """A keyword of TensorFlow 1 in the call that a node stands for, and what it is called in TensorFlow 2."""
    call, old = node.source.node, OLD_KEYWORDS | OLD_KEYWORDS_OF.get(node.op, {})
    keywords = [a.keyword.value for a in call.args if a.keyword is not None] if isinstance(call, cst.Call) else []
    return next(((keyword, old[keyword]) for keyword in keywords if keyword in old), None)
