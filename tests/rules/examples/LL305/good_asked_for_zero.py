import jax
import jax.numpy as jnp
import tensorflow as tf

width = tf.Variable(tf.ones([3, 1]))


def pattern_step(theta, measured):
    with tf.GradientTape() as tape:
        u = width * tf.sin(theta)
        near = tf.abs(u) < 1e-6
        safe = tf.where(near, tf.ones_like(u), u)
        loss = tf.reduce_mean(tf.square(measured - tf.where(near, tf.ones_like(u), tf.sin(safe) / safe)))
    return tape.gradient(loss, [width])


def deviance(params, batch):
    x, counts = batch
    mu = jax.nn.softplus(x @ params["w"]) + 1e-4
    logarithm = jnp.log(jnp.maximum(counts, 1e-6)) - jnp.log(mu)
    return 2.0 * jnp.mean(jnp.where(counts > 0, counts * logarithm, 0.0) - (counts - mu))


def weighted_mse(params, batch):
    x, y, n = batch
    error = jnp.square(x @ params["w"] - y)
    return jnp.sum(jnp.where(n > 0, error / jnp.maximum(n, 1), 0.0)) + jnp.mean(jnp.where(n > 0, jnp.log(n + 1e-8), 0.0) * error)


step = jax.jit(jax.value_and_grad(deviance))
weighted_step = jax.jit(jax.value_and_grad(weighted_mse))
