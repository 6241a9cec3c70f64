import torch

net = torch.nn.Linear(3, 1)

def column_step(x, y, levels):
    loss = ((net(x) - y) ** 2).mean() + (net(x) - levels).abs().mean()
    loss.backward()

def row_step(x, y):
    loss = ((net(x).squeeze(-1) - y) ** 2).mean() + ((net(x) - y[:, None]) ** 2).mean()
    loss.backward()

column_step(torch.zeros(64, 3), torch.zeros(64, 1), torch.randn(9))
row_step(torch.randn(64, 3), torch.randn(64))
