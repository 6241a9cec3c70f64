"""What is claimed of a training step whose gradients do arrive, by a recorded run of it. For PyTorch and JAX, whose steps
the child takes on the data of the file itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np

from losslint.confirmation.bindings import UPSTREAM
from losslint.confirmation.failures import UserFiles
from losslint.confirmation.handed import handed
from losslint.confirmation.locate import dead_steps
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.probes import numbers
from losslint.confirmation.program import Claim
from losslint.confirmation.proofs import MISMATCH
from losslint.confirmation.trail import Trail

BROADCAST = "LL401"


def claimed(trail: Trail, claims: Sequence[Claim], files: UserFiles) -> Iterator[Observation]:
    """Terms without a gradient, shapes that are broadcast, losses that are handed something else than they expect, custom
    gradients that leave out what arrives."""
    if trail.error or trail.value is None:
        return
    value = numbers(trail.framework.array(trail.framework.tensor(trail.value)))
    for _, outcome, step in dead_steps(trail, claims):
        other = "" if step.path == str(files.path) else step.path
        yield Observation(outcome, "eager", loss=value, row=step.row, span=step.span, path=other, operation=step.op)
    for claim in claims:
        broken = broadcast(trail, claim, files) if claim.code == BROADCAST else (
            handed(trail, claim, str(files.path)) if claim.code == MISMATCH else "")
        if broken:
            yield Observation(Outcome.CONTRACT, "eager", loss=value, **claim.at, detail=broken)
        elif claim.code == UPSTREAM and (detail := upstream_left_out(trail)):
            yield Observation(Outcome.WRONG_GRADIENT, "eager", loss=value, **claim.at, detail=detail)


def broadcast(trail: Trail, claim: Claim, files: UserFiles) -> str:
    """A column and a row of as many numbers that meet in the rows of a claim; "" when none do."""
    for step in trail.steps:
        if step.path != str(files.path) or not claim.covers(step):
            continue
        shapes = [tuple(t.shape) for t in step.inputs if hasattr(t, "shape")]
        for column, row in permutations(shapes, 2):
            if len(row) == 1 and row[0] > 1 and column == (row[0], 1):
                return f"{step.op} of {column} and {row} takes every pair of the {row[0]} samples"
    return ""


def upstream_left_out(trail: Trail) -> str:
    """What says that the gradient does not follow a factor that the loss is multiplied by; "" when it does."""
    value = trail.framework.tensor(trail.value)
    shape = trail.framework.array(value).shape
    once, thrice = (
        trail.gradient(trail.value, trail.trained, trail.framework.like(np.full(shape, factor), value))
        for factor in (1.0, 3.0))
    for one, other in zip(once, thrice, strict=True):
        if one is not None and other is not None and not np.allclose(3.0 * one, other):
            return "the gradient of 3 * loss is not three times that of the loss"
    return ""
