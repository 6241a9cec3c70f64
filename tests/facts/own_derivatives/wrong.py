# mypy: ignore-errors
import tensorflow as tf


@tf.custom_gradient
def log1pexp_bad(x):
    e = tf.exp(x)
    def grad(upstream):
        return upstream * (1 / (1 + e))  # expect: LL513
    return tf.math.log(1 + e), grad


@tf.custom_gradient
def cosine_bad(x):
    def grad(dy):
        return dy * tf.sin(x)  # expect: LL513
    return tf.cos(x), grad


@tf.custom_gradient
def bce_logits_bad(labels, logits):
    loss = tf.maximum(logits, 0.0) - logits * labels + tf.math.log1p(tf.exp(-tf.abs(logits)))
    def grad(dy):
        return None, dy * (labels - tf.sigmoid(logits))  # expect: LL513
    return loss, grad


@tf.custom_gradient
def quantile_smooth(y, q):
    def grad(dy):
        return None, dy * tf.sigmoid(y - q)  # expect: LL513
    return tf.math.softplus(q - y), grad


def parts_loss(y_true, y_pred):
    gap = y_pred - y_true
    parts = [
        log1pexp_bad(gap),
        cosine_bad(gap),
        bce_logits_bad(y_true, y_pred),
        quantile_smooth(y_true, y_pred),
    ]
    return tf.reduce_mean(tf.add_n(parts), axis=-1)
