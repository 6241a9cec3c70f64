"""``points.tsv`` against TensorFlow: value and slope at each point, in eager code, in a graph and under XLA."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import pytest

from losslint.facts.float32 import PRIMITIVES, f32
from losslint.ops.explain import YES, Point, explain
from losslint.ops.table import Api, apis, lookup, operations, preferred, rows

POINTS = [(operation, Point(*columns)) for operation, *columns in rows("points.tsv")]
IDS = [f"{operation} at {point.at}" for operation, point in POINTS]
NO_XLA = {"euclidean_norm", "expint", "spence"}  # XLA on a CPU cannot compile them
OWN_ROWS = {key for key, _ in POINTS if "." in key}  # public names that differ from their operation


def arguments(api: Api, at: str) -> dict[str, Any]:
    """The point as keyword arguments, the input of the slope first."""
    names = dict(api.parameters)
    pairs = [word.partition("=") for word in at.split()]
    return {names[name]: json.loads(number) for name, _, number in pairs}


def spellings(operation: str) -> Iterator[Api]:
    """The public names of an operation in TensorFlow and Keras 3; a name with rows of its own stands for itself."""
    if (own := lookup(operation)) is not None:
        yield own
    for framework in ("tensorflow", "keras"):
        for api in apis(framework).values():
            if api.operation.name == operation and not api.removed and "raw_ops" not in api.name and not (
                    api.name in OWN_ROWS or api.name.endswith("()")):
                yield api


def main_spelling(operation: str) -> Api:
    return next(spellings(operation))


def function(api: Api) -> Callable[..., Any]:
    keras = pytest.importorskip("keras")
    tf = pytest.importorskip("tensorflow")
    root, *path = api.name.split(".")
    found = tf.keras if api.note == "tf.keras only" else {"tf": tf, "keras": keras}[root]
    for part in path:
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def measured(call: Callable[..., Any], given: dict[str, Any], upstream: float, mode: str) -> tuple[str, str]:
    """Value, and slope with respect to the first argument, as the table writes them."""
    tf = pytest.importorskip("tensorflow")
    tensors = {name: tf.constant(value, tf.float32) for name, value in given.items()}
    first = next(iter(tensors))

    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = call(**{**tensors, first: x})
            value = value[0] if isinstance(value, (tuple, list)) else value
        return value, tape.gradient(value, x, output_gradients=tf.zeros_like(value) + upstream)

    compiled = {"eager": step, "graph": tf.function(step, autograph=False),
                "xla": tf.function(step, autograph=False, jit_compile=True)}
    value, slope = compiled[mode](tensors[first])
    return cell(value), cell(slope)


def cell(tensor: Any) -> str:
    """Of several numbers the one that matters most; ``-`` for none."""
    numbers = [float(number) + 0.0 for number in tensor.numpy().ravel()]
    return f"{max(numbers, key=lambda x: (x != x, abs(x))):.4g}" if numbers else "-"


def expected(point: Point, mode: str) -> tuple[str, str, str]:
    part = 2 if mode == "xla" else 0
    usual, slope, behind = (text.partition("/") for text in (point.value, point.slope, point.behind_mask))
    return (usual[part] or usual[0], slope[part] or slope[0], behind[part] or behind[0])


def at(api: Api, point: Point, mode: str) -> tuple[str, str, str]:
    call, given = function(api), arguments(api, point.at)
    value, slope = measured(call, given, 1.0, mode)
    return value, slope, measured(call, given, 0.0, mode)[1]


@pytest.mark.parametrize(("operation", "point"), POINTS, ids=IDS)
def test_in_eager_code(operation: str, point: Point) -> None:
    for api in spellings(operation):
        assert at(api, point, "eager") == expected(point, "eager"), api.name


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["graph", "xla"])
@pytest.mark.parametrize(("operation", "point"), POINTS, ids=IDS)
def test_in_a_graph_and_under_xla(operation: str, point: Point, mode: str) -> None:
    if mode == "xla" and operation in NO_XLA:
        pytest.skip("XLA cannot compile it")
    assert at(main_spelling(operation), point, mode) == expected(point, mode)


SIMULATED = [(o, p) for o, p in POINTS if o in PRIMITIVES and "[" not in p.at]


@pytest.mark.parametrize(("operation", "point"), SIMULATED)
def test_the_analysis_knows_the_same_points(operation: str, point: Point) -> None:
    given = dict(word.split("=") for word in point.at.split())
    first, *_ = given
    primitive, inputs = PRIMITIVES[operation], [float(given[name]) for name in sorted(given)]
    value = f32(primitive.value(*inputs)) + 0.0

    def slope(upstream: float) -> str:
        number = f32(primitive.backward(inputs, value, upstream)[sorted(given).index(first)])
        return f"{number + 0.0:.4g}"

    behind = expected(point, "eager")[2]
    assert (f"{value:.4g}", slope(1.0), slope(0.0)) == (point.value, point.slope, behind)


FORMULAS = [(point, formula) for _, point in POINTS for formula in re.findall(r"`(tf[^`]*\(.*?\)|x \+.*?)`", point.instead)]


@pytest.mark.parametrize(("point", "formula"), FORMULAS, ids=[formula for _, formula in FORMULAS])
def test_what_to_write_instead_is_finite_there(point: Point, formula: str) -> None:
    tf = pytest.importorskip("tensorflow")
    names = {name: tf.constant(json.loads(number), tf.float32) for name, _, number in
             (word.partition("=") for word in point.at.split())}
    extra = {"n": 2, "mask": tf.zeros_like(names["x"])}
    with tf.GradientTape() as tape:
        tape.watch(list(names.values()))
        value = eval(formula, {"tf": tf, **extra, **names})
    slopes = [slope for slope in tape.gradient(value, list(names.values())) if slope is not None]
    assert all(math.isfinite(number) for tensor in (value, *slopes) for number in tensor.numpy().ravel())


def test_every_point_is_printed_for_its_operation() -> None:
    for operation, point in POINTS:
        known = explain(main_spelling(operation).name)
        assert known is not None
        assert point.at in [p.at for p in known.points], operation


GRID = (-200.0, -100.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 100.0, 200.0)
SEVERAL = {"bessel", "custom"}  # of several functions each


def breaks_at(call: Callable[..., Any], x: float) -> bool:
    """Whether a function of one number has a value or slope there that is not finite."""
    tf = pytest.importorskip("tensorflow")
    given = tf.constant(x)
    try:
        with tf.GradientTape() as tape:
            tape.watch(given)
            value = call(given)
        slope = tape.gradient(value, given)
        return not all(math.isfinite(float(number)) for number in (value, slope))
    except Exception:  # it takes something else than one number
        return False


def test_every_range_of_bad_points_is_listed() -> None:
    """Over a grid of numbers, no stretch of points where value or slope is not finite is left out."""
    found: dict[str, list[list[float]]] = {}
    for operation in set(operations()) - SEVERAL:
        name = preferred("tensorflow", operation)
        known = explain(name) if name else None
        if known is None or known.verdict != YES:
            continue
        bad = [breaks_at(function(known.api), x) for x in GRID]
        found.setdefault(operation, []).extend(
            [x for _, x in run] for is_bad, run in groupby(zip(bad, GRID, strict=True), key=lambda pair: pair[0]) if is_bad)
    missing = {operation: run for operation, runs in found.items() for run in runs
               if not any(before(run[0]) < number < after(run[-1]) for number in listed(operation))}
    assert sum(map(bool, found.values())) > 20
    assert missing == {}


def before(x: float) -> float:
    return max((number for number in GRID if number < x), default=-math.inf)


def after(x: float) -> float:
    return min((number for number in GRID if number > x), default=math.inf)


def listed(operation: str) -> list[float]:
    """The numbers of the first input at the points of an operation, of a vector each."""
    words = [point.at.split()[0].partition("=")[2] for key, point in POINTS if key == operation]
    return [number for word in words for number in (json.loads(word) if word.startswith("[") else [float(word)])]


NOT_COMPILED = [operation for operation, remark in rows("remarks.tsv") if "cannot compile it" in remark]


@pytest.mark.slow
@pytest.mark.parametrize("operation", NOT_COMPILED)
def test_xla_cannot_compile_it(operation: str) -> None:
    tf = pytest.importorskip("tensorflow")
    calls = {"py_function": lambda x: tf.py_function(tf.square, [x], tf.float32)}
    call = calls.get(operation) or function(main_spelling(operation))
    compiled = tf.function(call, autograph=False, jit_compile=True)
    x = tf.Variable([[2.0, 1.0], [1.0, 3.0]])

    def gradient() -> Any:
        with tf.GradientTape() as tape:
            value = compiled(x + 0.0)
        return tape.gradient(value, x)

    with pytest.raises(tf.errors.InvalidArgumentError):
        gradient()
