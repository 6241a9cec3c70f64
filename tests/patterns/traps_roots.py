# mypy: ignore-errors
"""Roots, norms and standard deviations that are guarded, that only labels reach, or that nobody uses."""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K


def l2_normalise(x, eps=1e-12):
    size = tf.reduce_sum(tf.square(x), axis=-1, keepdims=True)
    return x * tf.math.reciprocal(tf.sqrt(tf.maximum(size, eps)))


def nt_xent_loss(y_true, y_pred):
    # truth: real
    a, b = l2_normalise(y_true), l2_normalise(y_pred)
    logits = tf.matmul(a, b, transpose_b=True) / 0.2
    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.range(tf.shape(logits)[0]), logits)


class VarianceTerm(keras.losses.Loss):
    def __init__(self, std_const=1e-4):
        super().__init__()
        self.std_const = std_const

    def call(self, y_true, y_pred):
        spread = tf.sqrt(tf.math.reduce_variance(y_pred, axis=0) + self.std_const)
        return tf.reduce_mean(tf.nn.relu(1.0 - spread)) + tf.reduce_mean(tf.square(y_true - y_pred))


def pairwise_distances(embeddings):
    dot = tf.matmul(embeddings, embeddings, transpose_b=True)
    norms = tf.linalg.diag_part(dot)
    squared = tf.maximum(norms[:, None] - 2.0 * dot + norms[None, :], 0.0)
    zero = tf.cast(tf.equal(squared, 0.0), tf.float32)
    squared = squared + zero * 1e-16
    return tf.sqrt(squared) * (1.0 - zero)


def manhattan_loss(y_true, y_pred):
    largest = tf.norm(y_true - y_pred, ord=float("inf"), axis=-1)
    return tf.reduce_mean(tf.norm(y_true - y_pred, ord=1, axis=-1) + largest)


def batch_hard_loss(y_true, y_pred, margin=0.5):
    # truth: embeddings
    distance = pairwise_distances(y_pred)
    same = tf.cast(tf.equal(y_true[:, None], y_true[None, :]), tf.float32)
    hardest_positive = tf.reduce_max(same * distance, axis=1)
    furthest = tf.reduce_max(distance, axis=1, keepdims=True)
    hardest_negative = tf.reduce_min(distance + furthest * same, axis=1)
    return tf.reduce_mean(tf.maximum(hardest_positive - hardest_negative + margin, 0.0))


def pseudo_huber_loss(y_true, y_pred):
    return K.mean(K.sqrt(1.0 + K.square(y_pred - y_true)) - 1.0, axis=-1)


def reinforce_loss(y_true, y_pred):
    # truth: long
    returns = y_true[:, 0]
    mean, variance = tf.nn.moments(returns, axes=[0])
    advantage = (returns - mean) / (tf.sqrt(variance) + 1e-6)
    log_probability = tf.nn.log_softmax(y_pred)[:, 0]
    return -tf.reduce_mean(advantage * log_probability)


def tukey_loss(y_true, y_pred, c=4.685):
    spread = tf.sqrt(tf.math.reduce_variance(y_true, axis=0)) + 1e-2
    z = (y_true - y_pred) / spread
    inside = tf.cast(tf.abs(z) <= c, tf.float32)
    return tf.reduce_mean(inside * (1.0 - (1.0 - tf.minimum(tf.square(z / c), 1.0)) ** 3) + (1.0 - inside))


def unused_root_loss(y_true, y_pred):
    # truth: long
    mean, raw = y_pred[:, :4], y_pred[:, 4:]
    std = K.sqrt(K.abs(raw))
    variance = K.exp(raw)
    return K.mean(K.square(y_true[:, :4] - mean) / variance + raw)


def balance_loss(y_true, y_pred):
    n = tf.cast(tf.shape(y_pred)[0], tf.float32)
    c = float(y_pred.shape[-1])
    assigned = tf.linalg.trace(tf.sqrt(tf.matmul(y_pred, y_pred, transpose_a=True) + 1e-6))
    return tf.reduce_mean(tf.square(y_true - y_pred)) - assigned / tf.sqrt(n * c)


def cross_correlation_loss(y_true, y_pred):
    # truth: real
    def standardise(z):
        z = z - tf.reduce_mean(z, axis=0)
        return z * tf.math.rsqrt(tf.math.reduce_variance(z, axis=0) + 1e-6)

    n = tf.cast(tf.shape(y_pred)[0], tf.float32)
    c = tf.matmul(standardise(y_true), standardise(y_pred), transpose_a=True) / n
    return tf.reduce_sum(tf.square(c - tf.eye(3)))
