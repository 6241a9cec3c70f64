# mypy: ignore-errors
"""Boxes: IoU family, YOLO, SSD, focal, heat maps."""

import math

import numpy as np
import tensorflow as tf
from tensorflow import keras

ANCHORS = np.array([[0.1, 0.2], [0.3, 0.4]], dtype="float32")


def smooth_l1(y_true, y_pred):
    absolute = tf.abs(y_true - y_pred)
    return tf.reduce_sum(tf.where(tf.less(absolute, 1.0), 0.5 * absolute**2, absolute - 0.5), axis=-1)


def log_loss(y_true, y_pred):
    y_pred = tf.maximum(y_pred, 1e-15)
    return -tf.reduce_sum(y_true * tf.math.log(y_pred), axis=-1)


class SSDLoss:
    def __init__(self, neg_pos_ratio=3, n_neg_min=0, alpha=1.0):
        self.neg_pos_ratio = neg_pos_ratio
        self.n_neg_min = n_neg_min
        self.alpha = alpha

    def compute_loss(self, y_true, y_pred):
        self.neg_pos_ratio = tf.constant(self.neg_pos_ratio)
        n_boxes = tf.shape(y_pred)[1]
        classification = log_loss(y_true[:, :, :-4], y_pred[:, :, :-4])
        localization = smooth_l1(y_true[:, :, -4:], y_pred[:, :, -4:])
        negatives = y_true[:, :, 0]
        positives = tf.cast(tf.reduce_max(y_true[:, :, 1:-4], axis=-1), tf.float32)
        n_positive = tf.reduce_sum(positives)
        pos_class_loss = tf.reduce_sum(classification * positives, axis=-1)
        neg_all = classification * negatives
        n_neg = tf.math.count_nonzero(neg_all, dtype=tf.int32)
        n_keep = tf.minimum(tf.maximum(self.neg_pos_ratio * tf.cast(n_positive, tf.int32), self.n_neg_min), n_neg)

        def no_negatives():
            return tf.zeros([tf.shape(y_pred)[0]])

        def some_negatives():
            flat = tf.reshape(neg_all, [-1])
            _, indices = tf.nn.top_k(flat, k=n_keep, sorted=False)
            keep = tf.scatter_nd(tf.expand_dims(indices, 1), tf.ones_like(indices), tf.shape(flat))
            keep = tf.cast(tf.reshape(keep, [tf.shape(y_pred)[0], n_boxes]), tf.float32)
            return tf.reduce_sum(classification * keep, axis=-1)

        neg_class_loss = tf.cond(tf.equal(n_neg, 0), no_negatives, some_negatives)
        loc_loss = tf.reduce_sum(localization * positives, axis=-1)
        total = (pos_class_loss + neg_class_loss + self.alpha * loc_loss) / tf.maximum(1.0, n_positive)
        return total * tf.cast(tf.shape(y_pred)[0], tf.float32)


def box_iou(b1, b2):
    mins = tf.maximum(b1[..., :2] - b1[..., 2:4] / 2.0, b2[..., :2] - b2[..., 2:4] / 2.0)
    maxes = tf.minimum(b1[..., :2] + b1[..., 2:4] / 2.0, b2[..., :2] + b2[..., 2:4] / 2.0)
    wh = tf.maximum(maxes - mins, 0.0)
    inter = wh[..., 0] * wh[..., 1]
    union = b1[..., 2] * b1[..., 3] + b2[..., 2] * b2[..., 3] - inter
    return inter / (union + 1e-6)


def iou_loss(y_true, y_pred):
    # truth: long
    return 1.0 - box_iou(y_true, y_pred)


def hard_iou_loss(y_true, y_pred):
    # truth: long
    good = box_iou(y_true, y_pred) > 0.5  # expect: LL106
    return 1.0 - tf.reduce_mean(tf.cast(good, tf.float32))


def int_box_loss(y_true, y_pred):
    # truth: long
    pixels = tf.cast(y_pred[..., :4] * 416.0, tf.int32)  # expect: LL105
    return 1.0 - box_iou(y_true * 416.0, tf.cast(pixels, tf.float32))


def giou_loss(y_true, y_pred):
    # truth: long
    t, p = y_true[..., :4], y_pred[..., :4]
    iou = box_iou(t, p)
    mins = tf.minimum(t[..., :2] - t[..., 2:] / 2.0, p[..., :2] - p[..., 2:] / 2.0)
    maxes = tf.maximum(t[..., :2] + t[..., 2:] / 2.0, p[..., :2] + p[..., 2:] / 2.0)
    hull = tf.reduce_prod(maxes - mins, axis=-1)
    union = tf.reduce_prod(t[..., 2:], -1) + tf.reduce_prod(p[..., 2:], -1)
    return 1.0 - (iou - (hull - union) / (hull + 1e-6))


def ciou_loss(y_true, y_pred):
    # truth: long
    t, p = y_true[..., :4], y_pred[..., :4]
    iou = box_iou(t, p)
    v = 4.0 / math.pi**2 * tf.square(tf.atan2(t[..., 2], t[..., 3]) - tf.atan2(p[..., 2], p[..., 3]))
    alpha = tf.stop_gradient(v / (1.0 - iou + v + 1e-6))
    distance = tf.reduce_sum(tf.square(t[..., :2] - p[..., :2]), -1)
    return 1.0 - iou + distance + alpha * v


def ciou_math_loss(y_true, y_pred):
    # truth: long
    t, p = y_true[0], y_pred[0]
    v = math.atan(t[2] / t[3]) - math.atan(p[2] / p[3])  # expect: LL103
    return 4.0 / math.pi**2 * v**2


def yolo_loss(y_true, y_pred, ignore_thresh=0.5):
    # truth: long
    xy, wh = tf.sigmoid(y_pred[..., :2]), tf.exp(tf.minimum(y_pred[..., 2:4], 4.0)) * ANCHORS[0]
    confidence, classes = y_pred[..., 4:5], y_pred[..., 5:]
    object_mask = tf.cast(y_true[..., 4:5] > 0.5, tf.float32)
    best_iou = box_iou(tf.concat([xy, wh], -1), y_true[..., :4])
    ignore_mask = tf.cast(best_iou < ignore_thresh, tf.float32)[..., None]
    scale = 2.0 - y_true[..., 2:3] * y_true[..., 3:4]
    xy_loss = object_mask * scale * tf.square(y_true[..., :2] - xy)
    wh_loss = object_mask * scale * tf.square(y_true[..., 2:4] - wh)
    bce = tf.nn.sigmoid_cross_entropy_with_logits(object_mask, confidence)
    confidence_loss = object_mask * bce + (1.0 - object_mask) * bce * ignore_mask
    class_loss = object_mask * tf.nn.sigmoid_cross_entropy_with_logits(y_true[..., 5:], classes)
    return tf.reduce_sum(xy_loss + wh_loss, -1) + tf.reduce_sum(confidence_loss, -1) + tf.reduce_sum(class_loss, -1)


def yolo_class_loss(y_true, y_pred):
    # truth: long
    xy_loss = tf.reduce_mean(tf.square(y_true[..., :2] - y_pred[..., :2]))
    guess = tf.argmax(y_pred[..., 4:], axis=-1)  # expect: LL112
    truth = tf.argmax(y_true[..., 4:], axis=-1)
    class_loss = tf.reduce_mean(tf.cast(tf.not_equal(guess, truth), tf.float32))
    return 5.0 * xy_loss + class_loss


def yolo_anchor_loop_loss(y_true, y_pred):
    # truth: long
    total = 0.0
    for anchor in ANCHORS:
        wh = y_pred[..., 2:4] * anchor
        total += tf.reduce_mean(tf.square(y_true[..., 2:4] - wh))
    return total


def yolo_cell_loop_loss(y_true, y_pred):
    # truth: long
    total = 0.0
    for t, p in zip(tf.unstack(y_true), tf.unstack(y_pred)):  # expect: LL205
        total += tf.reduce_sum(tf.square(t - p))
    return total


def yolo_if_object_loss(y_true, y_pred):
    # truth: long
    loss = tf.reduce_sum(tf.square(y_true[..., :4] - y_pred[..., :4]))
    n = tf.reduce_sum(y_true[..., 4])
    return loss / n if n > 0 else loss  # expect: LL201


def penalty_reduced_focal_loss(y_true, y_pred):
    # truth: mask
    positive = tf.cast(tf.equal(y_true, 1.0), tf.float32)
    negative = 1.0 - positive
    p = tf.clip_by_value(y_pred, 1e-4, 1.0 - 1e-4)
    pos = -tf.math.log(p) * tf.pow(1.0 - p, 2.0) * positive
    neg = -tf.math.log(1.0 - p) * tf.pow(p, 2.0) * tf.pow(1.0 - y_true, 4.0) * negative
    n = tf.reduce_sum(positive)
    return tf.cond(n > 0, lambda: (tf.reduce_sum(pos) + tf.reduce_sum(neg)) / n, lambda: tf.reduce_sum(neg))


def heatmap_peak_loss(y_true, y_pred):
    # truth: mask
    flat = tf.reshape(y_pred, [-1, 64])
    peak = tf.cast(tf.argmax(flat, axis=-1), tf.float32)  # expect: LL105
    truth = tf.cast(tf.argmax(tf.reshape(y_true, [-1, 64]), axis=-1), tf.float32)
    return tf.reduce_mean(tf.abs(peak // 8.0 - truth // 8.0) + tf.abs(peak % 8.0 - truth % 8.0))


def soft_peak_loss(y_true, y_pred):
    # truth: mask
    grid = tf.range(8.0)

    def centre(heat):
        weight = tf.nn.softmax(tf.reshape(heat, [-1, 64]) * 10.0)
        weight = tf.reshape(weight, [-1, 8, 8])
        return tf.reduce_sum(weight * grid[None, :, None], [1, 2]), tf.reduce_sum(weight * grid, [1, 2])

    (ty, tx), (py, px) = centre(y_true), centre(y_pred)
    return tf.reduce_mean(tf.abs(ty - py) + tf.abs(tx - px))


class FocalLoss(keras.losses.Loss):
    def __init__(self, alpha=0.25, gamma=2.0, from_logits=False, name="focal"):
        super().__init__(name=name)
        self._alpha, self._gamma, self._from_logits = alpha, gamma, from_logits

    def call(self, y_true, y_pred):
        # truth: binary
        if self._from_logits:
            y_pred = tf.sigmoid(y_pred)
        positive = tf.equal(y_true, 1.0)
        alpha = tf.where(positive, self._alpha, 1.0 - self._alpha)
        pt = tf.where(positive, y_pred, 1.0 - y_pred)
        loss = -alpha * tf.pow(1.0 - pt, self._gamma) * tf.math.log(tf.maximum(pt, 1e-7))
        return tf.reduce_sum(loss, axis=-1)


class FocalOnRounded(FocalLoss):
    def call(self, y_true, y_pred):
        # truth: binary
        return super().call(y_true, tf.round(y_pred))  # expect: LL105


class RetinaNetBoxLoss(keras.losses.Loss):
    def __init__(self, delta=1.0):
        super().__init__(reduction="none", name="RetinaNetBoxLoss")
        self._delta = delta

    def call(self, y_true, y_pred):
        difference = y_true - y_pred
        absolute = tf.abs(difference)
        squared = difference**2
        loss = tf.where(tf.less(absolute, self._delta), 0.5 * squared, absolute - 0.5)
        return tf.reduce_sum(loss, axis=-1)


def train(model):
    model.compile("adam", loss=SSDLoss().compute_loss)
    model.compile("adam", loss=ciou_math_loss)
