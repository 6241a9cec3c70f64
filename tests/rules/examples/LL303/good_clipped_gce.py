import tensorflow as tf


def gce_loss(y_true, y_pred):
    p = tf.clip_by_value(y_pred, 1e-7, 1.0 - 1e-7)
    return tf.reduce_mean((1.0 - tf.pow(tf.reduce_sum(y_true * p, -1), 0.7)) / 0.7)
