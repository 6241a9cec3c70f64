"""Arrays of a file that hold a row for each sample: what ``fit`` or a ``Dataset`` is given, and what is as long."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from losslint.project import names
from losslint.project.index import Index, argument, keyword, last_name
from losslint.project.module import Module

BATCH = 32  # what fit takes when it is told nothing

Place = tuple[int, int, int, int]  # first row, column, last row, column of an expression
_ROWS_FIRST = names.words("rand randn")
_ELEMENTWISE = names.words("clip maximum minimum abs exp log log1p sqrt square tanh round nan_to_num")
_SHAPED = names.words("ones zeros empty full normal uniform random randint integers random_sample standard_normal lognormal "
                      "exponential poisson binomial")  # fmt: skip


@dataclass
class DataSets:
    """The whole data sets of a file: by name, and by the expression that makes them."""

    names: set[str] = field(default_factory=set)
    places: dict[Place, str] = field(default_factory=dict)


def data_sets(module: Module) -> DataSets:
    """The data sets of a file, found once. What is fitted in one full batch is none: there the rows do belong together."""
    found = module.notes.get("data sets")
    if not isinstance(found, DataSets):
        found = module.notes["data sets"] = _find(module)
    return found


def _find(module: Module) -> DataSets:
    index, found, lengths = module.index, DataSets(), set[int]()
    for call, value in _fitted(index):
        bindings = _bindings(index, value)
        rows = {n for bound in bindings if (n := length(bound)) is not None}
        if _full_batch(call, rows):
            continue
        lengths |= rows
        _note(found, value.id, bindings)
    for name, values in _arrays(index):
        if any(length(value) in lengths for value in values):
            _note(found, name, values)
    found.names.update([*_loaded_with(index, found.names)])
    return found


def _loaded_with(index: Index, known: set[str]) -> Iterator[str]:
    """``p`` of ``x, y, p = load(n)``, where a function of the file makes it as long as the others, which are data sets."""
    for assignment in index.assignments:
        match assignment:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Call(func=ast.Name() as function)):
                made = [m for m in index.lookup(function.id, index.scope(assignment))[0] if isinstance(m, ast.FunctionDef)]
                returned = index.returns.get(made[0], []) if len(made) == 1 else []
                if len(returned) == 1 and isinstance(returned[0], ast.Tuple) and len(returned[0].elts) == len(targets):
                    rows = {t.id: rows_of(v, index) for t, v in zip(targets, returned[0].elts, strict=True)
                            if isinstance(t, ast.Name)}
                    whole = {rows[name] for name in rows.keys() & known} - {None}
                    yield from (name for name, count in rows.items() if count in whole)


def rows_of(value: ast.expr, index: Index, steps: int = 12) -> str | None:
    """The number of rows of an array, as the code says it where the array is made; None where that is not followed."""
    if not steps:
        return None
    match value:
        case ast.Name():
            bound = _bindings(index, value)
            return rows_of(bound[0], index, steps - 1) if len(bound) == 1 else None
        case ast.Subscript(value=array, slice=ast.Tuple(elts=[ast.Slice(lower=None, upper=None, step=None), *_])):
            return rows_of(array, index, steps - 1)
        case ast.Subscript(slice=ast.Name() as chosen):
            return rows_of(chosen, index, steps - 1)
        case ast.Call(func=ast.Attribute(value=array, attr="astype")):
            return rows_of(array, index, steps - 1)
        case ast.Call(args=[array, *_]) if last_name(value.func) in _ELEMENTWISE:
            return rows_of(array, index, steps - 1)
        case ast.Call() if (shape := _shape(value)):
            return ast.unparse(shape[0])
    return None


def _note(found: DataSets, name: str, values: list[ast.expr]) -> None:
    found.names.add(name)
    found.places |= {place(value): name for value in values}


def place(node: ast.expr) -> Place:
    return node.lineno, node.col_offset + 1, node.end_lineno or 0, (node.end_col_offset or 0) + 1


def _fitted(index: Index) -> Iterator[tuple[ast.Call, ast.Name]]:
    """The names that ``fit`` and ``from_tensor_slices`` are given, with the call that says the size of a batch."""
    for call in index.calls_by_name.get("fit", []):
        for value in (argument(call, 0, "x"), argument(call, 1, "y"), keyword(call, "sample_weight")):
            for part in value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]:
                if isinstance(part, ast.Name):
                    yield call, part
    for call in index.calls_by_name.get("from_tensor_slices", []):
        yield from ((call, node) for given in call.args[:1] for node in ast.walk(given) if isinstance(node, ast.Name))


def _bindings(index: Index, name: ast.Name) -> list[ast.expr]:
    values, _ = index.lookup(name.id, index.scope(name))
    return [value for value in values if isinstance(value, ast.expr)]


def _arrays(index: Index) -> Iterator[tuple[str, list[ast.expr]]]:
    for bound in index.bound.values():
        for name, values in bound.items():
            yield name, [value for value in values if isinstance(value, ast.expr)]


def length(value: ast.expr) -> int | None:
    """How many rows an array has that is made with a literal shape: ``np.random.rand(200, 3)``, ``np.ones((64, 1))``."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "astype":
        value = value.func.value
    shape = _shape(value) if isinstance(value, ast.Call) else []
    rows = shape[0] if len(shape) > 1 else None
    return rows.value if isinstance(rows, ast.Constant) and isinstance(rows.value, int) else None


def _shape(call: ast.Call) -> list[ast.expr]:
    """The sizes that a call makes an array of, as written; nothing for other calls."""
    made = last_name(call.func)
    if made in _ROWS_FIRST:
        return call.args
    size = keyword(call, "size", "shape") or next((v for v in call.args if isinstance(v, ast.Tuple)), None) or (
        call.args[2] if len(call.args) > 2 else None)  # integers(low, high, size), normal(mean, scale, size)
    if made not in _SHAPED or size is None:
        return []
    return size.elts if isinstance(size, ast.Tuple) else [size]


def _full_batch(call: ast.Call, rows: set[int]) -> bool:
    """Whether all rows are one batch: ``batch_size=len(x)``, or fewer rows than a batch takes."""
    size = argument(call, 2, "batch_size") if last_name(call.func) == "fit" else None
    if size is None:
        return last_name(call.func) == "fit" and bool(rows) and max(rows) <= BATCH
    if isinstance(size, ast.Constant) and isinstance(size.value, int):
        return bool(rows) and max(rows) <= size.value
    return not isinstance(size, (ast.Constant, ast.Name)) or (isinstance(size, ast.Name) and "batch" not in size.id.lower())
