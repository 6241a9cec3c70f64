"""Jumps: the value changes by more than its slope says when one number moves past a threshold.

One number of a prediction is moved across its range; where the value changes most, the interval is halved until its ends
are neighbouring float32 numbers. A kink shrinks with the interval, a jump does not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from losslint.confirmation.frameworks.base import Array, Framework, Inputs
from losslint.confirmation.locate import other
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.probes import Loss, differentiated, told
from losslint.confirmation.program import Claim, TensorSpec
from losslint.confirmation.trail import Step, Trail
from losslint.confirmation.values import generic, named

RANGES = {"probability": (0.01, 0.99), "simplex": (0.01, 0.99), "image": (0.01, 0.99), "unit": (-0.99, 0.99),
          "positive": (0.05, 3.0), "nonnegative": (0.05, 3.0)}
GRID = 24
HALVINGS = 40
MOST_INTERVALS = 3
LARGE = 1e-3  # of the change over the whole range
CLAIMED = "LL113"
NEAR = 0.01  # on both sides of a claimed jump


def along_coordinates(
    loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], mode: str = "eager",
) -> Iterator[Jump]:
    """A ``JUMP`` at the first and the last number of each input that the gradient is taken to, one at most. What a mode
    has compiled takes the least time for hundreds of values."""
    values = {spec.name: spec for spec in specs}
    for name in differentiated(inputs, specs):
        if not inputs[name].size:
            continue
        for index in dict.fromkeys((0, inputs[name].size - 1)):
            try:
                found = _jump(Line(loss, inputs, specs, mode, name, index), values[name])
            except Exception:  # of the user's code, at a value it does not take
                continue
            if found is not None:
                yield found
                return


def at_examples(loss: Loss, specs: Sequence[TensorSpec], claims: Sequence[Claim], mode: str = "eager") -> Iterator[Jump]:
    """A ``JUMP`` where a claim names it: all numbers of its prediction move past the one that it tells, and all others are
    as it says. What a mean is compared with, one number alone may never reach."""
    for claim in claims:
        told = dict(claim.example) if claim.code == CLAIMED else {}
        inputs = named(specs, told, loss.prepared(generic(specs)))
        for name in (name for name in differentiated(inputs, specs) if name in told):
            line = Line(loss, inputs, specs, mode, name, slice(None))
            near = [float(np.float32(told[name] + side * NEAR)) for side in (-1, 1)]
            try:
                left, right = ((number, line(number)) for number in near)
                found = _halved(line, left, right, LARGE * (1.0 + abs(left[1]) + abs(right[1])))
            except Exception:  # of the user's code, at a value it does not take
                continue
            if found is not None:
                yield found


@dataclasses.dataclass(frozen=True)
class Jump:
    """A jump, and the inputs on both sides of it."""

    seen: Observation
    below: Inputs
    above: Inputs


class Line:
    """The loss as a function of one number of one input, or of all of its numbers, which then are the same."""

    def __init__(
        self, loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], mode: str, name: str, index: int | slice,
    ) -> None:
        self.loss, self.inputs, self.name, self.index = loss, dict(inputs), name, index
        self.mode, self.sources = mode, differentiated(inputs, specs)

    @property
    def place(self) -> str:
        return f"{self.name}[{self.index}]" if isinstance(self.index, int) else self.name

    def at(self, number: float) -> Inputs:
        """The inputs with the number in its place."""
        array = self.inputs[self.name].copy()
        array.flat[self.index] = number
        return {**self.inputs, self.name: array}

    def __call__(self, number: float) -> float:
        if self.mode == "eager":
            value = self.loss.value(self.at(number))
        else:
            value = self.loss.framework.array(
                self.loss.framework.measure(self.loss, self.at(number), self.sources, self.mode)[0])
        return float(np.sum(value.astype(np.float64)))


def _jump(line: Line, spec: TensorSpec) -> Jump | None:
    low, high = RANGES.get(spec.values, (-3.0, 3.0))
    low, high = max(low, spec.low if spec.low is not None else low), min(high, spec.high if spec.high is not None else high)
    grid = [float(number) for number in np.linspace(low, high, GRID).astype(np.float32)]
    values = [line(number) for number in grid]
    if not np.isfinite(values).all() or line(grid[0]) != values[0]:  # it draws random numbers
        return None
    total = float(np.ptp(values))
    if total == 0.0:
        return None
    for where in _unlike_their_neighbours(np.diff(values))[:MOST_INTERVALS]:
        found = _halved(line, (grid[where], values[where]), (grid[where + 1], values[where + 1]), LARGE * total)
        if found is not None:
            return found
    return None


def _unlike_their_neighbours(changes: Array) -> list[int]:
    """The intervals, those first that change most unlike the mean of the two beside them: on a parabola there is no
    difference at all."""
    padded = np.pad(changes, 1, mode="reflect", reflect_type="odd")
    unlike = np.abs(changes - (padded[:-2] + padded[2:]) / 2.0)
    return [int(index) for index in np.argsort(-unlike) if unlike[index] > 0.0]


def _halved(line: Line, left: tuple[float, float], right: tuple[float, float], least: float) -> Jump | None:
    """What is left of a change once its interval has no inside; None where it shrinks below ``least`` on the way."""
    for _ in range(HALVINGS):
        middle = float(np.float32((left[0] + right[0]) / 2))
        if middle in (left[0], right[0]) or abs(right[1] - left[1]) <= least:
            break
        value = line(middle)
        if abs(value - left[1]) > abs(right[1] - value):
            right = (middle, value)
        else:
            left = (middle, value)
    size = abs(right[1] - left[1])
    if not np.isfinite(size) or size <= least or size <= 16 * np.spacing(np.float32(abs(left[1]))):
        return None
    seen = Observation(
        Outcome.JUMP, "eager", **told(line.at(left[0])), loss=left[1],
        detail=f"{line.place} from {np.float32(left[0])!s} to {np.float32(right[0])!s}:"
               f" the loss from {left[1]:.6g} to {right[1]:.6g}",
    )
    return Jump(seen, line.at(left[0]), line.at(right[0]))


def placed(jump: Jump, below: Trail, above: Trail, loss: Loss) -> Observation:
    """The observation with the row of the first operation that takes a step where its inputs do not."""
    for step in _first_step(below, above):
        return dataclasses.replace(jump.seen, row=step.row, span=step.span, path=other(loss, step.path), operation=step.op)
    return jump.seen


def _first_step(below: Trail, above: Trail) -> Iterator[Step]:
    change = partial(_change, below.framework)
    for before, after in zip(below.steps, above.steps, strict=False):
        if before.op != after.op or before.row != after.row:
            yield before  # Python took another branch
        elif before.row and change(before.outputs, after.outputs) > LARGE > 8 * change(before.inputs, after.inputs):
            yield before


def _change(framework: Framework, before: Sequence[Any], after: Sequence[Any]) -> float:
    """The largest difference between tensors."""
    pairs = [(framework.array(a), framework.array(b)) for a, b in zip(before, after, strict=False)]
    known = [(a, b) for a, b in pairs if a.shape == b.shape and a.size and a.dtype.kind in "fiub"]
    return max((float(np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)))) for a, b in known), default=0.0)
