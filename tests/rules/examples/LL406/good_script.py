import torch
from torch import nn

net = nn.Sequential(nn.Linear(20, 4), nn.LogSoftmax(dim=1))
gate = nn.Sequential(nn.Linear(20, 4), nn.Softmax(dim=1))
x, y = torch.randn(16, 20), torch.randint(0, 4, (16,))
loss = nn.functional.nll_loss(net(x), y) + nn.functional.cross_entropy(nn.functional.linear(gate(x), torch.eye(4)), y)
loss.backward()
