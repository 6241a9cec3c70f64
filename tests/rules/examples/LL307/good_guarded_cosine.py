"""A cosine that is kept inside of the domain, or whose angle is not taken."""

import torch


def angle_loss(output, target):
    lengths = torch.sqrt(torch.sum(output**2, dim=1) + 1e-8) * torch.sqrt(torch.sum(target**2, dim=1) + 1e-8)
    cosine = torch.sum(output * target, dim=1) / (lengths + 1e-6)
    return torch.acos(torch.clamp(cosine, -1 + 1e-6, 1 - 1e-6)).mean() + (1.0 - cosine).mean()


net = torch.nn.Linear(5, 4)
angle_loss(net(torch.rand(3, 5)), torch.rand(3, 4)).backward()
