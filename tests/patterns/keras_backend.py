# mypy: ignore-errors
"""The ways people reach the backend: K under several names, tf.keras.backend, functions imported one by one."""

import tensorflow as tf
import tensorflow.keras.backend as K
import tensorflow.math as tm
from tensorflow.keras import backend, losses
from tensorflow.keras.backend import cast, greater, mean
from tensorflow.keras.backend import sum as ksum
from tensorflow.python.ops import math_ops

tfk = tf.keras
tfkb = tf.keras.backend


def k_round_loss(y_true, y_pred):
    return K.mean(K.abs(y_true - K.round(y_pred)), axis=-1)  # expect: LL105


def k_argmax_loss(y_true, y_pred):
    # truth: onehot
    return K.mean(K.cast(K.not_equal(K.argmax(y_true), K.argmax(y_pred)), "float32"))  # expect: LL105


def backend_greater_loss(y_true, y_pred):
    return backend.mean(backend.cast(backend.greater(y_pred, y_true), "float32"))  # expect: LL106


def imported_greater_loss(y_true, y_pred):
    wrong = cast(greater(tf.abs(y_true - y_pred), 0.2), "float32")  # expect: LL106
    return mean(wrong)


def tfkb_sign_loss(y_true, y_pred):
    # truth: real
    return tfkb.mean(tfkb.square(tfkb.sign(y_pred) - y_true))  # expect: LL107


def tm_floor_loss(y_true, y_pred):
    return tf.reduce_mean(tm.square(y_true - tm.floor(4.0 * y_pred) / 4.0))  # expect: LL105


def math_ops_loss(y_true, y_pred):
    return math_ops.reduce_mean(math_ops.cast(math_ops.greater(y_pred, 0.5), tf.float32))  # expect: LL106


def k_eval_loss(y_true, y_pred):
    scale = K.eval(K.max(y_true))  # expect: LL102
    return K.mean(K.abs(y_true - y_pred)) / scale


def k_get_value_loss(y_true, y_pred):
    loss = K.mean(K.square(y_true - y_pred))
    print(K.get_value(loss))  # expect: LL102
    return loss


def k_any_loss(y_true, y_pred):
    if K.any(y_true > 0.9):  # expect: LL201
        return K.mean(K.square(y_true - y_pred))
    return K.mean(K.abs(y_true - y_pred))


def k_stop_gradient_loss(y_true, y_pred):
    return K.mean(K.square(y_true - K.stop_gradient(y_pred)))  # expect: LL108


def k_variable_loss(y_true, y_pred):
    w = K.variable([1.0, 2.0, 3.0])  # expect: LL208
    return K.mean(w * K.square(y_true - y_pred))


def k_in_range_loss(y_true, y_pred):
    inside = K.all(K.less(K.abs(y_true - y_pred), 0.4), axis=-1)  # expect: LL106
    return 1.0 - K.mean(K.cast(inside, K.floatx()))


def k_recall_loss(y_true, y_pred):
    # truth: binary
    tp = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))  # expect: LL105
    possible = K.sum(K.round(K.clip(y_true, 0, 1)))
    return 1.0 - tp / (possible + K.epsilon())


compiled_lambda = lambda y_true, y_pred: K.mean(K.cast(y_pred > 0.5, "float32"))  # expect: LL106


# -- fine


def k_mse_loss(y_true, y_pred):
    return K.mean(K.square(y_pred - y_true), axis=-1)


def k_huber_loss(y_true, y_pred, clip_delta=0.5):
    error = y_true - y_pred
    small = K.abs(error) <= clip_delta
    return tf.where(small, 0.5 * K.square(error), clip_delta * (K.abs(error) - 0.5 * clip_delta))


def k_dice_loss(y_true, y_pred, smooth=1.0):
    # truth: mask
    t, p = K.flatten(y_true), K.flatten(y_pred)
    return 1.0 - (2.0 * K.sum(t * p) + smooth) / (K.sum(t) + K.sum(p) + smooth)


def k_clip_loss(y_true, y_pred):
    p = K.clip(y_pred, K.epsilon(), 1.0 - K.epsilon())
    return -K.mean(y_true * K.log(p) + (1.0 - y_true) * K.log(1.0 - p))


def k_switch_loss(y_true, y_pred):
    e = K.abs(y_true - y_pred)
    return K.mean(K.switch(e < 0.5, 0.5 * e * e, 0.5 * (e - 0.25)))


def k_batch_flatten_loss(y_true, y_pred):
    # truth: image
    return K.mean(K.square(K.batch_flatten(y_true) - K.batch_flatten(y_pred)), axis=-1)


def k_arange_loss(y_true, y_pred):
    positions = K.arange(0, 3, dtype="float32")
    return K.mean(K.square(K.sum(y_true * positions, axis=-1) - K.sum(y_pred * positions, axis=-1)))


def k_categorical_loss(y_true, y_pred):
    # truth: onehot
    return K.categorical_crossentropy(y_true, y_pred) + 0.1 * ksum(K.square(y_pred), axis=-1)


def k_mask_loss(y_true, y_pred):
    mask = K.cast(K.not_equal(y_true, 0.0), K.floatx())
    return K.sum(mask * K.abs(y_true - y_pred)) / K.maximum(K.sum(mask), 1.0)


def tfk_losses_loss(y_true, y_pred):
    # truth: binary
    return tfk.losses.binary_crossentropy(y_true, y_pred) + losses.BinaryCrossentropy()(y_true, y_pred)


weighted_lambda = lambda y_true, y_pred: K.mean(K.abs(y_true - y_pred) * (1.0 + y_true))


def train():
    model = tfk.Sequential([tfk.Input((3,)), tfk.layers.Dense(3)])
    model.compile("sgd", loss=compiled_lambda)
    model.compile("sgd", loss=[weighted_lambda, "mse"])
