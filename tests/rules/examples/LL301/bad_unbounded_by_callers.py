"""A bound of 0 and 1 keeps nothing off 0 and 1, and one caller of two does not do for both."""

import torch


def heat_loss(pred, target):
    hits = target.eq(1).float()
    found = torch.log(pred) * torch.pow(1 - pred, 2) * hits  # expect: LL301
    return -found.sum() / torch.clamp(hits.sum(), min=1)


def other_loss(pred, target):
    return -(torch.log(pred) * target).mean()  # expect: LL301


net = torch.nn.Conv2d(3, 2, 1)
p = torch.sigmoid(net(torch.rand(2, 3, 4, 4)))
heat_loss(torch.clamp(p, 0.0, 1.0), torch.rand(2, 2, 4, 4)).backward()
other_loss(torch.clamp(p.detach(), 1e-4, 1.0 - 1e-4), torch.rand(2, 2, 4, 4))
other_loss(torch.sigmoid(net(torch.rand(2, 3, 4, 4))), torch.rand(2, 2, 4, 4)).backward()
