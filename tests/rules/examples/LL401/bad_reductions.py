import torch
from torch import nn

net = nn.Linear(6, 8)

def lengths_loss(pred, target):
    lengths = pred.norm(dim=1, keepdim=True) - target.norm(dim=1)  # expect: LL401
    return lengths.abs().mean()

def weighted_loss(pred, target, mix):
    mixed = pred @ mix
    return (mixed.mean(dim=1) - target.mean(dim=1, keepdim=True)).abs().mean()  # expect: LL401
