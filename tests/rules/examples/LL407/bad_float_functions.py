import torch
import torch.nn.functional as F

net = torch.nn.Linear(4, 3)


def soft_loss(x, labels):
    return F.cross_entropy(net(x), labels) + torch.softmax(labels.long(), 0).sum()  # expect: LL407


def log_soft_loss(x, labels):
    return F.cross_entropy(net(x), labels) + F.log_softmax(labels.long(), dim=0).sum()  # expect: LL407


def softplus_loss(x, labels):
    return F.cross_entropy(net(x), labels) + F.softplus(labels.long()).sum()  # expect: LL407


def norm_loss(x, labels):
    return F.cross_entropy(net(x), labels) + labels.long().norm()  # expect: LL407


def quantile_loss(x, labels):
    return F.cross_entropy(net(x), labels) + torch.quantile(labels.long(), 0.5)  # expect: LL407


for loss in (soft_loss, log_soft_loss, softplus_loss, norm_loss, quantile_loss):
    loss(torch.randn(5, 4), torch.randint(3, (5,))).backward()
