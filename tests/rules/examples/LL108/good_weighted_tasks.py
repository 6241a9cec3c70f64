import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self, width, names):
        super().__init__()
        self.trunk = nn.Linear(8, width)
        self.heads = nn.ModuleDict({"depth": nn.Linear(width, 1), "kind": nn.Linear(width, 5)})
        self.more = nn.ModuleDict({name: nn.Linear(width, 1) for name in names})
        self.empty = nn.ModuleDict()

    def forward(self, x):
        h = torch.relu(self.trunk(x))
        if "depth" in self.heads:
            h = h + 0.0
        out = {name: head(h) for name, head in self.heads.items()}
        for name in self.more.keys():
            out[name] = self.more[name](h)
        for head in self.empty.values():
            h = head(h)
        return out


class Weighting(nn.Module):
    def __init__(self, tasks):
        super().__init__()
        self.tasks = tuple(tasks)
        self.log_variance = nn.Parameter(torch.zeros(len(self.tasks)))

    def forward(self, losses):
        values = torch.stack([losses[task] for task in self.tasks])
        return (torch.exp(-self.log_variance) * values + self.log_variance).sum()


def balanced(losses):
    shares = torch.stack([loss.detach() for loss in losses.values()])
    return (torch.softmax(shares, dim=0) * torch.stack([*losses.values()])).sum()


def train(steps):
    net, combine = Net(16, ["slope", "haze"]), Weighting(["depth", "kind"])
    optimizer = torch.optim.Adam([*net.parameters(), *combine.parameters()])
    for _ in range(steps):
        x = torch.randn(32, 8)
        out = net(x)
        losses = {
            "depth": F.mse_loss(out["depth"].squeeze(-1), x[:, 0]),
            "kind": F.cross_entropy(out["kind"], torch.randint(0, 5, (32,))),
            "slope": F.mse_loss(out["slope"], x[:, :1]) * torch.tensor([0.5, 0.5]).sum(),
        }
        total = combine(losses) + balanced(losses)
        penalty = sum(p.pow(2).sum() for p in net.heads.parameters())
        optimizer.zero_grad()
        (total + 1e-4 * penalty).backward()
        optimizer.step()
        print(torch.tensor([loss for loss in losses.values()]))


train(3)
