import tensorflow as tf


def shifted_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred) + tf.math.log1p(1e-9 - tf.square(tf.tanh(y_pred))))  # expect: LL306


def added_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred) + tf.math.log(1.0 - tf.tanh(y_pred) ** 2 + 1e-9))  # expect: LL306


def between_loss(y_true, y_pred):
    inside = 1.0 + 1e-8 - tf.square(tf.tanh(y_pred))
    return tf.reduce_mean(tf.square(y_true - y_pred) + tf.math.log(inside))  # expect: LL306
