# mypy: ignore-errors
"""Losses written with keras.ops, the multi-backend way of Keras 3."""

import keras
import numpy as np
from keras import ops
from keras.losses import Loss


def ops_round_loss(y_true, y_pred):
    return ops.mean(ops.abs(y_true - ops.round(y_pred)))  # expect: LL105


def ops_argmax_loss(y_true, y_pred):
    guess = ops.cast(ops.argmax(y_pred, axis=-1), "float32")  # expect: LL105
    return ops.mean(ops.abs(ops.cast(ops.argmax(y_true, axis=-1), "float32") - guess))


def ops_threshold_loss(y_true, y_pred):
    mask = ops.cast(y_pred > 0.5, "float32")  # expect: LL106
    return 1.0 - ops.sum(mask * y_true) / (ops.sum(mask) + ops.sum(y_true) + 1.0)


def ops_greater_loss(y_true, y_pred):
    hard = ops.where(ops.greater(y_pred, 0.5), 1.0, 0.0)  # expect: LL106
    return ops.mean(ops.square(y_true - hard))


def ops_one_hot_loss(y_true, y_pred):
    # truth: onehot
    hard = ops.one_hot(ops.argmax(y_pred, axis=-1), 3)  # expect: LL105
    return ops.mean(ops.square(y_true - hard))


def ops_floor_loss(y_true, y_pred):
    return ops.mean(ops.square(y_true - ops.floor(5.0 * y_pred) / 5.0))  # expect: LL105


def ops_integer_loss(y_true, y_pred):
    level = ops.cast(ops.cast(10.0 * y_pred, "int32"), "float32")  # expect: LL105
    return ops.mean(ops.abs(10.0 * y_true - level))


def ops_sign_loss(y_true, y_pred):
    # truth: real
    return ops.mean(ops.abs(ops.sign(y_true) - ops.sign(y_pred)))  # expect: LL107


def ops_stopped_loss(y_true, y_pred):
    y_pred = ops.stop_gradient(y_pred)  # expect: LL108
    return ops.mean(ops.square(y_true - y_pred))


def ops_to_numpy_loss(y_true, y_pred):
    p = ops.convert_to_numpy(y_pred)  # expect: LL102
    return ops.mean(ops.abs(y_true - p))


def np_in_ops_loss(y_true, y_pred):
    return ops.mean(ops.square(y_true - np.tanh(y_pred)))  # expect: LL101


def ops_if_loss(y_true, y_pred):
    loss = ops.mean(ops.abs(y_true - y_pred))
    if loss > 0.5:  # expect: LL201
        return 2.0 * loss
    return loss


def ops_discarded_loss(y_true, y_pred):
    ops.clip(y_pred, 1e-7, 1.0)  # expect: LL111
    return ops.mean(ops.abs(y_true - y_pred))


def ops_dead_term_loss(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred)) + 0.1 * ops.mean(ops.round(y_pred))  # expect: LL112


def ops_static_batch_loss(y_true, y_pred):
    return ops.sum(ops.abs(y_true - y_pred)) / y_pred.shape[0]  # expect: LL205


def ops_float_loss(y_true, y_pred):
    return 0.5 * float(ops.mean(ops.abs(y_true - y_pred)))  # expect: LL102


def ops_loop_loss(y_true, y_pred):
    total = 0.0
    for t, p in zip(y_true, y_pred):  # expect: LL203
        total = total + ops.mean(ops.abs(t - p))
    return total


def ops_count_loss(y_true, y_pred):
    return ops.cast(ops.count_nonzero(ops.relu(y_pred - 0.5)), "float32")  # expect: LL105


def ops_searchsorted_loss(y_true, y_pred):
    # truth: vector
    rank = ops.searchsorted(ops.convert_to_tensor([0.25, 0.5, 0.75]), y_pred)  # expect: LL105
    return ops.mean(ops.abs(4.0 * y_true - ops.cast(rank, "float32")))


@keras.saving.register_keras_serializable(package="losses")
class HardPrecision(Loss):
    def __init__(self, threshold=0.5, **kwargs):
        super().__init__(**kwargs)
        self.threshold = threshold

    def call(self, y_true, y_pred):
        # truth: binary
        p = ops.cast(ops.greater_equal(y_pred, self.threshold), y_pred.dtype)  # expect: LL106
        return 1.0 - ops.sum(p * y_true) / (ops.sum(p) + keras.config.epsilon())


# -- fine


def ops_mse_loss(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def ops_where_loss(y_true, y_pred):
    e = y_true - y_pred
    return ops.mean(ops.where(ops.abs(e) < 0.5, 0.5 * ops.square(e), 0.5 * (ops.abs(e) - 0.25)))


def ops_cond_loss(y_true, y_pred):
    loss = ops.mean(ops.abs(y_true - y_pred))
    return ops.cond(loss > 0.3, lambda: 2.0 * loss - 0.3, lambda: loss)


def ops_logsumexp_loss(y_true, y_pred):
    # truth: onehot logits
    return ops.logsumexp(y_pred, axis=-1) - ops.sum(y_true * y_pred, axis=-1)


def ops_median_loss(y_true, y_pred):
    return ops.mean(ops.median(ops.abs(y_true - y_pred), axis=-1))


def ops_take_along_axis_loss(y_true, y_pred):
    # truth: sparse column
    p = ops.take_along_axis(y_pred, ops.cast(y_true, "int32"), axis=-1)
    return -ops.mean(ops.log(p + 1e-7))


def ops_one_hot_of_label_loss(y_true, y_pred):
    # truth: sparse
    target = ops.one_hot(ops.cast(y_true, "int32"), 3)
    return keras.losses.categorical_crossentropy(target, y_pred)


def ops_shape_loss(y_true, y_pred):
    n = ops.cast(ops.shape(y_pred)[0], "float32")
    return ops.sum(ops.abs(y_true - y_pred)) / n


def ops_top_k_loss(y_true, y_pred):
    values, _ = ops.top_k(ops.mean(ops.abs(y_true - y_pred), axis=-1), k=2)
    return ops.mean(values)


def ops_vectorized_map_loss(y_true, y_pred):
    return ops.mean(ops.vectorized_map(lambda row: ops.max(ops.abs(row)), y_true - y_pred))


def ops_scan_of_static_columns_loss(y_true, y_pred):
    total = 0.0
    for c in range(y_pred.shape[-1]):
        total = total + ops.mean(ops.square(y_true[:, c] - y_pred[:, c])) * (c + 1)
    return total


def ops_weight_loss(y_true, y_pred):
    weight = ops.stop_gradient(ops.abs(y_true - y_pred))
    return ops.mean(weight * ops.square(y_true - y_pred))


@keras.saving.register_keras_serializable(package="losses")
class SoftF1(Loss):
    def __init__(self, epsilon=1e-6, name="soft_f1", **kwargs):
        super().__init__(name=name, **kwargs)
        self.epsilon = epsilon

    def call(self, y_true, y_pred):
        # truth: binary
        y_true = ops.cast(y_true, y_pred.dtype)
        tp = ops.sum(y_true * y_pred)
        return 1.0 - (2.0 * tp + self.epsilon) / (ops.sum(y_true) + ops.sum(y_pred) + self.epsilon)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
