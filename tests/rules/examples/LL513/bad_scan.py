import jax
import jax.numpy as jnp
from jax import lax


@jax.custom_vjp
def saturate(u):
    return jnp.tanh(u)


saturate.defvjp(lambda u: (jnp.tanh(u), u), lambda u, upstream: (upstream * (1.0 - u ** 2),))  # expect: LL513


def tracking_loss(gains, start, target):
    def tick(state, _):
        force = saturate(gains["p"] * (target - state))
        state = state + 0.05 * force
        return state, state

    _, states = lax.scan(tick, start, None, length=40)
    return jnp.mean((states - target) ** 2)


slope = jax.grad(tracking_loss)
