# mypy: ignore-errors
"""Segmentation losses, right and with one mistake each."""

import numpy as np
import tensorflow as tf
import tensorflow.keras.backend as K
from tensorflow.keras.losses import Loss, binary_crossentropy

SMOOTH = 1e-5


def dice_coef(y_true, y_pred, smooth=1.0):
    t, p = K.flatten(y_true), K.flatten(y_pred)
    overlap = K.sum(t * p)
    return (2.0 * overlap + smooth) / (K.sum(t) + K.sum(p) + smooth)


def dice_coef_loss(y_true, y_pred):
    # truth: mask
    return 1.0 - dice_coef(y_true, y_pred)


def bce_dice_loss(y_true, y_pred):
    # truth: mask
    return 0.5 * binary_crossentropy(y_true, y_pred) - dice_coef(y_true, y_pred)


def dice_with_argmax_loss(y_true, y_pred):
    # truth: masks
    classes = K.argmax(y_pred, axis=-1)  # expect: LL105
    hard = K.one_hot(classes, 3)
    overlap = K.sum(y_true * hard, axis=(1, 2))
    return 1.0 - K.mean((2.0 * overlap + 1.0) / (K.sum(y_true, axis=(1, 2)) + K.sum(hard, axis=(1, 2)) + 1.0))


def per_class_dice_loss(y_true, y_pred):
    # truth: masks
    total = 0.0
    for c in range(K.int_shape(y_pred)[-1]):
        total += dice_coef(y_true[..., c], y_pred[..., c])
    return 1.0 - total / K.int_shape(y_pred)[-1]


def per_class_hard_dice_loss(y_true, y_pred):
    # truth: masks
    guess = tf.argmax(y_pred, axis=-1)  # expect: LL105
    truth = tf.argmax(y_true, axis=-1)
    total = 0.0
    for c in range(3):
        p = tf.cast(tf.equal(guess, c), tf.float32)
        t = tf.cast(tf.equal(truth, c), tf.float32)
        total += (2.0 * tf.reduce_sum(p * t) + 1.0) / (tf.reduce_sum(p) + tf.reduce_sum(t) + 1.0)
    return 1.0 - total / 3.0


def tversky(y_true, y_pred, alpha=0.7):
    t, p = K.flatten(y_true), K.flatten(y_pred)
    tp = K.sum(t * p)
    fn, fp = K.sum(t * (1 - p)), K.sum((1 - t) * p)
    return (tp + SMOOTH) / (tp + alpha * fn + (1 - alpha) * fp + SMOOTH)


def focal_tversky_loss(y_true, y_pred, gamma=0.75):
    # truth: mask
    return K.pow(K.maximum(1.0 - tversky(y_true, y_pred), 1e-6), gamma)


def tversky_rounded_loss(y_true, y_pred):
    # truth: mask
    y_pred = K.round(y_pred)  # expect: LL105
    return 1.0 - tversky(y_true, y_pred)


def numpy_tversky_loss(y_true, y_pred, alpha=0.7):
    # truth: mask
    tp = np.sum(y_true * y_pred)  # expect: LL101
    fn = np.sum(y_true * (1 - y_pred))  # expect: LL101
    fp = np.sum((1 - y_true) * y_pred)  # expect: LL101
    return 1.0 - (tp + SMOOTH) / (tp + alpha * fn + (1 - alpha) * fp + SMOOTH)


def iou_rounded_loss(y_true, y_pred):
    # truth: mask
    def f(t, p):
        p = tf.math.round(p)  # expect: LL105
        inter = tf.reduce_sum(t * p, axis=[1, 2, 3])
        union = tf.reduce_sum(t, axis=[1, 2, 3]) + tf.reduce_sum(p, axis=[1, 2, 3]) - inter
        return tf.reduce_mean((inter + SMOOTH) / (union + SMOOTH))

    return 1.0 - f(y_true, y_pred)


def jaccard_distance_loss(y_true, y_pred, smooth=100):
    # truth: masks
    inter = K.sum(K.abs(y_true * y_pred), axis=-1)
    total = K.sum(K.abs(y_true) + K.abs(y_pred), axis=-1)
    return (1 - (inter + smooth) / (total - inter + smooth)) * smooth


def lovasz_grad(gt_sorted):
    gts = tf.reduce_sum(gt_sorted)
    inter = gts - tf.cumsum(gt_sorted)
    union = gts + tf.cumsum(1.0 - gt_sorted)
    jaccard = 1.0 - inter / union
    return tf.concat((jaccard[0:1], jaccard[1:] - jaccard[:-1]), 0)


def lovasz_hinge_loss(y_true, y_pred):
    # truth: mask
    labels, logits = tf.reshape(y_true, [-1]), tf.reshape(y_pred, [-1])
    signs = 2.0 * labels - 1.0
    errors = 1.0 - logits * tf.stop_gradient(signs)
    errors_sorted, perm = tf.nn.top_k(errors, k=tf.shape(errors)[0], name="descending")
    gt_sorted = tf.gather(labels, perm)
    grad = lovasz_grad(gt_sorted)
    return tf.tensordot(tf.nn.relu(errors_sorted), tf.stop_gradient(grad), 1, name="loss")


def lovasz_indices_loss(y_true, y_pred):
    # truth: mask
    labels, logits = tf.reshape(y_true, [-1]), tf.reshape(y_pred, [-1])
    errors = 1.0 - logits * (2.0 * labels - 1.0)
    perm = tf.argsort(errors, direction="DESCENDING")  # expect: LL105
    return tf.reduce_sum(lovasz_grad(tf.gather(labels, perm)) * tf.gather(labels, perm))


class ComboLoss(Loss):
    def __init__(self, alpha=0.5, ce_ratio=0.5, name="combo"):
        super().__init__(name=name)
        self.alpha, self.ce_ratio = alpha, ce_ratio

    def call(self, targets, inputs):
        # truth: mask
        targets, inputs = K.flatten(targets), K.flatten(inputs)
        dice = dice_coef(targets, inputs)
        inputs = K.clip(inputs, 1e-7, 1.0 - 1e-7)
        out = -(self.alpha * targets * K.log(inputs) + (1 - self.alpha) * (1.0 - targets) * K.log(1.0 - inputs))
        return self.ce_ratio * K.mean(out, axis=-1) - (1 - self.ce_ratio) * dice


class BoundaryAware(Loss):
    """Weights the cross-entropy by where the label changes."""

    def __init__(self, width=3, weight=5.0):
        super().__init__()
        self.width, self.weight = width, weight

    def call(self, y_true, y_pred):
        # truth: mask
        grown = tf.nn.max_pool2d(y_true, self.width, 1, "SAME")
        shrunk = -tf.nn.max_pool2d(-y_true, self.width, 1, "SAME")
        edge = tf.cast(grown - shrunk > 0.5, tf.float32)
        return tf.reduce_mean((1.0 + self.weight * edge[..., 0]) * binary_crossentropy(y_true, y_pred), axis=[1, 2])


class BoundaryOfPrediction(Loss):
    """The same with the edge of the prediction alone, which is a step."""

    def call(self, y_true, y_pred):
        # truth: mask
        mask = tf.cast(y_pred > 0.5, tf.float32)  # expect: LL106
        edge = tf.nn.max_pool2d(mask, 3, 1, "SAME") + tf.nn.max_pool2d(-mask, 3, 1, "SAME")
        true_edge = tf.nn.max_pool2d(y_true, 3, 1, "SAME") + tf.nn.max_pool2d(-y_true, 3, 1, "SAME")
        return tf.reduce_mean(tf.square(edge - true_edge))


def ohem_loss(y_true, y_pred, ratio=3):
    # truth: mask
    ce = K.binary_crossentropy(y_true, y_pred)
    positive = tf.reduce_sum(y_true * ce)
    n_positive = tf.reduce_sum(y_true)
    negatives = tf.reshape(ce * (1.0 - y_true), [-1])
    n_negative = tf.cast(tf.minimum(ratio * n_positive, tf.reduce_sum(1.0 - y_true)), tf.int32)
    hardest, _ = tf.nn.top_k(negatives, k=n_negative)
    return (positive + tf.reduce_sum(hardest)) / (n_positive + tf.cast(n_negative, tf.float32) + 1.0)


def ohem_python_loss(y_true, y_pred, ratio=3):
    # truth: mask
    ce = tf.reshape(K.binary_crossentropy(y_true, y_pred), [-1])
    n_positive = int(tf.reduce_sum(y_true))  # expect: LL102
    values, _ = tf.nn.top_k(ce, k=min(ratio * n_positive + 1, 64))
    return tf.reduce_mean(values)


def weighted_map_loss(y_true, y_pred):
    # truth: masks
    weights = np.array([0.1, 1.0, 3.0], dtype="float32")
    pixel_weight = tf.reduce_sum(y_true * weights, axis=-1)
    return tf.reduce_mean(tf.keras.losses.categorical_crossentropy(y_true, y_pred) * pixel_weight)


def mask_ignored_loss(y_true, y_pred, ignore_label=0):
    # truth: masks
    labels = tf.argmax(y_true, axis=-1)
    valid = tf.not_equal(labels, ignore_label)
    ce = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return tf.reduce_mean(tf.where(valid, ce, tf.zeros_like(ce)))


def sensitivity_specificity_loss(y_true, y_pred):
    # truth: mask
    tn = K.sum((1 - y_true) * (1 - y_pred))
    specificity = tn / (K.sum(1 - y_true) + K.epsilon())
    sensitivity = K.sum(y_true * y_pred) / (K.sum(y_true) + K.epsilon())
    return 1 - 0.5 * (specificity + sensitivity)


def sensitivity_rounded_loss(y_true, y_pred):
    # truth: mask
    neg_y_pred = K.round(1 - y_pred)  # expect: LL105
    tn = K.sum(K.round(1 - y_true) * neg_y_pred)
    return 1 - tn / (K.sum(1 - y_true) + K.epsilon())


def f1_threshold_loss(y_true, y_pred, threshold=0.5):
    # truth: mask
    y_pred = tf.where(y_pred >= threshold, 1.0, 0.0)  # expect: LL106
    tp = tf.reduce_sum(y_true * y_pred)
    fp = tf.reduce_sum((1 - y_true) * y_pred)
    fn = tf.reduce_sum(y_true * (1 - y_pred))
    return 1 - tp / (tp + 0.5 * (fp + fn) + 1e-7)


def macro_soft_f1_loss(y_true, y_pred):
    # truth: masks
    tp = tf.reduce_sum(y_pred * y_true, axis=0)
    fp = tf.reduce_sum(y_pred * (1 - y_true), axis=0)
    fn = tf.reduce_sum((1 - y_pred) * y_true, axis=0)
    soft_f1 = 2 * tp / (2 * tp + fn + fp + 1e-16)
    return tf.reduce_mean(1 - soft_f1)


def batch_loop_dice_loss(y_true, y_pred):
    # truth: mask
    batch_size = y_pred.shape[0]  # expect: LL205
    total = 0.0
    for i in range(batch_size):
        total += dice_coef(y_true[i], y_pred[i])
    return 1.0 - total / batch_size


def empty_mask_loss(y_true, y_pred):
    # truth: mask
    if K.sum(y_true) == 0:  # expect: LL201
        return K.mean(y_pred)
    return dice_coef_loss(y_true, y_pred)


def unet_weighted(weight_map):
    def loss(y_true, y_pred):
        # truth: mask
        p = K.clip(y_pred, K.epsilon(), 1 - K.epsilon())
        return -K.mean(weight_map * (y_true * K.log(p) + (1 - y_true) * K.log(1 - p)))

    return loss


unet_loss = unet_weighted(np.ones((8, 8, 1), "float32"))


def train(model):
    model.compile("adam", loss=numpy_tversky_loss, metrics=[dice_coef, tversky])
    model.compile("adam", loss=ComboLoss(), metrics=[dice_coef])
