# mypy: ignore-errors
"""What AutoGraph converts in the user's own tf.function, and what it does not."""

import math

import numpy as np
import tensorflow as tf


# -- not converted, or converted into an error


@tf.function
def vector_condition_loss(y_true, y_pred):
    if y_pred > y_true:  # expect: LL201
        return tf.reduce_mean(tf.square(y_true - y_pred))
    return tf.reduce_mean(tf.abs(y_true - y_pred))


@tf.function
def float_condition_loss(y_true, y_pred):
    n = tf.reduce_sum(tf.round(y_true))
    loss = tf.reduce_sum(tf.abs(y_true - y_pred))
    if n:  # expect: LL201
        loss = loss / n
    return loss


@tf.function
def one_branch_only_loss(y_true, y_pred):
    loss = tf.reduce_mean(tf.abs(y_true - y_pred))
    if loss > 0.0:  # expect: LL201
        extra = 2.0 * loss
    return loss + extra


@tf.function
def raising_branch_loss(y_true, y_pred):
    if tf.reduce_any(tf.math.is_nan(y_pred)):  # expect: LL201
        raise ValueError("NaN in the prediction")
    return tf.reduce_mean(tf.abs(y_true - y_pred))


@tf.function
def appending_loop_loss(y_true, y_pred):
    rows = []
    for row in tf.abs(y_true - y_pred):  # expect: LL203
        rows.append(tf.reduce_mean(row))
    return tf.add_n(rows)


@tf.function
def converted_int_loss(y_true, y_pred):
    return tf.cast(int(10.0 * tf.reduce_mean(y_pred)), tf.float32)  # expect: LL102


@tf.function
def math_loss(y_true, y_pred):
    return math.sqrt(tf.reduce_mean(tf.square(y_true - y_pred)))  # expect: LL103


@tf.function
def numpy_loss(y_true, y_pred):
    return np.mean(tf.square(y_true - y_pred))  # expect: LL101


@tf.function
def enumerated_loss(y_true, y_pred):
    total = 0.0
    for i, row in enumerate(tf.abs(y_true - y_pred)):  # expect: LL203
        total += tf.reduce_mean(row)
    return total


@tf.function
def summed_loss(y_true, y_pred):
    return tf.reduce_mean(sum(tf.abs(y_true - y_pred)))  # expect: LL204


@tf.function
def variable_loss(y_true, y_pred):
    scale = tf.Variable(1.0)  # expect: LL208
    return scale * tf.reduce_mean(tf.abs(y_true - y_pred))


@tf.function(jit_compile=False, reduce_retracing=True)
def hard_loss(y_true, y_pred):
    return tf.reduce_mean(tf.cast(y_pred > 0.5, tf.float32))  # expect: LL106


# -- converted


@tf.function
def branches_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    if error > 0.5 and not tf.reduce_any(y_pred < 0.0):
        result = 2.0 * error
    elif 0.1 < error < 0.3:
        result = error
    else:
        result = 0.5 * error
    return result


@tf.function
def early_return_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    if error > 0.5:
        return 2.0 * error
    return error


@tf.function
def ternary_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    return 2.0 * error if error > 0.5 else error


@tf.function
def rows_loss(y_true, y_pred):
    total = 0.0
    for row in tf.abs(y_true - y_pred):
        total += tf.reduce_mean(row)
    return total


@tf.function
def range_loss(y_true, y_pred):
    total = 0.0
    for i in range(tf.shape(y_pred)[0]):
        total += tf.reduce_mean(tf.abs(y_true[i] - y_pred[i]))
    return total


@tf.function
def while_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    while error > 0.1:
        error = 0.5 * error
    return error


@tf.function
def length_loss(y_true, y_pred):
    return tf.reduce_sum(tf.abs(y_true - y_pred)) / float(len(y_pred))


@tf.function
def float_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    return error * float(error)


class Converted(tf.keras.losses.Loss):
    @tf.function
    def call(self, y_true, y_pred):
        error = tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
        if tf.reduce_mean(error) > 0.1:
            error = 2.0 * error
        return error


def calls_converted_loss(y_true, y_pred):
    @tf.function
    def gate(e):
        if tf.reduce_mean(e) > 0.2:
            return tf.square(e)
        return tf.abs(e)

    return tf.reduce_mean(gate(y_true - y_pred))
