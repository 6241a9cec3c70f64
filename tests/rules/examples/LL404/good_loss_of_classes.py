import torch
import torch.nn.functional as F
from torch import nn

net = nn.Linear(4, 3)
criterion = nn.CrossEntropyLoss(reduction="none")
x, y = torch.randn(9, 4), torch.randint(3, (9,))
weights = torch.rand(9)


def weighed_step():
    loss = (criterion(net(x), y) * weights).mean()
    loss.backward()


def step_with_upstream():
    loss = F.cross_entropy(net(x), y, reduction="none")
    loss.backward(weights)


def step_of_one():
    loss = F.cross_entropy(net(x[:1]), y[:1], reduction="none")
    loss.backward()


def step_without_rows():
    loss = F.cross_entropy(net(x[0]), y[0], reduction="none")
    loss.backward()


def step_of_each():
    for one in criterion(net(x), y):
        one.backward(retain_graph=True)


weighed_step()
step_with_upstream()
step_of_one()
step_without_rows()
step_of_each()
