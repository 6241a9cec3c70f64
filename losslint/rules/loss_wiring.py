"""LL405."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.graph.source import AstSource
from losslint.rules.base import Loss, Problem, Rule


class LossWiring(Rule):
    """A loss is handed to ``compile`` in a form that Keras cannot call.

    What it does: finds factories that are passed uncalled, and subclasses of Keras's Loss without ``super().__init__()``.

    Why it is bad: Keras calls the factory with (y_true, y_pred): ``takes 1 positional argument but 2 were given``, or
    the labels become a hyper-parameter.

    Use instead: ``compile(loss=make_loss())``.

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
    )
    GOOD = (
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
        factory = loss.site.owner
        if loss.site.kind != "closure" or not isinstance(factory, ast.FunctionDef):
            return
        module = loss.site.module
        if not any(isinstance(n, ast.FunctionDef) and n is factory for n in module.tree.body):
            return
        for call in module.nodes:
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "compile":
                for place in losses_of(call):
                    if isinstance(place, ast.Name) and place.id == factory.name:
                        yield Problem(
                            AstSource(module, place),
                            f"{factory.name} makes a loss, but it is passed uncalled: Keras calls the factory itself with "
                            "(y_true, y_pred)",
                            f"call it: loss={factory.name}()",
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
