import torch
from torch import nn

net = nn.Sequential(nn.Linear(20, 4), nn.Softmax(dim=1))
loss = nn.functional.cross_entropy(net(torch.randn(16, 20)), torch.randint(0, 4, (16,)))  # expect: LL406
loss.backward()
