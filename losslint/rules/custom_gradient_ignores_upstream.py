"""LL511."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.graph.nodes import CustomGradient, Node, nodes_in
from losslint.graph.values import Const
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.nothing_passed import gives_nothing


class CustomGradientIgnoresUpstream(Rule):
    """The gradient function of a custom gradient does not use the upstream gradient.

    What it does: runs the gradient function of a ``tf.custom_gradient``, a ``torch.autograd.Function``, a
    ``jax.custom_vjp`` or ``custom_jvp`` symbolically and looks whether what it returns depends on its argument.

    Why it is bad: whatever comes after the function (a mean, a weight) is ignored: the gradient has the wrong scale,
    without a warning.

    Use instead: multiply by it, ``return upstream * local_gradient``.

    Confirmed by: comparing the gradient with central differences.
    """

    code = "LL511"
    name = "custom-gradient-ignores-upstream"
    BAD = (
        """
import tensorflow as tf

@tf.custom_gradient
def cubic(x):
    def grad(upstream):
        return 3.0 * tf.square(x)  # expect: LL511
    return tf.pow(x, 3.0), grad

def cubic_loss(y_true, y_pred):
    return tf.reduce_mean(cubic(y_pred - y_true))
""",
        """
import torch

class MeanSoftplus(torch.autograd.Function):
    @staticmethod
    def forward(ctx, pred, target):
        ctx.save_for_backward(pred - target)
        return torch.nn.functional.softplus(pred - target).mean()

    @staticmethod
    def backward(ctx, grad_output):
        (gap,) = ctx.saved_tensors
        return torch.sigmoid(gap) / gap.numel(), None  # expect: LL511

def softplus_loss(pred, target):
    return 0.1 * MeanSoftplus.apply(pred, target)
""",
        """
import jax
import jax.numpy as jnp

@jax.custom_jvp
def cubic(x):
    return x ** 3

@cubic.defjvp
def cubic_jvp(primals, tangents):
    (x,) = primals
    return cubic(x), 3.0 * x ** 2  # expect: LL511

def cubic_loss(pred, target):
    return jnp.mean(cubic(pred - target))
""",
    )
    GOOD = (
        """
import tensorflow as tf

@tf.custom_gradient
def cubic(x):
    def grad(upstream):
        return upstream * 3.0 * tf.square(x)
    return tf.pow(x, 3.0), grad

def cubic_loss(y_true, y_pred):
    return tf.reduce_mean(cubic(y_pred - y_true))
""",
        """
import torch

class Clamped(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(0.0, 1.0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x >= 0.0)

def clamped_loss(pred, target):
    return (Clamped.apply(pred) - target).abs().mean()
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for custom in loss.graph.custom:
            nodes = list(nodes_in(custom.gradients))
            if not nodes or isinstance(custom.gradients, Const) or gives_nothing(custom):
                continue
            cone = {n.index for node in nodes for n in loss.gradient.cone(node)}
            if custom.upstream.index not in cone and not any(may_hold_more(loss.nodes[index]) for index in cone):
                yield of_tangents(custom) if custom.by_tangents else Problem(
                    custom.returned,
                    f"the gradient of {custom.name} does not depend on the upstream gradient: whatever follows the function "
                    "is ignored",
                    "multiply every returned gradient by the argument of the gradient function",
                )


def may_hold_more(node: Node) -> bool:
    """Whether something may enter a value that is not seen: a gradient that is taken again, or memory that is filled."""
    return node.op == "gradient" or (node.op == "unknown" and not node.inputs) or "empty" in node.name


def of_tangents(custom: CustomGradient) -> Problem:
    return Problem(
        custom.returned,
        f"the derivative rule of {custom.name} does not use the tangents: JAX turns it around, and the gradient is 0",
        "multiply the derivative by the tangent of its argument",
    )
