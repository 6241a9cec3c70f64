"""The frameworks that losses are run with: one module each, imported in the server and its children only.

This module imports none of them; it says how each is called and installed, and which modes its losses run in.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from losslint.confirmation.frameworks.base import Framework


@dataclass(frozen=True)
class Description:
    """A framework, as far as the main process needs to know it.

    ``modes`` are those that rules and facts speak of, each with the one that it is seen in here; ``preloaded`` is
    what the server imports once for all children, none of which may start a thread.
    """

    title: str
    install: str
    modes: dict[str, str]
    preloaded: tuple[str, ...]


OURS = "losslint.confirmation.battery"
DESCRIPTIONS = {
    "tensorflow": Description(
        "TensorFlow", "'losslint[confirm]'", {mode: mode for mode in ("eager", "autograph", "graph", "fit", "xla")},
        ("tensorflow", "numpy.random", "numpy.ma", OURS, "losslint.confirmation.smallest",
         "losslint.confirmation.frameworks.tensorflow_steps", "losslint.confirmation.frameworks.tensorflow_fits",
         "losslint.confirmation.frameworks.tensorflow_heads"),
    ),
    "torch": Description(
        "PyTorch", "torch", {"eager": "eager"},
        ("torch", "numpy.random", "numpy.ma", OURS, "losslint.confirmation.frameworks.torch"),
    ),
    "jax": Description(  # jax.jit stands for all that is compiled
        "JAX", "jax", {"eager": "eager", **dict.fromkeys(("autograph", "graph", "fit", "xla", "jit"), "jit")},
        ("jax", "jax.numpy", "numpy.random", "numpy.ma", OURS, "losslint.confirmation.frameworks.jax"),
    ),
    "none": Description("no framework", "", {"eager": "eager"}, ()),  # for tests of the processes
}  # fmt: skip


def modes_in(framework: str, modes: Iterable[str]) -> tuple[str, ...]:
    """Modes that a rule speaks of, as this framework's losses run in them."""
    known = DESCRIPTIONS[framework].modes
    return tuple(dict.fromkeys(known[mode] for mode in modes if mode in known))


@cache
def load(name: str) -> Framework:
    """The module of a framework, which imports it. Only ever called where user code may run.

    Raises:
        ImportError: the framework is not installed.
    """
    framework: Framework = importlib.import_module(f"losslint.confirmation.frameworks.{name}").FRAMEWORK
    return framework
