# mypy: ignore-errors
"""Divisors that cannot be 0, or whose quotient never reaches a gradient."""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K


def n_pairs_loss(y_true, y_pred):
    # truth: embeddings
    similarity = tf.matmul(y_pred, y_pred, transpose_b=True)
    target = tf.cast(tf.equal(y_true[:, None], y_true[None, :]), y_pred.dtype)
    target /= tf.reduce_sum(target, axis=1, keepdims=True)  # the diagonal is always 1
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, similarity))


def normalised_focal_loss(y_true, y_pred):
    # truth: mask
    positives = tf.where(tf.equal(y_true, 1.0))
    count = tf.cast(tf.shape(positives)[0], K.floatx())
    count = tf.maximum(tf.cast(1.0, K.floatx()), count)
    weight = tf.where(tf.equal(y_true, 1.0), 1.0 - y_pred, y_pred)
    return tf.reduce_sum(weight**2.0 * K.binary_crossentropy(y_true, y_pred)) / count


class ForceError(keras.losses.Loss):
    def call(self, y_true, y_pred):
        # truth: sequence
        present = tf.cast(tf.reduce_any(tf.abs(y_true) > 0.5, axis=-1), tf.float32)
        n = tf.reduce_sum(present, axis=-1)
        n = tf.where(n < 1.0, tf.ones_like(n), n)
        error = tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1) * present
        return tf.reduce_sum(error, axis=-1) / n


def multibox_loss(y_true, y_pred):
    # truth: long
    n_positive = tf.reduce_sum(tf.cast(y_true[..., 4] > 0.5, tf.float32))
    boxes = tf.reduce_sum(tf.abs(y_true[..., :4] - y_pred[..., :4]), -1)
    return tf.reduce_sum(boxes) / tf.maximum(1.0, n_positive)


def corner_iou(a, b):
    overlap = tf.reduce_prod(tf.maximum(tf.minimum(a[..., 2:], b[..., 2:]) - tf.maximum(a[..., :2], b[..., :2]), 0.0), -1)
    area = lambda r: tf.reduce_prod(tf.maximum(r[..., 2:] - r[..., :2], 0.0), -1)
    return tf.math.divide_no_nan(overlap, area(a) + area(b) - overlap)


def corners(r):
    centre, size = r[..., :2], r[..., 2:4]
    return tf.concat([centre - size / 2.0, centre + size / 2.0], -1)


def no_nan_iou_loss(y_true, y_pred):
    # truth: long
    return 1.0 - corner_iou(corners(y_true[..., :4]), corners(y_pred[..., :4]))


def plain_iou(a, b):
    overlap = tf.reduce_sum(tf.minimum(a, b), -1)
    return overlap / (tf.reduce_sum(a, -1) + tf.reduce_sum(b, -1) - overlap)


def background_loss(y_true, y_pred):
    # truth: long
    iou = plain_iou(y_true[..., :4], y_pred[..., :4])
    background = tf.cast(iou < 0.9, tf.float32)  # the quotient is only compared
    confidence = tf.square(y_true[..., 4] - y_pred[..., 4])
    return tf.reduce_mean(confidence + background * confidence)


class Dssim:
    def __init__(self, k1=0.01, k2=0.03, max_value=1.0):
        self.c1, self.c2 = (k1 * max_value) ** 2, (k2 * max_value) ** 2

    def __call__(self, y_true, y_pred):
        u, v = K.mean(y_true, axis=-1), K.mean(y_pred, axis=-1)
        var_u, var_v = K.var(y_true, axis=-1), K.var(y_pred, axis=-1)
        covariance = K.mean(y_true * y_pred, axis=-1) - u * v
        ssim = (2.0 * u * v + self.c1) * (2.0 * covariance + self.c2)
        ssim = ssim / ((K.square(u) + K.square(v) + self.c1) * (var_u + var_v + self.c2))
        return K.mean((1.0 - ssim) / 2.0)


dssim_loss = Dssim()


def balanced_mask_loss(y_true, y_pred):
    # truth: mask
    value = K.binary_crossentropy(y_true, y_pred)
    return tf.reduce_mean(value / (tf.reduce_mean(y_true, axis=[1, 2], keepdims=True)[..., 0] [..., None] + 0.01))


def heteroscedastic(model_outputs):
    def loss(y_true, y_pred):
        # truth: long
        mean, log_var = y_pred[:, :model_outputs], y_pred[:, model_outputs:]
        diff = y_true[:, :model_outputs] - mean
        return tf.reduce_mean(diff**2 / tf.exp(log_var) + log_var)

    return loss


heteroscedastic_loss = heteroscedastic(4)


def noise2void_loss(y_true, y_pred):
    # truth: long
    target, mask = y_true[..., :4], tf.cast(y_true[..., 4:] > 0.3, tf.float32)
    return tf.reduce_sum(tf.square(target - y_pred[..., :4] * mask)) / tf.reduce_sum(mask)
