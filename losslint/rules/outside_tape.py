"""LL501."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.graph.nodes import Node, nodes_in
from losslint.rules.base import Loss, Problem, Rule


class OutsideTape(Rule):
    """What is differentiated was computed while the tape was not recording.

    What it does: follows the target of ``tape.gradient`` back to the model calls and variables it depends on, and looks
    whether any of them was used inside the ``with tf.GradientTape()`` block.

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
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        facts = loss.gradient
        for target in loss.graph.targets:
            tape = target.tape
            if tape is None or tape.watched:
                continue
            cone = [n for value in nodes_in(target.value) for n in facts.cone(value)]
            roots = [n for n in cone if n.op == "layer" or n.family == "variable"]
            if not roots or any(
                n.op in ("unknown", "attribute", "param", "gradient")
                and n.kind.value == "unknown"
                and (tape in n.context.tapes)
                for n in cone
            ):
                continue
            used = [n for n in cone if _uses_weights(n, roots)]
            if not used or any(tape in n.context.tapes for n in used):
                continue
            first = max(used, key=lambda n: n.index)
            yield Problem(
                first.source,
                f"{first.source.text} is computed outside of the GradientTape that is asked for its gradient (row "
                f"{target.source.row}): the tape has not recorded it, and the gradient is None",
                "move the forward pass and the loss into the `with tf.GradientTape()` block",
                related=(target.source,),
            )


def _uses_weights(node: Node, roots: list[Node]) -> bool:
    """Whether a node calls a model, or uses a variable directly."""
    return node.op == "layer" or any(o in roots and o.family == "variable" for _, o in node.operands())
