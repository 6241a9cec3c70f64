import jax
import jax.numpy as jnp
import tensorflow as tf
import torch
from keras import ops
from tensorflow.keras import backend as K

def summed_loss(y_true, y_pred):
    p = tf.clip_by_value(y_pred, 1e-6, 1.0 - 1e-6)
    return -tf.keras.sum(y_true * tf.math.log(p), axis=-1)  # expect: LL409

def mean_loss(y_true, y_pred):
    return tf.mean(tf.square(tf.unsqueeze(y_true, 1) - y_pred), axis=-1)  # expect: LL409

def torch_loss(pred, target):
    return torch.reduce_mean((pred - target) ** 2)  # expect: LL409

def jax_loss(params, x, y):
    return jnp.reduce_sum((x @ params - y) ** 2)  # expect: LL409

slope = jax.grad(jax_loss)

def backend_loss(y_true, y_pred):
    inner = ops.reduce_sum(y_true * y_pred, axis=-1)  # expect: LL409
    return 1.0 - K.reduce_mean(inner)  # expect: LL409
