"""A correlation is no less than -1, and what a length is made of with 1 more is longer than the vector."""

import tensorflow as tf


def correlation_loss(y_true, y_pred):
    mean_true, mean_pred = tf.reduce_mean(y_true), tf.reduce_mean(y_pred)
    cov = tf.reduce_mean(y_true * y_pred) - mean_true * mean_pred
    r = cov / tf.sqrt(tf.math.reduce_variance(y_true) * tf.math.reduce_variance(y_pred) + 1e-6)
    return -tf.math.log((1.0 + r) / 2.0 + 1e-3)


def soft_angle_loss(y_true, y_pred):
    length_true = tf.sqrt(tf.reduce_sum(y_true * y_true, -1) + 1.0)
    length_pred = tf.sqrt(tf.reduce_sum(y_pred * y_pred, -1) + 1.0)
    return tf.reduce_mean(tf.acos(tf.reduce_sum(y_true * y_pred, -1) / (length_true * length_pred)))


def twice_loss(y_true, y_pred):
    error = y_pred - y_true
    twice = 2.0 * error
    spread = tf.reduce_mean(error * twice) - tf.reduce_mean(error) * tf.reduce_mean(twice)
    return tf.reduce_mean(tf.square(error)) + tf.math.log(spread + 1.0)


def shorter_loss(y_true, y_pred):
    a, b = tf.math.l2_normalize(y_true, -1), 0.99 * tf.math.l2_normalize(y_pred, -1)
    return tf.reduce_mean(tf.acos(tf.reduce_sum(a * b, -1)))
