# mypy: ignore-errors
"""What functools.partial binds, and what the signature leaves to ``*args``, is what the loss is run with."""

from functools import partial

import tensorflow as tf


def guarded_entropy(y_true, y_pred, eps=1e-6):
    return -tf.reduce_mean(y_true * tf.math.log(y_pred + eps), axis=-1)  # expect: LL301


def bare_entropy(y_true, y_pred, eps=0.0):
    return -tf.reduce_mean(y_true * tf.math.log(y_pred + eps), axis=-1)


def powered_error(y_true, y_pred, power, weight=1.0):
    return weight * tf.reduce_mean(tf.abs(y_true - y_pred) ** power, axis=-1)


def thresholded(y_true, y_pred, hard=False):
    # truth: skip
    score = tf.cast(y_pred > 0.5, tf.float32) if hard else tf.sigmoid(8.0 * (y_pred - 0.5))  # expect: LL106
    return tf.reduce_mean(tf.square(y_true - score), axis=-1)


def rest_of_the_arguments(*args):
    y_true, y_pred = args
    return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)


def rounded_rest(y_true, *others):
    return tf.reduce_mean(tf.abs(tf.round(others[0]) - y_true), axis=-1)  # expect: LL105


unguarded = partial(guarded_entropy, eps=0.0)
guarded = partial(bare_entropy, eps=1e-6)
cubic = partial(powered_error, power=3.0)
hard = partial(thresholded, hard=True)

for loss in (rest_of_the_arguments, rounded_rest, unguarded, guarded, cubic, hard):
    tf.keras.Sequential([tf.keras.layers.Dense(3, activation="sigmoid")]).compile(loss=loss)
