# mypy: ignore-errors
"""Losses without a gradient, or with less of one, on purpose."""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K


def zero_loss(y_true, y_pred):
    # truth: no gradient
    return 0 * y_true


def dummy_loss(y_true, y_pred):
    # truth: no gradient
    return tf.zeros_like(y_pred)


def identity_loss(y_true, y_pred):
    return y_pred


def mean_of_output(y_true, y_pred):
    return K.mean(y_pred)


def wasserstein_loss(y_true, y_pred):
    return K.mean(y_true * y_pred)


def circle_loss(y_true, y_pred, gamma=8.0, margin=0.25):
    positive_weight = tf.stop_gradient(tf.nn.relu(1.0 + margin - y_pred))
    negative_weight = tf.stop_gradient(tf.nn.relu(y_pred + margin))
    positive = -gamma * positive_weight * (y_pred - 1.0 + margin) * y_true
    negative = gamma * negative_weight * (y_pred - margin) * (1.0 - y_true)
    return tf.nn.softplus(tf.reduce_logsumexp(positive, -1) + tf.reduce_logsumexp(negative, -1))


def guarded_logsumexp(x, axis=-1):
    shift = tf.reduce_max(x, axis=axis, keepdims=True)
    shift = tf.stop_gradient(tf.where(tf.math.is_finite(shift), shift, 0.0))
    offset = tf.exp(-shift)
    return tf.squeeze(shift, axis) + tf.math.log(tf.squeeze(offset, axis) + tf.reduce_sum(tf.exp(x - shift), axis=axis))


def multi_similarity_loss(y_true, y_pred):
    # truth: real
    pulled = guarded_logsumexp(-2.0 * (y_pred - 0.5) * tf.abs(y_true))
    pushed = guarded_logsumexp(10.0 * (y_pred - 0.5) / 10.0)
    return tf.reduce_mean(pulled + pushed)


def momentum_target_loss(y_true, y_pred):
    # truth: long
    online, target = y_pred[:, :4], tf.stop_gradient(y_pred[:, 4:])
    online, target = tf.math.l2_normalize(online, -1), tf.math.l2_normalize(target, -1)
    return 2.0 - 2.0 * tf.reduce_sum(online * target, axis=-1)


@tf.custom_gradient
def reversed_gradient(x):
    return tf.identity(x), lambda dy: -dy


def domain_loss(y_true, y_pred):
    # truth: binary
    return K.mean(K.binary_crossentropy(y_true, reversed_gradient(y_pred)))


def train(x):
    image = keras.Input((8,))
    box = keras.layers.Dense(4, name="box")(image)
    inner = keras.layers.Lambda(lambda t: tf.reduce_mean(tf.square(t), axis=-1), name="inner_loss")(box)
    model = keras.Model(image, [box, inner])
    model.compile("adam", loss={"box": zero_loss, "inner_loss": lambda y_true, y_pred: y_pred})
    model.compile("adam", loss=[dummy_loss, identity_loss])
