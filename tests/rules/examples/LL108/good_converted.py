import numpy as np
import torch
from torch import nn

def convert_to_tensor(array, dtype=None, device=None):
    if not torch.is_tensor(array):
        if isinstance(array, np.ndarray):
            return torch.from_numpy(array).to(device=device, dtype=dtype)
        else:
            return torch.tensor(array, device=device, dtype=dtype)
    else:
        return array.to(device=device, dtype=dtype)

class RLoss(nn.Module):
    def forward(self, output, target):
        output = convert_to_tensor(output)
        target = convert_to_tensor(target)
        return torch.mean((output - target) ** 2)
