import torch
from torch import nn

net, criterion = nn.Sequential(nn.Linear(20, 8), nn.ReLU(), nn.Linear(8, 1)), nn.BCELoss()
loss = criterion(net(torch.randn(16, 20)), torch.ones(16, 1))  # expect: LL406
loss.backward()
