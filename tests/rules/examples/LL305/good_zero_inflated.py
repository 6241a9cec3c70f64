import tensorflow as tf


def zip_loss(y_true, rate, pi):
    rate = tf.clip_by_value(rate, 1e-4, 50.0)
    ll = tf.where(y_true == 0, tf.math.log(pi + (1 - pi) * tf.exp(-rate)), y_true * tf.math.log(rate) - rate)
    return -tf.reduce_mean(ll)


def gated_loss(y_true, rate, gate):
    rate = tf.clip_by_value(rate, 1e-4, 50.0)
    ll = tf.where(y_true == 0, tf.math.log(gate + (1 - gate) * tf.exp(-rate)), y_true * tf.math.log(rate) - rate)
    return -tf.reduce_mean(ll)
