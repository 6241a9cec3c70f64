"""Functions that the math module lacks, to the precision that float32 asks for, with TensorFlow's values at their poles."""

from __future__ import annotations

import math
from statistics import NormalDist

LARGE = 6.0  # from here on the first terms of the asymptotic series are enough
QUANTILE = NormalDist().inv_cdf


def lgamma(x: float) -> float:
    """log |gamma(x)|; inf at 0 and at negative whole numbers."""
    if not math.isfinite(x):
        return x * x
    return math.inf if x <= 0.0 and x.is_integer() else math.lgamma(x)


def digamma(x: float) -> float:
    """The derivative of ``lgamma``; NaN at its poles."""
    if not math.isfinite(x):
        return x if x > 0.0 else math.nan
    if x <= 0.0:
        return math.nan if x.is_integer() else digamma(1.0 - x) - math.pi / math.tan(math.pi * x)
    found = 0.0
    while x < LARGE:
        found, x = found - 1.0 / x, x + 1.0
    square = 1.0 / (x * x)
    return found + math.log(x) - 0.5 / x - square * (1.0 / 12.0 - square * (1.0 / 120.0 - square / 252.0))


def trigamma(x: float) -> float:
    """The derivative of ``digamma``; inf at its poles."""
    if not math.isfinite(x):
        return 0.0 if x > 0.0 else math.nan
    if x <= 0.0:
        return math.inf if x.is_integer() else (math.pi / math.sin(math.pi * x)) ** 2 - trigamma(1.0 - x)
    found = 0.0
    while x < LARGE:
        found, x = found + 1.0 / (x * x), x + 1.0
    square = 1.0 / (x * x)
    return found + 1.0 / x + square / 2.0 + square / x * (1.0 / 6.0 - square * (1.0 / 30.0 - square / 42.0))


def erfinv(x: float) -> float:
    """The inverse of ``erf``; infinite at -1 and 1, NaN beyond."""
    if abs(x) == 1.0:
        return math.copysign(math.inf, x)
    return QUANTILE((1.0 + x) / 2.0) / math.sqrt(2.0) if abs(x) < 1.0 else math.nan
