import jax
import jax.numpy as jnp


def plain_loss(params, x, y):
    return jnp.mean((x @ params - y) ** 2)  # expect: LL404


def pair_loss(params, x, y):
    scores = x @ params
    return jnp.mean((scores - y) ** 2), scores


def named_loss(params, x, y):
    scores = x @ params
    return jnp.mean((scores - y) ** 2), {"scores": scores}


def model_loss(params, apply, x, y):
    return apply(params, x, y)


step = jax.value_and_grad(plain_loss, has_aux=True)
steps = [jax.value_and_grad(pair_loss, has_aux=True), jax.grad(named_loss, has_aux=True), jax.grad(model_loss, has_aux=True)]
