import torch


def geodesic_loss(pred, target):
    trace = torch.einsum("bij,bij->b", pred, target)
    return torch.acos(((trace - 1) / 2).clamp(-1 + 1e-6, 1 - 1e-6)).mean()


def overlap_loss(pred, target):
    p, q = torch.softmax(pred, -1), torch.softmax(target, -1)
    return torch.acos(((p * q).sum(-1) - 1) / 4).mean()
