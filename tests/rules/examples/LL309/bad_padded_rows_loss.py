import jax
import jax.numpy as jnp

def unit(v):
    return v / (jnp.linalg.norm(v, axis=-1, keepdims=True) + 1e-8)  # expect: LL309

def affinity_loss(params, parts, mask, target, affinity):
    scores = jnp.einsum("bsd,bd->bs", unit(parts @ params["part"]), unit(target @ params["target"]))
    return jnp.mean(((scores * mask).sum(axis=1) - affinity) ** 2)

step = jax.jit(jax.value_and_grad(affinity_loss))
