"""Which parameters of a loss hold data, as the loops of its file call it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from losslint.project.index import dotted_root, last_name, required, walk
from losslint.project.module import Module

NORMALISING = ("normalize", "l2_normalize", "UnitNormalization")
MOVING = ("unsqueeze", "squeeze", "float", "view", "reshape", "flatten", "to", "contiguous", "permute", "transpose")
CLIPPING = ("clip_by_value", "clip", "clamp")


def fed_with_data(function: ast.FunctionDef, module: Module) -> set[str]:
    """The parameters for which every call in the file passes what comes along with the input of a model:
    ``for x, hours in loader: survival_nll(net(x), hours)``."""
    index = module.index
    calls = [call for call in index.calls_by_name.get(function.name, [])
             if isinstance(call.func, ast.Name) and function in index.lookup(function.name, index.scope(call))[0]]
    data = [{name for name, value in _given(function, call) if _is_data(value, module)} for call in calls]
    return set.intersection(*data) if data else set()


def fed_with_directions(function: ast.FunctionDef, home: ast.ClassDef | None, module: Module) -> set[str]:
    """The parameters for which every call in the file passes vectors of length 1: ``criterion(F.normalize(net(x)), ..)``."""
    return _fed_with(_is_normalised, function, home, module)


def fed_with_bounded(function: ast.FunctionDef, home: ast.ClassDef | None, module: Module) -> set[str]:
    """The parameters for which every call in the file passes what is kept off 0 and 1: ``nll(p.clamp(1e-4, 0.9999))``."""
    return _fed_with(_is_bounded, function, home, module)


def _fed_with(
    holds: Callable[[ast.Call], bool], function: ast.FunctionDef, home: ast.ClassDef | None, module: Module
) -> set[str]:
    """The parameters for which every call in the file passes a call that ``holds``, by a name or another function or as it
    is."""
    calls = module.index.calls_by_name.get(function.name, []) if home is None else list(_calls_of_objects(home, module))
    order = [parameter.arg for parameter in function.args.args][home is not None:]
    given = [{name for name, value in zip(order, call.args, strict=False) if _made_by(holds, value, module)}
             for call in calls]
    return set.intersection(*given) if given else set()


def _calls_of_objects(home: ast.ClassDef, module: Module) -> Iterator[ast.Call]:
    """The calls of what the objects of a class are assigned to."""
    for made in module.index.calls_by_name.get(home.name, []):
        holder = module.index.parents.get(made)
        for target in holder.targets if isinstance(holder, ast.Assign) else []:
            if isinstance(target, ast.Name | ast.Attribute):
                yield from module.index.calls_by_name.get(last_name(target), [])


def _made_by(holds: Callable[[ast.Call], bool], value: ast.AST, module: Module, depth: int = 3) -> bool:
    """Whether a value is a call that ``holds``, a name of nothing else, or what a function of the file makes of one."""
    if not depth:
        return False
    if isinstance(value, ast.Name):
        sources = module.index.lookup(value.id, module.index.scope(value))[0]
        return bool(sources) and all(
            isinstance(source, ast.Call) and _made_by(holds, source, module, depth - 1) for source in sources)
    if not isinstance(value, ast.Call):
        return False
    if isinstance(value.func, ast.Attribute) and value.func.attr in MOVING:
        return _made_by(holds, value.func.value, module, depth)
    functions = module.index.lookup(value.func.id, module.index.scope(value))[0] if isinstance(value.func, ast.Name) else []
    returned = [one for function in functions if isinstance(function, ast.FunctionDef)
                for one in module.index.returns.get(function, [])]
    return holds(value) or (bool(returned) and all(_made_by(holds, one, module, depth - 1) for one in returned))


def _is_normalised(call: ast.Call) -> bool:
    return last_name(call.func) in NORMALISING


def _is_bounded(call: ast.Call) -> bool:
    """Whether a call keeps numbers within bounds, neither of which is 0 or 1."""
    given = [*call.args, *(word.value for word in call.keywords)]
    ends = [value.value for value in given if isinstance(value, ast.Constant)]
    return last_name(call.func) in CLIPPING and bool(given) and not any(end in (0, 1) for end in ends)


def _given(function: ast.FunctionDef, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """Parameter and argument; those behind ``*parts`` are counted from the last parameter that a caller must fill."""
    names = [parameter.arg for parameter in (*function.args.posonlyargs, *function.args.args)]
    starred = [place for place, value in enumerate(call.args) if isinstance(value, ast.Starred)]
    if len(starred) > 1:
        return
    before = call.args[:starred[0]] if starred else call.args
    by_name = {word.arg: word.value for word in call.keywords if word.arg is not None}
    yield from by_name.items()
    yield from zip(names, before, strict=False)
    if starred and (after := call.args[starred[0] + 1:]):
        last = [parameter.arg for parameter in required(function) if parameter.arg not in by_name]
        yield from zip(last[-len(after):], after, strict=False)


def _is_data(value: ast.expr, module: Module) -> bool:
    """Whether a name is bound by what binds an input of a model, and by no model."""
    if not isinstance(value, ast.Name):
        return False
    sources = module.index.lookup(value.id, module.index.scope(value))[0]
    return bool(sources) and all(id(source) in _inputs(module) and not _asks_model(source, module) for source in sources)


def _inputs(module: Module) -> set[int]:
    """What binds the names that models are called with."""
    if "inputs" not in module.notes:
        index = module.index
        given = (name for call in _model_calls(module) for part in call.args for name in walk(part))
        module.notes["inputs"] = {
            id(source) for name in given if isinstance(name, ast.Name)
            for source in index.lookup(name.id, index.scope(name))[0]}
    found = module.notes["inputs"]
    assert isinstance(found, set)
    return found


def _model_calls(module: Module) -> set[ast.Call]:
    """The calls of models in a file."""
    if "model calls" not in module.notes:
        module.notes["model calls"] = {call for call in module.index.calls if _calls_model(call, module)}
    found = module.notes["model calls"]
    assert isinstance(found, set)
    return found


def _calls_model(call: ast.Call, module: Module) -> bool:
    """Whether what is called is an object that the file makes, or is handed: ``net(x)``, ``model.apply(params, x)``."""
    root = dotted_root(call.func)
    if isinstance(call.func, ast.Attribute):
        return call.func.attr == "apply" or root in ("self", "cls")
    bound, home = module.index.lookup(root, module.index.scope(call))
    made = [value for value in bound if isinstance(value, ast.Call) and last_name(value.func)[:1].isupper()]
    return bool(made) if bound else isinstance(home, ast.FunctionDef)


def _asks_model(source: ast.AST, module: Module) -> bool:
    """Whether a model gives a value, or is handed to what does."""
    calls = [part for part in walk(source) if isinstance(part, ast.Call)]
    handed = {part.id for call in calls for argument in call.args for part in walk(argument) if isinstance(part, ast.Name)}
    models = _model_calls(module)
    return any(call in models for call in calls) or bool(handed & {dotted_root(call.func) for call in models})
