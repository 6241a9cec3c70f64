"""Catalyst: its criteria, cut out of their files, as the package imports what has since been removed."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tests.ecosystem import observe

CRITERIA = "catalyst/contrib/nn/criterion"
MASKED = observe.sliced(f"{CRITERIA}/ce.py", "MaskCrossEntropyLoss", torch=torch, nn=nn)["MaskCrossEntropyLoss"]
CONTRASTIVE = observe.sliced(f"{CRITERIA}/contrastive.py", "ContrastiveEmbeddingLoss", torch=torch, nn=nn, F=F)[
    "ContrastiveEmbeddingLoss"]


def nothing_to_mask() -> list[str]:
    target, mask = torch.tensor([0, 1]), torch.zeros(2)
    return observe.torch(lambda logits: MASKED()(logits, target, mask), [[0.1, 0.2], [0.3, 0.4]])


def the_same_embedding_twice() -> list[str]:
    right = torch.tensor([[0.3, 0.3]])
    return observe.torch(lambda left: CONTRASTIVE()(left, right, torch.tensor([1.0])), [[0.3, 0.3]])
