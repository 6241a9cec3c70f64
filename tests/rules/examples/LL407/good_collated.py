import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

x, y = torch.randn(40, 4), torch.randint(0, 2, (40,))
net = nn.Linear(4, 1)
opt = torch.optim.SGD(net.parameters(), 0.01)
crit = nn.BCEWithLogitsLoss()


def collate(items):
    a, b = zip(*items)
    return torch.stack(a), torch.stack(b).float().unsqueeze(1)


for xb, yb in DataLoader(TensorDataset(x, y), batch_size=8, collate_fn=collate):
    loss = crit(net(xb), yb)
    opt.zero_grad()
    loss.backward()
    opt.step()
