"""LL404, LL409, LL512 and LL514 say that a loss raises or is averaged without a word: Keras is asked whether it is so."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.expectations import check, expected

LOSSES = '''
import keras
import tensorflow as tf
from keras import ops
from tensorflow.keras import losses

def both(y_true, y_pred):
    error = y_true - y_pred
    parts = tf.square(error), tf.abs(error)

def mean_of_nothing(y_true, y_pred):
    return ops.mean(both(y_true, y_pred), axis=-1)  # expect: LL404

def made(scale):
    def error(y_true, y_pred):
        return scale * ops.mean(ops.abs(y_true - y_pred), axis=-1)

def order(values):
    positions = ops.argsort(values, axis=-1)

def unpacked(y_true, y_pred):
    squared, absolute = both(y_true, y_pred)  # expect: LL404
    return ops.mean(squared + absolute, axis=-1)

def called(y_true, y_pred):
    return made(2.0)(y_true, y_pred)  # expect: LL404

def indexed(y_true, y_pred):
    return ops.mean(both(y_true, y_pred)[0], axis=-1)  # expect: LL404

def looped(y_true, y_pred):
    return sum(ops.mean(part, axis=-1) for part in both(y_true, y_pred))  # expect: LL404

def gathered(y_true, y_pred):
    return ops.mean(tf.gather(y_true - y_pred, order(y_true), batch_dims=1), axis=-1)  # expect: LL404

def nothing(y_true, y_pred):  # expect: LL404
    loss = ops.mean(ops.abs(y_true - y_pred), axis=-1)
    return

def parts(y_true, y_pred):
    error = ops.mean(ops.abs(y_true - y_pred), axis=-1)
    return dict(loss=error)  # expect: LL404

def long_name(y_true, y_pred):
    return losses.mean_squared_error(y_true, y_pred)  # expect: LL409

def short_name(y_true, y_pred):
    return keras.losses.mse(y_true, y_pred)  # expect: LL409

def gone_module(y_true, y_pred):
    return keras.objectives.mean_squared_error(y_true, y_pred)  # expect: LL409

def gone_function(y_true, y_pred):
    return tf.keras.backend.logsumexp(y_true - y_pred, axis=-1)  # expect: LL409

def old_keyword(y_true, y_pred):
    centre = tf.reduce_mean(y_pred, axis=-1, keep_dims=True)  # expect: LL409
    return tf.reduce_mean(tf.abs(y_true - centre), axis=-1)

def older_keyword(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred), reduction_indices=-1)  # expect: LL409

gain = tf.Variable(2.0)

@tf.custom_gradient
def amplified(x):
    def grad(upstream):  # expect: LL512
        return upstream * gain
    return x * gain, grad

@tf.custom_gradient
def slowed(x, factor=1.0):
    def grad(upstream):
        return upstream * factor
    return tf.identity(x), grad

@tf.custom_gradient
def slowed_by(x, factor):
    def grad(upstream):
        return upstream * factor, None
    return tf.identity(x), grad

def forgotten_variable(y_true, y_pred):
    return ops.mean(ops.abs(y_true - amplified(y_pred)), axis=-1)

def setting_by_name(y_true, y_pred):
    return ops.mean(ops.abs(y_true - slowed(y_pred, factor=0.1)), axis=-1)  # expect: LL514

def tensor_by_name(y_true, y_pred):
    return ops.mean(ops.abs(y_true - slowed(x=y_pred)), axis=-1)  # expect: LL514

def fine_custom(y_true, y_pred):
    return ops.mean(ops.abs(y_true - slowed_by(slowed(y_pred), 0.1)), axis=-1)

def fine_names(y_true, y_pred):
    return losses.mse(y_true, y_pred) + keras.losses.mean_absolute_error(y_true, y_pred)

def fine_keywords(y_true, y_pred):
    centre = tf.reduce_mean(y_pred, axis=-1, keepdims=True)
    return tf.reduce_mean(tf.abs(y_true - tf.nn.l2_normalize(centre, dim=-1)), axis=-1)

def fine_parts(y_true, y_pred):
    error = y_true - y_pred
    squared, absolute = (lambda e: (tf.square(e), tf.abs(e)))(error)
    return (tf.reduce_mean(squared + absolute, axis=-1),)
'''
NAMES = ("mean_of_nothing", "nothing", "parts", "unpacked", "called", "indexed", "looped", "gathered", "long_name",
         "short_name", "gone_module", "gone_function", "old_keyword", "older_keyword", "forgotten_variable",
         "setting_by_name", "tensor_by_name", "fine_custom", "fine_names", "fine_keywords", "fine_parts")
CODES = ("LL404", "LL409", "LL512", "LL514")
COMPILED = LOSSES + "".join(
    f"\nmodel_{name} = keras.Sequential([keras.layers.Dense(2)])\nmodel_{name}.compile('sgd', loss={name})"
    for name in NAMES)


def test_what_is_said() -> None:
    said = {(f.start.row, f.code) for f in check(COMPILED) if f.code in CODES}
    assert said == expected(COMPILED)


@pytest.mark.parametrize("name", NAMES)
def test_what_keras_does(name: str) -> None:
    scope: dict[str, object] = {}
    exec(LOSSES, scope)
    model = keras.Sequential([keras.layers.Dense(2)])
    model.compile("sgd", loss=scope[name])
    if name.startswith("fine"):
        assert np.isfinite(model.train_on_batch(np.ones((3, 2)), np.ones((3, 2))))
    else:
        with pytest.raises((AttributeError, TypeError, ValueError)):
            model.train_on_batch(np.ones((3, 2)), np.ones((3, 2)))


@pytest.mark.parametrize("mean", ["tf.reduce_mean", "keras.ops.mean"])
def test_what_add_loss_raises(mean: str) -> None:
    text = f"""
import keras
import tensorflow as tf

inputs = keras.Input((3,))
outputs = keras.layers.Dense(1)(inputs)
model = keras.Model(inputs, outputs)
model.add_loss({mean}(outputs ** 2))
"""
    (finding,) = check(text)
    with pytest.raises((ValueError, NotImplementedError)) as raised:
        exec(text, {})
    assert (finding.code, raised.typename in finding.message) == ("LL209", True)


def test_a_loss_that_is_called_without_anything_is_handed_over_itself() -> None:
    text = """
import keras

def masked_loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)

model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", loss=masked_loss())
"""
    (finding,) = check(text)
    assert (finding.code, finding.help) == ("LL405", "leave the call to Keras: loss=masked_loss")
    assert not check(text.replace("masked_loss())", "masked_loss)"))
