"""LL205."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.shape import ShapeFacts, is_ellipsis, is_none
from losslint.findings import Severity
from losslint.graph.nodes import Kind, Node
from losslint.graph.values import Const, Seq, Value
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
READS_SIZE = ("static_dim", "prod", "unstack")
POINTWISE = ("elementwise", "compare", "round", "sign", "cast", "detach", "layer")  # families that keep the first axis
LOSSES_OF_ROWS = ("keras.losses.", "keras.metrics.", "keras.backend.", "keras.ops.", "tf.nn.")  # functions, not objects
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

def covariance_loss(y_true, y_pred):
    both = (y_true - tf.reduce_mean(y_true)) * (y_pred - tf.reduce_mean(y_pred))
    return -tf.reduce_sum(both) / both.shape[0]  # expect: LL205

def entropy_loss(y_true, y_pred):
    entropy = tf.keras.losses.binary_crossentropy(y_true, tf.nn.sigmoid(y_pred))
    return tf.reduce_sum(entropy) / entropy.shape[0]  # expect: LL205
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

centres = tf.Variable([[0.0, 1.0], [2.0, 3.0]])

def cluster_loss(y_true, y_pred):
    gram = tf.matmul(y_true, y_pred, transpose_a=True)
    apart = tf.expand_dims(centres, 1) - y_pred
    columns = tf.reduce_mean(y_true - y_pred, axis=0)
    return tf.reduce_sum(gram) / gram.shape[0] + tf.reduce_sum(tf.square(apart)) / apart.shape[0] + (
        tf.reduce_sum(tf.abs(columns)) / columns.shape[0])
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        asked = any(node.op in READS_SIZE for node in loss.nodes)
        if loss.site.framework != "tensorflow" or not loss.site.is_function or not asked:
            return
        rows = batch_first(loss)
        for node in loss.nodes:
            if node.context.mode not in (Mode.GRAPH, Mode.AUTOGRAPH):
                continue
            if node.op == "static_dim" and node.detail.get("axis") == 0 and self._used(loss, node, rows):
                yield Problem(
                    node.source,
                    f"{node.source.text} is None while fit traces the loss, unless the data divides evenly into batches: "
                    "what is computed with it then raises",
                    "use tf.shape(...)[0] (cast it to the dtype of the loss), or reduce_mean over the batch",
                )
            elif node.op == "prod" and self._whole_shape(node, rows):
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
                and is_in(rows, node.inputs.get("x"))
            ):
                yield Problem(
                    node.source,
                    f"{node.source.text} needs the batch size, which is None while fit traces the loss unless every batch "
                    "is full",
                    "write it for the whole batch at once, or use tf.map_fn; to split columns give axis=",
                )

    def _whole_shape(self, node: Node, rows: set[int]) -> bool:
        shape = next((o for _, o in node.operands()), None)
        return (
            shape is not None
            and shape.op == "static_shape"
            and shape.detail.get("start") == 0
            and not shape.detail.get("dynamic")
            and is_in(rows, shape.inputs.get("x"))
        )

    def _used(self, loss: Loss, node: Node, rows: set[int]) -> bool:
        if node.detail.get("dynamic"):  # keras.ops.shape gives a tensor where the size is not known
            return False
        return is_in(rows, node.inputs.get("x")) and any(user.op not in HARMLESS_USERS for user in loss.users(node))


def is_in(rows: set[int], value: Value | None) -> bool:
    return isinstance(value, Node) and value.index in rows


def batch_first(loss: Loss) -> set[int]:
    """The tensors whose first axis is the batch: the arguments of a loss, and what is computed row by row from them,
    constants, and single numbers."""
    shapes, rows = ShapeFacts(loss.graph), set[int]()
    for node in loss.nodes:
        tensors = {o.index for _, o in node.operands() if o.kind is Kind.TENSOR and o.family != "constant"}
        flat = {i for i in tensors - rows if shapes(loss.nodes[i]) in ((), (1,))}
        if node.kind is Kind.TENSOR and (node.op == "param" or by_rows(node, tensors - flat, rows)):
            rows.add(node.index)
    return rows


def by_rows(node: Node, tensors: set[int], rows: set[int]) -> bool:
    """Whether an operation on some tensors has the rows of the batch."""
    if node.op == "phi":
        return all(is_in(rows, node.inputs.get(side)) for side in ("x", "y"))
    if node.op in ("matmul", "item"):
        kept = node.inputs.keys().isdisjoint(("transpose_a", "adjoint_a")) if node.op == "matmul" else keeps_rows(node)
        return kept and is_in(rows, node.inputs.get("x"))
    return keeps_rows(node) and bool(tensors) and tensors <= rows


def keeps_rows(node: Node) -> bool:
    """Whether an operation has one row of results for each row of an operand."""
    axis = node.inputs.get("axis")
    if node.family == "reduce" or node.op == "expand_dims":
        return isinstance(axis, Const) and isinstance(axis.value, int) and axis.value != 0
    if node.op == "squeeze":
        return axis is None or (isinstance(axis, Const) and axis.value != 0)  # without one, too, unless the batch is one row
    if node.op == "item":
        return keeps_all_rows(node.inputs.get("index"))
    if node.family == "loss":
        return node.name.startswith(LOSSES_OF_ROWS) and not node.name.endswith("()")
    return node.family in POINTWISE and node.op not in REARRANGES


def keeps_all_rows(index: Value | None) -> bool:
    """Whether an index begins with ``:`` or, before one more, with ``...``."""
    parts = index.items if isinstance(index, Seq) and index.kind == "index" else []
    return len(parts) == 2 and (is_ellipsis(parts[0]) or (isinstance(parts[0], Seq) and all(map(is_none, parts[0].items))))
