"""A contrast that is kept above 0 before its root is taken, or squared, or of which no power is taken."""

import tensorflow as tf


def contrast(x, y, c=9e-4):
    mean_x, mean_y = tf.nn.avg_pool2d(x, 5, 1, "VALID"), tf.nn.avg_pool2d(y, 5, 1, "VALID")
    var_x = tf.nn.avg_pool2d(x * x, 5, 1, "VALID") - mean_x**2
    var_y = tf.nn.avg_pool2d(y * y, 5, 1, "VALID") - mean_y**2
    cov = tf.nn.avg_pool2d(x * y, 5, 1, "VALID") - mean_x * mean_y
    return tf.reduce_mean((2.0 * cov + c) / (var_x + var_y + c), axis=(1, 2, 3))


def bounded_loss(y_true, y_pred):
    return 1.0 - tf.maximum(contrast(y_true, y_pred), 1e-4) ** 0.3


def squared_loss(y_true, y_pred):
    return 1.0 - contrast(y_true, y_pred) ** 2 + tf.reduce_mean(tf.abs(y_true - y_pred))


def plain_loss(y_true, y_pred):
    return 1.0 - contrast(y_true, y_pred)
