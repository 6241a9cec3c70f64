"""The calls that train a compiled model, and those among them that pass weights."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.project.builders import assigned, compiled_model, losses_of, place
from losslint.project.index import Function, argument, defaults, keyword, last_name
from losslint.project.module import Module
from losslint.project.resolve import resolver

# Method -> where its sample_weight and class_weight stand, by position (Keras 3.15).
FITTING = {"fit": (10, 9), "train_on_batch": (2, 3), "evaluate": (4, None), "fit_generator": (None, None)}
WEIGHTS = ("sample_weight", "class_weight")
MAX_STEPS = 6  # names and functions followed from a model that is fitted to where it is compiled
CHANGES_ROWS = ("map", "zip")  # what is in a data set after them is not what it was made of


def weighted_fits(compiled: ast.Call, module: Module) -> list[ast.Call]:
    """The calls of a file that pass weights to the model as one ``compile`` call left it."""
    return [fit for fit in _weighted(module) if compiled in _compiles(fit, module)]


def weighted_fits_of_class(node: ast.ClassDef, module: Module) -> list[ast.Call]:
    """The calls of a file that pass weights to an object of a class."""
    found = []
    for fit in _weighted(module):
        model = compiled_model(fit)
        targets = resolver(module).targets(model, module.index.scope(fit)) if model is not None else []
        found += [fit] if any(target.node is node for target in targets) else []
    return found


def _weighted(module: Module) -> Iterator[ast.Call]:
    """The calls of ``fit`` that pass weights, to whatever model."""
    for method, positions in FITTING.items():
        for call in module.index.calls_by_name.get(method, []):
            if isinstance(call.func, ast.Attribute) and _passes_weights(call, positions, module):
                yield call


def _passes_weights(call: ast.Call, positions: tuple[int | None, ...], module: Module) -> bool:
    values = [keyword(call, name) if position is None else argument(call, position, name)
              for name, position in zip(WEIGHTS, positions, strict=True)]
    data = _value(argument(call, 0, "x", "dataset"), module)
    return (any(value is not None and _is_given(value, module) for value in [*values, *_unpacked(call, module)])
            or (data is not None and _holds_weights(data)))


def _is_given(value: ast.expr, module: Module) -> bool:
    """Whether a value is not None: a parameter that is None unless a caller in this file says otherwise may be."""
    if isinstance(value, ast.Constant):
        return value.value is not None
    if not isinstance(value, ast.Name):
        return True
    bound, home = module.index.lookup(value.id, module.index.scope(value))
    if not bound and isinstance(home, Function) and value.id in (default := defaults(home)):
        return _is_given(default[value.id], module) or any(
            given is not value for _, given in resolver(module).passed(home, value.id))
    return not bound or any(not isinstance(one, ast.Constant) or one.value is not None for one in bound)


def _unpacked(call: ast.Call, module: Module) -> Iterator[ast.expr]:
    """The weights in ``**options``."""
    for word in call.keywords:
        options = _value(word.value, module) if word.arg is None else None
        if isinstance(options, ast.Dict):
            yield from (value for key, value in zip(options.keys, options.values, strict=True)
                        if isinstance(key, ast.Constant) and key.value in WEIGHTS)


def _holds_weights(data: ast.expr) -> bool:
    """Whether a data set is made of triples: inputs, labels and weights."""
    calls = [node for node in ast.walk(data) if isinstance(node, ast.Call)]
    made = (call.args[0] for call in calls if last_name(call.func) == "from_tensor_slices" and len(call.args) == 1)
    return not any(last_name(call.func) in CHANGES_ROWS for call in calls) and any(
        isinstance(rows, ast.Tuple) and len(rows.elts) == 3 for rows in made)


def _value(node: ast.expr | None, module: Module) -> ast.expr | None:
    """What a name holds where it is given one value, else the expression itself."""
    values = assigned(node.id, node, module) if isinstance(node, ast.Name) else []
    return values[0] if len(values) == 1 and isinstance(values[0], ast.expr) else node


def _compiles(fit: ast.Call, module: Module) -> list[ast.Call]:
    """The ``compile`` calls that a model may come from when it is fitted: of those before it in one scope the last."""
    index, model = module.index, compiled_model(fit)
    calls = [call for call in index.calls_by_name.get("compile", [])
             if losses_of(call, module) and model is not None and _is_compiled(model, call, module, MAX_STEPS)]
    before = [call for call in calls if index.scope(call) is index.scope(fit) and place(call) < place(fit)]
    return [max(before, key=place)] if before else calls


def _is_compiled(model: ast.AST, call: ast.Call, module: Module, steps: int) -> bool:
    """Whether an expression stands for the model of a ``compile`` call: the same variable with the same value, what a
    function returns that compiles it with a loss of its own, or what callers pass."""
    index, compiled = module.index, compiled_model(call)
    if steps == 0:
        return False
    match model, compiled:
        case ast.Name(id=name), ast.Name(id=other) if name == other and _home(model, module) is _home(compiled, module):
            one, two = assigned(name, model, module), assigned(name, compiled, module)
            if one == two or any(value in two for value in one):
                return True
        case ast.Attribute(), ast.Attribute() if ast.dump(model) == ast.dump(compiled):
            return index.class_around(model) is index.class_around(call)
    if isinstance(model, ast.Name):
        home, values = _home(model, module), assigned(model.id, model, module)
        passed = resolver(module).passed(home, model.id) if not values and isinstance(home, Function) else []
        return any(_is_compiled(value, call, module, steps - 1) for value in [*values, *(value for _, value in passed)])
    if isinstance(model, ast.Call) and isinstance(model.func, ast.Name) and not _by_parameter(call, module):
        makers, _ = index.lookup(model.func.id, index.scope(model))
        returned = (index.returns.get(maker, []) for maker in makers if isinstance(maker, ast.FunctionDef))
        return any(_is_compiled(value, call, module, steps - 1) for values in returned for value in values)
    return False


def _home(name: ast.Name, module: Module) -> ast.AST:
    """The scope that binds a name."""
    return module.index.lookup(name.id, module.index.scope(name))[1]


def _by_parameter(compiled: ast.Call, module: Module) -> bool:
    """Whether each caller of a function that compiles brings a loss of its own."""
    names = (loss for loss in losses_of(compiled, module) if isinstance(loss, ast.Name))
    found = (module.index.lookup(name.id, module.index.scope(name)) for name in names)
    return any(not bound and isinstance(home, Function) for bound, home in found)
