"""Where each element of a row meets each other one: what cancels for one element does not for two."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from tests.expectations import check

PAIRS = "d = tf.reduce_sum(tf.square(y_pred[:, None, :] - y_pred[None, :, :]), -1)\n"
MATRIX = ("m = tf.matmul(y_pred, y_pred, transpose_b=True)\nq = tf.linalg.diag_part(m)\n"
          "d = tf.maximum(q[:, None] - 2.0 * m + q[None, :], 0.0)\n")
HINGE = "return tf.reduce_mean(tf.nn.relu(r[:, :, None] - r[:, None, :] + 0.5)) + 0.0 * tf.reduce_mean(y_true)"
MASKED = ("off = 1.0 - tf.eye(tf.shape(y_pred)[0])\nmask = off[:, :, None] * off[:, None, :]\n"
          "return tf.reduce_mean(y_true) + tf.reduce_mean(mask * tf.nn.relu(r[:, :, None] - r[:, None, :] + 0.5))")
GAP = "s = 100.0 * (y_pred[:, :, None] - y_pred[:, None, :])\n"
LOSSES = {  # the rule that speaks of it, if any
    "distances": ("LL303", f"{PAIRS}r = tf.sqrt(d)\n{HINGE}"),
    "distances by products": ("LL303", f"{MATRIX}r = tf.sqrt(d)\n{HINGE}"),
    "axes put in by a function": ("LL303", f"{MATRIX}r = tf.sqrt(d)\n" + HINGE.replace(
        "r[:, :, None] - r[:, None, :]", "tf.expand_dims(r, 2) - tf.expand_dims(r, 1)")),
    "scores": ("LL301", f"{GAP}return -tf.reduce_mean(y_true[:, :, None] * tf.math.log(tf.sigmoid(s)))"),
    "distances with an epsilon": ("", f"{PAIRS}r = tf.sqrt(d + 1e-12)\n{HINGE}"),
    "squares of distances": ("", f"{PAIRS}r = d\n{HINGE}"),
    "the diagonal masked": ("", f"{MATRIX}r = tf.sqrt(d)\n{MASKED}"),
    "scores by a stable form": ("", f"{GAP}return -tf.reduce_mean(y_true[:, :, None] * tf.math.log_sigmoid(s))"),
    "gaps": ("", f"{GAP}return tf.reduce_mean(y_true[:, :, None] * tf.nn.relu(1.0 - s))"),
}
CASES = [pytest.param(*case, id=name) for name, case in LOSSES.items()]


def text(body: str) -> str:
    return f"import tensorflow as tf\n\ndef some_loss(y_true, y_pred):\n{textwrap.indent(body, '    ')}\n"


@pytest.mark.parametrize(("code", "body"), CASES)
def test_found(code: str, body: str) -> None:
    assert {finding.code for finding in check(text(body)) if finding.code.startswith("LL30")} == ({code} if code else set())


@pytest.mark.parametrize(("code", "body"), CASES)
def test_tensorflow_bears_it_out(code: str, body: str) -> None:
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    names: dict[str, Any] = {}
    exec(text(body), names)
    y_pred = tf.constant([[-0.9, 0.7, 0.1], [0.3, -0.4, 1.2], [1.5, 0.2, -0.6]])
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        loss = names["some_loss"](tf.ones([3, 3]), y_pred)
    gradient = tape.gradient(loss, y_pred)
    assert bool(np.isfinite(loss) and np.isfinite(gradient).all()) is (code == "")
