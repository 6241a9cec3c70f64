"""Losses that jump where a mean switches: one number alone does not move it that far, all of them together do."""

import tensorflow as tf


def on_the_size_of_the_error(y_true, y_pred):
    big = tf.reduce_mean(tf.square(y_true - y_pred)) > 0.5
    a = tf.reduce_mean(tf.abs(y_true - y_pred))
    b = tf.reduce_mean(tf.square(y_true - y_pred)) * 5
    return tf.where(big, a, b)  # LL113 confirmed


def on_the_mean(y_true, y_pred):
    if tf.reduce_mean(y_pred) > 0.5:  # LL201 confirmed
        return tf.reduce_mean(tf.square(y_true - y_pred))  # LL113 confirmed
    return tf.reduce_mean(tf.abs(y_true - y_pred)) + 2.0


def meets_itself(y_true, y_pred):
    e = tf.reduce_mean(tf.abs(y_true - y_pred))
    return tf.where(e <= 1.0, 0.5 * e**2, e - 0.5)
