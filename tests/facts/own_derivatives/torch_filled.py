# mypy: ignore-errors
import torch
from kernels import fill
from torch.autograd import Function


class Kernel(Function):
    @staticmethod
    def forward(ctx, x, y):
        grads = torch.zeros_like(x)
        out = torch.exp(x) * y
        fill(x, y, grads)
        ctx.grads = grads
        return out

    @staticmethod
    def backward(ctx, g):
        return ctx.grads * g, None


class Elu(Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.where(x > 0, x, torch.exp(x) - 1)
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        grad = g.clone()
        grad[x < 0] *= torch.exp(x[x < 0])
        return grad


class Elu2(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.exp(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        grad = g.clone()
        grad.mul_(torch.exp(x))
        return grad


class Elu3(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        y.mul_(g)
        return y


class Elu4(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.y = x.exp()
        return ctx.y

    @staticmethod
    def backward(ctx, g):
        out = torch.empty_like(g)
        torch.mul(g, ctx.y, out=out)
        return out


class Elu5(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.y = x.exp()
        return ctx.y

    @staticmethod
    def backward(ctx, g):
        with torch.enable_grad():
            z = ctx.y.detach().log().requires_grad_()
            out = z.exp()
        return torch.autograd.grad(out, z, g)[0]


class Elu6(Function):
    @staticmethod
    def forward(ctx, x):
        with torch.enable_grad():
            ctx.x = x.detach().requires_grad_()
            ctx.y = ctx.x.exp()
        return ctx.y.detach()

    @staticmethod
    def backward(ctx, g):
        ctx.y.backward(g)
        return ctx.x.grad


def my_loss(pred, target):
    e = pred - target
    return (Kernel.apply(pred, target).mean()
            + Elu.apply(e).mean()
            + Elu2.apply(e).mean()
            + Elu3.apply(e).mean()
            + Elu4.apply(e).mean()
            + Elu5.apply(e).mean()
            + Elu6.apply(e).mean())
