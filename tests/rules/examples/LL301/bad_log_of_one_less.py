import jax
import jax.numpy as jnp
import tensorflow as tf
import torch


def bernoulli_loss(y_true, y_pred):
    p = tf.sigmoid(y_pred)
    return -tf.reduce_mean(y_true * tf.math.log_sigmoid(y_pred) + tf.math.xlog1py(1.0 - y_true, -p))  # expect: LL301


def absent_loss(logits, target):
    p = torch.sigmoid(logits)
    return -torch.special.xlog1py(1 - target, -p).mean()  # expect: LL301


def missed_loss(logits, target):
    return -jnp.mean((1 - target) * jnp.log1p(-jax.nn.sigmoid(logits)))  # expect: LL301
