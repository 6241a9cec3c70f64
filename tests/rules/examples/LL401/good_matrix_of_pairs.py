import torch
from torch import nn

net = nn.Linear(6, 8)

def cosine_loss(pred, target):
    similar = pred @ target.t() / (pred.norm(dim=1, keepdim=True) * target.norm(dim=1) + 1e-3)
    return -similar.diagonal().mean()

def roots_loss(pred, target):
    lengths = torch.sqrt((pred**2).sum(1, keepdim=True) + 1e-3) * torch.sqrt((target**2).sum(1) + 1e-3)
    return (torch.einsum("ik,jk->ij", pred, target) / lengths).mean()

def late_loss(pred, target):
    squares = (pred * pred).sum(dim=1, keepdim=True) + (target * target).sum(dim=1)
    distances = 0.5 * squares - torch.mm(pred, target.t())
    return torch.exp(-distances.clamp(min=0.0, max=30.0)).mean()

def step(x):
    z = net(x)
    distances = (z**2).sum(1, keepdim=True) + (z**2).sum(1) - 2 * z @ z.t()
    distances.mean().backward()
