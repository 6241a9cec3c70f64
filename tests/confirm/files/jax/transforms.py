"""Losses whose gradients are asked for by the transforms of JAX."""

import jax
import jax.numpy as jnp


def entropy_of_softmax(logits, labels):
    probs = jax.nn.softmax(logits)
    return -jnp.mean(jnp.sum(labels * jnp.log(probs), axis=-1))  # LL301 confirmed


def entropy_of_log_softmax(logits, labels):
    return -jnp.mean(jnp.sum(labels * jax.nn.log_softmax(logits), axis=-1))


def distance(anchor, weights, positive):
    return jnp.sum(jnp.sqrt(jnp.sum(jnp.square(anchor @ weights - positive), axis=-1)))  # LL303 confirmed


def floor_of_second(scale, weights):
    return jnp.mean(jnp.square(scale * jnp.floor(weights)))  # LL107 confirmed


grads = jax.grad(floor_of_second, argnums=1)
steps = jax.value_and_grad(distance, argnums=(0, 1))


@jax.custom_vjp
def halved(x):
    return jnp.sum(jnp.square(x))


def halved_fwd(x):
    return halved(x), x


def halved_bwd(x, g):
    return (g * x,)  # LL513 confirmed


halved.defvjp(halved_fwd, halved_bwd)


@jax.jit
def step(params, batch):
    return jax.grad(lambda p: halved(batch @ p))(params)


def entropy_by_index(logits, label):
    return jnp.mean(jax.nn.logsumexp(logits) - logits[label])


def warmed_up(weights, x, y, step):
    error = jnp.mean(jnp.square(x @ weights - y))
    return jax.lax.cond(step > 100, lambda e: e, lambda e: 0.1 * e, error)


def noisy(weights, x, y, key):
    draws = jax.random.normal(key, x.shape)
    return jnp.mean(jnp.square((x + draws) @ weights - y))


slopes = jax.grad(entropy_by_index), jax.grad(warmed_up), jax.grad(noisy)
