import torch

def centre_loss(x, labels):
    n = x.size(0)
    lengths = torch.pow(x, 2).sum(dim=1, keepdim=True).expand(n, n)
    distance = lengths + lengths.t()
    distance.addmm_(x, x.t(), beta=1, alpha=-2)
    distance = distance.clamp(min=0).sqrt()  # expect: LL303
    return (distance * labels[:, None].eq(labels[None, :])).mean()

def gram_loss(x, labels):
    products = torch.mm(x, x.t())
    lengths = torch.diag(products)
    distance = lengths.unsqueeze(0) - 2 * products + lengths.unsqueeze(1)
    distance[distance < 0] = 0
    distance = torch.sqrt(distance)  # expect: LL303
    return (distance * (labels[:, None] == labels[None, :]).float()).mean()
