import torch
from torch import nn


class Factors(nn.Module):
    def __init__(self, users, items, width=8):
        super().__init__()
        self.users = nn.Parameter(torch.rand(users, width))
        self.items = nn.Parameter(0.1 * torch.randn(items, width))

    def calculate_loss(self, interaction):
        chosen = self.users[interaction["user"]]
        rated = self.items[torch.cat((interaction["liked"], interaction["other"]))]
        return torch.exp(-(chosen * rated).sum(1)).mean()
