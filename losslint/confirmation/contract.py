"""What Keras expects of a loss beyond its gradient: the shape of the result, weights of samples, fresh state.

Keras multiplies what a loss returns by ``sample_weight`` and averages. A scalar is thereby multiplied by the mean of the
weights: no sample counts more than another (measured in Keras 2 and 3; neither warns).
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from losslint.confirmation import agreement, locate
from losslint.confirmation.failures import UserFiles
from losslint.confirmation.frameworks.base import Inputs, is_floating
from losslint.confirmation.handed import handed
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.probes import Loss, differentiated, numbers, told
from losslint.confirmation.program import Claim, TensorSpec
from losslint.confirmation.trail import Step, Trail

FROZEN, PAIRS = "LL207", "LL401"
MOST = 0.5


def check(
    loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], claims: Sequence[Claim],
) -> Iterator[Observation]:
    """``CONTRACT`` at the row of each claim whose expectation the loss is seen not to meet."""
    for claim in claims:
        measure = EXPECTED.get(claim.code)
        if measure is None or not all(array.ndim for array in inputs.values()):
            continue
        try:
            found = measure(loss, inputs, specs, claim)
        except Exception:  # of the user's code, for changed inputs: nothing silent about that
            continue
        if found is not None:
            yield dataclasses.replace(found, **claim.at)


def returns_scalar(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], _: Claim) -> Observation | None:
    """One number for all samples: weights of samples cannot count."""
    value = loss.value(inputs)
    batch = max(len(array) for array in inputs.values())
    if value.ndim == 0 and batch > 1:
        return _broken(inputs, value, f"the result for {batch} samples is one number: sample_weight scales all of it")
    return None


def returns_parts(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], _: Claim) -> Observation | None:
    """What is no single loss: a list that Keras stacks and averages, an array that jax.grad does not take."""
    detail = loss.framework.refusal(loss.result(inputs))
    return _broken(inputs, loss.value(inputs), detail) if detail else None


def is_flat(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], _: Claim) -> Observation | None:
    """A gradient that is exactly 0 for most numbers of an input, at points in general position."""
    value, gradient = loss.framework.value_and_gradient(loss, loss.framework.tensors(inputs), differentiated(inputs, specs))
    for name, found in gradient.items():
        zeros = 0.0 if found is None else float(np.mean(loss.framework.array(found) == 0.0))
        if zeros > MOST:
            detail = f"the gradient is exactly 0 for {zeros:.0%} of ordinary numbers in {name}"
            return dataclasses.replace(_broken(inputs, loss.framework.array(value), detail), outcome=Outcome.ZERO_GRADIENT)
    return None


def broadcasts(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], claim: Claim) -> Observation | None:
    """An operation of the claim that takes numbers of shape (B,) and (B, 1), for labels and predictions as they are, then as
    columns, or one of the two flat."""
    names = [spec.name for spec in specs if spec.role in ("label", "prediction")]
    if len(names) != 2 or any(len(inputs[name]) < 2 for name in names):
        return None
    columns = {name: inputs[name].reshape(len(inputs[name]), -1)[:, :1] for name in names}
    first, second = names
    flat = ({name: columns[name][:, 0]} for name in names)
    for changed in ({}, columns, *(columns | one for one in flat), {first: columns[first]}, {second: columns[second]}):
        mixed = {**inputs, **changed}
        trail = locate.record(loss, specs, mixed)
        for what in pairs(trail, claim, loss.files) if not trail.error else ():
            given = " and ".join(f"{name} {mixed[name].shape}" for name in names)
            return _broken(mixed, loss.value(mixed), f"{given}: {what}")
    return None


def pairs(trail: Trail, claim: Claim, files: UserFiles) -> Iterator[str]:
    """The operations in the rows of a claim that take numbers of shape (B,) and (B, 1)."""
    for step in trail.steps:
        shapes = [tuple(tensor.shape) for tensor in step.inputs]
        batch = max((shape[0] for shape in shapes if len(shape) == 1), default=0)
        if step.path == str(files.path) and claim.covers(step) and batch > 1 and (batch, 1) in shapes:
            yield f"{step.op} takes {shapes[0]} and {shapes[1]}, every prediction with every label"


def as_given(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec]) -> Iterator[Observation]:
    """``CONTRACT`` for inputs that somebody named: predictions of a type without a derivative; labels and predictions of
    shape (B,) and (B, 1), of which the loss makes (B, B) and other numbers than of columns."""
    roles = {spec.name: spec.role for spec in specs}
    pair = {name: array for name, array in inputs.items() if roles[name] in ("label", "prediction")}
    for name, array in pair.items():
        if roles[name] == "prediction" and not is_floating(array):
            yield dataclasses.replace(_broken(inputs, None, f"{name} is {array.dtype}, which has no gradient"), given=True)
    batch = max((len(array) for array in pair.values() if array.ndim), default=0)
    if {array.shape for array in pair.values()} != {(batch,), (batch, 1)} or batch < 2:
        return
    trail = locate.record(loss, specs, inputs)
    made = next((step for step in trail.steps if step.path == str(loss.files.path) and spreads(step, batch)), None)
    columns = {**inputs, **{name: array.reshape(batch, 1) for name, array in pair.items()}}
    if made is None or trail.error or np.allclose(loss.value(inputs).mean(), loss.value(columns).mean()):
        return
    given = " and ".join(f"{name} {array.shape}" for name, array in pair.items())
    detail = f"{given}: {made.op} compares every prediction with every label"
    yield from locate.at_each(
        dataclasses.replace(_broken(inputs, loss.value(inputs), detail), given=True), [made.place], loss.files)


def spreads(step: Step, batch: int) -> bool:
    """Whether an operation makes a square of a row and a column."""
    taken, made = ([tuple(tensor.shape) for tensor in tensors] for tensors in (step.inputs, step.outputs))
    return (batch,) in taken and (batch, 1) in taken and (batch, batch) in made


def skips_samples(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], _: Claim) -> Observation | None:
    """A gradient that is exactly zero for all samples but some: an index on the batch axis."""
    sources = differentiated(inputs, specs)
    value, gradient = loss.framework.value_and_gradient(loss, loss.framework.tensors(inputs), sources)
    for name, found in gradient.items():
        if found is None or len(inputs[name]) < 3:
            continue
        slopes = loss.framework.array(found)
        live = [row for row in range(len(slopes)) if slopes[row].any()]
        if 0 < len(live) <= len(slopes) / 2:
            rows = ", ".join(map(str, live))
            return _broken(inputs, value, f"only samples {rows} of {len(slopes)} in {name} get a gradient")
    return None


def is_handed_what_it_expects(
    loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], claim: Claim,
) -> Observation | None:
    """A loss that is seen to be given probabilities for something else, or one that costs much of a perfect prediction."""
    if detail := handed(locate.record(loss, specs, inputs), claim, str(loss.files.path)):
        return _broken(inputs, loss.value(inputs), detail)
    return agreement.squashed_twice(loss, inputs, specs, claim)


EXPECTED: dict[str, Callable[[Loss, Inputs, Sequence[TensorSpec], Claim], Observation | None]] = {
    "LL107": is_flat, PAIRS: broadcasts, "LL402": returns_scalar, "LL403": agreement.is_not_symmetric,
    "LL404": returns_parts, "LL406": is_handed_what_it_expects, "LL408": agreement.wrong_direction, "LL411": skips_samples,
}


def frozen(loss: Loss, inputs: Inputs, claims: Sequence[Claim]) -> Iterator[Observation]:
    """``FROZEN`` where eager calls differ and calls of one traced step do not."""
    graph = loss.framework.compiled(loss, inputs)
    if graph is not None and any(claim.code == FROZEN for claim in claims):
        yield from unchanged(loss.entry, inputs, claims, lambda: loss.value(inputs), graph)


def unchanged(
    entry: Any, inputs: Inputs, claims: Sequence[Claim], eager: Callable[[], Any], graph: Callable[[], Any],
) -> Iterator[Observation]:
    """``FROZEN`` for each claim that what is traced stays as it was: after a new draw, and after each attribute or global
    that the claim names was changed. ``eager`` and ``graph`` give numbers that are to be compared."""
    wanted = [claim for claim in claims if claim.code == FROZEN]
    try:
        held = {claim: [(owner, name, owner[name]) for owner, name in _state(entry, claim.expression)] for claim in wanted}
        if not np.array_equal(eager(), eager()):
            if np.array_equal(graph(), graph()):
                yield from (_frozen(inputs, claim, _moved(held[claim]) or "a new draw") for claim in wanted)
            return
        for claim in wanted:
            for owner, name in _state(entry, claim.expression):
                if _stays(owner, name, eager, graph):
                    yield _frozen(inputs, claim, f"{name} = {changed(owner[name])!r}")
                    break
    except Exception:  # of the user's code; that it raises was seen before
        return


def _moved(held: Sequence[tuple[dict[str, Any], str, Any]]) -> str:
    """The number that calls of the loss change themselves, ``self.epoch += 1``; "" where none does."""
    moved = ((name, before, owner[name]) for owner, name, before in held if owner[name] != before)
    return next((f"{name} went from {before!r} to {after!r}" for name, before, after in moved), "")


def _stays(owner: dict[str, Any], name: str, eager: Callable[[], Any], graph: Callable[[], Any]) -> bool:
    """Whether another value of a name changes what eager code gives, and not what is traced."""
    old, before, traced = owner[name], eager(), graph()
    owner[name] = changed(old)
    try:
        return not np.array_equal(before, eager()) and np.array_equal(traced, graph())
    finally:
        owner[name] = old


def changed(number: float) -> float:
    return number * 2 + 1


def _state(entry: Any, expression: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The numbers that an expression reads: attributes of the loss object, globals of its module."""
    function = getattr(entry, "__func__", None) or getattr(type(entry), "call", None) or entry
    function = getattr(function, "python_function", function)
    holders = [getattr(entry, "__dict__", {}), getattr(getattr(entry, "__self__", None), "__dict__", {}),
               getattr(function, "__globals__", {})]
    try:
        read = {node.attr if isinstance(node, ast.Attribute) else node.id for node in ast.walk(ast.parse(expression.strip()))
                if isinstance(node, (ast.Attribute, ast.Name))}
    except SyntaxError:
        return
    for holder in holders:
        for name in sorted(read & holder.keys()):
            if type(holder[name]) in (int, float):
                yield holder, name


def _frozen(inputs: Inputs, claim: Claim, change: str) -> Observation:
    detail = f"after {change} the traced step does the same, eager code something else"
    return Observation(Outcome.FROZEN, "graph", **told(inputs), **claim.at, operation=change, detail=detail)


def _broken(inputs: Inputs, value: Any, detail: str) -> Observation:
    return Observation(Outcome.CONTRACT, "eager", **told(inputs), loss=numbers(value), detail=detail)
