"""Whole training steps: the user's own tape and optimizer, or a compiled model. Their weights must move."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from losslint.confirmation import bindings, locate
from losslint.confirmation.failures import UserFiles, failure, only_about_shapes, unless_about_shapes
from losslint.confirmation.frameworks.base import Inputs
from losslint.confirmation.frameworks.tensorflow import FRAMEWORK, noted
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.probes import Loss, numbers, told
from losslint.confirmation.program import Program
from losslint.confirmation.trail import Trail
from losslint.confirmation.values import generic


@dataclasses.dataclass(frozen=True)
class Derivative:
    """One call of ``tape.gradient`` or ``tape.jacobian`` in the user's code."""

    row: int
    path: str
    target: Any
    gradients: tuple[Any, ...]
    names: tuple[str, ...]


def seen_in(program: Program, entry: Callable[..., Any], files: UserFiles) -> Iterator[Observation]:
    """What is seen of a training step: how its gradients go, and what is claimed of the custom gradients in it."""
    for specs in program.inputs:
        inputs = generic(specs, program.seed)
        seen = step(entry, inputs, files)
        if not only_about_shapes(seen):
            break
    yield from cuts(entry, inputs, files, unless_about_shapes(seen))
    yield from bindings.bypassed(Loss(entry, files, "function"), inputs, program.claims)


def step(entry: Callable[..., Any], inputs: Inputs, files: UserFiles) -> Observation:
    """Take one step; what the user's tapes give says how it went, by the first call that went wrong."""
    try:
        with watched_tapes(files) as derivatives, noted(files) as trail:
            entry(**FRAMEWORK.tensors(inputs))
        seen = [_placed(_judged(derivative, files), derivative, trail, files) for derivative in derivatives]
    except Exception as error:
        return dataclasses.replace(failure(error, files), mode="eager", **told(inputs))
    wrong = [one for one in seen if one.outcome is not Outcome.FINE]
    if not seen:
        return Observation(Outcome.NOT_RUN, "eager", **told(inputs), error="the step differentiates nothing")
    return dataclasses.replace((wrong or seen)[0], **told(inputs))


@contextlib.contextmanager
def watched_tapes(files: UserFiles) -> Iterator[list[Derivative]]:
    """Notes what the tapes of the user's own code give; the framework's own tapes are left alone."""
    found: list[Derivative] = []
    originals = {name: getattr(tf.GradientTape, name) for name in ("gradient", "jacobian")}

    def noting(original: Callable[..., Any]) -> Callable[..., Any]:
        def differentiate(tape: Any, target: Any, sources: Any, *args: Any, **kwargs: Any) -> Any:
            gradients = original(tape, target, sources, *args, **kwargs)
            frame = sys._getframe(1)
            if files.owns(frame.f_code.co_filename):
                named = tuple(str(getattr(source, "name", "")) for source in tf.nest.flatten(sources))
                flat = tuple(tf.nest.flatten(gradients))
                found.append(Derivative(frame.f_lineno, frame.f_code.co_filename, target, flat, named))
            return gradients

        return differentiate

    for name, original in originals.items():
        setattr(tf.GradientTape, name, noting(original))
    try:
        yield found
    finally:
        for name, original in originals.items():
            setattr(tf.GradientTape, name, original)


def _judged(derivative: Derivative, files: UserFiles) -> Observation:
    """What one derivative amounts to. A symbolic one, of a traced step, has no numbers."""
    present = [g for g in derivative.gradients if g is not None]
    missing = [name for name, g in zip(derivative.names, derivative.gradients, strict=True) if g is None]
    arrays = [np.asarray(tf.convert_to_tensor(g)) for g in present if isinstance(g, tf.IndexedSlices) or hasattr(g, "numpy")]
    targets = [np.asarray(t) for t in tf.nest.flatten(derivative.target) if hasattr(t, "numpy")]
    if not all(np.isfinite(array).all() for array in targets):
        outcome = Outcome.BAD_VALUE
    elif not present:
        outcome = Outcome.NO_GRADIENT
    elif not all(np.isfinite(array).all() for array in arrays):
        outcome = Outcome.BAD_GRADIENT
    elif len(arrays) == len(present) and not any(array.any() for array in arrays):
        outcome = Outcome.ZERO_GRADIENT
    else:
        outcome = Outcome.FINE
    other = "" if derivative.path == str(files.path) else derivative.path
    return Observation(
        outcome, "eager", row=derivative.row, path=other, operation="gradient",
        loss=numbers(targets[0]) if len(targets) == 1 else None,
        detail=f"no gradient to {', '.join(filter(None, missing)) or len(missing)}" if missing else "",
    )


def cuts(entry: Callable[..., Any], inputs: Inputs, files: UserFiles, seen: Observation) -> tuple[Observation, ...]:
    """A step whose gradients are None, once for each place where they are lost: the step is taken again with everything
    noted. The row that asks for the gradients is no such place; where none is found, none is named."""
    if seen.outcome is not Outcome.NO_GRADIENT or seen.error.startswith("LookupError"):
        return (seen,)
    with watched_tapes(files) as derivatives, noted(files, watched=True) as trail, contextlib.suppress(Exception):
        entry(**FRAMEWORK.tensors(inputs))
    trail.value = [target for derivative in derivatives[:1] for target in tf.nest.flatten(derivative.target)]
    reads = [step for step in trail.steps if step.op == "ReadVariableOp"]
    trail.trained = [output for step in reads for output in step.outputs if output.dtype.is_floating]
    places = [place for place in locate.cuts(trail) if place[1]] if trail.value else []
    return locate.at_each(seen, places, files) or (dataclasses.replace(seen, row=0, path="", operation=""),)


def _placed(seen: Observation, derivative: Derivative, trail: Trail, files: UserFiles) -> Observation:
    """A number that is not finite has its place where it first is not: not in the row that asks for a derivative. That
    of a derivative is not known, as the step has changed the weights when it is seen."""
    if seen.outcome not in (Outcome.BAD_VALUE, Outcome.BAD_GRADIENT):
        return seen
    born = locate.value_births(dataclasses.replace(trail, value=list(tf.nest.flatten(derivative.target))))
    if not born:
        return dataclasses.replace(seen, row=0, path="", operation="")
    other = "" if born[0].path == str(files.path) else born[0].path
    return dataclasses.replace(seen, row=born[0].row, path=other, operation=born[0].op)


def fit(entry: Callable[[], Any], files: UserFiles) -> Observation:
    """Replay ``compile`` and ``fit``: two full batches and a partial one. What moves says how it went."""
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model, x, y = entry()
            batch = max(1, 2 * _length(x) // 5)
            before: list[Any] | None = None
            if model.built:
                before = [np.array(weight) for weight in model.trainable_variables]
            history = model.fit(x, y, batch_size=batch, epochs=1, shuffle=False, verbose=0)
    except Exception as error:
        seen = dataclasses.replace(failure(error, files), mode="fit")
        if "No gradients provided" in seen.error:  # the row that asks for them is not the one that loses them
            seen = dataclasses.replace(seen, row=0, path="", operation="")
        return seen
    losses = history.history.get("loss", [])
    after = [np.array(weight) for weight in model.trainable_variables]
    unmoved = _unmoved(model.trainable_variables, before, after)
    if not np.isfinite(np.asarray(losses, np.float64)).all():
        outcome = Outcome.BAD_VALUE
    elif not all(np.isfinite(array).all() for array in after):
        outcome = Outcome.BAD_GRADIENT
    elif before and len(unmoved) == len(after):
        outcome = Outcome.ZERO_GRADIENT
    else:
        outcome = Outcome.FINE
    missing = [str(one.message) for one in said if "Gradients do not exist" in str(one.message)]
    detail = missing[0].partition(" when ")[0] if missing else f"did not move: {', '.join(unmoved)}" if unmoved else ""
    return Observation(outcome, "fit", loss=losses[-1] if losses else None, detail=detail[:300])


def _length(data: Any) -> int:
    return len(tf.nest.flatten(data)[0])


def _unmoved(variables: Sequence[Any], before: Sequence[Any] | None, after: Sequence[Any]) -> list[str]:
    """Names of the trained weights that are what they were."""
    if before is None or len(before) != len(after):
        return []
    pairs = zip(variables, before, after, strict=True)
    return [str(getattr(variable, "path", variable.name)) for variable, old, new in pairs if np.array_equal(old, new)]
