"""LL404 and LL409 say that a loss raises or is averaged without a word: Keras is asked whether it is so."""

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

def old_keyword(y_true, y_pred):
    centre = tf.reduce_mean(y_pred, axis=-1, keep_dims=True)  # expect: LL409
    return tf.reduce_mean(tf.abs(y_true - centre), axis=-1)

def older_keyword(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred), reduction_indices=-1)  # expect: LL409

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
NAMES = ("mean_of_nothing", "nothing", "parts", "long_name", "short_name", "old_keyword", "older_keyword",
         "fine_names", "fine_keywords", "fine_parts")
COMPILED = LOSSES + "".join(
    f"\nmodel_{name} = keras.Sequential([keras.layers.Dense(2)])\nmodel_{name}.compile('sgd', loss={name})"
    for name in NAMES)


def test_what_is_said() -> None:
    said = {(f.start.row, f.code) for f in check(COMPILED) if f.code in ("LL404", "LL409")}
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
