"""Whether a whole vector is 0 is one truth value, and so is the choice it makes."""

import jax
import jax.numpy as jnp


def guarded_norm(v, axis=-1):
    nothing = jnp.allclose(v, 0.0)
    filled = jnp.where(nothing, jnp.ones_like(v), v)
    return jnp.where(nothing, 0.0, jnp.linalg.norm(filled, axis=axis))


def torque_loss(q):
    return 0.5 * guarded_norm(q[:3]) ** 2 + guarded_norm(q[3:] - 1.0) + 0.1 * jnp.sum(q**2)


jax.grad(torque_loss)(jnp.zeros(6))
