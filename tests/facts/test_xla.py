"""Roots of 0 that a loss does not use: TensorFlow's kernels give them no gradient, and XLA makes NaN of them."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from losslint.findings import Finding, Severity
from tests.expectations import check

SUM = "s = tf.reduce_sum(tf.square(y_pred - y_true), axis=-1)\n"
BODIES = {  # whether XLA alone makes NaN of it
    "a branch that is not taken": (True, f"{SUM}return tf.reduce_mean(tf.where(s > 0.0, tf.sqrt(s), 0.0))"),
    "a factor of 0": (True, f"{SUM}return tf.reduce_mean(tf.cast(s > 0.0, tf.float32) * tf.sqrt(s))"),
    "a hinge": (True, f"{SUM}return tf.reduce_mean(tf.nn.relu(tf.sqrt(s) - 0.5))"),
    "a norm": (True, "n = tf.norm(y_true - y_pred, axis=-1)\nreturn tf.reduce_mean(tf.where(n > 0.0, n, 0.0))"),
    "a quotient":
        (True, "n = tf.norm(y_pred - y_true, axis=-1)\nreturn tf.reduce_mean(tf.math.divide_no_nan(y_true[:, 0], n))"),
    "both branches are safe":
        (False, f"{SUM}t = tf.where(s > 0.0, s, 1.0)\nreturn tf.reduce_mean(tf.where(s > 0.0, tf.sqrt(t), 0.0))"),
    "an epsilon": (False, f"{SUM}return tf.reduce_mean(tf.where(s > 0.0, tf.sqrt(s + 1e-12), 0.0))"),
    "a bound": (False, f"{SUM}return tf.reduce_mean(tf.nn.relu(tf.sqrt(tf.maximum(s, 1e-12)) - 0.5))"),
    "relu": (False, f"{SUM}return tf.reduce_mean(tf.sqrt(1e-6 + tf.nn.relu(s)))"),
    "no root": (False, f"{SUM}return tf.reduce_mean(tf.where(s > 0.0, s, 0.0))"),
}
CASES = [pytest.param(*case, id=name) for name, case in BODIES.items()]
COMPILED = {  # whether XLA may compile it
    "model.compile(loss=some_loss)": True,
    "model.compile(loss=some_loss, jit_compile=True)": True,
    "model.compile(loss=some_loss, jit_compile='auto')": True,
    "model.compile(loss=some_loss, jit_compile=False)": False,
    "model.compile(loss=some_loss, run_eagerly=True)": False,
    "some_loss = tf.function(some_loss)": False,
}


def text(body: str, compiled: str = "", decorator: str = "") -> str:
    model = "model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(3)])"
    function = f"def some_loss(y_true, y_pred):\n{textwrap.indent(body, '    ')}"
    return f"import tensorflow as tf\n\n{decorator}\n{function}\n\n{model}\n{compiled}\n"


def infos(code: str) -> list[Finding]:
    return [finding for finding in check(code) if finding.code in ("LL303", "LL305")]


@pytest.mark.parametrize(("wrong", "body"), CASES)
def test_an_info_says_so(wrong: bool, body: str) -> None:
    found = infos(text(body, decorator="@tf.function(jit_compile=True)"))
    assert [finding.severity for finding in found] == [Severity.INFO] * wrong
    assert all("under XLA" in finding.message for finding in found)


@pytest.mark.parametrize("compiled", COMPILED)
def test_where_xla_may_compile(compiled: str) -> None:
    assert bool(infos(text(BODIES["a hinge"][1], compiled))) is COMPILED[compiled]


@pytest.mark.parametrize(("wrong", "body"), CASES)
def test_tensorflow_bears_it_out(wrong: bool, body: str) -> None:
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    names: dict[str, Any] = {}
    exec(text(body), names)

    def gradient(y_pred: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            loss = names["some_loss"](tf.ones([2, 3]), y_pred)
        return tape.gradient(loss, y_pred)

    assert np.isfinite(gradient(tf.ones([2, 3])).numpy()).all()
    assert bool(np.isfinite(tf.function(gradient, jit_compile=True)(tf.ones([2, 3])).numpy()).all()) is not wrong
