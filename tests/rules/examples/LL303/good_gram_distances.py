import torch
import torch.nn.functional as F

def centre_loss(x, labels):
    n = x.size(0)
    lengths = torch.pow(x, 2).sum(dim=1, keepdim=True).expand(n, n)
    distance = (lengths + lengths.t()).addmm(x, x.t(), beta=1, alpha=-2)
    distance = distance.clamp(min=1e-12).sqrt()
    return (distance * labels[:, None].eq(labels[None, :])).mean()

def gram_loss(x, labels):
    products = x @ x.t()
    lengths = torch.diag(products)
    distance = lengths.unsqueeze(0) - 2 * products + lengths.unsqueeze(1)
    distance[distance <= 0] = 1e-8
    return (distance.sqrt() * (labels[:, None] == labels[None, :]).float()).mean()

def squares_loss(x, labels):
    products = x @ x.t()
    lengths = torch.diag(products)
    distance = F.relu(lengths.unsqueeze(0) - 2 * products + lengths.unsqueeze(1))
    return (distance * (labels[:, None] == labels[None, :]).float()).mean()
