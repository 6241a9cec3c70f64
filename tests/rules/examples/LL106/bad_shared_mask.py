import torch


def overlap_loss(preds, target):
    shared = torch.sum(preds & target)  # expect: LL106
    return 1.0 - shared / torch.sum(preds | target).clamp(min=1)  # expect: LL106
