import torch
import torch.nn as nn
import torch.nn.functional as F

class PairsLoss(nn.Module):
    def forward(self, features_1, features_2):
        alike = torch.exp(torch.sum(features_1 * features_2, dim=-1) / 0.05)
        others = torch.exp(torch.mm(features_1, features_2.t()) / 0.05).sum(dim=-1)
        return (-torch.log(alike / (others + alike))).mean()

class Clustering(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(32, 32)
        self.loss = PairsLoss()

    def forward(self, a, b):
        second = F.normalize(self.head(b), dim=1)
        return self.loss(F.normalize(self.head(a), dim=1), second)
