import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

online, target = nn.Linear(5, 3), nn.Linear(5, 3)
optimizer = torch.optim.Adam(online.parameters())


def joined(rows):
    return [torch.as_tensor(np.array(c)) for c in zip(*rows)] + [torch.ones(len(rows))]


def appended(rows):
    columns = [torch.as_tensor(np.array(c)) for c in zip(*rows)]
    columns.append(torch.rand(len(rows)))
    return columns


def unpacked(rows):
    return [torch.ones(len(rows)), *(torch.from_numpy(np.stack(c)) for c in zip(*rows)), torch.ones(len(rows))]


def single(column):
    column = torch.as_tensor(np.array(column))
    if column.dtype == torch.float64:
        column = column.float()
    return column


def td_loss(s, a, r, after, done, weight):
    taken = online(s).gather(1, a.unsqueeze(1)).squeeze(1)
    with torch.no_grad():
        wanted = r + 0.9 * target(after).max(1).values.masked_fill(done, 0.0)
    return (weight * F.smooth_l1_loss(taken, wanted, reduction="none")).mean()


def train(memory):
    for _ in range(100):
        rows = random.sample(memory, 16)
        s, a, r, after, done, weight = joined(rows)
        loss = td_loss(s, a, r, after, done, weight) + td_loss(*appended(rows)[:6])
        _, *columns, weight = unpacked(rows)
        s, a, r, after, done = columns
        loss += td_loss(s, a, r, after, done, weight)
        s, a, r, after, done = map(single, zip(*rows))
        loss += td_loss(s, a, r, after, done, weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
