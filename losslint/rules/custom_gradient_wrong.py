"""LL513."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.own_derivatives import Mismatch, mismatch
from losslint.graph.nodes import CustomGradient, Node
from losslint.rules.base import Loss, Problem, Rule


class CustomGradientWrong(Rule):
    """The gradient function of a custom gradient computes something else than the derivative.

    What it does: evaluates a ``tf.custom_gradient``, a ``torch.autograd.Function`` or a ``jax.custom_vjp`` at a few points
    and compares what its gradient function returns with the slope of its value. Only functions that do the same to each
    element are evaluated, and only those of one output that bend: rounding, clips and identities have another gradient on
    purpose.

    Why it is bad: no error; a wrong sign goes uphill, gradients in the wrong order train with those of another argument.

    Use instead: the derivative, in the order of the arguments, times the upstream gradient; or no custom gradient: automatic
    differentiation is exact.

    Confirmed by: comparing the gradient with central differences.
    """

    code = "LL513"
    name = "custom-gradient-wrong"
    BAD = (
        """
import tensorflow as tf

@tf.custom_gradient
def cubic(x):
    def grad(upstream):
        return upstream * 2.0 * tf.square(x)  # expect: LL513
    return tf.pow(x, 3.0), grad

def cubic_loss(y_true, y_pred):
    return tf.reduce_mean(cubic(tf.abs(y_pred - y_true)), axis=-1)
""",
        """
import torch

class SquaredGap(torch.autograd.Function):
    @staticmethod
    def forward(ctx, pred, target):
        ctx.save_for_backward(pred, target)
        return (pred - target) ** 2

    @staticmethod
    def backward(ctx, grad_output):
        pred, target = ctx.saved_tensors
        slope = 2.0 * grad_output * (pred - target)
        return -slope, slope  # expect: LL513

def gap_loss(pred, target):
    return SquaredGap.apply(pred, target).mean()
""",
        """
import jax
import jax.numpy as jnp

@jax.custom_vjp
def softened(x):
    return jnp.logaddexp(x, 0.0)

def softened_forward(x):
    return softened(x), x

def softened_backward(x, upstream):
    return (upstream * jnp.tanh(x),)  # expect: LL513

softened.defvjp(softened_forward, softened_backward)

def margin_loss(params, x, y):
    return jnp.mean(softened(x @ params * -y))

slope = jax.grad(margin_loss)
""",
    )
    GOOD = (
        """
import tensorflow as tf

@tf.custom_gradient
def rounded(x):
    def grad(upstream):
        return upstream
    return tf.round(x), grad

@tf.custom_gradient
def bounded_exp(x):
    value = tf.exp(x)
    def grad(upstream):
        return tf.clip_by_value(upstream * value, -1.0, 1.0)
    return value, grad

def quantised_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(rounded(y_pred) - y_true) + bounded_exp(-y_pred), axis=-1)
""",
        """
import torch

class SquaredGap(torch.autograd.Function):
    @staticmethod
    def forward(ctx, pred, target):
        ctx.save_for_backward(pred, target)
        return ((pred - target) ** 2).mean()

    @staticmethod
    def backward(ctx, grad_output):
        pred, target = ctx.saved_tensors
        slope = 2.0 * grad_output * (pred - target) / pred.numel()
        return slope, -slope

def gap_loss(pred, target):
    return SquaredGap.apply(pred, target)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for custom in loss.graph.custom:
            found = mismatch(loss.gradient, custom)
            argument = custom.given[found.argument] if found is not None else None
            if found is not None and isinstance(argument, Node):
                text = argument.source.text
                yield Problem(
                    custom.returned,
                    f"the gradient of {custom.name} by {text} is not its derivative: {found.told:.3g} where the slope is "
                    f"{found.slope:.3g}, at {text} = {found.at:g}",
                    instead_of(found, custom),
                )


def instead_of(found: Mismatch, custom: CustomGradient) -> str:
    """What to write instead."""
    if found.instead is not None:
        return "return the gradients in the order of the arguments"
    if found.factor is not None and found.factor != 0.0:
        return f"divide it by {found.factor:.3g}, or drop the custom gradient: autodiff is exact"
    return f"derive {custom.name} again, or drop the custom gradient: autodiff is exact"
