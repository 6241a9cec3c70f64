import torch

def smoothness_loss(model, x):
    x = x.clone().requires_grad_(True)
    slope = torch.autograd.grad(model(x).sum(), x)[0]  # expect: LL108
    return slope.pow(2).sum(dim=1).mean()

def train_step(model, optimizer, x):
    optimizer.zero_grad()
    smoothness_loss(model, x).backward()
    optimizer.step()
