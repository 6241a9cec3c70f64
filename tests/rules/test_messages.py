"""What a finding says is true of the code it stands beside."""

from __future__ import annotations

import textwrap

import pytest

from losslint.findings import Finding
from tests.expectations import check

HEADER = "import numpy as np\nimport tensorflow as tf\nfrom keras import backend as K\n"


def finding(text: str, code: str) -> Finding:
    return next(f for f in check(HEADER + textwrap.dedent(text)) if f.code == code)


@pytest.mark.parametrize(("code", "said", "text"), [
    ("LL203", "tensor y_pred:", """
        def a_loss(y_true, y_pred):
            y_pred[0] = 3.0
            for row in y_pred:
                print(row)
            return tf.reduce_mean(tf.square(y_true - y_pred))
    """),
    ("LL201", "the tensor tf.reduce_all(y_pred > 0):", """
        def a_loss(y_true, y_pred):
            flag = bool(tf.reduce_all(y_pred > 0))
            return tf.reduce_mean(tf.square(y_true - y_pred)) * flag
    """),
    ("LL112", "the term error.numpy() has no gradient: it adds", """
        def step(model, x, y):
            with tf.GradientTape() as tape:
                error = tf.reduce_mean(tf.abs(y - model(x)))
                loss = tf.reduce_mean(tf.square(y - model(x))) + error.numpy()
            return tape.gradient(loss, model.trainable_variables)
    """),
    ("LL102", "no gradient reaches maker", """
        maker, critic = tf.keras.Sequential([tf.keras.layers.Dense(1)]), tf.keras.Sequential([tf.keras.layers.Dense(1)])
        def step(noise):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(critic(maker(noise).numpy()))
            return tape.gradient(loss, maker.trainable_variables)
    """),
    ("LL301", "p[:, 0] is exactly 0 for y_pred[0] = 0", """
        def pair(y_true, y_pred):
            return (y_true, y_pred)
        def a_loss(y_true, y_pred):
            labels, p = pair(y_true, y_pred)
            return -tf.reduce_mean(labels * tf.math.log(p[:, 0]))
    """),
    ("LL301", "scores = -100: its log is -inf", """
        x = tf.compat.v1.placeholder(tf.float32, [None, 4])
        scores = tf.matmul(x, tf.Variable(tf.zeros([4, 1])))
        cost = -tf.reduce_mean(tf.math.log(tf.sigmoid(scores)))
        tf.compat.v1.train.AdamOptimizer().minimize(cost)
    """),
    ("LL304", "reduce_std(y_pred, 0) is exactly 0 for y_pred = 0.25 everywhere", """
        def a_loss(y_true, y_pred):
            z = (y_pred - tf.reduce_mean(y_pred, 0)) / tf.math.reduce_std(y_pred, 0)
            return tf.reduce_mean(tf.square(z - y_true))
    """),
    ("LL304", "cnt[:, None] is exactly 0 for a class that m has no sample of", """
        def a_loss(y_true, y_pred):
            m = tf.one_hot(tf.cast(y_true[:, 0], tf.int32), 5)
            cnt = tf.reduce_sum(m, axis=0)
            centres = tf.matmul(m, y_pred, transpose_a=True) / cnt[:, None]
            return tf.reduce_mean(tf.square(y_pred - tf.matmul(m, centres)))
    """),
    ("LL303", "rsqrt is infinite at 0, and tf.nn.relu(y_pred) is exactly 0 for y_pred = -0.9: the loss is not finite", """
        def a_loss(y_true, y_pred):
            return tf.reduce_mean(tf.math.rsqrt(tf.nn.relu(y_pred)) * y_true)
    """),
    ("LL105", "tf.round(y_pred) has no gradient", """
        def a_loss(y_true, y_pred):
            return tf.reduce_mean(y_true - tf.round(
                y_pred,
            ))
    """),
])  # fmt: skip
def test_message(code: str, said: str, text: str) -> None:
    assert said in finding(text, code).message


@pytest.mark.parametrize(("code", "advice", "text"), [
    ("LL202", "tf.where or tf.cond", """
        def a_loss(y_true, y_pred):
            if tf.reduce_sum(y_pred) > 0 and tf.reduce_sum(y_true) > 2:
                return tf.reduce_mean(y_true - y_pred)
            return tf.reduce_mean(tf.square(y_true - y_pred))
    """),
    ("LL409", "use keras.random.normal", """
        def a_loss(y_true, y_pred):
            return tf.reduce_mean(tf.square(y_true - y_pred - K.random_normal((2, 1))))
    """),
    ("LL409", "use keras.ops.square", """
        def a_loss(y_true, y_pred):
            return tf.reduce_mean(K.square(y_true - y_pred))
    """),
    ("LL112", "keep the tensor", """
        def step(model, x, y):
            with tf.GradientTape() as tape:
                error = tf.reduce_mean(tf.abs(y - model(x)))
                loss = tf.reduce_mean(tf.square(y - model(x))) + error.numpy()
            return tape.gradient(loss, model.trainable_variables)
    """),
])  # fmt: skip
def test_help(code: str, advice: str, text: str) -> None:
    assert advice in finding(text, code).help
