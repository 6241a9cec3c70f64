from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x, y = torch.randn(40, 4), torch.randn(40)
rows = TensorDataset(x, y)


def collate(name, items):
    return torch.stack([i[0] for i in items]), torch.stack([i[1] for i in items])[:, None]


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 1)

    def forward(self, x):
        return self.fc(x)


def given_collate():
    net = nn.Linear(4, 1)
    for xb, yb in DataLoader(rows, 8, True, None, None, 0, partial(collate, "a")):
        F.mse_loss(net(xb), yb).backward()
    for xb, yb in DataLoader(rows, **{"batch_size": 8, "collate_fn": partial(collate, "b")}):
        F.mse_loss(net(xb), yb).backward()
    loader = DataLoader(rows, 8)
    loader.collate_fn = partial(collate, "c")
    for xb, yb in loader:
        F.mse_loss(net(xb), yb).backward()


def given_rows():
    net = nn.Linear(4, 1)
    data = TensorDataset(x, y)
    loader = DataLoader(data, batch_size=8)
    data.tensors = (x, y.unsqueeze(1))
    for xb, yb in loader:
        F.mse_loss(net(xb), yb).backward()
    for xb, yb in DataLoader(rows, batch_size=None):
        F.mse_loss(net(xb)[0], yb).backward()


def replaced_forward():
    net, line = nn.Linear(4, 1), Line()
    net.forward = lambda t: F.linear(t, net.weight, net.bias).squeeze(1)
    line.forward = lambda t: line.fc(t).squeeze(1)
    for xb, yb in DataLoader(rows, batch_size=8):
        loss = F.mse_loss(net(xb), yb) + F.mse_loss(line(xb), yb)
        loss.backward()


def hooked():
    net, line = nn.Linear(4, 1), Line()
    net.register_forward_hook(lambda module, given, out: out.squeeze(1))
    line.register_forward_hook(lambda module, given, out: out.squeeze(1))
    for xb, yb in DataLoader(rows, batch_size=8):
        loss = F.mse_loss(net(xb), yb) + F.mse_loss(line(xb), yb)
        loss.backward()


def longer():
    net, other = nn.Sequential(nn.Linear(4, 1)), nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 1))
    net.append(nn.Flatten(0))
    other[1] = nn.Sequential(nn.Linear(8, 1), nn.Flatten(0))
    for xb, yb in DataLoader(rows, batch_size=8):
        loss = F.mse_loss(net(xb), yb) + F.mse_loss(other(xb), yb)
        loss.backward()


for fit in (given_collate, given_rows, replaced_forward, hooked, longer):
    fit()
