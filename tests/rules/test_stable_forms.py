"""The code that help texts give is the user's own, in the names of the framework, whatever stands between its parts."""

from __future__ import annotations

import textwrap

import pytest

from losslint.findings import Severity
from tests.expectations import check

TENSORFLOW, KERAS = "import tensorflow as tf\n", "from keras import ops\n"
TORCH = "import torch\nimport torch.nn.functional as F\n"
JAX = "import jax\nimport jax.numpy as jnp\n"


@pytest.mark.parametrize(("code", "advice", "header", "text"), [
    ("LL301", "write tf.nn.log_softmax(z / t)", TENSORFLOW, """
        def probabilities(z, t):
            return tf.nn.softmax(z / t, axis=-1)

        def some_loss(labels, logits):
            logs = tf.math.log(probabilities(logits, 0.5))
            return -tf.reduce_mean(labels * logs)
    """),
    ("LL301", "write tf.math.log_sigmoid(logits)", TENSORFLOW, """
        def log_of(p):
            return tf.math.log(p)

        def some_loss(labels, logits):
            return -tf.reduce_mean(labels * log_of(tf.cast(tf.sigmoid(logits), tf.float32)))
    """),
    ("LL301", "write -tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=scores)", TENSORFLOW, """
        class Loss(tf.keras.losses.Loss):
            def call(self, labels, scores):
                p = tf.sigmoid(scores)
                off = (1.0 - labels) * tf.math.log(1.0 - p)
                return -tf.reduce_mean(labels * tf.math.log(p) + off, axis=-1)
    """),
    ("LL301", "write -tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)", TENSORFLOW, """
        def some_loss(labels, logits):
            p = tf.nn.softmax(logits)
            return tf.reduce_mean(-tf.reduce_sum(labels * tf.math.log(p), axis=-1))
    """),
    ("LL301", "for one-hot labels", TENSORFLOW, """
        def some_loss(labels, logits):
            chosen = tf.reduce_sum(labels * tf.nn.softmax(logits), axis=-1)
            return -tf.reduce_mean(tf.math.log(chosen))
    """),
    ("LL303", "keep the base away from 0: tf.maximum(1.0 - y_pred, 1e-7) ** gamma", TENSORFLOW, """
        def some_loss(y_true, y_pred, gamma=0.5):
            return tf.reduce_mean(y_true * tf.pow(1.0 - y_pred, gamma) * tf.math.log(y_pred + 1e-7))
    """),
    ("LL302", "write tf.nn.softmax(y_pred) for e / tf.reduce_sum(e, -1)[:, None]: the same", TENSORFLOW, """
        def some_loss(y_true, y_pred):
            e = tf.exp(y_pred)
            return tf.reduce_mean(tf.square(y_true - e / tf.reduce_sum(e, -1)[:, None]))
    """),
    ("LL301", "write ops.log_softmax(logits)", KERAS, """
        def some_loss(labels, logits):
            return -ops.mean(labels * ops.log(ops.softmax(logits)))
    """),
    ("LL301", "write -ops.binary_crossentropy(labels, logits, from_logits=True)", KERAS, """
        def some_loss(labels, logits):
            p = ops.sigmoid(logits)
            return -ops.mean(labels * ops.log(p) + (1 - labels) * ops.log(1 - p))
    """),
    ("LL301", "write torch.log_softmax(logits, dim=1)", TORCH, """
        def some_loss(logits, labels):
            return -(labels * F.softmax(logits, dim=1).log()).mean()
    """),
    ("LL302", "write torch.logsumexp(logits - labels, dim=-1)", TORCH, """
        def some_loss(logits, labels):
            return torch.log(torch.exp(logits - labels).sum(dim=-1)).mean()
    """),
    ("LL301", "write jax.nn.log_sigmoid(-logits)", JAX, """
        def some_loss(logits, labels):
            return -jnp.mean(labels * jnp.log(1.0 - jax.nn.sigmoid(logits)))
    """),
    ("LL302", "write tf.nn.softplus(-labels * logits)", TENSORFLOW, """
        def some_loss(labels, logits):
            return tf.reduce_mean(tf.math.log(1.0 + tf.exp(-labels * logits)))
    """),
    ("LL303", "write tf.abs(y_true - y_pred)", TENSORFLOW, """
        def some_loss(y_true, y_pred):
            error = y_true - y_pred
            return tf.reduce_mean(tf.sqrt(tf.square(y_true - y_pred)))
    """),
    ("LL303", "write tf.sqrt(tf.reduce_sum(tf.square(y_true - y_pred), axis=1) + 1e-12)", TENSORFLOW, """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(tf.norm(y_true - y_pred, axis=1))
    """),
    ("LL304", "write tf.nn.l2_normalize(y_pred, axis=1, epsilon=1e-6)", TENSORFLOW, """
        def some_loss(y_true, y_pred):
            length = tf.norm(y_pred, axis=1, keepdims=True)
            return -tf.reduce_mean(y_true * (y_pred / length))
    """),
    ("LL309", "guard the operand: tf.maximum(squares, 1e-12)", TENSORFLOW, """
        def some_loss(y_true, y_pred):
            squares = y_true - y_pred
            distance = tf.maximum(tf.pow(squares, 0.3), 1e-7)
            return tf.reduce_mean(distance)
    """),
    ("LL309", "tf.math.xlogy", TENSORFLOW, """
        def some_loss(y_true, y_pred):
            return -tf.reduce_mean(tf.math.multiply_no_nan(tf.math.log(y_pred), y_true))
    """),
])  # fmt: skip
def test_help(code: str, advice: str, header: str, text: str) -> None:
    helps = {finding.code: finding.help for finding in check(header + textwrap.dedent(text))}
    assert advice in helps.get(code, ""), helps


@pytest.mark.parametrize("text", [
    "tf.math.log1p(tf.exp(-tf.abs(logits)))",
    "tf.math.log(1.0 + tf.exp(-tf.abs(logits)))",
    "tf.math.log(tf.reduce_sum(tf.exp(logits - tf.reduce_max(logits, axis=-1, keepdims=True)), axis=-1))",
    "tf.math.log(tf.nn.softmax(tf.clip_by_value(logits, -5.0, 5.0)))",
    "tf.math.log(1.0 + tf.exp(5.0 * tf.tanh(logits)))",
])  # fmt: skip
def test_stable_forms_and_bounded_operands_are_silent(text: str) -> None:
    found = check(f"{TENSORFLOW}\ndef some_loss(labels, logits):\n    return tf.reduce_mean({text} * labels)\n")
    assert not [f for f in found if f.code.startswith("LL3") and f.severity >= Severity.WARNING]


def test_one_finding_a_cause() -> None:
    text = """
        def some_loss(labels, logits):
            total = tf.reduce_sum(tf.exp(logits), axis=-1)
            return tf.reduce_mean(tf.math.log(total) - tf.reduce_sum(labels * logits, axis=-1))
    """
    found = [f.code for f in check(TENSORFLOW + textwrap.dedent(text)) if f.code.startswith("LL3")]
    assert found == ["LL302"]


def test_a_guard_that_starves_is_an_info() -> None:
    text = "\ndef some_loss(labels, logits):\n    return -tf.reduce_mean(labels * tf.math.log(tf.sigmoid(logits) + 1e-7))\n"
    (finding,) = (f for f in check(TENSORFLOW + text) if f.code == "LL308")
    assert finding.severity is Severity.INFO
    assert "tf.math.log_sigmoid(logits)" in finding.help


@pytest.mark.parametrize(("operand", "told"), [
    ("y_pred", True),
    ("tf.clip_by_value(y_pred, 1e-7, 1.0 - 1e-7)", False),  # 1e-9 is not reached
    ("tf.cast(y_pred, tf.float64)", False),
])  # fmt: skip
def test_digits_are_lost_where_there_are_such_numbers(operand: str, told: bool) -> None:
    body = f"p = {operand}\n    return -tf.reduce_mean(tf.cast(tf.math.log(1 + p), tf.float32) * y_true)"
    found = check(f"{TENSORFLOW}\ndef some_loss(y_true, y_pred):\n    {body}\n")
    assert ("LL308" in {f.code for f in found}) is told


def test_what_is_0_itself_is_not_told_to_be_0_for_0() -> None:
    (finding,) = (f for f in check("""import tensorflow.compat.v1 as tf

x = tf.placeholder(tf.float32, [None, 100])
loss = -tf.reduce_mean(tf.log(tf.layers.dense(x, 1, activation=tf.nn.sigmoid)))
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
""") if f.code == "LL301")
    assert finding.message.startswith("tf.layers.dense(x, 1, activation=tf.nn.sigmoid) can be exactly 0: its log")
