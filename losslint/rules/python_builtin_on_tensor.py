"""LL204."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Severity
from losslint.graph.nodes import Kind, Node
from losslint.rules.base import Loss, Problem, Rule, is_traced, tensor_operands, where_it_raises

INSTEAD = {
    "max": "use tf.maximum(a, b), or tf.reduce_max(t) for one tensor",
    "min": "use tf.minimum(a, b), or tf.reduce_min(t) for one tensor",
    "sum": "use tf.reduce_sum(t, axis=0)",
    "round": "a tensor has no round(); tf.round would cut the gradient: drop the rounding",
    "sorted": "use tf.sort",
    "range": "vectorise the loop, or use tf.map_fn over the batch",
    "len": "use tf.shape(t)[0], cast to the dtype of the loss",
    "any": "use tf.reduce_any",
    "all": "use tf.reduce_all",
    "index": "use tf.gather(tf.stack(values), index)",
}
AUTOGRAPH_CONVERTS = ("len", "sorted", "range")
ALWAYS_RAISES = ("round",)
JAX_KNOWS = ("len", "sum", "round")  # what is shaped, or adds and rounds elements, also under jax.jit


class PythonBuiltinOnTensor(Rule):
    """A Python builtin is called on a tensor: ``max``, ``min``, ``sum``, ``round``, ``sorted``, ``range``, ``len``.

    What it does: finds these builtins where a tensor enters them. ``abs``, ``pow`` and ``sum`` over a Python list of
    tensors are fine.

    Why it is bad: they compare or iterate, which needs values: Keras 3 ``fit`` raises. ``round`` raises everywhere.

    Use instead: ``tf.maximum``, ``tf.reduce_max``, ``tf.reduce_sum``, ``tf.shape(t)[0]`` ...

    Confirmed by: tracing the loss (raises).
    """

    code = "LL204"
    name = "python-builtin-on-tensor"
    BAD = (
        """
import tensorflow as tf

def floored_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    return max(error, 0.1)  # expect: LL204
""",
        """
import jax
import jax.numpy as jnp

@jax.jit
def floored_loss(prediction, target):
    return max(jnp.mean(jnp.abs(prediction - target)), 0.1)  # expect: LL204

gradient = jax.grad(floored_loss)
""",
    )
    GOOD = (
        """
import tensorflow as tf

def total_loss(y_true, y_pred, widths=(1, 2, 4)):
    parts = [tf.reduce_mean(tf.abs(y_true - y_pred)) * w for w in widths]
    return sum(parts) / max(len(parts), 1) + abs(parts[0])
""",
        """
import jax
import jax.numpy as jnp

EDGES = jnp.linspace(-1.0, 1.0, 9)

@jax.jit
def binned_loss(prediction, target):
    bins = jnp.clip(jnp.searchsorted(EDGES, target), 0, len(EDGES) - 1)
    weights = jax.nn.one_hot(bins, len(EDGES)) @ EDGES
    return sum(weights * jnp.abs(prediction - target)) / len(prediction)

gradient = jax.grad(binned_loss)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for node in loss.nodes:
            word = node.op.removeprefix("python.")
            if not node.op.startswith("python.") or word not in INSTEAD or not _tensor_enters(node):
                continue
            if loss.site.framework == "jax" and (word in JAX_KNOWS or not is_traced(loss, node)):
                continue
            severity = loss.graph_severity(node, autograph_converts=word in AUTOGRAPH_CONVERTS)
            if word in ALWAYS_RAISES:
                severity = Severity.ERROR
            if severity is not None:
                what = "a list is indexed with a tensor" if word == "index" else f"{word}() is called on a tensor"
                yield Problem(
                    node.source,
                    f"{node.source.text}: {what}, and {where_it_raises(loss, node)} raises",
                    INSTEAD[word],
                    severity,
                )


def _tensor_enters(node: Node) -> bool:
    if node.op == "python.index":
        index = node.inputs.get("index")
        return isinstance(index, Node) and index.kind is Kind.TENSOR
    return bool(tensor_operands(node))
