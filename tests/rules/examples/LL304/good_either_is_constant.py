import torch

def correlation_loss(y_true, y_pred):
    if y_true.shape[0] == 1 or torch.var(y_true) == 0 or torch.var(y_pred) == 0:
        return (y_pred * 0.0).sum()
    x, y = y_true - torch.mean(y_true), y_pred - torch.mean(y_pred)
    return 1.0 - torch.sum(x * y) / (torch.sqrt(torch.sum(x ** 2)) * torch.sqrt(torch.sum(y ** 2)))

def spread_loss(y_true, y_pred):
    if torch.var(y_true) > 0 and torch.var(y_pred) > 0:
        y = y_pred - torch.mean(y_pred)
        return 1.0 - torch.sum(y_true * y) / torch.sqrt(torch.sum(y ** 2))
    return (y_pred * 0.0).sum()
