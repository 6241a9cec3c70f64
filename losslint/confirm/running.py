"""A loss and its derivative, run on arrays in one mode; nothing is instrumented here."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from losslint.confirm.observation import Observation, Outcome
from losslint.confirm.program import TensorSpec
from losslint.confirm.tiers import Tier, tier
from losslint.confirm.values import Array

Function = Callable[..., Any]  # takes one tensor per spec, in their order


def is_trained(spec: TensorSpec) -> bool:
    """Whether the derivative to a tensor is asked for: floating predictions, and tensors that are neither label nor
    weight."""
    return spec.role in ("prediction", "tensor") and np.dtype(spec.dtype).kind == "f" and spec.values != "constant"


class Runner:
    """A loss in one mode: ``eager``, ``autograph`` (a ``tf.function`` with AutoGraph), ``graph`` (without it, as Keras 3
    runs losses) or ``xla``. Graphs are traced once for each set of shapes."""

    def __init__(self, function: Function, specs: Sequence[TensorSpec], mode: str) -> None:
        import tensorflow as tf

        self.specs = tuple(specs)
        self.mode = mode
        self.trained = [i for i, spec in enumerate(specs) if is_trained(spec)]

        def step(*tensors: Any) -> Any:
            with tf.GradientTape(persistent=len(self.trained) > 1) as tape:
                for i in self.trained:
                    tape.watch(tensors[i])
                value = function(*tensors)
            if not tf.is_tensor(value) and not isinstance(value, tf.Variable):
                return value, [None] * len(self.trained)
            return value, [_dense(tape.gradient(value, tensors[i])) for i in self.trained]

        self.step = step if mode == "eager" else tf.function(step, autograph=mode == "autograph", jit_compile=mode == "xla")

    def __call__(self, inputs: Mapping[str, Array]) -> Observation:
        """What happens for one set of inputs; exceptions of the loss are an outcome, not an error."""
        import tensorflow as tf

        started = time.perf_counter()
        told = plain(self.specs, inputs)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value, gradients = self.step(*(tf.constant(inputs[s.name]) for s in self.specs))
                loss = None if value is None else np.asarray(value)
                arrays = [None if g is None else np.asarray(g) for g in gradients]
        except LookupError as error:
            outcome, loss, arrays, message = Outcome.NO_GRADIENT, None, [], first_line(error)
        except Exception as error:
            outcome, loss, arrays, message = Outcome.RAISES, None, [], first_line(error)
        else:
            outcome, message = outcome_of(loss, arrays), ""
        known = [a for a in arrays if a is not None]
        gradient = known[0].tolist() if len(known) == 1 else [a.tolist() for a in known] if known else None
        numeric = loss is not None and loss.dtype.kind in "fiub"
        return Observation(
            outcome, self.mode, **told, loss=loss.tolist() if loss is not None and numeric else None, gradient=gradient,
            error=message, seconds=time.perf_counter() - started, plausible=tier(told["inputs"]) is not Tier.NEVER,
        )  # fmt: skip


class Told(TypedDict):
    """The inputs of a run as an observation keeps them."""

    inputs: dict[str, object]
    dtypes: dict[str, str]


def plain(specs: Sequence[TensorSpec], inputs: Mapping[str, Array]) -> Told:
    """Arrays as nested lists, with their dtypes."""
    return {
        "inputs": {s.name: inputs[s.name].tolist() for s in specs},
        "dtypes": {s.name: str(inputs[s.name].dtype) for s in specs},
    }


def _dense(gradient: Any) -> Any:
    import tensorflow as tf

    return tf.convert_to_tensor(gradient) if isinstance(gradient, tf.IndexedSlices) else gradient


def outcome_of(loss: Array | None, gradients: Sequence[Array | None]) -> Outcome:
    """What a loss and the gradients to everything that is trained amount to. A value that is not finite comes first."""
    if loss is not None and loss.dtype.kind == "f" and not np.all(np.isfinite(loss)):
        return Outcome.BAD_VALUE
    known = [g for g in gradients if g is not None]
    if not known:
        return Outcome.NO_GRADIENT if gradients else Outcome.FINE
    if not all(np.all(np.isfinite(g)) for g in known):
        return Outcome.BAD_GRADIENT
    return Outcome.FINE if any(np.any(g) for g in known) else Outcome.ZERO_GRADIENT


def first_line(error: BaseException) -> str:
    """``ValueError: what it says``, one line of at most 200 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:200]
