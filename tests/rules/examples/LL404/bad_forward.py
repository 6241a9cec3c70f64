import torch
from torch import nn

net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

class Distance(nn.Module):
    def forward(self, pred, target):  # expect: LL404
        distance = (pred - target).abs().mean()

criterion = Distance()

for x, y in [(torch.ones(8, 4), torch.ones(8, 3))]:
    optimizer.zero_grad()
    ((net(x) - y) ** 2).backward()  # expect: LL404
    loss = criterion(net(x), y)
    loss.backward()
    optimizer.step()
