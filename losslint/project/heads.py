"""What the models of a file end in: the activation and width of their last layer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from losslint.project.builders import Built, Made, assigned, builders, compiled_model, place
from losslint.project.index import Function, FunctionNode, Index, argument, dotted_root, keyword, last_name, parameters
from losslint.project.module import Module, Project
from losslint.project.resolve import resolver

SQUASHING = ("sigmoid", "softmax")
MAX_STEPS = 8  # names and calls followed from a model to its last layer
# Layers of Keras and torch that act on each number; their names say which activation they are.
_ACTIVATIONS = {
    "softmax": "softmax", "sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu", "logsoftmax": "log_softmax",
    "log_softmax": "log_softmax", "softplus": "softplus", "leakyrelu": "leaky_relu", "elu": "elu", "hardtanh": "tanh",
}  # fmt: skip
_FRAMEWORKS = ("tensorflow", "keras", "tf_keras", "torch")
OWN = "own"  # the activation of a last layer that only its own code tells
_JOINS = ("Concatenate", "concatenate", "concat", "cat", "Lambda")
_BOUNDS = ("maximum", "clip_by_value", "clamp", "clip", "exp", "minimum")  # functions that keep a value within bounds
_KEEPS = ("Flatten", "Reshape", "Squeeze", "Dropout", "Identity", "squeeze", "view", "reshape", "flatten")


@dataclass(frozen=True)
class Head:
    """The last layer of a model. ``activation``: ``linear`` when it has none, ``OWN`` for a layer or a function of the
    file's own that ends in no layer of a framework, for several that are joined, and for what is kept within bounds.
    ``units``: how wide it is, also that of the layer before an activation that runs along the last axis.
    ``at``: the layer as written."""

    activation: str
    units: int | None
    at: ast.expr
    module: Module


def head_of(*modules: Module) -> Head | None:
    """The head that all models of some files share; None when they differ or cannot be seen."""
    found: list[Head | None] = []
    for module in modules:
        if "heads" not in module.notes:
            module.notes["heads"] = _Finder(module).heads()
        heads = module.notes["heads"]
        if not isinstance(heads, list):
            return None  # a model that is not understood
        found += heads
    return _shared(found)


def head_compiled(call: ast.Call, module: Module, project: Project) -> Head | None:
    """The head of the model that a ``compile`` call compiles; None when it is not certain."""
    model = compiled_model(call)
    return _head_built(builders(model, module, project)) if model is not None else None


def heads_passed(function: Function, module: Module, project: Project) -> dict[str, Head]:
    """Parameter -> the head of the models that its callers in this file pass for it, where that is certain."""
    found: dict[str, Head] = {}
    for name in (parameter.arg for parameter in parameters(function)):
        models = [value for _, value in resolver(module).passed(function, name)]
        built = [builders(model, module, project) for model in models]
        if built and all(built) and (head := _head_built([one for some in built for one in some])) is not None:
            found[name] = head
    return found


def _head_built(built: list[Built]) -> Head | None:
    """The head that some models have in common."""
    return _shared([_Finder(one.module, one.made).head(one) for one in built])


def _shared(heads: list[Head | None]) -> Head | None:
    """What some heads have in common; None where they differ in their activation, or one is not known."""
    known = [head for head in heads if head is not None]
    if len(known) < len(heads) or len({head.activation for head in known}) != 1:
        return None
    units = {head.units for head in known}
    return known[-1] if len(units) == 1 else replace(known[-1], units=None)


def compiled_with_names(module: Module) -> bool:
    """Whether every model that a file compiles is given losses of Keras, by name or as ``keras.losses.Huber()``."""
    calls = module.index.calls_by_name.get("compile", [])
    given = [loss for call in calls if (loss := argument(call, 1, "loss")) is not None]
    return bool(given) and all(map(_is_of_keras, given))


def _is_of_keras(loss: ast.expr) -> bool:
    match loss:
        case ast.Constant():
            return True
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
            return all(map(_is_of_keras, parts))
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="losses") | ast.Name(id="losses"))):
            return True
    return False


@dataclass(frozen=True)
class _End:
    """The last layer of a model, with the layers before it in its stack, or the value that it is called with."""

    layer: ast.expr
    before: tuple[ast.expr, ...] = ()
    fed: ast.expr | None = None


class _Finder:
    def __init__(self, module: Module, made: tuple[Made, ...] = ()) -> None:
        self.module = module
        self.made = made
        self.index: Index = module.index

    def heads(self) -> list[Head] | None:
        """The heads of the models that the file builds; None as soon as one of them is not understood."""
        heads = [self._layer(last, MAX_STEPS) if last is not None else None for last in self._last_layers()]
        return None if None in heads else [head for head in heads if head is not None]

    def head(self, built: Built) -> Head | None:
        """The head of one model."""
        if isinstance(built.node, ast.ClassDef):
            layers = [*self._returned(built.node)]
        elif last_name(built.node.func) == "Sequential":
            layers = [self._sequential(built.node)]
        else:
            outputs = argument(built.node, 1, "outputs", "output")
            layers = [self._value(outputs, built.node) if outputs is not None else None]
        return _shared([self._layer(layer, MAX_STEPS) if layer is not None else None for layer in layers])

    def _sequential(self, call: ast.Call) -> _End | None:
        listed = argument(call, 0, "layers")
        if isinstance(listed, ast.BinOp) and isinstance(listed.right, ast.List) and listed.right.elts:
            listed = listed.right  # backbone() + [Dense(10)]
        if listed is None or isinstance(listed, ast.List):
            added = self._added(call)
            layers = [] if added is None else [*(listed.elts if listed is not None else []), *added]
        else:
            layers = call.args  # torch: Sequential(a, b, c)
        return _End(layers[-1], tuple(layers[:-1])) if layers else None

    def _last_layers(self) -> Iterator[_End | None]:
        """The last layer of each model that the file builds; None for one that is not understood."""
        for call in self.index.calls_by_name.get("Sequential", []):
            if self.index.class_around(call) is None:  # else a part of what the class returns
                yield self._sequential(call)
        for name in ("Model", "Functional"):
            for call in self.index.calls_by_name.get(name, []):
                if (outputs := argument(call, 1, "outputs", "output")) is not None:
                    yield self._value(outputs, call)
        for node in self.module.nodes:
            if isinstance(node, ast.ClassDef) and any(last_name(base) in ("Model", "Module") for base in node.bases):
                yield from self._returned(node)
        if not {"Sequential", "Model", "Functional"} & self.index.calls_by_name.keys():
            yield from (_End(c) for c in self.index.calls_by_name.get("Linear", []) if self._stands_alone(c))

    def _added(self, call: ast.Call) -> list[ast.expr] | None:
        """The layers that ``model.add(..)`` adds to a model in the same scope; None if a branch decides which is last."""
        parent = self.index.parents.get(call)
        if not isinstance(parent, ast.Assign) or not isinstance(parent.targets[0], ast.Name):
            return []
        name, scope = parent.targets[0].id, self.index.scope(call)
        models = [v for v in self.index.lookup(name, scope)[0] if not isinstance(self.index.parents.get(v), ast.Call)]
        until = min((place(v) for v in models if place(v) > place(call)), default=(1 << 30, 0))  # another model's name there
        added = sorted(
            (c for c in self.index.calls_by_name.get("add", [])
             if c.args and isinstance(c.func, ast.Attribute) and isinstance(c.func.value, ast.Name)
             and c.func.value.id == name and self.index.scope(c) is scope and place(call) < place(c) < until), key=place)
        if not added:
            return []
        statement = self.index.parents.get(added[-1])
        branches = statement is None or self.index.parents.get(statement) is not self.index.parents.get(parent)
        return None if branches else [c.args[0] for c in added]

    def _returned(self, node: ast.ClassDef) -> Iterator[_End | None]:
        """What ``call`` or ``forward`` of a model class returns."""
        for method in node.body:
            if isinstance(method, FunctionNode) and method.name in ("call", "forward"):
                for value in self.index.returns.get(method, []):
                    yield self._value(value, method)

    def _stands_alone(self, call: ast.Call) -> bool:
        """``model = nn.Linear(4, 1)``: the layer is the model."""
        return isinstance(self.index.parents.get(call), ast.Assign) and self.index.class_around(call) is None

    def _value(self, value: ast.expr, at: ast.AST, steps: int = MAX_STEPS, keeps: tuple[str, ...] = _KEEPS) -> _End | None:
        """The layer whose output a value is: the call of it, or the function that stands for an activation."""
        if isinstance(value, ast.List) and len(value.elts) == 1:
            value = value.elts[0]
        if self._is_raised(value):
            return _End(value)
        if isinstance(value, ast.Name) and steps:
            before = assigned(value.id, value, self.module)
            made = before[0] if len(before) == 1 else None
            return self._value(made, made, steps - 1, keeps) if isinstance(made, ast.expr) else None
        if not isinstance(value, ast.Call):
            return None
        name = last_name(value.func)
        fed = value.args[0] if value.args else None
        if name in keeps and isinstance(value.func, ast.Attribute):
            return self._value(value.func.value, at, steps - 1, keeps) if steps else None
        if isinstance(value.func, ast.Call):  # Dense(1)(x)
            return _End(value.func, fed=fed)
        if isinstance(value.func, ast.Attribute) and isinstance(value.func.value, ast.Name) and (
                value.func.value.id == "self"):
            home = self.index.class_around(value)
            layers = self.index.attributes.get(home, {}).get(name, []) if home is not None else []
            return _End(layers[0], fed=fed) if len(layers) == 1 and isinstance(layers[0], ast.Call) else None
        return _End(value, fed=fed) if name.lower() in _ACTIVATIONS or name in (*_JOINS, *_BOUNDS) else None

    def _is_raised(self, value: ast.expr) -> bool:
        """``softplus(x) + 1e-3``: a positive number is added."""
        if not isinstance(value, ast.BinOp) or not isinstance(value.op, ast.Add):
            return False
        sides = (self._written(side, self.module, MAX_STEPS) for side in (value.left, value.right))
        added = (side.value for side in sides if isinstance(side, ast.Constant))
        return any(isinstance(number, (int, float)) and number > 0 for number in added)

    def _layer(self, end: _End, steps: int) -> Head | None:
        """What a layer computes last."""
        layer = end.layer
        if isinstance(layer, ast.Name) and steps:
            made = assigned(layer.id, layer, self.module)
            value = made[0] if len(made) == 1 else None
            return self._layer(replace(end, layer=value), steps - 1) if isinstance(value, ast.expr) else None
        if self._is_raised(layer):
            return Head(OWN, None, layer, self.module)
        if not isinstance(layer, ast.Call) or any(given.arg is None for given in layer.keywords):
            return None  # Dense(10, **settings) may have any activation
        name = last_name(layer.func)
        if (own := self._own_class(layer.func)) is not None and steps:
            inner = [self._layer(last, steps - 1) if last is not None else None for last in self._returned(own)]
            return _shared(inner) or Head(OWN, None, layer, self.module)
        if self._is_foreign(layer.func):
            return None
        if name in (*_JOINS, *_BOUNDS):
            return Head(OWN, None, layer, self.module)
        if name == "Sequential" and steps and layer.args:
            parts = layer.args[0].elts if isinstance(layer.args[0], ast.List) and layer.args[0].elts else layer.args
            return self._layer(_End(parts[-1], tuple(parts[:-1])), steps - 1)
        if name.lower() in _ACTIVATIONS:
            return Head(_ACTIVATIONS[name.lower()], self._width(end, layer, steps), layer, self.module)
        if name == "Activation" and layer.args:
            head = self._activated(layer.args[0], None, layer)
            if head is None or head.activation == "linear":
                return None  # that of the layer before
            return replace(head, units=self._width(end, layer, steps))
        if name == "Dense" or name.startswith("Conv"):
            of_torch = name.startswith("Conv") and name.endswith("d")
            units = argument(layer, 1, "out_channels") if of_torch else argument(layer, 0, "units", "filters")
            given = keyword(layer, "activation")
            if given is None and name == "Dense" and len(layer.args) > 1:
                given = layer.args[1]
            return self._activated(given, units, layer)
        if name == "Linear":
            return Head("linear", self._number(argument(layer, 1, "out_features")), layer, self.module)
        return None

    def _width(self, end: _End, activation: ast.Call, steps: int) -> int | None:
        """The width of the layer right before an activation, where that runs along the last axis."""
        named = last_name(activation.func) == "Activation"
        told = [word.value for word in activation.keywords if word.arg in ("axis", "dim")]
        told += [] if named else activation.args
        if not steps or any(value is not end.fed and not _is_last(value) for value in told):
            return None
        before = _End(end.before[-1], end.before[:-1]) if end.before else None
        if end.fed is not None:
            before = self._value(end.fed, end.fed, steps - 1, keeps=())
        head = self._layer(before, steps - 1) if before is not None else None
        return head.units if head is not None else None

    def _own_class(self, layer: ast.expr) -> ast.ClassDef | None:
        """The class of the file that a layer is an object of."""
        bound = self.index.bound.get(self.module.tree, {}).get(layer.id, []) if isinstance(layer, ast.Name) else []
        return bound[0] if len(bound) == 1 and isinstance(bound[0], ast.ClassDef) else None

    def _is_foreign(self, layer: ast.expr) -> bool:
        """Whether a layer is of the file itself or imported from elsewhere than a framework: a ``Dense`` of one's own."""
        root = dotted_root(layer)
        if root in self.module.imports:
            return (self.module.dotted(layer) or "").partition(".")[0] not in _FRAMEWORKS
        return any(isinstance(value, ast.ClassDef | FunctionNode) for value in
                   self.index.bound.get(self.module.tree, {}).get(root, []))

    def _activated(self, activation: ast.expr | None, units: ast.expr | None, layer: ast.expr) -> Head | None:
        activation = self._written(activation, self.module, MAX_STEPS) if activation is not None else None
        if activation is None or (isinstance(activation, ast.Constant) and activation.value is None):
            return Head("linear", self._number(units), layer, self.module)
        name = activation.value if isinstance(activation, ast.Constant) else self._applied(activation)
        return Head(str(name), self._number(units), layer, self.module) if name else None

    def _number(self, units: ast.expr | None) -> int | None:
        """How wide a layer is, also where a factory is given it."""
        return _number(self._written(units, self.module, MAX_STEPS)) if units is not None else None

    def _applied(self, activation: ast.expr) -> str:
        """The activation that a function is; of one of the file's own the one that it hands its argument to."""
        bound = self.index.lookup(activation.id, self.index.scope(activation))[0] if isinstance(activation, ast.Name) else []
        made = bound[0] if len(bound) == 1 and isinstance(bound[0], FunctionNode) else activation
        if not isinstance(made, FunctionNode | ast.Lambda):
            return last_name(activation)
        values = [made.body] if isinstance(made, ast.Lambda) else self.index.returns.get(made, [])
        given = [a.arg for a in parameters(made)]
        match values:
            case [ast.Call(func=function, args=[ast.Name(id=name), *_])] if name in given:
                return _ACTIVATIONS.get(last_name(function).lower(), OWN)
        return OWN

    def _written(self, value: ast.expr, module: Module, steps: int) -> ast.expr:
        """What a name stands for: the one value that it has, or what a factory that was called on the way here is given for
        its parameter; and the side of a conditional expression that so much decides."""
        match value:
            case ast.IfExp(test=test):
                told = self._written(test, module, steps - 1) if steps else None
                if isinstance(told, ast.Constant):
                    return self._written(value.body if told.value else value.orelse, module, steps - 1)
            case ast.Name(id=name) if steps:
                bound, home = module.index.lookup(name, module.index.scope(value))
                if len(bound) == 1 and isinstance(bound[0], ast.expr):
                    return self._written(bound[0], module, steps - 1)
                for made in self.made:
                    if not bound and made.factory is home and (given := made.argument(name)) is not None:
                        return self._written(given, made.module if given in made.module.index.parents else module, steps - 1)
        return value


def _is_last(axis: ast.expr) -> bool:
    match axis:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)):
            return True
    return False


def _number(node: ast.expr | None) -> int | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None
