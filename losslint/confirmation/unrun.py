"""Losses that never gave a value: silence about them is no verdict (LL005, LL006)."""

from __future__ import annotations

from collections.abc import Sequence

from losslint.check import about
from losslint.confirmation.judge import ENDED, left_out
from losslint.confirmation.observation import Evidence, Observation, Outcome
from losslint.confirmation.program import NotSliced, Program
from losslint.confirmation.words import shortened
from losslint.findings import Finding
from losslint.notices import FAILS, NOT_RUN, Notice
from losslint.project.sites import Site

GAVE_NOTHING = (*ENDED, Outcome.RAISES)
MISSING = ("ModuleNotFoundError", "ImportError", "OSError", "PermissionError")


def notice(site: Site, runs: Sequence[tuple[Program | NotSliced, Evidence]]) -> Finding | None:
    """What kept a loss from being seen; None where one of its programs gave a value."""
    if any(seen.outcome not in GAVE_NOTHING for _, evidence in runs for seen in evidence.observations):
        return None
    for program, evidence in sorted(runs, key=lambda run: isinstance(run[0], NotSliced)):
        if isinstance(program, NotSliced):
            return about(site, NOT_RUN, program.reason)
        for seen in evidence.observations:
            return about(site, *_said(program, seen))
    return None


def _said(program: Program, seen: Observation) -> tuple[Notice, str]:
    """What an observation without a value is told as, and why there is none."""
    if seen.detail:  # no shapes were found
        return NOT_RUN, f"{seen.detail}: {shortened(seen.error)}"
    if reason := left_out(program, seen.error):
        return NOT_RUN, reason
    return (NOT_RUN if seen.error.startswith(MISSING) else FAILS), shortened(seen.error) or seen.outcome.value
