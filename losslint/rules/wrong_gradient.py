"""LL109."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.gradient import ESCAPES, PYTHON_LEAVES, SILENT_IN_JAX, GradientFacts
from losslint.graph.nodes import Node
from losslint.graph.values import Tape
from losslint.project.modes import Mode
from losslint.rules.base import Loss, Problem, Rule, recorder_name, twin

FACTORS = ("mul", "div", "pow")


class WrongGradient(Rule):
    """A factor of the loss leaves the tape while the rest stays on it: the gradient is there, and it is wrong.

    What it does: finds products of a differentiable value and one that was turned into a Python number or NumPy array
    on the way, ``mse * float(mse)``, in code that runs eagerly. (Where a graph is traced the conversion raises, which
    LL101 and LL102 report.) An explicit ``stop_gradient`` says that this is meant.

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
    )
    GOOD = (
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
        if not any(node.op in PYTHON_LEAVES or node.framework in ("numpy", "python") for node in loss.nodes):
            return
        for value, target in loss.results:
            facts = loss.gradient_at(target)
            for node in facts.cone(value):
                if node.op in FACTORS and facts.live(node):
                    yield from self.constant_factors(loss, facts, node, target.tape)

    def constant_factors(self, loss: Loss, facts: GradientFacts, node: Node, tape: Tape | None) -> Iterator[Problem]:
        """The factors of ``node`` that left the tape; what was made before it opened is a constant in any spelling."""
        for name in ("x", "y"):
            factor = node.inputs.get(name)
            if not isinstance(factor, Node) or not facts.is_cut(factor):
                continue
            for cut in facts.decisive_cuts(factor):
                recorded = tape is None or tape in cut.node.context.tapes
                if loss.site.framework == "jax" and cut.node.op not in SILENT_IN_JAX:
                    continue  # it raises: LL101, LL102, LL103
                if recorded and cut.cause in ESCAPES and cut.node.context.mode in (Mode.EAGER, Mode.UNKNOWN):
                    replacement = twin(loss, cut.node)
                    yield Problem(
                        cut.node.source,
                        f"{cut.node.source.text} is a constant to {recorder_name(loss)}, while the other factor of "
                        f"{node.source.text} is differentiated: the gradient is there, but it is not the loss's",
                        f"keep it a tensor{f' ({replacement})' if replacement else ''}; if a constant factor is "
                        "meant, say so with tf.stop_gradient",
                        related=(node.source,),
                    )
