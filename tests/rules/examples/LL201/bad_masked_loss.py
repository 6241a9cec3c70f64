import jax
import jax.numpy as jnp

def masked_loss(w, x, y, mask):
    n = jnp.sum(mask)
    if n == 0:  # expect: LL201
        return 0.0
    return jnp.sum(mask * (x @ w - y) ** 2) / jnp.maximum(n, 1)

@jax.jit
def update(w, x, y, mask):
    return w - 0.1 * jax.grad(masked_loss)(w, x, y, mask)
