import torch
from torch.utils.data import DataLoader, TensorDataset

X = torch.randn(100, 3)
loader = DataLoader(TensorDataset(X, X.sum(dim=1)), batch_size=20)
model = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
for xb, yb in loader:
    loss = torch.mean(torch.abs(model(xb) - yb))  # expect: LL401
    loss.backward()
