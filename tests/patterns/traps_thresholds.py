# mypy: ignore-errors
"""Comparisons, rounding and indices in losses that train all the same, and metrics that never have to."""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K


def smooth_l1_loss(y_true, y_pred):
    diff = K.abs(y_true - y_pred)
    near = K.cast(K.less(diff, 1.0), "float32")
    return near * 0.5 * diff**2 + (1.0 - near) * (diff - 0.5)


def huber_where_loss(y_true, y_pred):
    e = y_true - y_pred
    return tf.reduce_mean(tf.where(tf.abs(e) <= 0.5, e**2 / 2.0, 0.5 * (tf.abs(e) - 0.25)))


def focal(alpha=0.25, gamma=2.0, cutoff=0.5):
    def focal_loss(labels, predictions):
        # truth: mask
        alpha_factor = tf.ones_like(labels) * alpha
        alpha_factor = tf.where(tf.greater(labels, cutoff), alpha_factor, 1.0 - alpha_factor)
        focal_weight = tf.where(tf.greater(labels, cutoff), 1.0 - predictions, predictions)
        return tf.reduce_sum(alpha_factor * focal_weight**gamma * K.binary_crossentropy(labels, predictions))

    return focal_loss


focal_quarter = focal()


class HeadingLoss(keras.losses.Loss):
    """Angles in bins: the hard operations are all on the label."""

    def __init__(self, bins=4):
        super().__init__()
        self.bins = bins

    def call(self, y_true, y_pred):
        # truth: long
        width = 1.0 / self.bins
        shifted = tf.math.floormod(y_true[:, 0] + width / 2.0, 1.0)
        label = tf.math.floor(shifted / width)
        residual = shifted - label * width
        one_hot = tf.one_hot(tf.cast(label, tf.int32), self.bins)
        classes, offsets = y_pred[:, : self.bins], y_pred[:, self.bins :]
        cross_entropy = tf.nn.softmax_cross_entropy_with_logits(one_hot, classes)
        return cross_entropy + tf.abs(residual - tf.reduce_sum(one_hot * offsets, axis=-1))


def ignored_background_loss(y_true, y_pred, ignore_threshold=0.7):
    # truth: long
    box_true, box_pred = y_true[..., :4], y_pred[..., :4]
    overlap = tf.reduce_sum(tf.minimum(box_true, box_pred), -1) / tf.reduce_sum(tf.maximum(box_true, box_pred), -1)
    ignore_mask = K.cast(overlap < ignore_threshold, "float32")
    confidence = K.binary_crossentropy(y_true[..., 4], y_pred[..., 4])
    object_mask = y_true[..., 5]
    return K.mean(object_mask * confidence + (1.0 - object_mask) * confidence * ignore_mask)


def batch_all_loss(y_true, y_pred, margin=0.3):
    # truth: embeddings
    labels, embeddings = y_true, y_pred
    distance = tf.reduce_sum(tf.square(embeddings[:, None] - embeddings[None, :]), axis=-1)
    triplets = distance[:, :, None] - distance[:, None, :] + margin
    same = tf.equal(labels[:, None], labels[None, :])
    valid = tf.cast(same[:, :, None] & ~same[:, None, :], tf.float32)
    triplets = tf.maximum(valid * triplets, 0.0)
    active = tf.reduce_sum(tf.cast(tf.greater(triplets, 1e-16), tf.float32))
    return tf.reduce_sum(triplets) / (active + 1e-16)


def maybe_threshold(x, threshold=None):
    if threshold is not None:
        x = K.cast(K.greater(x, threshold), K.floatx())
    return x


def f_score(gt, pr, beta=1.0, smooth=1e-5, threshold=None):
    pr = maybe_threshold(pr, threshold)
    tp = K.sum(gt * pr)
    fp, fn = K.sum(pr) - tp, K.sum(gt) - tp
    return ((1 + beta**2) * tp + smooth) / ((1 + beta**2) * tp + beta**2 * fn + fp + smooth)


def f_score_loss(y_true, y_pred):
    # truth: mask
    return 1.0 - f_score(y_true, y_pred)


def star_iou_loss(y_true, y_pred):
    overlap = K.mean(K.sign(y_pred) * K.square(K.minimum(y_true, y_pred)), axis=-1)
    union = K.mean(K.square(K.maximum(y_true, y_pred)), axis=-1)
    return 1.0 - overlap / (union + K.epsilon())


def hamming_loss_fn(y_true, y_pred, threshold=0.5):
    """Counts wrong labels; wrapped by a metric below."""
    # truth: skip
    wrong = tf.cast(y_true, tf.float32) - tf.cast(y_pred > threshold, tf.float32)
    return tf.math.count_nonzero(wrong, axis=-1) / wrong.shape[-1]


class HammingMetric(keras.metrics.MeanMetricWrapper):
    def __init__(self, name="hamming"):
        super().__init__(hamming_loss_fn, name=name)


def tp(y_true, y_pred):
    # truth: skip
    positive = K.round(K.clip(y_pred, 0, 1))
    return (K.sum(K.round(y_true) * positive) + 1.0) / (K.sum(K.round(y_true)) + 1.0)


class SemanticLosses:
    def sensitivity(self, y_true, y_pred):
        hits = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
        return hits / (K.sum(K.round(K.clip(y_true, 0, 1))) + K.epsilon())

    def dice_loss(self, y_true, y_pred):
        overlap = K.sum(y_true * y_pred)
        return 1.0 - (2.0 * overlap + 1.0) / (K.sum(y_true) + K.sum(y_pred) + 1.0)


def hardest_pixels_loss(y_true, y_pred, k=8):
    # truth: mask
    per_pixel = tf.reshape(K.binary_crossentropy(y_true, y_pred), [-1, 64])
    hardest, _ = tf.math.top_k(per_pixel, k=k, sorted=False)
    return tf.reduce_mean(hardest)


def active_class_loss(y_true, y_pred):
    # truth: sparse logits
    target = tf.cast(y_true, tf.int64)
    guess = tf.argmax(y_pred, axis=-1)
    active = tf.gather(tf.constant([1.0, 1.0, 0.0]), guess)
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=y_pred) * active
    return tf.reduce_sum(loss) / (tf.reduce_sum(active) + 1.0)


def train():
    losses = SemanticLosses()
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, "sigmoid")])
    model.compile("adam", loss=losses.dice_loss, metrics=[tp, losses.sensitivity, HammingMetric(), f_score])
    model.compile("adam", loss=f_score_loss, metrics=["accuracy"])
