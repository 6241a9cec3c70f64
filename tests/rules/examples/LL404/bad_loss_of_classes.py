import torch
import torch.nn.functional as F
from torch import nn

net = nn.Linear(4, 3)
criterion = nn.CrossEntropyLoss(reduction="none")
x, y = torch.randn(9, 4), torch.randint(3, (9,))


def step():
    loss = criterion(net(x), y)
    loss.backward()  # expect: LL404


def log_step():
    loss = F.nll_loss(net(x).log_softmax(1), y, reduction="none")
    loss.backward()  # expect: LL404


step()
log_step()
