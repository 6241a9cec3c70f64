import torch
from torch import nn

net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))

def weighed_step(x, y, weights):
    rows = ((net(x) - y) ** 2).mean(dim=1)
    rows.backward(gradient=weights, retain_graph=True)
    ((net(x) - y) ** 2).sum().backward()

class Trainer:
    def __init__(self, task=None):
        self.task = task

    def batch_of(self, batch):
        if self.task == "regression":
            return batch["x"], batch["y"]
        elif self.task == "reconstruction":
            return batch["x"], batch["x"]

    def fit(self, batches):
        for batch in batches:
            x, y = self.batch_of(batch)
            (net(x) - y).abs().mean().backward()

def policy_step(state, action, reward):
    log_p = torch.log_softmax(net(state), dim=-1)
    (-log_p[action] * reward).backward()
