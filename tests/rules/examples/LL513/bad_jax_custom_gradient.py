"""JAX's own custom_gradient returns the value and its gradient, as TensorFlow's does."""

import jax
import jax.numpy as jnp


@jax.custom_gradient
def squared(x):
    return x**2, lambda g: (g * x,)  # expect: LL513


def misfit_loss(params, t, volts):
    model = params["amp"] * jnp.exp(-t / params["tau"])
    return jnp.mean(squared(model - volts))


start = {"amp": jnp.array(1.0), "tau": jnp.array(1.0)}
jax.grad(misfit_loss)(start, jnp.linspace(0.0, 1.0, 5), jnp.ones(5))
