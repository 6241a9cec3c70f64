"""The scalar primitives against the operations they stand for: value and gradient, at edges and at random points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from losslint.facts.float32 import PRIMITIVES, f32

tf = pytest.importorskip("tensorflow")

EDGES = (0.0, 1.0, -1.0, 0.5, -0.3, 2.0, 20.0, -20.0, 100.0, -100.0, 1e-7, 1e-30)
UNARY: dict[str, Any] = {
    "neg": tf.negative, "abs": tf.abs, "square": tf.square, "sqrt": tf.sqrt, "rsqrt": tf.math.rsqrt, "exp": tf.exp,
    "expm1": tf.math.expm1, "log": tf.math.log, "log1p": tf.math.log1p, "sigmoid": tf.sigmoid,
    "log_sigmoid": tf.math.log_sigmoid, "softplus": tf.math.softplus, "tanh": tf.tanh, "relu": tf.nn.relu,
    "elu": tf.nn.elu, "sin": tf.sin, "cos": tf.cos, "cosh": tf.cosh, "sinh": tf.sinh, "acos": tf.acos, "asin": tf.asin,
    "atan": tf.atan, "reciprocal": tf.math.reciprocal, "sign": tf.sign, "stop_gradient": tf.stop_gradient,
    "erfc": tf.math.erfc, "erfinv": tf.math.erfinv, "lgamma": tf.math.lgamma, "digamma": tf.math.digamma,
}  # fmt: skip
BINARY: dict[str, Any] = {
    "add": tf.add, "sub": tf.subtract, "mul": tf.multiply, "div": tf.divide, "pow": tf.pow, "maximum": tf.maximum,
    "minimum": tf.minimum, "squared_difference": tf.math.squared_difference, "divide_no_nan": tf.math.divide_no_nan,
    "multiply_no_nan": tf.math.multiply_no_nan, "xlogy": tf.math.xlogy, "greater": tf.greater, "less": tf.less,
}  # fmt: skip


def same(ours: float, theirs: float) -> bool:
    """Equal up to a few units in the last place; all NaNs are alike, and so are infinities of one sign."""
    if math.isnan(ours) or math.isnan(theirs):
        return math.isnan(ours) and math.isnan(theirs)
    if math.isinf(ours) or math.isinf(theirs):
        return ours == theirs
    return math.isclose(ours, theirs, rel_tol=2e-5, abs_tol=1e-6)


def measured(function: Any, arguments: Sequence[float], upstream: float) -> tuple[float, list[float]]:
    """Value and gradients of a TensorFlow operation, with an upstream gradient; None counts as 0."""
    inputs = [tf.constant(a, tf.float32) for a in arguments]
    with tf.GradientTape() as tape:
        for tensor in inputs:
            tape.watch(tensor)
        value = function(*inputs)
    if value.dtype != tf.float32:
        return float(value), [0.0] * len(inputs)
    gradients = tape.gradient(value, inputs, output_gradients=tf.constant(upstream, tf.float32))
    return float(value), [0.0 if g is None else float(g) for g in gradients]


def differences(name: str, function: Any, points: Sequence[Sequence[float]]) -> list[str]:
    primitive = PRIMITIVES[name]
    found = []
    for point in points:
        arguments = [f32(a) for a in point]
        ours = f32(primitive.value(*arguments))
        for upstream in (1.0, 0.0):
            value, gradients = measured(function, arguments, upstream)
            mine = [f32(g) for g in primitive.backward(arguments, ours, upstream)]
            if not same(ours, value):
                found.append(f"{name}{tuple(arguments)} = {ours}, TensorFlow {value}")
            elif not all(map(same, mine, gradients)):
                found.append(f"d {name}{tuple(arguments)} * {upstream} = {mine}, TensorFlow {gradients}")
    return found


@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str) -> None:
    assert not differences(name, UNARY[name], [(x,) for x in EDGES])


@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str) -> None:
    values = (0.0, 1.0, -1.0, 0.5, 2.0, -0.3)
    assert not differences(name, BINARY[name], [(x, y) for x in values for y in values])


def test_rounding_and_flushing() -> None:
    assert f32(1.0 - 1e-8) == 1.0
    assert f32(1.0 - 1e-7) < 1.0
    assert f32(1e-40) == 0.0  # subnormals are flushed
    assert f32(1e39) == math.inf
