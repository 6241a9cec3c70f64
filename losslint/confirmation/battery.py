"""What is measured of one program, in which order: the cheap and telling first, as a limit may end it at any time.

Runs in the child. What is seen is only reported here; what it means for a finding is decided in the main process.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

from losslint.confirmation import agreement, bindings, contract, differences, frameworks, jumps, locate, witness
from losslint.confirmation.failures import UserFiles, furthest, only_about_shapes, unless_about_shapes, uses_none
from losslint.confirmation.frameworks.base import Array, Traits
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.penalties import unfelt
from losslint.confirmation.places import Span
from losslint.confirmation.probes import Loss, observe, occurs_again, run, told
from losslint.confirmation.program import Program, TensorSpec
from losslint.confirmation.tiers import Tier
from losslint.confirmation.values import Inputs, corpus, generic, related, rows_of
from losslint.confirmation.wire import Report

RUNS = (Outcome.FINE, Outcome.ZERO_GRADIENT, Outcome.NO_GRADIENT, Outcome.BAD_VALUE, Outcome.BAD_GRADIENT)
FAILURES = (Outcome.RAISES, Outcome.NO_GRADIENT, Outcome.ZERO_GRADIENT, *witness.BAD)
ANYHOW = (Outcome.NO_GRADIENT, Outcome.ZERO_GRADIENT, Outcome.RAISES)
OF_FIT = ("LL104", "LL205", "LL404", "LL407")  # what depends on how Keras calls a loss

Specs = tuple[TensorSpec, ...]


def probe(program: Program, entry: Any, report: Report) -> None:
    """Measure a program and report each observation as it is made."""
    files = UserFiles(program.path, program.root)
    framework = frameworks.load(program.framework)
    if program.kind == "model":
        report.begin("fit")
        for seen in framework.fit(program, entry, files):
            report.saw(seen)
    elif program.kind == "step":
        report.begin("eager")
        for seen in framework.steps(program, entry, files):
            report.saw(seen)
    else:
        Battery(program, Loss(entry, files, program.kind, program.called_by_keras, framework,
                              stated=program.stated), report).run()


class Battery:
    """The measurements of a loss that is called with tensors."""

    def __init__(self, program: Program, loss: Loss, report: Report, given: Inputs | None = None) -> None:
        self.program, self.loss, self.report = program, loss, report
        self.given = given  # inputs that somebody named: how the loss is really called
        self.claims = program.claims
        self.codes = {claim.code for claim in program.claims}
        self.rung: Specs = ()  # what the loss takes, as far as its code tells
        self.specs: Specs = ()  # the same, narrowed to where it is finite
        self.rows: tuple[int, ...] = ()  # of the loss's own file, that run at points in general position
        self.idle: tuple[Span, ...] = ()  # claimed expressions that do not

        self.traced = ""  # a mode that the framework compiles the loss in

    def run(self) -> None:
        """All of them, as far as the loss runs at all."""
        self.trace_first()
        self.report.begin("eager")
        for seen in agreement.exchanged(self.program, self.value_of, self.claims):
            self.report.saw(seen)
        eager = self.on_the_ladder()
        if eager.outcome in (Outcome.NOT_RUN, Outcome.OUT_OF_MEMORY):
            self.report.saw(eager)
            return
        inputs = self.inputs(0)
        self.loss.draws = not self.loss.repeats(inputs)
        self.tell(eager)
        if uses_none(eager):
            for seen in self.loss.framework.unanswered(self.loss, inputs):
                self.report.saw(seen)
        for mode in self.modes():
            self.report.begin(mode)
            seen = self.observed(inputs, mode)
            if mode in self.loss.framework.usual and seen.outcome in RUNS:
                self.traced = mode
            self.tell(seen)
        self.report.begin("eager")
        if eager.outcome is Outcome.FINE:
            for measure in (*self.of_the_slope(), self.dead_terms):
                for seen in measure(inputs):
                    self.report.saw(seen)
        if eager.outcome in RUNS:
            for seen in contract.check(self.loss, inputs, self.specs, self.claims):
                self.report.saw(seen)
            for seen in bindings.late(self.loss, inputs, self.claims, self.program.tree):
                self.report.saw(seen)
            for seen in bindings.upstream(self.loss, inputs, self.specs, self.claims):
                self.report.saw(seen)
            for seen in bindings.bypassed(self.loss, inputs, self.claims):
                self.report.saw(seen)
        for seen in contract.frozen(self.loss, inputs, self.claims):
            self.report.saw(seen)
        if eager.outcome in RUNS:
            self.search()

    def trace_first(self) -> None:
        """The modes that claims are about and eager code is not: what raises while it is traced may take forever to run."""
        for mode in dict.fromkeys(mode for claim in self.claims if "eager" not in claim.modes for mode in claim.modes):
            if mode not in self.loss.framework.modes or (mode == "fit" and self.program.kind != "loss"):
                continue
            self.report.begin(mode)
            for rung in self.program.inputs:
                self.specs = self.as_passed(rung)
                seen = observe(self.loss, self.inputs(0), self.specs, mode)
                if not only_about_shapes(seen):
                    self.report.saw(self.checked(seen))
                    break

    def value_of(self, entry: Callable[..., Any], inputs: Mapping[str, Array]) -> Array:
        """What another entry of the same form returns."""
        other = dataclasses.replace(self.loss, entry=entry, traced={})
        return other.value(other.prepared(inputs))

    def inputs(self, seed: int) -> Inputs:
        """Points in general position, as the loss gets them."""
        return self.loss.prepared(generic(self.specs, self.program.seed + seed))

    def on_the_ladder(self) -> Observation:
        """The first rung that raises nothing but what another shape would mend, with ranges it is finite on."""
        failed: list[Observation] = []
        for rung in self.program.inputs:
            self.rung = self.specs = self.as_passed(rung)
            seen = self.observed(self.inputs(0), "eager")
            if not only_about_shapes(seen):
                break
            failed.append(seen)
        else:
            return unless_about_shapes(furthest(failed))
        if seen.outcome in (Outcome.BAD_VALUE, Outcome.BAD_GRADIENT):
            self.specs = witness.settled(self.loss, self.specs)
            seen = self.observed(self.inputs(0), "eager")
            if seen.outcome in (Outcome.BAD_VALUE, Outcome.BAD_GRADIENT):
                seen = witness.shrunk(self.loss, self.specs, seen)
        self.rows, self.idle = locate.ran(self.loss, self.specs, self.inputs(0), self.claims)
        return seen

    def as_passed(self, rung: Sequence[TensorSpec]) -> Specs:
        """Specs with the types that the loss gets."""
        arrays = self.loss.prepared(generic(rung))
        return tuple(dataclasses.replace(spec, dtype=str(arrays[spec.name].dtype)) for spec in rung)

    def observed(self, inputs: Inputs, mode: str) -> Observation:
        """One run; a zero gradient counts when it is zero at all the other points that losses are made for as well, the
        inputs that are given among them."""
        seen = observe(self.loss, inputs, self.specs, mode)
        if seen.outcome is Outcome.ZERO_GRADIENT:
            for points in (self.inputs(1), *related(self.specs, inputs)):
                other = observe(self.loss, points, self.specs, mode)
                if other.outcome is Outcome.FINE:
                    return other
            if self.given is not None:
                return dataclasses.replace(observe(self.loss, self.given, self.specs, mode), given=True)
        return seen

    def tell(self, seen: Observation) -> None:
        """Report a run, once for each place that it went wrong at."""
        seen = self.checked(dataclasses.replace(self.small(seen), rows=self.rows, idle=self.idle))
        if seen.outcome in witness.BAD and not seen.given:
            empty = locate.is_of_nothing(self.loss, self.specs, locate.arrays(seen, self.specs))
            seen = dataclasses.replace(seen, plausible=not empty)
        placed: tuple[Observation, ...] = (seen,)
        if seen.outcome in locate.PLACED and not seen.row:
            placed = locate.place(self.loss, self.specs, seen)
        for one in placed:
            self.report.saw(one)

    def checked(self, seen: Observation) -> Observation:
        """A run that failed proves nothing where it does not do so a second time."""
        again = seen.outcome not in FAILURES or occurs_again(self.loss, seen, self.specs)
        return seen if again else dataclasses.replace(seen, plausible=False)

    def small(self, seen: Observation) -> Observation:
        """What goes wrong with any inputs, shown with as few samples as it goes wrong with."""
        if seen.outcome not in ANYHOW or seen.given:
            return seen
        inputs = locate.arrays(seen, self.specs)
        for samples in (2,) if seen.outcome is Outcome.ZERO_GRADIENT else (1, 2):  # of one sample, other things are 0
            fewer = rows_of(self.specs, inputs, 0, samples)
            again = None if fewer is None else observe(self.loss, fewer, self.specs, seen.mode)
            if again is not None and (again.outcome, again.row, again.span, again.error) == (
                    seen.outcome, seen.row, seen.span, seen.error):
                return again
        return seen

    def modes(self) -> tuple[str, ...]:
        """The framework's usual ones always; others where a claim asks."""
        asked = [mode for claim in self.claims for mode in claim.modes if mode != "eager"]
        fit = ["fit"] if self.program.called_by_keras and not self.codes.isdisjoint(OF_FIT) else []
        wanted = dict.fromkeys([*self.loss.framework.usual, *asked, *fit])
        known = (mode for mode in wanted if mode in self.loss.framework.modes)
        return tuple(mode for mode in known if mode != "fit" or self.program.kind == "loss")

    def of_the_slope(self) -> list[Callable[[Inputs], Iterator[Observation]]]:
        """What compares the gradient with the value: nothing where the two are meant to differ. A loss that cannot be
        traced may stop gradients all the same."""
        traits = self.traits
        steps = [self.jump] if traits is None or traits.may_jump else []
        return [] if (self.stops if traits is None else traits.meant_to_differ) else [self.difference, *steps]

    @property
    def stops(self) -> bool:
        """Whether an eager run stops gradients on purpose."""
        ran = locate.record(self.loss, self.specs, self.inputs(0)).steps
        return any(step.op in self.loss.framework.stops for step in ran)

    @cached_property
    def traits(self) -> Traits | None:
        """What the loss is built of."""
        return self.loss.framework.traits(self.loss, self.inputs(0))

    def difference(self, inputs: Inputs) -> Iterator[Observation]:
        yield from differences.compare(self.loss, inputs, self.specs)

    def jump(self, inputs: Inputs) -> Iterator[Observation]:
        mode = self.traced if self.traits is not None and self.traits.slow_in_python else ""
        for found in chain(
            jumps.along_coordinates(self.loss, inputs, self.specs, mode or "eager"),
            jumps.at_examples(self.loss, self.specs, self.claims),
        ):
            below, above = (locate.record(self.loss, self.specs, at) for at in (found.below, found.above))
            yield jumps.placed(found, below, above, self.loss)

    def dead_terms(self, inputs: Inputs) -> Iterator[Observation]:
        claims = [claim for claim in self.claims if claim.code in locate.OF_A_TERM]
        if claims:
            yield from locate.dead_terms(self.loss, self.specs, inputs, claims)
            weighed = self.loss.framework.weighed(self.loss, self.loss.framework.tensors(inputs))
            for seen in unfelt(weighed, claims, self.loss.files) if weighed is not None else ():
                yield dataclasses.replace(seen, **told(inputs))

    def search(self) -> None:
        """Look for inputs that make the loss, or its gradient, not finite. Where nobody claims that there are any, traced
        runs look first: they take half the time, and see what eager runs see but for a few folded forms."""
        claimed = not self.codes.isdisjoint((*witness.NUMERICAL, witness.KILLED))
        if self.traced and not claimed and not self.fails_in_a_corner():
            return
        found, vain = witness.search(self.loss, self.rung, self.claims)
        for seen in found:
            self.report.saw(self.checked(seen))
        for searched in vain:
            self.report.searched(searched)

    def fails_in_a_corner(self) -> bool:
        """Whether any of the inputs that training meets first makes the traced loss not finite."""
        if self.traits is not None and self.traits.stays_finite:
            return False
        specs = witness.settled(self.loss, self.specs)
        return any(
            run(self.loss, case.inputs, specs, mode).outcome in witness.BAD
            for case in corpus(specs) if witness.tier_of(specs, case.inputs) is Tier.TRAINING
            for mode in self.loss.framework.usual
        )
