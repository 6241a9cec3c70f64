"""LL405."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.graph.nodes import Kind, Node
from losslint.graph.source import AstSource
from losslint.project.index import parameters
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule


class LossWiring(Rule):
    """A loss is handed to ``compile`` in a form that Keras cannot call.

    What it does: finds factories that are passed uncalled, losses that are called on the tensors of the model where the
    function itself should be passed, and subclasses of Keras's Loss without ``super().__init__()``.

    Why it is bad: Keras calls the factory with (y_true, y_pred): ``takes 1 positional argument but 2 were given``, or
    the labels become a hyper-parameter. It cannot call a tensor: ``Could not interpret loss identifier``.

    Use instead: ``compile(loss=make_loss())``, ``compile(loss=my_loss)``.

    Confirmed by: replaying the compile call (raises).
    """

    code = "LL405"
    name = "loss-wiring"
    BAD = (
        """
import tensorflow as tf

def weighted_loss(weight=2.0):
    def loss(y_true, y_pred):
        return weight * tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    return loss

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(optimizer="adam", loss=weighted_loss)  # expect: LL405
""",
        """
import tensorflow as tf

class PowerLoss(tf.keras.losses.Loss):
    def __init__(self, power=2.0):  # expect: LL405
        self.power = power

    def call(self, y_true, y_pred):
        return tf.reduce_mean(tf.abs(y_true - y_pred) ** self.power, axis=-1)
""",
        """
import keras

def weighted_mse(y_true, y_pred):
    return 3.0 * keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

inputs, labels = keras.Input((2,)), keras.Input((1,))
outputs = keras.layers.Dense(1)(inputs)
model = keras.Model(inputs, outputs)
model.compile("adam", loss=weighted_mse(labels, outputs))  # expect: LL405
""",
    )
    GOOD = (
        """
import tensorflow as tf

def scaled(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)

def weighted_loss(y_true=None, weight=2.0):
    def loss(y_true, y_pred):
        return weight * scaled(y_true, y_pred)
    return loss

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(optimizer="adam", loss=weighted_loss(weight=3.0))
""",
        """
import tensorflow as tf

def weighted_loss(weight=2.0):
    def loss(y_true, y_pred):
        return weight * tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    return loss

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(optimizer="adam", loss=weighted_loss())
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        yield from self.not_initialised(loss)
        module, site = loss.site.module, loss.site
        factory = site.owner if site.kind == "closure" else None
        calls = [n for n in module.nodes if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "compile"]
        for place in (place for call in calls for place in losses_of(call)):
            if isinstance(factory, ast.FunctionDef) and factory in module.tree.body and is_name(place, factory.name):
                yield Problem(
                    AstSource(module, place),
                    f"{factory.name} makes a loss, but it is passed uncalled: Keras calls the factory itself with "
                    "(y_true, y_pred)",
                    f"call it: loss={factory.name}()",
                )
            elif site.kind == "function" and returns_tensor(loss) and is_result(place, loss):
                name = getattr(site.node, "name", "the function")
                yield Problem(
                    AstSource(module, place),
                    f"{name} is called here, and compile is given its result, a tensor: `Could not interpret loss "
                    "identifier`",
                    f"hand over the function itself: loss={name}; bind further arguments with functools.partial",
                )

    def not_initialised(self, loss: Loss) -> Iterator[Problem]:
        """A subclass of Keras's Loss whose ``__init__`` leaves out that of the base."""
        home, module = loss.site.class_node, loss.site.module
        if home is None or loss.site.kind != "method" or getattr(loss.site.node, "name", "") != "call":
            return
        of_keras = any((module.dotted(base) or "").endswith("keras.losses.Loss") for base in home.bases)
        for init in home.body:
            if not of_keras or not isinstance(init, ast.FunctionDef) or init.name != "__init__":
                continue
            called = [n.func.attr for n in ast.walk(init) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
            if "__init__" not in called:
                start = init.col_offset + len("def ")
                name = ast.Name("__init__", lineno=init.lineno, col_offset=start, end_lineno=init.lineno,
                                end_col_offset=start + len("__init__"))  # fmt: skip
                yield Problem(
                    AstSource(module, name),
                    f"{home.name}.__init__ does not call that of keras.losses.Loss: the loss has no name and no reduction, "
                    "and Keras raises AttributeError",
                    "begin it with super().__init__()",
                )


def is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def returns_tensor(loss: Loss) -> bool:
    return bool(loss.results) and all(isinstance(v, Node) and v.kind is Kind.TENSOR for v, _ in loss.results)


def is_result(place: ast.expr, loss: Loss) -> bool:
    """Whether an expression is the loss of a label and a prediction, or a name that holds it."""
    module = loss.site.module
    if isinstance(place, ast.Name):
        values, _ = module.index.lookup(place.id, module.index.scope(place))
        return len(values) == 1 and isinstance(values[0], ast.Call) and is_result(values[0], loss)
    if not isinstance(place, ast.Call) or not is_name(place.func, getattr(loss.site.node, "name", "")):
        return False
    node = loss.site.node
    given = parameters(node)[: len(place.args)] if isinstance(node, ast.FunctionDef) else []
    roles = [loss.site.roles.get(parameter.arg) for parameter in given]
    return {Role.LABEL, Role.PREDICTION} <= set(roles)


def losses_of(call: ast.Call) -> Iterator[ast.expr]:
    """The losses of a ``compile`` call: ``loss=``, the second argument, the parts of lists and dicts."""
    given = [k.value for k in call.keywords if k.arg == "loss"] or call.args[1:2]
    for value in given:
        if isinstance(value, (ast.List, ast.Tuple)):
            yield from value.elts
        elif isinstance(value, ast.Dict):
            yield from value.values
        else:
            yield value
