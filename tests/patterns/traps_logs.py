# mypy: ignore-errors
"""Logarithms whose argument cannot be 0, wherever the guard is."""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K


def categorical_focal(gt, pr, gamma=2.0, alpha=0.25, **kwargs):
    backend = kwargs["backend"]
    pr = backend.clip(pr, backend.epsilon(), 1.0 - backend.epsilon())
    value = -gt * (alpha * backend.pow(1.0 - pr, gamma) * backend.log(pr))
    return backend.mean(value)


def categorical_focal_loss(y_true, y_pred):
    # truth: onehot
    return categorical_focal(y_true, y_pred, backend=K)


def log_error_loss(y_true, y_pred):
    first = tf.math.log(tf.maximum(y_pred, 1e-7) + 1.0)
    second = tf.math.log(tf.maximum(y_true, 1e-7) + 1.0)
    return tf.reduce_mean(tf.square(first - second), axis=-1)


def divergence_loss(y_true, y_pred):
    t = tf.clip_by_value(y_true, 1e-7, 1.0)
    p = tf.clip_by_value(y_pred, 1e-7, 1.0)
    return tf.reduce_sum(t * tf.math.log(t / p), axis=-1)


def smoothed_token_loss(labels, logits, smoothing=0.1, vocabulary=4):
    # truth: tokens
    confidence = 1.0 - smoothing
    low = smoothing / (vocabulary - 1)
    soft = tf.one_hot(tf.cast(labels, tf.int32), vocabulary, on_value=confidence, off_value=low)
    cross_entropy = tf.nn.softmax_cross_entropy_with_logits(soft, logits)
    best = -(confidence * tf.math.log(confidence) + (vocabulary - 1) * low * tf.math.log(low))
    return tf.reduce_mean(cross_entropy - best)


def clip_before_exp(x):
    return tf.clip_by_value(x, -75.0, 75.0)


def score_nll_loss(y_true, y_pred):
    # truth: signs
    positive, negative = clip_before_exp(-y_true * y_pred), clip_before_exp(y_pred)
    return tf.reduce_sum(tf.math.log(1.0 + tf.exp(positive)) + tf.math.log(1.0 + tf.exp(negative)) * 0.1)


class PositiveScale(keras.layers.Layer):
    def call(self, x):
        return tf.nn.elu(x) + 1.0 + 1e-6


def mixture_loss(y_true, y_pred):
    """The scales come out of PositiveScale, which is in the model."""
    # truth: long
    mean, scale = y_pred[..., :4], y_pred[..., 4:]
    z = (y_true[..., :4] - mean) / scale
    return tf.reduce_mean(0.5 * tf.square(z) + tf.math.log(scale))


def laplace_nll_loss(y_true, y_pred):
    # truth: long
    mean, sigma = y_pred[..., :4], y_pred[..., 4:]
    return K.mean(K.abs(y_true[..., :4] - mean) / sigma + K.log(2.0 * sigma))


def box_size_loss(y_true, y_pred):
    # truth: long
    mask = y_true[..., 4:5]
    raw = K.log(y_true[..., :2] / 0.5)
    raw = tf.where(mask > 0.5, raw, K.zeros_like(raw))
    return K.mean(mask * K.square(raw - y_pred[..., :2]))


def box_log_ratio_loss(y_true, y_pred):
    # truth: long
    ratio = tf.math.log(y_true[..., :2] / 0.3)
    ratio = tf.where(tf.math.is_inf(ratio), tf.zeros_like(ratio), ratio)
    return tf.reduce_mean(tf.square(ratio - y_pred[..., :2]))


def survival_loss(y_true, y_pred):
    # truth: long
    alive, failed = y_true[:, :4], y_true[:, 4:]
    hazard = y_pred[:, :4]
    terms = K.concatenate([1.0 + alive * (hazard - 1.0), 1.0 - failed * hazard])
    return K.sum(-K.log(K.clip(terms, K.epsilon(), None)), axis=-1)


class KappaLike(keras.losses.Loss):
    def __init__(self, classes=3, epsilon=1e-6):
        super().__init__()
        self.epsilon = epsilon
        positions = tf.range(float(classes))
        self.weights = tf.square(positions[:, None] - positions[None, :])

    def call(self, y_true, y_pred):
        # truth: onehot
        observed = tf.reduce_sum(tf.matmul(y_true, self.weights) * y_pred)
        rows, columns = tf.reduce_sum(y_true, 0), tf.reduce_sum(y_pred, 0)
        expected = tf.reduce_sum(self.weights * rows[:, None] * columns[None, :])
        return tf.math.log(tf.math.divide_no_nan(observed, expected) + self.epsilon)


def negative_log_iou_loss(y_true, y_pred):
    overlap = tf.reduce_sum(tf.minimum(y_true, y_pred), -1)
    iou = (overlap + 1e-6) / (tf.reduce_sum(tf.maximum(tf.abs(y_true), tf.abs(y_pred)), -1) + 1e-6)
    iou = tf.clip_by_value(iou, 1e-8, 1.0)
    return -tf.math.log(iou)


def list_mle_loss(y_true, y_pred):
    # truth: long
    order = tf.argsort(y_true, axis=-1, direction="DESCENDING")
    scores = tf.gather(y_pred, order, batch_dims=1)
    scores = scores - tf.reduce_max(scores, axis=-1, keepdims=True)
    sums = tf.cumsum(tf.exp(scores), axis=-1, reverse=True)
    return tf.reduce_mean(tf.reduce_sum(tf.math.log(sums) - scores, axis=-1))


def log_cosh_dice_loss(y_true, y_pred):
    # truth: mask
    overlap = tf.reduce_sum(y_true * y_pred)
    x = 1.0 - (2.0 * overlap + 1.0) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) + 1.0)
    return tf.math.log((tf.exp(x) + tf.exp(-x)) / 2.0)
