"""Shapes that a file states: of the data it fits, of the models it builds, of the arrays it makes up."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.project.index import Function, FunctionNode, argument, last_name, parameter_names, walk
from losslint.project.module import Module
from losslint.project.names import words
from losslint.project.sites import Site

Shape = tuple[int, ...]

MAX_STEPS = 6  # names followed from one expression to the call that makes the array
BATCH = 8

_BY_SIZES = words("rand randn")  # np.random.rand(24, 1)
_BY_SHAPE = words("normal uniform random zeros ones full standard_normal truncated_normal random_sample fill empty")
_BY_SIZE = words("randint integers choice binomial poisson exponential gamma beta")
_KEEPS = words(
    "astype cast constant convert_to_tensor float32 asarray array abs sigmoid softmax exp square sqrt sin cos tanh",
)


def literal_shape(node: ast.AST | None, module: Module, steps: int = MAX_STEPS) -> Shape | None:
    """The shape of an array that is made from literals: ``np.random.rand(24, 1).astype("float32")``."""
    if node is None or steps == 0:
        return None
    match node:
        case ast.Name(id=name):
            values, _ = module.index.lookup(name, module.index.scope(node))
            return literal_shape(values[-1], module, steps - 1) if len(values) == 1 else None
        case ast.Call():
            return _made_by(node, module, steps)
        case ast.BinOp(left=left, right=right):
            return literal_shape(left, module, steps - 1) or literal_shape(right, module, steps - 1)
        case ast.UnaryOp(operand=operand):
            return literal_shape(operand, module, steps - 1)
        case ast.Compare(left=left):
            return literal_shape(left, module, steps - 1)
        case ast.Subscript(value=ast.Call(func=called, args=[ast.Constant(value=int(size)), *_]), slice=index) if (
                last_name(called) == "eye"):
            rows = literal_shape(index, module, steps - 1)
            return None if rows is None else (*rows, size)
    return None


def _made_by(call: ast.Call, module: Module, steps: int) -> Shape | None:
    name = last_name(call.func)
    if name in _BY_SIZES:
        return sizes(ast.Tuple(call.args, ast.Load()), module)
    if name in _BY_SHAPE:
        given = argument(call, 9, "size", "shape") or (call.args[0] if call.args else None)
        return sizes(given, module)
    if name in _BY_SIZE:
        given = argument(call, 2, "size")
        return sizes(given, module)
    if name in _KEEPS:
        inner = call.func.value if isinstance(call.func, ast.Attribute) and name == "astype" else None
        return literal_shape(inner or (call.args[0] if call.args else None), module, steps - 1)
    return None


def sizes(node: ast.expr | None, module: Module) -> Shape | None:
    """``(24, 1)``, ``[8]``, ``24`` or ``(WIDTH,)`` as a shape."""
    elements = node.elts if isinstance(node, (ast.Tuple, ast.List)) else [node]
    found = [whole(element, module) for element in elements]
    known = tuple(size for size in found if size is not None)
    return known if found and len(known) == len(found) else None


def whole(node: ast.expr | None, module: Module) -> int | None:
    """A whole number, written out or under a name that holds nothing else."""
    if isinstance(node, ast.Name):
        values, _ = module.index.lookup(node.id, module.index.scope(node))
        node = values[0] if len(values) == 1 and isinstance(values[0], ast.Constant) else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None


def fitted_labels(module: Module) -> list[Shape]:
    """The shapes of labels that this file fits, with a small batch."""
    found: list[Shape] = []
    for call in module.index.calls_by_name.get("fit", []):
        shape = literal_shape(argument(call, 1, "y"), module)
        if shape is not None and len(shape) > 1 and max(shape[1:]) <= 64:
            found.append((BATCH, *shape[1:]))
    return list(dict.fromkeys(found))


def model_shapes(site: Site) -> tuple[dict[str, Shape], list[Shape]]:
    """What the models that a function calls take: argument -> shape; and shapes for all other arguments."""
    taken: dict[str, Shape] = {}
    assert isinstance(site.node, Function)
    others: list[Shape] = []
    for call in walk(site.node):
        if not isinstance(call, ast.Call) or not call.args:
            continue
        for made in _values(call.func, site):
            shape = input_shape(made, site.module)
            if shape is None:
                continue
            if isinstance(call.args[0], ast.Name) and call.args[0].id in parameter_names(site.node):
                taken.setdefault(call.args[0].id, (BATCH, *shape))
                others += [(BATCH, width)] if (width := last_width(made, site.module)) is not None else []
            else:
                others.append((BATCH, *shape))
    return taken, others


def _values(called: ast.expr, site: Site) -> Iterator[ast.AST]:
    """The expressions that make the object which is called."""
    index = site.module.index
    values: list[ast.AST] = []
    if isinstance(called, ast.Name):
        values, _ = index.lookup(called.id, index.scope(called))
    elif isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "self":
        home = site.class_node
        values = list(index.attributes.get(home, {}).get(called.attr, [])) if home is not None else []
    for value in values:
        if isinstance(value, Function | ast.ClassDef):
            continue
        yield value
        for inner in walk(value):
            if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name):
                for function in site.module.bindings.get(inner.func.id, []):
                    if isinstance(function, FunctionNode):
                        yield function
            elif isinstance(inner, ast.Name):  # Model(inputs, outputs)
                bound, _ = index.lookup(inner.id, index.scope(inner))
                yield from (made for made in bound if isinstance(made, ast.Call) and last_name(made.func) == "Input")


def input_shape(node: ast.AST, module: Module) -> Shape | None:
    """The ``Input((4,))``, ``input_shape=(4,)``, ``input_dim=4`` or first ``Linear(4, 32)`` inside of an expression."""
    linear = [c for c in walk(node) if isinstance(c, ast.Call) and last_name(c.func) == "Linear" and len(c.args) > 1]
    if linear:
        return sizes(min(linear, key=lambda call: (call.lineno, call.col_offset)).args[0], module)
    for inner in walk(node):
        if not isinstance(inner, ast.Call):
            continue
        if last_name(inner.func) in ("Input", "InputLayer"):
            return sizes(argument(inner, 0, "shape", "input_shape"), module)
        for keyword in inner.keywords:
            if keyword.arg in ("input_shape", "input_dim"):
                return sizes(keyword.value, module)
    return None


def last_width(node: ast.AST, module: Module) -> int | None:
    """The units of the last dense layer inside of an expression."""
    dense = [c for c in walk(node) if isinstance(c, ast.Call) and last_name(c.func) in ("Dense", "Linear")]
    for call in sorted(dense, key=lambda call: (call.end_lineno or 0, call.end_col_offset or 0), reverse=True):
        units = argument(call, 0, "units") if last_name(call.func) == "Dense" else argument(call, 1, "out_features")
        return whole(units, module)
    return None
