import torch
import torch.nn.functional as F

net = torch.nn.Linear(4, 3)


def weighted_loss(x, labels):
    counts = torch.bincount(labels, minlength=3)
    spread = torch.sqrt(counts).mean() + (counts + 1).log().std() + torch.special.gammaln(counts + 1).mean()
    damp = torch.float_power(counts, 2).mean() + torch.xlogy(labels, labels + 1).mean() + torch.exp(-labels.float()).mean()
    return F.cross_entropy(net(x), labels, weight=1.0 / torch.log(counts + 2)) + 0.1 * damp * spread.reciprocal()


def spread_loss(x, labels):
    steps = torch.arange(4).long()
    decay = torch.rsqrt(steps + 1).mean() + torch.sigmoid(steps).mean() + steps.tanh().mean() + torch.erf(steps).mean()
    return F.cross_entropy(net(x), labels) + decay + torch.atan2(steps, steps).mean() + torch.deg2rad(steps).mean()


def whole_loss(x, labels):
    whole = labels.long()
    soft = torch.softmax(whole, 0, dtype=torch.float32).sum() + F.log_softmax(whole, dim=0, dtype=torch.float).sum()
    size = torch.norm(whole.float()) + torch.quantile(whole / 2, 0.5)
    return F.cross_entropy(net(x), labels) + soft + size + F.softplus(1.0 * whole).sum()


whole_loss(torch.randn(5, 4), torch.randint(3, (5,))).backward()
weighted_loss(torch.randn(5, 4), torch.randint(3, (5,))).backward()
spread_loss(torch.randn(5, 4), torch.randint(3, (5,))).backward()
