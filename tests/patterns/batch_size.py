# mypy: ignore-errors
"""The static batch size: known only while every batch is full."""

import numpy as np
import tensorflow as tf
import tensorflow.keras.backend as K


def shape_divisor_loss(y_true, y_pred):
    return tf.reduce_sum(tf.square(y_true - y_pred)) / y_pred.shape[0]  # expect: LL205


def shape_variable_loss(y_true, y_pred):
    batch_size = y_true.shape[0]  # expect: LL205
    total = tf.reduce_sum(tf.abs(y_true - y_pred))
    return total / tf.cast(batch_size, tf.float32)


def range_of_shape_loss(y_true, y_pred):
    total = 0.0
    for i in range(y_pred.shape[0]):  # expect: LL205
        total += tf.reduce_mean(tf.abs(y_true[i] - y_pred[i]))
    return total


def compared_shape_loss(y_true, y_pred):
    if y_pred.shape[0] > 1:  # expect: LL205
        return tf.reduce_mean(tf.abs(y_true - y_pred))
    return tf.reduce_sum(tf.abs(y_true - y_pred))


def int_shape_loss(y_true, y_pred):
    n = K.int_shape(y_pred)[0]  # expect: LL205
    return K.sum(K.square(y_true - y_pred)) / n


def get_shape_loss(y_true, y_pred):
    n = y_pred.get_shape().as_list()[0]  # expect: LL205
    return tf.reduce_sum(tf.square(y_true - y_pred)) / float(n)


def unpacked_shape_loss(y_true, y_pred):
    batch, columns = y_pred.shape  # expect: LL205
    return tf.reduce_sum(tf.square(y_true - y_pred)) / (batch * columns)


def reshape_to_batch_loss(y_true, y_pred):
    flat = tf.reshape(y_pred, (y_pred.shape[0], -1))  # expect: LL205
    return tf.reduce_mean(tf.abs(y_true - flat))


def eye_loss(y_true, y_pred):
    similarity = tf.matmul(y_pred, y_true, transpose_b=True)
    return tf.reduce_mean(tf.square(similarity - tf.eye(y_pred.shape[0])))  # expect: LL205


def zeros_loss(y_true, y_pred):
    margin = tf.zeros((y_pred.shape[0], 1)) + 0.5  # expect: LL205
    return tf.reduce_mean(tf.maximum(tf.abs(y_true - y_pred) - margin, 0.0) + tf.abs(y_pred))


def np_prod_loss(y_true, y_pred):
    return tf.reduce_sum(tf.abs(y_true - y_pred)) / np.prod(y_pred.shape)  # expect: LL205


def unstack_batch_loss(y_true, y_pred):
    rows = tf.unstack(tf.abs(y_true - y_pred))  # expect: LL205
    return tf.add_n([tf.reduce_max(r) for r in rows])


def half_batch_loss(y_true, y_pred):
    half = y_pred.shape[0] // 2  # expect: LL205
    first, second = y_pred[:half], y_pred[half:]
    return tf.reduce_mean(tf.square(first - second)) + tf.reduce_mean(tf.abs(y_true - y_pred))


def pairs_loss(y_true, y_pred):
    n = y_true.shape[0]  # expect: LL205
    total = 0.0
    for i in range(n):
        for j in range(i + 1, n):
            total += tf.reduce_sum(tf.abs((y_true[i] - y_true[j]) - (y_pred[i] - y_pred[j])))
    return total


def batch_of(t):
    return t.shape[0]  # expect: LL205


def shape_in_helper_loss(y_true, y_pred):
    return tf.reduce_sum(tf.abs(y_true - y_pred)) / batch_of(y_pred)


class PerSample(tf.keras.losses.Loss):
    def call(self, y_true, y_pred):
        error = tf.square(y_true - y_pred)
        return tf.reduce_sum(error) / float(error.shape[0])  # expect: LL205


# -- fine


def dynamic_batch_loss(y_true, y_pred):
    n = tf.cast(tf.shape(y_pred)[0], y_pred.dtype)
    return tf.reduce_sum(tf.abs(y_true - y_pred)) / n


def k_shape_loss(y_true, y_pred):
    n = K.cast(K.shape(y_pred)[0], "float32")
    return K.sum(K.abs(y_true - y_pred)) / n


def tf_size_loss(y_true, y_pred):
    return tf.reduce_sum(tf.abs(y_true - y_pred)) / tf.cast(tf.size(y_pred), tf.float32)


def last_dimension_loss(y_true, y_pred):
    return tf.reduce_sum(tf.abs(y_true - y_pred), axis=-1) / y_pred.shape[-1] / y_true.shape[1]


def none_checked_loss(y_true, y_pred):
    n = y_pred.shape[0]
    if n is None:
        n = tf.shape(y_pred)[0]
    return tf.reduce_sum(tf.abs(y_true - y_pred)) / tf.cast(n, tf.float32)


def or_dynamic_loss(y_true, y_pred):
    n = y_pred.shape[0] or tf.shape(y_pred)[0]
    return tf.reduce_sum(tf.abs(y_true - y_pred)) / tf.cast(n, tf.float32)


def flattened_loss(y_true, y_pred):
    t, p = tf.reshape(y_true, (-1, y_true.shape[-1])), tf.reshape(y_pred, (-1, y_pred.shape[-1]))
    return tf.reduce_mean(tf.abs(t - p))


def printed_shape_loss(y_true, y_pred):
    print("batch", y_pred.shape[0], y_true.shape)
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def set_shape_loss(y_true, y_pred):
    y_true = tf.ensure_shape(y_true, y_pred.shape)
    y_true.set_shape(y_pred.get_shape())
    y_pred.shape.assert_is_compatible_with(y_true.shape)
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def unstack_columns_loss(y_true, y_pred):
    a, b, c = tf.unstack(tf.abs(y_true - y_pred), axis=-1)
    return tf.reduce_mean(a + 2.0 * b + 3.0 * c)


def unstack_counted_loss(y_true, y_pred):
    # truth: full batches
    rows = tf.unstack(tf.abs(y_true - y_pred), num=6)
    return tf.add_n([tf.reduce_max(r) for r in rows])


def shape_tail_loss(y_true, y_pred):
    # truth: image
    _, height, width, channels = y_pred.shape
    error = tf.reshape(tf.abs(y_true - y_pred), (-1, height * width, channels))
    return tf.reduce_mean(error, axis=[1, 2])


def kernel_shape_loss(y_true, y_pred):
    kernel = tf.ones((3, 2))
    projected = tf.matmul(y_pred - y_true, kernel) / float(kernel.shape[0])
    return tf.reduce_mean(tf.square(projected))


def transposed_axis_loss(y_true, y_pred):
    by_column = tf.transpose(tf.abs(y_true - y_pred))
    return tf.reduce_sum(tf.reduce_mean(by_column, axis=-1)) / by_column.shape[0]


def reduced_over_batch_loss(y_true, y_pred):
    centre = tf.reduce_mean(y_pred - y_true, axis=0)
    return tf.reduce_sum(tf.square(centre)) / centre.shape[0]
