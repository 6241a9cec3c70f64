import jax
import jax.numpy as jnp
import tensorflow as tf

def distance(q, y):
    return tf.reduce_sum(tf.square(q * y - 1.0))

def fit(optimizer, y, w, batches):
    for q in batches:
        optimizer.minimize(lambda: distance(q, y), [y])
    for q in batches:
        optimizer.minimize(loss=lambda: distance(q, y), var_list=[y])
    for q in batches:
        def objective():
            return distance(q, y)
        optimizer.minimize(objective, [y])
    for q in batches:
        w -= jax.grad(lambda w: jnp.sum((w * q - 1.0) ** 2))(w)
    return w
