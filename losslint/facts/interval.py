"""Intervals of floating-point numbers, and what each scalar operation makes of them.

Endpoints are evaluated in the precision of the tensor, rounded to nearest: rounding is monotone, so the endpoints of a
monotone operation stay its endpoints, and ``1 - 1e-8`` is exactly 1, as it is in the framework. Functions that a
library computes to within a few units in the last place are widened by that much.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from losslint.facts.float32 import INF, TINY, div, exp, f32, floor, guarded, log, power, sigmoid, softplus, sqrt

SLACK = 2e-6  # relative: sixteen float32 units in the last place
MANY = 2.0**24  # elements of a tensor
ROUNDED = 1.001  # what the roundings of a long sum may add to it


@dataclass(frozen=True)
class Interval:
    """The numbers from ``low`` to ``high``, both included; an infinite end means that infinity itself may occur."""

    low: float
    high: float
    nan: bool = False  # NaN may occur as well

    @property
    def finite(self) -> bool:
        """Whether neither infinity nor NaN may occur."""
        return not self.nan and self.low > -INF and self.high < INF

    def __contains__(self, x: float) -> bool:
        return self.nan if x != x else self.low <= x <= self.high

    def __or__(self, other: Interval) -> Interval:
        """The smallest interval around both."""
        return Interval(min(self.low, other.low), max(self.high, other.high), self.nan or other.nan)

    def __and__(self, other: Interval) -> Interval:
        """What lies in both. Two claims that exclude each other describe code that is never reached: the first holds."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Interval(low, high, self.nan and other.nan) if low <= high else self

    def map(self, function: Callable[[float], float]) -> Interval:
        """A rising function of each number."""
        return Interval(function(self.low), function(self.high), self.nan)


TOP = Interval(-INF, INF, nan=True)
ZERO = Interval(0.0, 0.0)
ONE = Interval(1.0, 1.0)
UNIT = Interval(0.0, 1.0)


def constant(x: float) -> Interval:
    return Interval(x, x) if x == x else TOP


# -- transfer functions: intervals of the operands -> interval of the result, not yet rounded

Transfer = Callable[..., Interval]


def widened(interval: Interval) -> Interval:
    """By the error of a library function; an exact 0 stays."""

    def off(x: float, sign: float) -> float:
        return x if x == 0.0 or math.isinf(x) else x + sign * max(abs(x) * SLACK, TINY)

    return Interval(off(interval.low, -1.0), off(interval.high, 1.0), interval.nan)


def rising(function: Callable[[float], float], low: float = -INF, high: float = INF) -> Transfer:
    """A function that rises, computed by a library, with results in ``[low, high]``."""
    return lambda x: widened(x.map(function)) & Interval(low, high, nan=True)


def even(function: Callable[[float], float]) -> Transfer:
    """A function of ``abs(x)`` that rises in it."""
    return lambda x: widened(absolute(x).map(function))


def exactly(function: Callable[[float], float]) -> Transfer:
    """A function that rises and is computed exactly."""
    return lambda x: x.map(function)


def absolute(x: Interval) -> Interval:
    low, high = abs(x.low), abs(x.high)
    return Interval(0.0 if x.low <= 0.0 <= x.high else min(low, high), max(low, high), x.nan)


def negative(x: Interval) -> Interval:
    return Interval(-x.high, -x.low, x.nan)


def add(x: Interval, y: Interval) -> Interval:
    nan = x.nan or y.nan or (x.high == INF and y.low == -INF) or (x.low == -INF and y.high == INF)
    low, high = x.low + y.low, x.high + y.high
    return Interval(low if low == low else -INF, high if high == high else INF, nan)


def sub(x: Interval, y: Interval) -> Interval:
    return add(x, negative(y))


def mul(x: Interval, y: Interval) -> Interval:
    products = [a * b for a in (x.low, x.high) for b in (y.low, y.high)]
    infinite = any(0.0 in a and (b.high == INF or b.low == -INF) for a, b in ((x, y), (y, x)))
    numbers = [0.0 if p != p else p for p in products]  # 0 * inf: what is next to 0 gives anything between
    if infinite:
        numbers += [s * INF for a, b in ((x, y), (y, x)) for s in signs(a) for t in (b.low, b.high) if abs(t) == INF
                    for s in (s * math.copysign(1.0, t),)]  # fmt: skip
    return Interval(min(numbers), max(numbers), x.nan or y.nan or infinite)


def signs(x: Interval) -> list[float]:
    """The signs of the numbers that are not 0."""
    return [s for s, there in ((-1.0, x.low < 0.0), (1.0, x.high > 0.0)) if there]


def quotient(x: Interval, y: Interval) -> Interval:
    if 0.0 in y:  # which of the two zeros it is decides the sign
        return Interval(-INF, INF, x.nan or y.nan or 0.0 in x or (abs(x.low) == INF or x.high == INF))
    quotients = [div(a, b) for a in (x.low, x.high) for b in (y.low, y.high)]
    both = (x.low == -INF or x.high == INF) and (y.low == -INF or y.high == INF)
    numbers = [q for q in quotients if q == q] + ([0.0, *(s * t * INF for s in signs(x) for t in signs(y))] if both else [])
    return Interval(min(numbers), max(numbers), x.nan or y.nan or both)


def square(x: Interval) -> Interval:
    return absolute(x).map(lambda a: a * a)


def raised(x: Interval, y: Interval) -> Interval:
    """``x ** y``."""
    if y.low == y.high and float(y.low).is_integer() and 0 < y.low <= 64:
        whole = (absolute(x) if y.low % 2 == 0 else x).map(lambda a: power(a, y.low))
        return widened(whole)
    if y.low == y.high == 0.0:
        return ONE
    if x.low < 0.0 or x.nan or y.nan or x.high == INF or not y.finite or (x.low == 0.0 and y.low <= 0.0):
        return TOP
    corners = [power(a, b) for a in (x.low, x.high) for b in (y.low, y.high)]
    extremes = (0.0, 1.0) if x.low == 0.0 else (1.0,) if 1.0 in x or 0.0 in y else ()
    return widened(Interval(min(*corners, *extremes), max(*corners, *extremes)))


def logarithm(base: float = math.e) -> Transfer:
    def transfer(x: Interval) -> Interval:
        if x.high < 0.0:
            return TOP
        inside = Interval(max(x.low, 0.0), x.high, x.nan or x.low < 0.0)
        return widened(inside.map(lambda a: log(a) / math.log(base)))

    return transfer


def log1p(x: Interval) -> Interval:
    if x.high < -1.0:
        return TOP
    return widened(Interval(max(x.low, -1.0), x.high, x.nan or x.low < -1.0).map(lambda a: log(1.0 + a) if a <= -0.5 else
                                                                                 math.log1p(a)))  # fmt: skip


def root(x: Interval) -> Interval:
    if x.high < 0.0:
        return TOP
    return widened(Interval(max(x.low, 0.0), x.high, x.nan or x.low < 0.0).map(sqrt))


def inverse_root(x: Interval) -> Interval:
    return TOP if x.low <= 0.0 else quotient(ONE, root(x))


def inside(function: Callable[[float], float]) -> Transfer:
    """acos, asin and atanh: NaN outside of [-1, 1]."""

    def transfer(x: Interval) -> Interval:
        if x.high < -1.0 or x.low > 1.0:
            return TOP
        ends = (function(max(x.low, -1.0)), function(min(x.high, 1.0)))
        return widened(Interval(min(ends), max(ends), x.nan or x.low < -1.0 or x.high > 1.0))

    return transfer


def smaller(x: Interval, y: Interval) -> Interval:
    return Interval(min(x.low, y.low), min(x.high, y.high), x.nan or y.nan)


def larger(x: Interval, y: Interval) -> Interval:
    return Interval(max(x.low, y.low), max(x.high, y.high), x.nan or y.nan)


def clipped(x: Interval, low: Interval, high: Interval) -> Interval:
    return replace(smaller(larger(x, replace(low, nan=False)), replace(high, nan=False)), nan=x.nan)


def no_nan_quotient(x: Interval, y: Interval) -> Interval:
    result = quotient(x, y)
    infinite = not (x.finite and y.finite)
    return (result | ZERO) if 0.0 not in y else Interval(-INF, INF, x.nan or y.nan or infinite)


def no_nan_product(x: Interval, y: Interval) -> Interval:
    """``x * y``, and 0 wherever ``y`` is 0, whatever ``x`` is."""
    product = mul(x, y)
    if y.low == y.high == 0.0:
        return ZERO
    nan = (x.nan and not y.low == y.high == 0.0) or y.nan or (0.0 in x and not y.finite)
    return replace(product | ZERO if 0.0 in y else product, nan=nan)


def xlogy(x: Interval, y: Interval) -> Interval:
    """``x * log(y)``, and 0 where ``x`` is 0."""
    return no_nan_product(logarithm()(y), x)


def silu(x: Interval) -> Interval:
    return widened(Interval(-0.2784646 if x.low < 0.0 else 0.0, max(x.high, 0.0), x.nan or x.low == -INF))


def sums(x: Interval, *, empty: bool = False) -> Interval:
    """A sum of any number of elements, in any order."""
    low = x.low * MANY * ROUNDED if x.low < 0.0 else x.low
    high = x.high * MANY * ROUNDED if x.high > 0.0 else x.high
    total = Interval(low, high, x.nan or (f32(low) == -INF and f32(high) == INF))  # a part may be inf, another -inf
    return total | ZERO if empty else total


def averaged(x: Interval) -> Interval:
    """A mean: rounding may carry it a little beyond the elements, and the sum may overflow before it is divided."""
    total = sums(x)
    low = -INF if f32(total.low) == -INF else x.low - abs(x.low) * 1e-5
    high = INF if f32(total.high) == INF else x.high + abs(x.high) * 1e-5
    return Interval(low, high, total.nan)


EXACT: dict[str, Transfer] = {
    "neg": negative, "abs": absolute, "add": add, "sub": sub, "mul": mul, "div": quotient, "square": square,
    "maximum": larger, "minimum": smaller, "relu": lambda x: larger(x, ZERO),
    "relu6": lambda x: clipped(x, ZERO, constant(6.0)),
    "divide_no_nan": no_nan_quotient, "multiply_no_nan": no_nan_product,
    "floor": exactly(floor),
    "ceil": exactly(lambda a: float(math.ceil(a)) if abs(a) < 1e9 else a),
    "round": exactly(lambda a: float(round(a)) if abs(a) < 1e9 else a),
    "sign": exactly(lambda a: math.copysign(1.0, a) if a else 0.0),
    "zeros_like": lambda x: ZERO, "ones_like": lambda x: ONE,
}  # fmt: skip
LIBRARY: dict[str, Transfer] = {
    "reciprocal": lambda x: widened(quotient(ONE, x)), "sqrt": root,
    "rsqrt": lambda x: widened(inverse_root(x)), "exp": rising(exp, 0.0),
    "expm1": rising(guarded(math.expm1), -1.0),
    "exp2": rising(lambda a: exp(a * math.log(2.0)), 0.0), "log": logarithm(), "log2": logarithm(2.0),
    "log10": logarithm(10.0), "log1p": log1p, "sigmoid": rising(sigmoid, 0.0, 1.0),
    "log_sigmoid": rising(lambda a: -softplus(-a), high=0.0), "softplus": rising(softplus, 0.0),
    "tanh": rising(math.tanh, -1.0, 1.0), "atan": rising(math.atan), "erf": rising(math.erf, -1.0, 1.0),
    "softsign": lambda x: Interval(-1.0, 1.0, not x.finite),
    "elu": lambda x: Interval(max(x.low, -1.0), max(x.high, 0.0), x.nan),  # exp(x) - 1 is computed as it stands
    "leaky_relu": rising(lambda a: a if a > 0.0 else 0.2 * a),
    "squared_difference": lambda x, y: widened(square(sub(x, y))), "cosh": even(guarded(math.cosh)),
    "sinh": rising(guarded(math.sinh)), "silu": silu,
    "acos": inside(math.acos), "asin": inside(math.asin),
    "atanh": inside(lambda a: math.atanh(a) if abs(a) < 1.0 else math.copysign(INF, a)),
    "l2_loss": lambda x: sums(square(x)).map(lambda a: a / 2),
    "pow": raised, "xlogy": xlogy, "xlog1py": lambda x, y: no_nan_product(log1p(y), x),
    "xdivy": lambda x, y: no_nan_product(quotient(ONE, y), x),
    "sin": lambda x: Interval(-1.0, 1.0, not x.finite), "cos": lambda x: Interval(-1.0, 1.0, not x.finite),
    "logaddexp": lambda x, y: widened(Interval(max(x.low, y.low), max(x.high, y.high) + math.log(2.0), x.nan or y.nan)),
    "log_softmax": lambda x: Interval(x.low - x.high - math.log(MANY) if x.finite else -INF, 0.0, not x.finite),
    "softmax": lambda x: Interval(0.0, 1.0, not x.finite),
    "l2_normalize": lambda x: Interval(-1.0 - SLACK, 1.0 + SLACK, not x.finite),
}  # fmt: skip
TRANSFERS = {**EXACT, **LIBRARY}
TRUTHS = (
    "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_not",
    "is_nan", "is_finite", "is_inf", "one_hot", "any", "all", "isclose", "sequence_mask",
)  # fmt: skip


# -- local derivatives: intervals of the operands and of the result -> interval of each partial derivative

Slopes = Callable[[Sequence[Interval], Interval], tuple[Interval, ...]]


def of_one(slope: Callable[[Interval, Interval], Interval]) -> Slopes:
    return lambda x, out: (widened(slope(x[0], out)),)


def of_both(*slopes: Callable[[Interval, Interval], Interval]) -> Slopes:
    return lambda x, out: tuple(widened(slope(*x)) for slope in slopes)


def inverse(x: Interval) -> Interval:
    return quotient(ONE, x)


def power_slopes(x: Sequence[Interval], out: Interval) -> tuple[Interval, ...]:
    base, exponent = x
    at_zero = 0.0 in base and exponent.low < 1.0
    first = TOP if at_zero else mul(exponent, raised(base, sub(exponent, ONE)))
    second = TOP if base.low < 0.0 else mul(out, logarithm()(Interval(max(base.low, TINY), base.high, base.nan)))
    return widened(first), widened(second | ZERO)


SLOPES: dict[str, Slopes] = {
    "log": of_one(lambda x, out: inverse(x)), "log2": of_one(lambda x, out: mul(constant(1.0 / math.log(2.0)), inverse(x))),
    "log10": of_one(lambda x, out: mul(constant(1.0 / math.log(10.0)), inverse(x))),
    "log1p": of_one(lambda x, out: inverse(add(ONE, x))),
    "sqrt": of_one(lambda x, out: quotient(constant(0.5), out)),
    "rsqrt": of_one(lambda x, out: mul(constant(-0.5), mul(out, square(out)))),
    "exp": of_one(lambda x, out: out), "expm1": of_one(lambda x, out: rising(exp, 0.0)(x)),
    "cosh": of_one(lambda x, out: LIBRARY["sinh"](x)), "sinh": of_one(lambda x, out: LIBRARY["cosh"](x)),
    "div": of_both(lambda x, y: inverse(y), lambda x, y: quotient(quotient(negative(x), y), y)),
    "reciprocal": of_one(lambda x, out: negative(square(out))), "pow": power_slopes,
    "acos": of_one(lambda x, out: negative(inverse_root(sub(ONE, square(x))))),
    "asin": of_one(lambda x, out: inverse_root(sub(ONE, square(x)))),
    "atanh": of_one(lambda x, out: inverse(sub(ONE, square(x)))),
    "xlogy": of_both(lambda x, y: logarithm()(y) | ZERO, lambda x, y: quotient(x, y) | ZERO),
    "xlog1py": of_both(lambda x, y: log1p(y) | ZERO, lambda x, y: quotient(x, add(ONE, y)) | ZERO),
}  # fmt: skip
