"""Arithmetic as TensorFlow does it in float32 on a CPU: rounded to nearest, subnormals flushed to zero, IEEE infinities.

Each primitive has a value and a backward function ``(inputs, output, upstream) -> gradients`` that follows the gradient
TensorFlow registers, so that ``0 * inf`` becomes NaN exactly where it does there.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from losslint.facts.special import digamma, erfinv, lgamma, trigamma

INF, NAN = math.inf, math.nan
PACK, UNPACK = struct.Struct("f").pack, struct.Struct("f").unpack
LARGEST = (2.0 - 2.0**-23) * 2.0**127  # float32 that is no inf
TINY = 2.0**-126  # smallest normal float32; TensorFlow flushes what is smaller

Backward = Callable[[Sequence[float], float, float], tuple[float, ...]]


class Primitive(NamedTuple):
    """A scalar operation and its gradient."""

    value: Callable[..., float]
    backward: Backward


SAFE_IN_TORCH = ("norm", "euclidean_norm", "std", "atan2", "pow")  # slope 0 at 0, and at 0 ** 0, unlike TensorFlow and JAX
SELECTS = ("relu", "relu6")  # gradients that TensorFlow multiplies by 0 and others leave out, so that 0 * inf is no NaN
SHORT_CIRCUITS = ("sqrt", "rsqrt", "norm", "std", "reciprocal")  # whose kernels TensorFlow alone, and without XLA, gives
# 0 for an upstream 0


def kept_small(x: float) -> float:
    """``x`` rounded to float32 as PyTorch does it, which keeps subnormals: ``exp(-100)`` is 3.8e-44."""
    if x - x != 0.0:
        return x
    try:
        (rounded,) = UNPACK(PACK(x))
    except OverflowError:
        return math.copysign(INF, x)
    return float(rounded)


def f32(x: float) -> float:
    """``x`` rounded to float32, subnormals flushed to zero."""
    if x - x != 0.0:
        return x  # NaN, inf, -inf
    try:
        (rounded,) = UNPACK(PACK(x))
    except OverflowError:
        return math.copysign(INF, x)
    return rounded if abs(x) >= TINY else math.copysign(0.0, x)  # what is tiny before it is rounded is flushed


def div(a: float, b: float) -> float:
    if b == 0.0 and b == b:
        return NAN if a == 0.0 or a != a else math.copysign(INF, a) * math.copysign(1.0, b)
    return a / b


def log(x: float) -> float:
    if x > 0.0:
        return math.log(x) if x != INF else INF
    return -INF if x == 0.0 else NAN


def exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return INF


def sqrt(x: float) -> float:
    return math.sqrt(x) if x >= 0.0 else NAN


def power(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except OverflowError:
        return INF
    except ValueError:
        return INF if x == 0.0 else NAN


def sigmoid(x: float) -> float:
    if x != x:
        return NAN
    return 1.0 / (1.0 + exp(-x)) if x >= 0 else exp(x) / (1.0 + exp(x))


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(exp(-abs(x))) if x == x else NAN


def sign(x: float) -> float:
    return 0.0 if x == 0.0 else math.copysign(1.0, x) if x == x else NAN


def guarded(function: Callable[[float], float]) -> Callable[[float], float]:
    """A function of the math module that gives NaN outside of its domain and infinity on overflow."""

    def value(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return NAN
        except OverflowError:
            return math.copysign(INF, x)

    return value


def floor(x: float) -> float:
    """Rounding down; what is too large to have a fraction stays."""
    return float(math.floor(x)) if abs(x) < 1e9 else x


def unary(value: Callable[[float], float], slope: Callable[[float, float], float]) -> Primitive:
    """A primitive from its value and its slope as a function of input and output."""
    return Primitive(value, lambda x, out, dy: (dy * f32(slope(x[0], out)),))


def no_nan(dy: float, slope: float) -> float:
    """The kernels of sqrt, rsqrt and reciprocal give 0 for an upstream gradient of 0, whatever the slope."""
    return 0.0 if dy == 0.0 else dy * slope


def pick(condition: bool, dy: float) -> tuple[float, float]:
    """The upstream gradient for the selected side, an exact 0 for the other."""
    return (dy, 0.0) if condition else (0.0, dy)


def _power_gradient(x: Sequence[float], out: float, dy: float) -> tuple[float, ...]:
    base, exponent = x
    return dy * exponent * power(base, exponent - 1.0), dy * out * (log(base) if base > 0.0 else 0.0)


KERAS_EPSILON = 1e-7  # Keras clips probabilities to [1e-7, 1 - 1e-7] before it takes their logarithm


def clipped(p: float) -> float:
    return min(max(p, KERAS_EPSILON), f32(1.0 - KERAS_EPSILON)) if p == p else p


def _logits_cross_entropy(y: float, z: float) -> float:
    return max(z, 0.0) - z * y + math.log1p(exp(-abs(z))) if z == z else NAN


def _binary_cross_entropy(y: float, p: float) -> float:
    q = clipped(p)
    return -(y * log(q) + (1.0 - y) * log(f32(1.0 - q)))


# What compares a label with a prediction: (y_true, y_pred) of a single element.
LOSSES: dict[str, Primitive] = {
    "mse": Primitive(
        lambda y, p: (y - p) ** 2, lambda x, out, dy: (2.0 * dy * (x[0] - x[1]), 2.0 * dy * (x[1] - x[0]))
    ),
    "mae": Primitive(lambda y, p: abs(y - p), lambda x, out, dy: (dy * sign(x[0] - x[1]), dy * sign(x[1] - x[0]))),
    "sigmoid_cross_entropy_with_logits": Primitive(
        _logits_cross_entropy, lambda x, out, dy: (-dy * x[1], dy * (sigmoid(x[1]) - x[0]))
    ),
    "softmax_cross_entropy_with_logits": Primitive(
        lambda y, z: y * softplus(-z), lambda x, out, dy: (dy * softplus(-x[1]), -dy * x[0] * sigmoid(-x[1]))
    ),
    "sparse_softmax_cross_entropy_with_logits": Primitive(
        lambda y, z: softplus(-z), lambda x, out, dy: (0.0, -dy * sigmoid(-x[1]))
    ),
    "binary_crossentropy": Primitive(
        _binary_cross_entropy,
        lambda x, out, dy: (
            dy * (log(f32(1.0 - clipped(x[1]))) - log(clipped(x[1]))),
            dy * div(clipped(x[1]) - x[0], clipped(x[1]) * f32(1.0 - clipped(x[1]))) if clipped(x[1]) == x[1] else 0.0,
        ),
    ),
    "categorical_crossentropy": Primitive(
        lambda y, p: -y * log(clipped(p)),
        lambda x, out, dy: (-dy * log(clipped(x[1])), -dy * div(x[0], x[1]) if clipped(x[1]) == x[1] else 0.0),
    ),
}
FROM_LOGITS = {
    "binary_crossentropy": "sigmoid_cross_entropy_with_logits",
    "categorical_crossentropy": "softmax_cross_entropy_with_logits",
}

PRIMITIVES: dict[str, Primitive] = {
    "neg": unary(lambda x: -x, lambda x, out: -1.0),
    "abs": unary(abs, lambda x, out: sign(x)),
    "square": unary(lambda x: x * x, lambda x, out: 2.0 * x),
    "sqrt": Primitive(sqrt, lambda x, out, dy: (no_nan(dy, div(0.5, out)),)),
    "rsqrt": Primitive(
        lambda x: div(1.0, sqrt(x)), lambda x, out, dy: (no_nan(dy, -0.5 * out * out * out),)
    ),
    "norm": Primitive(abs, lambda x, out, dy: (no_nan(dy, div(0.5, out)) * 2.0 * x[0],)),
    "euclidean_norm": Primitive(abs, lambda x, out, dy: (dy * div(x[0], out),)),
    "exp": unary(exp, lambda x, out: out),
    "expm1": unary(guarded(math.expm1), lambda x, out: exp(x)),
    "log": unary(log, lambda x, out: div(1.0, x)),
    "log1p": unary(lambda x: log(1.0 + x) if abs(x) > 1e-5 else x, lambda x, out: div(1.0, 1.0 + x)),
    "sigmoid": unary(sigmoid, lambda x, out: out * (1.0 - out)),
    "softmax": unary(sigmoid, lambda x, out: out * (1.0 - out)),
    "log_sigmoid": unary(lambda x: -softplus(-x), lambda x, out: sigmoid(-x)),
    "log_softmax": unary(lambda x: -softplus(-x), lambda x, out: sigmoid(-x)),
    "softplus": unary(softplus, lambda x, out: sigmoid(x)),
    "tanh": unary(math.tanh, lambda x, out: 1.0 - out * out),
    "relu": Primitive(lambda x: max(x, 0.0), lambda x, out, dy: (dy * float(x[0] > 0.0),)),
    "elu": unary(lambda x: x if x > 0 else math.expm1(x), lambda x, out: 1.0 if x > 0 else out + 1.0),
    "sin": unary(guarded(math.sin), lambda x, out: math.cos(x)),
    "cos": unary(guarded(math.cos), lambda x, out: -math.sin(x)),
    "cosh": unary(guarded(math.cosh), lambda x, out: guarded(math.sinh)(x)),
    "sinh": unary(guarded(math.sinh), lambda x, out: guarded(math.cosh)(x)),
    "acos": Primitive(guarded(math.acos), lambda x, out, dy: (-div(dy, sqrt(1.0 - x[0] * x[0])),)),
    "asin": Primitive(guarded(math.asin), lambda x, out, dy: (div(dy, sqrt(1.0 - x[0] * x[0])),)),
    "atanh": Primitive(lambda x: 0.5 * log(div(1.0 + x, 1.0 - x)), lambda x, out, dy: (div(dy, 1.0 - x[0] * x[0]),)),
    "acosh": Primitive(guarded(math.acosh), lambda x, out, dy: (div(dy, sqrt(x[0] * x[0] - 1.0)),)),
    "atan": unary(math.atan, lambda x, out: 1.0 / (1.0 + x * x)),
    "erf": unary(math.erf, lambda x, out: 2.0 / math.sqrt(math.pi) * exp(-x * x)),
    "erfc": unary(math.erfc, lambda x, out: -2.0 / math.sqrt(math.pi) * exp(-x * x)),
    "erfinv": unary(erfinv, lambda x, out: math.sqrt(math.pi) / 2.0 * exp(out * out)),
    "lgamma": unary(lgamma, lambda x, out: digamma(x)),
    "digamma": unary(digamma, lambda x, out: trigamma(x)),
    "reciprocal": Primitive(lambda x: div(1.0, x), lambda x, out, dy: (no_nan(dy, -out * out),)),
    "sign": unary(sign, lambda x, out: 0.0),
    "round": unary(lambda x: float(round(x)) if abs(x) < 1e9 else x, lambda x, out: 0.0),
    "floor": unary(floor, lambda x, out: 0.0),
    "ceil": unary(lambda x: float(math.ceil(x)) if abs(x) < 1e9 else x, lambda x, out: 0.0),
    "logical_not": unary(lambda x: float(not x), lambda x, out: 0.0),
    "python.not": unary(lambda x: float(not x), lambda x, out: 0.0),
    "python.int": unary(lambda x: float(math.trunc(x)), lambda x, out: 0.0),
    "count_nonzero": unary(lambda x: float(x != 0.0), lambda x, out: 0.0),
    "is_nan": unary(lambda x: float(x != x), lambda x, out: 0.0),
    "to_bool": unary(lambda x: float(x != 0.0), lambda x, out: 0.0),
    "is_finite": unary(lambda x: float(math.isfinite(x)), lambda x, out: 0.0),
    "nan_to_num": unary(
        lambda x: 0.0 if x != x else min(max(x, -LARGEST), LARGEST), lambda x, out: float(math.isfinite(x))),
    "is_inf": unary(lambda x: float(math.isinf(x)), lambda x, out: 0.0),
    "zeros_like": unary(lambda x: 0.0, lambda x, out: 0.0),
    "ones_like": unary(lambda x: 1.0, lambda x, out: 0.0),
    "stop_gradient": Primitive(lambda x: x, lambda x, out, dy: (0.0,)),
    "std": Primitive(lambda x: 0.0, lambda x, out, dy: (dy if out else no_nan(dy, INF) * 0.0,)),
    "var": unary(lambda x: 0.0, lambda x, out: 0.0),
    "l2_normalize": unary(lambda x: div(x, max(abs(x), 1e-6)), lambda x, out: 0.0),
    "normalize_vectors": unary(lambda x: div(x, max(abs(x), 1e-12)), lambda x, out: 0.0),
    "add": Primitive(lambda x, y: x + y, lambda x, out, dy: (dy, dy)),
    "sub": Primitive(lambda x, y: x - y, lambda x, out, dy: (dy, -dy)),
    "mul": Primitive(lambda x, y: x * y, lambda x, out, dy: (dy * x[1], dy * x[0])),
    "div": Primitive(div, lambda x, out, dy: (div(dy, x[1]), dy * div(div(-x[0], x[1]), x[1]))),
    "matmul": Primitive(lambda x, y: x * y, lambda x, out, dy: (dy * x[1], dy * x[0])),
    "dot": Primitive(lambda x, y: x * y, lambda x, out, dy: (dy * x[1], dy * x[0])),
    "linear_layer": Primitive(lambda x, y: x * y, lambda x, out, dy: (dy * x[1], dy * x[0])),
    "cosine_vectors": Primitive(lambda x, y: div(x * y, max(abs(x * y), 1e-8)), lambda x, out, dy: (0.0 * dy, 0.0 * dy)),
    "pow": Primitive(power, _power_gradient),
    "maximum": Primitive(
        lambda x, y: max(x, y) if x == x and y == y else NAN, lambda x, out, dy: pick(x[0] >= x[1], dy)
    ),
    "minimum": Primitive(
        lambda x, y: min(x, y) if x == x and y == y else NAN, lambda x, out, dy: pick(x[0] <= x[1], dy)
    ),
    "squared_difference": Primitive(
        lambda x, y: (x - y) ** 2, lambda x, out, dy: (2 * dy * (x[0] - x[1]), -2 * dy * (x[0] - x[1]))
    ),
    "divide_no_nan": Primitive(
        lambda x, y: div(x, y) if y else 0.0,
        lambda x, out, dy: (div(dy, x[1]), dy * div(-out, x[1])) if x[1] else (0.0, 0.0),
    ),
    "multiply_no_nan": Primitive(
        lambda x, y: x * y if y else 0.0, lambda x, out, dy: (dy * x[1] if x[1] else 0.0, dy * x[0])
    ),
    "xlogy": Primitive(
        lambda x, y: x * log(y) if x else 0.0,
        lambda x, out, dy: (dy * log(x[1]) if x[0] else 0.0, dy * div(x[0], x[1]) if x[0] else 0.0),
    ),
    "xlog1py": Primitive(
        lambda x, y: x * log(1.0 + y) if x else 0.0,
        lambda x, out, dy: (dy * log(1.0 + x[1]) if x[0] else 0.0, dy * div(x[0], 1.0 + x[1]) if x[0] else 0.0),
    ),
    "atan2": Primitive(
        math.atan2, lambda x, out, dy: (dy * div(x[1], x[0] ** 2 + x[1] ** 2), -dy * div(x[0], x[0] ** 2 + x[1] ** 2))
    ),
    "log2": unary(lambda x: log(x) / math.log(2.0), lambda x, out: div(1.0 / math.log(2.0), x)),
    "log10": unary(lambda x: log(x) / math.log(10.0), lambda x, out: div(1.0 / math.log(10.0), x)),
    "exp2": unary(lambda x: exp(x * math.log(2.0)), lambda x, out: out * math.log(2.0)),
    "leaky_relu": Primitive(lambda x: x if x > 0.0 else 0.2 * x, lambda x, out, dy: (dy if x[0] > 0.0 else 0.2 * dy,)),
    "relu6": Primitive(lambda x: min(max(x, 0.0), 6.0), lambda x, out, dy: (dy * float(0.0 < x[0] < 6.0),)),
    "silu": unary(lambda x: x * sigmoid(x), lambda x, out: sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)))),
    "softsign": unary(lambda x: div(x, 1.0 + abs(x)), lambda x, out: div(1.0, (1.0 + abs(x)) ** 2)),
    "l2_loss": unary(lambda x: 0.5 * x * x, lambda x, out: x),
    "logit": Primitive(lambda x: log(div(x, 1.0 - x)), lambda x, out, dy: (dy * div(1.0, x[0] * (1.0 - x[0])),)),
    "xdivy": Primitive(
        lambda x, y: div(x, y) if x else 0.0,
        lambda x, out, dy: (dy * div(1.0, x[1]) if x[0] else 0.0, -dy * div(x[0], x[1] * x[1]) if x[0] else 0.0),
    ),
    "mod": Primitive(lambda x, y: x % y if y else NAN, lambda x, out, dy: (dy, -dy * floor(div(x[0], x[1])))),
    "logaddexp": Primitive(
        lambda x, y: max(x, y) + math.log1p(exp(-abs(x - y))),
        lambda x, out, dy: (dy * sigmoid(x[0] - x[1]), dy * sigmoid(x[1] - x[0])),
    ),
}
for _name, _test in {
    "greater": lambda x, y: x > y, "greater_equal": lambda x, y: x >= y, "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y, "equal": lambda x, y: x == y, "not_equal": lambda x, y: x != y,
    "logical_and": lambda x, y: bool(x) and bool(y), "logical_or": lambda x, y: bool(x) or bool(y),
}.items():  # fmt: skip
    PRIMITIVES[_name] = Primitive(lambda x, y, _test=_test: float(_test(x, y)), lambda x, out, dy: (0.0, 0.0))
