"""LL502."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.shape import is_none
from losslint.findings import Severity
from losslint.graph.nodes import Kind, Node, Target, nodes_in
from losslint.graph.values import Const, Map, Seq, Tape
from losslint.rules.base import Loss, Problem, Rule

LOOKUPS = ("param", "weight", "attribute", "item", "phi", "unknown", "gradient", "layer", "custom_gradient")
MADE = ("constant", "sample")  # families of what is made out of nothing: no tape records where it comes from


class UnwatchedSource(Rule):
    """A gradient is asked for with respect to a tensor that the tape does not watch.

    What it does: looks at what ``tape.gradient`` is asked to differentiate by: a constant, random numbers, integers, a
    variable with ``trainable=False``, or a tensor computed before the block opened, where no ``tape.watch`` names it.

    Why it is bad: a tape watches trainable variables by itself, and nothing else: the gradient is None. A variable that is
    bound again to a tensor, ``w = w - rate * slope``, is gone after the first step.

    Use instead: ``tape.watch(x)`` at the head of the block, a ``tf.Variable``, ``w.assign_sub(rate * slope)``.

    Confirmed by: the gradient is None.
    """

    code = "LL502"
    name = "unwatched-source"
    BAD = (
        """
import tensorflow as tf

def slope(f):
    x = tf.constant([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(f(x) ** 2)
    return tape.gradient(y, x)  # expect: LL502
""",
        """
import tensorflow as tf

def gradient_penalty(critic, real, fake):
    alpha = tf.random.uniform([tf.shape(real)[0], 1, 1, 1])
    mixed = real + alpha * (fake - real)
    with tf.GradientTape() as tape:
        score = critic(mixed, training=True)
    slope = tape.gradient(score, mixed)  # expect: LL502
    return tf.reduce_mean((tf.sqrt(tf.reduce_sum(slope**2, axis=[1, 2, 3]) + 1e-12) - 1.0) ** 2)
""",
        """
import tensorflow as tf

w = tf.Variable([[0.5], [0.1]])
x, y = tf.random.normal((32, 2)), tf.random.normal((32, 1))

for _ in range(100):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(x @ w - y))
    slope = tape.gradient(loss, w)  # expect: LL502
    w = w - 0.1 * slope
""",
    )
    GOOD = (
        """
import tensorflow as tf

def slope(f):
    x = tf.constant([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(f(x) ** 2)
    return tape.gradient(y, x)

def gradient_penalty(critic, real, fake):
    mixed = real + tf.random.uniform([tf.shape(real)[0], 1, 1, 1]) * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch([mixed])
        score = critic(mixed, training=True)
    slope = tape.gradient(score, mixed)
    return tf.reduce_mean((tf.sqrt(tf.reduce_sum(slope**2, axis=[1, 2, 3]) + 1e-12) - 1.0) ** 2)
""",
        """
import tensorflow as tf

w = tf.Variable([[0.5], [0.1]])
x, y = tf.random.normal((32, 2)), tf.random.normal((32, 1))

for _ in range(100):
    with tf.GradientTape() as tape:
        hidden = x @ w
        loss = tf.reduce_mean(tf.square(hidden - y))
    slope, _ = tape.gradient(loss, [w, hidden])
    w.assign_sub(0.1 * slope)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for target in loss.graph.asked:
            for source in unwatched(target)[:1]:
                yield Problem(
                    target.source,
                    f"{source.source.text} is {what_it_is(source)}, which a tape does not watch by itself: the gradient is "
                    "None",
                    instead(source),
                    related=(source.source,),
                )
            for source, row in watched_by_another(target, loss)[:1]:
                yield Problem(
                    target.source,
                    f"another tape watches {source.name}, but not the one that is asked here (row {row}): where "
                    f"{source.name} is no variable, the gradient is None",
                    f"tape.watch({source.name}) at the head of the block of row {row}, too",
                    Severity.WARNING,
                )


def unwatched(target: Target) -> list[Node]:
    """The sources of a gradient that its tape knows nothing of."""
    if target.tape is None or target.sources is None or target.again:
        return []
    watched = watched_by(target.tape)
    asked = {n.index: n for n in nodes_in(target.sources)}.values()
    return [n for n in asked if n.index not in watched and is_unwatched(n, target.tape)]


def watched_by_another(target: Target, loss: Loss) -> list[tuple[Node, int]]:
    """The arguments among the sources of a gradient that the code itself takes for plain tensors, as a model is applied to
    them and another tape watches them, and the row of the tape that does not."""
    if target.tape is None or target.sources is None or target.again:
        return []
    tapes = [other.tape for other in loss.graph.asked if other.tape not in (None, target.tape)]
    elsewhere = watched_by(*tapes) - watched_by(target.tape)
    given = (n for n in nodes_in(target.sources) if n.op == "param" and n.index in elsewhere)
    return [(n, target.tape.row) for n in given if any(user.op == "layer" for user in loss.users(n))]


def watched_by(*tapes: Tape | None) -> set[int]:
    """The nodes that some tapes are told to watch."""
    return {n.index for tape in tapes if tape is not None for value in tape.watched for n in nodes_in(value)}


def is_unwatched(source: Node, tape: Tape) -> bool:
    """Whether a tape has certainly not followed a tensor from where it was made."""
    if source.kind is not Kind.TENSOR or source.detail.get("tuple"):
        return False
    if source.family == "variable":
        fixed = source.inputs.get("trainable")
        return isinstance(fixed, Const) and fixed.value is False
    if source.op in LOOKUPS or any(is_none(v) for v in source.inputs.values() if source.op == "identity"):
        return False
    if any(isinstance(value, (Seq, Map)) for value in source.inputs.values()) and source.op == "add":
        return False  # two lists, one of which is not known
    before = tape not in source.context.tapes
    return source.family in MADE or (before and source.operation is not None and source.family not in ("state", "data"))


def what_it_is(source: Node) -> str:
    if source.family == "variable":
        return "a variable with trainable=False"
    if source.family in MADE:
        return "no variable"
    return "a tensor made before the block"


def instead(source: Node) -> str:
    stepped = any(n.op == "gradient" for n in _cone(source))
    if stepped and any(n.family == "variable" for n in _cone(source)):
        return "change the variable in place: w.assign_sub(rate * slope)"
    return "name it at the head of the block: tape.watch(...)"


def _cone(node: Node, depth: int = 8) -> Iterator[Node]:
    yield node
    for _, operand in node.operands() if depth else ():
        yield from _cone(operand, depth - 1)
