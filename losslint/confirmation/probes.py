"""One measurement: a loss, called in one mode on one set of inputs, with its gradient.

Runs in the child only. Nothing is instrumented here, as an instrumented run may differ from the user's; ``locate.py``
instruments a second one. What the modes are, the modules of the frameworks say.
"""

from __future__ import annotations

import dataclasses
import inspect
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypedDict

import numpy as np

from losslint.confirmation import frameworks
from losslint.confirmation.failures import UserFiles, failure
from losslint.confirmation.frameworks.base import Array, Framework, Inputs, is_finite, is_floating
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.program import TensorSpec

SEED = 0
MOST_READ = 4096  # numbers of an array that anybody reads
DIFFERENTIATED = ("prediction", "tensor")


@dataclass
class Loss:
    """A loss that can be called, and what is traced of it so far.

    ``kind`` is that of the Program: a ``loss`` gets its inputs by position, a ``function`` by name. ``stated`` are the
    inputs whose dtype is known: no cast changes it. ``draws``: random numbers lie in it.
    """

    entry: Callable[..., Any]
    files: UserFiles
    kind: str = "loss"
    called_by_keras: bool = False
    framework: Framework = field(default_factory=partial(frameworks.load, "tensorflow"))
    traced: dict[object, Any] = field(default_factory=dict)
    stated: frozenset[str] = frozenset()
    draws: bool = True

    def __call__(self, tensors: Mapping[str, Any]) -> Any:
        return self.apply(self.entry, tensors)

    def apply(self, entry: Callable[..., Any], tensors: Mapping[str, Any]) -> Any:
        """Call ``entry`` the way this loss is called."""
        if self.kind == "loss":
            return entry(*tensors.values())
        args, kwargs = by_position(entry, tensors)
        return entry(*args, **kwargs)

    def result(self, inputs: Inputs) -> Any:
        """What it returns for these arrays."""
        return self(self.framework.tensors(inputs))

    def value(self, inputs: Inputs) -> Array:
        """The numbers of what it returns for these arrays."""
        return self.framework.array(self.framework.tensor(self.result(inputs)))

    def prepared(self, inputs: Inputs) -> dict[str, Array]:
        """The arrays as the loss gets them: Keras 3 casts labels and predictions first."""
        if not (self.called_by_keras and self.kind == "loss" and self.framework.casts_labels):
            return dict(inputs)
        return {name: value if name in self.stated else value.astype(np.float32) for name, value in inputs.items()}

    def seed(self) -> None:
        """Let the next run draw what each other one draws, so that it depends on nothing but its inputs."""
        if self.draws:
            self.framework.seed(SEED)

    def repeats(self, inputs: Inputs) -> bool:
        """Whether eager calls that nothing is seeded for give the same value; what raises has drawn nothing that counts."""
        try:
            first, again = (self.value(self.prepared(inputs)).astype(np.float64) for _ in range(2))
        except Exception:  # of the user's code, which is told elsewhere
            return False
        return np.array_equal(first, again, equal_nan=True)


def occurs_again(loss: Loss, seen: Observation, specs: Sequence[TensorSpec]) -> bool:
    """Whether another run on the inputs of an observation ends as it did: not where a counter or a draw did it."""
    inputs = {spec.name: seen.inputs.get(spec.name) for spec in specs}
    arrays = {name: np.asarray(value, seen.dtypes.get(name)) for name, value in inputs.items() if value is not None}
    return len(arrays) < len(specs) or run(loss, arrays, specs, seen.mode).outcome is seen.outcome


class NotForFit(Exception):
    """The loss has no form that ``Model.fit`` takes."""


def by_position(entry: Callable[..., Any], tensors: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Named tensors as the arguments of a call that passes by position what it can: a ``tf.custom_gradient`` ignores what
    is passed by keyword."""
    try:
        bound = inspect.signature(entry).bind(**tensors)
    except (TypeError, ValueError):  # it has no signature, or another one
        return (), dict(tensors)
    return bound.args, bound.kwargs


def observe(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], mode: str) -> Observation:
    """What ``run`` sees, as it is told."""
    return run(loss, inputs, specs, mode).seen


def run(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], mode: str) -> Ran:
    """Call a loss once in one mode, on these inputs, and take its gradient.

    Args:
        loss: what is called.
        inputs: arrays by name, in the order of the loss's arguments.
        specs: what the arrays are; the gradient is taken to the floating ones whose role is prediction or tensor, of
            the sum of the loss's elements, as ``tape.gradient`` does.
        mode: one of those that the framework has.

    Returns:
        What it ended in: ``RAISES``, ``BAD_VALUE``, ``NO_GRADIENT`` (no input has one), ``BAD_GRADIENT``,
        ``ZERO_GRADIENT`` (exactly 0 *here*, which is a fault only at generic inputs) or ``FINE``. In the observation that
        is made of it, ``gradient`` maps the names of inputs to nested lists, or to None; ``loss`` has the shape the loss
        returned. Exceptions of the user's code become ``RAISES``; ``SystemExit`` and ``KeyboardInterrupt`` pass.
    """
    started = time.perf_counter()
    arrays = loss.prepared(inputs)
    sources = differentiated(arrays, specs)
    loss.seed()
    try:
        tensor, found = loss.framework.measure(loss, arrays, sources, mode)
        value = loss.framework.array(tensor)
        gradient = {name: None if one is None else loss.framework.array(one) for name, one in found.items()}
        return Ran(mode, arrays, _outcome(value, gradient.values()), value, gradient, time.perf_counter() - started)
    except Exception as error:
        seen = failure(error, loss.files)
        return Ran(mode, arrays, seen.outcome, None, {}, time.perf_counter() - started, seen)


@dataclass
class Ran:
    """One run. Most runs of a search are never told: their numbers stay arrays."""

    mode: str
    arrays: Inputs
    outcome: Outcome
    value: Array | None
    gradient: Mapping[str, Array | None]
    seconds: float
    failed: Observation | None = None

    @property
    def seen(self) -> Observation:
        """The run as it is told."""
        missing = [name for name, array in self.gradient.items() if array is None]
        seen = self.failed or Observation(
            self.outcome, "", loss=numbers(self.value),
            gradient={name: None if array is None else numbers(array) for name, array in self.gradient.items()},
            detail=f"no gradient to {', '.join(missing)}" if 0 < len(missing) < len(self.gradient) else "",
        )
        return dataclasses.replace(seen, mode=self.mode, **told(self.arrays), seconds=self.seconds)


def _outcome(value: Array, gradient: Iterable[Array | None]) -> Outcome:
    """What value and gradient amount to."""
    found = [array for array in gradient if array is not None]
    if not is_finite(value):
        return Outcome.BAD_VALUE
    if not found:
        return Outcome.NO_GRADIENT
    if not all(is_finite(array) for array in found):
        return Outcome.BAD_GRADIENT
    return Outcome.FINE if any(array.any() for array in found) else Outcome.ZERO_GRADIENT


class Told(TypedDict):
    """Inputs as an observation keeps them."""

    inputs: dict[str, object]
    dtypes: dict[str, str]


def told(arrays: Inputs) -> Told:
    """Arrays as nested lists, with their dtypes."""
    return {
        "inputs": {name: numbers(array) for name, array in arrays.items()},
        "dtypes": {name: str(array.dtype) for name, array in arrays.items()},
    }


def differentiated(arrays: Inputs, specs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """Names of the inputs that the derivative is taken to."""
    roles = {spec.name: spec.role for spec in specs}
    return tuple(
        name for name, array in arrays.items()
        if roles.get(name, "tensor") in DIFFERENTIATED and is_floating(array)
    )


def numbers(value: Any) -> object:
    """Nested lists of the shortest numbers that give the same array again: 0.1, not 0.10000000149011612."""
    array = np.asarray(value)
    if array.dtype.kind == "V" or array.dtype == np.float16:  # bfloat16 has no kind of its own
        array = array.astype(np.float32)
    if array.dtype == np.float32 and 0 < array.size <= MOST_READ:
        array = array.astype(str).astype(np.float64)
    listed: object = array.tolist()
    return listed
