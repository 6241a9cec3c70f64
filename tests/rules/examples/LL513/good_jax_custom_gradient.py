"""Gradients of JAX's own custom_gradient that are the derivative, by themselves or in a tuple, and one that is clipped."""

import jax
import jax.numpy as jnp


@jax.custom_gradient
def squared(x):
    return x**2, lambda g: (2.0 * g * x,)


@jax.custom_gradient
def cubed(x):
    def gradient(g):
        return 3.0 * g * x**2

    return x**3, gradient


@jax.custom_gradient
def softened(x):
    return jnp.log1p(jnp.exp(x)), lambda g: g * (1.0 - 1.0 / (1.0 + jnp.exp(x)))


@jax.custom_gradient
def bounded(x):
    return x, lambda g: jnp.clip(g, -1.0, 1.0)


def misfit_loss(params, t, volts):
    model = params["amp"] * jnp.exp(-t / params["tau"])
    return jnp.mean(squared(model - volts) + cubed(model) + softened(bounded(model)))


start = {"amp": jnp.array(1.0), "tau": jnp.array(1.0)}
jax.grad(misfit_loss)(start, jnp.linspace(0.0, 1.0, 5), jnp.ones(5))
