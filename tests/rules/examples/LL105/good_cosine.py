import jax
import jax.numpy as jnp

f32 = jnp.float32

def cosine_loss(prediction, target):
    prediction, target = f32(prediction), jax.lax.stop_gradient(f32(target))
    return 1.0 - jnp.mean(jnp.sum(prediction * target, axis=-1))
