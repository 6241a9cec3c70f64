import math

import tensorflow as tf


def parts(b_true, b_pred):
    x1 = tf.maximum(b_true[..., 0], b_pred[..., 0])
    y1 = tf.maximum(b_true[..., 1], b_pred[..., 1])
    x2 = tf.minimum(b_true[..., 2], b_pred[..., 2])
    y2 = tf.minimum(b_true[..., 3], b_pred[..., 3])
    inter = tf.maximum(x2 - x1, 0.0) * tf.maximum(y2 - y1, 0.0)
    wp, hp = b_pred[..., 2] - b_pred[..., 0], b_pred[..., 3] - b_pred[..., 1]
    wt, ht = b_true[..., 2] - b_true[..., 0], b_true[..., 3] - b_true[..., 1]
    iou = inter / tf.maximum(wp * hp + wt * ht - inter, 1e-6)
    v = 4.0 / math.pi ** 2 * tf.square(tf.atan(wt / tf.maximum(ht, 1e-6)) - tf.atan(wp / tf.maximum(hp, 1e-6)))
    return iou, v


def ciou_loss(b_true, b_pred):
    iou, v = parts(b_true, b_pred)
    return tf.reduce_mean(1.0 - iou + v * v / (1.0 - iou + v + 1e-7))


def ciou2_loss(b_true, b_pred):
    iou, v = parts(b_true, b_pred)
    return tf.reduce_mean(1.0 - iou + v * tf.math.divide_no_nan(v, 1.0 - iou + v))


def ciou3_loss(b_true, b_pred):
    iou, v = parts(b_true, b_pred)
    return tf.reduce_mean(1.0 - iou + v * tf.stop_gradient(v / (1.0 + 1e-7 - iou + v)))
