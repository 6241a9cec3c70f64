import jax
import jax.numpy as jnp
import tensorflow as tf
import torch

net = torch.nn.Linear(4, 1)

def mean_step(x, y):
    loss = jnp.mean((net(x) - y) ** 2)  # expect: LL103
    loss.backward()

def square_step(x, y):
    loss = torch.mean(tf.square(torch.relu(net(x)) - y))  # expect: LL103
    loss.backward()

def ridge_loss(params, x, y):
    return torch.mean((x @ params["w"] - y) ** 2)  # expect: LL103

gradient = jax.grad(ridge_loss)
