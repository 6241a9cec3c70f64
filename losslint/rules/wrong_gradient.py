"""LL109."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.gradient import ESCAPES, PYTHON_LEAVES, SILENT_IN_JAX, Cause, Cut, GradientFacts
from losslint.graph.nodes import Node, nodes_in
from losslint.graph.values import Tape
from losslint.project.modes import Mode
from losslint.rules.base import Loss, Problem, Rule, recorder_name, twin
from losslint.rules.dead_term import terms_of
from losslint.rules.detached import RECORD_IT

FACTORS = ("mul", "div", "pow")


class WrongGradient(Rule):
    """A factor of the loss leaves the tape while the rest stays on it: the gradient is there, and it is wrong.

    What it does: finds a residual in which a derivative that ``torch.autograd.grad`` took without ``create_graph=True``
    is added to something that is differentiated, and products of a differentiable value and one that was turned into a
    Python number or NumPy array on the way, ``mse * float(mse)``, in code that runs eagerly. (Where a graph is traced the
    conversion raises, which LL101 and LL102 report.) An explicit ``stop_gradient`` says that this is meant.

    Why it is bad: no error and no None; the step goes in a wrong direction or has a wrong length.

    Use instead: keep the factor a tensor; write ``tf.stop_gradient`` where a constant factor is meant.

    Confirmed by: comparing the gradient with central differences.
    """

    code = "LL109"
    name = "wrong-gradient"
    BAD = (
        """
import tensorflow as tf

def step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        mse = tf.reduce_mean(tf.square(y - model(x)))
        loss = mse * float(mse)  # expect: LL109
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
""",
        """
import torch

def decay_step(net, optimizer, t):
    t.requires_grad_(True)
    u = net(t)
    slope = torch.autograd.grad(u.sum(), t, retain_graph=True)[0]  # expect: LL109
    loss = ((slope + 0.5 * u) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
    )
    GOOD = (
        """
import torch
import torch.nn.functional as F

def decay_step(net, optimizer, t):
    t.requires_grad_(True)
    u = net(t)
    slope = torch.autograd.grad(u.sum(), t, create_graph=True)[0]
    optimizer.zero_grad()
    ((slope + 0.5 * u) ** 2).mean().backward()
    optimizer.step()

def first_order_step(model, weights, optimizer, xs, ys, xq, yq):
    slopes = torch.autograd.grad(F.mse_loss(model(xs, weights), ys), weights)
    fast = [weight - 0.01 * slope for weight, slope in zip(weights, slopes)]
    optimizer.zero_grad()
    F.mse_loss(model(xq, fast), yq).backward()
    optimizer.step()

def balanced_step(model, critic, optimizer, x, last):
    y = model(x)
    error, fooled = (x - y).abs().mean(), -critic(y).mean()
    share = torch.autograd.grad(error, last, retain_graph=True)[0].norm() / (
        torch.autograd.grad(fooled, last, retain_graph=True)[0].norm() + 1e-4)
    optimizer.zero_grad()
    (error + share * fooled).backward()
    optimizer.step()

def adversarial_step(model, optimizer, x, y):
    x = x.clone().requires_grad_(True)
    slope = torch.autograd.grad(F.cross_entropy(model(x), y), x)[0]
    optimizer.zero_grad()
    F.cross_entropy(model(x + 0.03 * slope.sign()), y).backward()
    optimizer.step()
""",
        """
import tensorflow as tf

def step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        mse = tf.reduce_mean(tf.square(y - model(x)))
        loss = mse * tf.stop_gradient(mse)
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
    print(float(loss))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if any(node.detail.get("constant") for node in loss.nodes):
            yield from constant_summands(loss)
        if not any(node.op in PYTHON_LEAVES or node.framework in ("numpy", "python") for node in loss.nodes):
            return
        for value, target in loss.results:
            facts = loss.gradient_at(target)
            for node in facts.cone(value):
                if node.op in FACTORS and facts.live(node) & facts.surely_trained:
                    yield from self.constant_factors(loss, facts, node, target.tape)

    def constant_factors(self, loss: Loss, facts: GradientFacts, node: Node, tape: Tape | None) -> Iterator[Problem]:
        """The factors of ``node`` that left the tape; what was made before it opened is a constant in any spelling."""
        for name in ("x", "y"):
            factor = node.inputs.get(name)
            if not isinstance(factor, Node) or not facts.is_cut(factor) or not facts.reach(factor) & facts.surely_trained:
                continue
            if not any(map(escapes, facts.cuts(factor))):
                continue  # which of the cuts decide takes long to find
            for cut in facts.decisive_cuts(factor):
                if not facts.reach(cut.operand) & facts.surely_trained:
                    continue  # data, which the factor is made of as well
                recorded = tape is None or tape in cut.node.context.tapes
                if loss.site.framework == "jax" and cut.node.op not in SILENT_IN_JAX:
                    continue  # it raises: LL101, LL102, LL103
                if recorded and escapes(cut):
                    replacement = twin(loss, cut.node)
                    yield Problem(
                        cut.node.source,
                        f"{cut.node.source.text} is a constant to {recorder_name(loss)}, while the other factor of "
                        f"{node.source.text} is differentiated: the gradient is there, but it is not the loss's",
                        f"keep it a tensor{f' ({replacement})' if replacement else ''}; if a constant factor is "
                        "meant, say so with tf.stop_gradient",
                        related=(node.source,),
                    )


def escapes(cut: Cut) -> bool:
    """Whether a value leaves what records it without an error."""
    return cut.cause in ESCAPES and cut.node.context.mode in (Mode.EAGER, Mode.UNKNOWN)


def constant_summands(loss: Loss) -> Iterator[Problem]:
    """What is added, inside of a term, to a derivative that is not recorded; but for a step along that derivative."""
    for value, target in loss.results:
        facts = loss.gradient_at(target)
        live = (term for root in nodes_in(value) for term in terms_of(facts, root) if facts.live(term))
        for node in {inner.index: inner for term in live for inner in facts.cone(term)}.values():
            if node.op in ("add", "sub") and facts.live(node):
                yield from (constant_summand(cut.node, node) for cut in unrecorded(facts, node))


def unrecorded(facts: GradientFacts, sum_of_two: Node) -> Iterator[Cut]:
    """The derivatives that one side of a sum is made of, and nothing else, while the other is not what they are taken by."""
    for name, beside in (("x", "y"), ("y", "x")):
        side, other = (sum_of_two.inputs.get(at) for at in (name, beside))
        if isinstance(side, Node) and isinstance(other, Node) and facts.is_cut(side) and facts.live(other):
            yield from (
                cut for cut in facts.decisive_cuts(side)
                if cut.cause is Cause.GRADIENT and cut.node.inputs.get("sources") is not other
                and (cut.node.detail["kept"] or not facts.live(cut.operand) & facts.live(other))  # else it raises: LL503
            )  # fmt: skip


def constant_summand(derivative: Node, sum_of_two: Node) -> Problem:
    return Problem(
        derivative.source,
        f"without create_graph=True {derivative.source.text} gives constants, while the other part of "
        f"{sum_of_two.source.text} is differentiated: the gradient is there, but it is not the loss's",
        RECORD_IT,
        related=(sum_of_two.source,),
    )
