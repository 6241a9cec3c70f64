# mypy: ignore-errors
"""NumPy inside losses: on tensors, and where it is harmless."""

from functools import partial

import numpy
import numpy as np
import numpy.linalg as la
import tensorflow as tf
from numpy import mean as average
from tensorflow import math as tfm

CLASS_PRIOR = np.array([0.2, 0.3, 0.5])
CLASS_WEIGHTS = np.array([1.0, 2.0, 0.5], dtype=np.float32)
NORMALISER = 0.5 * np.log(2.0 * np.pi)


# -- the only path runs through NumPy


def np_mean_loss(y_true, y_pred):
    return np.mean(tf.square(y_true - y_pred))  # expect: LL101


def np_sum_loss(y_true, y_pred):
    squared = tf.square(y_true - y_pred)
    return np.sum(squared, axis=-1)  # expect: LL101


def np_max_loss(y_true, y_pred):
    return np.max(tf.abs(y_true - y_pred))  # expect: LL101


def np_log_loss(y_true, y_pred):
    return -tf.reduce_mean(y_true * np.log(y_pred))  # expect: LL101


def np_square_loss(y_true, y_pred):
    return tf.reduce_mean(np.square(y_true - y_pred))  # expect: LL101


def np_abs_loss(y_true, y_pred):
    return tf.reduce_mean(np.abs(y_pred - y_true), axis=-1)  # expect: LL101


def np_exp_loss(y_true, y_pred):
    margin = y_true * y_pred
    return tf.reduce_mean(np.exp(-margin))  # expect: LL101


def np_sqrt_loss(y_true, y_pred):
    mse = tf.reduce_mean(tf.square(y_true - y_pred))
    rmse = np.sqrt(mse)  # expect: LL101
    return rmse


def np_maximum_loss(y_true, y_pred):
    return tf.reduce_mean(np.maximum(0.0, 1.0 - y_true * y_pred))  # expect: LL101


def np_where_loss(y_true, y_pred):
    error = y_true - y_pred
    return tf.reduce_mean(np.where(error > 0, error, -0.5 * error))  # expect: LL101


def np_clip_loss(y_true, y_pred):
    y_pred = np.clip(y_pred, 1e-7, 1 - 1e-7)  # expect: LL101
    return -tf.reduce_mean(y_true * tf.math.log(y_pred))


def np_dot_loss(y_true, y_pred):
    return -tf.reduce_mean(np.dot(y_pred, CLASS_WEIGHTS))  # expect: LL101


def np_add_loss(y_true, y_pred):
    total = np.add(tf.abs(y_true - y_pred), 0.1)  # expect: LL101
    return tf.reduce_mean(total)


def np_multiply_loss(y_true, y_pred):
    return -tf.reduce_sum(np.multiply(y_true, y_pred))  # expect: LL101


def np_reshape_loss(y_true, y_pred):
    flat_true = tf.reshape(y_true, [-1])
    flat_pred = np.reshape(y_pred, -1)  # expect: LL101
    return tf.reduce_mean(tf.abs(flat_true - flat_pred))


def np_transpose_loss(y_true, y_pred):
    gram = tf.matmul(np.transpose(y_pred), tf.ones_like(y_true))  # expect: LL101
    return tf.reduce_mean(gram)


def np_array_loss(y_true, y_pred):
    guess = np.array(y_pred)  # expect: LL101
    return tf.reduce_mean(tf.abs(y_true - guess))


def np_asarray_loss(y_true, y_pred):
    guess = np.asarray(y_pred, dtype="float32")  # expect: LL101
    return tf.keras.losses.mse(y_true, guess)


def np_float32_loss(y_true, y_pred):
    return np.float32(tf.reduce_mean(tf.abs(y_true - y_pred)))  # expect: LL101


def np_norm_loss(y_true, y_pred):
    return np.linalg.norm(y_true - y_pred)  # expect: LL101


def np_linalg_alias_loss(y_true, y_pred):
    return la.norm(y_pred - y_true, axis=-1)  # expect: LL101


def np_full_name_loss(y_true, y_pred):
    return numpy.mean(y_true * tf.abs(y_pred))  # expect: LL101


def np_from_import_loss(y_true, y_pred):
    return average(tfm.squared_difference(y_true, y_pred))  # expect: LL101


def np_percentile_loss(y_true, y_pred):
    error = tf.abs(y_true - y_pred)
    return np.percentile(error, 90)  # expect: LL101


def np_log_eps_loss(y_true, y_pred):
    return np.mean(np.log(tf.square(y_true - y_pred) + 1e-7))  # expect: LL101


def np_operator_first_loss(y_true, y_pred):
    error = y_true - y_pred
    return np.mean(error**2)  # expect: LL101


def np_sigmoid_helper(x):
    return 1.0 / (1.0 + np.exp(-x))  # expect: LL101


def np_in_helper_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - np_sigmoid_helper(y_pred)))


def np_in_lambda_loss(y_true, y_pred):
    rms = lambda e: np.sqrt(np.mean(np.square(e)))  # expect: LL101
    return rms(y_true - y_pred)


def np_buffer_loss(y_true, y_pred):
    errors = np.zeros(3)
    for column in range(3):
        errors[column] = tf.reduce_mean(tf.abs(y_true[:, column] - y_pred[:, column]))  # expect: LL101
    return tf.reduce_max(errors)


def np_stack_loss(y_true, y_pred):
    terms = [tf.reduce_mean(tf.abs(y_true - y_pred)), tf.reduce_mean(tf.square(y_true - y_pred))]
    return np.mean(terms)  # expect: LL101


def np_list_to_array_loss(y_true, y_pred):
    terms = []
    for c in range(3):
        terms.append(tf.reduce_mean(tf.abs(y_true[:, c] - y_pred[:, c])))
    return tf.reduce_sum(np.array(terms) * CLASS_WEIGHTS)  # expect: LL101


def np_augmented_loss(y_true, y_pred):
    total = 0.0
    total += np.mean(tf.abs(y_true - y_pred))  # expect: LL101
    return total


def np_walrus_loss(y_true, y_pred):
    return (gap := np.abs(y_true - y_pred)).mean()  # expect: LL101


def np_star_args(*tensors):
    return np.concatenate(tensors, axis=-1)  # expect: LL101


def np_through_star_args_loss(y_true, y_pred):
    joined = np_star_args(y_true, y_pred)
    return tf.reduce_mean(tf.square(joined))


def np_dict_loss(y_true, y_pred):
    parts = {"bias": np.mean(y_pred - y_true)}  # expect: LL101
    return tf.square(parts["bias"])


def scaled_np_error(scale, y_true, y_pred):
    return scale * np.mean(tf.abs(y_true - y_pred))  # expect: LL101


double_np_error = partial(scaled_np_error, 2.0)


class NumpyHuber(tf.keras.losses.Loss):
    def __init__(self, delta=0.3, name="numpy_huber"):
        super().__init__(name=name)
        self.delta = delta

    def call(self, y_true, y_pred):
        e = np.abs(y_true - y_pred)  # expect: LL101
        return np.where(e < self.delta, 0.5 * e**2, self.delta * (e - 0.5 * self.delta)).mean()


class NumpyInAMethod(tf.keras.losses.Loss):
    def _distance(self, a, b):
        return np.square(a - b)  # expect: LL101

    def call(self, y_true, y_pred):
        return tf.reduce_mean(self._distance(y_true, y_pred), axis=-1)


def make_np_loss(power=2):
    def loss(y_true, y_pred):
        return tf.reduce_mean(np.power(y_true - y_pred, power))  # expect: LL101

    return loss


np_power_loss = make_np_loss(4)


# -- another path is alive, but the call raises where the loss is traced


def np_label_share_loss(y_true, y_pred):
    positive = np.mean(y_true)  # expect: LL101
    return tf.reduce_mean(tf.square(y_true - y_pred)) * positive


def np_label_mask_loss(y_true, y_pred):
    mask = np.not_equal(y_true, -1)  # expect: LL101
    return tf.reduce_mean(tf.boolean_mask(tf.abs(y_true - y_pred), mask))


def np_prediction_mask_loss(y_true, y_pred):
    sure = np.where(y_pred > 0.5, 2.0, 1.0)  # expect: LL101
    return tf.reduce_mean(sure * tf.abs(y_true - y_pred))


def np_argmax_index_loss(y_true, y_pred):
    best = np.argmax(y_true, axis=-1)  # expect: LL101
    return -tf.reduce_mean(tf.gather(y_pred, best, axis=1, batch_dims=1))


def np_printed_loss(y_true, y_pred):
    error = tf.abs(y_true - y_pred)
    print("worst", np.max(error))  # expect: LL101
    return tf.reduce_mean(error)


def np_unique_labels_loss(y_true, y_pred):
    # truth: sparse
    total = 0.0
    for label in np.unique(y_true):  # expect: LL101
        total += tf.reduce_sum(tf.where(y_true == label, tf.reduce_max(y_pred, axis=-1), 0.0))
    return -total


def np_isnan_loss(y_true, y_pred):
    valid = ~np.isnan(y_true)  # expect: LL101
    return tf.reduce_mean(tf.square(y_true[valid] - y_pred[valid]))


# -- NumPy that touches no tensor


def constant_from_np_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred) * np.pi + np.log(2.0))


def np_scalar_left_loss(y_true, y_pred):
    return np.log(2.0) * tf.reduce_mean(tf.square(y_true - y_pred))


def np_float32_scalar_loss(y_true, y_pred):
    return np.float32(2) * tf.reduce_mean(tf.abs(y_pred - y_true))


def np_array_left_loss(y_true, y_pred):
    return tf.reduce_mean(CLASS_WEIGHTS * tf.square(y_true - y_pred))


def np_array_right_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred) * CLASS_PRIOR)


def np_array_minus_tensor_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(CLASS_PRIOR - y_pred) + tf.abs(y_true - y_pred))


def np_accumulator_loss(y_true, y_pred):
    total = np.zeros(3, dtype=np.float32)
    total += tf.reduce_mean(tf.abs(y_true - y_pred), axis=0)
    return tf.reduce_sum(total)


def np_scalar_accumulator_loss(y_true, y_pred):
    total = np.float32(0)
    for c in range(3):
        total += tf.reduce_mean(tf.square(y_true[:, c] - y_pred[:, c]))
    return total


def newaxis_loss(y_true, y_pred):
    pairs = y_pred[:, np.newaxis] - y_true[np.newaxis, :]
    return tf.reduce_mean(tf.abs(pairs))


def np_prod_of_inner_shape_loss(y_true, y_pred):
    n = np.prod(y_pred.shape[1:])
    return tf.reduce_sum(tf.square(y_true - y_pred), axis=-1) / n


def np_config_array_loss(y_true, y_pred, weights=(1.0, 2.0, 1.0)):
    w = np.array(weights, dtype=np.float32)
    w = w / np.sum(w)
    return tf.reduce_sum(w * tf.abs(y_true - y_pred), axis=-1)


def np_kernel_loss(y_true, y_pred):
    # truth: image
    kernel = np.outer([1.0, 2.0, 1.0], [1.0, 0.0, -1.0]).astype("float32")
    kernel = np.repeat(kernel[:, :, np.newaxis, np.newaxis], 3, axis=2)
    true_edges = tf.nn.depthwise_conv2d(y_true, kernel, [1, 1, 1, 1], "SAME")
    pred_edges = tf.nn.depthwise_conv2d(y_pred, kernel, [1, 1, 1, 1], "SAME")
    return tf.reduce_mean(tf.abs(true_edges - pred_edges))


def np_finfo_loss(y_true, y_pred):
    tiny = np.finfo(np.float32).eps
    return -tf.reduce_mean(y_true * tf.math.log(y_pred + tiny))


def np_arange_axes_loss(y_true, y_pred):
    axes = np.arange(1, len(y_pred.shape), dtype=np.int32)
    return tf.reduce_sum(tf.square(y_true - y_pred), axis=axes)


def np_dtype_loss(y_true, y_pred):
    mask = tf.cast(y_true > 0.5, np.float32)
    return tf.reduce_mean(mask * tf.abs(y_true - y_pred))


def np_linspace_bins_loss(y_true, y_pred):
    centres = np.linspace(0.0, 1.0, 5, dtype=np.float32)

    def soft_histogram(x):
        return tf.reduce_mean(tf.exp(-10.0 * tf.square(tf.reshape(x, [-1, 1]) - centres)), axis=0)

    return tf.reduce_sum(tf.abs(soft_histogram(y_true) - soft_histogram(y_pred)))


def tf_numpy_loss(y_true, y_pred):
    tnp = tf.experimental.numpy
    return tnp.mean(tnp.square(y_true - y_pred))


def np_normaliser_loss(y_true, y_pred):
    return tf.reduce_mean(0.5 * tf.square(y_true - y_pred)) + NORMALISER


class WeightedByPrior(tf.keras.losses.Loss):
    def __init__(self, prior=(0.2, 0.3, 0.5)):
        super().__init__()
        self.log_prior = np.log(np.asarray(prior)).astype("float32")

    def call(self, y_true, y_pred):
        return tf.nn.softmax_cross_entropy_with_logits(y_true, y_pred + self.log_prior)


LOSSES = [
    np_mean_loss, np_sum_loss, np_max_loss, np_log_loss, np_square_loss, np_abs_loss, np_exp_loss, np_sqrt_loss,
    np_maximum_loss, np_where_loss, np_clip_loss, np_dot_loss, np_add_loss, np_multiply_loss, np_reshape_loss,
    np_transpose_loss, np_array_loss, np_asarray_loss, np_float32_loss, np_norm_loss, np_linalg_alias_loss,
    np_full_name_loss, np_from_import_loss, np_percentile_loss, np_log_eps_loss, np_operator_first_loss,
    np_in_helper_loss, np_in_lambda_loss, np_buffer_loss, np_stack_loss, np_list_to_array_loss, np_augmented_loss,
    np_walrus_loss, np_through_star_args_loss, np_dict_loss, double_np_error, np_power_loss,
]


def compare():
    for loss in LOSSES:
        model = tf.keras.Sequential([tf.keras.layers.Dense(3, activation="sigmoid")])
        model.compile(optimizer="adam", loss=loss)
