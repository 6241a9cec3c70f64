import torch
import torch.nn.functional as F

def leaf_loss(pred, target):
    p = torch.sigmoid(pred).requires_grad_(True)
    p.retain_grad()
    return F.binary_cross_entropy(p, target)
