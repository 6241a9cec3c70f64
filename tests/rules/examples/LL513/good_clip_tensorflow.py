import tensorflow as tf


@tf.custom_gradient
def clipped(x):
    return tf.clip_by_value(x, 0.0, 1.0), lambda upstream: upstream


@tf.custom_gradient
def between(x):
    def grad(upstream):
        return tf.identity(upstream)

    return tf.minimum(tf.maximum(x, 0.0), 1.0), grad


@tf.custom_gradient
def wave(x):
    def grad(upstream_sine, upstream_cosine):
        return upstream_sine * tf.cos(x) - upstream_cosine * tf.sin(x)

    return (tf.sin(x), tf.cos(x)), grad


@tf.custom_gradient
def powers(x):
    def grad(*upstreams):
        return upstreams[0] + 2.0 * upstreams[1] * x

    return [tf.identity(x), tf.square(x)], grad


def clipped_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(clipped(y_pred) - y_true) + tf.abs(between(y_pred) - y_true), axis=-1)


def wave_loss(y_true, y_pred):
    sine, cosine = wave(y_pred)
    first, second = powers(y_pred)
    return tf.reduce_mean(tf.square(sine * cosine - y_true) + first * second, axis=-1)
