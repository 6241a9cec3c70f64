import torch

def hard_loss(pred, target):
    distance = torch.pow(target - pred, 2)
    hard = torch.quantile(distance, 0.999)
    return torch.mean(distance[distance >= hard])

def worst_loss(pred, target):
    distance = (pred - target).abs()
    return distance[distance >= distance.median()].mean() + distance[distance >= distance.max()].mean()
