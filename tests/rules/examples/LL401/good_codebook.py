import torch
from torch import nn

class Quantizer(nn.Module):
    def __init__(self, codes, width):
        super().__init__()
        self.embedding = nn.Embedding(codes, width)

    def codebook_loss(self, inputs):
        memory = self.embedding.weight
        total = 0.0
        for k in range(inputs.shape[0]):
            flat = inputs[k].view(-1, memory.shape[1])
            distances = torch.sum(flat**2, dim=1, keepdim=True) + torch.sum(memory**2, dim=1) - 2 * torch.matmul(flat, memory.t())
            total = total + distances.min(dim=1).values.mean()
        return total

def distance_loss(pred, centres):
    d = torch.sum(pred**2, dim=1, keepdim=True) + torch.sum(centres**2, dim=1) - 2 * pred @ centres.t()
    return d.min(dim=1).values.mean()


def fused_loss(pred, centres):
    squares = pred.pow(2).sum(1, keepdim=True) + centres.pow(2).sum(1)
    return torch.addmm(squares, pred, centres.t(), alpha=-2).min(1).values.mean()
