import jax
import jax.numpy as jnp
from jax import lax


@jax.custom_vjp
def saturate(u):
    return jnp.tanh(u)


saturate.defvjp(lambda u: (y := jnp.tanh(u), y), lambda y, upstream: (upstream * (1.0 - y ** 2),))


def tracking_loss(gains, start, target):
    def tick(state, reference):
        force = saturate(gains["p"] * (reference - state))
        if reference.ndim:
            force = force * 1.0
        state = state + 0.05 * force
        return state, state

    _, states = lax.scan(tick, start, jnp.broadcast_to(target, (40, *start.shape)))
    return jnp.mean((states - target) ** 2)


slope = jax.grad(tracking_loss)
