import tensorflow as tf


def shifted_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred) + tf.math.log1p(1e-6 - tf.square(tf.tanh(y_pred))))


def scaled_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred) + tf.math.log1p(-0.99 * tf.square(tf.tanh(y_pred))))


def bounded_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred) + tf.math.log1p(tf.maximum(-tf.square(tf.tanh(y_pred)), -0.999999)))
