import jax
import jax.numpy as jnp

def unit(v):
    return v / (jnp.linalg.norm(v, axis=-1, keepdims=True) + 1e-8)

def direction_loss(params, x, direction):
    return jnp.mean((unit(x @ params["w"]) - direction) ** 2)

def masked_loss(params, x, mask, direction):
    return jnp.mean(((unit(x @ params["w"] + params["b"]) - direction) ** 2).sum(axis=-1) * mask)

steps = jax.value_and_grad(direction_loss), jax.value_and_grad(masked_loss)
