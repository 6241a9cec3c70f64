"""Whether a compiled loss gets from the last layer of its model what it expects (LL406): by what training makes of right
and wrong answers. Keras takes logits back from an activation where it sees one, so that only running shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from losslint.confirmation.agreement import FAR
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.probes import numbers
from losslint.confirmation.program import Claim
from losslint.confirmation.smallest import answering
from losslint.confirmation.words import compact

MISMATCH = "LL406"
WRONG = (-3.0, 4.5)  # of the label, of the others: a wrong answer, but far from where a sigmoid or softmax is flat

RIGHT = 1e-4  # of what a wrong answer costs: no more for a right one, where nothing is in its way
FLAT = 1e-3  # relative difference of two costs that are the same


def heads(entry: Callable[[], Any], claims: Sequence[Claim]) -> Iterator[Observation]:
    """What is measured for each claim that a compiled model and its loss do not fit."""
    wanted = [claim for claim in claims if claim.code == MISMATCH]
    if not wanted:
        return
    try:
        model, data = entry()
        outcome, loss, detail = compared(model, data["x"])
    except Exception:  # of the user's code, or a model that ends otherwise: nothing is known
        return
    for claim in wanted:
        if outcome is not None:
            yield Observation(outcome, "fit", loss=numbers(loss), **claim.at, operation=MISMATCH, detail=detail)


def compared(model: Any, x: Any) -> tuple[Outcome | None, float, str]:
    """``CONTRACT`` where a wrong answer gets no gradient, or a right one goes on costing something while none can cost more
    than a little, or where all answers are one; ``HOLDS`` where a model squashes its output, and yet right answers cost
    nothing."""
    wrong, loss, gradient = answering(model, x, *WRONG)
    if not gradient.any():
        return Outcome.CONTRACT, loss, f"outputs of {shown(wrong)} are wrong, and get a gradient of exactly 0"
    best, least, _ = answering(model, x, FAR, -FAR)
    worst, most, _ = answering(model, x, -FAR, FAR)
    if np.array_equal(best, worst):
        return Outcome.CONTRACT, loss, f"outputs are {shown(best)} for one answer as for the opposite"
    if not np.isfinite([loss, least, most]).all():
        return None, loss, ""
    if min(loss, least, most) < 0.0:
        return Outcome.CONTRACT, loss, f"outputs of {shown(wrong)} cost {compact(loss)}: less than perfect ones can"
    costs = f"outputs of {shown(best)}, which are right, cost {compact(least)}, the opposite {compact(most)}"
    if least < RIGHT * most:
        squashed = all(0.0 <= number <= 1.0 for output in (wrong, best, worst) for number in output)
        return Outcome.HOLDS if squashed else None, least, f"{costs}: it trains as with logits"
    nearer = answering(model, x, -FAR / 2, FAR / 2)[1]
    if abs(most - nearer) < FLAT * most:  # a loss of logits goes on growing
        return Outcome.CONTRACT, least, f"{costs}: the activation is applied twice"
    return None, least, ""


def shown(output: Any) -> str:
    """The numbers of one sample, the first few of many."""
    few = ", ".join(f"{number:.3g}" for number in output[:4])
    return f"[{few}{', ...' if len(output) > 4 else ''}]"
