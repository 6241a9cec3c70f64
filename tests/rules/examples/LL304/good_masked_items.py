import torch
from torch import nn


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.items = nn.Embedding(10, 4)

    def forward(self, sequence):
        return self.items(sequence)

    def calculate_loss(self, interaction):
        masked, chosen = interaction["masked_index"], interaction["items"]
        sequence = interaction["sequence"]
        known = torch.where(sequence != 0, 1.0, 0.0).unsqueeze(-1)
        output = self.forward(sequence) * known
        scores = torch.sum(output * self.items(chosen), dim=-1)
        counted = (masked > 0).float()
        return torch.sum(nn.functional.softplus(-scores) * counted) / torch.sum(counted)
