# mypy: ignore-errors
"""Losses that fail at inputs which training meets. ``# takes:`` names what label and prediction hold; ``# fails:`` stands
on the row where the first number that is not finite is made, with the modes it is made in."""

import tensorflow as tf
from keras import ops


def log_of_prediction(y_true, y_pred):  # takes: onehot, probability
    return -tf.reduce_sum(y_true * tf.math.log(y_pred), axis=-1)  # fails: eager


def log_of_softmax_row(y_true, y_pred):  # takes: onehot, simplex
    logs = tf.math.log(y_pred)  # fails: eager
    return -tf.reduce_mean(tf.reduce_sum(y_true * logs, axis=-1))


def log_of_sigmoid(y_true, y_pred):  # takes: binary, logits
    p = tf.sigmoid(y_pred)
    off = (1.0 - y_true) * tf.math.log(1.0 - p)  # fails: eager
    return -tf.reduce_mean(off + y_true * tf.math.log_sigmoid(y_pred))


def log_of_small_sigmoid(y_true, y_pred):  # takes: binary, logits
    return -tf.reduce_mean(y_true * tf.math.log(tf.sigmoid(y_pred)))  # fails: eager


def log_of_softmax(y_true, y_pred):  # takes: onehot, logits
    return -tf.reduce_sum(y_true * tf.math.log(tf.nn.softmax(y_pred)))  # fails: eager


def log_of_scaled_sigmoid(y_true, y_pred):  # takes: binary, real
    p = tf.sigmoid(0.5 * y_pred - 0.1)
    return -tf.reduce_mean((1.0 - y_true) * tf.math.log(1.0 - p))  # fails: eager


def folded_epsilon(y_true, y_pred):  # takes: binary, probability
    return -tf.reduce_mean((1.0 - y_true) * tf.math.log(1.0 - y_pred + 1e-10))  # fails: graph


def folded_epsilon_in_front(y_true, y_pred):  # takes: binary, probability
    off = 1.0 - y_pred
    return -tf.reduce_mean((1.0 - y_true) * tf.math.log(1e-8 + off))  # fails: graph


def folded_epsilon_focal(y_true, y_pred):  # takes: binary, probability
    on = y_true * tf.math.log(y_pred + 1e-7)
    off = (1.0 - y_true) * tf.square(y_pred) * tf.math.log(1.0 - y_pred + 1e-9)  # fails: graph
    return -tf.reduce_mean(on + off)


def epsilon_beside_a_guard(y_true, y_pred):  # takes: binary, probability
    p = tf.clip_by_value(y_pred, 0.0, 1.0)
    return -tf.reduce_sum((1.0 - y_true) * tf.math.log((1.0 - p) + 1e-12), axis=-1)  # fails: graph


def absorbed_epsilon(y_true, y_pred):  # takes: binary, probability
    return -tf.reduce_mean((1.0 - y_true) * tf.math.log(1e-10 + 1.0 - y_pred))  # fails: eager


def rounded_clip(y_true, y_pred):  # takes: binary, probability
    p = tf.clip_by_value(y_pred, 1e-8, 1.0 - 1e-8)
    return -tf.reduce_mean((1.0 - y_true) * tf.math.log(1.0 - p))  # fails: eager


def flushed_epsilon(y_true, y_pred):  # takes: onehot, probability
    return -tf.reduce_mean(y_true * tf.math.log(tf.maximum(y_pred, 1e-40)))  # fails: eager


def root_mean_square(y_true, y_pred):  # takes: real, real
    return tf.sqrt(tf.reduce_mean(tf.square(y_true - y_pred)))  # fails: eager


def distance(y_true, y_pred):  # takes: real, real
    squares = tf.reduce_sum(tf.square(y_true - y_pred), axis=-1)
    return tf.reduce_mean(tf.sqrt(squares))  # fails: eager


def guard_too_late(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.sqrt(tf.square(y_true - y_pred)) + 1e-6)  # fails: eager


def norm_of_error(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.norm(y_true - y_pred, axis=-1))  # fails: eager


def inverse_root(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.math.rsqrt(tf.reduce_sum(tf.square(y_pred - y_true), axis=-1)))  # fails: eager


def fractional_power(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.pow(tf.abs(y_true - y_pred), 0.7))  # fails: eager


def focal_with_small_gamma(y_true, y_pred):  # takes: binary, probability
    p = tf.clip_by_value(y_pred, 1e-7, 1.0)
    return -tf.reduce_mean(y_true * tf.pow(1.0 - p, 0.5) * tf.math.log(p))  # fails: eager


def deviation_of_batch(y_true, y_pred):  # takes: real, real
    spread = tf.math.reduce_std(y_pred, axis=0)  # fails: eager
    return tf.reduce_mean(tf.square(y_true - y_pred)) + tf.reduce_mean(spread)


def correlation(y_true, y_pred):  # takes: real, real
    t = y_true - tf.reduce_mean(y_true)
    p = y_pred - tf.reduce_mean(y_pred)
    scale = tf.reduce_sum(tf.square(t)) * tf.reduce_sum(tf.square(p))
    return 1.0 - tf.reduce_sum(t * p) * tf.math.rsqrt(scale)  # fails: eager


def dice_without_smoothing(y_true, y_pred):  # takes: binary, probability
    overlap = 2.0 * tf.reduce_sum(y_true * y_pred)
    return 1.0 - overlap / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred))  # fails: eager


def jaccard_without_smoothing(y_true, y_pred):  # takes: binary, probability
    both = tf.reduce_sum(y_true * y_pred, axis=-1)
    either = tf.reduce_sum(y_true + y_pred, axis=-1) - both
    return tf.reduce_mean(1.0 - both / either)  # fails: eager


def masked_mean(y_true, y_pred):  # takes: binary, real
    error = y_true * tf.square(1.0 - y_pred)
    return tf.reduce_sum(error) / tf.reduce_sum(y_true)  # fails: eager


def mean_of_selection(y_true, y_pred):  # takes: binary, real
    chosen = tf.boolean_mask(y_pred, y_true > 0.5)
    return tf.reduce_mean(tf.square(1.0 - chosen))  # fails: eager


def relative_error(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.abs(y_true - y_pred) / tf.abs(y_true))  # fails: eager


def cosine_by_hand(y_true, y_pred):  # takes: real, real
    product = tf.reduce_sum(y_true * y_pred, axis=-1)
    lengths = tf.norm(y_true, axis=-1) * tf.norm(y_pred, axis=-1)  # fails: xla
    return 1.0 - tf.reduce_mean(product / (lengths + 1e-7))


def normalised_rows(y_true, y_pred):  # takes: simplex, nonnegative
    rows = y_pred / tf.reduce_sum(y_pred, axis=-1, keepdims=True)  # fails: eager
    return tf.reduce_mean(tf.square(y_true - rows))


def where_log(y_true, y_pred):  # takes: real, real
    d = tf.abs(y_true - y_pred)
    logs = tf.math.log(d)  # fails: eager
    return tf.reduce_mean(tf.where(d > 0.0, logs, tf.zeros_like(d)))


def where_division(y_true, y_pred):  # takes: nonnegative, nonnegative
    ratio = y_true / y_pred  # fails: eager
    return tf.reduce_mean(tf.where(y_pred > 0.0, ratio, tf.zeros_like(ratio)))


def where_power(y_true, y_pred):  # takes: real, real
    d = tf.abs(y_true - y_pred)
    powers = tf.pow(d, 0.5)  # fails: eager
    return tf.reduce_mean(tf.where(d > 0.0, powers, 0.0))


def where_root(y_true, y_pred):  # takes: real, real
    d = tf.abs(y_true - y_pred)
    roots = tf.sqrt(d)  # fails: xla
    return tf.reduce_mean(tf.where(d > 0.0, roots, tf.zeros_like(d)))


def angle(y_true, y_pred):  # takes: real, real
    a = tf.math.l2_normalize(y_true, axis=-1)
    b = tf.math.l2_normalize(y_pred, axis=-1)
    return tf.reduce_mean(tf.acos(tf.clip_by_value(tf.reduce_sum(a * b, axis=-1), -1.0, 1.0)))  # fails: eager


def exponent_of_error(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.exp(tf.abs(y_true - y_pred)))  # fails: eager


def softplus_by_hand(y_true, y_pred):  # takes: binary, logits
    return tf.reduce_mean(tf.math.log(1.0 + tf.exp(y_pred)) - y_true * y_pred)  # fails: eager


def logsumexp_by_hand(y_true, y_pred):  # takes: onehot, logits
    total = tf.reduce_sum(tf.exp(y_pred), axis=-1)  # fails: eager
    return tf.reduce_mean(tf.math.log(total) - tf.reduce_sum(y_true * y_pred, axis=-1))


def pole(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.square(y_true) / (tf.reduce_mean(y_pred) - 37.5))  # fails: eager


def pole_behind_tanh(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.square(y_true) / (tf.tanh(y_pred) - 0.3))  # fails: eager


def steep_gate(y_true, y_pred):  # takes: binary, real
    gate = tf.sigmoid(3.0 * (y_pred - 0.25))
    return -tf.reduce_mean((1.0 - y_true) * tf.math.log(1.0 - gate))  # fails: eager


def helper_distance(a, b):
    return tf.sqrt(tf.reduce_sum(tf.square(a - b), axis=-1))  # fails: eager


def through_a_helper(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(helper_distance(y_true, y_pred))


def keras_log(y_true, y_pred):  # takes: onehot, probability
    return -ops.sum(y_true * ops.log(y_pred), axis=-1)  # fails: eager


def keras_root(y_true, y_pred):  # takes: real, real
    return ops.sqrt(ops.mean(ops.square(y_true - y_pred)))  # fails: eager


@tf.function
def traced_distance(y_true, y_pred):  # takes: real, real
    return tf.reduce_mean(tf.sqrt(tf.reduce_sum(tf.square(y_true - y_pred), axis=-1)))  # fails: eager


def pairwise(y_true, y_pred):  # takes: class, real
    gaps = tf.reduce_sum(tf.square(y_pred[:, None] - y_pred[None]), axis=-1)
    far = tf.sqrt(gaps)  # fails: eager
    same = tf.cast(tf.equal(y_true[:, None], y_true[None]), tf.float32)
    return tf.reduce_mean(same * far)


def entropy(y_true, y_pred):  # takes: onehot, probability
    return tf.reduce_mean(tf.square(y_true - y_pred)) - tf.reduce_mean(y_pred * tf.math.log(y_pred))  # fails: eager


def divergence(y_true, y_pred):  # takes: simplex, simplex
    return tf.reduce_sum(y_true * tf.math.log(y_true / y_pred))  # fails: eager
