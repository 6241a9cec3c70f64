import torch

def correlation_loss(y_true, y_pred):
    if torch.var(y_true) == 0 and torch.var(y_pred) == 0:
        return (y_pred * 0.0).sum()
    y = y_pred - torch.mean(y_pred)
    return 1.0 - torch.sum(y_true * y) / torch.sqrt(torch.sum(y ** 2))  # expect: LL304
