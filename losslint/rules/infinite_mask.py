"""LL312."""

from __future__ import annotations

import math
from collections.abc import Iterator

from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.values import Const, Value
from losslint.ops.moves import SAME_NUMBERS
from losslint.rules.base import Loss, Problem, Rule

# What leaves an infinite element infinite; exp, softmax, logsumexp, max and where do not.
KEEPS = (*SAME_NUMBERS, "log_softmax", "neg", "add", "sub", "mul", "div", "transpose", "matrix_transpose", "to_float")
WRITTEN = ("tensor", "constant", "convert_to_tensor")


class InfiniteMask(Rule):
    """What a mask set to ``-inf`` is multiplied by another mask: ``0 * -inf`` is NaN.

    What it does: finds scores that are filled with ``-inf``, or their log-softmax, in a product that is summed as it is.

    Why it is bad: the elements that the second mask or the label is to leave out are NaN, and the sum is, in every step.

    Use instead: a large finite number, ``-1e9``; or ``where`` in place of the product.

    Confirmed by: the value of the loss.
    """

    code = "LL312"
    name = "infinite-mask"
    severity = Severity.WARNING
    BAD = (
        """
import torch
import torch.nn.functional as F

class SupConLoss(torch.nn.Module):
    def forward(self, features, labels):
        features = F.normalize(features, dim=1)
        scores = features @ features.T / 0.1
        scores.masked_fill_(torch.eye(len(labels)).bool(), float("-inf"))
        alike = (labels.view(-1, 1) == labels.view(1, -1)).float().fill_diagonal_(0)
        log_share = F.log_softmax(scores, dim=1)
        return -((alike * log_share).sum(1) / alike.sum(1).clamp(min=1)).mean()  # expect: LL312
""",
        """
import jax
import jax.numpy as jnp

def policy_loss(logits, target, allowed):
    logits = jnp.where(allowed, logits, -jnp.inf)
    share, log_share = jax.nn.softmax(logits), jax.nn.log_softmax(logits)
    entropy = -jnp.sum(share * log_share, axis=-1)  # expect: LL312
    return jnp.mean(-jnp.take_along_axis(log_share, target[:, None], axis=-1)[:, 0] - 0.01 * entropy)
""",
    )
    GOOD = (
        """
import torch
import torch.nn.functional as F

def masked_loss(pred, target, mask, scale):
    scores = pred.masked_fill(mask, float("-inf")) * scale
    log_share = F.log_softmax(scores, dim=-1).masked_fill(mask, 0.0)
    share = F.softmax(scores, dim=-1)
    finite = F.log_softmax(pred.masked_fill(mask, -1e9), dim=-1)
    return -(target * log_share).sum(-1).mean() - (target * finite).mean() + (share * pred).sum(-1).mean()
""",
        """
import tensorflow as tf

def masked_loss(y_true, y_pred):
    scores = tf.where(y_true > 0.0, y_pred, -float("inf"))
    return tf.reduce_mean(tf.math.reduce_logsumexp(scores, axis=-1) - tf.reduce_max(scores, axis=-1))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for fill in loss.nodes:
            if is_filled(fill) and fill.index in loss.relevant:
                for product in summed_products(loss, fill):
                    yield Problem(
                        product.source,
                        f"{product.source.text} meets the infinite elements of {fill.source.text}: 0 * inf is NaN, and so "
                        "is the loss",
                        "fill with a large finite number, -1e9, or set the product to 0 there with where",
                        related=(fill.source,),
                    )


def is_filled(node: Node) -> bool:
    """Whether some elements of a tensor are set to infinity."""
    if node.op == "where":
        sides = [node.inputs.get("x"), node.inputs.get("y")]
        return any(map(is_infinite, sides)) and any(isinstance(s, Node) and not is_infinite(s) for s in sides)
    if node.op == "differentiable" and node.name.endswith("fill_diagonal_"):
        return is_infinite(node.inputs.get("arg1"))
    return node.op in ("masked_fill", "python.set_item") and is_infinite(node.inputs.get("value"))


def is_infinite(value: Value | None) -> bool:
    if isinstance(value, Node) and value.op in WRITTEN:
        value = value.inputs.get("x")
    return isinstance(value, Const) and isinstance(value.value, float) and math.isinf(value.value)


def summed_products(loss: Loss, fill: Node) -> Iterator[Node]:
    """Products of what is filled with another tensor that a sum or mean takes as they are."""
    seen: set[int] = set()
    found: dict[int, Node] = {}
    ahead: list[tuple[Node, Node | None]] = [(fill, None)]  # what holds infinite elements, and the product that it is or was
    while ahead:
        node, product = ahead.pop()
        for user in loss.users(node):
            if user.index in seen or user.index not in loss.relevant:
                continue
            if user.op in ("sum", "mean") and product is not None:
                found[product.index] = product
            elif user.op in KEEPS and not (user.op == "div" and user.inputs.get("y") is node):
                seen.add(user.index)
                meets = user.op == "mul" and all(isinstance(factor, Node) for factor in user.inputs.values())
                ahead.append((user, product or (user if meets else None)))
    yield from (found[index] for index in sorted(found))
