import jax
import jax.numpy as jnp
import optax


def class_loss(w, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(x @ w, y.astype(jnp.float32).astype(jnp.int32)).mean()


def row_loss(w, x, y):
    y = y.astype(jnp.int32)
    rows = jax.nn.log_softmax(x.astype(jnp.float32) @ w)
    return -rows[jnp.arange(len(y)), y].mean() + (jax.nn.one_hot(y.astype(jnp.float32), 3) * rows).sum()


first, second = jax.grad(class_loss), jax.grad(row_loss)
