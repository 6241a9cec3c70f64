"""What an expression that a model is compiled by stands for: the calls and classes that build it, where that is certain."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from losslint.ops.table import canonical_name
from losslint.project.index import Function, FunctionNode, argument, defaults, last_name, parameters
from losslint.project.module import Definition, Module, Project
from losslint.project.resolve import resolver

MAX_STEPS = 8  # names, calls and files followed from a model to what builds it
_OWN_LOSS = ("compile", "train_step", "compute_loss")  # a model with one of these does what it wants with compile's loss
_MODELS = ("keras.Sequential", "keras.Model", "keras.models.Sequential", "keras.models.Model", "keras.Functional")


@dataclass(frozen=True)
class Made:
    """A call of a factory, in its file, and the factory."""

    module: Module
    call: ast.Call
    factory: ast.FunctionDef

    def argument(self, name: str) -> ast.expr | None:
        """What is given for a parameter, or its default."""
        order = [parameter.arg for parameter in parameters(self.factory)]
        if any(word.arg is None for word in self.call.keywords) or any(isinstance(a, ast.Starred) for a in self.call.args):
            return None
        return argument(self.call, order.index(name), name) or defaults(self.factory).get(name)


@dataclass(frozen=True)
class Built:
    """A Keras model: ``Sequential(...)``, ``Model(inputs, outputs)``, or a class derived from ``Model``; and the factories
    that were called to get there, the outermost first."""

    module: Module
    node: ast.Call | ast.ClassDef
    made: tuple[Made, ...] = ()


class _Unknown(Exception):
    """A model that is loaded, made elsewhere, or changed after it was built."""


def builders(model: ast.expr, module: Module, project: Project) -> list[Built]:
    """What builds the model that ``model`` stands for; empty as soon as one way to it is not understood."""
    try:
        found = {(built.node, built.made): built for built in _builders(model, model, module, project, MAX_STEPS)}
    except _Unknown:
        return []
    return [*found.values()]


def assigned(name: str, at: ast.AST, module: Module) -> list[ast.AST]:
    """What a name may hold at a place: the last assignment before it that is always run, and those in branches after it."""
    index = module.index
    scope = index.scope(at)
    bound, home = index.lookup(name, scope)
    values = [value for value in bound if not isinstance(index.parents.get(value), ast.Call)]  # m.add(x) gives m no value
    if home is not scope:
        return values
    around = {at, *index.ancestors(at)}
    before = [value for value in values if place(value) < place(at)]
    statements = [_statement(value, module) for value in before]
    for position in range(len(before) - 1, -1, -1):
        statement = statements[position]
        if statement is None or index.parents.get(statement) in around:
            return before[statements.index(statement):]  # a loop over written tuples binds several
    return before


def _statement(value: ast.AST, module: Module) -> ast.stmt | None:
    """The statement that binds a value."""
    return next((node for node in (value, *module.index.ancestors(value)) if isinstance(node, ast.stmt)), None)


def place(node: ast.AST) -> tuple[int, int]:
    """Where a node stands in its file."""
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _builders(
    node: ast.AST, at: ast.AST, module: Module, project: Project, steps: int, made: tuple[Made, ...] = (),
) -> Iterator[Built]:
    index = module.index
    if not steps:
        raise _Unknown
    match node:
        case ast.Name(id=name):
            values = assigned(name, at, module)
            fresh = all(isinstance(value, ast.Call) and _is_model(value, module) for value in values)
            if _changes(name, at, module, fresh):
                raise _Unknown
            yield from _each(values or _passed(name, at, module), module, project, steps, made)
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            home = index.class_around(node)
            yield from _each(index.attributes.get(home, {}).get(name, []) if home else [], module, project, steps, made)
        case ast.Call() if _is_model(node, module):
            yield Built(module, node, made)
        case ast.Call():
            yield from _called(node, module, project, steps, made)
        case _:
            raise _Unknown


def _each(
    values: Iterable[ast.AST], module: Module, project: Project, steps: int, made: tuple[Made, ...],
) -> Iterator[Built]:
    known = list(values)
    if not known:
        raise _Unknown
    for value in known:
        yield from _builders(value, value, module, project, steps - 1, made)


def _is_model(call: ast.Call, module: Module) -> bool:
    return canonical_name(module.dotted(call.func) or "") in _MODELS


def _is_model_class(node: ast.ClassDef, module: Module) -> bool:
    """Whether a class is one of Keras's models, and leaves to it what is done with the loss."""
    own = any(isinstance(item, FunctionNode) and item.name in _OWN_LOSS for item in node.body)
    return not own and all(canonical_name(module.dotted(base) or "") in _MODELS for base in node.bases) and bool(node.bases)


def _passed(name: str, at: ast.AST, module: Module) -> list[ast.expr]:
    """What the callers in this file give for a parameter."""
    _, home = module.index.lookup(name, module.index.scope(at))
    return [value for _, value in resolver(module).passed(home, name)] if isinstance(home, Function) else []


def _called(
    call: ast.Call, module: Module, project: Project, steps: int, made: tuple[Made, ...],
) -> Iterator[Built]:
    """The models that a class or a factory makes."""
    home, maker = _definition(call.func, module, project)
    if isinstance(maker, ast.ClassDef) and _is_model_class(maker, home):
        yield Built(home, maker, made)
    elif isinstance(maker, ast.FunctionDef):
        for value in home.index.returns.get(maker, []) or [ast.Constant(None)]:
            yield from _builders(value, value, home, project, steps - 1, (*made, Made(module, call, maker)))
    else:
        raise _Unknown


def _definition(node: ast.expr, module: Module, project: Project) -> tuple[Module, ast.AST | None]:
    """The function or class of the project that a name stands for."""
    if isinstance(node, ast.Name):
        values, _ = module.index.lookup(node.id, module.index.scope(node))
        if values:
            return module, values[0] if len(values) == 1 else None
    dotted = module.dotted(node)
    found = project.resolve(dotted, module) if dotted is not None else None
    return (found.module, found.node) if isinstance(found, Definition) else (module, None)


def _changes(name: str, at: ast.AST, module: Module, fresh: bool) -> bool:
    """Whether layers are taken off, exchanged or, after a factory made the model, added to it; or a function may do so."""
    index = module.index
    scope = index.scope(at)
    _, home = index.lookup(name, scope)

    def is_it(node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == name and index.lookup(name, index.scope(node))[1] is home

    for method in ("pop",) if fresh else ("pop", "add"):
        if any(isinstance(c.func, ast.Attribute) and is_it(c.func.value) for c in index.calls_by_name.get(method, [])):
            return True
    targets = (t for assignment in index.assignments if isinstance(assignment, ast.Assign) for t in assignment.targets)
    if any(isinstance(target, ast.Attribute) and any(is_it(node) for node in ast.walk(target)) for target in targets):
        return True
    return any(
        index.scope(call) is scope and place(call) < place(at) and any(is_it(given) for given in call.args)
        and _adds(call, module) for call in index.calls)


def _adds(call: ast.Call, module: Module) -> bool:
    """Whether a function of the file that a model is handed to calls ``add`` or ``pop``."""
    values, _ = module.index.lookup(last_name(call.func), module.index.scope(call))
    return any(isinstance(inner, ast.Call) and last_name(inner.func) in ("add", "pop")
               for value in values if isinstance(value, FunctionNode) for inner in ast.walk(value))


def compiled_model(call: ast.Call) -> ast.expr | None:
    """The model of a ``compile`` call."""
    return call.func.value if isinstance(call.func, ast.Attribute) else None


def losses_given(call: ast.Call, module: Module) -> ast.expr | None:
    """What a ``compile`` call is given for ``loss``; the list or dict itself where that has a name."""
    given = argument(call, 1, "loss")
    if isinstance(given, ast.Name):
        made = assigned(given.id, given, module)
        return made[0] if len(made) == 1 and isinstance(made[0], (ast.Dict, ast.List, ast.Tuple)) else given
    return given


def losses_of(call: ast.Call, module: Module) -> list[ast.expr]:
    """The losses of a ``compile`` call: ``loss=``, the second argument, the parts of lists and dicts."""
    given = losses_given(call, module)
    if isinstance(given, (ast.List, ast.Tuple)):
        return given.elts
    if isinstance(given, ast.Dict):
        return given.values
    return [given] if given is not None else []
