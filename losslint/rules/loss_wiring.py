"""LL405."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator

from losslint.graph.nodes import Kind, Node
from losslint.graph.source import AstSource, Source
from losslint.graph.values import Const, External
from losslint.ops.table import identifiers, lookup
from losslint.project.builders import compiled_model, losses_of
from losslint.project.compiled import is_tensor, written
from losslint.project.index import last_name, parameters, required
from losslint.project.module import Module
from losslint.project.resolve import resolver
from losslint.project.roles import Role, role_by_name
from losslint.project.uses import local_uses
from losslint.rules.base import Loss, Problem, Rule

KEEPS_SIGNATURE = ("function", "register_keras_serializable")  # decorators after which a loss is called as before


class LossWiring(Rule):
    """A loss is handed to ``compile`` in a form that Keras cannot call.

    What it does: finds factories that are passed uncalled or return nothing, losses that are called on the tensors of
    the model, or without any, where the function itself should be passed, tensors that TensorFlow or Keras has computed,
    functions that need a third argument, classes that cannot be made without arguments or are made of tensors, names in
    quotes that Keras has no loss for, keys of a dict of losses that are the names of no output, and subclasses of Keras's
    Loss without ``super().__init__()`` or with a ``__call__`` that takes no sample weights; anywhere, ``nn.MSELoss(net(x),
    y)`` for ``nn.MSELoss()(net(x), y)``. Where it must be certain that the model is one of Keras, the model is followed to
    the call that builds it.

    Why it is bad: Keras calls the factory with (y_true, y_pred): ``takes 1 positional argument but 2 were given``, or
    the labels become a hyper-parameter. It cannot call a tensor: ``Could not interpret loss identifier``. All of it is
    found out at the first batch, not by ``compile``.

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
import keras
from keras import layers

def branch(x, name):
    return layers.Dense(1, name=name)(x)

inputs = keras.Input((8,))
age = layers.Dense(1, name="age")(inputs)
to_kind = layers.Dense(3, activation="softmax", name="kind")
kind, height = to_kind(inputs), layers.Dense(1)(inputs)
keras.Model(inputs, [age, kind]).compile("adam", loss={"age": "mse", "kind": "categorical_crossentropy"})
keras.Model(inputs, [age, height]).compile("adam", loss={"age": "mse", "dense": "mse"})
keras.Model(inputs, [age, branch(inputs, "weight")]).compile("adam", loss={"age": "mse", "weight": "mse"})
keras.Model(inputs, {"years": age, "kind": kind}).compile("adam", loss={"years": "mse", "kind": "kl_divergence"})
keras.Model(inputs, age).compile("adam", loss={"age": "mse"})
keras.models.load_model("model.keras").compile("adam", loss={"score": "mse"})
""",
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
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        yield from self.not_initialised(loss)
        yield from self.without_weights(loss)
        if loss.site.kind == "builtin":
            yield from self.unknown_name(loss)
        yield from self.looked_up(loss)
        yield from self.made_of_tensors(loss)
        for module, key in loss.site.misnamed:
            yield Problem(
                AstSource(module, key),
                f"the model has no output called {key.value!r}: Keras raises, and trains on nothing",
                "name a layer that makes an output, with name=..., and write the same name here",
            )
        for module, call in loss.site.fitted:
            for place in losses_of(call, module):
                yield from self.not_callable(loss, module, place)
        module = loss.site.module
        for call in local_uses(module).compiles:
            if not compiles_by_itself(call, module):
                for place in losses_of(call, module):
                    yield from self.factory_or_result(loss, place)

    def factory_or_result(self, loss: Loss, place: ast.expr) -> Iterator[Problem]:
        """A factory that is not called or returns nothing; a loss that is called."""
        module, site = loss.site.module, loss.site
        maker = site.owner if isinstance(site.owner, ast.FunctionDef) and site.kind == "closure" else None
        if maker is not None and stands_for(place, maker, module, loss):
            yield Problem(
                AstSource(module, place),
                f"{maker.name} makes a loss, but it is passed uncalled: Keras calls the factory itself with "
                "(y_true, y_pred)",
                f"call it: loss={maker.name}()",
            )
        elif maker is not None and isinstance(place, ast.Call) and stands_for(place.func, maker, module, loss) and (
                ends_without_value(maker, module)):
            yield Problem(
                AstSource(module, place),
                f"{maker.name} returns nothing, so that compile is given no loss: `No loss to compute`",
                f"return the function at the end of {maker.name}: return {site.qualname.rpartition('.')[2]}",
            )
        elif open_parameters := left_open(place, loss):
            assert isinstance(place, ast.Call)
            name = last_name(place.func)
            settings = "".join(f", {ast.unparse(given)}" for given in place.keywords)
            bare = not place.args and not settings and len(open_parameters) == 2
            yield Problem(
                AstSource(module, place),
                f"{name} is the loss itself, and is called here without {' and '.join(open_parameters)}: TypeError",
                f"leave the call to Keras: loss={name}" if bare
                else f"bind its settings, and leave the call to Keras: loss=functools.partial({name}{settings or ', ...'})",
            )
        elif site.kind == "function" and returns_tensor(loss) and is_result(place, loss):
            name = getattr(site.node, "name", "the function")
            yield Problem(
                AstSource(module, place),
                f"{name} is called here, and compile is given its result, a tensor: `Could not interpret loss "
                "identifier`",
                f"hand over the function itself: loss={name}; bind further arguments with functools.partial",
            )

    def unknown_name(self, loss: Loss) -> Iterator[Problem]:
        """A text that Keras has no loss for; a class of Keras that is given tensors; a tensor."""
        site, module = loss.site, loss.site.module
        assert isinstance(site.node, ast.expr)
        value = written(site.node, module)
        if isinstance(value, ast.Constant):
            yield from no_such_loss(loss, str(value.value), AstSource(module, site.node))
        elif site.built_by is not None and takes_data(site.built_by):
            yield data_for_settings(AstSource(module, site.node), site.qualname)
        elif is_tensor(value, module):
            source = AstSource(module, site.node)
            yield Problem(
                source,
                f"compile is given a tensor, {source.text}, which is computed already: `Could not interpret loss "
                "identifier`",
                "hand over a function that Keras can call: def loss(y_true, y_pred): return ...; where it needs other "
                "tensors of the model, compute it in a layer, and pass it to the layer's add_loss",
            )

    def looked_up(self, loss: Loss) -> Iterator[Problem]:
        """A text that ``keras.losses.get`` is given in the loss, or where its object is made."""
        for node in loss.nodes:
            text = node.inputs.get("x")
            if node.name == "keras.losses.get" and isinstance(text, Const) and isinstance(text.value, str):
                yield from no_such_loss(loss, text.value, node.source)

    def made_of_tensors(self, loss: Loss) -> Iterator[Problem]:
        """``nn.MSELoss(net(x), y)``: the class of a loss is given what an object of it compares."""
        returned = {id(v.made.node) for v, _ in loss.results if isinstance(v, External) and v.made and loss.site.is_function}
        for node in loss.nodes:
            given = node.detail.get("given") if id(node.source.node) not in returned else None  # else LL404 says it
            if isinstance(given, tuple) and len(given) > 1 and makes_loss(node.name) and any(
                    isinstance(value, Node) and loss.gradient.reach(value) for value in given):
                made = node.source.text.partition("(")[0]
                yield Problem(
                    node.source,
                    f"{node.source.text} makes an object of the class {made}, whose settings the tensors are taken for: "
                    "nothing is compared",
                    f"make the object first: {made}()(...)",
                )

    def not_callable(self, loss: Loss, module: Module, place: ast.expr) -> Iterator[Problem]:
        """A function that does not take two tensors, a class that cannot be made without arguments or is made of tensors."""
        node, home = loss.site.node, loss.site.class_node
        if loss.site.kind == "function" and isinstance(node, ast.FunctionDef) and stands_for(place, node, module, loss):
            yield from self.of_two_tensors(node, AstSource(module, place))
        elif loss.site.kind == "method" and home is not None:
            init = next((s for s in home.body if isinstance(s, ast.FunctionDef) and s.name == "__init__"), None)
            settings = [a.arg for a in required(init)[1:]] if init is not None else []
            if settings and stands_for(place, home, module, loss):
                yield Problem(
                    AstSource(module, place),
                    f"Keras makes an object of the class {home.name} without arguments, but it needs "
                    f"{', '.join(settings)}: TypeError",
                    f"hand over an object: loss={home.name}({settings[0]}=...)",
                )
            elif isinstance(place, ast.Call) and stands_for(place.func, home, module, loss) and takes_data(place) and (
                    {Role.LABEL, Role.PREDICTION}.isdisjoint(map(role_by_name, settings))):
                yield data_for_settings(AstSource(module, place), home.name)

    def of_two_tensors(self, function: ast.FunctionDef, place: AstSource) -> Iterator[Problem]:
        """What a call with (y_true, y_pred) leaves open, or has no place for."""
        given = function.args
        open_keywords = [a.arg for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d is None]
        further = open_keywords or [a.arg for a in required(function)[2:]]
        if further:
            yield Problem(
                place,
                f"Keras calls the loss with (y_true, y_pred), but {function.name} needs {', '.join(further)} too: TypeError",
                f"bind what is left: loss=functools.partial({function.name}, {further[-1]}=...)",
            )
        elif len(given.posonlyargs) + len(given.args) < 2 and given.vararg is None:
            yield Problem(
                place,
                f"Keras calls the loss with (y_true, y_pred), but {function.name} does not take two arguments: TypeError",
                "give it the parameters (y_true, y_pred)",
            )

    def not_initialised(self, loss: Loss) -> Iterator[Problem]:
        """A subclass of Keras's Loss whose ``__init__`` leaves out that of the base."""
        home, module = loss.site.class_node, loss.site.module
        if home is None or loss.site.kind != "method" or getattr(loss.site.node, "name", "") != "call":
            return
        for init in home.body:
            if not of_keras(loss) or not isinstance(init, ast.FunctionDef) or init.name != "__init__":
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


    def without_weights(self, loss: Loss) -> Iterator[Problem]:
        """A ``__call__`` of Keras's Loss that is overridden without a place for the weights of the samples."""
        site, node = loss.site, loss.site.node
        if not site.fitted or not isinstance(node, ast.FunctionDef) or node.name != "__call__" or not of_keras(loss):
            return
        given = node.args
        takes_any = given.vararg is not None or given.kwarg is not None or node.decorator_list
        if not takes_any and len(given.posonlyargs) + len(given.args) == 3 and not given.kwonlyargs:
            yield Problem(
                AstSource(site.module, given.args[-1]),
                "Keras calls an object of its class Loss with (y_true, y_pred, sample_weight), which this __call__ has no "
                "place for: TypeError",
                "override call(self, y_true, y_pred) instead, and leave __call__ to Keras",
            )


def of_keras(loss: Loss) -> bool:
    """Whether the class of a loss derives from Keras's Loss."""
    home, module = loss.site.class_node, loss.site.module
    return home is not None and any((module.dotted(base) or "").endswith("keras.losses.Loss") for base in home.bases)


def compiles_by_itself(call: ast.Call, module: Module) -> bool:
    """Whether the object that is compiled is of a class of the file with a ``compile`` of its own."""
    model = compiled_model(call)
    targets = resolver(module).targets(model, module.index.scope(call)) if model is not None else []
    return any(getattr(item, "name", "") == "compile" for target in targets for item in getattr(target.node, "body", []))


def returns_tensor(loss: Loss) -> bool:
    return bool(loss.results) and all(isinstance(v, Node) and v.kind is Kind.TENSOR for v, _ in loss.results)


def left_open(place: ast.expr, loss: Loss) -> list[str]:
    """The label and the prediction that a loss is called without, as if it were a function that makes one."""
    node = loss.site.node
    if loss.site.kind != "function" or not isinstance(node, ast.FunctionDef) or not isinstance(place, ast.Call) or (
            not stands_for(place.func, node, loss.site.module, loss)):
        return []
    if any(isinstance(given, ast.Starred) for given in place.args) or any(word.arg is None for word in place.keywords):
        return []
    named = {word.arg for word in place.keywords}
    missing = [p.arg for p in required(node)[len(place.args):] if p.arg not in named]
    return missing if any(loss.site.roles.get(name) in (Role.LABEL, Role.PREDICTION) for name in missing) else []


def is_result(place: ast.expr, loss: Loss) -> bool:
    """Whether an expression is the loss of a label and a prediction, or a name that holds it."""
    module = loss.site.module
    if isinstance(place, ast.Name):
        values, _ = module.index.lookup(place.id, module.index.scope(place))
        return len(values) == 1 and isinstance(values[0], ast.Call) and is_result(values[0], loss)
    node = loss.site.node
    if not isinstance(place, ast.Call) or not isinstance(node, ast.FunctionDef) or not stands_for(
            place.func, node, module, loss):
        return False
    given = parameters(node)[: len(place.args)]
    roles = [loss.site.roles.get(parameter.arg) for parameter in given]
    return {Role.LABEL, Role.PREDICTION} <= set(roles)


def no_such_loss(loss: Loss, text: str, source: Source | AstSource) -> Iterator[Problem]:
    """A text that Keras finds no loss by."""
    if loss.keras_version < 3 or not text or text in identifiers():
        return
    module = loss.site.module
    defined = module.index.bound.get(module.tree, {}).get(text, [])
    own = any(isinstance(value, (ast.FunctionDef, ast.ClassDef)) for value in defined)
    near = difflib.get_close_matches(text, identifiers(), 1)
    yield Problem(
        source,
        f'Keras 3 has no loss called "{text}": `Could not interpret loss identifier`',
        f"hand over the function itself, without quotes: {text}" if own
        else f'write "{near[0]}"' if near else "one of the names in keras.losses, or the function itself",
    )


def stands_for(place: ast.expr, node: ast.FunctionDef | ast.ClassDef, module: Module, loss: Loss) -> bool:
    """Whether a name is that of a definition of the loss's file, which nothing wraps."""
    wrapped = any(last_name(d.func if isinstance(d, ast.Call) else d) not in KEEPS_SIGNATURE for d in node.decorator_list)
    if wrapped or last_name(place) != node.name:
        return False
    if module is not loss.site.module:
        return isinstance(place, (ast.Name, ast.Attribute))
    values, _ = module.index.lookup(node.name, module.index.scope(place))
    return isinstance(place, ast.Name) and values == [node]


def ends_without_value(function: ast.FunctionDef, module: Module) -> bool:
    """Whether a function never returns anything, and does not only raise."""
    inner = (node for statement in function.body for node in ast.walk(statement))
    return not module.index.returns.get(function) and not any(
        isinstance(node, (ast.Yield, ast.YieldFrom, ast.Raise)) for node in inner)


def takes_data(made: ast.Call) -> bool:
    """Whether a loss object is made of a label and a prediction."""
    roles = [role_by_name(last_name(given)) for given in made.args[:2]]
    return len(roles) == 2 and set(roles) == {Role.LABEL, Role.PREDICTION}


def data_for_settings(source: AstSource, name: str) -> Problem:
    return Problem(
        source,
        f"{name} takes its settings here, and is given tensors: Keras calls the object with (y_true, y_pred) later",
        f"loss={name}()",
    )


def makes_loss(name: str) -> bool:
    """Whether a class of a framework is that of a loss, or one that losses derive from."""
    compared = lookup(f"{name}()")
    if compared is not None and {"y_true", "y_pred"} <= {canonical for canonical, _ in compared.parameters}:
        return True
    return name in ("keras.losses.Loss", "torch.nn.Module")
