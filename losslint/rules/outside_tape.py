"""LL501."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.facts.gradient import VARIABLES, GradientFacts, called_model, models_of
from losslint.graph.indexing import may_be_several
from losslint.graph.nodes import Kind, Node, Target, nodes_in
from losslint.graph.source import Source
from losslint.graph.values import External, Tape, Value
from losslint.project.index import FunctionNode, keyword, last_name, walk
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.unwatched_source import unwatched

NO_LAYERS = ("Variable", "add_weight")  # that may be told not to be trained as well
LOOKUPS = ("param", "weight", "attribute", "phi", "unknown", "custom_gradient")


class OutsideTape(Rule):
    """What is differentiated was computed while the tape was not recording.

    What it does: follows the target of ``tape.gradient`` back to the model calls and variables it depends on, and looks
    whether one of them was used inside the ``with tf.GradientTape()`` block, and every step from there to the target, too.

    Why it is bad: the tape has seen nothing: the gradient is None, ``No gradients provided for any variable``.

    Use instead: move the forward pass and the loss into the block.

    Confirmed by: the gradient is None.
    """

    code = "LL501"
    name = "outside-tape"
    BAD = (
        """
import tensorflow as tf

def step(model, optimizer, x, y):
    prediction = model(x, training=True)  # expect: LL501
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - prediction))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
""",
        """
import tensorflow as tf

def step(model, optimizer, x, y):
    prediction = model(x, training=True)  # expect: LL501
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        loss = tf.reduce_mean(tf.square(y - prediction))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
""",
        """
import tensorflow as tf

def curvature(model, x):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        u = model(x)
    slope = tape.gradient(u, x)  # expect: LL501
    return tape.gradient(slope, x)

def curvature_of_two(model, x):
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            u = model(x)
    slope = 2.0 * inner.gradient(u, x)  # expect: LL501
    return outer.gradient(slope, x)

mse = tf.keras.losses.MeanSquaredError()

def epoch(model, optimizer, batches):
    for x, y in batches:
        with tf.GradientTape() as tape:
            prediction = model(x, training=True)
        loss = mse(y, prediction)  # expect: LL501
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
""",
    )
    GOOD = (
        """
import tensorflow as tf

def step(model, teacher, optimizer, x, y):
    target = teacher(x, training=False)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(target - model(x, training=True)))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
""",
        """
import tensorflow as tf

def step(generator, critic, x):
    with tf.GradientTape(persistent=True) as tape:
        score = critic(generator(x, training=True), training=True)
        loss = tf.reduce_mean(score)
        opposite = -loss
    mean_score = tf.reduce_mean(tf.sigmoid(score))
    grads = tape.gradient(opposite, critic.trainable_variables)
    return tape.gradient(loss, generator.trainable_variables), grads, mean_score
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for target in loss.graph.targets:
            tape = target.tape
            if tape is None or target.again or unwatched(target) or not is_followed(loss, target):  # LL503, LL502
                continue
            facts = loss.gradient_at(target)
            unrecorded = forward_outside(facts, target, tape) or step_outside(facts, target.value, tape) or (
                early_call(loss, target, tape))
            if unrecorded is not None:
                place = beside(target.source, unrecorded.source)
                yield Problem(
                    place,
                    f"{place.text} is computed outside of the GradientTape that is asked for its gradient "
                    f"(row {target.source.row}): the tape has not recorded it, and the gradient is None",
                    "take the first gradient inside of the block, by a tape of its own" if unrecorded.op == "gradient" else
                    "move the forward pass and the loss into the `with tf.GradientTape()` block",
                    related=(target.source,),
                )


def is_followed(loss: Loss, target: Target) -> bool:
    """Whether a gradient is asked for in the code that is traced: of a script's names that a function looks up, only their
    own lines are run, without the block around them."""
    module, node = loss.site.module, loss.site.node
    function = node if isinstance(node, FunctionNode) else module.index.def_around(node)
    *_, outermost = target.source.route
    if function is None or outermost.module is not module:
        return True
    return function.lineno <= outermost.row <= (function.end_lineno or function.lineno)


def beside(target: Source, place: Source) -> Source:
    """A place, or the call that leads to it from the function that asks for the gradient: a helper may be right as it is."""
    return next((at for at in place.route if at.via is target.via), place)


def forward_outside(facts: GradientFacts, target: Target, tape: Tape) -> Node | None:
    """The last use of weights, where none of those that a value depends on was recorded."""
    cone = [*facts.cone(target.value)]
    roots = [n for n in cone if n.op == "layer" or n.family == "variable"]
    watched = tape.watched and not of_variables(target.sources)
    if watched or not roots or any(_may_hide_weights(n) and tape in n.context.tapes for n in cone):
        return None
    used = [n for n in cone if _uses_weights(n, roots)]
    if not used or any(tape in n.context.tapes for n in used):
        return None
    return max(used, key=lambda n: n.index)


def early_call(loss: Loss, target: Target, tape: Tape) -> Node | None:
    """The last call of a model before the block, where the gradient is asked for by the variables of several, and of this
    one the tape has recorded none."""
    models = models_of(target.sources) if target.sources is not None else None
    if not models or may_be_frozen(loss):
        return None
    cone = [*loss.gradient.cone(target.value)]
    if any(_may_hide_weights(n) and tape in n.context.tapes for n in cone):
        return None
    for model in models:
        calls = [n for n in cone if n.op == "layer" and called_model(n) is model]
        if calls and not any(n.context.tapes for n in calls):
            return max(calls, key=lambda n: n.index)
    return None


def may_be_frozen(loss: Loss) -> bool:
    """Whether a file switches off the training of a model or layer: it has no trainable variables then."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr == "trainable" and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.Call) and last_name(node.func) not in NO_LAYERS and keyword(node, "trainable") is not None)
        for node in walk(loss.site.module.tree))


def of_variables(sources: Value | None) -> bool:
    """Whether a gradient is taken with respect to variables alone: to watch another tensor does nothing for them."""
    if isinstance(sources, External):
        return sources.name.endswith(VARIABLES)
    found = list(nodes_in(sources)) if sources is not None else []
    return bool(found) and all(n.family == "variable" or (n.op == "attribute" and n.name in VARIABLES) for n in found)


def step_outside(facts: GradientFacts, value: Value, tape: Tape) -> Node | None:
    """The first operation after the block that stands between a value and everything the tape has recorded."""
    outside = {n.index for n in facts.cone(value) if computes(n) and tape not in n.context.tapes}
    if not outside or not facts.live(value) or facts.live_without(value, outside):
        return None
    ends = [facts.graph.nodes[i] for i in sorted(outside)]
    return next((n for n in ends if any(facts.live_without(o, outside) for _, o in n.operands())), None)


def computes(node: Node) -> bool:
    """Whether a node is certainly an operation on tensors, which a tape has to record, and not a look-up, nor what it is
    told to watch."""
    if node.kind is not Kind.TENSOR or node.op in (*LOOKUPS, "layer") or node.family == "variable":
        return False
    if "watched" in node.detail:
        return False
    return node.op != "item" or not any(o.op == "layer" or may_be_several(o) for _, o in node.operands())


def _may_hide_weights(node: Node) -> bool:
    return node.op == "weight" or (
        node.op in ("unknown", "attribute", "param", "gradient") and node.kind is Kind.UNKNOWN)


def _uses_weights(node: Node, roots: list[Node]) -> bool:
    """Whether a node calls a model, or uses a variable directly."""
    return node.op == "layer" or any(o in roots and o.family == "variable" for _, o in node.operands())
