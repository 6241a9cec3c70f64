"""Where in the user's code a gradient stops, becomes zero or stops being finite.

A loss is run once more, eagerly, with every operation noted: its type, its inputs and outputs and the row of the user's
code that asked for it, with derivatives on both sides of a cut. How that is done, the module of its framework says; the
verdict never comes from such a run, only the place.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import numpy as np

from losslint.confirmation.failures import UserFiles
from losslint.confirmation.frameworks.base import Inputs
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.places import Place, Span, span_of, within
from losslint.confirmation.probes import Loss, differentiated, numbers, told
from losslint.confirmation.program import Claim, TensorSpec
from losslint.confirmation.trail import Step, Trail, flat
from losslint.confirmation.values import Array

OF_A_TERM = ("LL111", "LL112")
LOST = (Outcome.NO_GRADIENT, Outcome.ZERO_GRADIENT)
PLACED = (*LOST, Outcome.BAD_VALUE, Outcome.BAD_GRADIENT)


# -- the recorder


def record(loss: Loss, specs: Sequence[TensorSpec], inputs: Inputs) -> Trail:
    """Run a loss eagerly with everything noted. An exception of the loss ends the trail and is kept in ``error``."""
    arrays = loss.prepared(inputs)
    loss.seed()
    return loss.framework.record(loss, loss.framework.tensors(arrays), differentiated(arrays, specs))


def _finite(trail: Trail, tensor: Any) -> bool:
    return not trail.framework.is_floating(tensor) or bool(np.all(np.isfinite(trail.framework.array(tensor))))


def ran(
    loss: Loss, specs: Sequence[TensorSpec], inputs: Inputs, claims: Sequence[Claim],
) -> tuple[tuple[int, ...], tuple[Span, ...]]:
    """The rows of the loss's own file that an eager call with its gradient executes, and the claimed expressions that it
    does not: a comprehension over nothing, the branch of a conditional expression."""
    path = str(loss.files.path)
    arrays = loss.prepared(inputs)
    rows: set[int] = set()
    instructions: set[tuple[CodeType, int]] = set()

    def follow(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename != path:
            return None
        frame.f_trace_opcodes = bool(claims)
        if event == "line":
            rows.add(frame.f_lineno)
        elif event == "opcode":
            instructions.add((frame.f_code, frame.f_lasti))
        return follow

    before = sys.gettrace()
    sys.settrace(follow)
    try:
        loss.framework.value_and_gradient(loss, loss.framework.tensors(arrays), differentiated(arrays, specs))
    except Exception:  # rows up to there ran
        pass
    finally:
        sys.settrace(before)
    spans = {span_of(*instruction) for instruction in instructions} - {()}
    idle = {claim.span for claim in claims if spans and not any(within(span, claim.span) for span in spans)}
    return tuple(sorted(rows)), tuple(sorted(idle))


# -- where numbers stop being finite


def births(trail: Trail) -> list[Step]:
    """The operations that make the first non-finite number: of the value, or of the derivative when the value is
    finite."""
    return value_births(trail) or slope_births(trail)


def birthplaces(trail: Trail, steps: Sequence[Step]) -> list[Place]:
    """Where operations make the first number that is not finite, each place once."""
    return list(dict.fromkeys(
        step.place._replace(undefined=any(_has_nan(trail, t) for t in step.outputs)) for step in steps))


def _has_nan(trail: Trail, tensor: Any) -> bool:
    return trail.framework.is_floating(tensor) and bool(np.isnan(trail.framework.array(tensor)).any())


def value_births(trail: Trail) -> list[Step]:
    """Operations with finite inputs and a result that is not, of which the value is computed; [] when it is finite."""
    if all(_finite(trail, t) for t in flat(trail.value)):
        return []
    needed = trail.needed
    return [
        step for step in trail.steps
        if step.row
        and any(id(t) in needed and not _finite(trail, t) for t in step.outputs)
        and all(_finite(trail, t) for t in step.inputs)
        and step.inputs
    ]  # fmt: skip


def slope_births(trail: Trail) -> list[Step]:
    """Operations that turn a finite derivative into one that is not."""
    steps = [s for s in trail.on_the_way() if any(trail.framework.is_floating(t) for t in s.outputs)]
    tensors = [t for s in steps for t in s.outputs if trail.framework.is_floating(t)]
    upstream = {id(t): g for t, g in zip(tensors, trail.gradient(trail.value, tensors), strict=True)}
    dependent = trail.dependent
    found = []
    for step in steps:
        arriving = [(t, g) for t in step.outputs if (g := upstream.get(id(t))) is not None]
        leaving = [t for t in step.inputs if id(t) in dependent and trail.framework.is_floating(t)]
        if not arriving or not leaving or not all(np.all(np.isfinite(g)) for _, g in arriving):
            continue
        local = trail.gradient([t for t, _ in arriving], leaving, [trail.framework.like(g, t) for t, g in arriving])
        if any(g is not None and not np.all(np.isfinite(g)) for g in local):
            found.append(step)
    return found


def is_of_nothing(loss: Loss, specs: Sequence[TensorSpec], inputs: Inputs) -> bool:
    """Whether a number is not finite because the shapes that were made up leave nothing of a tensor: what is shorter than a
    slice of it starts. Where numbers select, nothing may be left in training, too."""
    selects = loss.framework.selects
    trail = record(loss, specs, inputs)
    if not selects or any(step.op in selects for step in trail.steps):
        return False
    return any(trail.framework.array(tensor).size == 0 for step in births(trail) for tensor in step.inputs)


# -- where the gradient stops


@dataclass(frozen=True)
class Break:
    """An operation that a live value enters and no derivative leaves."""

    step: Step
    how: Outcome  # NO_GRADIENT or ZERO_GRADIENT


def breaks(trail: Trail, ways: Sequence[Outcome] = LOST) -> list[Break]:
    """The operations on the way to the value that pass no derivative on, the first of each path: what lies behind one
    is not reported again. Zeros mean something at points in general position only, and not where weights start at 0."""
    live = {id(t) for t in trail.trained}
    needed = trail.needed
    found = []
    for step in trail.on_the_way():
        entering = [t for t in step.inputs if id(t) in live]
        if not entering:
            continue
        how = _passes(trail, [t for t in step.outputs if id(t) in needed], entering)
        if how is None or how not in ways:
            live |= {id(t) for t in step.outputs if trail.framework.is_floating(t)}
        else:
            found.append(Break(step, how))
    return found


def _passes(trail: Trail, results: Sequence[Any], entering: Sequence[Any]) -> Outcome | None:
    """None when a derivative gets through an operation to one of its results, else how it does not."""
    outputs = [t for t in results if trail.framework.is_floating(t)]
    inputs = [t for t in entering if trail.framework.is_floating(t)]
    if not outputs or not inputs:
        return Outcome.NO_GRADIENT
    gradients = [g for g in trail.gradient(outputs, inputs) if g is not None]
    if not gradients:
        return Outcome.NO_GRADIENT
    return None if any(np.any(g) for g in gradients) else Outcome.ZERO_GRADIENT


def place(loss: Loss, specs: Sequence[TensorSpec], observation: Observation) -> tuple[Observation, ...]:
    """An observation with row, file and operation: one for each place that it happens at; itself when no place is found.

    ``observation.inputs`` are run again; missing, zero and non-finite derivatives and non-finite values are placed.
    """
    trail = record(loss, specs, arrays(observation, specs))
    return at_each(observation, places(trail, observation.outcome), loss.files) or (observation,)


def places(trail: Trail, outcome: Outcome) -> list[Place]:
    """Wherever a recorded run goes wrong in one of the ways that are ``PLACED``."""
    if outcome in (Outcome.BAD_VALUE, Outcome.BAD_GRADIENT):
        return birthplaces(trail, births(trail))
    if outcome is Outcome.NO_GRADIENT:
        return cuts(trail, (outcome,)) or cuts(trail)  # what is 0 on the way, as weights may be at first, would hide it
    return cuts(trail) if outcome in PLACED else []


def cuts(trail: Trail, ways: Sequence[Outcome] = LOST) -> list[Place]:
    """Wherever a derivative is lost: in an operation, or as a value leaves the framework."""
    dependent = trail.dependent
    found = [b.step.place for b in breaks(trail, ways)]
    return found + [place for place, tensor in trail.escapes if id(tensor) in dependent]


def other(loss: Loss, path: str) -> str:
    """A file as observations name it: "" for the loss's own."""
    return "" if path == str(loss.files.path) else path


def at_each(seen: Observation, places: Iterable[Place], files: UserFiles) -> tuple[Observation, ...]:
    """An observation, once for each place; the loss's own file is named ""."""
    return tuple(
        dataclasses.replace(
            seen, row=at.row, span=at.span, path="" if at.path == str(files.path) else at.path, operation=at.operation,
            undefined=at.undefined)
        for at in dict.fromkeys(places))


def arrays(observation: Observation, specs: Iterable[TensorSpec]) -> dict[str, Array]:
    """The inputs of an observation as arrays."""
    dtypes = observation.dtypes
    return {s.name: np.asarray(observation.inputs[s.name], dtypes.get(s.name, s.dtype)) for s in specs}


# -- terms that do nothing


def dead_terms(
    loss: Loss, specs: Sequence[TensorSpec], inputs: Inputs, claims: Sequence[Claim]
) -> tuple[Observation, ...]:  # fmt: skip
    """What claims say of single rows: a term of the sum that passes no gradient on (DEAD_TERM) while the loss has one,
    and a result that nothing uses (UNUSED). ``inputs`` are in general position."""
    trail = record(loss, specs, inputs)
    if trail.error:
        return ()
    value = numbers(trail.framework.array(trail.framework.tensor(trail.value)))
    return tuple(
        Observation(outcome, "eager", **told(inputs), loss=value, row=step.row, span=step.span, path=other(loss, step.path),
                    operation=step.op)
        for _, outcome, step in dead_steps(trail, claims))


def dead_steps(trail: Trail, claims: Sequence[Claim]) -> Iterator[tuple[Claim, Outcome, Step]]:
    """The operations that claims are right to say this of."""
    if not any(g is not None and np.any(g) for g in trail.gradient(trail.value, trail.trained)):
        return
    ran = {
        Outcome.DEAD_TERM: [b.step for b in breaks(trail) if is_term(trail, b.step)],
        Outcome.UNUSED: list(unused_results(trail)),
    }
    for claim in claims:
        for outcome, steps in ran.items():
            step = next(filter(claim.covers, steps), None)
            if claim.code in OF_A_TERM and step is not None:
                yield claim, outcome, step


def is_term(trail: Trail, cut: Step) -> bool:
    """Whether what an operation gives is only ever added to the rest: multiplied with nothing that depends on a trained
    tensor, no index, no condition. A mask or weight beside a live path is meant to have no gradient, and so is what
    ``stop_gradient`` is written around."""
    if cut.op in trail.framework.stops:
        return False
    dependent, needed = trail.dependent, trail.needed
    flowing = {id(t) for t in cut.outputs}  # the term alone
    joined: set[int] = set()  # the term with what it was added to
    for step in trail.steps[trail.steps.index(cut) + 1:]:
        entering = {id(t) for t in step.inputs}
        if not entering & (flowing | joined) or not any(id(t) in needed for t in step.outputs):
            continue
        alone = not any(id(t) in dependent and id(t) not in flowing for t in step.inputs)
        if step.op in trail.framework.stops or (entering & flowing and not alone and step.op not in trail.framework.sums):
            return False
        (flowing if alone else joined).update(id(t) for t in step.outputs)
    return True


def unused_results(trail: Trail) -> Iterator[Step]:
    """Operations whose results nothing takes: a clip as a statement. Only such that a trained tensor enters."""
    dependent = trail.dependent
    taken = {id(t) for s in trail.steps for t in s.inputs} | {id(t) for t in flat(trail.value)}
    for step in trail.steps:
        used = any(id(t) in taken for t in step.outputs)
        if not used and step.op not in trail.framework.of_the_shape and any(id(t) in dependent for t in step.inputs):
            yield step


# -- operands at their singular points


@dataclass(frozen=True)
class Operand:
    """What enters an operation that is not finite everywhere, and the number it fails at."""

    tensor: Any
    target: float
    step: Step
    numbers: Array  # of the tensor


def operands(trail: Trail) -> list[Operand]:
    """What enters the singular operations, in the order they ran."""
    found = []
    for step in trail.steps:
        known = trail.framework.singular.get(step.op)
        if known and step.row and len(step.inputs) > known[0] and trail.framework.is_floating(step.inputs[known[0]]):
            tensor = step.inputs[known[0]]
            found.append(Operand(tensor, known[1], step, trail.framework.array(tensor)))
    return found


def saturations(trail: Trail, tensor: Any) -> list[Any]:
    """The inputs of sigmoid, softmax and tanh that a tensor is computed from: where they go far out, it saturates."""
    wanted = {id(tensor)}
    found = []
    for step in reversed(trail.steps):
        if any(id(t) in wanted for t in step.outputs):
            wanted |= {id(t) for t in step.inputs}
            if step.op in trail.framework.saturating:
                found.append(step.inputs[0])
    return found


def distance(operand: Operand) -> float:
    """How near an operand is to the number it fails at."""
    numbers = np.abs(operand.numbers.astype("float64") - operand.target)
    return float(np.min(numbers[np.isfinite(numbers)], initial=np.inf))
