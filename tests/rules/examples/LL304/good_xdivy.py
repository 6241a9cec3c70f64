import tensorflow as tf


def inverse_loss(y_true, y_pred):
    p = tf.nn.softmax(y_pred)
    return tf.reduce_mean(tf.reduce_sum(tf.math.xdivy(y_true, p + 1e-6), -1))


def known_loss(y_true, y_pred):
    known = tf.cast(y_true > 0, tf.float32)
    return tf.math.xdivy(tf.reduce_sum(known * tf.square(y_true - y_pred)), tf.reduce_sum(known))


def scaled_loss(y_true, y_pred):
    return tf.reduce_mean(tf.math.xdivy(tf.square(y_true - y_pred), tf.square(y_pred) + 1.0))


def deviance_loss(y_true, y_pred):
    rate = tf.nn.relu(y_pred)
    return tf.reduce_mean(tf.math.xdivy(y_true, rate + 1e-3) + tf.math.log(tf.math.softplus(y_pred) + 1e-3))
