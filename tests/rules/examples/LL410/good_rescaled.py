"""Sums and means that are brought to the scale that is meant."""

import tensorflow as tf
import torch.nn.functional as F


def bound_loss(x, rebuilt, mu, log_var):
    error = tf.reduce_mean(tf.reduce_sum(tf.square(x - rebuilt), axis=-1))
    divergence = -0.5 * tf.reduce_sum(1 + log_var - tf.square(mu) - tf.exp(log_var))
    return error + divergence / tf.cast(tf.shape(x)[0], tf.float32)


def masked_loss(y_true, y_pred, mask):
    return tf.reduce_mean(tf.square(y_true - y_pred) * mask) * tf.math.reciprocal(tf.reduce_mean(mask) + 1e-6)


def distillation_loss(p, q):
    return F.kl_div(p.log_softmax(-1), q.softmax(-1), reduction="mean") * q.size(-1)
