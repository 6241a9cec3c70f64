import torch

def sparse_depth_loss(pred, target):
    valid = target > 0
    return torch.abs(pred[valid] - target[valid]).mean()  # expect: LL304
