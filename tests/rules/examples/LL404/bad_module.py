import torch
import torch.nn.functional as F
from torch import nn


class DiceLoss(nn.Module):
    def __init__(self, smooth=1.0):
        super().__init__()
        self.smooth = smooth

    def forward(self, pred, target):  # expect: LL404
        pred = torch.sigmoid(pred)
        shared = (pred * target).sum()
        dice = (2 * shared + self.smooth) / (pred.sum() + target.sum() + self.smooth)
        loss = 1 - dice


class ContentLoss(nn.Module):
    def __init__(self, target):
        super().__init__()
        self.target = target.detach()

    def forward(self, input):
        self.loss = F.mse_loss(input, self.target)
        return input


class KeptLoss(nn.Module):
    def forward(self, pred, target):
        self.value = F.mse_loss(pred, target)


class BaseLoss(nn.Module):
    def forward(self, pred, target):
        error = pred - target
        raise NotImplementedError(error.shape)


class StepLoss(nn.Module):
    def forward(self, pred, target):
        loss = F.mse_loss(pred, target)
        loss.backward()
