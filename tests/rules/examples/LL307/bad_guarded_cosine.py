"""An epsilon beside the product of two lengths is lost where they are of some size: the cosine of what is alike is 1."""

import torch


def angle_loss(output, target):
    lengths = torch.sqrt(torch.sum(output**2, dim=1) + 1e-8) * torch.sqrt(torch.sum(target**2, dim=1) + 1e-8)
    cosine = torch.sum(output * target, dim=1) / (lengths + 1e-6)
    return torch.acos(torch.clamp(cosine, -1, 1)).mean()  # expect: LL307


net = torch.nn.Linear(5, 4)
angle_loss(net(torch.rand(3, 5)), torch.rand(3, 4)).backward()
