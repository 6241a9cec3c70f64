import jax
import optax
from flax import linen as nn

net = nn.Dense(3)


def loss_fn(params, images, labels):
    return optax.softmax_cross_entropy_with_integer_labels(net.apply(params, images), labels)  # expect: LL404


def error_fn(params, batch):
    return optax.l2_loss(net.apply(params, batch["x"]), batch["y"])  # expect: LL404


def step(params, images, labels, batch):
    loss, gradients = jax.value_and_grad(loss_fn)(params, images, labels)
    return loss, gradients, jax.grad(error_fn)(params, batch)
