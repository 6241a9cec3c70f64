import jax
import jax.numpy as jnp
import numpy as np
import tensorflow as tf
import torch

net = torch.nn.Linear(4, 1)
weights = jnp.asarray(torch.ones(4).numpy())

def step(x, y, dataset):
    images = tf.reduce_mean(tf.ones((2, 4)))
    labels = torch.as_tensor(np.asarray(tf.sqrt(images)))
    loss = torch.mean((net(x) - labels) ** 2)
    print(jnp.mean(jnp.asarray(loss.detach().cpu().numpy())), tf.reduce_mean(net(x).detach()))
    loss.backward()

def ridge_loss(params, x, y):
    return jnp.mean((x @ params["w"] - y) ** 2) + jnp.sum(weights)

gradient = jax.grad(ridge_loss)
