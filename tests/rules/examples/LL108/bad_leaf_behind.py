"""A leaf behind what is detached gets no gradient either."""

import torch


def attack(model, images, y):
    x = images.clone().requires_grad_(True)
    loss = ((model(x).detach() - y) ** 2).mean()  # expect: LL108
    loss.backward()
    return x.grad
