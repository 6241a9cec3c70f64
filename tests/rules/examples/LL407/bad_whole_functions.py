import torch
import torch.nn.functional as F

net = torch.nn.Linear(4, 3)


def halves_loss(x, labels):
    halves = (labels.long() // 2).mean()  # expect: LL407
    return F.cross_entropy(net(x), labels) + halves


def signs_loss(x, labels):
    signs = torch.sign(labels.long() - 1).mean()  # expect: LL407
    return F.cross_entropy(net(x), labels) + signs


halves_loss(torch.randn(5, 4), torch.randint(3, (5,))).backward()
signs_loss(torch.randn(5, 4), torch.randint(3, (5,))).backward()
