"""Where nothing counts the pairs, a part without one is 0/0."""

import torch
import torch.nn.functional as F


def pair_loss(codes, labels):
    same = labels[:, None] == labels[None, :]
    theta = 0.5 * codes @ codes.t()
    nll = F.softplus(theta) - same * theta
    parts = []
    for chosen in (same, ~same):
        count = chosen.sum()
        parts.append(nll[chosen].sum() / count)  # expect: LL304
    return torch.stack(parts).mean()


net = torch.nn.Linear(3, 4)
pair_loss(net(torch.randn(8, 3)), torch.randint(0, 3, (8,))).backward()
