import tensorflow as tf


def distance_iou_loss(y_true, y_pred):
    centre, size = y_pred[..., :2], tf.exp(y_pred[..., 2:])
    box = tf.concat([centre - size * 0.5, centre + size * 0.5], axis=-1)
    low = tf.minimum(box[..., :2], y_true[..., :2])
    high = tf.maximum(box[..., 2:], y_true[..., 2:4])
    enclosing = tf.reduce_sum(tf.square(high - low), axis=-1)
    area = (box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1])
    apart = tf.reduce_sum(tf.square(centre - 0.5 * (y_true[..., :2] + y_true[..., 2:4])), axis=-1)
    return tf.reduce_mean(apart / (enclosing + area))
