import tensorflow as tf


def labelled_loss(y_true, y_pred):
    known = tf.cast(y_true > 0, tf.float32)
    count = tf.reduce_sum(known, -1)
    total = tf.reduce_sum(known * tf.square(y_pred - y_true), -1)
    return tf.reduce_mean(tf.where(count > 0, total / tf.where(count > 0, count, 1.0), 0.0))


def divergence_loss(y_true, y_pred):
    known = tf.where(y_true > 0, y_true * tf.math.log(y_true), 0.0)
    return tf.reduce_mean(known - y_true * tf.nn.log_softmax(y_pred))
