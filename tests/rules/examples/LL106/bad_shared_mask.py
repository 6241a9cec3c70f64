import torch


def overlap_loss(preds, target):
    shared = torch.sum(preds & target)  # expect: LL106
    return 1.0 - shared / torch.sum(preds | target).clamp(min=1)  # expect: LL106


def foreground_loss(preds, target, background=False):
    if not background:
        preds, target = preds[:, 1:], target[:, 1:]
    shared = torch.sum(preds & target, dim=1)  # expect: LL106
    return 1.0 - shared / torch.sum(preds | target, dim=1).clamp(min=1)  # expect: LL106
