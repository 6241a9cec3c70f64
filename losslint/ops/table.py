"""What every operation means, as data.

Two kinds of table, both tab-separated text beside this file:

``operations.tsv``: one line per canonical operation: the inputs a gradient flows through, what happens to the gradient
elsewhere, the kind of result, the family the rules speak of, and what to write instead.
``apis/<framework>.tsv``: one line per public name: ``tf.math.log  log  x``, the name, its operation and its parameters
in positional order (``canonical=api`` where the framework's keyword differs, ``_`` for one that does not matter). A
canonical parameter that returns at the end is an older keyword: ``x axis keepdims _ keepdims=keep_dims``.

Names in an API table:

``keras.losses.Huber()``: what a call of the object does that ``keras.losses.Huber`` makes.
``scipy.*``: everything below ``scipy`` that no other line names.
``tf.Tensor.mean``: a method or attribute of a tensor; operation ``missing_method`` when it does not exist.
The first name of an operation is the preferred spelling, the one that help texts print.

The optional fourth column is a note: ``TensorFlow 1``, ``Keras 2`` or ``NumPy 1`` for a name that later versions
removed, ``tf.keras only`` for one that the ``keras`` package lacks in Keras 3, ``keras only`` for one that ``tf.keras``
lacks there, ``keeps the tape`` for a NumPy function that only slices its argument; and for a missing method or name,
what to write instead.

The optional fifth column says where this name differs from its operation: ``flows=x cut=raises``. Frameworks disagree:
``torch.round`` and ``jnp.round`` give zeros (``cut=zero``) where ``tf.round`` gives None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

ALL = "*"
REMOVED = frozenset({"TensorFlow 1", "Keras 2", "NumPy 1"})  # the notes of names that current versions lack


FAMILIES = {
    "elementwise": "a value from each value",
    "reduce": "one value from many",
    "linear": "matrices",
    "move": "the same values in other places",
    "gather": "chosen values: the gradient goes to the values, none to the choice",
    "cast": "another dtype",
    "index": "positions or ranks",
    "compare": "true or false",
    "round": "steps: the gradient is cut or zero",
    "sign": "the sign: zero gradient",
    "discrete": "labels, bins, sets, texts",
    "image": "pictures",
    "signal": "Fourier transforms, windows, frames",
    "sparse": "sparse and ragged tensors",
    "detach": "a cut on purpose",
    "shape": "reads a shape",
    "constant": "a value without a past",
    "sample": "random numbers",
    "variable": "makes a variable",
    "state": "changes a variable or a seed",
    "assert": "checks",
    "print": "prints or logs",
    "control": "calls functions",
    "escape": "leaves the framework",
    "layer": "networks",
    "loss": "losses",
    "metric": "metrics: no gradient",
    "data": "data sets and queues",
    "symbolic": "a placeholder or a Keras input",
    "object": "a call makes an object",
    "dtype": "a dtype",
    "scope": "names, devices, no effect on values",
    "python": "Python's own functions and constants",
    "missing": "does not exist",
    "other": "anything else",
}


@dataclass(frozen=True)
class Operation:
    """The meaning of one canonical operation."""

    name: str
    flows: frozenset[str]  # canonical inputs the gradient flows through; {"*"}: every input
    cut: str  # the gradient through the other inputs: none (None) | zero | raises (LookupError) | "-" (none is cut)
    result: str  # same | float | int | bool | complex | string | shape | python | array | tuple | none
    family: str  # one of FAMILIES
    instead: str  # what to write instead, for help texts; "-" when there is nothing to say

    def flows_through(self, parameter: str) -> bool:
        """Whether a derivative arrives at the canonical input ``parameter``."""
        return ALL in self.flows or parameter in self.flows


@dataclass(frozen=True)
class Api:
    """A public name of a framework: which operation it is and how its arguments are called."""

    name: str
    operation: Operation
    parameters: tuple[tuple[str, str], ...]  # (canonical, keyword in this API), in positional order
    framework: str  # tensorflow | keras | numpy | python | torch | jax
    note: str = ""

    @property
    def removed(self) -> bool:
        """Whether current versions of the framework no longer have this name."""
        return self.note in REMOVED


def rows(filename: str) -> Iterator[list[str]]:
    """The lines of a table beside this file, as columns."""
    text = resources.files(__package__).joinpath(filename).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


@cache
def operations() -> dict[str, Operation]:
    """Canonical name -> operation."""
    found: dict[str, Operation] = {}
    for name, flows, cut, result, family, instead in rows("operations.tsv"):
        inputs = frozenset() if flows == "-" else frozenset(flows.split())
        found[name] = Operation(name, inputs, cut, result, family, instead)
    return found


@cache
def identifiers() -> dict[str, str]:
    """Text that Keras 3 takes for a loss in ``compile`` -> the public name of that loss."""
    return {text: f"keras.losses.{name}" for text, name in rows("identifiers.tsv")}


FRAMEWORKS = ("tensorflow", "keras", "numpy", "python", "torch", "jax")


@cache
def _lines(framework: str) -> dict[str, list[str]]:
    """Public name -> the other columns."""
    if not resources.files(__package__).joinpath(f"apis/{framework}.tsv").is_file():
        return {}
    return {name: columns for name, *columns in rows(f"apis/{framework}.tsv")}


@cache
def _api(framework: str, name: str) -> Api | None:
    """One line, read when it is asked for: a project uses a hundred of thousands of names."""
    columns = _lines(framework).get(name)
    if columns is None:
        return None
    operation, parameters, note, difference = (*columns, "", "", "")[:4]
    meaning = operations()[operation]
    if difference:
        meaning = _differing(meaning, difference)
    return Api(name, meaning, tuple(_parameter(word) for word in parameters.split()), framework, note)


@cache
def apis(framework: str) -> dict[str, Api]:
    """Public name -> meaning, for one framework's table."""
    return {name: api for name in _lines(framework) if (api := _api(framework, name))}


def _differing(operation: Operation, difference: str) -> Operation:
    """The operation as one name has it: ``flows=x,y cut=zero``."""
    words = dict(word.split("=") for word in difference.split())
    flows = frozenset(words.pop("flows", ",".join(operation.flows)).split(",")) - {"-", ""}
    return replace(operation, flows=flows, **words)


def _parameter(word: str) -> tuple[str, str]:
    canonical, _, api = word.partition("=")
    return canonical, api or canonical


@cache
def _preferred(framework: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, (operation, *more) in _lines(framework).items():
        note = more[1] if len(more) > 1 else ""
        current = note not in REMOVED and note != "tf.keras only" and operation != "missing_method"
        if current and not name.endswith((".*", "()")):
            found.setdefault(operation, name.replace("torch.F.", "torch.nn.functional."))
    return found


def preferred(framework: str, operation: str) -> str:
    """The spelling of an operation that help texts print for a framework; "" when the framework has none."""
    return _preferred(framework).get(operation, "")


_TF_NAME = re.compile(r"\b(?:tf|keras)\.[A-Za-z_][\w.]*")
_DTYPES = {"keras": '"{}"', "torch": "torch.{}", "jax": "jnp.{}"}


def respelled(text: str, framework: str) -> str:
    """A text that is written with TensorFlow's names, with those of another framework where it has them."""

    def own(match: re.Match[str]) -> str:
        if framework == "keras" and match.group(0).startswith("keras."):
            return match.group(0)  # of two names of one operation the one that was chosen
        api = lookup(match.group(0))
        if api is not None and api.operation.name == "dtype" and framework in _DTYPES:
            return _DTYPES[framework].format(match.group(0).removeprefix("tf."))
        return (preferred(framework, api.operation.name) if api is not None else "") or match.group(0)

    forms = _forms(framework)
    parts = text.split("`")  # every second one is code
    return "`".join(forms.get(part, _TF_NAME.sub(own, part)) for part in parts)


@cache
def _forms(framework: str) -> dict[str, str]:
    """What is written with TensorFlow's names -> how a framework writes it, where not the names alone differ."""
    return {form: own for name, form, own in rows("spellings.tsv") if name == framework}


_ROOTS = {"tf": "tensorflow", "keras": "keras", "np": "numpy"}
_ROOTS |= dict.fromkeys(("torch", "torchvision"), "torch") | dict.fromkeys(("jax", "jnp", "optax", "flax", "haiku"), "jax")


@cache
def _framework(root: str) -> str | None:
    """The framework whose table holds the names below ``root``: the Python table names its own."""
    if root in _ROOTS:
        return _ROOTS[root]
    return "python" if root in {name.partition(".")[0] for name in _lines("python")} else None


@cache
def canonical_name(dotted: str) -> str:
    """The one spelling the tables use: ``tensorflow.compat.v1.log`` -> ``tf.log``, ``tf.keras.x`` -> ``keras.x``,
    ``numpy.x`` -> ``np.x``, ``torch.nn.functional.x`` -> ``torch.F.x``, ``jax.numpy.x`` -> ``jnp.x``."""
    for prefix, short in _SPELLINGS:
        if dotted == prefix or dotted.startswith(prefix + "."):
            return canonical_name(short + dotted[len(prefix) :])
    return dotted


_SPELLINGS = (
    ("tensorflow.compat.v1", "tf"), ("tensorflow.compat.v2", "tf"), ("tensorflow.python.keras", "keras"),
    ("tensorflow.keras", "keras"), ("tensorflow", "tf"), ("tf.compat.v1", "tf"), ("tf.compat.v2", "tf"),
    ("tf.python.keras", "keras"), ("tf.keras", "keras"), ("tf_keras", "keras"), ("keras._tf_keras.keras", "keras"),
    ("keras.api._v2.keras", "keras"), ("keras.api._v1.keras", "keras"), ("keras.src", "keras"), ("keras.api", "keras"),
    ("keras.ops.numpy", "keras.ops"), ("keras.ops.math", "keras.ops"), ("keras.ops.core", "keras.ops"),
    ("keras.ops.nn", "keras.ops"), ("tf.numpy", "tf.experimental.numpy"), ("numpy", "np"), ("jax.numpy", "jnp"),
    ("torch.nn.functional", "torch.F"), ("tf.python.util.nest", "tf.nest"),
)  # fmt: skip

_TF_MODULES = ("tf", "tf.math", "tf.nn", "tf.linalg", "tf.image", "tf.random", "tf.signal", "tf.debugging")
_KERAS_MODULES = ("layers", "losses", "metrics", "ops", "activations", "optimizers", "regularizers", "models")


@cache
def lookup(dotted: str) -> Api | None:
    """The table's entry for an absolute dotted name as the imports give it, None when the tables do not know it."""
    name = canonical_name(dotted)
    framework = _framework(name.partition(".")[0])
    if framework is None:
        return None
    for candidate in (name, *_public_names(name)):
        found = _api(framework, candidate) or (_api("keras", candidate) if framework == "tensorflow" else None)
        if found is not None:
            return found
    prefix = name
    while "." in prefix:
        prefix = prefix.rpartition(".")[0]
        found = _api(framework, prefix + ".*")
        if found is not None:
            return replace(found, name=name)
    return None


def _public_names(name: str) -> Iterator[str]:
    """Where the tables may hold what a framework's inner module defines (``keras.layers.core.dense.Dense``), or what an
    object's method does (``keras.metrics.AUC().result``)."""
    parts = name.split(".")
    owner, _, method = name.rpartition("().")
    if owner and method in ("call", "__call__"):
        yield owner + "()"
    elif owner.startswith(("keras.metrics.", "tf.metrics.")):
        yield f"keras.Metric().{method}"
    elif name.startswith("tf.python.") and len(parts) > 3:
        modules = ("tf.nn", *_TF_MODULES) if "nn" in parts[-2] else _TF_MODULES
        yield from (f"{module}.{parts[-1]}" for module in modules)
    elif parts[0] == "keras" and len(parts) > 3 and parts[1] in _KERAS_MODULES:
        yield f"keras.{parts[1]}.{parts[-1]}"
