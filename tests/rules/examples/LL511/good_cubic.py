import jax
import jax.numpy as jnp

@jax.custom_jvp
def cubic(x):
    return x ** 3

@cubic.defjvp
def cubic_jvp(primals, tangents):
    (x,), (moved,) = primals, tangents
    return cubic(x), 3.0 * x ** 2 * moved

def cubic_loss(pred, target):
    return jnp.mean(cubic(pred - target))
