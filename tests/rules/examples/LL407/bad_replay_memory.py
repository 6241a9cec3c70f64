import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

online = nn.Linear(5, 3)
optimizer = torch.optim.Adam(online.parameters())


def columns(rows):
    return [torch.FloatTensor(np.array(c, dtype="float32")) for c in zip(*rows)] + [torch.ones(len(rows))]


def train(memory):
    for _ in range(100):
        s, a, r, weight = columns(random.sample(memory, 16))
        taken = online(s).gather(1, a.unsqueeze(1)).squeeze(1)  # expect: LL407
        loss = (weight * F.smooth_l1_loss(taken, r, reduction="none")).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
