"""The contrast of two images is negative where one rises as the other falls, and has no fractional power there."""

import tensorflow as tf

WEIGHTS = (0.3, 0.3, 0.4)


def contrast(x, y, c=9e-4):
    mean_x, mean_y = tf.nn.avg_pool2d(x, 5, 1, "VALID"), tf.nn.avg_pool2d(y, 5, 1, "VALID")
    var_x = tf.nn.avg_pool2d(x * x, 5, 1, "VALID") - mean_x**2
    var_y = tf.nn.avg_pool2d(y * y, 5, 1, "VALID") - mean_y**2
    cov = tf.nn.avg_pool2d(x * y, 5, 1, "VALID") - mean_x * mean_y
    return tf.reduce_mean((2.0 * cov + c) / (var_x + var_y + c), axis=(1, 2, 3))


def multi_scale_loss(y_true, y_pred):
    total = 1.0
    for weight in WEIGHTS:
        total *= contrast(y_true, y_pred) ** weight  # expect: LL307
        y_true, y_pred = (tf.nn.avg_pool2d(image, 2, 2, "VALID") for image in (y_true, y_pred))
    return 1.0 - total
