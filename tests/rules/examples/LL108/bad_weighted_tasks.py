import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.trunk = nn.Linear(8, width)
        self.heads = nn.ModuleDict({"depth": nn.Linear(width, 1), "kind": nn.Linear(width, 5)})

    def forward(self, x):
        h = torch.relu(self.trunk(x))
        return {name: head(h) for name, head in self.heads.items()}


class Weighting(nn.Module):
    def __init__(self, tasks):
        super().__init__()
        self.tasks = tuple(tasks)
        self.log_variance = nn.Parameter(torch.zeros(len(self.tasks)))

    def forward(self, losses):
        values = torch.tensor([losses[task] for task in self.tasks])  # expect: LL108
        return (torch.exp(-self.log_variance) * values + self.log_variance).sum()


class OneByOne(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.heads = nn.ModuleDict({"near": nn.Linear(width, 1), "far": nn.Linear(width, 1)})
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, h, target):
        terms = [F.l1_loss(self.heads[name](h), target) for name in ("near", "far")]
        return self.scale * torch.tensor(terms).sum()  # expect: LL108


def train(steps):
    net, combine, rest = Net(16), Weighting(["depth", "kind"]), OneByOne(8)
    optimizer = torch.optim.Adam([*net.parameters(), *combine.parameters(), *rest.parameters()])
    for _ in range(steps):
        x = torch.randn(32, 8)
        out = net(x)
        losses = {
            "depth": F.mse_loss(out["depth"].squeeze(-1), x[:, 0]),
            "kind": F.cross_entropy(out["kind"], torch.randint(0, 5, (32,))),
        }
        total = combine(losses)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        rest(x, x[:, :1]).backward()


train(3)
