"""MMSegmentation: its losses, cut out of their files, as the package needs MMCV, which is compiled."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.ecosystem import observe

LOSSES = "mmseg/models/losses"
DIVERGENCE = observe.sliced(f"{LOSSES}/kldiv_loss.py", "KLDivLoss", torch=torch, nn=nn, F=F)["KLDivLoss"]
SILOG = observe.sliced(
    f"{LOSSES}/silog_loss.py", "silog_loss", torch=torch, weight_reduce_loss=lambda loss, *_: loss.mean())["silog_loss"]


def sharper_than_the_target() -> list[str]:
    target = torch.tensor([[0.0, 1.0, 2.0]])
    perfect, sharper = (DIVERGENCE()(factor * target, target).item() for factor in (1.0, 10.0))
    return ["a sharper prediction is better than a perfect one"] if sharper < perfect else ["fine"]


def perfect_depths() -> list[str]:
    return observe.torch(lambda pred: SILOG(pred, torch.tensor([[0.5, 2.0]])), [[0.5, 2.0]])
