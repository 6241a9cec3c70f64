"""The transfer functions of intervals against TensorFlow: what an operation gives for numbers of the operands' intervals
lies in the interval of the result, and so do its derivatives.

The intervals are random and include the edges: 0, the smallest and the largest numbers, exact bounds, infinities.
``pytest -m slow tests/facts`` draws many more of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from losslint.facts import interval
from losslint.facts.float32 import f32
from losslint.facts.interval import SLOPES, TRANSFERS, Interval
from losslint.facts.precision import BFLOAT16, FLOAT16, Precision

tf = pytest.importorskip("tensorflow")

UNARY: dict[str, Any] = {
    "neg": tf.negative, "abs": tf.abs, "square": tf.square, "relu": tf.nn.relu, "relu6": tf.nn.relu6,
    "reciprocal": tf.math.reciprocal, "floor": tf.floor, "ceil": tf.math.ceil, "round": tf.round, "sign": tf.sign,
    "zeros_like": tf.zeros_like, "ones_like": tf.ones_like, "sqrt": tf.sqrt, "rsqrt": tf.math.rsqrt, "exp": tf.exp,
    "expm1": tf.math.expm1, "exp2": lambda x: tf.exp(x * math.log(2.0)), "log": tf.math.log,
    "log2": lambda x: tf.math.log(x) / math.log(2.0), "log10": lambda x: tf.math.log(x) / math.log(10.0),
    "log1p": tf.math.log1p, "sigmoid": tf.sigmoid, "log_sigmoid": tf.math.log_sigmoid, "softplus": tf.math.softplus,
    "tanh": tf.tanh, "atan": tf.atan, "erf": tf.math.erf, "softsign": tf.nn.softsign, "elu": tf.nn.elu,
    "leaky_relu": tf.nn.leaky_relu, "cosh": tf.cosh, "sinh": tf.sinh, "silu": tf.nn.silu, "acos": tf.acos,
    "asin": tf.asin, "atanh": tf.atanh, "l2_loss": tf.nn.l2_loss, "sin": tf.sin, "cos": tf.cos,
    "log_softmax": tf.nn.log_softmax, "softmax": tf.nn.softmax, "l2_normalize": tf.math.l2_normalize,
}  # fmt: skip
BINARY: dict[str, Any] = {
    "add": tf.add, "sub": tf.subtract, "mul": tf.multiply, "div": tf.divide, "pow": tf.pow, "maximum": tf.maximum,
    "minimum": tf.minimum, "squared_difference": tf.math.squared_difference, "divide_no_nan": tf.math.divide_no_nan,
    "multiply_no_nan": tf.math.multiply_no_nan, "xlogy": tf.math.xlogy, "xlog1py": tf.math.xlog1py,
    "xdivy": tf.math.xdivy, "logaddexp": lambda x, y: tf.reduce_logsumexp(tf.stack([x, y]), 0),
}  # fmt: skip
ALONG = ("l2_loss", "log_softmax", "softmax", "l2_normalize")  # the elements of a row depend on each other
REDUCTIONS: dict[str, tuple[Any, Callable[[Interval], Interval]]] = {
    "sum": (tf.reduce_sum, interval.sums), "mean": (tf.reduce_mean, interval.averaged),
    "sum or nothing": (lambda x: tf.reduce_sum(x[:0]), lambda x: interval.sums(x, empty=True)),
}  # fmt: skip
EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 3.0, 1e-7, 1.0 - 2**-24, 16.7, 20.0, -20.0, 88.0, -88.0, 89.0, 1e4, -1e4,
         1.17549435e-38, 3.4028235e38, -3.4028235e38, 1e-30, 1e20, math.inf, -math.inf)  # fmt: skip
NUMBERS = st.sampled_from(EDGES) | st.floats(-4.0, 4.0, width=32) | st.floats(width=32, allow_nan=False)
SHARES = (0.0, 1.0, 0.5, 1e-3, 0.999, 1e-7, 0.25, 0.8)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    low, high = sorted([f32(draw(NUMBERS)), f32(draw(NUMBERS))])
    return Interval(low, high)


def numbers_in(x: Interval) -> list[float]:
    """Numbers of an interval: its ends, what lies between, and the edges it holds."""
    low, high = max(x.low, -3.4e38), min(x.high, 3.4e38)
    between = [f32(low * (1.0 - share) + high * share) for share in SHARES]
    found = [x.low, x.high, *between, *(f32(e) for e in EDGES)]
    return sorted({n for n in found if n in x})  # holds one of the two zeros


@cache
def compiled(function: Any, operands: int) -> Any:
    """The operation with its gradients, as a graph over vectors."""

    def step(*inputs: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            value = function(*inputs)
        gradients = tape.gradient(value, inputs, unconnected_gradients="zero")
        return value, gradients

    signature = [tf.TensorSpec([None], tf.float32)] * operands
    return tf.function(step, input_signature=signature, autograph=False)


def outside(claimed: Interval, seen: Any) -> list[float]:
    return [float(x) for x in np.ravel(seen) if float(x) not in claimed]


def grid(operands: Sequence[Interval]) -> list[Any]:
    pairs = list(itertools.product(*map(numbers_in, operands)))
    return [np.array(column, np.float32) for column in zip(*pairs, strict=True)]


def check(name: str, function: Any, operands: Sequence[Interval]) -> None:
    claimed = TRANSFERS[name](*operands).map(f32)
    arrays = grid(operands)
    wrong = outside(claimed, function(*arrays))
    assert not wrong, f"{name}{tuple(operands)} gives {wrong[:3]}, claimed {claimed}"
    value, gradients = compiled(function, len(operands))(*arrays)
    wrong = outside(claimed, value)
    assert not wrong, f"{name}{tuple(operands)} gives {wrong[:3]} in a graph, claimed {claimed}"
    if name in SLOPES and all(o.finite for o in operands):
        for position, (slope, gradient) in enumerate(zip(SLOPES[name](operands, claimed), gradients, strict=True)):
            wrong = outside(slope.map(f32), gradient)
            assert not wrong, f"slope {position} of {name}{tuple(operands)} is {wrong[:3]}, claimed {slope}"


CASES = [(name, function, 1) for name, function in UNARY.items()] + [(name, f, 2) for name, f in BINARY.items()]
QUIET = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


def run(name: str, function: Any, operands: int, examples: int) -> None:
    @settings(max_examples=examples, **QUIET)  # type: ignore[arg-type]
    @given(st.tuples(*[intervals()] * operands))
    def lies_inside(drawn: tuple[Interval, ...]) -> None:
        check(name, function, drawn)

    lies_inside()


@pytest.mark.parametrize(("name", "function", "operands"), CASES, ids=[c[0] for c in CASES])
def test_results_lie_inside(name: str, function: Any, operands: int) -> None:
    run(name, function, operands, 50)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "function", "operands"), CASES, ids=[c[0] for c in CASES])
def test_results_lie_inside_of_many(name: str, function: Any, operands: int) -> None:
    run(name, function, operands, 1000)


def test_every_transfer_function_is_compared() -> None:
    assert TRANSFERS.keys() == UNARY.keys() | BINARY.keys()
    assert SLOPES.keys() <= TRANSFERS.keys()


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str) -> None:
    function, transfer = REDUCTIONS[name]

    @settings(max_examples=200, **QUIET)  # type: ignore[arg-type]
    @given(intervals(), st.lists(st.sampled_from(range(40)), min_size=1, max_size=3000))
    def lies_inside(x: Interval, chosen: list[int]) -> None:
        numbers = numbers_in(x)
        elements = np.array([numbers[i % len(numbers)] for i in chosen], np.float32)
        assert not outside(transfer(x).map(f32), function(elements)), (x, elements)

    lies_inside()


@pytest.mark.parametrize(("precision", "dtype"), [(FLOAT16, tf.float16), (BFLOAT16, tf.bfloat16)])
@given(st.floats(width=32, allow_nan=False) | st.floats(-70000.0, 70000.0, width=32))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_rounding(precision: Precision, dtype: Any, x: float) -> None:
    assert precision.round(f32(x)) == float(tf.cast(tf.constant(f32(x), tf.float32), dtype))


def test_what_single_precision_loses() -> None:
    one = interval.constant(1.0)
    assert interval.sub(one, interval.constant(f32(1e-8))).map(f32) == one
    assert TRANSFERS["sigmoid"](Interval(-100.0, 100.0)).map(f32) == interval.UNIT
