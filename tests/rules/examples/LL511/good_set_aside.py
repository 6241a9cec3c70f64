import functools

import jax
import jax.numpy as jnp


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 2))
def bounded(limit, x, power):
    return limit * jnp.tanh(x / limit) ** power


def bounded_forward(limit, x, power):
    squashed = jnp.tanh(x / limit)
    return limit * squashed**power, squashed


def bounded_backward(limit, power, squashed, g):
    return (g * power * squashed ** (power - 1) * (1.0 - squashed**2),)


bounded.defvjp(bounded_forward, bounded_backward)


def bounded_loss(pred, target):
    return jnp.mean((bounded(3.0, pred, 1) - target) ** 2)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def scaled(x, factor):
    return factor * x**2


@scaled.defjvp
def scaled_jvp(factor, primals, tangents):
    (x,), (dx,) = primals, tangents
    return scaled(x, factor), 2.0 * factor * x * dx


def scaled_loss(pred, target):
    return jnp.mean(scaled(pred - target, 0.5))


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def reversed_gradient(x, strength):
    return x


reversed_gradient.defvjp(lambda x, strength: (x, None), lambda strength, _, g: (-strength * g,))


def adversary_loss(pred, target):
    return jnp.mean((reversed_gradient(pred, 0.3) - target) ** 2)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def clipped(x, bound):
    return x


def clipped_backward(bound, _, g):
    return (jnp.clip(g, -bound, bound),)


clipped.defvjp(lambda x, bound: (x, None), clipped_backward)


def clipped_loss(pred, target, bound=0.1):
    return jnp.mean((clipped(pred, bound) - target) ** 2)


def solver_of(function, guess):
    return function(guess)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def fixed_point(function, guess, level):
    return jax.lax.fori_loop(0, 20, lambda _, z: function(z) + level, guess)


def fixed_point_forward(function, guess, level):
    return fixed_point(function, guess, level), level


def fixed_point_backward(function, level, g):
    return jnp.zeros_like(g), 2.0 * g


fixed_point.defvjp(fixed_point_forward, fixed_point_backward)


def half(z):
    return 0.5 * z


def root_loss(pred, target):
    return jnp.mean((fixed_point(half, target, pred) - target) ** 2)


gradients = [jax.grad(loss) for loss in (bounded_loss, scaled_loss, adversary_loss, clipped_loss, root_loss)]
