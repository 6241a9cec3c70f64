import jax
import jax.numpy as jnp


@jax.custom_vjp
def clipped(x):
    return jnp.clip(x, 0.0, 1.0)


clipped.defvjp(lambda x: (clipped(x), None), lambda _, upstream: (upstream,))


@jax.custom_vjp
def wave(x):
    return jnp.sin(x), jnp.cos(x)


wave.defvjp(lambda x: (wave(x), x), lambda x, g: (g[0] * jnp.cos(x) - g[1] * jnp.sin(x),))


def pixel_loss(w, x, y):
    sine, cosine = wave(x @ w)
    return jnp.mean((clipped(x @ w) - y) ** 2 + sine * cosine)


slope = jax.grad(pixel_loss)
