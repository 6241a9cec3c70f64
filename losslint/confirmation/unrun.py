"""Losses that never gave a value: silence about them is no verdict (LL005, LL006)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from losslint.check import about
from losslint.confirmation.failures import only_about_shapes
from losslint.confirmation.judge import ENDED, left_out, not_fitting
from losslint.confirmation.observation import Evidence, Observation, Outcome
from losslint.confirmation.program import NotSliced, Program
from losslint.confirmation.words import shortened
from losslint.findings import Finding
from losslint.notices import FAILS, NOT_RUN, Notice
from losslint.project.sites import Site

GAVE_NOTHING = (*ENDED, Outcome.RAISES)
CALLED_WRONGLY = re.compile(r"^TypeError: .*(?:unexpected keyword argument|missing \d+ required|positional arguments? but)")
OTHER_NUMBERS = re.compile(r"scalar types: |is not in the list of allowed values|must have integer")
MISSING = ("ModuleNotFoundError", "ImportError", "OSError", "PermissionError")


def notice(site: Site, runs: Sequence[tuple[Program | NotSliced, Evidence]]) -> Finding | None:
    """What kept a loss from being seen; None where one of its programs gave a value."""
    if any(seen.outcome not in GAVE_NOTHING for _, evidence in runs for seen in evidence.observations):
        return None
    for program, evidence in sorted(runs, key=lambda run: isinstance(run[0], NotSliced)):
        if isinstance(program, NotSliced):
            return about(site, NOT_RUN, program.reason)
        for seen in evidence.observations:
            return about(site, *reason(program, seen))
    return None


def made_up(seen: Observation) -> bool:
    """Whether a replay of ``fit`` failed in what the file does not say: shapes, or how something is called."""
    return only_about_shapes(seen) or CALLED_WRONGLY.search(seen.error) is not None


def reason(program: Program, seen: Observation) -> tuple[Notice, str]:
    """What an observation without a value is told as, and why there is none."""
    if program.kind == "model" and made_up(seen):
        return NOT_RUN, f"the model, or the data, that is made up for it does not fit: {shortened(seen.error)}"
    if OTHER_NUMBERS.search(seen.error) and not program.stated:
        return NOT_RUN, f"it takes numbers of another type than those that are made up for it: {shortened(seen.error)}"
    if missing := not_fitting(program, seen) or left_out(program, seen.error):
        return NOT_RUN, missing
    error = shortened(seen.error) or seen.outcome.value
    if program.assumed and seen.outcome in (Outcome.RAISES, Outcome.NOT_RUN):
        return NOT_RUN, f"it fails with what is made up for it, {', '.join(program.assumed)}: {error}"
    return (NOT_RUN if seen.error.startswith(MISSING) else FAILS), error
