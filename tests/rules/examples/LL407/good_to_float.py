import tensorflow as tf


def matched_loss(y_true, y_pred):
    boxes = tf.compat.v1.to_float(tf.shape(y_true)[1])
    matched = tf.reduce_mean(y_true[..., -1], axis=-1)
    return tf.minimum(3.0 * matched, boxes - matched) * tf.reduce_mean(tf.square(y_true - y_pred), axis=[1, 2])


