"""LL401."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.shape import (
    KEEPS_SHAPE,
    POINTWISE_FAMILIES,
    REDUCTIONS,
    ShapeFacts,
    is_none,
    is_number,
    is_true,
    sliced,
    spreads,
)
from losslint.findings import Severity
from losslint.graph.nodes import Node, below, is_same
from losslint.graph.values import Const, Seq, Value, indices
from losslint.graph.written import argument, operand_text
from losslint.project.labels import BATCH
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.given_shapes import as_called, as_drawn, as_keras_gives, as_stepped

ELEMENTWISE = ("add", "sub", "mul", "div", "maximum", "minimum", "squared_difference", "equal", "greater", "less")
LOSSES = ("mse", "mae", "huber")
ALIGNED = ("keras", "tensorflow")  # frameworks whose losses drop the axis of length 1 that only one side has
ADDS_AXIS = ("expand_dims", "reshape")
SQUARES = ("square", "pow", "mul", "abs")
MATCHES = ("min", "max", "argmin", "argmax", "top_k", "sort")  # all pairs are formed to find the nearest


class BroadcastTrap(Rule):
    """One side of an operation has lost an axis that the other still has: (B,) against (B, 1) gives (B, B).

    What it does: follows shapes through the loss: of the arguments as Keras hands them over, of what a model of the same
    file returns (``Linear(8, 1)``), of tensors made with a size; through squeezing, indexing (``y_pred[:, 0]``),
    reductions and gathering. It speaks up where (B,) meets (B, 1) element by element, or a tensor the sums of its own
    columns, whose axis is gone (``p / tf.reduce_sum(p, axis=1)``).

    Why it is bad: the difference is (B, B), every prediction is compared with every label, and the model learns the
    mean; each sample is divided by the sums of the others. TensorFlow says nothing, PyTorch only where ``mse_loss`` and
    its like are called. (Keras expands labels of shape (B,) to (B, 1) before it calls a loss function; Keras 3 does not
    before the ``call`` of a ``Loss`` subclass.)

    Use instead: ``y_pred[:, :1]``, ``keepdims=True``, or ``tf.reshape(y_true, tf.shape(y_pred))``.

    Confirmed by: the shape of the difference.
    """

    code = "LL401"
    name = "broadcast-trap"
    severity = Severity.WARNING
    BAD = (
        """
import torch
from torch import nn

def column_loss(pred, target):
    return ((pred[:, 0] - target[:, 0:1]) ** 2).mean()  # expect: LL401

def mean_loss(pred, target):
    return (pred.mean(dim=1) - target.mean(dim=1, keepdim=True)).abs().mean()  # expect: LL401

def moved_axes_loss(pred, target):
    return ((pred.squeeze(-1) - target.unsqueeze(-1)) ** 2).mean()  # expect: LL401

net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))

def step(x, y):
    loss = nn.functional.mse_loss(net(x), y.view(-1))  # expect: LL401
    loss.backward()
""",
        """
import tensorflow as tf

def first_column_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred[:, 0]))  # expect: LL401

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=first_column_loss)
""",
        """
import tensorflow as tf

def squeezed_loss(y_true, y_pred):
    p = tf.squeeze(y_pred)
    return tf.reduce_mean(tf.abs(p - y_true))  # expect: LL401

def raveled(values):
    return tf.reshape(values, [-1])

def masked_loss(y_true, y_pred):
    known = tf.cast(tf.not_equal(y_true, -1.0), tf.float32)
    error = tf.abs(raveled(y_true) - raveled(y_pred))
    return tf.reduce_sum(error * known) / tf.reduce_sum(known)  # expect: LL401

def weighted_loss(y_true, y_pred):
    entropy = tf.keras.losses.binary_crossentropy(y_true, tf.sigmoid(y_pred))
    return tf.reduce_mean(entropy * tf.where(y_true > 0.5, 3.0, 1.0))  # expect: LL401

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=[squeezed_loss, masked_loss, weighted_loss])
""",
    )
    GOOD = (
        """
import numpy as np
import tensorflow as tf

x, y = np.random.rand(200, 3), np.random.rand(200)
rows = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
columns = tf.data.Dataset.from_tensor_slices((x, y[:, None])).batch(32)
net = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(1)])

def row_step(xb, yb):
    with tf.GradientTape() as tape:
        error = tf.square(tf.squeeze(net(xb), -1) - yb) + tf.square(net(xb) - yb[:, None])[:, 0]
        loss = tf.reduce_mean(error) + tf.keras.losses.MeanSquaredError()(yb, net(xb))
    return tape.gradient(loss, net.trainable_variables)

def column_step(xb, yb):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(net(xb) - yb))
    return tape.gradient(loss, net.trainable_variables)

for i, (xb, yb) in enumerate(rows):
    row_step(xb, yb)
for xb, yb in columns:
    column_step(xb, yb)
""",
        """
import torch
from torch import nn

def columns_loss(pred, target):
    first = (pred[:, 0] - target[:, 0]) ** 2
    return first.mean() + ((pred[:, :1] - target[:, 0:1]) ** 2).mean()

def centred_loss(pred, target):
    centred = pred - pred.mean(dim=1, keepdim=True)
    return (centred - (target - target.mean(dim=1, keepdim=True))).abs().mean() + pred.mean(dim=1).abs().mean()

def pairwise_loss(pred, target):
    p, t = pred.squeeze(-1), target.squeeze(-1)
    return ((p.unsqueeze(-1) - p) - (t.unsqueeze(-1) - t)).abs().mean()

def ensemble_loss(pred, target):
    return (pred - target.unsqueeze(-1)).abs().mean()

net = nn.Linear(3, 1)

def step(x, y):
    loss = nn.functional.mse_loss(net(x).squeeze(-1), y.view(-1)) + nn.functional.mse_loss(net(x), y.view(-1, 1))
    loss.backward()
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        shapes = ShapeFacts(loss.graph, as_keras_gives(loss) or as_stepped(loss) or as_called(loss) or as_drawn(loss))
        for node in loss.nodes:
            if node.op not in (*ELEMENTWISE, *LOSSES) or node.index not in loss.relevant:
                continue
            if node.op in LOSSES and node.framework in ALIGNED:
                continue
            names = ("x", "y") if "x" in node.inputs else ("y_true", "y_pred")
            sides = [node.inputs.get(n) for n in names]
            for row, column in (sides, sides[::-1]):
                if is_reduced(row, column, shapes, loss.site.kind == "method" and loss.called_by_keras):
                    yield every_column(node, row, column, "C", "C is B or 1")
                    break
                if loss.called_by_keras and (width := columns_met(row, column, shapes)):
                    yield every_column(node, row, column, str(width), f"B is {width}")
                    break
                met = kept_beside_dropped(shapes, row, column) or (
                    spreads(shapes(row), shapes(column)) and not is_meant(loss, node, row, column))
                if met and not are_multiplied(loss, row, column):
                    yield every_pair(node, row, column)
                    break


def every_column(node: Node, row: Value | None, column: Value | None, width: str, unless: str) -> Problem:
    """One number for each sample meets the columns of the samples."""
    return Problem(
        node.source,
        f"{text_of(row, node)} is (B,), but {text_of(column, node)} is (B, {width}): the numbers of the samples meet the "
        f"columns, which raises unless {unless}, and then mixes the samples",
        with_axis(row, node),
    )


def every_pair(node: Node, row: Value | None, column: Value | None) -> Problem:
    """A row of the batch meets a column of it."""
    made = computed_from(row)
    if made is not None and made.family == "loss":
        return Problem(
            node.source,
            f"{text_of(row, node)} has lost the last axis, which {text_of(column, node)} still has: (B,) against (B, 1) "
            "gives (B, B), the loss of every sample beside every other",
            f"drop that axis of {text_of(column, node)} too ([..., 0])",
        )
    return Problem(
        node.source,
        f"{text_of(row, node)} is (B,), but {text_of(column, node)} is (B, 1): {node.source.text} is taken over "
        "(B, B), every prediction against every label",
        f"give both the same shape: {with_axis(row, node)}, or drop that of {text_of(column, node)}",
    )


def with_axis(row: Value | None, node: Node) -> str:
    """How a row keeps the axis that it has lost, where that is seen in its text, or is given one."""
    made, text = computed_from(row), text_of(row, node)
    if made is not None and made.source.text in text:
        if made.op in REDUCTIONS:
            return f"keep the axis of {text} (keepdims=True)"
        if made.op == "item" and is_picked(made.inputs.get("index")):
            return f"keep the axis of {text} ([:, :1])"
    return f"add an axis to {text} ([:, None])"


def is_picked(index: Value | None) -> bool:
    """Whether an index drops an axis: ``[:, 0]``, where the rows of a batch are a slice."""
    return isinstance(index, Seq) and index.kind == "index"


def columns_met(row: Value | None, column: Value | None, shapes: ShapeFacts) -> int | None:
    """How many columns the numbers of the samples meet, one of which each was picked or summed from."""
    made, across = computed_from(row), shapes(column)
    picked = made is not None and made.op in ("item", *REDUCTIONS) and shapes(made) == shapes(row) == (BATCH,)
    width = across[1] if picked and across is not None and len(across) == 2 and across[0] == BATCH else None
    return width if isinstance(width, int) and width > 1 else None


def kept_beside_dropped(shapes: ShapeFacts, row: Value | None, column: Value | None) -> bool:
    """``a[:, 0]`` beside ``b[:, :1]``, ``mean(a, axis=1)`` beside ``mean(b, axis=1, keepdims=True)``: whatever rank the two
    have, one of them has an axis more."""
    row, column = computed_from(row), computed_from(column)
    if row is None or column is None or row.op != column.op or row is column:
        return False
    if any(shapes(node.inputs.get("x")) is not None for node in (row, column)):
        return False  # the shapes have spoken
    if row.op == "item":
        first, second = (node.inputs.get("index") for node in (row, column))
        if not (isinstance(first, Seq) and isinstance(second, Seq) and len(first.items) == len(second.items) == 2):
            return False
        whole = all(isinstance(i.items[0], Seq) and sliced(BATCH, i.items[0]) == BATCH for i in (first, second))
        last = second.items[1]
        return whole and is_number(first.items[1], 0, 1, 2, 3, -1) and isinstance(last, Seq) and sliced(None, last) == 1
    if row.op not in REDUCTIONS or any(node is row for node in below([column])):
        return False  # sum(x.sum(-1), -1, keepdim=True) has the rank of x.sum(-1)
    axis, other = (node.inputs.get("axis") for node in (row, column))
    return (isinstance(axis, Const) and isinstance(other, Const) and axis.value == other.value in (1, -1)
            and not is_true(row.inputs.get("keepdims")) and is_true(column.inputs.get("keepdims")))


def are_multiplied(loss: Loss, row: Value | None, column: Value | None) -> bool:
    """Whether what two reductions are taken of meets in a matrix product as well, so that every pair is meant:
    ``|a|^2 + |b|^2 - 2 a @ b.T``, ``a @ b.T / (|a| * |b|)``."""
    made = [value for value in map(computed_from, (row, column)) if value is not None and value.op in REDUCTIONS]
    wholes = [value.inputs.get("x") for value in made]
    rows = {id(v.inputs.get("x") if isinstance(v, Node) and v.op in SQUARES else v) for v in wholes}
    return len(made) == 2 and any(
        rows <= {id(part) for part in below([node])} for node in loss.nodes if node.family == "linear")


def computed_from(value: Value | None, depth: int = 6) -> Node | None:
    """What a value is computed from element by element, by itself."""
    if not isinstance(value, Node):
        return None
    operands = [operand for _, operand in value.operands()]
    alone = value.family in POINTWISE_FAMILIES and len(operands) == 1 and depth
    return computed_from(operands[0], depth - 1) if alone else value


def is_reduced(row: Value | None, column: Value | None, shapes: ShapeFacts, batched: bool) -> bool:
    """Whether a tensor of samples meets its own sums over its columns, whose axis is gone: ``p / sum(p, axis=1)``.
    ``batched``: Keras hands over the samples, so that the last axis is not their own."""
    if not isinstance(row, Node) or row.op not in REDUCTIONS or is_true(row.inputs.get("keepdims")):
        return False
    whole, axis = row.inputs.get("x"), row.inputs.get("axis")
    if not is_same(whole, column) or not of_samples(whole):
        return False
    shape = shapes(whole)
    if shape is not None and len(shape) != 2:
        return False
    return is_number(axis, 1) or ((shape is not None or batched) and is_number(axis, -1))


def of_samples(value: Value | None, depth: int = 6) -> bool:
    """Whether a value has one row for each sample, as the label and the prediction have."""
    if not isinstance(value, Node) or not depth:
        return False
    if value.op == "param":
        return value.role in (Role.LABEL, Role.PREDICTION)
    pointwise = value.family == "elementwise" or value.op in KEEPS_SHAPE or value.op in ("softmax", "log_softmax")
    return pointwise and any(of_samples(v, depth - 1) for v in value.inputs.values())


def is_meant(loss: Loss, node: Node, row: Value | None, column: Value | None) -> bool:
    """Whether every row is to meet every column."""
    return node.op not in LOSSES and adds_axis(column) and not undone(loss, row, column)


def undone(loss: Loss, row: Value | None, column: Value | None) -> bool:
    """Whether of the label and the prediction one loses an axis and the other gains one, and no nearest one is sought."""
    if not isinstance(row, Node) or not isinstance(column, Node) or (row.op, column.op) != ("squeeze", "expand_dims"):
        return False
    roles = [{loss.nodes[i.index].role for i in loss.gradient.cone(side) if i.op == "param"} for side in (row, column)]
    matched = any(node.op in MATCHES for node in loss.nodes)
    return sorted(roles, key=str) == [{Role.LABEL}, {Role.PREDICTION}] and not matched


def adds_axis(value: Value | None, depth: int = 6) -> bool:
    """Whether an axis was added on purpose, as one does to compare all pairs."""
    if not isinstance(value, Node) or not depth:
        return False
    if value.op == "item":
        return any(is_none(i) for i in indices(value.inputs.get("index")))
    method = value.inputs.get("function")
    pointwise = value.family == "elementwise"
    unsqueezed = isinstance(method, Node) and method.name == "unsqueeze"
    return unsqueezed or value.op in ADDS_AXIS or (pointwise and any(adds_axis(v, depth - 1) for v in value.inputs.values()))


def text_of(value: Value | None, node: Node) -> str:
    """An operand of a node as it reads: what a loop draws, or another function makes, by the name that it has there."""
    if not isinstance(value, Node):
        return "a number"
    drawn = value.op == "item" and "[" not in value.source.text
    name = next((name for name, operand in node.operands() if operand is value), "")
    if (drawn or value.source.unit is not node.source.unit) and argument(node, name) is not None:
        return operand_text(node, value)
    if drawn:
        return f"a {'part' if isinstance(value.inputs.get('index'), Seq) else 'batch'} of {value.source.text}"
    return value.name if value.op == "param" else value.source.text
