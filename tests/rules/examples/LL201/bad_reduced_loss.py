import jax
import jax.numpy as jnp

@jax.jit
def reduced_loss(params, x, y, reduction):
    error = (x @ params - y) ** 2
    return error.mean() if reduction == "mean" else error.sum()

slope = jax.grad(reduced_loss)(jnp.ones(3), jnp.ones((4, 3)), jnp.ones(4), "mean")  # expect: LL201
