import jax
import jax.numpy as jnp

def hinge_loss(params, x, y):
    margin = 1.0 - y * (x @ params)
    return jnp.sum(margin[margin > 0])  # expect: LL201

slope = jax.jit(jax.grad(hinge_loss))
