"""Where a function of one number changes its sign."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

GRID = [x / 16.0 - 3.03 for x in range(98)]
BISECTIONS = 40


def switch_point(along: Iterable[tuple[float, float]], difference: Callable[[float], float]) -> float | None:
    """Where a difference changes its sign, by bisection; None when it does not. ``along``: it on a grid."""
    previous: tuple[float, float] | None = None
    for x, y in along:
        if not math.isfinite(y):
            previous = None
            continue
        if previous is not None and (previous[1] < 0) != (y < 0):
            low, high = previous[0], x
            for _ in range(BISECTIONS):
                middle = (low + high) / 2
                low, high = (middle, high) if (difference(middle) < 0) == (previous[1] < 0) else (low, middle)
            return high
        previous = (x, y)
    return None
