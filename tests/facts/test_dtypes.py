"""The dtypes that are said of tensors, and the operations that are said to raise, beside those of TensorFlow."""

from __future__ import annotations

from pathlib import Path

import pytest

from losslint.facts.dtypes import FLOAT, differ, dtypes
from losslint.graph.nodes import Node
from losslint.graph.trace import trace
from losslint.project.module import Module, Project
from losslint.project.sites import SiteOptions, find_sites
from losslint.rules.base import Loss
from losslint.rules.dtype_mismatch import BOTH, FLOATS, NUMBERS
from tests.expectations import check

tf = pytest.importorskip("tensorflow")

SOURCE = "import tensorflow as tf\n\ndef my_loss(y_true, y_pred):\n    return {}\n"
INPUTS = {"y_true": [[1.0, 2.0]], "y_pred": [[0.5, 0.25]]}
EXPRESSIONS = [
    "tf.cast(y_true, tf.int32)", "tf.cast(y_true, 'float64') * 2", "tf.shape(y_pred)[0]", "tf.shape(y_pred) / 2",
    "tf.shape(y_pred, out_type=tf.int64)", "tf.size(y_pred) // 2", "tf.math.count_nonzero(y_true)", "tf.argmax(y_pred, -1)",
    "tf.argmax(y_pred, -1, output_type=tf.int32)", "tf.one_hot(tf.argmax(y_pred, -1), 2)", "y_true > 0",
    "tf.cast(y_true > 0, y_pred.dtype)", "tf.constant([1, 2])", "tf.constant([1.0, 2])", "tf.constant(2) * 3",
    "tf.zeros((2,))", "tf.ones((2,), dtype=tf.int32)", "tf.ones_like(tf.argmax(y_pred, -1))", "tf.eye(2)",
    "tf.reduce_mean(tf.cast(y_true, tf.int32))", "tf.where(y_true > 0, y_pred, 0)", "tf.stack([y_true, y_pred])",
    "tf.reshape(tf.cast(y_true, tf.float16), [-1])[0]", "tf.cast(y_true, tf.int32) / tf.cast(y_pred, tf.int32)",
    "tf.rank(y_pred)", "tf.argsort(y_pred)", "tf.abs(-tf.cast(y_true, tf.int64))", "tf.logical_not(y_true > 0)",
]  # fmt: skip


def said(expression: str) -> str:
    """The dtype that is said of an expression of a loss that Keras 3 calls."""
    module = Module(Path("losses.py"), SOURCE.format(expression))
    project = Project()
    (site,) = find_sites(module, project, SiteOptions(loss_functions=("*",)))
    loss = Loss(site, trace(site, project), 3)
    value = loss.graph.targets[0].value
    assert isinstance(value, Node)
    return dtypes(loss.gradient, "float32").get(value.index, "")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_dtype_is_that_of_tensorflow(expression: str) -> None:
    names = {name: tf.constant(value) for name, value in INPUTS.items()}
    assert said(expression) == eval(expression, {"tf": tf, **names}).dtype.name


SIDES = {"float32": "y_pred", "int32": "tf.cast(y_true, tf.int32)", "bool": "(y_true > 0)",
         "float64": "tf.cast(y_true, tf.float64)"}  # fmt: skip
COMPILED = "\nmodel = tf.keras.Sequential([tf.keras.layers.Dense(2)])\nmodel.compile(loss=my_loss)\n"
CALLS = {
    "add": "{} + {}", "sub": "{} - {}", "div": "{} / {}", "pow": "{} ** {}", "mod": "{} % {}", "greater": "{} > {}",
    "equal": "{} == {}", "maximum": "tf.maximum({}, {})", "minimum": "tf.minimum({}, {})",
    "squared_difference": "tf.math.squared_difference({}, {})", "matmul": "tf.matmul({}, tf.transpose({}))",
    "divide_no_nan": "tf.math.divide_no_nan({}, {})", "xlogy": "tf.math.xlogy({}, {})", "atan2": "tf.math.atan2({}, {})",
    "where": "tf.where([[True, False]], {}, {})", "stack": "tf.stack([{}, {}])", "concat": "tf.concat([{}, {}], -1)",
    "mul": "tf.reduce_sum({} * {})",
}  # fmt: skip
PAIRS = [("float32", "int32"), ("int32", "float32"), ("float32", "bool"), ("float32", "float64")]
WITH_NUMBERS = ["{} + 0.5", "0.5 * {}", "{} / 2.0", "{} > 0.5", "tf.maximum({}, 0.5)"]
ALONE = {"log": "tf.math.log({})", "sigmoid": "tf.sigmoid({})", "exp": "tf.exp({})", "sqrt": "tf.sqrt({})"}


@pytest.mark.parametrize("expression", [
    *(call.format(SIDES[a], SIDES[b]) for call in CALLS.values() for a, b in PAIRS),
    *(call.format(SIDES["int32"]) for call in (*WITH_NUMBERS, *ALONE.values())),
    *(call.format(SIDES["bool"]) for call in ("tf.reduce_mean({})", "tf.reduce_sum({})", "tf.square({})", "tf.abs({})")),
])  # fmt: skip
def test_what_is_said_to_raise_raises(expression: str) -> None:
    names = {name: tf.constant(value) for name, value in INPUTS.items()}
    assert {(f.start.row, f.code) for f in check(SOURCE.format(expression) + COMPILED)} >= {(4, "LL407")}
    with pytest.raises((TypeError, tf.errors.InvalidArgumentError)):
        eval(expression, {"tf": tf, **names})


def test_each_operation_is_measured() -> None:
    assert set(CALLS) | {"greater_equal", "less", "less_equal", "not_equal", "multiply_no_nan"} == set(BOTH)
    assert set(ALONE) <= set(FLOATS)
    assert {"sum", "mean", "square", "abs"} <= set(NUMBERS)


def test_what_is_not_known_does_not_differ() -> None:
    assert not differ(FLOAT, "float16")
    assert differ(FLOAT, "int32")
    assert differ("float32", "float64")
