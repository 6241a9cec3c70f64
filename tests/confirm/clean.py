# mypy: ignore-errors
"""Losses that stay finite at whatever training meets, most of them the mended form of one in ``faulty.py``. ``# asked:``
marks the row that a witness is searched for in vain; ``# takes:`` names what label and prediction hold."""

import tensorflow as tf
from keras import ops


def log_with_epsilon(y_true, y_pred):  # takes: onehot, probability
    return -tf.reduce_sum(y_true * tf.math.log(y_pred + 1e-7), axis=-1)  # asked


def log_of_clipped(y_true, y_pred):  # takes: binary, probability
    p = tf.clip_by_value(y_pred, 1e-7, 1.0 - 1e-7)
    return -tf.reduce_mean(y_true * tf.math.log(p) + (1.0 - y_true) * tf.math.log(1.0 - p))  # asked


def log_of_maximum(y_true, y_pred):  # takes: binary, probability
    off = tf.math.log(tf.maximum(1.0 - y_pred, 1e-8))  # asked
    return -tf.reduce_mean((1.0 - y_true) * off)


def logits(y_true, y_pred):  # takes: binary, logits
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred))  # asked


def softmax_logits(y_true, y_pred):  # takes: onehot, logits
    return tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)  # asked


def sparse_logits(y_true, y_pred):  # takes: class, logits
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.cast(y_true, tf.int32), logits=y_pred)  # asked


def log_softmax(y_true, y_pred):  # takes: onehot, logits
    return -tf.reduce_sum(y_true * tf.nn.log_softmax(y_pred), axis=-1)  # asked


def softplus(y_true, y_pred):  # takes: binary, logits
    return tf.reduce_mean(tf.math.softplus(y_pred) - y_true * y_pred)  # asked


def softplus_stable_by_hand(y_true, y_pred):  # takes: binary, logits
    soft = tf.math.log1p(tf.exp(-tf.abs(y_pred)))  # asked
    return tf.reduce_mean(tf.maximum(y_pred, 0.0) - y_true * y_pred + soft)


def logsumexp_shifted(y_true, y_pred):  # takes: onehot, logits
    top = tf.reduce_max(y_pred, axis=-1, keepdims=True)
    total = tf.math.log(tf.reduce_sum(tf.exp(y_pred - top), axis=-1))  # asked
    return tf.reduce_mean(total + top[:, 0] - tf.reduce_sum(y_true * y_pred, axis=-1))


def epsilon_of_a_shared_difference(y_true, y_pred):  # takes: binary, probability
    off = 1.0 - y_pred  # used twice, so that graph mode keeps it
    return tf.reduce_mean(off * y_true) - tf.reduce_mean((1.0 - y_true) * tf.math.log(off + 1e-7))  # asked


def epsilon_that_survives(y_true, y_pred):  # takes: binary, probability
    return -tf.reduce_mean((1.0 - y_true) * tf.math.log(1.0 - y_pred + 1e-6))  # asked


def mean_square(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)  # asked


def root_with_epsilon(y_true, y_pred):  # takes: real, real
    return tf.sqrt(tf.reduce_mean(tf.square(y_true - y_pred)) + 1e-8)  # asked


def root_of_maximum(y_true, y_pred):  # takes: real, real
    squares = tf.reduce_sum(tf.square(y_true - y_pred), axis=-1)
    return tf.reduce_mean(tf.sqrt(tf.maximum(squares, 1e-12)))  # asked


def charbonnier(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.sqrt(tf.square(y_true - y_pred) + 1e-6))  # asked


def absolute(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.abs(y_true - y_pred))  # asked


def huber(y_true, y_pred):  # takes: real, real
    d = tf.abs(y_true - y_pred)
    return tf.reduce_mean(tf.where(d < 1.0, 0.5 * d * d, d - 0.5))  # asked


def power_guarded(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.pow(tf.abs(y_true - y_pred) + 1e-6, 0.7))  # asked


def focal(y_true, y_pred):  # takes: binary, probability
    p = tf.clip_by_value(y_pred, 1e-7, 1.0 - 1e-7)
    return -tf.reduce_mean(y_true * tf.pow(1.0 - p, 2.0) * tf.math.log(p))  # asked


def deviation_guarded(y_true, y_pred):  # takes: real, real
    spread = tf.sqrt(tf.math.reduce_variance(y_pred, axis=0) + 1e-6)  # asked
    return tf.reduce_mean(tf.square(y_true - y_pred)) + tf.reduce_mean(spread)


def correlation_guarded(y_true, y_pred):  # takes: real, real
    t = y_true - tf.reduce_mean(y_true)
    p = y_pred - tf.reduce_mean(y_pred)
    scale = tf.reduce_sum(tf.square(t)) * tf.reduce_sum(tf.square(p))
    return 1.0 - tf.reduce_sum(t * p) * tf.math.rsqrt(scale + 1e-6)  # asked


def dice(y_true, y_pred):  # takes: binary, probability
    overlap = 2.0 * tf.reduce_sum(y_true * y_pred)
    return 1.0 - (overlap + 1.0) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) + 1.0)  # asked


def dice_rows(y_true, y_pred):  # takes: binary, probability
    overlap = 2.0 * tf.reduce_sum(y_true * y_pred, axis=-1)
    total = tf.reduce_sum(y_true, axis=-1) + tf.reduce_sum(y_pred, axis=-1)
    return 1.0 - tf.math.divide_no_nan(overlap, total)  # asked


def masked_mean(y_true, y_pred):  # takes: binary, real
    error = y_true * tf.square(1.0 - y_pred)
    return tf.reduce_sum(error) / tf.maximum(tf.reduce_sum(y_true), 1.0)  # asked


def relative_error(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.abs(y_true - y_pred) / tf.maximum(tf.abs(y_true), 1e-3))  # asked


def cosine(y_true, y_pred):  # takes: real, real
    a = tf.math.l2_normalize(y_true, axis=-1)
    b = tf.math.l2_normalize(y_pred, axis=-1)
    return 1.0 - tf.reduce_sum(a * b, axis=-1)  # asked


def normalised_rows(y_true, y_pred):  # takes: simplex, nonnegative
    rows = y_pred / (tf.reduce_sum(y_pred, axis=-1, keepdims=True) + 1e-6)  # asked
    return tf.reduce_mean(tf.square(y_true - rows))


def double_where_log(y_true, y_pred):  # takes: real, real
    d = tf.abs(y_true - y_pred)
    safe = tf.where(d > 1e-6, d, 1.0)
    return tf.reduce_mean(tf.where(d > 1e-6, tf.math.log(safe), 0.0))  # asked


def double_where_root(y_true, y_pred):  # takes: real, real
    d = tf.abs(y_true - y_pred)
    safe = tf.where(d > 0.0, d, 1.0)
    return tf.reduce_mean(tf.where(d > 0.0, tf.sqrt(safe), 0.0))  # asked


def angle_guarded(y_true, y_pred):  # takes: real, real
    a = tf.math.l2_normalize(y_true, axis=-1)
    b = tf.math.l2_normalize(y_pred, axis=-1)
    return tf.reduce_mean(tf.acos(0.9999 * tf.clip_by_value(tf.reduce_sum(a * b, axis=-1), -0.999, 0.999)))  # asked


def log_cosh(y_true, y_pred):  # takes: real, real
    d = y_pred - y_true
    return tf.reduce_mean(d + tf.math.softplus(-2.0 * d) - tf.math.log(2.0))  # asked


def poisson_of_rate(y_true, y_pred):  # takes: nonnegative, nonnegative
    return tf.reduce_mean(y_pred - y_true * tf.math.log(y_pred + 1e-6))  # asked


def logarithmic_error(y_true, y_pred):  # takes: nonnegative, nonnegative
    return tf.reduce_mean(tf.square(tf.math.log1p(y_true) - tf.math.log1p(y_pred)))  # asked


def helper_distance(a, b):
    return tf.sqrt(tf.reduce_sum(tf.square(a - b), axis=-1) + 1e-9)  # asked


def through_a_helper(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(helper_distance(y_true, y_pred))


def keras_log(y_true, y_pred):  # takes: onehot, probability
    return -ops.sum(y_true * ops.log(ops.maximum(y_pred, 1e-7)), axis=-1)  # asked


def keras_log_of_positive(y_true, y_pred):  # takes: real, real
    return ops.mean(ops.square(ops.log(ops.abs(y_pred) + 1.0) - ops.log(ops.abs(y_true) + 1.0)))  # asked


@tf.function
def traced(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.sqrt(tf.reduce_sum(tf.square(y_true - y_pred), axis=-1) + 1e-6))  # asked


def hinge(y_true, y_pred):  # takes: binary, real
    return tf.reduce_mean(tf.maximum(0.0, 1.0 - (2.0 * y_true - 1.0) * y_pred))  # asked


def contrastive(y_true, y_pred):  # takes: binary, nonnegative
    return tf.reduce_mean(y_true * tf.square(y_pred) + (1.0 - y_true) * tf.square(tf.maximum(1.0 - y_pred, 0.0)))  # asked


def tversky(y_true, y_pred):  # takes: binary, probability
    hit = tf.reduce_sum(y_true * y_pred)
    missed = tf.reduce_sum(y_true * (1.0 - y_pred))
    return 1.0 - (hit + 1e-6) / (hit + 0.7 * missed + 0.3 * tf.reduce_sum((1.0 - y_true) * y_pred) + 1e-6)  # asked


def quantile(y_true, y_pred):  # takes: real, real
    e = y_true - y_pred
    return tf.reduce_mean(tf.maximum(0.9 * e, -0.1 * e))  # asked


def cross_entropy_of_keras(y_true, y_pred):  # takes: onehot, probability
    return tf.keras.losses.binary_crossentropy(y_true, y_pred)  # asked


def xlogy(y_true, y_pred):  # takes: onehot, probability
    return -tf.reduce_mean(tf.math.xlogy(y_true, tf.maximum(y_pred, 1e-7)))  # asked


def divergence(y_true, y_pred):  # takes: simplex, simplex
    t = tf.clip_by_value(y_true, 1e-7, 1.0)
    return tf.reduce_sum(t * tf.math.log(t / tf.clip_by_value(y_pred, 1e-7, 1.0)), axis=-1)  # asked
