import jax
import jax.numpy as jnp

@jax.custom_vjp
def bounded(x, bound):
    return x

bounded.defvjp(lambda x, bound: (x, bound), lambda bound, upstream: (jnp.clip(upstream, -bound, bound),))  # expect: LL512

@jax.custom_vjp
def softened(x):
    return jnp.logaddexp(x, 0.0)

def softened_forward(x):
    return x, softened(x)  # expect: LL512

def softened_backward(x, upstream):
    return (upstream * jax.nn.sigmoid(x),)

softened.defvjp(softened_forward, softened_backward)

def margin_loss(params, x, y):
    return jnp.mean(softened(bounded(x @ params, 1.0) * -y))

slope = jax.grad(margin_loss)
