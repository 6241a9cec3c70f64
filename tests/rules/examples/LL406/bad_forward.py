import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(20, 4)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x):
        return self.softmax(self.fc(x))

net, criterion = Net(), nn.CrossEntropyLoss()
loss = criterion(net(torch.randn(16, 20)), torch.randint(0, 4, (16,)))  # expect: LL406
loss.backward()
