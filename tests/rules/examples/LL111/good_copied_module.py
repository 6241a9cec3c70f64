import copy

import torch
from torch import nn


class Fidelity(nn.Module):
    def __init__(self, fidelity, device):
        super().__init__()
        self.fidelity = copy.deepcopy(fidelity)
        self.fidelity.to(device)

    def fidelity_loss(self, pred, target):
        return self.fidelity(pred, target).mean() + torch.mean((pred - target) ** 2)
