import torch
import torch.nn.functional as F

def margin_loss(embedding, weight, target):
    cosine = F.linear(F.normalize(embedding), F.normalize(weight))
    return F.cross_entropy(torch.sqrt((1.0 - cosine**2).clamp(min=1e-6)), target)

def cosine_loss(pred, target):
    return torch.log1p(1.0 - F.cosine_similarity(pred, target)).mean()
