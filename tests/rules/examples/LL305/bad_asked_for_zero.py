import jax
import jax.numpy as jnp
import tensorflow as tf

width = tf.Variable(tf.ones([3, 1]))


def pattern_step(theta, measured):
    with tf.GradientTape() as tape:
        u = width * tf.sin(theta)
        lobes = tf.where(tf.abs(u) < 1e-6, tf.ones_like(u), tf.sin(u) / u)  # expect: LL305
        loss = tf.reduce_mean(tf.square(measured - lobes))
    return tape.gradient(loss, [width])


def deviance(params, batch):
    x, counts = batch
    mu = jax.nn.softplus(x @ params["w"]) + 1e-4
    return 2.0 * jnp.mean(jnp.where(counts > 0, counts * jnp.log(counts / mu), 0.0) - (counts - mu))  # expect: LL305


step = jax.jit(jax.value_and_grad(deviance))
