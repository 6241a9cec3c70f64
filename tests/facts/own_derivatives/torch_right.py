# mypy: ignore-errors
import math

import torch
import torch.nn.functional as F
from torch.autograd import Function


class Sq(Function):
    @staticmethod
    def forward(ctx, pred, target, weight):
        ctx.save_for_backward(pred, target)
        ctx.weight = weight
        return weight * (pred - target) ** 2

    @staticmethod
    def backward(ctx, g):
        pred, target = ctx.saved_tensors
        d = 2 * ctx.weight * (pred - target) * g
        return d, -d, None


class Mul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * torch.exp(b)

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        ga = gb = None
        if ctx.needs_input_grad[0]:
            ga = g * torch.exp(b)
        if ctx.needs_input_grad[1]:
            gb = g * a * torch.exp(b)
        return ga, gb


class Swish(Function):
    @staticmethod
    def forward(ctx, x):
        y = x * torch.sigmoid(x)
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx, g):
        x = ctx.saved_tensors[0]
        s = torch.sigmoid(x)
        return g * (s * (1 + x * (1 - s)))


class SurrogateSpike(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x > 0).float()

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g / (1 + 10 * x.abs()) ** 2


class GradReverse(Function):
    @staticmethod
    def forward(ctx, x, lam):
        ctx.lam = lam
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return -ctx.lam * g, None


class LowerBound(Function):
    @staticmethod
    def forward(ctx, x, bound):
        b = torch.ones_like(x) * bound
        ctx.save_for_backward(x, b)
        return torch.max(x, b)

    @staticmethod
    def backward(ctx, g):
        x, b = ctx.saved_tensors
        pass_through = (x >= b) | (g < 0)
        return pass_through.type(g.dtype) * g, None


class TruncExp(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.exp(x)

    @staticmethod
    def backward(ctx, g):
        x = ctx.saved_tensors[0]
        return g * torch.exp(x.clamp(-15, 15))


class Mean(Function):
    @staticmethod
    def forward(ctx, p, t):
        ctx.save_for_backward(p, t)
        return F.softplus(p - t).mean()

    @staticmethod
    def backward(ctx, g):
        p, t = ctx.saved_tensors
        d = g * torch.sigmoid(p - t) / p.numel()
        return d, -d


class Huber(Function):
    @staticmethod
    def forward(ctx, p, t, delta=1.0):
        e = p - t
        ctx.save_for_backward(e)
        ctx.delta = delta
        return torch.where(e.abs() <= delta, 0.5 * e ** 2, delta * (e.abs() - 0.5 * delta))

    @staticmethod
    def backward(ctx, g):
        e, = ctx.saved_tensors
        d = torch.where(e.abs() <= ctx.delta, e, ctx.delta * e.sign())
        return g * d, -g * d, None


class SafeSqrt(Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.sqrt(x.clamp(min=0))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        y, = ctx.saved_tensors
        return g / (2 * y + 1e-6)


class Clipped(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return (3 * x ** 2 * g).clamp(-1, 1)


class LogSum(Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.logsumexp(x, dim=-1, keepdim=True)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * torch.exp(x - y)


class Gelu(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        pdf = torch.exp(-0.5 * x ** 2) / math.sqrt(2 * math.pi)
        return g * (cdf + x * pdf)


class Ctx2(Function):
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
        return ctx.k * y * g, None


class Dice(Function):
    @staticmethod
    def forward(ctx, input, target):
        eps = 0.0001
        inter = torch.dot(input.view(-1), target.view(-1))
        union = torch.sum(input) + torch.sum(target) + eps
        ctx.save_for_backward(input, target)
        ctx.inter, ctx.union = inter, union
        return (2 * inter.float() + eps) / union.float()

    @staticmethod
    def backward(ctx, grad_output):
        _, target = ctx.saved_tensors
        grad_input = grad_target = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output * 2 * (target * ctx.union - ctx.inter) / (ctx.union * ctx.union)
        return grad_input, grad_target


class TverskyLin(Function):
    @staticmethod
    def forward(ctx, x, a):
        ctx.save_for_backward(x)
        ctx.a = a
        return F.relu(x) + a * torch.sin(x) ** 2

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * ((x > 0).float() + ctx.a * torch.sin(2 * x)), None


def parts_loss(pred, target):
    gap = pred - target
    parts = [
        Sq.apply(pred, target, 2.0).mean(),
        Mul.apply(pred, target).mean(),
        Swish.apply(gap).mean(),
        SurrogateSpike.apply(gap).mean(),
        GradReverse.apply(gap, 0.5).mean(),
        LowerBound.apply(pred, 0.1).mean(),
        TruncExp.apply(gap).mean(),
        Mean.apply(pred, target).mean(),
        Huber.apply(pred, target, 1.0).mean(),
        SafeSqrt.apply(gap ** 2).mean(),
        Clipped.apply(gap).mean(),
        LogSum.apply(gap).mean(),
        Gelu.apply(gap).mean(),
        Ctx2.apply(gap, 0.5).mean(),
        Dice.apply(pred, target).mean(),
        TverskyLin.apply(gap, 0.3).mean(),
    ]
    return sum(parts)
