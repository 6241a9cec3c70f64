"""LL205."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.findings import Severity
from losslint.graph.nodes import Kind, Node
from losslint.graph.values import Const
from losslint.project.modes import Mode
from losslint.rules.base import Loss, Problem, Rule

HARMLESS_USERS = (
    "python.object",
    "phi",
    "equal",
    "not_equal",
    "static_rank",
    "dtype_of",
    "python.bool",
    "python.format",
    "item",  # None as the bound of a slice means: to the end
)
POINTWISE = ("elementwise", "compare", "round", "sign", "cast", "detach", "layer")  # families that keep the first axis
REARRANGES = ("ravel", "rot90", "diff", "flip", "flipud", "all", "any")  # of these families, but not row by row


class StaticBatchSize(Rule):
    """The static batch size is used as a number: ``y_pred.shape[0]``, ``int_shape(y)[0]``.

    What it does: finds arithmetic, loops and reshapes with the first dimension of the shape of a loss's own arguments.
    Comparing it with None, printing it and the other dimensions are fine.

    Why it is bad: the batch dimension is None while ``fit`` traces the loss, unless the data divides evenly into
    batches: the code works on 8 samples with batches of 4 and raises on 10
    (``None values not supported``, ``unsupported operand type``).

    Use instead: ``tf.shape(y_pred)[0]`` (cast to the dtype of the loss), ``-1`` in reshapes, or a mean.

    Confirmed by: ``fit`` over two full batches and a partial one (raises).
    """

    code = "LL205"
    name = "static-batch-size"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def batch_mean_loss(y_true, y_pred):
    return tf.reduce_sum(tf.square(y_true - y_pred)) / y_pred.shape[0]  # expect: LL205
""",
        """
import tensorflow as tf

def mean_of_rows_loss(y_true, y_pred):
    errors = tf.squeeze(y_pred, axis=-1) - tf.squeeze(y_true, axis=-1)
    return tf.reduce_sum(tf.square(errors)) / errors.shape[0]  # expect: LL205
""",
    )
    GOOD = (
        """
import tensorflow as tf

def batch_mean_loss(y_true, y_pred):
    batch = y_pred.shape[0]
    if batch is None:
        batch = tf.shape(y_pred)[0]
    flat = tf.reshape(y_pred, (-1, y_pred.shape[-1]))
    return tf.reduce_sum(tf.square(y_true - flat)) / tf.cast(tf.shape(y_pred)[0], tf.float32)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if loss.site.framework != "tensorflow" or not loss.site.is_function:
            return
        for node in loss.nodes:
            if node.context.mode not in (Mode.GRAPH, Mode.AUTOGRAPH):
                continue
            if node.op == "static_dim" and node.detail.get("axis") == 0 and self._used(loss, node):
                yield Problem(
                    node.source,
                    f"{node.source.text} is None while fit traces the loss, unless the data divides evenly into batches: "
                    "what is computed with it then raises",
                    "use tf.shape(...)[0] (cast it to the dtype of the loss), or reduce_mean over the batch",
                )
            elif node.op == "prod" and self._whole_shape(node):
                yield Problem(
                    node.source,
                    f"{node.source.text} multiplies the batch size in, which is None while fit traces the loss unless every "
                    "batch is full",
                    "use tf.size(...), or leave the first dimension out: shape[1:]",
                )
            elif (
                node.op == "unstack"
                and node.detail.get("first_axis")
                and not node.detail.get("counted")
                and (batch_first(node.inputs.get("x")))
            ):
                yield Problem(
                    node.source,
                    f"{node.source.text} needs the batch size, which is None while fit traces the loss unless every batch "
                    "is full",
                    "write it for the whole batch at once, or use tf.map_fn; to split columns give axis=",
                )

    def _whole_shape(self, node: Node) -> bool:
        shape = next((o for _, o in node.operands()), None)
        return (
            shape is not None
            and shape.op == "static_shape"
            and shape.detail.get("start") == 0
            and not shape.detail.get("dynamic")
            and batch_first(shape.inputs.get("x"))
        )

    def _used(self, loss: Loss, node: Node) -> bool:
        if node.detail.get("dynamic"):  # keras.ops.shape gives a tensor where the size is not known
            return False
        return batch_first(node.inputs.get("x")) and any(user.op not in HARMLESS_USERS for user in loss.users(node))


def batch_first(value: object, depth: int = 12) -> bool:
    """Whether the first axis of a tensor is the batch: an argument of the loss, or computed row by row from one."""
    if not isinstance(value, Node) or value.kind is not Kind.TENSOR or not depth:
        return False
    if value.op == "param":
        return True
    if value.op == "phi":
        return all(batch_first(value.inputs.get(side), depth - 1) for side in ("x", "y"))
    tensors = [o for _, o in value.operands() if o.kind is Kind.TENSOR and o.family != "constant"]
    return keeps_rows(value) and bool(tensors) and all(batch_first(operand, depth - 1) for operand in tensors)


def keeps_rows(node: Node) -> bool:
    """Whether an operation has one row of results for each row of an operand."""
    if node.family == "reduce":
        axis = node.inputs.get("axis")
        return isinstance(axis, Const) and isinstance(axis.value, int) and axis.value != 0
    if node.op == "squeeze":
        axis = node.inputs.get("axis", Const(None))
        return isinstance(axis, Const) and axis.value != 0  # without an axis, too, unless the batch is one row
    return node.family in POINTWISE and node.op not in REARRANGES
