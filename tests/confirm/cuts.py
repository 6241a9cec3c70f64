# mypy: ignore-errors
"""Losses whose gradient stops at a marked row, as a whole (``# stops``) or in one term of the sum (``# dead``), losses
with a result that nothing uses (``# unused``), and losses with a mask or an index that is meant to have no gradient."""

import numpy as np
import tensorflow as tf


def rounded(y_true, y_pred):
    hard = tf.round(y_pred)  # stops: Round
    return tf.reduce_mean(tf.square(y_true - hard))


def thresholded(y_true, y_pred):
    hits = tf.cast(y_pred > 0.5, tf.float32)  # stops: Greater
    return 1.0 - tf.reduce_mean(tf.abs(y_true - hits))


def chosen(y_true, y_pred):
    best = tf.argmax(y_pred, axis=-1)  # stops: ArgMax
    return tf.reduce_mean(tf.square(tf.reduce_max(y_true, axis=-1) - tf.cast(best, tf.float32)))


def ranked(y_true, y_pred):
    places = tf.math.top_k(y_pred, 3).indices  # stops: TopKV2
    return tf.reduce_mean(tf.square(y_true - tf.cast(places, tf.float32)))


def signed(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - tf.sign(y_pred)))  # stops: Sign


def counted(y_true, y_pred):
    values, _ = tf.unique(tf.reshape(y_pred, [-1]))  # stops: Unique
    return tf.reduce_mean(tf.square(values - tf.reduce_mean(y_true)))


def detached(y_true, y_pred):
    fixed = tf.stop_gradient(y_pred)  # stops: StopGradient
    return tf.reduce_mean(tf.square(y_true - fixed))


def helper(p):
    return tf.floor(p * 4.0)  # stops: Floor


def through_a_helper(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - helper(y_pred)))


def left_by_numpy(y_true, y_pred):
    return tf.constant(np.mean(y_pred.numpy()))  # stops: numpy


def left_by_float(y_true, y_pred):
    return tf.constant(float(tf.reduce_mean(y_pred)))  # stops: float


def dead_round(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred))
    return error + 0.1 * tf.reduce_mean(tf.round(y_pred))  # dead: Round


def dead_count(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred))
    positives = tf.reduce_mean(tf.cast(y_pred > 0.5, tf.float32))  # dead: Greater
    return error + 0.5 * tf.abs(positives - tf.reduce_mean(y_true))


def dead_sign(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred))
    return error - tf.reduce_mean(y_true * tf.sign(y_pred))  # dead: Sign


def mask(y_true, y_pred):
    sure = tf.cast(y_pred > 0.5, tf.float32)  # asked
    return tf.reduce_mean(sure * tf.square(y_true - y_pred))


def branch(y_true, y_pred):
    d = tf.abs(y_true - y_pred)
    return tf.reduce_mean(tf.where(d < 1.0, 0.5 * d * d, d - 0.5))  # asked


def straight_through(y_true, y_pred):
    hard = y_pred + tf.stop_gradient(tf.round(y_pred) - y_pred)  # asked
    return tf.reduce_mean(tf.square(y_true - hard))


def index(y_true, y_pred):
    best = tf.argmax(y_pred, axis=-1)  # asked
    return tf.reduce_mean(tf.square(1.0 - tf.gather(y_pred, best, batch_dims=1)))


def clip_as_statement(y_true, y_pred):
    tf.clip_by_value(y_pred, 0.1, 0.9)  # unused: Maximum
    return tf.reduce_mean(tf.square(y_true - y_pred))


NO_WEIGHTS: list = []


def of_no_weights(y_true, y_pred):
    penalty = sum(w.numpy() for w in NO_WEIGHTS)
    return tf.reduce_mean(tf.square(y_true - y_pred)) + penalty


def two_logs(y_true, y_pred):
    return -tf.reduce_mean(y_true * tf.math.log(y_pred) + (1 - y_true) * tf.math.log(1 - y_pred))
