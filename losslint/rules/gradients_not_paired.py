"""LL504."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import libcst as cst

from losslint.facts.gradient import models_of
from losslint.findings import Severity
from losslint.graph.nodes import Node, is_same
from losslint.graph.source import AstSource, Source
from losslint.graph.values import External, Instance, Seq, Value
from losslint.project.module import Module
from losslint.project.resolve import resolver
from losslint.rules.base import Loss, Problem, Rule

CLIPS = ("clip", "clip_by_norm", "clip_norm")  # of one gradient: what comes out is one, too

CLEARS = ("zero_grad", ".grad", "set_to_none")  # what clears the gradients of PyTorch, or may


class GradientsNotPaired(Rule):
    """``apply_gradients`` is not given each variable with its own gradient.

    What it does: finds gradients that are passed without ``zip``, pairs in the wrong order, gradients of one model beside
    the variables of another, and ``unconnected_gradients="zero"`` where nothing is connected at all. In PyTorch: a loop
    with ``backward()`` and a step of an optimizer, in a file that never clears a gradient.

    Why it is bad: ``TypeError: Cannot iterate over a scalar tensor``, ``AttributeError`` on the swapped pair; models of one
    shape are changed by each other's gradients without a word; zeros hide that there is no gradient. ``backward()`` adds
    to the gradients that are there: each step goes along the sum over all batches so far.

    Use instead: ``optimizer.apply_gradients(zip(grads, model.trainable_variables))``; ``optimizer.zero_grad()`` before
    ``backward()``.

    Confirmed by: running the step (raises).
    """

    code = "LL504"
    name = "gradients-not-paired"
    BAD = (
        """
import tensorflow as tf

def step(model, x, y):
    optimizer = tf.keras.optimizers.SGD(0.1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - model(x, training=True)))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(grads)  # expect: LL504
""",
        """
import tensorflow as tf

def step(generator, critic, generator_optimizer, critic_optimizer, real, noise):
    with tf.GradientTape(persistent=True) as tape:
        scores = critic(generator(noise, training=True), training=True)
        generator_loss = -tf.reduce_mean(scores)
        critic_loss = tf.reduce_mean(scores) - tf.reduce_mean(critic(real, training=True))
    generator_grads = tape.gradient(generator_loss, generator.trainable_variables)
    critic_grads = tape.gradient(critic_loss, critic.trainable_variables)
    generator_optimizer.apply_gradients(zip(generator_grads, critic.trainable_variables))  # expect: LL504
    critic_optimizer.apply_gradients(zip(critic_grads, critic.trainable_variables))
""",
        """
import tensorflow as tf

def critic_step(generator, critic, optimizer, real, noise):
    with tf.GradientTape() as tape:
        fake = generator(noise, training=True)
        loss = tf.reduce_mean(critic(fake, training=True)) - tf.reduce_mean(critic(real, training=True))
    grads = tape.gradient(loss, critic.trainable_variables)
    optimizer.apply_gradients(zip(grads, generator.trainable_variables))  # expect: LL504

def short_step(gen, crit, optimizer, real, noise):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(crit(gen(noise))) - tf.reduce_mean(crit(real))
    moved = gen.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, crit.trainable_variables), moved))  # expect: LL504
""",
    )
    GOOD = (
        """
import torch
import torch.nn.functional as F

x, y = torch.randn(32, 4), torch.randn(32, 1)
for rate in (0.1, 0.01):
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    loss = F.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()

class Trainer:
    def run(self, model, batches, optimizer):
        for inputs, labels in batches:
            F.mse_loss(model(inputs), labels).backward()
            optimizer.step()
""",
        """
import torch
import torch.nn.functional as F

model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(32, 4), torch.randn(32, 1)
for epoch in range(100):
    loss = F.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    for weight in model.parameters():
        weight.grad = None
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for step in steps_without_clearing(loss):
            yield Problem(
                AstSource(loss.site.module, step),
                "nothing in this file clears the gradients, and backward() adds to those that are there: the step goes "
                "along the sum over all batches so far",
                "call zero_grad() of the optimizer before backward()",
                Severity.WARNING,
            )
        for pairs, source in loss.graph.applied:
            if is_derived(pairs) or (isinstance(pairs, Seq) and pairs.items and all(map(is_derived, pairs.items))):
                yield Problem(
                    source,
                    "apply_gradients is given the gradients alone: it needs pairs of (gradient, variable)",
                    paired(pairs, source),
                )
            elif isinstance(pairs, Seq) and pairs.items and all(map(is_swapped, pairs.items)):
                yield Problem(
                    source,
                    "the pairs are (variable, gradient): apply_gradients needs (gradient, variable)",
                    "exchange the arguments of zip: zip(grads, variables)",
                )
            elif isinstance(pairs, Seq) and (models := mixed_models(loss, pairs)):
                yield Problem(
                    source,
                    f"the gradients are those of {models[0]}, the variables those of {models[1]}",
                    f"pair them with the variables they were taken by: {models[0]}.trainable_variables",
                )
        for target in loss.graph.asked:
            if target.zeros and loss.gradient_at(target).is_cut(target.value):
                yield Problem(
                    target.source,
                    "nothing connects the loss with the variables, and unconnected_gradients turns the missing gradients "
                    "into zeros: training runs and changes nothing",
                    "drop unconnected_gradients, and mend what cuts the gradient",
                )


def paired(gradients: Value, call: Source) -> str:
    """The call with the variables that the gradients were taken by: those alone are in their order."""
    taken = origin(gradients.items[0] if isinstance(gradients, Seq) else gradients)
    by = taken.inputs.get("sources") if isinstance(taken, Node) else None
    if not isinstance(by, Node) or not isinstance(call.node, cst.Call) or len(call.node.args) != 1:
        return "pair each gradient with the variable that it was taken by: apply_gradients(zip(grads, variables))"
    text = call.unit.text
    return f"{text(call.node.func)}(zip({text(call.node.args[0].value)}, {by.source.text}))"


def steps_without_clearing(loss: Loss) -> Iterator[ast.Call]:
    """The first step of an optimizer of PyTorch in the loop around ``backward()``, where gradients are never cleared."""
    site, module = loss.site, loss.site.module
    if site.kind != "expression" or not loss.graph.passes or any(word in module.text for word in CLEARS):
        return
    index = module.index
    around = [node for node in index.ancestors(site.node) if isinstance(node, (ast.For, ast.While))]
    loops = [loop for loop in around if index.def_around(loop) is index.def_around(site.node)]
    for call in index.calls_by_name.get("step", []):
        if loops and loops[0] in index.ancestors(call) and steps_optimizer(call, loops, module):
            yield call
            return


def steps_optimizer(call: ast.Call, loops: list[ast.For | ast.While], module: Module) -> bool:
    """Whether a call is ``step`` of an optimizer of PyTorch that was made before some loops."""
    receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
    if not isinstance(receiver, ast.Name):
        return False
    made, _ = module.index.lookup(receiver.id, module.index.scope(call))
    fresh = any(loop in module.index.ancestors(value) for value in made for loop in loops)
    targets = resolver(module).targets(receiver, module.index.scope(call))
    return not fresh and any(target.called and target.dotted.startswith("torch.optim.") for target in targets)


def mixed_models(loss: Loss, pairs: Seq) -> tuple[str, str] | None:
    """The models of the gradients and of the variables, where they differ and the second has gradients of its own here,
    or is called in the loss. (A worker's gradients may well move the global model's variables.)"""
    own = [model for t in loss.graph.asked if t.sources is not None for model in models_of(t.sources) or []]
    for pair in pairs.items:
        if not isinstance(pair, Seq) or len(pair.items) != 2:
            return None
        gradient, variable = (origin(item) for item in pair.items)
        if not isinstance(gradient, Node) or gradient.op != "gradient" or variable is None:
            return None
        names = [model_name(side) for side in (gradient.inputs.get("sources"), variable)]
        if all(names) and names[0] != names[1]:
            models = [models_of(side) for side in (gradient.inputs["sources"], variable)]
            here = [*own, *called(loss, gradient.inputs["x"])] if "x" in gradient.inputs else own
            mixed = models[0] and models[1] and not is_same(models[0][0], models[1][0]) and any(
                is_same(models[1][0], model) for model in here)
            return (names[0], names[1]) if mixed else None
    return None


def called(loss: Loss, value: Value) -> list[Value]:
    """The models that a value is computed with."""
    cone = loss.gradient.cone(value)
    found = [model for node in cone for model in (node.inputs.get("function"), node.detail.get("object"))]
    return [model for model in found if isinstance(model, Value)]


def origin(value: Value) -> Value | None:
    """What a value is an item of, clipped or not; of a weight the variables that it is one of."""
    found: Value | None = value
    while isinstance(found, Node) and found.op in ("item", "weight", *CLIPS):
        found = found.detail.get("of") if found.op == "weight" else found.inputs.get("x")
    return found


def model_name(variables: Value | None) -> str:
    """``critic`` for ``critic.trainable_variables``; "" where it is not said, or is the object that holds other models."""
    owners = models_of(variables) if variables is not None else None
    if owners and len(owners) == 1 and isinstance(owners[0], External) and owners[0].made is not None:
        return owners[0].made.unit.assigned(owners[0].made.node)
    if not owners or len(owners) != 1 or isinstance(owners[0], Instance) or not isinstance(variables, Node):
        return ""
    read = variables.source.node
    return variables.source.unit.text(read.value) if isinstance(read, cst.Attribute) else ""


def is_swapped(value: Value) -> bool:
    if not isinstance(value, Seq) or len(value.items) != 2:
        return False
    first, second = value.items
    return not is_derived(first) and is_derived(second)


def is_derived(value: Value) -> bool:
    """Whether a value is a gradient or an item of one."""
    if not isinstance(value, Node):
        return False
    inner = value.inputs.get("x")
    passed = value.op in ("item", *CLIPS)
    return value.op == "gradient" or (passed and inner is not None and is_derived(inner))
