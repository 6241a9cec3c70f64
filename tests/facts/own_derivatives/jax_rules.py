# mypy: ignore-errors
import jax
import jax.numpy as jnp


@jax.custom_vjp
def f1(x, y):
    return jnp.sin(x) * y

def f1_fwd(x, y):
    return f1(x, y), (jnp.cos(x), jnp.sin(x), y)

def f1_bwd(res, g):
    cx, sx, y = res
    return (cx * g * y, sx * g)

f1.defvjp(f1_fwd, f1_bwd)


@jax.custom_vjp
def f2(x, y):
    return jnp.sin(x) * y

def f2_fwd(x, y):
    return f2(x, y), (jnp.cos(x), jnp.sin(x), y)

def f2_bwd(res, g):
    cx, sx, y = res
    return (sx * g, cx * g * y)  # expect: LL513

f2.defvjp(f2_fwd, f2_bwd)


@jax.custom_vjp
def clip_gradient(lo, hi, x):
    return x

def cg_fwd(lo, hi, x):
    return x, (lo, hi)

def cg_bwd(res, g):
    lo, hi = res
    return (None, None, jnp.clip(g, lo, hi))

clip_gradient.defvjp(cg_fwd, cg_bwd)


@jax.custom_jvp
def log1pexp(x):
    return jnp.log(1. + jnp.exp(x))

@log1pexp.defjvp
def log1pexp_jvp(primals, tangents):
    x, = primals
    x_dot, = tangents
    return log1pexp(x), (1 - 1 / (1 + jnp.exp(x))) * x_dot


@jax.custom_jvp
def bad_jvp(x):
    return jnp.log(1. + jnp.exp(x))

@bad_jvp.defjvp
def bad_jvp_jvp(primals, tangents):
    x, = primals
    x_dot, = tangents
    return bad_jvp(x), (1 / (1 + jnp.exp(x))) * x_dot  # expect: LL513


@jax.custom_jvp
def f3(x, y):
    return jnp.sin(x) * y

@f3.defjvp
def f3_jvp(primals, tangents):
    x, y = primals
    x_dot, y_dot = tangents
    return f3(x, y), jnp.cos(x) * x_dot * y + jnp.sin(x) * y_dot


def loss(params, x, y):
    p = x @ params
    return jnp.mean(f1(p, y) + f2(p, y) + clip_gradient(-1., 1., p) ** 2 + log1pexp(p) + bad_jvp(p) + f3(p, y))

g = jax.grad(loss)
