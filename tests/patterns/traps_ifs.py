# mypy: ignore-errors
"""Branches and comparisons in losses that are no branches on tensors."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K


def clipped_huber_loss(y_true, y_pred, clip_value):
    assert clip_value > 0.0
    e = y_true - y_pred
    if np.isinf(clip_value):
        return 0.5 * K.square(e)
    small = K.abs(e) < clip_value
    return tf.where(small, 0.5 * K.square(e), clip_value * (K.abs(e) - 0.5 * clip_value))


def masked_with_regulariser(error, reg_weight=0.0, norm_by_mask=True):
    def masked_loss(y_true, y_pred):
        # truth: long
        target, mask = y_true[..., :4], y_true[..., 4:]
        value = K.mean(mask * error(target, y_pred[..., :4]), axis=-1)
        if norm_by_mask:
            value = value / (K.mean(mask) + K.epsilon())
        if reg_weight > 0:
            value = value + reg_weight * K.mean((1.0 - mask) * K.abs(y_pred[..., :4]), axis=-1)
        return value

    return masked_loss


masked_l1 = masked_with_regulariser(lambda t, p: K.abs(t - p), reg_weight=1e-4)


def squeezed_labels_loss(y_true, y_pred, axis=-1):
    # truth: sparse column
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        y_true = tf.squeeze(y_true, axis=axis)
    picked = tf.gather(y_pred, tf.cast(y_true, tf.int32), axis=axis, batch_dims=1)
    return -tf.reduce_mean(tf.math.log(tf.maximum(picked, 1e-7)))


def any_symbolic(*values):
    return any(isinstance(v, keras.KerasTensor) for v in values)


def dispatching_loss(y_true, y_pred):
    if any_symbolic(y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred))
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def smoothed_focal_loss(y_true, y_pred, label_smoothing=0.0, apply_balancing=False, alpha=0.25, gamma=2.0):
    # truth: binary
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    p = tf.clip_by_value(y_pred, 1e-7, 1.0 - 1e-7)
    p_t = y_true * p + (1.0 - y_true) * (1.0 - p)
    value = -tf.pow(1.0 - p_t, gamma) * tf.math.log(p_t)
    if apply_balancing:
        value = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * value
    return tf.reduce_mean(value, axis=-1)


def rank_checked_loss(y_true, y_pred):
    # truth: sparse
    rank = y_pred.shape.rank
    if rank is not None and rank > 2:
        y_pred = tf.reshape(y_pred, [-1, y_pred.shape[-1]])
        y_true = tf.reshape(y_true, [-1])
    target = tf.one_hot(tf.cast(y_true, tf.int32), 3)
    return -tf.reduce_sum(target * tf.math.log(y_pred + 1e-7), axis=-1)


def balanced_sigmoid_loss(y_true, y_pred, alpha=0.25, gamma=2.0):
    # truth: binary
    if gamma and gamma < 0:
        raise ValueError("gamma must not be negative")
    alpha_factor, modulation = 1.0, 1.0
    p_t = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    if alpha:
        alpha = tf.cast(alpha, y_pred.dtype)
        alpha_factor = y_true * alpha + (1.0 - y_true) * (1.0 - alpha)
    if gamma:
        gamma = tf.cast(gamma, y_pred.dtype)
        modulation = tf.pow(1.0 - p_t, gamma)
    return tf.reduce_sum(alpha_factor * modulation * K.binary_crossentropy(y_true, y_pred), axis=-1)


def chain_loss(y_true, y_pred):
    # truth: skip
    layer, index, _ = y_pred._keras_history
    if layer.sparse_target and index == 0:
        return layer.negative_log_likelihood(y_true, y_pred)
    assert layer.use_boundary, "the layer has no boundaries"
    return layer.viterbi_loss(y_true, y_pred)


class HeatmapLoss:
    """Used in an eager loop only."""

    def __call__(self, heatmap_true, heatmap_pred):
        positives = tf.reduce_sum(tf.cast(heatmap_true > 0.99, tf.float32))
        loss = tf.reduce_sum(tf.square(heatmap_true - heatmap_pred))
        if positives == 0:
            return loss
        return loss / positives


def fit_heatmaps(model, batches, optimizer):
    loss_object = HeatmapLoss()
    for x, y in batches:
        with tf.GradientTape() as tape:
            loss = loss_object(y, model(x))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))


@tf.function
def matched_loss(y_true, y_pred):
    matches = tf.reduce_sum(tf.cast(y_true > 0.5, tf.float32))
    loss = tf.reduce_sum(tf.abs(y_true - y_pred))
    if matches > 0:
        loss = loss / matches
    return loss


def contrast(value, correct):
    """A scalar sketch of the loss, for the notebook."""
    if correct:
        return value**2
    return max(100.0 - value, 0) ** 2


if K.image_data_format() == "channels_first":
    def laplace_loss(y_true, y_pred):
        # truth: masks
        mean, scale = y_pred[:, :1], K.exp(y_pred[:, 1:2])
        return K.mean(K.abs(y_true[:, :1] - mean) / scale + K.log(2.0 * scale))
else:
    def laplace_loss(y_true, y_pred):
        mean, scale = y_pred[..., :1], K.exp(y_pred[..., 1:2])
        return K.mean(K.abs(y_true[..., :1] - mean) / scale + K.log(2.0 * scale))
