"""LL104."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.gradient import Cause
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.project.modes import Mode
from losslint.rules.base import Loss, Problem, Rule

FIXES_RANK = ("reshape", "ensure_shape")
REDUCTIONS = ("sum", "mean", "max", "min", "prod", "norm")


class OpaqueFunction(Rule):
    """``tf.numpy_function`` or ``tf.py_function`` stands between the prediction and the loss.

    What it does: finds these wrappers where the only path to the loss leads through them, and a ``tf.py_function``
    whose result has no rank under Keras 3.

    Why it is bad: ``tf.numpy_function`` has no gradient at all; ``tf.py_function`` passes one on only through the
    TensorFlow operations inside it. Keras 3 ``fit`` also needs to know the rank of the loss and raises
    ``Cannot iterate over a shape with unknown rank``.

    Use instead: TensorFlow operations. Matching indices and masks may come from ``tf.numpy_function``: index the
    predictions with them.

    Confirmed by: running the loss under ``tf.GradientTape`` (gradient None).
    """

    code = "LL104"
    name = "opaque-function"
    BAD = (
        """
import tensorflow as tf
from scipy.spatial.distance import directed_hausdorff

def hausdorff_loss(y_true, y_pred):
    return tf.numpy_function(lambda a, b: directed_hausdorff(a, b)[0], [y_true, y_pred], tf.float32)  # expect: LL104
""",
    )
    GOOD = (
        """
import tensorflow as tf
from scipy.ndimage import distance_transform_edt

def boundary_loss(y_true, y_pred):
    distance = tf.numpy_function(distance_transform_edt, [y_true], tf.float32)
    return tf.reduce_mean(distance * y_pred)
""",
        """
import tensorflow as tf
from sklearn.metrics import roc_auc_score

def auc(y_true, y_pred):
    return tf.py_function(roc_auc_score, [y_true, y_pred], tf.double)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        cut = set()
        for c in loss.cuts_by(Cause.OPAQUE):
            cut.add(c.node.index)
            wrapper = c.node.name or c.node.op
            yield Problem(
                c.node.source,
                f"{wrapper} has no gradient, and it is the only path from {loss.root_of(c.operand)} to the loss",
                "write it with TensorFlow operations; indices and masks computed there may select from the predictions",
                loss.doubt(c),
            )
        if loss.keras_version < 3:
            return
        for node in loss.nodes:
            if (
                node.op == "py_function"
                and node.index not in cut
                and node.context.mode is Mode.GRAPH
                and loss.site.kind != "tape"
                and not node.detail.get("shape_set")
                and _returned_without_rank(loss, node)
            ):
                yield Problem(
                    node.source,
                    "the result of tf.py_function has no rank: Keras 3 fit raises `Cannot iterate over a shape with "
                    "unknown rank`",
                    "call result.set_shape(...) on it, or better write it with TensorFlow operations",
                    Severity.WARNING,
                )


def _returned_without_rank(loss: Loss, node: Node) -> bool:
    """Whether a node reaches the result without an operation that fixes its rank."""
    results = {n.index for value, _ in loss.results for n in [value] if isinstance(n, Node)}
    stack, seen = [node], set()
    while stack:
        current = stack.pop()
        if current.index in results:
            return True
        for user in loss.users(current):
            fixed = user.op in FIXES_RANK or (user.op in REDUCTIONS and "axis" not in user.inputs)
            if user.index not in seen and not fixed:
                seen.add(user.index)
                stack.append(user)
    return False
