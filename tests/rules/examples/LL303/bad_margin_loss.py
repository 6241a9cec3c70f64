import torch
import torch.nn.functional as F

def margin_loss(embedding, weight, target):
    cosine = F.linear(F.normalize(embedding), F.normalize(weight))
    return F.cross_entropy(torch.sqrt(1.0 - cosine**2), target)  # expect: LL303

def sine_loss(pred, target):
    return torch.sqrt(1.0 - F.cosine_similarity(pred, target) ** 2).mean()  # expect: LL303
