import torch

def share_loss(pred, target):
    """pred, target: (batch, step, feature, 4)."""
    score = torch.sum(pred * target, dim=-1)
    score = score - score.amax(dim=-1, keepdim=True)
    return -torch.mean(torch.log(score.exp() / torch.sum(score.exp(), dim=-1, keepdim=True) + 1e-6))
