# mypy: ignore-errors
import torch
import torch.nn.functional as F
from torch.autograd import Function


class SqHalf(Function):
    @staticmethod
    def forward(ctx, pred, target):
        ctx.save_for_backward(pred, target)
        return (pred - target) ** 2

    @staticmethod
    def backward(ctx, g):
        pred, target = ctx.saved_tensors
        d = (pred - target) * g
        return d, -d  # expect: LL513


class SwishBad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        s = torch.sigmoid(x)
        return g * s * (1 - s)  # expect: LL513


class MeanWrong(Function):
    @staticmethod
    def forward(ctx, p, t):
        ctx.save_for_backward(p, t)
        return F.softplus(p - t).mean()

    @staticmethod
    def backward(ctx, g):
        p, t = ctx.saved_tensors
        d = g * torch.sigmoid(t - p) / p.numel()
        return d, -d  # expect: LL513


class Ctx2Bad(Function):
    @staticmethod
    def forward(x, k):
        return torch.exp(k * x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.k = inputs[1]
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return y * g, None  # expect: LL513


def parts_loss(pred, target):
    gap = pred - target
    parts = [
        SqHalf.apply(pred, target).mean(),
        SwishBad.apply(gap).mean(),
        MeanWrong.apply(pred, target).mean(),
        Ctx2Bad.apply(gap, 0.5).mean(),
    ]
    return sum(parts)
