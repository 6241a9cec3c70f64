"""LL209."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.graph.nodes import Kind, Node, below
from losslint.graph.source import Source
from losslint.graph.values import Const, Seq
from losslint.project.datasets import data_sets
from losslint.project.index import parameters
from losslint.project.uses import imports_root
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.static_batch_size import keeps_rows

ELEMENTWISE = ("add", "sub", "mul", "div", "maximum", "minimum", "squared_difference", "pow")
REWRAPS = ("constant", "convert_to_tensor", "array", "expand_dims", "reshape")


class SymbolicCapture(Rule):
    """The loss closes over a symbolic layer output, or over a whole data set where a batch is meant.

    What it does: finds losses that use ``model.input``, the output of a layer that was called while the model was built
    (a KerasTensor), or combine the prediction element by element with an array that the same file also passes to
    ``fit``, or one that is made with as many rows; and, for Keras 3, symbolic terms given to ``model.add_loss``.

    Why it is bad: a KerasTensor has no values in the loss: ``A KerasTensor cannot be used as input to a TensorFlow
    function``. A whole data set has another number of rows than the batch: ``Incompatible shapes``.

    Use instead: pass extra data through ``y_true`` (concatenate columns), move the term to a layer with ``add_loss``, or
    write a ``train_step``.

    Confirmed by: compiling and fitting the smallest model the file allows (raises).
    """

    code = "LL209"
    name = "symbolic-capture"
    BAD = (
        """
import tensorflow as tf

inputs = tf.keras.Input((4,))
z_mean = tf.keras.layers.Dense(2)(inputs)
outputs = tf.keras.layers.Dense(4)(z_mean)
model = tf.keras.Model(inputs, outputs)

def vae_loss(y_true, y_pred):
    kl = tf.reduce_mean(tf.square(z_mean))  # expect: LL209
    return tf.reduce_mean(tf.square(y_true - y_pred)) + kl

model.compile(loss=vae_loss)
""",
        """
import numpy as np
import tensorflow as tf

def residual_loss(features):
    def loss(y_true, y_pred):
        return tf.reduce_mean(tf.square(y_pred - y_true) * features)  # expect: LL209
    return loss

x_train, y_train = np.ones((64, 3)), np.ones((64, 3))
model = tf.keras.Sequential([tf.keras.layers.Dense(3)])
model.compile(loss=residual_loss(x_train))
model.fit(x_train, y_train)
""",
        """
import numpy as np
import tensorflow as tf

x_train, y_train = np.random.rand(200, 6), np.random.rand(200, 1)
exposure = np.random.rand(200, 1).astype("float32")

def weighted_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_pred - y_true) * exposure, axis=-1)  # expect: LL209

def boundary_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_pred - y_true)) + tf.reduce_mean(y_pred - x_train[:, :1])  # expect: LL209

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=[weighted_loss, boundary_loss])
model.fit(x=x_train, y=y_train, batch_size=25)
""",
    )
    GOOD = (
        """
import numpy as np
import tensorflow as tf

def load(n):
    x, y = np.random.rand(n, 3), np.random.rand(n, 3)
    return x, y, x.mean(axis=0), y.std(axis=0), np.random.rand(3)

train_x, train_y, train_mean, train_std, train_shift = load(200)

def scaled_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square((y_pred - y_true - train_mean - train_shift) / train_std), axis=-1)

model = tf.keras.Sequential([tf.keras.layers.Dense(3)])
model.compile(loss=scaled_loss)
model.fit(train_x, train_y)
""",
        """
import numpy as np
import tensorflow as tf

x_train, y_train = np.random.rand(200, 3), np.random.rand(200, 3)
mean, counts = x_train.mean(axis=0), np.bincount(np.argmax(y_train, axis=-1))
model = tf.keras.Sequential([tf.keras.layers.Dense(3)])

def scaled_loss(y_true, y_pred):
    physics = tf.reduce_mean(tf.square(model(x_train) - y_train))
    return tf.reduce_mean(tf.square(y_pred - y_true) * mean / counts) + physics

model.compile(loss=scaled_loss)
model.fit(x_train, y_train)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if loss.site.framework != "tensorflow":
            return
        if not loss.site.is_function:
            yield from self.added(loss)
            return
        yield from self.symbols(loss)
        yield from self.data_sets(loss)

    def symbols(self, loss: Loss) -> Iterator[Problem]:
        said = set[int]()
        for node in loss.nodes:
            if node.kind is not Kind.SYMBOLIC or node.index not in loss.relevant or not _runs(loss, node):
                continue
            symbol = next((o for _, o in node.operands() if o.kind is Kind.SYMBOLIC), node)
            if symbol is not node and _runs(loss, symbol):
                continue  # the first use has been reported
            if node.source.row in said:
                continue  # one formula over several outputs is one mistake
            said.add(node.source.row)
            name = symbol.source.text
            what = node.source.text if symbol is node else f"{node.source.text} uses {name}"
            yield Problem(
                node.source,
                f"{what}: a symbolic output of the model under construction has no values inside the loss (`A KerasTensor "
                "cannot be used as input to a TensorFlow function`)",
                "pass the data through y_true, move the term to a layer with add_loss, or write a train_step",
                related=(symbol.source,),
            )

    def added(self, loss: Loss) -> Iterator[Problem]:
        if loss.keras_version < 3 or imports_root(loss.site.module, "tf_keras"):
            return
        for target in loss.graph.targets:
            if target.how == "add_loss" and isinstance(target.value, Node) and target.value.kind is Kind.SYMBOLIC and (
                    target.source.module is loss.site.module):
                symbols = (node for node in below([target.value]) if node.kind is Kind.SYMBOLIC)
                foreign = any(node.framework == "tensorflow" for node in symbols)
                yield Problem(
                    target.source,
                    "add_loss is given a symbolic output of the model under construction, which "
                    + ("TensorFlow's functions do not take: ValueError (`A KerasTensor cannot be used as input to a "
                       "TensorFlow function`)" if foreign else "Keras 3 takes no more: NotImplementedError"),
                    "call self.add_loss on tensors in the call of a layer, or write a train_step",
                )

    def data_sets(self, loss: Loss) -> Iterator[Problem]:
        captured = captured_data(loss)
        if not captured and not data_sets(loss.site.module).places:
            return
        for node in loss.nodes:
            if node.op not in ELEMENTWISE or node.index not in loss.relevant or not inside(loss, node.source):
                continue
            sides = [node.inputs.get("x"), node.inputs.get("y")]
            for data, other in (sides, sides[::-1]):
                name = whole(loss, data, captured)
                if name and isinstance(other, Node) and loss.gradient.reach(other):
                    yield Problem(
                        node.source,
                        f"{name} has all rows of the data, while {loss.prediction} is one batch of it: the rows "
                        "do not belong together, and the shapes differ (`Incompatible shapes`)",
                        f"pass {name} through y_true (concatenate it as further columns), or write a train_step",
                    )
                    return


def _runs(loss: Loss, node: Node) -> bool:
    """Whether the loss itself computes a value, in its code or a helper's, rather than what built it."""
    return any(inside(loss, source) for source in node.source.route)


def inside(loss: Loss, source: Source) -> bool:
    """Whether a place is in the code of the loss itself."""
    node = loss.site.node
    first, last = loss.site.row, getattr(node, "end_lineno", loss.site.row)
    return source.unit.module is loss.site.module and first <= source.row <= last


def captured_data(loss: Loss) -> dict[str, str]:
    """Factory parameters that are given a data set of the file: parameter -> variable."""
    built, factory = loss.site.built_by, loss.site.owner
    if built is None or not isinstance(factory, ast.FunctionDef):
        return {}
    known = data_sets(loss.site.module).names
    given = [*zip(factory.args.args, built.args, strict=False)]
    by_name = {a.arg: a for a in parameters(factory)}
    given += [(by_name[k.arg], k.value) for k in built.keywords if k.arg in by_name]
    return {a.arg: value.id for a, value in given if isinstance(value, ast.Name) and value.id in known}


def whole(loss: Loss, value: object, captured: dict[str, str], depth: int = 6) -> str:
    """The variable name of a data set that a value still has all rows of."""
    if not isinstance(value, Node) or not depth:
        return ""
    if value.op == "param":
        return captured.get(value.name, "")
    start, end = value.source.span
    if value.source.unit.module is loss.site.module and not inside(loss, value.source):
        made = data_sets(loss.site.module).places.get((start.row, start.column, end.row, end.column))
        if made is not None:
            return made
    if not (keeps_rows(value) or value.op in REWRAPS or keeps_all(value)):
        return ""
    return next((name for _, o in value.operands() if (name := whole(loss, o, captured, depth - 1))), "")


def keeps_all(node: Node) -> bool:
    """``data[:, :1]``, ``data.astype("float32")``: other columns, another dtype, the same rows."""
    if node.op == "array_method":
        return node.name in ("astype", "copy", "reshape")
    index = node.inputs.get("index")
    if node.op != "item" or not isinstance(index, Seq) or not index.items:
        return False
    first = index.items[0] if index.kind == "index" else index
    return isinstance(first, Seq) and first.kind == "slice" and all(
        isinstance(end, Const) and end.value is None for end in first.items
    )
