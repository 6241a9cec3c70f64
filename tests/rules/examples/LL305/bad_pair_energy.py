import jax
import jax.numpy as jnp

def energy(places, sigma):
    apart = places[:, None, :] - places[None, :, :]
    r = jnp.sqrt(jnp.sum(apart**2, axis=-1))  # expect: LL303
    others = ~jnp.eye(places.shape[0], dtype=bool)
    return 0.5 * jnp.sum(jnp.where(others, (sigma / r) ** 6, 0.0))  # expect: LL305

forces = jax.grad(energy)
