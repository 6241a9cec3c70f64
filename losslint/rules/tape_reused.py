"""LL503."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import combinations

from losslint.graph.nodes import Node, Pass, nodes_in
from losslint.graph.values import External, Value
from losslint.rules.base import Loss, Problem, Rule, callee

WEIGHTED = re.compile(r"torch\.nn\.(Sequential|Linear|Bilinear|Conv\d?d|(RNN|GRU|LSTM)(Cell)?)\(\)$")


FREEZES = re.compile(r"requires_grad(_\(|\s*=\s*)False")


class TapeReused(Rule):
    """A tape that is not persistent is asked for a gradient twice, or PyTorch goes back through one graph twice.

    What it does: counts the ``gradient`` calls of each tape along one path. In PyTorch it looks for ``backward()`` and
    ``torch.autograd.grad`` that go through the same call of a model, where the first frees the graph; also in a loop, where
    a loss made before it, a sum of losses or the state of a recurrent layer takes the graph of earlier turns along.

    Why it is bad: ``RuntimeError: A non-persistent GradientTape can only be used to compute one set of gradients``;
    ``RuntimeError: Trying to backward through the graph a second time``.

    Use instead: ask once for all sources, ``tape.gradient(loss, [a, b])``, use one tape a network, or
    ``tf.GradientTape(persistent=True)``. In PyTorch add the losses, detach what the other network is trained by, or
    pass ``retain_graph=True`` to the first.

    Confirmed by: running the step (raises).
    """

    code = "LL503"
    name = "tape-reused"
    BAD = (
        """
import tensorflow as tf

def step(generator, critic, x):
    with tf.GradientTape() as tape:
        score = critic(generator(x, training=True), training=True)
        loss = tf.reduce_mean(score)
    first = tape.gradient(loss, generator.trainable_variables)
    second = tape.gradient(-loss, critic.trainable_variables)  # expect: LL503
    return first, second
""",
        """
import torch.nn.functional as F

def train_step(model, x, y, first, second):
    out = model(x)
    error = F.mse_loss(out, y)
    both = error + 0.1 * out.abs().mean()
    first.zero_grad()
    error.backward()
    first.step()
    second.zero_grad()
    both.backward()  # expect: LL503
    second.step()
""",
        """
import torch
import torch.nn.functional as F

def gan_step(generator, critic, real, of_critic, of_generator):
    fake = generator(torch.randn(len(real), 64))
    of_critic.zero_grad()
    (critic(fake).mean() - critic(real).mean()).backward()
    of_critic.step()
    of_generator.zero_grad()
    loss = -critic(fake).mean()
    loss.backward()  # expect: LL503
    of_generator.step()

def slope_step(net, optimizer, t):
    t.requires_grad_(True)
    u = net(t)
    slope = torch.autograd.grad(u.sum(), t)[0]
    loss = ((slope + u) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()  # expect: LL503
    optimizer.step()
""",
    )
    GOOD = (
        """
import torch
import torch.nn.functional as F

def gan_step(generator, critic, real, of_critic, of_generator):
    fake = generator(torch.randn(len(real), 64))
    of_critic.zero_grad()
    critic(real).mean().neg().backward()
    critic(fake.detach()).mean().backward()
    of_critic.step()
    of_generator.zero_grad()
    loss = -critic(fake).mean()
    loss.backward()
    of_generator.step()

def twice_step(model, x, y, optimizer, scaler, penalised=False):
    out = model(x)
    loss = F.mse_loss(out, y)
    optimizer.zero_grad()
    if scaler is not None:
        scaler.scale(loss).backward()
    else:
        loss.backward(retain_graph=penalised)
    if penalised:
        out.abs().mean().backward()
    optimizer.step()

def parts_step(model, xs, ys, optimizer):
    optimizer.zero_grad()
    for x, y in zip(xs, ys):
        loss = F.mse_loss(model(x), y) / len(xs)
        loss.backward()
    optimizer.step()
    loss = F.mse_loss(model(xs[0]), ys[0])
    loss.backward()
    optimizer.step()

def shared_step(encoder, left, right, x, y, z, optimizer):
    code = encoder(x)
    optimizer.zero_grad()
    F.mse_loss(left(code), y).backward(retain_graph=True)
    F.mse_loss(right(code), z).backward()
    optimizer.step()

class Agent:
    def setup(self, space, device):
        self.policy = self.policy_class(space, lr=1e-3).to(device)
        self.actor, self.critic = self.policy.actor, self.policy.critic

    def train_step(self, state, action, target):
        self.setup(4, "cpu")
        chosen, log_p = self.actor.sample(state)
        critic_loss = sum(F.mse_loss(q, target) for q in self.critic(state, action))
        critic_loss.backward()
        actor_loss = (0.2 * log_p - torch.cat(self.critic(state, chosen), dim=1)).mean()
        actor_loss.backward()

def frozen_step(teacher, student, x, optimizer):
    with torch.no_grad():
        wanted = teacher(x)
    given = x.clone().requires_grad_(True)
    slope = torch.autograd.grad(student(given).sum(), given)[0]
    optimizer.zero_grad()
    F.mse_loss(student(x + 0.1 * slope.sign()), wanted).backward()
    F.mse_loss(student(x), wanted).backward()
    optimizer.step()
""",
        """
import tensorflow as tf

def step(generator, critic, x):
    with tf.GradientTape(persistent=True) as tape:
        loss = tf.reduce_mean(critic(generator(x, training=True), training=True))
    first = tape.gradient(loss, generator.trainable_variables)
    second = tape.gradient(loss, critic.trainable_variables)
    return first, second
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for target in loss.graph.targets:
            if target.again:
                yield Problem(
                    target.source,
                    "the second gradient of a tape that is not persistent: RuntimeError",
                    "ask once, tape.gradient(loss, [first, second]), or open tf.GradientTape(persistent=True)",
                )
        through = {one: calls_behind(loss, one.value) for one in loss.graph.passes}
        for first, second in combinations(loss.graph.passes, 2):
            common = through[first] & through[second]
            if first.keeps or not common or not first.runs_before(second) or not (shared := shared_calls(loss, common)):
                continue
            freed = first.source
            if is_next_turn(first, second):
                yield from carried_round(loss, first, second, shared[0])
            elif freed.span != second.source.span:
                yield Problem(
                    second.source,
                    f"{second.source.text} goes back through {shared[0].source.text} once more, whose graph {freed.text} in "
                    f"line {freed.row} has freed: RuntimeError (`Trying to backward through the graph a second time`)",
                    way_out(loss, first, second),
                    related=(freed,),
                )


def is_next_turn(first: Pass, second: Pass) -> bool:
    """Whether two passes are one, in two turns of a loop."""
    routes = ([place.span for place in one.source.route] for one in (first, second))
    return second.context.loop and next(routes) == next(routes)


def carried_round(loss: Loss, first: Pass, second: Pass, shared: Node) -> Iterator[Problem]:
    """A loop that goes back through what it has gone through in the turn before."""
    between = loss.nodes[max(n.index for n in nodes_in(first.value)):max(n.index for n in nodes_in(second.value))]
    is_new = any(node.op == "layer" and node.source.span == shared.source.span for node in between)
    if first.value is not second.value and not is_trained(loss, shared, is_new):
        return
    model = shared.source
    yield Problem(
        second.source,
        f"{second.source.text} goes back in each turn of the loop through {model.text}"
        + (" of the turns before" if is_new else f", which line {model.row} computes once")
        + ": the first time frees that graph, the second raises RuntimeError (`Trying to backward through the graph a "
        "second time`)",
        "detach() what is carried over from one turn to the next, and add up loss.item()" if is_new else
        f"compute {model.text} within the loop, or detach() it where it is not to be trained",
        related=(model,),
    )


def is_trained(loss: Loss, model: Node, is_new: bool) -> bool:
    """Whether a model leaves a graph behind: one that is frozen leaves none of what it computes of data. That optimizers
    ask for its weights speaks against that, and that each turn calls it."""
    asked = [call.func for call in loss.site.module.index.calls_by_name.get("parameters", [])]
    optimized = any(isinstance(at, ast.Attribute) and ast.unparse(at.value) == callee(model) for at in asked)
    freezes = FREEZES.search(loss.site.module.text) is not None
    return optimized + is_new > freezes


def way_out(loss: Loss, first: Pass, second: Pass) -> str:
    """What to write instead. A step of an optimizer changes weights that a kept graph needs as they were."""
    calls = loss.site.module.index.calls_by_name.get("step", [])
    if any(first.source.row < call.lineno < second.source.row for call in calls):
        return ("run the model again for the second loss, after the step, or take that step only after both have gone back: "
                "a graph that is kept needs the weights as they were")
    keeps = "retain_graph=True" if first.source.text.endswith("backward()") else "create_graph=True"
    return ("add the losses and go back once, detach() what a network is not to be trained by, or have the first keep its "
            f"graph: {keeps}")


def calls_behind(loss: Loss, value: Value) -> set[int]:
    """The calls of models that the derivative of a value goes through."""
    return {index for index in loss.gradient.passed(value) if is_model(loss.nodes[index])}


def shared_calls(loss: Loss, common: set[int]) -> list[Node]:
    """Those calls of models that are the same in each turn of a loop."""
    own = {index for several in loss.graph.repeated for index in loss.gradient.passed(several)}
    return [loss.nodes[index] for index in sorted(common - own)]


def is_model(node: Node) -> bool:
    """Whether an operation is the call of something with weights: what it computes with is kept for the way back."""
    made = node.detail.get("object")
    if node.op != "layer":
        return False
    return not isinstance(made, External) or WEIGHTED.search(made.name) is not None
