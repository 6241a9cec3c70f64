"""Inputs that make a loss, or its derivative, not finite: found, driven towards, and made small.

First the corners that training meets (``values.corpus``), in each mode that is claimed; then, for claimed rows that still
stand, steps along the gradient of the unsafe operand towards the number it fails at; last each witness is cut down to one
row and plain numbers while it goes on failing at the same row. Instrumented runs only tell the place: every observation
is a plain run.
"""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from losslint.confirmation import locate
from losslint.confirmation.frameworks.base import is_floating
from losslint.confirmation.locate import Operand
from losslint.confirmation.observation import Observation, Outcome, Searched
from losslint.confirmation.places import NOWHERE, Place
from losslint.confirmation.probes import Loss, Ran, differentiated, observe, run
from losslint.confirmation.program import Claim, TensorSpec
from losslint.confirmation.proofs import is_of_the_operation, is_spoken_of
from losslint.confirmation.tiers import Tier, numbers, tier, tier_between
from losslint.confirmation.trail import Trail
from losslint.confirmation.values import Array, Case, Inputs, corpus, fits, generic, named, perfect, project, rows_of

NUMERICAL = ("LL301", "LL302", "LL303", "LL304", "LL305", "LL306", "LL307", "LL308", "LL309", "LL310")
OUTSIDE_DOMAIN, STARVED, KILLED = "LL307", "LL308", "LL311"
SATURATING = 120.0  # of which sigmoid and softmax are exactly 0 in float32
BOUNDING = ("clipbyvalue", "maximum", "minimum", "max", "min", "clip", "clamp", "clamp_min", "clamp_max", "clamp_", "fmax",
            "fmin", "relu", "relu6", "hardtanh", "select", "selectv2", "where", "select_n")  # fmt: skip
UNCLAIMED = 0.4  # of the time, where nothing is claimed
BAD = (Outcome.BAD_VALUE, Outcome.BAD_GRADIENT)
MOST_STEPS = 40
MOST_OPERANDS = 4  # of one claim
NEAR_ENOUGH = 1e-5  # an operand that near is on its singular point once constants are folded

Key = tuple[Place, str]  # where, in which mode


# -- the search


def search(
    loss: Loss, specs: Sequence[TensorSpec], claims: Sequence[Claim], *, seconds: float = 1.0,
) -> tuple[tuple[Observation, ...], tuple[Searched, ...]]:  # fmt: skip
    """Witnesses of the numerical claims, and of whatever else the corners show, with the rows searched in vain.

    ``seconds`` of processor time bound each part of a search. An exception of the loss ends a run, never the search.
    """
    numerical = [c for c in claims if c.code in NUMERICAL]
    asked = [mode for claim in numerical for mode in modes_of(claim) if mode in loss.framework.modes]
    wanted = tuple(dict.fromkeys(["eager", *loss.framework.usual, *asked]))
    last = tuple(mode for mode in loss.framework.anywhere if mode not in wanted)
    seconds *= loss.framework.patience
    narrow = settled(loss, specs)
    first = Search(loss, narrow, numerical, seconds if numerical else UNCLAIMED * seconds, wanted)
    first.corners()
    first.descend()
    searches, left = [first], first.left
    signed = [c for c in left if c.code == OUTSIDE_DOMAIN]
    wide = widened(specs)
    if signed and narrow != wide:  # numbers that others take for a wrong guess are its point
        searches.append(Search(loss, wide, signed, seconds, wanted))
        searches[-1].works = narrow == tuple(specs)
    anywhere = [c for c in left if not c.modes]
    if anywhere and last:
        searches.append(Search(loss, narrow, anywhere, 2.0 * seconds, last))
    for again in searches[1:]:
        again.corners()
        first.found |= {key: seen for key, seen in again.found.items() if any(again.explains(c, key) for c in again.claims)}
    still = {(claim.row, claim.span) for claim in first.left}
    vain = [one for search in searches for one in search.in_vain() if (one.row, one.span) in still]
    return (*first.found.values(), *starved(loss, narrow, claims), *killed(loss, narrow, claims)), tuple(vain)


def starved(loss: Loss, specs: Sequence[TensorSpec], claims: Sequence[Claim]) -> Iterator[Observation]:
    """Logits that are wrong everywhere and as far as they can be, of which the loss is not 0 and its gradient is: for each
    claim that a guard caps a logarithm."""
    capped = [claim for claim in claims if claim.code == STARVED]
    base = generic(specs)
    labels = [s for s in specs if s.role == "label"]
    for asked in (None, 0.0, 1.0):  # for what labels ask for, else for all of them
        wrong = {s.name: _opposite(s, asked, labels, base) for s in specs if s.role in MOVED}
        if not capped or not all(fits(s, wrong[s.name]) for s in specs if s.name in wrong):
            return
        seen = observe(loss, base | wrong, specs, "eager")
        if seen.outcome is Outcome.ZERO_GRADIENT and any(numbers(seen.loss)):
            yield from (dataclasses.replace(seen, **claim.at, detail="a totally wrong prediction") for claim in capped)
            return


def _opposite(spec: TensorSpec, asked: float | None, labels: Sequence[TensorSpec], base: Inputs) -> Array:
    """Logits for the opposite of what is asked for."""
    known = (perfect(label, base[label.name], spec) for label in labels if asked is None)
    right = next((one for one in known if one is not None), np.full(spec.shape, asked or 0.0))
    return np.where(right > 0.5, -SATURATING, SATURATING).astype(spec.dtype)


def killed(loss: Loss, specs: Sequence[TensorSpec], claims: Sequence[Claim]) -> Iterator[Observation]:
    """A totally wrong prediction, saturated or out of the usual bounds, whose gradient is exactly 0 and ends at the clip
    of a claim: one for each claim."""
    clips = [claim for claim in claims if claim.code == KILLED]
    base = generic(specs)
    for wrong, right in ((0.0, 1.0), (1.0, 0.0), (-4.0, 1.0), (4.0, 0.0), (-30.0, 1.0), (30.0, 0.0)):
        values = {"label": right, "prediction": wrong}
        inputs = {s.name: np.full_like(base[s.name], values.get(s.role, 1.0)) for s in specs}
        if clips and all(fits(s, inputs[s.name]) for s in specs):
            seen = observe(loss, inputs, specs, "eager")
            if seen.outcome is Outcome.ZERO_GRADIENT and any(numbers(seen.loss)):
                trail = locate.record(loss, specs, inputs)
                clipped = [b.step for b in locate.breaks(trail) if b.step.op.lower() in BOUNDING]
                ends = [step for step in clipped if step.path == str(loss.files.path)]
                proven = [claim for claim in clips if any(map(claim.covers, ends))]
                for claim in proven:
                    yield dataclasses.replace(seen, **claim.at, detail="a totally wrong prediction")
                clips = [claim for claim in clips if claim not in proven]


def modes_of(claim: Claim) -> tuple[str, ...]:
    """The modes a claim is searched in: numbers do not depend on who traces the graph."""
    return tuple(dict.fromkeys("graph" if mode in ("fit", "autograph") else mode for mode in claim.modes))


class Search:
    """One search: what is claimed, what was found, how near it came."""

    def __init__(
        self, loss: Loss, specs: Sequence[TensorSpec], claims: Sequence[Claim], seconds: float, modes: tuple[str, ...]
    ) -> None:  # fmt: skip
        self.loss = loss
        self.specs = tuple(specs)
        self.claims = claims
        self.path = str(loss.files.path)
        self.seconds = seconds
        self.modes = modes
        names = differentiated(loss.prepared(generic(specs)), specs)
        self.trained = [s for s in specs if s.name in names]
        self.found: dict[Key, Observation] = {}  # the first witness of each
        self.nearest: dict[Claim, float] = {}  # how near its operand came
        self.tried = 0
        self.broken: set[str] = set()  # modes that the loss cannot run in
        self.ordinary: dict[tuple[object, ...], bool] = {}  # shapes -> whether the loss is fine there in general
        self.works = True  # at points in general position
        self.started = time.perf_counter()
        self.worked = time.process_time()

    @property
    def time_left(self) -> bool:
        """Counted in processor time: what is found must not depend on what else the machine does, nor on how long the
        witnesses of other claims take to be made small."""
        return time.process_time() - self.worked < self.seconds

    def run(self, inputs: Inputs, mode: str) -> Ran:
        """A plain run."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run(self.loss, inputs, self.specs, mode)

    def explains(self, claim: Claim, key: Key) -> bool:
        """Whether a witness is one for a claim: in its rows, in a mode and an operation it speaks of."""
        place, mode = key
        modes = modes_of(claim)
        here = place.path == self.path and claim.covers(place)
        seen = self.found[key]
        spoken_of = is_spoken_of(claim.code, seen) and is_of_the_operation(claim.code, claim.span, seen)
        return here and (not modes or mode in modes) and spoken_of

    def explained(self, claim: Claim) -> bool:
        return any(self.explains(claim, key) for key in self.found)

    @property
    def left(self) -> list[Claim]:
        """The claims without a witness."""
        return [claim for claim in self.claims if not self.explained(claim)]

    def in_vain(self) -> Iterator[Searched]:
        """The claims that nothing was found for, and how near the search came."""
        if not self.left:
            return
        base = generic(self.specs, seed=1)
        reached = locate.record(self.loss, self.specs, base).steps
        for claim in self.left:
            was_there = any(map(claim.covers, reached))
            for mode in modes_of(claim) or self.modes:
                if mode in self.modes:
                    near = self.nearest.get(claim)
                    yield Searched(claim.row, mode, was_there and mode not in self.broken, near, self.tried, claim.span)

    # -- corners

    def corners(self) -> None:
        """Run the corpus, until every claim has its witness; what only late training meets matters to claims alone."""
        for case in chain(self.examples(), corpus(self.specs)):
            if (self.claims and not self.left) or not self.time_left:
                return
            if self.claims or tier_of(self.specs, case.inputs) is Tier.TRAINING:
                self.attempt(case)

    def examples(self) -> Iterator[Case]:
        """The inputs that the claims themselves name, beside ordinary ones."""
        base = generic(self.specs, seed=1)
        for claim in self.claims:
            if inputs := named(self.specs, dict(claim.example), base):
                yield Case(inputs, "the inputs that the finding names")

    def attempt(self, case: Case) -> None:
        """Run one case in every mode and keep what is not finite."""
        self.tried += 1
        eager = self.run(case.inputs, "eager") if "eager" in self.modes else None
        if eager is not None and eager.outcome in BAD:
            for place in self.places(case.inputs):
                self.keep(eager.seen, place, case.what)
            return
        for mode in self.modes:
            if mode == "eager" or mode in self.broken:
                continue
            ran = self.run(case.inputs, mode)
            if ran.outcome is Outcome.RAISES:
                self.broken.add(mode)
            elif ran.outcome in BAD:
                self.keep(ran.seen, self.compiled_place(case.inputs), case.what)

    def places(self, inputs: Inputs) -> list[Place]:
        """Where the first numbers that are not finite are made."""
        trail = locate.record(self.loss, self.specs, inputs)
        return locate.birthplaces(trail, locate.births(trail)) or [NOWHERE]

    def compiled_place(self, inputs: Inputs) -> Place:
        """Where it must be when only compiled code fails: at the operand that lies on its singular point but for a
        constant that graph mode folds away, or on it exactly."""
        trail = locate.record(self.loss, self.specs, inputs)
        near = min(locate.operands(trail), key=locate.distance, default=None)
        if near is None or locate.distance(near) > NEAR_ENOUGH:
            return NOWHERE
        return near.step.place

    def keep(self, seen: Observation, place: Place, what: str) -> None:
        """Remember the first witness of a place in a mode, made small."""
        key = (place, seen.mode)
        if key in self.found:
            return
        seconds = time.perf_counter() - self.started
        before = time.process_time()
        smaller = Shrinking(self, place).shrink(seen)
        self.worked += time.process_time() - before
        if self.fails_whatever_is_predicted(smaller):
            what += "; whatever is predicted"
        self.found[key] = dataclasses.replace(
            smaller, row=place.row, span=place.span, path=locate.other(self.loss, place.path), operation=place.operation,
            undefined=place.undefined, detail=what, seconds=seconds, plausible=self.proves(smaller),
        )  # fmt: skip

    def proves(self, seen: Observation) -> bool:
        """Whether neither the numbers nor the shapes of a witness are absurd."""
        absurd = tier(seen.inputs, marks_of(self.specs)) is Tier.NEVER
        return not absurd and not locate.is_of_nothing(self.loss, self.specs, locate.arrays(seen, self.specs))

    def fails_whatever_is_predicted(self, seen: Observation) -> bool:
        """Whether ordinary predictions fail as well: then it is the labels alone."""
        inputs = locate.arrays(seen, self.specs)
        ordinary = generic([shaped(s, inputs[s.name]) for s in self.specs], seed=7)
        return self.run(inputs | {s.name: ordinary[s.name] for s in self.trained}, seen.mode).outcome in BAD

    # -- towards the operand

    def descend(self) -> None:
        """Drive the operands of the claims that are still open to the numbers they fail at, in time of its own: on a slow
        machine the corners take all there is."""
        self.worked = time.process_time()
        for claim in self.left:
            for start in self.starts():
                for index in range(min(len(self.trail_to(start, claim)[1]), MOST_OPERANDS)):
                    for towards in (self.drive, self.saturate):
                        if self.time_left and not self.explained(claim):
                            towards(claim, index, start)

    def starts(self) -> Iterator[Inputs]:
        base = generic(self.specs, seed=3)
        yield base
        ones = {s.name: np.ones(s.shape, s.dtype) for s in self.specs if s.role == "label"}
        if ones and all(fits(s, ones[s.name]) for s in self.specs if s.name in ones):
            yield base | ones

    def trail_to(self, inputs: Inputs, claim: Claim) -> tuple[Trail, list[Operand]]:
        """A recorded run, and the operands of a claim in it; notes how near they come."""
        trail = locate.record(self.loss, self.specs, inputs)
        found = [
            o for o in locate.operands(trail)
            if o.step.path == self.path and claim.covers(o.step)
        ]  # fmt: skip
        for operand in found:
            self.nearest[claim] = min(self.nearest.get(claim, np.inf), locate.distance(operand))
        return trail, found

    def drive(self, claim: Claim, index: int, start: Inputs) -> None:
        """Newton steps ``x - g f / |g|^2`` on the operand, sign steps where they do not help."""
        inputs, step = start, 0.25
        trail, found = self.trail_to(inputs, claim)
        for _ in range(MOST_STEPS):
            if index >= len(found) or not self.time_left:
                return
            offset, gradients = pull(trail, found[index])
            if not any(g is not None and np.any(g) for g in gradients):
                return
            best: tuple[float, Inputs, Trail, list[Operand]] | None = None
            for candidate in self.candidates(inputs, gradients, offset, step):
                self.attempt(Case(candidate, "driven to the singular point"))
                if self.explained(claim):
                    return
                there, reached = self.trail_to(candidate, claim)
                rest = locate.distance(reached[index]) if index < len(reached) else np.inf
                if best is None or rest < best[0]:
                    best = (rest, candidate, there, reached)
            if best is not None and best[0] < abs(offset):
                _, inputs, trail, found = best
                step *= 2.0
            elif (step := step * 0.5) < 1e-3:
                return

    def candidates(
        self, inputs: Inputs, gradients: Sequence[Array | None], offset: float, step: float
    ) -> Iterator[Inputs]:  # fmt: skip
        """The Newton step and the sign step, back in the range that the specs allow."""
        square = sum(float((np.asarray(g, "float64") ** 2).sum()) for g in gradients if g is not None)
        for newton in (True, False):
            moved = dict(inputs)
            for spec, gradient in zip(self.trained, gradients, strict=True):
                if gradient is not None:
                    slope = np.asarray(gradient, "float64")
                    change = slope * (offset / max(square, 1e-30)) if newton else step * np.sign(slope) * np.sign(offset)
                    moved[spec.name] = project(spec, (inputs[spec.name] - change).astype(spec.dtype))
            if is_plausible(self.specs, moved):
                yield moved

    def saturate(self, claim: Claim, index: int, start: Inputs) -> None:
        """Drive what enters a sigmoid or softmax far out, either way: behind it the derivative is long gone."""
        for sign in (1.0, -1.0):
            inputs = start
            for _ in range(8):
                trail, found = self.trail_to(inputs, claim)
                if index >= len(found) or not self.time_left:
                    return
                sources = locate.saturations(trail, found[index].tensor)
                gradients = trail.gradient(sources[0], trail.trained, spread(trail, sources[0])) if sources else []
                if not any(g is not None and np.any(g) for g in gradients):
                    return
                moved = dict(inputs)
                for spec, gradient in zip(self.trained, gradients, strict=True):
                    if gradient is not None:
                        size = max(float(np.max(np.abs(inputs[spec.name]), initial=0.0)), 2.0)
                        far = inputs[spec.name] + sign * size * np.sign(gradient)
                        moved[spec.name] = project(spec, far.astype(spec.dtype))
                if not is_plausible(self.specs, moved):
                    break
                inputs = moved
                self.attempt(Case(inputs, "a saturated input"))
                if self.explained(claim):
                    return


def pull(trail: Trail, operand: Operand) -> tuple[float, list[Array | None]]:
    """The number of an operand that is nearest to where it fails, as an offset, and the derivative of that number."""
    numbers = operand.numbers.astype("float64")
    offsets = np.where(np.isfinite(numbers), np.abs(numbers - operand.target), np.inf)
    if not offsets.size:
        return 0.0, [None] * len(trail.trained)
    nearest = int(np.argmin(offsets))
    one = np.zeros(numbers.size)
    one[nearest] = 1.0
    gradients = trail.gradient(operand.tensor, trail.trained, trail.framework.like(one, operand.tensor))
    return float(numbers.flat[nearest] - operand.target), gradients


def spread(trail: Trail, tensor: Any) -> Any:
    """The direction in which the largest entry of each row grows and the others fall; up, where a row is one entry."""
    numbers = trail.framework.array(tensor)
    if numbers.ndim < 2 or numbers.shape[-1] < 2:
        return trail.framework.like(np.ones(numbers.shape), tensor)
    return trail.framework.like(np.where(numbers == numbers.max(-1, keepdims=True), 1.0, -1.0), tensor)


def shaped(spec: TensorSpec, array: Array) -> TensorSpec:
    return dataclasses.replace(spec, shape=array.shape)


def is_plausible(specs: Sequence[TensorSpec], inputs: Mapping[str, Array]) -> bool:
    """Whether a step of a search is worth running: no number has become NaN or absurd."""
    return not any(np.isnan(array).any() for array in inputs.values()) and tier_of(specs, inputs) is not Tier.NEVER


def tier_of(specs: Sequence[TensorSpec], inputs: Mapping[str, Array]) -> Tier:
    sizes = np.abs(np.concatenate([np.ravel(array).astype("float64") for array in inputs.values()] or [np.ones(1)]))
    sizes = sizes[(sizes > 0.0) & ~np.isin(sizes, [abs(mark) for mark in marks_of(specs)])]
    return tier_between(sizes.min(initial=1.0), sizes.max(initial=1.0))


def marks_of(specs: Sequence[TensorSpec]) -> set[float]:
    return {mark for spec in specs for mark in spec.marks}


# -- smaller witnesses


def shrunk(loss: Loss, specs: Sequence[TensorSpec], seen: Observation) -> Observation:
    """An eager run in general position that was not finite, with inputs as small as those that are searched for."""
    search = Search(loss, specs, (), 0.0, (seen.mode,))
    search.works = False
    place = search.places(locate.arrays(seen, search.specs))[0]
    return Shrinking(search, place).shrink(seen)


class Shrinking:
    """Makes one witness small: each attempt is kept when the loss still fails in that way, mode and place."""

    def __init__(self, search: Search, place: Place) -> None:
        self.search = search
        self.place = place
        self.specs = search.specs

    def shrink(self, seen: Observation) -> Observation:
        """One row, a corner of a picture, one column, then rounder numbers; graphs are traced anew for each shape, so they
        get fewer tries."""
        best = locate.arrays(seen, self.specs)
        attempts = [*self.shapes(best), *self.numbers()]
        for change in attempts:
            smaller = change(best)
            if smaller is None or all(np.array_equal(smaller[name], best[name]) for name in best):
                continue
            again = self.same_failure(smaller, seen)
            if again is not None:
                seen, best = again, smaller
        return seen

    def shapes(self, inputs: Inputs) -> Iterator[Callable[[Inputs], Inputs | None]]:
        rows = max((a.shape[0] for a in inputs.values() if a.ndim), default=0)
        for row in range(min(rows, 8)):
            yield lambda best, row=row: rows_of(self.specs, best, row)  # type: ignore[misc]
        for size in (4, 8):
            yield lambda best, size=size: {  # type: ignore[misc]
                name: a[:, :size, :size] if a.ndim > 3 else a for name, a in best.items()
            }
        for column in range(3):
            yield lambda best, column=column: self.column(best, column)  # type: ignore[misc]

    def numbers(self) -> Iterator[Callable[[Inputs], Inputs | None]]:
        for digits in range(3):
            yield lambda best, digits=digits: {  # type: ignore[misc]
                name: np.round(a, digits) if is_floating(a) else a for name, a in best.items()
            }
        for spec in self.specs:
            for number in (1.0, 0.0) if spec.role == "label" else (0.0, 1.0):  # an exact 0 only where it takes one
                yield lambda best, name=spec.name, number=number: (  # type: ignore[misc]
                    best | {name: np.full_like(best[name], number)}
                )
        for spec in self.specs:
            if spec.role == "label":
                yield lambda best, name=spec.name: of_one_class(best, name)  # type: ignore[misc]

    def column(self, best: Inputs, column: int) -> Inputs | None:
        """One entry of the last axis, where all tensors share it."""
        wide = [s.name for s in self.specs if best[s.name].ndim > 1]
        sizes = {best[name].shape[-1] for name in wide}
        if len(sizes) != 1 or max(sizes) <= max(column, 1):
            return None
        return {name: a[..., column:column + 1] if name in wide else a for name, a in best.items()}

    def same_failure(self, inputs: Inputs, kept: Observation) -> Observation | None:
        """The observation of changed inputs when they fail as before, and no other way."""
        if not all(fits(shaped(s, inputs[s.name]), inputs[s.name]) for s in self.specs):
            return None
        if tier_of(self.specs, inputs) > tier(kept.inputs, marks_of(self.specs)) or not self.is_ordinary(inputs, kept.mode):
            return None
        ran = self.search.run(inputs, kept.mode)
        if ran.outcome is not kept.outcome:
            return None
        if not self.place.row:
            return ran.seen
        at = self.search.places(inputs) if kept.mode == "eager" else [self.search.compiled_place(inputs)]
        return ran.seen if self.place in at else None

    def is_ordinary(self, inputs: Inputs, mode: str) -> bool:
        """Whether inputs of these shapes work in general position: the deviation of a single row proves nothing. Where the
        loss fails in general position anyway, shapes prove as much as any."""
        if not self.search.works:
            return True
        shapes = (mode, *(a.shape for a in inputs.values()))
        known = self.search.ordinary
        if shapes not in known:
            base = generic([shaped(s, inputs[s.name]) for s in self.specs], seed=5)
            known[shapes] = self.search.run(base, mode).outcome in (Outcome.FINE, Outcome.ZERO_GRADIENT)
        return known[shapes]


def of_one_class(inputs: Inputs, name: str) -> Inputs | None:
    """Rows of a label that are all 0, which hold no class where there are several, with the first one."""
    label = inputs[name]
    if label.ndim < 2 or label.shape[-1] < 2 or label.any():
        return None
    first = np.zeros_like(label)
    first[..., 0] = 1
    return inputs | {name: first}


# -- which numbers a loss is made for

SIGNLESS = ("probability", "nonnegative", "positive")
NARROWER = ("nonnegative", "probability", "simplex", "unit")
MOVED = ("prediction", "tensor")


def settled(loss: Loss, specs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """The specs, narrowed where the loss is not finite at points in general position: a loss that takes the logarithm of
    a bare prediction is made for those from 0 on. The specs themselves when nothing helps."""
    specs = agreeing(specs)
    ladder = [specs]
    for kind in NARROWER:
        for roles in (MOVED, (*MOVED, "label")):
            ladder.append(
                tuple(dataclasses.replace(s, values=kind) if s.role in roles and is_open(s) else s for s in specs)
            )
    for rung in dict.fromkeys(ladder):
        if all(run(loss, generic(rung, seed), rung, "eager").outcome not in BAD for seed in (0, 1)):
            return rung
    return specs


def widened(specs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """The specs with predictions of either sign, where only the operations that they enter say otherwise."""
    return tuple(
        dataclasses.replace(s, values="real") if s.role == "prediction" and s.values in SIGNLESS and s.low is None else s
        for s in specs
    )


def agreeing(specs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """Labels of which nothing is known hold what the prediction of their shape holds: a probability is compared with
    numbers in [0, 1]."""
    of_shape = {s.shape: s.values for s in specs if s.role == "prediction" and s.values in ("probability", "simplex")}
    return tuple(
        dataclasses.replace(s, values=of_shape.get(s.shape, s.values)) if s.role == "label" and is_open(s) else s
        for s in specs
    )


def is_open(spec: TensorSpec) -> bool:
    """Whether nothing is known of the numbers in a tensor."""
    return spec.values == "real" and spec.low is None and spec.high is None and spec.is_floating
