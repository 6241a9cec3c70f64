import jax
import jax.numpy as jnp
import optax

def class_loss(w, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(x @ w, y.astype(jnp.float32)).mean()  # expect: LL407

def chosen_loss(w, x, y):
    y = jnp.asarray(y).astype("float32")
    picked = jnp.take_along_axis(jax.nn.log_softmax(x @ w), y[:, None], axis=1)  # expect: LL407
    return -picked.mean()

def row_loss(w, x, y):
    y = y.astype(jnp.float32)
    return -jax.nn.log_softmax(x @ w)[jnp.arange(len(y)), y].mean()  # expect: LL407

first, second, third = jax.grad(class_loss), jax.grad(chosen_loss), jax.grad(row_loss)
