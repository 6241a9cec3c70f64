import torch
from torch.utils.data import DataLoader, TensorDataset

X = torch.randn(100, 3)
loader = DataLoader(TensorDataset(X, X.sum(dim=1, keepdim=True), X[:, 0]), batch_size=20)
model = torch.nn.Linear(3, 1)
for xb, column, row in loader:
    out = model(xb)
    loss = torch.mean(torch.abs(out - column)) + torch.mean((out.squeeze(1) - row) ** 2 + (out[:, 0] - row[:20]) ** 2)
    loss.backward()
