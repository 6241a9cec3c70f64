"""LL206."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.graph.calls import changes_in_place
from losslint.graph.indexing import may_be_several
from losslint.graph.nodes import Kind, Node
from losslint.graph.values import Const
from losslint.rules.base import Loss, Problem, Rule, tensor_operands

# Operations whose result PyTorch keeps, to compute their slope from it. Measured with 2.13.
KEEPS_RESULT = ("exp", "expm1", "sigmoid", "tanh", "softmax", "log_softmax", "sqrt", "rsqrt", "reciprocal", "relu", "norm",
                "std", "logsumexp", "prod", "cumprod", "tan")  # fmt: skip


class ItemAssignment(Rule):
    """NumPy habits that a tensor does not have: ``t[i] = x``, ``t.mean()``, ``t.T``, ``t.reshape(..)``, ``t.astype(..)``.

    What it does: finds item assignment to tensors and methods that ``tf.Tensor`` lacks. A tensor of PyTorch can be written
    into, but not what it computes a slope from: the result of a sigmoid, softmax, exponential, root or norm.

    Why it is bad: they raise in every mode: ``'Tensor' object does not support item assignment``,
    ``'Tensor' object has no attribute 'mean'``; in PyTorch ``backward()`` raises: ``one of the variables needed for
    gradient computation has been modified by an inplace operation``.

    Use instead: ``tf.where`` or ``tf.tensor_scatter_nd_update``; ``tf.reduce_mean``, ``tf.transpose``, ``tf.reshape``,
    ``tf.cast``; in PyTorch the operation without the trailing ``_``, ``p = p + 1e-6``, ``torch.where``.

    Confirmed by: running the loss (raises).
    """

    code = "LL206"
    name = "item-assignment"
    BAD = (
        """
import tensorflow as tf

def padded_loss(y_true, y_pred):
    error = tf.abs(y_true - y_pred)
    error[:, 0] = 0.0  # expect: LL206
    return error.mean()  # expect: LL206
""",
        """
import torch
import torch.nn.functional as F

def binary_step(model, x, y, optimizer):
    p = torch.sigmoid(model(x))
    p.clamp_(1e-6, 1 - 1e-6)  # expect: LL206
    loss = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

def cosine_loss(pred, target):
    length = pred.norm(dim=-1, keepdim=True)
    length += 1e-8  # expect: LL206
    shares = F.softmax(pred, dim=-1)
    shares[target < 0] = 0.0  # expect: LL206
    return 1 - (pred / length * target).sum(-1).mean() + shares.square().mean()
""",
        """
import jax
import jax.numpy as jnp

def edge_loss(params, x, y):
    weight = jnp.ones_like(y)
    weight[0] = 2.0  # expect: LL206
    return jnp.mean(weight * (x @ params - y) ** 2)

gradient = jax.grad(edge_loss)
""",
    )
    GOOD = (
        """
import torch
import torch.nn.functional as F

def binary_step(model, x, y, optimizer):
    p = torch.sigmoid(model(x)).clone()
    p.clamp_(1e-6, 1 - 1e-6)
    loss = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    optimizer.zero_grad()
    loss.backward()
    p.clamp_(0.1, 0.9)
    optimizer.step()

def masked_loss(pred, target):
    error = (pred - target) ** 2
    error[target < 0] = 0.0
    error += 1e-6
    error.mul_(0.5)
    scores = pred @ pred.t()
    scores.fill_diagonal_(-1e9)
    wanted = F.softmax(target, dim=-1)
    wanted.clamp_(min=1e-6)
    fixed = torch.exp(pred).masked_fill_(target < 0, 0.0).detach()
    weight = torch.exp(-target.abs()) * fixed
    weight /= weight.sum()
    shares = F.softmax(pred, dim=-1)
    shares = shares + 1e-6
    return (weight * error).sum() - (wanted * shares.log()).mean() + scores.logsumexp(-1).mean()
""",
        """
import tensorflow as tf

def padded_loss(y_true, y_pred):
    parts = [tf.abs(y_true - y_pred), tf.square(y_true - y_pred)]
    parts[0] = parts[0] * 0.5
    return tf.add_n(parts)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if loss.site.framework == "torch":
            yield from kept_for_slopes(loss)
            return
        if loss.site.framework == "jax":
            yield from self.assigned_arrays(loss)
            return
        for node in loss.nodes:
            if node.op == "python.set_item" and getattr(node.inputs.get("x"), "kind", None) is Kind.TENSOR:
                yield Problem(
                    node.source,
                    f"{node.source.text} is assigned to, but a tensor cannot be changed in place: TypeError",
                    "use tf.where(mask, new, old), or tf.tensor_scatter_nd_update",
                )
            elif is_missing_method(node):
                method = node.name.rpartition(".")[2]
                instead = (
                    node.api.note if node.api is not None and node.api.note else "use the tf function of that name"
                )
                yield Problem(
                    node.source,
                    f"{node.source.text}: a tensor has no .{method}: AttributeError",
                    f"use {instead}" if instead.startswith("tf.") else instead,
                )

    def assigned_arrays(self, loss: Loss) -> Iterator[Problem]:
        """Arrays of JAX that are written to; a NumPy array of labels may be."""
        for node in loss.nodes:
            written = [o for o in tensor_operands(node)[:1] if node.op == "python.set_item"]
            if any(array.framework == "jax" or loss.gradient.reach(array) for array in written):
                yield Problem(
                    node.source,
                    f"{node.source.text} is assigned to, but a JAX array cannot be changed in place: TypeError",
                    "use x = x.at[index].set(value)",
                )


def kept_for_slopes(loss: Loss) -> Iterator[Problem]:
    """Results of PyTorch that are changed in place before ``backward()`` takes a slope from them."""
    passed = {index for value, _ in loss.results for index in loss.gradient.passed(value)}
    for node in loss.nodes[: max(passed, default=-1) + 1]:
        kept = node.inputs.get("x")
        if isinstance(kept, Node) and kept.op in KEEPS_RESULT and kept.index in passed and is_in_place(node) and (
                loss.gradient.live(kept)):
            yield Problem(
                node.source,
                f"{node.source.text} changes the result of {kept.source.text} in place, and PyTorch computes the slope from "
                "that: backward() raises RuntimeError (`modified by an inplace operation`)",
                "make a new tensor: the operation without the trailing _, x = x + y for x += y, torch.where for x[mask] = y",
                related=(kept.source,),
            )


def is_in_place(node: Node) -> bool:
    """``p.clamp_(0, 1)``, ``p += 1``, ``p[mask] = 0``."""
    named = node.framework == "torch" and changes_in_place(node.name.rpartition(".")[2])
    return named or node.op == "python.set_item" or isinstance(node.source.node, cst.AugAssign)


def is_missing_method(node: Node) -> bool:
    """Whether a method is called that NumPy arrays have and tensors have not, on what is certainly one tensor.

    Not ``copy``: what is copied is a dict more often than an array.
    """
    method = node.family == "missing" and node.name.startswith("tf.Tensor.") and not node.name.endswith(".copy")
    return method and any(is_tensor(operand) and operand.framework != "jax" for operand in tensor_operands(node)[:1])


def is_tensor(node: Node) -> bool:
    """Whether a node is certainly a tensor: a model may return several things, and a distribution among them."""
    while node.op in ("item", "identity") and isinstance(inner := node.inputs.get("x"), Node):
        if node.op == "item" and may_be_several(inner):
            return not isinstance(node.inputs.get("index"), Const)
        node = inner
    return not may_be_several(node)
