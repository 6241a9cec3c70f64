"""LL410."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.axes import certain_axes
from losslint.facts.constants import plain_number
from losslint.facts.shape import is_none
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.values import Const, Seq, Value
from losslint.ops.moves import SAME_NUMBERS
from losslint.project import names
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.wrong_direction import signed_terms

MEANS = ("mean", "average")
SIZES = ("static_dim", "size", "python.len", "item", "sum", "reciprocal", "pow", *MEANS)
IMAGE_AXES = 3  # of a batch whose samples have more than one axis


class UnevenReduction(Rule):
    """A mean or sum is taken over other elements than the formula says: the scale of a term is not what it is meant to be.

    What it does: finds the mean of a product with a mask, which counts what the mask leaves out; the divergence of a
    Gaussian from the standard one, averaged over its latent axis or summed over the whole batch in a loss of means; the
    Kullback-Leibler divergence of PyTorch with its reduction of "mean"; a gradient penalty whose norm is taken over one
    axis of an image.

    Why it is bad: nothing fails. A sample with two valid steps of twenty counts a tenth of a full one; a term grows with the
    batch, or shrinks with the number of classes, and the weight that was found for it means something else.

    Use instead: ``sum(x * mask) / maximum(sum(mask), 1)``; the sum over the latent axis and the mean over the batch;
    ``reduction="batchmean"``; the norm over all axes of a sample.

    Confirmed by: nothing; a run shows the number, not what it is meant to be.

    Source: Kingma and Welling 2014, appendix B (the divergence is a sum over latent dimensions); the note on reductions in
    https://pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html; Gulrajani et al. 2017, equation 3 (the norm is that of
    the gradient of a whole sample).
    """

    code = "LL410"
    name = "uneven-reduction"
    severity = Severity.INFO
    BAD = (
        """
import torch

def value_loss(values, returns, masks):
    error = 0.5 * (values - returns) ** 2
    return torch.mean(error * masks)  # expect: LL410
""",
        """
import torch.nn.functional as F

def distillation_loss(student_logits, teacher_logits):
    log_p = F.log_softmax(student_logits / 4.0, dim=1)
    return F.kl_div(log_p, F.softmax(teacher_logits / 4.0, dim=1)) * 16.0  # expect: LL410
""",
        """
import torch
from torch import autograd

def penalty_loss(critic, real, fake):
    mixed = torch.rand(real.size(0), 1, 1, 1) * (real - fake) + fake
    mixed.requires_grad_(True)
    slopes = autograd.grad(critic(mixed).sum(), mixed, create_graph=True)[0]
    return ((slopes.norm(2, dim=1) - 1) ** 2).mean()  # expect: LL410
""",
    )
    GOOD = (
        """
import torch
import torch.nn.functional as F

def value_loss(values, returns, masks):
    error = 0.5 * (values - returns) ** 2
    return torch.sum(error * masks) / torch.clamp(masks.sum(), min=1.0)

def ratio_loss(values, returns, masks):
    return torch.mean((values - returns) ** 2 * masks) / masks.mean().clamp(min=1e-6)

def distillation_loss(student_logits, teacher_logits):
    log_p = F.log_softmax(student_logits / 4.0, dim=1)
    return F.kl_div(log_p, F.softmax(teacher_logits / 4.0, dim=1), reduction="batchmean") * 16.0
""",
        """
import torch
from torch import autograd

def penalty_loss(critic, real, fake):
    mixed = torch.rand(real.size(0), 1, 1, 1) * (real - fake) + fake
    mixed.requires_grad_(True)
    slopes = autograd.grad(critic(mixed).sum(), mixed, create_graph=True)[0]
    return ((slopes.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for node in loss.nodes:
            if node.index in loss.relevant:
                yield from self.uneven(loss, node)

    def uneven(self, loss: Loss, node: Node) -> Iterator[Problem]:
        if node.op in MEANS and (mask := masked_by(node)) is not None:
            if not is_rescaled(loss, node):
                name = mask.name
                yield Problem(
                    node.source,
                    f"{node.source.text} counts the elements that {name} leaves out too: a sample of which {name} keeps a "
                    "tenth weighs a tenth",
                    f"divide the sum by the size of the mask: sum(..) / maximum(sum({name}), 1.0)",
                )
        elif node.op in MEANS and averages_the_latent_axis(node) and is_gaussian_divergence(node.inputs.get("x")):
            yield Problem(
                node.source,
                f"{node.source.text} averages over the latent dimensions: of 32 the divergence is a 32nd of the one in "
                "the bound",
                "take the sum over the latent axis, and the mean over the batch",
            )
        elif node.op == "sum" and reduces_all(node) and is_gaussian_divergence(node.inputs.get("x")):
            if has_means(loss) and not is_rescaled(loss, node):
                yield Problem(
                    node.source,
                    f"{node.source.text} adds up the whole batch, beside terms that are means: it grows with the batch size",
                    "take the sum over the latent axis (-1), and the mean over the batch",
                )
        elif node.op == "kl_divergence" and node.framework == "torch" and node.told("reduction") in (None, Const("mean")):
            if is_rescaled(loss, node):
                return
            yield Problem(
                node.source,
                f'the reduction "mean" of {node.source.text} divides by the number of classes too: the divergence of 10 '
                "classes is a tenth of what it is",
                'write reduction="batchmean"',
            )
        elif node.op in ("norm", "sum") and (slopes := norm_of_slopes(node)) is not None and leaves_axes(node, slopes):
            yield Problem(
                node.source,
                f"{node.source.text} is the norm over one axis of {slopes.source.assigned or 'the gradient'}, which has "
                "several for each sample: every pixel is pushed to a slope of 1 by itself",
                "flatten each sample first, or take the norm over all axes but the first",
            )


def masked_by(mean: Node) -> Node | None:
    """The parameter called a mask that the elements of a mean are multiplied by."""
    product = mean.inputs.get("x")
    if not isinstance(product, Node) or product.op != "mul":
        return None
    for factor in (product.inputs.get("x"), product.inputs.get("y")):
        while isinstance(factor, Node) and factor.op in SAME_NUMBERS:
            factor = factor.inputs.get("x")
        if isinstance(factor, Node) and factor.op == "param" and {"mask", "masks"} & {*names.parts(factor.name)}:
            return factor
    return None


def is_rescaled(loss: Loss, reduced: Node) -> bool:
    """Whether what a reduction gives is divided by a tensor, or multiplied by a size, before it is added to others."""
    stack, seen = [reduced], set[int]()
    while stack:
        current = stack.pop()
        for user in loss.users(current):
            others = [operand for _, operand in user.operands() if operand is not current]
            if (user.op in ("div", "divide_no_nan") and others) or (user.op == "mul" and any(map(is_size, others))):
                return True
            if user.op in ("mul", "div", "neg", *MEANS, "sum", *SAME_NUMBERS) and user.index not in seen:
                seen.add(user.index)
                stack.append(user)
    return False


def is_size(factor: Node) -> bool:
    """Whether a factor is a number of things, or one over it."""
    while factor.op in (*SAME_NUMBERS, "to_float") and isinstance(inner := factor.inputs.get("x"), Node):
        factor = inner
    return factor.family == "shape" or factor.op in SIZES


def is_gaussian_divergence(value: Value | None) -> bool:
    """``1 + log_var - mu ** 2 - exp(log_var)``, with either sign."""
    signs: dict[str, set[int]] = {"square": set(), "exp": set()}
    for term, sign in signed_terms(value):
        scaled = term.inputs.get("x") if term.op == "div" else term  # mu ** 2 / prior_variance
        op = scaled.op if isinstance(scaled, Node) else ""
        signs.setdefault("square" if op == "pow" else op, set()).add(sign)
    return len(signs["square"]) == 1 and signs["exp"] == signs["square"] and has_one(value)


def has_one(value: Value | None, depth: int = 6) -> bool:
    """Whether 1 is among the terms of a sum."""
    if not isinstance(value, Node) or value.op not in ("add", "sub", "mul", "neg") or not depth:
        return isinstance(value, Const) and plain_number(value) in (1.0, -1.0)
    return any(has_one(value.inputs.get(name), depth - 1) for name in ("x", "y"))


def averages_the_latent_axis(mean: Node) -> bool:
    axis = mean.inputs.get("axis")
    return isinstance(axis, Const) and axis.value in (-1, 1)


def reduces_all(node: Node) -> bool:
    axis = node.inputs.get("axis")
    return axis is None or is_none(axis)


def has_means(loss: Loss) -> bool:
    return any(node.op == "mean" and node.index in loss.relevant for node in loss.nodes)


def norm_of_slopes(node: Node) -> Node | None:
    """The gradient that a norm, or the sum of the squares, is taken of as it is."""
    inner = node.inputs.get("x")
    if node.op == "sum":
        inner = inner.inputs.get("x") if isinstance(inner, Node) and inner.op in ("square", "pow") else None
    while isinstance(inner, Node) and inner.op == "item" and isinstance(inner.inputs.get("index"), Const):
        inner = inner.inputs.get("x")
    return inner if isinstance(inner, Node) and inner.op == "gradient" else None


def leaves_axes(norm: Node, slopes: Node) -> bool:
    """Whether the norm along one axis leaves more than one number a sample."""
    axis, of = norm.inputs.get("axis"), slopes.inputs.get("sources")
    if isinstance(of, Seq) and len(of.items) == 1:
        of = of.items[0]
    return isinstance(axis, Const) and type(axis.value) is int and len(certain_axes(of)) >= IMAGE_AXES
