import tensorflow as tf


@tf.custom_gradient
def product(x, y):
    return x * y, lambda g: (g * y, g * x)


def loss(y_true, y_pred):
    return -tf.reduce_mean(tf.math.log(product(tf.nn.relu(y_pred), 0.5)))  # expect: LL301
