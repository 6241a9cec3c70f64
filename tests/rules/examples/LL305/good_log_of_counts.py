import torch
import torch.nn.functional as F


def logtarget_loss(pred, target):
    return torch.where(target > 0, (pred - torch.log(target + 1)) ** 2, F.softplus(pred)).mean()


def log1p_loss(pred, target):
    return torch.where(0 < target, (pred - torch.log1p(target)) ** 2, F.softplus(pred)).mean()


def anscombe_loss(pred, target):
    return torch.where(target <= 0, pred**2, (torch.sqrt(target + 0.375) - pred) ** 2).mean()


def rmsle_loss(pred, target):
    rate = F.softplus(pred)
    return torch.where(target > 0, (torch.log(rate + 1e-6) - torch.log(target + 1e-6)) ** 2, rate).mean()
