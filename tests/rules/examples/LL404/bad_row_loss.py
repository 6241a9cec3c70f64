import jax
import jax.numpy as jnp

def row_loss(params, x, y):
    return jnp.mean((x @ params - y) ** 2, axis=1)  # expect: LL404

def logged_loss(params, x, y):
    error = x @ params - y
    return jnp.mean(error ** 2), {"largest": jnp.max(error)}  # expect: LL404

def lost_loss(params, x, y):  # expect: LL404
    loss = jnp.mean(jnp.abs(x @ params - y))

gradients = [jax.grad(row_loss), jax.jit(jax.value_and_grad(logged_loss)), jax.grad(lost_loss)]
