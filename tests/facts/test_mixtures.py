"""A probability that a loss sees only as one of several things, where no model says what it ends in."""

from __future__ import annotations

import math
import textwrap

import pytest

from tests.expectations import check

FOCAL = """
pt_1 = tf.where(tf.equal(y_true, 1), y_pred, tf.ones_like(y_pred))
pt_0 = tf.where(tf.equal(y_true, 0), y_pred, tf.zeros_like(y_pred))
return -tf.reduce_mean((1.0 - pt_1) ** 2.0 * tf.math.log(pt_1)) - tf.reduce_mean(pt_0 ** 2.0 * tf.math.log(1.0 - pt_0))
"""
CHOSEN = "pt = tf.where(tf.equal(y_true, 1), y_pred, 1 - y_pred)\n"
MIXED = "pt = y_true * y_pred + (1 - y_true) * (1 - y_pred)\n"
JOINED = "p = tf.stack([1 - y_pred, y_pred], -1)\ny = tf.stack([1 - y_true, y_true], -1)\n"
HAZARDS = {
    "a choice": f"{CHOSEN}return -tf.reduce_mean(tf.math.log(pt))",
    "the focal loss of Keras": FOCAL,
    "a mixture": f"{MIXED}return -tf.reduce_mean((1 - pt) ** 2 * tf.math.log(pt))",
    "the other way round": "pt = (1 - y_pred) * (1 - y_true) + y_pred * y_true\nreturn -tf.reduce_mean(tf.math.log(pt))",
    "a mixture with 1": "return -tf.reduce_mean(tf.math.log(y_true * y_pred + (1 - y_true)))",
    "the distance to the label": "return -tf.reduce_mean(tf.math.log(1.0 - tf.abs(y_true - y_pred)))",
    "keras.ops": "pt = ops.where(y_true == 1, y_pred, 1.0 - y_pred)\nreturn -ops.mean(ops.log(pt))",
}
FINE = {
    "clipped before": f"y_pred = tf.clip_by_value(y_pred, 1e-7, 1 - 1e-7)\n{CHOSEN}return -tf.reduce_mean(tf.math.log(pt))",
    "clipped after": f"{CHOSEN}return -tf.reduce_mean(tf.math.log(tf.clip_by_value(pt, 1e-7, 1.0)))",
    "the focal loss, clipped": f"y_pred = tf.clip_by_value(y_pred, 1e-7, 1 - 1e-7)\n{FOCAL}",
    "a mixture with an epsilon": f"{MIXED}return -tf.reduce_mean(tf.math.log(pt + 1e-7))",
    "both classes with an epsilon": f"{JOINED}return -tf.reduce_mean(tf.reduce_sum(y * tf.math.log(p + 1e-7), -1))",
    "a distance that is kept": "return -tf.reduce_mean(tf.math.log(1.01 - tf.abs(y_true - y_pred)))",
    "a distance without a logarithm": "return tf.reduce_mean((1.0 - tf.abs(y_true - y_pred)) ** 2)",
    "what is positive": "return tf.reduce_mean(tf.math.log(tf.where(y_pred > 0.0, y_pred, 1.0)) * y_true)",
    "a mixture of squares": "return tf.reduce_mean(y_true * y_pred + (1 - y_true) * tf.nn.relu(1 - y_pred) ** 2)",
    "a choice of errors": "e = tf.abs(y_true - y_pred)\nreturn tf.reduce_mean(tf.where(e < 1.0, 0.5 * e ** 2, e - 0.5))",
}  # fmt: skip


def text(body: str) -> str:
    header = "import tensorflow as tf\nfrom keras import ops\n\ndef some_loss(y_true, y_pred):\n"
    return f"{header}{textwrap.indent(body, '    ')}\n"


@pytest.mark.parametrize("name", HAZARDS)
def test_is_seen(name: str) -> None:
    assert {finding.code for finding in check(text(HAZARDS[name])) if finding.code.startswith("LL3")} & {"LL301", "LL306"}


@pytest.mark.parametrize("name", FINE)
def test_is_fine(name: str) -> None:
    assert not {finding.code for finding in check(text(FINE[name]))} & {"LL301", "LL303", "LL304", "LL306", "LL307"}


@pytest.mark.parametrize("name", [*HAZARDS, *FINE])
def test_tensorflow_bears_it_out(name: str) -> None:
    tf = pytest.importorskip("tensorflow")
    bodies = HAZARDS | FINE
    names: dict[str, object] = {}
    exec(text(bodies[name]), names)
    finite = True
    for label in (0.0, 1.0):
        prediction = tf.constant([[1.0 - label, 0.5]])
        with tf.GradientTape() as tape:
            tape.watch(prediction)
            loss = names["some_loss"](tf.fill([1, 2], label), prediction)  # type: ignore[operator]
        slope = tape.gradient(loss, prediction)
        finite &= math.isfinite(float(loss)) and bool(tf.reduce_all(tf.math.is_finite(slope)))
    assert finite is (name in FINE)
