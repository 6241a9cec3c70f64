"""Whether weights feel what a loss says of them: a penalty that is cut off from the weights still changes with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from losslint.confirmation.failures import UserFiles
from losslint.confirmation.locate import cuts
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.probes import numbers
from losslint.confirmation.program import Claim
from losslint.confirmation.trail import Trail
from losslint.confirmation.words import compact

DEAD = "LL112"
STEP = 0.02  # of each weight
SURE = 10.0  # times what the estimates of one slope differ by
ROUNDED = 4e-7  # of a number of 32 bits


@dataclass(frozen=True)
class Weighed:
    """A loss as a function of the weights that it reads: a recorded run whose trained tensors they are, and the loss
    once all of them are multiplied by a number."""

    trail: Trail
    scaled: Callable[[float], float]


def unfelt(weighed: Weighed, claims: Sequence[Claim], files: UserFiles) -> Iterator[Observation]:
    """``DEAD_TERM`` for each claim of a dead term at whose rows weights are cut off, where the loss changes with the
    weights in another way than their gradient says."""
    trail = weighed.trail
    here = [place for place in cuts(trail) if place.path == str(files.path)]
    wanted = [claim for claim in claims if claim.code == DEAD and any(map(claim.covers, here))]
    if not wanted or trail.error or not trail.trained:
        return
    felt, slope = _felt(trail), _slope(weighed)
    if slope is None or abs(slope[0] - felt) <= slope[1]:
        return
    value = numbers(trail.framework.array(trail.framework.tensor(trail.value)))
    detail = (f"weights that grow by a share s change the loss by {compact(slope[0])} * s, and their gradient says "
              f"{compact(felt)} * s")
    for claim in wanted:
        yield Observation(Outcome.DEAD_TERM, "eager", loss=value, **claim.at, detail=detail)


def _felt(trail: Trail) -> float:
    """The slope along the weights themselves, by their gradient."""
    gradients = trail.gradient(trail.value, trail.trained)
    return sum(float((gradient * trail.framework.array(weight)).sum())
               for gradient, weight in zip(gradients, trail.trained, strict=True) if gradient is not None)


def _slope(weighed: Weighed) -> tuple[float, float] | None:
    """The same by differences, and how far off it may be; None where it is no number."""
    try:
        here = weighed.scaled(1.0)
        coarse, fine = (
            (weighed.scaled(1 + step) - weighed.scaled(1 - step)) / (2 * step) for step in (STEP, STEP / 2))
    except Exception:  # of the user's code
        return None
    doubt = SURE * (abs(fine - coarse) / 3 + ROUNDED * abs(here) / STEP)
    slope = (4 * fine - coarse) / 3
    return (slope, doubt) if np.isfinite([slope, doubt]).all() else None
