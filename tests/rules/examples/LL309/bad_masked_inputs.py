import jax
import jax.numpy as jnp

def unit(v):
    return v / (jnp.linalg.norm(v, axis=-1, keepdims=True) + 1e-8)  # expect: LL309

def direction_loss(params, x, mask, y):
    rows = (x * mask[..., None]) @ params["w"]
    return jnp.mean((unit(rows) * y).sum(axis=-1) ** 2)

step = jax.value_and_grad(direction_loss)
