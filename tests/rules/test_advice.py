"""What a help text says to write is put in place of what it is to replace, and gives the same value and gradient."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import pytest

from tests.expectations import check

LOSS = "def some_loss(y_true, y_pred):\n"


def helps(body: str, header: str = "import tensorflow as tf\n") -> str:
    found = check(f"{header}\n{LOSS}{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n")
    return next(finding.help for finding in found if finding.code in ("LL301", "LL302", "LL304"))


def measured(tf: Any, lines: str, value: str) -> list[Any]:
    """An expression after some lines, and its gradient, at an input where nothing fails."""
    y_pred = tf.constant([[2.0, -1.0, 0.5], [0.1, 0.7, -0.4]])
    names = {"tf": tf, "y_true": tf.constant([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), "y_pred": y_pred}
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        exec(lines, names)
        result = eval(value, names)
    return [result.numpy(), tf.convert_to_tensor(tape.gradient(result, y_pred)).numpy()]


@pytest.mark.parametrize(("lines", "value"), [
    ("p = tf.nn.softmax(y_pred)", "tf.math.log(tf.gather(p, tf.argmax(y_true, -1), batch_dims=1))"),
    ("p = tf.nn.softmax(y_pred)", "tf.math.log(p[:, 1])"),
    ("p = tf.sigmoid(y_pred)", "tf.math.log(p[..., 0])"),
    ("p = tf.sigmoid(y_pred)", "tf.math.log(1.0 - p[..., 0])"),
    ("p = tf.nn.softmax(y_pred)", "tf.math.log(tf.transpose(p))"),
    ("p = tf.nn.softmax(y_pred)", "tf.math.log(tf.boolean_mask(p, y_true > 0.5))"),
    ("p = tf.nn.softmax(y_pred)\nq = tf.transpose(p)", "tf.math.log(q[1:])"),
    ("e = tf.exp(y_pred)\nn = tf.reduce_sum(e, axis=-1)", "e / tf.expand_dims(n, axis=-1)"),
])  # fmt: skip
def test_the_values_stay_where_they_are(lines: str, value: str) -> None:
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    advice = re.match(r"write (.*?) for ", helps(f"{lines}\nreturn -tf.reduce_sum({value})"))
    assert advice is not None
    for first, second in zip(measured(tf, lines, value), measured(tf, "", advice[1]), strict=True):
        assert np.allclose(first, second, atol=1e-5)


@pytest.mark.parametrize("body", [
    """
        p = tf.nn.softmax(y_pred)
        p = tf.transpose(p)
        return -tf.reduce_mean(tf.math.log(p))
    """,
    """
        p = tf.sigmoid(y_pred)[:, 0]
        t = y_true[:, 0]
        return -tf.reduce_mean(tf.math.log(tf.reduce_max(p)))
    """,
])  # fmt: skip
def test_where_the_moves_cannot_be_written_only_the_guard_is(body: str) -> None:
    assert "tf.maximum(" in helps(body)


@pytest.mark.parametrize(("body", "told"), [
    ("y_pred = tf.sigmoid(y_pred)\nreturn -tf.reduce_mean(tf.math.log(y_pred))", "(with y_pred as it enters line 4)"),
    ("z = y_pred\np = tf.nn.softmax(z)\nz = p\nreturn -tf.reduce_mean(tf.math.log(p))", "(with z as it enters line 5)"),
    ("p = tf.sigmoid(y_pred)\nreturn -tf.reduce_mean(y_true * tf.math.log(p))", "finite there"),
    ("y_pred = 2.0 * y_pred\np = tf.sigmoid(y_pred)\nreturn -tf.reduce_mean(y_true * tf.math.log(p))", "finite there"),
])  # fmt: skip
def test_a_name_that_holds_something_else_is_told_its_line(body: str, told: str) -> None:
    assert helps(body).endswith(told)


def test_a_name_of_the_caller_is_told_its_line() -> None:
    header = "import tensorflow as tf\n\ndef log_of(x):\n    return tf.math.log(x)\n"
    text = helps("return -tf.reduce_mean(log_of(tf.nn.softmax(y_pred)))", header)
    assert text.endswith("(with y_pred as it enters line 7)")
