import jax
import jax.numpy as jnp

@jax.jit
def positive_loss(params, x, y):
    p = x @ params
    return jnp.sum(p[jnp.where(y > 0)]) + jnp.sum(jnp.compress(y > 0, p))  # expect: LL201 LL201
