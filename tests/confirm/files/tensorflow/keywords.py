"""A custom gradient that has one more gradient than tensors by position: eager calls raise as well."""

import tensorflow as tf


@tf.custom_gradient
def scaled(x, factor):
    def grad(upstream):
        return upstream * factor, tf.reduce_sum(upstream * x)
    return x * factor, grad


def scaled_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(scaled(y_pred, factor=2.0) - y_true))  # LL514 confirmed
