"""What every operation means, as data.

Two kinds of table, both tab-separated text beside this file:

``operations.tsv``: one line per canonical operation: the inputs a gradient flows through, what happens to the gradient
elsewhere, the kind of result, the family the rules speak of, and what to write instead.
``apis/<framework>.tsv``: one line per public name: ``tf.math.log  log  x``, the name, its operation and its parameters
in positional order (``canonical=api`` where the framework's keyword differs, ``_`` for one that does not matter).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

ALL = "*"


@dataclass(frozen=True)
class Operation:
    """The meaning of one canonical operation."""

    name: str
    flows: frozenset[str]  # canonical inputs the gradient flows through; {"*"}: every input
    cut: str  # the gradient through the other inputs: none (None) | zero | raises (LookupError) | "-" (none is cut)
    result: str  # same | float | int | bool | complex | string | shape | python | array | tuple | none
    family: str  # elementwise | reduce | index | compare | round | sign | discrete | image | detach | shape | constant |
    #              sample | variable | state | assert | print | control | escape | layer | loss | data | linear | other
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


def _rows(filename: str) -> Iterator[list[str]]:
    text = resources.files(__package__).joinpath(filename).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


@cache
def operations() -> dict[str, Operation]:
    """Canonical name -> operation."""
    found: dict[str, Operation] = {}
    for name, flows, cut, result, family, instead in _rows("operations.tsv"):
        inputs = frozenset() if flows == "-" else frozenset(flows.split())
        found[name] = Operation(name, inputs, cut, result, family, instead)
    return found


FRAMEWORKS = ("tensorflow", "keras", "numpy", "python", "torch", "jax")


@cache
def apis(framework: str) -> dict[str, Api]:
    """Public name -> meaning, for one framework's table."""
    table = operations()
    found: dict[str, Api] = {}
    for name, operation, *rest in _rows(f"apis/{framework}.tsv"):
        parameters = tuple(_parameter(word) for word in rest[0].split()) if rest else ()
        found[name] = Api(name, table[operation], parameters, framework, rest[1] if len(rest) > 1 else "")
    return found


def _parameter(word: str) -> tuple[str, str]:
    canonical, _, api = word.partition("=")
    return canonical, api or canonical


_ROOTS = {
    "tf": "tensorflow", "keras": "keras", "np": "numpy", "math": "python", "builtins": "python", "random": "python",
    "time": "python", "scipy": "python", "sklearn": "python", "torch": "torch", "jax": "jax", "jnp": "jax", "optax": "jax",
}


def canonical_name(dotted: str) -> str:
    """The one spelling the tables use: ``tensorflow.compat.v1.log`` -> ``tf.log``, ``tf.keras.x`` -> ``keras.x``,
    ``numpy.x`` -> ``np.x``, ``torch.nn.functional.x`` -> ``torch.F.x``, ``jax.numpy.x`` -> ``jnp.x``."""
    for prefix, short in _SPELLINGS:
        if dotted == prefix or dotted.startswith(prefix + "."):
            return canonical_name(short + dotted[len(prefix):])
    return dotted


_SPELLINGS = (
    ("tensorflow.compat.v1", "tf"), ("tensorflow.compat.v2", "tf"), ("tensorflow.python.keras", "keras"),
    ("tensorflow.keras", "keras"), ("tensorflow", "tf"), ("tf.compat.v1", "tf"), ("tf.compat.v2", "tf"),
    ("tf.keras", "keras"), ("tf_keras", "keras"), ("keras.src", "keras"), ("keras.api", "keras"),
    ("keras.ops.numpy", "keras.ops"), ("keras.ops.math", "keras.ops"), ("keras.ops.core", "keras.ops"),
    ("keras.ops.nn", "keras.ops"), ("tf.numpy", "tf.experimental.numpy"), ("numpy", "np"), ("jax.numpy", "jnp"),
    ("torch.nn.functional", "torch.F"),
)  # fmt: skip


def lookup(dotted: str) -> Api | None:
    """The table's entry for an absolute dotted name as the imports give it, None when the tables do not know it."""
    name = canonical_name(dotted)
    framework = _ROOTS.get(name.partition(".")[0])
    return apis(framework).get(name) if framework else None
