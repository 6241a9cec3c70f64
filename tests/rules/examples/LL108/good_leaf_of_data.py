"""What is trained may be a tensor that is drawn, or made of the data: backward() reaches it."""

import torch


def invert(model, images):
    wanted = model(images).detach()
    x = torch.randn(1, 3, 16, 16, requires_grad=True)
    optimizer = torch.optim.Adam([x])
    loss = ((x - wanted) ** 2).sum()
    loss.backward()
    optimizer.step()


def attack(model, images):
    wanted = model(images).detach()
    x = images.clone().requires_grad_(True)
    loss = ((x - wanted) ** 2).sum()
    loss.backward()
    return x.grad


def noise(model, images):
    wanted = model(images).detach()
    y = torch.rand_like(images).requires_grad_()
    loss = ((y - wanted) ** 2).sum()
    loss.backward()
    return y.grad
