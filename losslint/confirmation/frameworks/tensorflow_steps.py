"""Whole training steps: the user's own tape and optimizer, or a compiled model. Their weights must move."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.ops import resource_variable_ops

from losslint.confirmation import agreement, bindings, contract, locate
from losslint.confirmation.failures import (
    UserFiles,
    failure,
    furthest,
    only_about_shapes,
    unless_about_shapes,
    uses_none,
)
from losslint.confirmation.frameworks.base import Inputs
from losslint.confirmation.frameworks.tensorflow import FRAMEWORK, noted
from losslint.confirmation.load import loaded_again
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.places import Place
from losslint.confirmation.probes import Loss, numbers, told
from losslint.confirmation.program import Claim, Program, TensorSpec
from losslint.confirmation.trail import Trail
from losslint.confirmation.values import generic, rows_of, scaled
from losslint.confirmation.witness import BAD, NUMERICAL

NOT_THE_SLOPE = "LL109"
MISPAIRED = "LL504"
MOST_SAMPLES = 4  # of a batch, that are tried alone
LARGER = (50.0, 500.0)  # times numbers of about 2: none is absurd
SIZES = (1e-2, 3e-3)  # of the steps of differences, in float32
SMOOTH, WRONG = 0.03, 0.05  # relative difference of two estimates of a slope, and of the gradient from them


@dataclasses.dataclass(frozen=True)
class Derivative:
    """One call of ``tape.gradient`` or ``tape.jacobian`` in the user's code."""

    row: int
    path: str
    target: Any
    sources: tuple[Any, ...]
    gradients: tuple[Any, ...]

    @property
    def missing(self) -> list[Any]:
        """The sources that it gives nothing for."""
        return [source for source, found in zip(self.sources, self.gradients, strict=True) if found is None]

    @property
    def present(self) -> list[Any]:
        """The derivatives that there are."""
        return [found for found in self.gradients if found is not None]

    @property
    def has_numbers(self) -> bool:
        """Whether it is one of eager code; what is traced is symbolic."""
        return any(hasattr(target, "numpy") for target in tf.nest.flatten(self.target))


@dataclasses.dataclass(frozen=True)
class Step:
    """A step that was taken: with which weights, on which batch, what each derivative of the user's tapes amounts to (or why
    there is none), and these derivatives."""

    entry: Callable[..., Any]
    inputs: Inputs
    seen: list[Observation]
    derivatives: list[Derivative]


def seen_in(program: Program, entry: Callable[..., Any], files: UserFiles) -> Iterator[Observation]:
    """What is seen of a training step: how its gradients go, and what is claimed of it beyond that."""
    yield from agreement.exchanged(program, partial(first_target, files=files), program.claims)
    failed: list[Observation] = []
    for specs in program.inputs:
        if failed:
            entry = loaded_again(program)  # what was built for other shapes takes no more
        done = step(program, entry, generic(specs, program.seed), files)
        if not only_about_shapes(done.seen[0]):
            break
        failed += done.seen
    else:
        done = dataclasses.replace(done, seen=[furthest(failed)])
    entry, inputs = done.entry, done.inputs
    for number, one in enumerate(done.seen):
        found = dataclasses.replace(unless_about_shapes(one), **told(inputs))
        if found.outcome in BAD and found.row:
            yield fewer(program, specs, inputs, found, files)
        else:
            yield from cuts(entry, inputs, files, found, number) if done.derivatives else (found,)
    yield from bindings.bypassed(Loss(entry, files, "function"), inputs, program.claims)
    if done.derivatives:
        yield from dead(entry, inputs, files, program.claims)
        yield from paired(entry, inputs, files, program.claims)
        yield from mispaired(entry, inputs, files, program.claims)
        yield from frozen(entry, inputs, program.claims)
        yield from slopes(entry, inputs, files, program.claims)
        yield from saturated(program, specs, inputs, files)


def saturated(program: Program, specs: Sequence[TensorSpec], inputs: Inputs, files: UserFiles) -> Iterator[Observation]:
    """A claimed number that is not finite, where features that nobody scaled bring it about: they saturate the last layer
    of a new model as they do that of a trained one."""
    if not any(claim.code in NUMERICAL for claim in program.claims):
        return
    for factor in LARGER:
        larger = scaled(specs, dict(inputs), factor)
        done = step(program, loaded_again(program), larger, files)
        bad = [one for one in done.seen if done.derivatives and one.outcome in BAD and one.row]
        for one in bad:
            seen = dataclasses.replace(one, **told(larger), detail="features that are not scaled")
            yield fewer(program, specs, larger, seen, files)
        if bad:
            return


def fewer(
    program: Program, specs: Sequence[TensorSpec], inputs: Inputs, seen: Observation, files: UserFiles,
) -> Observation:
    """A number that is not finite, shown with one sample where one of the batch does it at the same place."""
    for row in range(MOST_SAMPLES):
        one = rows_of(specs, inputs, row)
        if one is None:
            break
        for again in step(program, loaded_again(program), one, files).seen:
            if (again.outcome, again.row, again.span, again.operation) == (
                    seen.outcome, seen.row, seen.span, seen.operation):
                return dataclasses.replace(again, **told(one), detail=seen.detail)
    return seen


def step(program: Program, entry: Callable[..., Any], inputs: Inputs, files: UserFiles) -> Step:
    """Take one step. One that is traced is taken again without, as a graph has no numbers: with the first weights, as the
    traced one has moved them, or has left variables that hold nothing."""
    derivatives, trail, seen = attempted(entry, inputs, files)
    symbolic = not any(derivative.has_numbers for derivative in derivatives)
    if symbolic and (seen is None or seen.outcome is Outcome.NO_GRADIENT):
        entry = loaded_again(program)
        with eagerly():
            derivatives, trail, seen = attempted(entry, inputs, files)
    if seen is not None:
        return Step(entry, inputs, [seen], [])
    if not derivatives:
        nothing = Observation(Outcome.NOT_RUN, "eager", error="the step differentiates nothing")
        return Step(entry, inputs, [nothing], [])
    if any(amount(derivative, files).outcome is Outcome.BAD_GRADIENT for derivative in derivatives):
        with eagerly(), applied(moving=False):
            again, watched, failed = attempted(loaded_again(program), inputs, files, watched=True)
        if failed is None:
            derivatives, trail = again, watched
    amounts = [_placed(amount(derivative, files), derivative, trail, files) for derivative in derivatives]
    return Step(entry, inputs, amounts, derivatives)


def attempted(
    entry: Callable[..., Any], inputs: Inputs, files: UserFiles, watched: bool = False,
) -> tuple[list[Derivative], Trail, Observation | None]:
    """A step that may raise, and what it raises."""
    try:
        return *taken(entry, inputs, files, watched), None
    except Exception as error:
        return [], Trail(FRAMEWORK), dataclasses.replace(failure(error, files), mode="eager")


def taken(
    entry: Callable[..., Any], inputs: Inputs, files: UserFiles, watched: bool = False,
) -> tuple[list[Derivative], Trail]:
    """The derivatives of one step, and the operations that ran. That an optimizer gets no gradients is no reason to stop:
    what the derivatives are says more."""
    with watched_tapes(files.owns) as derivatives, noted(files, watched) as trail:
        try:
            entry(**FRAMEWORK.tensors(inputs))
        except Exception as error:
            seen = failure(error, files)
            lost_all = derivatives and (seen.outcome is Outcome.NO_GRADIENT or uses_none(seen))
            if not lost_all or all(derivative.present for derivative in derivatives):
                raise
    return derivatives, trail


def unanswered(run: Callable[[], Any], files: UserFiles, mode: str) -> Iterator[Observation]:
    """``NO_GRADIENT`` for each derivative of the user's tapes that is None for all that was asked for."""
    with watched_tapes(files.owns) as derivatives, contextlib.suppress(Exception):  # of the user's code, seen before
        run()
    for derivative in derivatives:
        if not derivative.present:
            yield dataclasses.replace(amount(derivative, files), outcome=Outcome.NO_GRADIENT, mode=mode, detail="")


def first_target(entry: Callable[..., Any], inputs: Inputs, files: UserFiles) -> Any:
    """The numbers that a step differentiates first."""
    with eagerly():
        derivatives, _ = taken(entry, inputs, files)
    return FRAMEWORK.array(tf.nest.flatten(derivatives[0].target)[0])


@contextlib.contextmanager
def eagerly() -> Iterator[None]:
    """``tf.function`` runs as plain Python meanwhile."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@contextlib.contextmanager
def watched_tapes(owns: Callable[[str], bool]) -> Iterator[list[Derivative]]:
    """Notes what tapes give that are asked from files which ``owns`` knows; other tapes are left alone."""
    found: list[Derivative] = []
    originals = {name: getattr(tf.GradientTape, name) for name in ("gradient", "jacobian")}

    def noting(original: Callable[..., Any]) -> Callable[..., Any]:
        def differentiate(tape: Any, target: Any, sources: Any, *args: Any, **kwargs: Any) -> Any:
            gradients = original(tape, target, sources, *args, **kwargs)
            frame = sys._getframe(1)
            if owns(frame.f_code.co_filename):
                flat, given = (tuple(tf.nest.flatten(part)) for part in (gradients, sources))
                found.append(Derivative(frame.f_lineno, frame.f_code.co_filename, target, given, flat))
            return gradients

        return differentiate

    for name, original in originals.items():
        setattr(tf.GradientTape, name, noting(original))
    try:
        yield found
    finally:
        for name, original in originals.items():
            setattr(tf.GradientTape, name, original)


def amount(derivative: Derivative, files: UserFiles) -> Observation:
    """What one derivative amounts to. A symbolic one, of a traced step, has no numbers."""
    present = derivative.present
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
    names = [_name(source) for source in derivative.missing]
    return Observation(
        outcome, "eager", row=derivative.row, path=other, operation="gradient",
        loss=numbers(targets[0]) if len(targets) == 1 else None,
        detail=f"no gradient to {', '.join(filter(None, names)) or len(names)} (asked for in row {derivative.row})"
        if names else "",
    )


def cuts(
    entry: Callable[..., Any], inputs: Inputs, files: UserFiles, seen: Observation, number: int,
) -> tuple[Observation, ...]:
    """A derivative that is None for some of its sources, once for each place where it is lost: the step is taken again
    with everything noted. The row that asks for the gradients is no such place; where none is found, none is named. A
    source that the target has nothing to do with has no place, and is meant."""
    partly = seen.outcome is Outcome.FINE and bool(seen.detail)
    if seen.outcome is not Outcome.NO_GRADIENT and not partly:
        return (seen,)
    with eagerly(), contextlib.suppress(Exception):  # of the user's code, which has run once
        derivatives, trail = taken(entry, inputs, files, watched=True)
        places = lost(derivatives[number], trail)
        if partly:
            places = [place for place in places if place.operation not in FRAMEWORK.stops]
            lines = locate.at_each(dataclasses.replace(seen, outcome=Outcome.NO_GRADIENT), places, files)
            return lines or (seen,)
        if places:
            return locate.at_each(seen, places, files)
    return (dataclasses.replace(seen, row=0, span=(), path="", operation=""),)


def lost(derivative: Derivative, trail: Trail) -> list[Place]:
    """Wherever the way from a missing source to the target is cut."""
    return [place for place in locate.cuts(between(derivative.missing, derivative, trail)) if place.row]


def between(sources: Sequence[Any], derivative: Derivative, trail: Trail) -> Trail:
    """What ran from some sources of a derivative to its target."""
    handles = {id(getattr(source, "handle", source)) for source in sources}
    reads = [step for step in trail.steps if step.op == "ReadVariableOp" and id(step.inputs[0]) in handles]
    trained = [output for step in reads for output in step.outputs if FRAMEWORK.is_floating(output)]
    trained += [source for source in sources if tf.is_tensor(source) and not hasattr(source, "handle")]
    trained += read_unnoted(sources, trail)
    return dataclasses.replace(trail, value=list(tf.nest.flatten(derivative.target)), trained=trained)


def read_unnoted(sources: Sequence[Any], trail: Trail) -> list[Any]:
    """What a watched run read from the sources without an operation of its own: ``w ** 2`` reads ``w`` as it starts."""
    made = {id(output) for step in trail.steps for output in step.outputs}
    shapes = {tuple(source.shape) for source in sources}
    entering = {id(tensor): tensor for step in trail.steps for tensor in step.inputs if id(tensor) not in made}
    alike = [t for t in entering.values() if FRAMEWORK.is_floating(t) and tuple(t.shape) in shapes]
    return [tensor for tensor in alike if any(g is not None for g in trail.gradient(tensor, sources))]


def dead(
    entry: Callable[..., Any], inputs: Inputs, files: UserFiles, claims: Sequence[Claim],
) -> Iterator[Observation]:
    """What is claimed of terms of the sum that is differentiated first."""
    wanted = [claim for claim in claims if claim.code in locate.OF_A_TERM]
    if not wanted:
        return
    with eagerly():
        derivatives, trail = taken(entry, inputs, files, watched=True)
    way = between(derivatives[0].sources, derivatives[0], trail)
    for _, outcome, one in locate.dead_steps(way, wanted):
        other = "" if one.path == str(files.path) else one.path
        yield Observation(outcome, "eager", **told(inputs), row=one.row, span=one.span, path=other, operation=one.op)


def paired(
    entry: Callable[..., Any], inputs: Inputs, files: UserFiles, claims: Sequence[Claim],
) -> Iterator[Observation]:
    """``CONTRACT`` for each claim that every prediction is compared with every label."""
    wanted = [claim for claim in claims if claim.code == contract.PAIRS]
    with eagerly():
        trail = taken(entry, inputs, files)[1] if wanted else Trail(FRAMEWORK)
    for claim in wanted:
        for what in contract.pairs(trail, claim, files):
            yield Observation(Outcome.CONTRACT, "eager", **told(inputs), **claim.at, detail=what)
            break


def mispaired(
    entry: Callable[..., Any], inputs: Inputs, files: UserFiles, claims: Sequence[Claim],
) -> Iterator[Observation]:
    """``CONTRACT`` for each claim that a variable is moved by the gradients of others."""
    wanted = [claim for claim in claims if claim.code == MISPAIRED]
    if not wanted:
        return
    with eagerly(), applied() as given:
        derivatives, trail = taken(entry, inputs, files)
    sources = {id(g): {id(s)} for d in derivatives for s, g in zip(d.sources, d.gradients, strict=True) if g is not None}
    names = {id(source): _name(source) for derivative in derivatives for source in derivative.sources}
    for step in trail.steps:  # what is clipped or scaled is still theirs
        entering = set[int]().union(*(sources.get(id(tensor), ()) for tensor in step.inputs))
        for output in step.outputs if entering else ():
            sources[id(output)] = entering
    for gradient, variable in given:
        own = sources.get(id(gradient), {id(variable)})
        if id(variable) not in own:
            detail = f"{_name(variable)} is moved by the gradient of {', '.join(sorted(names[one] for one in own))}"
            for claim in wanted:
                yield Observation(Outcome.CONTRACT, "eager", **told(inputs), **claim.at, detail=detail)
            return


@contextlib.contextmanager
def applied(moving: bool = True) -> Iterator[list[tuple[Any, Any]]]:
    """Notes the gradients that optimizers are given meanwhile, each with its variable; these are moved, or left alone."""
    pairs: list[tuple[Any, Any]] = []
    owner = tf.keras.optimizers.Optimizer
    original = owner.apply_gradients

    def noting(optimizer: Any, grads_and_vars: Any, *args: Any, **kwargs: Any) -> Any:
        given = [tuple(pair) for pair in grads_and_vars]
        pairs.extend(given)
        return original(optimizer, given, *args, **kwargs) if moving else None

    owner.apply_gradients = noting
    try:
        yield pairs
    finally:
        owner.apply_gradients = original


def _name(variable: Any) -> str:
    return str(getattr(variable, "path", "") or getattr(variable, "name", ""))


class Repeated:
    """A step that is taken again and again, each time with the same weights, optimizer and TensorFlow seed."""

    def __init__(self, entry: Callable[..., Any], inputs: Inputs) -> None:
        self.entry, self.inputs = entry, inputs
        entry(**FRAMEWORK.tensors(inputs))  # makes the variables of the optimizer
        self.state = [(variable, variable.read_value()) for variable in _variables() if variable.is_initialized()]

    def __call__(self, changed: Sequence[tuple[Any, Any]] = ()) -> Any:
        """The numbers of all variables after a step; ``changed`` are variables with what they hold before it."""
        for variable, value in (*self.state, *changed):
            variable.assign(value)
        tf.random.set_seed(0)
        self.entry(**FRAMEWORK.tensors(self.inputs))
        return np.concatenate([np.ravel(variable.numpy()) for variable, _ in self.state if variable.dtype.is_floating])


def _variables() -> list[Any]:
    """All that are alive: a step keeps its own wherever it likes."""
    return [one for one in gc.get_objects() if issubclass(type(one), resource_variable_ops.BaseResourceVariable)]


def frozen(entry: Callable[..., Any], inputs: Inputs, claims: Sequence[Claim]) -> Iterator[Observation]:
    """``FROZEN`` where steps that run eagerly differ and traced ones do not."""
    if not any(claim.code == contract.FROZEN for claim in claims):
        return
    again = Repeated(entry, inputs)

    def eager() -> Any:
        with eagerly():
            return again()

    yield from contract.unchanged(entry, inputs, claims, eager, again)


def slopes(
    entry: Callable[..., Any], inputs: Inputs, files: UserFiles, claims: Sequence[Claim],
) -> Iterator[Observation]:
    """``WRONG_GRADIENT`` where a claim says that a gradient is not the slope, and central differences along it say so
    too: the step is taken with weights a little further on and a little back."""
    if not any(claim.code == NOT_THE_SLOPE for claim in claims):
        return
    again = Repeated(entry, inputs)

    def target(changed: Sequence[tuple[Any, Any]] = ()) -> Derivative:
        with eagerly(), watched_tapes(files.owns) as found:
            again(changed)
        return found[0]

    first = target()
    pairs = [(source, tf.convert_to_tensor(gradient)) for source, gradient in
             zip(first.sources, first.gradients, strict=True) if gradient is not None and hasattr(source, "assign")]
    again(())
    starts = {id(variable.handle): value for variable, value in again.state}
    analytic = sum(float(tf.reduce_sum(tf.abs(gradient))) for _, gradient in pairs)

    def value(size: float) -> float:
        moved = [(source, starts[id(source.handle)] + size * tf.sign(gradient)) for source, gradient in pairs]
        return float(tf.reduce_sum(target(moved).target))

    rough, fine = ((value(size) - value(-size)) / (2.0 * size) for size in SIZES)
    scale = max(abs(fine), analytic, 1e-6)
    if abs(rough - fine) < SMOOTH * scale and abs(analytic - fine) > WRONG * scale:
        yield Observation(
            Outcome.WRONG_GRADIENT, "eager", **told(inputs), loss=numbers(first.target),
            detail=f"the gradient gives a slope of {analytic:.4g}, central differences {fine:.4g}",
        )


def _placed(seen: Observation, derivative: Derivative, trail: Trail, files: UserFiles) -> Observation:
    """A number that is not finite has its place where it first is not: not in the row that asks for a derivative."""
    if seen.outcome not in (Outcome.BAD_VALUE, Outcome.BAD_GRADIENT):
        return seen
    places = born_at(seen, derivative, trail, files)
    return places[0] if places else dataclasses.replace(seen, row=0, span=(), path="", operation="")


def born_at(seen: Observation, derivative: Derivative, trail: Trail, files: UserFiles) -> list[Observation]:
    """An observation for each operation that makes numbers of a target not finite or, where the trail is watched and no
    weight has moved, those of its derivative."""
    way = between(derivative.sources, derivative, trail)
    births = locate.births(way) if trail.tape is not None else locate.value_births(way)
    return list(locate.at_each(seen, locate.birthplaces(trail, births), files))
