import torch
from torch import nn

class Rotation(nn.Module):
    def __init__(self):
        super().__init__()
        self.axis = nn.Parameter(torch.zeros(3))

    def forward(self, points):
        angle = torch.sqrt((self.axis ** 2).sum())
        return points + torch.sin(angle) / angle * torch.linalg.cross(self.axis.expand_as(points), points)  # expect: LL304

def fit(points, places):
    rotation = Rotation()
    optimizer = torch.optim.Adam(rotation.parameters())
    loss = (rotation(points) - places).pow(2).mean()
    loss.backward()
    optimizer.step()
