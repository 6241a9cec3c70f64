import torch

EPS = 1e-8

def distortion_loss(estimate, target):
    estimate = estimate - estimate.mean(-1, keepdim=True)
    energy = target.pow(2).sum(-1, keepdim=True) + EPS
    projection = (estimate * target).sum(-1, keepdim=True) / energy * target
    residual = (estimate - projection).pow(2).sum(-1) + EPS
    return -10.0 * torch.log10(projection.pow(2).sum(-1) / residual).mean()  # expect: LL301
