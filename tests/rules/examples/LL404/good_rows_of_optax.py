import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

net = nn.Dense(3)


def mean_loss(params, images, labels):
    return optax.softmax_cross_entropy_with_integer_labels(net.apply(params, images), labels).mean()


def one_row_loss(params, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(net.apply(params, x), y)


def masked_loss(params, batch):
    rows = optax.sigmoid_binary_cross_entropy(net.apply(params, batch["x"]), batch["y"])
    return jnp.sum(rows * batch["mask"][:, None]) / jnp.sum(batch["mask"])


def step(params, images, labels, batch):
    first = jax.grad(mean_loss)(params, images, labels)
    for x, y in zip(images, labels):
        first = jax.grad(one_row_loss)(params, x, y)
    return first, jax.grad(masked_loss)(params, batch)
