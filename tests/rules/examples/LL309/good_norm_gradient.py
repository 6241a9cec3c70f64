import tensorflow as tf


@tf.custom_gradient
def safe_norm(x):
    length = tf.linalg.norm(x, axis=-1, keepdims=True)

    def grad(upstream):
        return upstream * (x / (length + 1e-19))

    return length, grad


def distance_loss(y_true, y_pred):
    return tf.reduce_mean(safe_norm(y_true - y_pred))
