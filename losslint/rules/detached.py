"""LL108."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from losslint.facts.gradient import PYTHON_LEAVES, Cause, Roots
from losslint.facts.shape import is_true
from losslint.findings import Severity
from losslint.graph.nodes import Node, nodes_in
from losslint.graph.source import Source
from losslint.graph.values import Seq
from losslint.project import names
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule, recorder_name, tensor_operands, where_it_raises
from losslint.rules.tensor_to_python import only_taken_to_python

TORCH_COPIES = ("torch.tensor", "torch.Tensor")  # torch.as_tensor keeps the graph


RECORD_IT = "pass create_graph=True, so that the gradient can be differentiated again"


class Detached(Rule):
    """The only path from the prediction to the loss is detached from what records it.

    What it does: finds ``tf.stop_gradient``, ``tf.Variable(t)``, ``assign``, code under ``stop_recording``,
    ``torch.autograd.grad`` without ``create_graph=True`` and their relatives, where no other path carries a gradient.
    Detached targets and weights beside one are fine.

    Why it is bad: everything before that point is a constant: the gradient is None.

    Use instead: detach only what shall not be trained.

    Confirmed by: running the loss under ``tf.GradientTape`` (gradient None).
    """

    code = "LL108"
    name = "detached"
    BAD = (
        """
import tensorflow as tf

def consistency_loss(y_true, y_pred):
    target = tf.stop_gradient(y_pred)  # expect: LL108
    return tf.reduce_mean(tf.square(y_true - target))
""",
        """
import numpy as np
import torch

def spectral_loss(pred, target):
    p = np.abs(np.fft.rfft(pred.detach().numpy(), axis=-1))  # expect: LL102
    t = np.abs(np.fft.rfft(target.numpy(), axis=-1))
    return torch.tensor(np.mean((p - t) ** 2), requires_grad=True)  # expect: LL108
""",
        """
import torch

def teacher_loss(pred, target):
    frozen = pred.detach()  # expect: LL108
    return (frozen - target).pow(2).mean()
""",
    )
    GOOD = (
        """
import torch
import torch.nn.functional as F

def run_epoch(net, batches, optimizer=None):
    training, total, hits = optimizer is not None, 0.0, 0.0
    for x, y in batches:
        p = torch.sigmoid(net(x))
        loss = F.mse_loss(p, y)
        if training:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        total += loss.item() * len(x)
        hits += ((p.detach() > 0.5) == (y > 0.5)).float().mean().item()
    return total, hits
""",
        """
import tensorflow as tf

def advantage_loss(y_true, y_pred):
    weight = tf.stop_gradient(tf.abs(y_true - y_pred))
    return tf.reduce_mean(weight * tf.square(y_true - y_pred))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for cut in loss.cuts_by(Cause.DETACH):
            if only_taken_to_python(loss, cut.node):
                continue  # p.detach().numpy(): LL102
            if cut.node.family == "detach" and any(is_network(node, cut.node) for node in loss.nodes):
                continue  # critic(fake.detach()): the critic is trained
            source, takes = cut.node.source, f"hides {loss.root_of(cut.operand)} from {recorder_name(loss)}"
            if cut.node.context.no_grad:
                source = called_from(source)
                takes = f"is computed from {loss.root_of(cut.operand)} while recording is switched off"
            yield Problem(
                source,
                f"{source.text} {takes}, and there is no other path to the loss: training gets no gradient",
                "detach only targets and weights; let one path from the prediction to the loss through",
                loss.doubt(cut),
            )
        for cut in loss.cuts_by(Cause.GRADIENT) if not loss.is_called_here else ():  # perhaps one term of several: LL112
            yield Problem(
                cut.node.source,
                f"without create_graph=True {cut.node.source.text} gives constants, and nothing else leads to the loss: "
                "training gets no gradient",
                RECORD_IT,
            )
        for node in loss.nodes:
            copied, arrives = tensor_operands(node), loss.gradient.live
            if is_true(node.inputs.get("requires_grad")):  # of an array or a number, too: it shall be trained
                copied, arrives = [o for name, o in node.operands() if name == "x"], loss.gradient.reach
            if all(operand.op in PYTHON_LEAVES for operand in copied):
                continue  # x.item() is what loses the graph: LL102
            rewraps = node.name in TORCH_COPIES and node.index in loss.relevant
            if rewraps and any(is_computed(loss, arrives(operand)) for operand in copied):
                hides = ", and requires_grad=True only hides that" if "requires_grad" in node.inputs else ""
                yield Problem(
                    node.source,
                    f"{node.source.text} copies the value into a new leaf: the graph behind it is lost{hides}",
                    "use the tensor itself, torch.stack for a list, or a soft threshold torch.sigmoid(k * (x - t))",
                )
            if node.op != "constant" or not tensor_operands(node) or not node.name.endswith("constant"):
                continue
            packs = isinstance(node.inputs.get("x"), Seq)
            severity = Severity.ERROR if packs else loss.graph_severity(node)
            if severity is not None:
                where = "raises in every mode" if packs else f"{where_it_raises(loss, node)} raises TypeError"
                yield Problem(
                    node.source,
                    f"tf.constant takes values, and {tensor_operands(node)[0].source.text} is a tensor: {where}",
                    "use tf.stack([...])" if packs else "use tf.convert_to_tensor, or the tensor as it is",
                    severity,
                )


def is_network(node: Node, detached: Node) -> bool:
    """Whether a node is the call of something that is handed in, no loss by its name, with what was detached."""
    call = node.source.node
    if node.op != "unknown" or node.name or not isinstance(call, cst.Call) or (
            not any(inner is detached for value in node.inputs.values() for inner in nodes_in(value))):
        return False
    called = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    name = called.value if isinstance(called, cst.Name) else ""
    return not (names.names_loss(name) or name.lower() in names.LOSS_KEYWORDS)


def is_computed(loss: Loss, roots: Roots) -> bool:
    """Whether one of these roots is surely what a model computes: a graph or a mask that a loss is given is a tensor too."""
    sure = (loss.nodes[index] for index in roots & loss.gradient.surely_trained)
    return any(node.op != "param" or node.role is Role.PREDICTION for node in sure)


def called_from(source: Source) -> Source:
    """The call in the loss itself that led to a place."""
    *_, outermost = source.route
    return outermost
