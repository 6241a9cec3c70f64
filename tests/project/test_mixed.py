"""Files that import several frameworks: each loss is read in the one it is written for."""

from __future__ import annotations

import pytest

from tests.project.finding import losses

MIXED = """
import tensorflow as tf
import torch

class TorchRound(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, g):
        return g

class PlainLoss(torch.nn.Module):
    def forward(self, pred, target):
        return ((pred - target) ** 2).mean()

def round_loss(pred, target):
    return (TorchRound.apply(pred) - target) ** 2

def plain_loss(pred, target):
    return ((pred - target) ** 2).mean()

def tensorflow_loss(y_true, y_pred):
    return tf.reduce_mean((y_pred - y_true) ** 2)
"""


@pytest.mark.parametrize(("name", "framework"), [
    ("PlainLoss.forward", "torch"), ("round_loss", "torch"), ("plain_loss", "torch"), ("tensorflow_loss", "tensorflow"),
])
def test_framework(name: str, framework: str) -> None:
    assert losses(MIXED)[name].framework == framework
