import torch
import torch.nn.functional as F

def picked_loss(features, labels):
    itself = torch.eye(features.shape[0], dtype=torch.bool, device=features.device)
    scores = (features @ features.T / 0.1).masked_fill(itself, float("-inf"))
    log_share = scores - torch.logsumexp(scores, dim=1, keepdim=True)
    alike = (labels.unsqueeze(0) == labels.unsqueeze(1)) & ~itself
    return -torch.where(alike, log_share, 0.0).sum(dim=1).mean()

def paired_loss(first, second):
    both = torch.cat([first, second])
    scores = (both @ both.T / 0.1).fill_diagonal_(float("-inf"))
    places = torch.arange(len(first))
    return F.cross_entropy(scores, torch.cat([places + len(first), places]))

def attention_loss(pred, target, mask, scale):
    share = torch.softmax(pred.masked_fill(mask, float("-inf")) * scale, dim=-1)
    near = torch.cdist(pred, target).fill_diagonal_(float("inf")).min(dim=1).values
    return ((share - target) ** 2).mean() + (near * scale).mean()
