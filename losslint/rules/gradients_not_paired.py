"""LL504."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.graph.nodes import Node
from losslint.graph.values import Seq, Value
from losslint.rules.base import Loss, Problem, Rule


class GradientsNotPaired(Rule):
    """``apply_gradients`` is not given pairs of (gradient, variable).

    What it does: finds gradients that are passed without ``zip``, and pairs in the wrong order.

    Why it is bad: ``TypeError: Cannot iterate over a scalar tensor``, or ``AttributeError`` on the swapped pair.

    Use instead: ``optimizer.apply_gradients(zip(grads, model.trainable_variables))``.

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
    )
    GOOD = (
        """
import tensorflow as tf

def step(model, x, y):
    optimizer = tf.keras.optimizers.SGD(0.1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - model(x, training=True)))
    grads = [tf.clip_by_norm(g, 1.0) for g in tape.gradient(loss, model.trainable_variables)]
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for pairs, source in loss.graph.applied:
            if is_gradient(pairs) or (isinstance(pairs, Seq) and pairs.items and all(map(is_gradient, pairs.items))):
                yield Problem(
                    source,
                    "apply_gradients is given the gradients alone: it needs pairs of (gradient, variable)",
                    "optimizer.apply_gradients(zip(grads, model.trainable_variables))",
                )
            elif isinstance(pairs, Seq) and pairs.items and all(map(is_swapped, pairs.items)):
                yield Problem(
                    source,
                    "the pairs are (variable, gradient): apply_gradients needs (gradient, variable)",
                    "exchange the arguments of zip: zip(grads, variables)",
                )


def is_gradient(value: Value) -> bool:
    return isinstance(value, Node) and value.op == "gradient"


def is_swapped(value: Value) -> bool:
    if not isinstance(value, Seq) or len(value.items) != 2:
        return False
    first, second = value.items
    return not is_derived(first) and is_derived(second)


def is_derived(value: Value) -> bool:
    """Whether a value is a gradient or an item of one."""
    if not isinstance(value, Node):
        return False
    return value.op == "gradient" or (value.op == "item" and is_derived(value.inputs["x"]))
