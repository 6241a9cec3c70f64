"""pytorch-metric-learning: losses run as they are."""

from __future__ import annotations

import torch
from pytorch_metric_learning.losses import P2SGradLoss

from tests.ecosystem import observe


def embedding_of_zeros() -> list[str]:
    labels = torch.tensor([0, 1])
    return observe.torch(lambda embeddings: P2SGradLoss(3, 5)(embeddings, labels), [[0.0, 0.0, 0.0], [0.1, 0.2, 0.3]])
