"""What a built-in loss of PyTorch is handed, seen in a recorded run: probabilities where it expects logits or their
logarithms (LL406)."""

from __future__ import annotations

import numpy as np

from losslint.confirmation.frameworks.base import Array, is_finite
from losslint.confirmation.program import Claim
from losslint.confirmation.trail import Step, Trail

OF_LOGITS = {  # operation -> whether the numbers of a row sum to 1 where they are probabilities
    "cross_entropy": True, "binary_cross_entropy_with_logits": False,
}  # fmt: skip
OF_LOGARITHMS = ("nll_loss", "kl_div")
FEWEST = 8  # numbers that tell


def handed(trail: Trail, claim: Claim, path: str) -> str:
    """What is wrong with the first tensor that a loss in the rows of a claim takes; "" when nothing is seen."""
    for step in trail.steps:
        if step.path != path or not claim.covers(step) or not step.inputs:
            continue
        numbers = trail.framework.array(step.inputs[0])
        if numbers.size < FEWEST:
            continue
        if step.op in OF_LOGITS and _are_probabilities(numbers, OF_LOGITS[step.op]):
            sums = ", and each row sums to 1" if OF_LOGITS[step.op] else ""
            return f"{step.op} expects logits, and all it is given lies between 0 and 1{sums}: it is squashed twice"
        if step.op in OF_LOGARITHMS and (numbers > 0).any():
            return (f"{step.op} expects logarithms of probabilities, none of which is above 0, and is given numbers up to "
                    f"{numbers.max():.3g}")
        if step.op == "kl_div" and (target := _as_logarithms(step, trail)) is not None and (target > 0).any():
            return ("kl_div with log_target=True expects the logarithms of the target, none of which is above 0, and is "
                    f"given numbers up to {target.max():.3g}")
        if step.op == "kl_div" and all(is_finite(trail.framework.array(given)) for given in step.inputs) and not all(
                is_finite(trail.framework.array(made)) for made in step.outputs):
            return "kl_div takes the logarithm of its target, and of the finite numbers that it is given makes NaN"
    return ""


def _as_logarithms(step: Step, trail: Trail) -> Array | None:
    """The target of a divergence that takes it for logarithms, as its result says; else None."""
    given, target, made = (trail.framework.array(tensor).astype("float64") for tensor in (*step.inputs, *step.outputs))
    each = np.exp(target) * (target - given)
    reduced = (each, each.sum(), each.mean(), each.sum() / len(each))
    is_meant = any(one.shape == made.shape and np.allclose(one, made, rtol=1e-4) for one in map(np.asarray, reduced))
    return target if is_meant else None


def _are_probabilities(numbers: Array, rows: bool) -> bool:
    inside = bool(((numbers >= 0) & (numbers <= 1)).all())
    return inside and (not rows or (numbers.ndim > 1 and bool(np.allclose(numbers.sum(1), 1.0, atol=1e-4))))
