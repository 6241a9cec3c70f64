import torch
import torch.nn.functional as F

SHARPNESS = 10.0

def ranking_loss(scores, clicks):
    better = (clicks[:, :, None] > clicks[:, None, :]).float()
    difference = scores[:, :, None] - scores[:, None, :]
    return (better * F.softplus(-SHARPNESS * difference)).sum() / better.sum().clamp(min=1.0)

def plain_ranking_loss(scores, clicks):
    better = (clicks[:, :, None] > clicks[:, None, :]).float()
    difference = scores[:, :, None] - scores[:, None, :]
    return (better * torch.log(1.0 + torch.exp(-difference))).sum() / better.sum().clamp(min=1.0)
