import torch

SHARPNESS = 10.0

def ranking_loss(scores, clicks):
    better = (clicks[:, :, None] > clicks[:, None, :]).float()
    difference = scores[:, :, None] - scores[:, None, :]
    cost = torch.log(1.0 + torch.exp(-SHARPNESS * difference))  # expect: LL302
    return (better * cost).sum() / better.sum().clamp(min=1.0)
