# mypy: ignore-errors
"""compile(run_eagerly=True): Python works on tensors, but what leaves the tape is still cut."""

import numpy as np
import tensorflow as tf


def branching_loss(y_true, y_pred):
    # truth: eager
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    if error > 0.5:
        return 2.0 * error
    print("error", error.numpy(), float(error), np.mean(y_true))
    return error


def loop_loss(y_true, y_pred):
    # truth: eager
    total = 0.0
    for t, p in zip(y_true, y_pred):
        total += max(tf.reduce_mean(tf.abs(t - p)), 0.0)
    return total / len(y_pred)


def label_weight_loss(y_true, y_pred):
    # truth: eager
    weight = np.where(y_true.numpy() > 0.5, 2.0, 1.0).astype("float32")
    return tf.reduce_mean(weight * tf.abs(y_true - y_pred))


def numpy_cut_loss(y_true, y_pred):
    # truth: eager
    return tf.reduce_mean(np.square(y_true - y_pred))  # expect: LL101


def numpy_method_loss(y_true, y_pred):
    # truth: eager
    return tf.convert_to_tensor(np.mean(np.abs((y_true - y_pred).numpy())))  # expect: LL102


def buffer_loss(y_true, y_pred):
    # truth: eager
    errors = np.zeros(3, dtype="float32")
    for c in range(3):
        errors[c] = tf.reduce_mean(tf.abs(y_true[:, c] - y_pred[:, c]))  # expect: LL101
    return tf.reduce_sum(errors)


def constant_factor_loss(y_true, y_pred):
    # truth: eager
    error = tf.reduce_mean(tf.square(y_true - y_pred))
    return error * np.sqrt(error)  # expect: LL109


def divided_by_float_loss(y_true, y_pred):
    # truth: eager
    error = tf.reduce_mean(tf.square(y_true - y_pred))
    return error / float(tf.reduce_mean(y_pred))  # expect: LL109


def powered_loss(y_true, y_pred):
    # truth: eager
    error = tf.reduce_mean(tf.square(y_true - y_pred)) + 0.5
    return error ** float(tf.reduce_mean(tf.abs(y_pred)))  # expect: LL109


def weighted_by_stopped_loss(y_true, y_pred):
    # truth: eager
    error = tf.reduce_mean(tf.square(y_true - y_pred))
    return error * tf.stop_gradient(tf.sqrt(error))


def rounded_loss(y_true, y_pred):
    # truth: eager
    return tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)))  # expect: LL105


def train(model):
    for loss in (branching_loss, loop_loss, label_weight_loss, numpy_cut_loss, numpy_method_loss, buffer_loss):
        model.compile("adam", loss=loss, run_eagerly=True)
    for loss in (constant_factor_loss, divided_by_float_loss, powered_loss, weighted_by_stopped_loss, rounded_loss):
        model.compile("adam", loss=loss, run_eagerly=True)
