import jax
import jax.numpy as jnp

def unit(v):
    return v / (jnp.linalg.norm(v, axis=-1, keepdims=True) + 1e-8)

def filled_loss(params, x, mask, y):
    rows = jnp.where(mask[..., None], x @ params["w"], 1.0)
    return jnp.mean(((unit(rows) * y).sum(axis=-1) * mask) ** 2)

def shifted_loss(params, x, mask, y):
    rows = (x * mask[..., None]) @ params["w"] + params["b"]
    return jnp.mean((unit(rows) * y).sum(axis=-1) ** 2)

steps = jax.value_and_grad(filled_loss), jax.value_and_grad(shifted_loss)
