import jax.numpy as jnp
import tensorflow as tf
import torch


def counts_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(tf.math.log1p(tf.nn.relu(y_pred)) - tf.math.log1p(y_true)))


def entropy_loss(y_true, y_pred):
    p = 0.99 * tf.sigmoid(y_pred)
    return -tf.reduce_mean(tf.math.xlog1py(1.0 - y_true, -p))


def shares_loss(logits, target):
    p = torch.sigmoid(logits)
    return -torch.special.xlog1py(1 - target, p).mean()


def bounded_loss(logits, target):
    return jnp.mean((1 - target) * jnp.log1p(jnp.maximum(-jnp.tanh(logits), -0.9)))
