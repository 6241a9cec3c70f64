"""Roots of a gradient that is taken inside of the loss: 0 where the model is flat. A penalty is told so as an info, and as a
warning where the file builds layers that may be off for a whole sample."""

from __future__ import annotations

import pytest

from losslint.findings import Severity
from tests.expectations import check

STEP = """
import tensorflow as tf

def critic_step(critic, real, fake):
    with tf.GradientTape() as outer:
        mixed = 0.5 * real + 0.5 * fake
        with tf.GradientTape() as inner:
            inner.watch(mixed)
            score = critic(mixed)
        slope = inner.gradient(score, mixed)
        loss = tf.reduce_mean(critic(fake) - critic(real)) + {penalty}
    return loss, outer.gradient(loss, critic.trainable_variables)
"""
SUM = "tf.reduce_sum(tf.square(slope), axis=-1)"
PENALTIES = {
    f"tf.reduce_mean(tf.square(tf.sqrt({SUM}) - 1.0))": True,
    "tf.reduce_mean(tf.norm(slope, axis=-1))": True,
    f"tf.reduce_mean(tf.square(tf.sqrt({SUM} + 1e-12) - 1.0))": False,
    f"tf.reduce_mean({SUM})": False,
    "tf.reduce_mean(tf.nn.l2_normalize(slope, axis=-1) * mixed)": False,
    "tf.reduce_mean(tf.math.log(1.0 + tf.abs(slope)))": False,
}


@pytest.mark.parametrize("penalty", PENALTIES)
def test_an_info_says_so(penalty: str) -> None:
    found = [finding for finding in check(STEP.format(penalty=penalty)) if finding.code == "LL303"]
    assert [finding.severity for finding in found] == [Severity.INFO] * PENALTIES[penalty]


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_layers_that_may_be_off_make_it_a_warning(activation: str) -> None:
    model = f'critic = tf.keras.Sequential([tf.keras.layers.Dense(4, activation="{activation}"), tf.keras.layers.Dense(1)])'
    code = STEP.format(penalty=f"tf.reduce_mean(tf.square(tf.sqrt({SUM}) - 1.0))") + model
    [found] = [finding for finding in check(code) if finding.code == "LL303"]
    assert found.severity is (Severity.WARNING if activation == "relu" else Severity.INFO)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_tensorflow_bears_it_out(penalty: str) -> None:
    """A critic whose hidden units are all off, as a batch far from their data leaves them."""
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    off = tf.keras.initializers.Constant(-100.0)
    hidden = tf.keras.layers.Dense(4, activation="relu", bias_initializer=off)
    critic = tf.keras.Sequential([tf.keras.Input((3,)), hidden, tf.keras.layers.Dense(1)])
    names: dict[str, object] = {}
    exec(STEP.format(penalty=penalty), names)
    loss, gradients = names["critic_step"](critic, tf.ones([2, 3]), tf.zeros([2, 3]))  # type: ignore[operator]
    assert np.isfinite(loss.numpy())
    known = [gradient.numpy() for gradient in gradients if gradient is not None]
    assert all(np.isfinite(gradient).all() for gradient in known) is not PENALTIES[penalty]
