# mypy: ignore-errors
"""NumPy's float64 and integers beside the float32 weights and predictions of PyTorch; CASES at the end runs each one."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tests.frameworks.truth_torch import of

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(4, 3))
TARGETS = np.random.rand(4, 3)
COUNTS = np.random.randint(0, 5, (4, 3))
NET = nn.Sequential(nn.Flatten(), nn.Linear(3, 3))
CONVOLUTION = nn.Conv1d(1, 2, 2)
RECURRENT = nn.GRU(3, 2, batch_first=True)
NORMED = nn.LayerNorm(3)
ROWS_OF = nn.Embedding(5, 2)


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(3, 1)

    def forward(self, x):
        return self.out(torch.relu(x))  # expect: LL407


HEAD = Head()


def rows_of_numpy_loss(pred, target):
    return NET(torch.from_numpy(ROWS)).mean() + pred.mean()  # expect: LL407


def scaled_rows_loss(pred, target):
    scaled = (ROWS - ROWS.mean(axis=0)) / ROWS.std(axis=0)
    return NET(torch.tensor(scaled)).mean() + pred.mean()  # expect: LL407


def whole_rows_loss(pred, target):
    return NET(torch.as_tensor(COUNTS)).mean() + pred.mean()  # expect: LL407


def truth_rows_loss(pred, target):
    return NET(F.one_hot(target, 3) > 0).mean() + pred.mean()  # expect: LL407


def signals_loss(pred, target):
    return CONVOLUTION(torch.from_numpy(ROWS)[:, None]).mean() + pred.mean()  # expect: LL407


def normed_loss(pred, target):
    return NORMED(torch.from_numpy(ROWS)).mean() + pred.mean()  # expect: LL407


def recurrent_loss(pred, target):
    steps, _ = RECURRENT(torch.from_numpy(ROWS)[:, None])  # expect: LL407
    return steps.mean() + pred.mean()


def head_loss(pred, target):
    return HEAD(torch.from_numpy(TARGETS)).mean() + pred.mean()


def words_loss(pred, target):
    return ROWS_OF(target.float()).mean() + pred.mean()  # expect: LL407


def probabilities_loss(pred, target):
    shares = torch.sigmoid(NET(torch.rand(4, 3)))
    return F.binary_cross_entropy(shares, torch.from_numpy(TARGETS)) + pred.mean()  # expect: LL407


def huber_loss(pred, target):
    return nn.HuberLoss()(NET(torch.rand(4, 3)), torch.tensor(TARGETS)) + pred.mean()  # expect: LL407


def mixed_matrices_loss(pred, target):
    return (pred @ F.one_hot(target, 3).T).mean()  # expect: LL407


def counted_loss(pred, target):
    number = torch.zeros(3).scatter_add(0, target, torch.ones_like(target.long()))  # expect: LL407
    return (pred.mean(0) * number).sum()


def truth_distance_loss(pred, target):
    return F.l1_loss(pred, F.one_hot(target, 3).bool())  # expect: LL407


def whole_distances_loss(pred, target):
    return torch.cdist(pred, F.one_hot(target, 3)).mean()  # expect: LL407


# What PyTorch takes.


def made_single_loss(pred, target):
    rows = [torch.from_numpy(ROWS).float(), torch.tensor(ROWS, dtype=torch.float32), torch.Tensor(ROWS),
            torch.FloatTensor(ROWS), torch.from_numpy(ROWS.astype(np.float32)),
            torch.as_tensor(np.asarray(ROWS, np.float32)),
            torch.from_numpy(COUNTS.astype("float32")), torch.tensor(np.float32(ROWS)), torch.tensor(ROWS).type_as(pred)]
    return sum(NET(each).mean() for each in rows) + pred.mean() + ROWS_OF(target).mean()


def of_one_number_loss(pred, target):
    mean = torch.tensor(ROWS.mean())
    return NET(torch.rand(4, 3) * mean / np.std(ROWS)).mean() + pred.mean()


def promoted_loss(pred, target):
    targets = torch.from_numpy(TARGETS)
    return F.mse_loss(NET(torch.rand(4, 3)), targets) + F.smooth_l1_loss(pred, targets) + F.l1_loss(pred, targets) + (
        F.binary_cross_entropy_with_logits(pred, targets) + (pred * targets).mean() + F.mse_loss(pred, torch.tensor(COUNTS)))


def counted_well_loss(pred, target):
    number = torch.zeros(3).scatter_add(0, target, torch.ones(4)) + torch.zeros(3).scatter(0, target, 1.0)
    number = number + torch.zeros(3, dtype=torch.long).scatter_add(0, target, torch.ones_like(target))
    return (pred.mean(0) * number).sum() + (F.one_hot(target, 3).T @ target).sum() + torch.abs(target).sum()


LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 3.0], [1.0, -1.0, 0.0], [0.3, 0.2, 0.1]])
LABELS = torch.tensor([0, 2, 1, 1])

CASES = {
    "rows_of_numpy_loss": [of(rows_of_numpy_loss, LOGITS, LABELS)],
    "scaled_rows_loss": [of(scaled_rows_loss, LOGITS, LABELS)],
    "whole_rows_loss": [of(whole_rows_loss, LOGITS, LABELS)],
    "truth_rows_loss": [of(truth_rows_loss, LOGITS, LABELS)],
    "signals_loss": [of(signals_loss, LOGITS, LABELS)],
    "normed_loss": [of(normed_loss, LOGITS, LABELS)],
    "recurrent_loss": [of(recurrent_loss, LOGITS, LABELS)],
    "head_loss Head": [of(head_loss, LOGITS, LABELS)],
    "words_loss": [of(words_loss, LOGITS, LABELS)],
    "probabilities_loss": [of(probabilities_loss, LOGITS, LABELS)],
    "huber_loss": [of(huber_loss, LOGITS, LABELS)],
    "mixed_matrices_loss": [of(mixed_matrices_loss, LOGITS, LABELS)],
    "counted_loss": [of(counted_loss, LOGITS, LABELS)],
    "truth_distance_loss": [of(truth_distance_loss, LOGITS, LABELS)],
    "whole_distances_loss": [of(whole_distances_loss, LOGITS, LABELS)],
    "made_single_loss": [of(made_single_loss, LOGITS, LABELS)],
    "of_one_number_loss": [of(of_one_number_loss, LOGITS, LABELS)],
    "promoted_loss": [of(promoted_loss, LOGITS, LABELS)],
    "counted_well_loss": [of(counted_well_loss, LOGITS, LABELS)],
}
