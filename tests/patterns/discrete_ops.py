# mypy: ignore-errors
"""Thresholds, rounding, argmax, counting: as the only path to the loss, and beside another one."""

import keras
import tensorflow as tf
from tensorflow.keras import backend as K


# -- comparisons


def hard_positive_loss(y_true, y_pred):
    return tf.reduce_mean(tf.cast(y_pred > 0.5, tf.float32))  # expect: LL106


def hard_accuracy_loss(y_true, y_pred):
    # truth: binary
    hits = tf.equal(y_true > 0.5, y_pred > 0.5)  # expect: LL106
    return 1.0 - tf.reduce_mean(tf.cast(hits, tf.float32))


def hard_dice_loss(y_true, y_pred):
    # truth: mask
    mask = tf.cast(tf.greater(y_pred, 0.5), tf.float32)  # expect: LL106
    overlap = tf.reduce_sum(mask * y_true)
    return 1.0 - (2.0 * overlap + 1.0) / (tf.reduce_sum(mask) + tf.reduce_sum(y_true) + 1.0)


def hard_iou_loss(y_true, y_pred):
    # truth: mask
    p = K.cast(K.greater_equal(y_pred, 0.5), K.floatx())  # expect: LL106
    inter = K.sum(p * y_true)
    return 1.0 - (inter + 1.0) / (K.sum(p) + K.sum(y_true) - inter + 1.0)


def where_of_constants_loss(y_true, y_pred):
    wrong = tf.where(tf.abs(y_true - y_pred) > 0.25, 1.0, 0.0)  # expect: LL106
    return tf.reduce_mean(wrong)


def where_zeros_like_loss(y_true, y_pred):
    hard = tf.where(y_pred < 0.5, tf.zeros_like(y_pred), tf.ones_like(y_pred))  # expect: LL106
    return tf.reduce_mean(tf.abs(y_true - hard))


def to_float_loss(y_true, y_pred):
    return tf.compat.v1.to_float(tf.reduce_sum(y_pred)) - tf.reduce_sum(tf.cast(y_true > 0.5, tf.float32))


def logical_loss(y_true, y_pred):
    # truth: binary
    missed = tf.logical_and(y_true > 0.5, tf.logical_not(y_pred > 0.5))  # expect: LL106
    return tf.reduce_sum(tf.cast(missed, tf.float32))


def threshold_helper(x, threshold=0.5):
    return tf.cast(x > threshold, tf.float32)  # expect: LL106


def hard_f1_loss(y_true, y_pred):
    # truth: binary
    p = threshold_helper(y_pred)
    tp = tf.reduce_sum(p * y_true)
    precision, recall = tp / (tf.reduce_sum(p) + 1e-6), tp / (tf.reduce_sum(y_true) + 1e-6)
    return 1.0 - 2.0 * precision * recall / (precision + recall + 1e-6)


def multiplied_flag_loss(y_true, y_pred):
    correct = tf.cast(tf.abs(y_true - y_pred) < 0.1, tf.float32)  # expect: LL106
    return -tf.reduce_mean(correct * tf.abs(y_true))


def bool_mask_count_loss(y_true, y_pred):
    selected = tf.boolean_mask(y_true, y_pred > 0.5)  # expect: LL106
    return tf.reduce_sum(selected)


class HardMarginLoss(keras.losses.Loss):
    def __init__(self, threshold=0.3):
        super().__init__()
        self.threshold = threshold

    def call(self, y_true, y_pred):
        outside = tf.abs(y_true - y_pred) > self.threshold  # expect: LL106
        return tf.reduce_mean(tf.cast(outside, tf.float32), axis=-1)


# -- rounding, integers


def rounded_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)))  # expect: LL105


def rounded_clip_f1_loss(y_true, y_pred):
    # truth: binary
    tp = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))  # expect: LL105
    positives = K.sum(K.round(K.clip(y_true, 0, 1)))
    predicted = K.sum(K.round(K.clip(y_pred, 0, 1)))  # expect: LL105
    precision, recall = tp / (predicted + K.epsilon()), tp / (positives + K.epsilon())
    return 1.0 - 2.0 * precision * recall / (precision + recall + K.epsilon())


def floor_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - tf.floor(10.0 * y_pred) / 10.0))  # expect: LL105


def ceil_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(tf.math.ceil(y_pred) - y_true))  # expect: LL105


def floor_division_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred // 0.25))  # expect: LL105


def floordiv_function_loss(y_true, y_pred):
    bucket = tf.math.floordiv(y_pred, 0.1)  # expect: LL105
    return tf.reduce_mean(tf.square(y_true - bucket))


def integer_cast_loss(y_true, y_pred):
    level = tf.cast(tf.cast(8.0 * y_pred, tf.int32), tf.float32)  # expect: LL105
    return tf.reduce_mean(tf.abs(8.0 * y_true - level))


def integer_both_loss(y_true, y_pred):
    t, p = tf.cast(y_true * 100.0, "int32"), tf.cast(y_pred * 100.0, "int32")  # expect: LL105
    return tf.reduce_mean(tf.cast(tf.abs(t - p), tf.float32))


def rint_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - tf.math.rint(y_pred)))  # expect: LL105


def saturated_cast_loss(y_true, y_pred):
    pixels = tf.cast(tf.saturate_cast(255.0 * y_pred, tf.uint8), tf.float32)  # expect: LL105
    return tf.reduce_mean(tf.abs(255.0 * y_true - pixels))


# -- argmax and indices


def argmax_distance_loss(y_true, y_pred):
    guess = tf.cast(tf.argmax(y_pred, axis=-1), tf.float32)  # expect: LL105
    truth = tf.cast(tf.argmax(y_true, axis=-1), tf.float32)
    return tf.reduce_mean(tf.abs(truth - guess))


def accuracy_loss(y_true, y_pred):
    # truth: onehot
    hits = tf.equal(tf.argmax(y_true, axis=-1), tf.argmax(y_pred, axis=-1))  # expect: LL105
    return 1.0 - tf.reduce_mean(tf.cast(hits, tf.float32))


def returned_argmax_loss(y_true, y_pred):
    return tf.argmax(y_pred, axis=-1)  # expect: LL105


def one_hot_argmax_loss(y_true, y_pred):
    # truth: onehot
    hard = tf.one_hot(tf.argmax(y_pred, axis=-1), 3)  # expect: LL105
    return tf.reduce_mean(tf.square(y_true - hard))


def argsort_loss(y_true, y_pred):
    ranks = tf.cast(tf.argsort(y_pred, axis=-1), tf.float32)  # expect: LL105
    return tf.reduce_mean(tf.square(ranks - tf.cast(tf.argsort(y_true, axis=-1), tf.float32)))


def top_k_indices_loss(y_true, y_pred):
    _, best = tf.math.top_k(y_pred, k=2)  # expect: LL105
    return tf.reduce_mean(tf.gather(y_true, best, batch_dims=1))


def cost_table_loss(y_true, y_pred):
    # truth: onehot
    costs = tf.constant([[0.0, 1.0, 4.0], [1.0, 0.0, 1.0], [4.0, 1.0, 0.0]])
    guess = tf.argmax(y_pred, axis=-1)  # expect: LL105
    return tf.reduce_mean(tf.gather_nd(costs, tf.stack([tf.argmax(y_true, axis=-1), guess], axis=-1)))


def embedding_of_argmax_loss(y_true, y_pred):
    # truth: onehot
    vectors = tf.constant([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    predicted = tf.nn.embedding_lookup(vectors, tf.argmax(y_pred, axis=-1))  # expect: LL105
    return tf.reduce_mean(tf.abs(tf.matmul(y_true, vectors) - predicted))


# -- counting


def count_nonzero_loss(y_true, y_pred):
    return tf.cast(tf.math.count_nonzero(tf.nn.relu(y_pred - 0.5)), tf.float32)  # expect: LL105


def histogram_loss(y_true, y_pred):
    h = tf.histogram_fixed_width(y_pred, [0.0, 1.0], nbins=10)  # expect: LL105
    g = tf.histogram_fixed_width(y_true, [0.0, 1.0], nbins=10)
    return tf.reduce_mean(tf.abs(tf.cast(h - g, tf.float32)))


def unique_loss(y_true, y_pred):
    # truth: vector
    values, _ = tf.unique(y_pred)  # expect: LL105
    return tf.reduce_sum(values) - tf.reduce_sum(y_true)


def searchsorted_loss(y_true, y_pred):
    # truth: vector
    edges = tf.constant([0.25, 0.5, 0.75])
    bins = tf.searchsorted(edges, y_pred)  # expect: LL105
    return tf.reduce_mean(tf.abs(4.0 * y_true - tf.cast(bins, tf.float32)))


def in_top_k_loss(y_true, y_pred):
    # truth: sparse
    hits = tf.math.in_top_k(tf.cast(y_true, tf.int32), y_pred, k=2)  # expect: LL106
    return 1.0 - tf.reduce_mean(tf.cast(hits, tf.float32))


def confusion_loss(y_true, y_pred):
    # truth: sparse
    matrix = tf.math.confusion_matrix(tf.cast(y_true, tf.int32), tf.argmax(y_pred, axis=-1), num_classes=3)  # expect: LL105
    return 1.0 - tf.cast(tf.linalg.trace(matrix), tf.float32) / 6.0


def bincount_loss(y_true, y_pred):
    counts = tf.math.bincount(tf.cast(4.0 * y_pred, tf.int32), minlength=4, maxlength=4)  # expect: LL105
    return tf.reduce_mean(tf.abs(tf.cast(counts, tf.float32) - 4.0))


def metric_function_loss(y_true, y_pred):
    # truth: binary
    return 1.0 - tf.reduce_mean(keras.metrics.binary_accuracy(y_true, y_pred))  # expect: LL105


def tf_metric_function_loss(y_true, y_pred):
    # truth: onehot
    return 1.0 - tf.keras.metrics.categorical_accuracy(y_true, y_pred)  # expect: LL105


def random_categorical_loss(y_true, y_pred):
    # truth: onehot logits
    sample = tf.random.categorical(y_pred, 1)  # expect: LL105
    return tf.reduce_mean(tf.gather(y_true, sample, batch_dims=1))


def zero_fraction_loss(y_true, y_pred):
    return tf.math.zero_fraction(tf.nn.relu(y_pred - y_true))  # expect: LL105


def shuffled_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - tf.random.shuffle(y_pred)))  # expect: LL105


def range_loss(y_true, y_pred):
    grid = tf.range(0.0, tf.reduce_sum(y_pred), 0.1)  # expect: LL105
    return tf.reduce_mean(grid)


def one_argument_where_loss(y_true, y_pred):
    where = tf.where(y_pred > 0.5)  # expect: LL106
    return tf.reduce_mean(tf.cast(where, tf.float32))


def hsv_loss(y_true, y_pred):
    # truth: image
    back = tf.image.hsv_to_rgb(y_pred)  # expect: LL105
    return tf.reduce_mean(tf.abs(y_true - back))


def contrast_loss(y_true, y_pred):
    # truth: image
    return tf.reduce_mean(tf.abs(y_true - tf.image.adjust_contrast(y_pred, 2.0)))  # expect: LL105


def area_resize_loss(y_true, y_pred):
    # truth: image
    small = tf.image.resize(y_pred, (8, 8), method="area")  # expect: LL105
    return tf.reduce_mean(tf.abs(tf.image.resize(y_true, (8, 8)) - small))


# -- a zero slope


def sign_loss(y_true, y_pred):
    # truth: real
    return tf.reduce_mean(tf.abs(tf.sign(y_true) - tf.sign(y_pred)))  # expect: LL107


def direction_loss(y_true, y_pred):
    # truth: real
    agree = tf.sign(y_true) * tf.sign(y_pred)  # expect: LL107
    return 1.0 - tf.reduce_mean(agree)


def keras_sign_loss(y_true, y_pred):
    # truth: signs
    return K.mean(K.square(y_true - K.sign(y_pred)))  # expect: LL107


def steep_sigmoid_loss(y_true, y_pred):
    step = tf.sigmoid(1000.0 * (y_pred - 0.5))  # expect: LL107
    return tf.reduce_mean(tf.square(y_true - step))


def steep_argument_loss(y_true, y_pred, steepness=500.0):
    soft_count = tf.reduce_mean(tf.nn.sigmoid((tf.abs(y_true - y_pred) - 0.1) * steepness))  # expect: LL107
    return soft_count


def times_zero_loss(y_true, y_pred):
    # truth: no gradient
    return 0.0 * tf.reduce_sum(y_pred)


# -- the prediction is not used


def ignores_prediction_loss(y_true, y_pred):
    centre = tf.reduce_mean(y_true, axis=0)
    return tf.reduce_mean(tf.square(y_true - centre))  # expect: LL110


def overwritten_prediction_loss(y_true, y_pred):
    y_pred = tf.clip_by_value(y_true, 1e-7, 1.0)
    return -tf.reduce_mean(y_true * tf.math.log(y_pred))  # expect: LL110


def compared_with_itself_loss(y_true, y_pred):
    error = tf.square(y_true - y_true)
    return tf.reduce_mean(error)  # expect: LL110


def only_shape_loss(y_true, y_pred):
    n = tf.cast(tf.shape(y_pred)[0], tf.float32)
    return tf.reduce_sum(tf.abs(y_true)) / n  # expect: LL110


def ones_like_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - tf.ones_like(y_pred)))  # expect: LL110


# -- fine: masks, selectors, indices beside a path that is alive


def masked_square_loss(y_true, y_pred):
    mask = tf.cast(y_pred > 0.3, tf.float32)
    return tf.reduce_mean(mask * tf.square(y_true - y_pred) + 0.1 * tf.square(y_true - y_pred))


def selector_huber_loss(y_true, y_pred, delta=0.3):
    e = tf.abs(y_true - y_pred)
    small = tf.cast(e <= delta, tf.float32)
    return tf.reduce_mean(small * 0.5 * e**2 + (1.0 - small) * delta * (e - 0.5 * delta))


def label_mask_loss(y_true, y_pred):
    mask = tf.cast(tf.not_equal(tf.round(y_true), 1.0), tf.float32)
    return tf.reduce_sum(mask * tf.abs(y_true - y_pred)) / tf.maximum(tf.reduce_sum(mask), 1.0)


def one_hot_mask_loss(y_true, y_pred):
    chosen = tf.one_hot(tf.argmax(y_pred, axis=-1), 3)
    return tf.reduce_mean(tf.reduce_sum(chosen * y_pred, axis=-1) - y_true[:, 0])


def gather_argmax_loss(y_true, y_pred):
    best = tf.argmax(y_true, axis=-1)
    return -tf.reduce_mean(tf.math.log(tf.gather(y_pred, best, batch_dims=1) + 1e-7))


def boolean_mask_loss(y_true, y_pred):
    keep = y_true > 0.4
    return tf.reduce_mean(tf.abs(tf.boolean_mask(y_true, keep) - tf.boolean_mask(y_pred, keep)))


def boolean_index_loss(y_true, y_pred):
    keep = tf.greater(y_true, 0.4)
    return tf.reduce_mean(tf.square(y_true[keep] - y_pred[keep]))


def gather_nd_where_loss(y_true, y_pred):
    where = tf.where(y_true > 0.4)
    return tf.reduce_mean(tf.abs(tf.gather_nd(y_pred, where) - tf.gather_nd(y_true, where)))


def where_branches_loss(y_true, y_pred):
    e = y_true - y_pred
    return tf.reduce_mean(tf.where(e >= 0.0, 0.9 * e, -0.1 * e))


def sorted_values_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(tf.sort(y_true, axis=-1) - tf.sort(y_pred, axis=-1)))


def top_k_values_loss(y_true, y_pred):
    hardest, _ = tf.math.top_k(tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1), k=2)
    return tf.reduce_mean(hardest)


def signed_square_loss(y_true, y_pred):
    d = y_true - y_pred
    return tf.reduce_mean(tf.abs(tf.sign(d) * d**2))


def remainder_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square((y_true - y_pred + 0.5) % 1.0 - 0.5))


def half_precision_round_trip_loss(y_true, y_pred):
    y_pred = tf.cast(tf.cast(y_pred, tf.float16), tf.float32)
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def straight_through_loss(y_true, y_pred):
    hard = y_pred + tf.stop_gradient(tf.round(y_pred) - y_pred)
    return tf.reduce_mean(tf.square(y_true - hard))


def soft_argmax_loss(y_true, y_pred):
    # truth: onehot logits
    positions = tf.range(3.0)
    expected_position = tf.reduce_sum(tf.nn.softmax(y_pred) * positions, axis=-1)
    actual_position = tf.cast(tf.argmax(y_true, axis=-1), tf.float32)
    return tf.reduce_mean(tf.abs(actual_position - expected_position))


def soft_f1_loss(y_true, y_pred):
    # truth: binary
    tp = tf.reduce_sum(y_true * y_pred)
    return 1.0 - (2.0 * tp + 1e-6) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) + 1e-6)


def soft_threshold_loss(y_true, y_pred):
    soft = tf.sigmoid(10.0 * (y_pred - 0.5))
    return tf.reduce_mean(tf.square(y_true - soft))


def scatter_update_loss(y_true, y_pred):
    # truth: vector
    patched = tf.tensor_scatter_nd_update(y_pred, [[0]], [0.5])
    return tf.reduce_mean(tf.square(y_true - patched))


def sparse_cross_entropy_loss(y_true, y_pred):
    # truth: sparse logits
    classes = tf.cast(tf.round(y_true), tf.int32)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(classes, y_pred)


def one_hot_label_loss(y_true, y_pred):
    # truth: sparse
    target = tf.one_hot(tf.cast(y_true, tf.int32), 3)
    return -tf.reduce_mean(tf.reduce_sum(target * tf.math.log(y_pred + 1e-7), axis=-1))


def nearest_resize_loss(y_true, y_pred):
    # truth: image
    small = tf.image.resize(y_pred, (8, 8), method="nearest")
    return tf.reduce_mean(tf.abs(tf.image.resize(y_true, (8, 8), method="nearest") - small))


def fake_quantised_loss(y_true, y_pred):
    q = tf.quantization.fake_quant_with_min_max_args(y_pred, 0.0, 1.0)
    return tf.reduce_mean(tf.abs(y_true - q))


def reparameterised_loss(y_true, y_pred):
    sample = tf.random.normal(tf.shape(y_pred), mean=y_pred, stddev=0.1)
    return tf.reduce_mean(tf.square(y_true - sample))


def spectral_loss(y_true, y_pred):
    t, p = tf.signal.rfft(y_true), tf.signal.rfft(y_pred)
    return tf.reduce_mean(tf.abs(tf.abs(t) - tf.abs(p)))


def cumulative_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(tf.cumsum(y_true, axis=-1) - tf.cumsum(y_pred, axis=-1)))


def median_by_sort_loss(y_true, y_pred):
    e = tf.sort(tf.abs(y_true - y_pred), axis=-1)
    return tf.reduce_mean(e[:, 1])


def clipped_range_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - tf.clip_by_value(y_pred, 0.1, 0.9)))


def ignored_anchors_loss(y_true, y_pred):
    confident = tf.stop_gradient(tf.cast(tf.reduce_max(y_pred, axis=-1, keepdims=True) < 0.9, tf.float32))
    return tf.reduce_mean(confident * tf.square(y_true - y_pred))
