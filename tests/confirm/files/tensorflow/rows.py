"""Rows that are reshaped into a table: a label has as many numbers as the table has rows."""

import tensorflow as tf


def of_pairs(y_true, y_pred):
    wanted = tf.reshape(y_true, [-1, 7])
    pairs = tf.reshape(y_pred, [-1, 7, 2])
    return tf.reduce_mean(tf.square(wanted - pairs[..., 0]) + tf.math.log(pairs[..., 1]))  # LL301 confirmed
