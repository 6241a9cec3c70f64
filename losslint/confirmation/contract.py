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

from losslint.confirmation.frameworks.base import Inputs
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.probes import Loss, differentiated, numbers, told
from losslint.confirmation.program import Claim, TensorSpec


def check(
    loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], claims: Sequence[Claim],
) -> Iterator[Observation]:
    """``CONTRACT`` at the row of each claim whose expectation the loss is seen not to meet."""
    for claim in claims:
        measure = EXPECTED.get(claim.code)
        if measure is None or not all(array.ndim for array in inputs.values()):
            continue
        try:
            found = measure(loss, inputs, specs)
        except Exception:  # of the user's code, for changed inputs: nothing silent about that
            continue
        if found is not None:
            yield dataclasses.replace(found, row=claim.row)


def returns_scalar(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec]) -> Observation | None:
    """One number for all samples: weights of samples cannot count."""
    value = loss.value(inputs)
    batch = max(len(array) for array in inputs.values())
    if value.ndim == 0 and batch > 1:
        return _broken(inputs, value, f"the result for {batch} samples is one number: sample_weight scales all of it")
    return None


def returns_parts(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec]) -> Observation | None:
    """A list or tuple, which Keras stacks and averages."""
    result = loss.result(inputs)
    if isinstance(result, (list, tuple)):
        value = loss.framework.array(loss.framework.tensor(result))
        return _broken(inputs, value, f"the result is a {type(result).__name__} of {len(result)}, which Keras averages")
    return None


def broadcasts(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec]) -> Observation | None:
    """Labels of shape (B,) against predictions of shape (B, 1), either way, must give what equal shapes give."""
    names = [spec.name for spec in specs if spec.role in ("label", "prediction")]
    if len(names) != 2 or any(inputs[name].size != len(inputs[name]) or len(inputs[name]) < 2 for name in names):
        return None
    first, second = names
    columns = {**inputs, **{name: inputs[name].reshape(-1, 1) for name in names}}
    expected = float(loss.value(columns).mean())
    for flat in ({first: columns[first].reshape(-1)}, {second: columns[second].reshape(-1)}, {}):
        mixed = {**columns, **flat}
        value = loss.value(mixed)
        batch = len(columns[first])
        square = value.ndim == 2 and value.shape == (batch, batch)
        if square or not np.isclose(float(value.mean()), expected, rtol=1e-4):
            shapes = " and ".join(f"{name} {mixed[name].shape}" for name in names)
            return _broken(mixed, value, f"{shapes} are broadcast to every pair of samples")
    return None


def skips_samples(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec]) -> Observation | None:
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


EXPECTED: dict[str, Callable[[Loss, Inputs, Sequence[TensorSpec]], Observation | None]] = {
    "LL401": broadcasts, "LL402": returns_scalar, "LL404": returns_parts, "LL411": skips_samples,
}


def frozen(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], claims: Sequence[Claim]) -> Iterator[Observation]:
    """``FROZEN`` where eager calls differ and calls of one traced step do not: after a new draw, and after each attribute
    or global that a claim names was changed."""
    graph = loss.framework.compiled(loss, inputs)
    if graph is None:
        return

    def eager() -> Any:
        return loss.value(inputs)

    try:
        if not np.array_equal(eager(), eager()) and np.array_equal(graph(), graph()):
            for claim in claims:
                if claim.code == "LL207":
                    yield _frozen(inputs, claim, graph(), "a new draw")
            return
        for claim in claims:
            if claim.code == "LL207":
                yield from _after_change(loss, inputs, claim, eager, graph)
    except Exception:  # of the user's code; that it raises was seen before
        return


def _after_change(loss: Loss, inputs: Inputs, claim: Claim, eager: Any, graph: Any) -> Iterator[Observation]:
    for owner, name in _state(loss.entry, claim.expression):
        old = owner[name]
        before, traced_before = eager(), graph()
        owner[name] = old * 2 + 1
        try:
            if not np.array_equal(before, eager()) and np.array_equal(traced_before, graph()):
                yield _frozen(inputs, claim, traced_before, f"{name} = {old * 2 + 1!r}")
                return
        finally:
            owner[name] = old


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


def _frozen(inputs: Inputs, claim: Claim, value: Any, change: str) -> Observation:
    return Observation(
        Outcome.FROZEN, "graph", **told(inputs), loss=numbers(value), row=claim.row,
        detail=f"after {change} the traced step gives the same loss, eager code another",
    )


def _broken(inputs: Inputs, value: Any, detail: str) -> Observation:
    return Observation(Outcome.CONTRACT, "eager", **told(inputs), loss=numbers(value), detail=detail)
