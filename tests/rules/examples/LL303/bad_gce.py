import tensorflow as tf


def gce_loss(y_true, y_pred):
    p = tf.nn.relu(y_pred)
    return tf.reduce_mean((1.0 - tf.pow(tf.reduce_sum(y_true * p, -1), 0.7)) / 0.7)  # expect: LL303
