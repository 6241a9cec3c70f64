import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
from tqdm import tqdm


class Regressor(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, width), nn.ReLU())
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        return self.out(self.body(x))


def train_epoch(model, loader, criterion, optimizer, device):
    model.train()
    for xb, yb in tqdm(loader):
        xb, yb = xb.to(device), yb.to(device)
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def fit(net, rows, epochs=3):
    optimizer = torch.optim.Adam(net.parameters())
    for _ in range(epochs):
        train_epoch(net, DataLoader(rows, batch_size=8), nn.MSELoss(), optimizer, "cpu")


def main():
    data = TensorDataset(torch.randn(64, 4), torch.randn(64, 1))
    train_rows, _ = random_split(data, [50, 14])
    net = Regressor(8).to("cpu")
    fit(net, train_rows)


main()


def train_rows_of(model, loader, criterion, optimizer):
    for xb, yb in loader:
        loss = criterion(model(xb).squeeze(1), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def several(seed):
    torch.manual_seed(seed)
    net = Regressor(4)
    rows = TensorDataset(torch.randn(64, 4), torch.randn(64))
    train_rows_of(net, DataLoader(rows, batch_size=8), nn.L1Loss(), torch.optim.SGD(net.parameters(), 0.1))


several(3)
