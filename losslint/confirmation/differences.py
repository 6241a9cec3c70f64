"""The gradient against central differences in float64: finds gradients that are there, and wrong.

Directional derivatives, as they cost two runs each whatever the number of elements. Two step sizes and both sides must
agree with one another first: at a kink or a jump the differences say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from losslint.confirmation.frameworks.base import Inputs, is_floating
from losslint.confirmation.observation import REVERSED, Observation, Outcome
from losslint.confirmation.probes import Loss, differentiated, numbers, told
from losslint.confirmation.program import TensorSpec

DIRECTIONS = 4  # tried at most
ENOUGH = 2  # compared: a gradient that is wrong differs along all but a few
STEPS = (1e-4, 3e-5)
SMOOTH = 1e-3  # relative difference of two estimates of one slope, where the loss is smooth
WRONG = 1e-2  # and of the gradient from them, where it is wrong


def compare(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec]) -> Iterator[Observation]:
    """What ``compared`` sees, in float64."""
    with loss.framework.double_precision():
        yield from compared(loss, inputs, specs)


def compared(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec]) -> Iterator[Observation]:
    """``WRONG_GRADIENT`` with both numbers where the gradient differs from differences; ``FINE`` in mode
    ``differences`` where it was compared and does not; nothing where it cannot be compared: the loss refuses float64,
    or draws random numbers. Not for losses whose gradient is meant to differ."""
    arrays = {name: array.astype(np.float64) if is_floating(array) else array for name, array in inputs.items()}
    sources = differentiated(arrays, specs)
    try:
        if not sources:
            return
        value, gradient = loss.framework.value_and_gradient(loss, loss.framework.tensors(arrays), sources)
        value = loss.framework.array(value)
        gradient = {name: None if g is None else loss.framework.array(g) for name, g in gradient.items()}
        again = _value(loss, arrays)
    except Exception:  # of the user's code, which need not work in float64
        return
    if value.dtype != np.float64 or float(value.sum()) != again:
        return
    generator = np.random.default_rng(7)
    compared = 0
    for _ in range(DIRECTIONS):
        towards = {name: generator.uniform(0.5, 1.0, arrays[name].shape) * generator.choice([-1.0, 1.0], arrays[name].shape)
                   for name in sources}
        slopes = _slopes(loss, arrays, towards, again)
        if slopes is None:
            continue
        compared += 1
        behind, slope, ahead = slopes
        analytic = sum(float((g * towards[name]).sum()) for name, g in gradient.items() if g is not None)
        between = min(max(analytic, min(behind, ahead)), max(behind, ahead))  # where rows tie, a gradient is one of many
        if abs(analytic - between) > WRONG * max(abs(slope), abs(analytic), 1e-6):
            turned = abs(analytic + slope) <= WRONG * abs(slope)
            yield Observation(
                Outcome.WRONG_GRADIENT, "eager", **told(inputs), loss=numbers(value), operation=REVERSED if turned else "",
                gradient={name: None if g is None else numbers(g) for name, g in gradient.items()},
                detail=f"the gradient gives a slope of {analytic:.6g}, central differences {slope:.6g}",
            )
            return
        if compared == ENOUGH:
            break
    if compared:
        yield Observation(Outcome.FINE, "differences")


def _slopes(loss: Loss, arrays: Inputs, towards: Inputs, here: float) -> tuple[float, float, float] | None:
    """The derivative along a direction from behind, from both sides, and ahead; None where the loss is not smooth. ``here``
    is its value."""
    found: list[float] = []
    for size in STEPS:
        try:
            ahead = _value(loss, {**arrays, **{name: arrays[name] + size * step for name, step in towards.items()}})
            behind = _value(loss, {**arrays, **{name: arrays[name] - size * step for name, step in towards.items()}})
        except Exception:  # a step out of the domain
            return None
        found += [(ahead - behind) / (2 * size), (ahead - here) / size, (here - behind) / size]
    central, *_ = found
    scale = max(abs(central), 1e-6)
    curved = 100 * SMOOTH  # one-sided differences are off by half a step times the curvature
    if not np.isfinite(found).all() or abs(found[0] - found[3]) > SMOOTH * scale:
        return None
    return (found[2], central, found[1]) if abs(found[1] - found[2]) <= curved * scale else None


def _value(loss: Loss, arrays: Inputs) -> float:
    return float(loss.value(arrays).sum())
