"""LL205."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import libcst as cst

from losslint.facts.shape import ShapeFacts, is_ellipsis, is_none
from losslint.findings import Severity
from losslint.graph.nodes import Kind, Node
from losslint.graph.values import Const, Seq, Value
from losslint.project.batches import may_be_partial, names_batch_size
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
COMPILED = (Mode.GRAPH, Mode.AUTOGRAPH)
READS_SIZE = ("static_dim", "prod", "unstack")
POINTWISE = ("elementwise", "compare", "round", "sign", "cast", "detach", "layer")  # families that keep the first axis
LOSSES_OF_ROWS = ("keras.losses.", "keras.metrics.", "keras.backend.", "keras.ops.", "tf.nn.")  # functions, not objects
REARRANGES = ("ravel", "rot90", "diff", "flip", "flipud", "all", "any")  # of these families, but not row by row


class StaticBatchSize(Rule):
    """The static batch size is used as a number: ``y_pred.shape[0]``, ``int_shape(y)[0]``.

    What it does: finds arithmetic, loops and reshapes with the first dimension of the shape of a loss's own arguments.
    And reshapes to a configured size of the batch (``cfg.batch_size``) where ``fit`` may meet a batch that is not full.
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
        """
import numpy as np
import tensorflow as tf

BATCH_SIZE = 16

def fan_loss(y_true, y_pred):
    fan = tf.reshape(y_pred, (BATCH_SIZE, 6, 3))  # expect: LL205
    return tf.reduce_mean(tf.abs(tf.expand_dims(y_true, -1) - fan), axis=(1, 2))

data = np.load("curves.npz")
model = tf.keras.Sequential([tf.keras.layers.Dense(18)])
model.compile("adam", loss=fan_loss)
model.fit(data["past"], data["future"], batch_size=BATCH_SIZE)
""",
    )
    GOOD = (
        """
import numpy as np
import tensorflow as tf

BATCH_SIZE = 16

def fan_loss(y_true, y_pred):
    fan = tf.reshape(y_pred, (BATCH_SIZE, 6, 3))
    return tf.reduce_mean(tf.abs(tf.expand_dims(y_true, -1) - fan), axis=(1, 2))

data = np.load("curves.npz")
rows = len(data["past"]) // BATCH_SIZE * BATCH_SIZE
model = tf.keras.Sequential([tf.keras.layers.Dense(18)])
model.compile("adam", loss=fan_loss)
model.fit(data["past"][:rows], data["future"][:rows], batch_size=BATCH_SIZE)
""",
        """
import tensorflow as tf

batch_size = 16

def make_loss(data):
    def fan_loss(y_true, y_pred):
        fan = tf.reshape(y_pred, (batch_size, 6, 3))
        return tf.reduce_mean(tf.abs(tf.expand_dims(y_true, -1) - fan), axis=(1, 2))
    return fan_loss

model = tf.keras.Sequential([tf.keras.layers.Dense(18)])
data = tf.data.Dataset.load("curves").shuffle(100).batch(batch_size, drop_remainder=True)
model.compile("adam", loss=make_loss(data))
model.fit(data)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if loss.site.framework != "tensorflow" or not loss.site.is_function:
            return
        wanted = [node for node in loss.nodes if node.op in READS_SIZE or chosen_size(node) is not None]
        if not wanted:
            return
        rows = batch_first(loss)
        yield from self.reshaped(loss, wanted, rows)
        for node in loss.nodes:
            if node.context.mode not in COMPILED:
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
                and (loss.site.heads or not is_unpacked(loss, node))
            ):
                yield Problem(
                    node.source,
                    f"{node.source.text} needs the batch size, which is None while fit traces the loss unless every batch "
                    "is full",
                    "write it for the whole batch at once, or use tf.map_fn; to split columns give axis=",
                )

    def reshaped(self, loss: Loss, nodes: list[Node], rows: set[int]) -> Iterator[Problem]:
        """Rows that are given the configured size of a batch, whatever the last batch has."""
        found = [(node, size) for node in nodes if is_in(rows, node.inputs.get("x"))
                 and node.context.mode in COMPILED and (size := chosen_size(node)) is not None]
        where = [loss.site.module, *(module for module, _ in loss.site.fitted)]
        if found and any(map(may_be_partial, where)):
            for node, size in found:
                yield Problem(
                    node.source,
                    f"{node.source.text} expects {size} rows, but the last batch of an epoch has fewer unless the data "
                    "divides evenly: it raises there",
                    f"write -1 in place of {size}, or tf.shape(...)[0]",
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


def is_unpacked(loss: Loss, node: Node) -> bool:
    """Whether each part gets a name of its own: ``anchor, positive, negative = tf.unstack(y_pred)`` says how many there
    are, and no batch has so many samples. The model stacks them along the first axis."""
    return any(
        isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple)
        and statement.value.lineno == node.source.row
        for statement in ast.walk(loss.site.node))


def chosen_size(node: Node) -> str | None:
    """The first size of a reshape as written, where that is the configured size of a batch."""
    call, shape = node.source.node, node.inputs.get("shape")
    if node.op != "reshape" or not isinstance(call, cst.Call) or not isinstance(shape, Seq) or len(shape.items) < 2:
        return None
    given = next((a.value for a in call.args[1:] if a.keyword is None or a.keyword.value == "shape"), None)
    if not isinstance(given, (cst.Tuple, cst.List)) or is_measured(shape.items[0]):
        return None
    size = node.source.unit.text(given.elements[0].value)
    return size if names_batch_size(size) else None


def is_measured(size: Value) -> bool:
    """Whether a size was asked of a tensor, or is 1, or left open."""
    if isinstance(size, Const):
        return not isinstance(size.value, int) or size.value < 2
    return not isinstance(size, Node) or size.op != "attribute"


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
