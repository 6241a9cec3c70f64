"""LL102."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.gradient import PYTHON_LEAVES, SILENT_IN_JAX, Cause
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.project.modes import Mode
from losslint.rules.base import Loss, Problem, Rule, is_traced, recorder_name, tensor_operands, where_it_raises

AUTOGRAPH_CONVERTS = ("python.float", "python.int")
PLAIN = {"python.numpy": "a NumPy array", "python.tolist": "a list"}


class TensorToPython(Rule):
    """A tensor is turned into a Python number or a NumPy array.

    What it does: finds ``.numpy()``, ``.item()``, ``.tolist()``, ``float(t)``, ``int(t)``, ``K.eval`` and
    ``K.get_value`` on tensors inside a loss, also where the value is only printed.

    Why it is bad: while a graph is traced the tensor has no value yet, and the call raises. In eager code the number
    is a constant for the gradient tape: nothing before it is trained.

    Use instead: keep the tensor; ``tf.print`` for a look at its value.

    Confirmed by: tracing the loss (raises) and running it under ``tf.GradientTape`` (gradient None).
    """

    code = "LL102"
    name = "tensor-to-python"
    BAD = (
        """
import tensorflow as tf

def penalty_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    print("error", error.numpy())  # expect: LL102
    return error
""",
    )
    GOOD = (
        """
import tensorflow as tf

def scaled_loss(y_true, y_pred, scale="2"):
    width = int(y_pred.shape[-1])
    return float(scale) * tf.reduce_sum(tf.abs(y_true - y_pred)) / width
""",
        """
import tensorflow as tf

@tf.function
def float_loss(y_true, y_pred):
    return float(tf.reduce_mean(tf.abs(y_true - y_pred)))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        cut = {c.node.index for c in loss.cuts_by(Cause.PYTHON)}
        cut |= {leaf.index for c in loss.cuts_by(Cause.DETACH) for leaf in only_taken_to_python(loss, c.node)}
        for node in loss.nodes:
            if node.op not in PYTHON_LEAVES or not tensor_operands(node) or (node.op == "python.str" and not node.name):
                continue
            severity = loss.graph_severity(node, autograph_converts=node.op in AUTOGRAPH_CONVERTS)
            if severity is Severity.ERROR and node.context.tried and node.name.startswith("."):
                severity = Severity.INFO  # the handler takes over
            text = node.source.text
            if loss.site.framework == "jax" and node.op not in SILENT_IN_JAX:
                if is_traced(loss, node):
                    yield Problem(
                        node.source,
                        f"{text} needs the value of a traced array: jax.grad and jax.jit raise ConcretizationTypeError",
                        "keep the array and drop the conversion; to look at its value use jax.debug.print",
                    )
            elif node.index in cut:
                root = loss.root_of(tensor_operands(node)[0])
                raises = f"; {where_it_raises(loss, node)} raises before that" if severity is not None else ""
                plain = PLAIN.get(node.op, "a plain number")
                yield Problem(
                    node.source,
                    f"{text} is {plain} to {recorder_name(loss)}: no gradient reaches {root}{raises}",
                    advice(node),
                )
            elif severity is not None:
                error = "AttributeError" if node.op == "python.numpy" or node.name.startswith(".") else "TypeError"
                yield Problem(
                    node.source,
                    f"{text} needs the value of a tensor: {where_it_raises(loss, node)} raises {error} "
                    "while tracing, whatever becomes of the result",
                    advice(node),
                    severity,
                )


def only_taken_to_python(loss: Loss, node: Node) -> list[Node]:
    """Where a detached tensor leaves the framework, ``p.detach().cpu().numpy()``; nothing where it has another use, too."""
    found: list[Node] = []
    for user in loss.users(node):
        leaves = [user] if user.op in PYTHON_LEAVES else only_taken_to_python(loss, user) if user.op == "identity" else []
        if not leaves:
            return []
        found += leaves
    return found


def advice(node: Node) -> str:
    """What to write instead of leaving the tensor."""
    if node.context.mode is Mode.EAGER:
        return "keep the tensor and drop the conversion"
    return "keep the tensor and drop the conversion; to look at its value use tf.print"
