"""Arrays of a file that hold a row for each sample: what ``fit`` or a ``Dataset`` is given, and what is as long."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from losslint.project import names
from losslint.project.index import Index, argument, keyword, last_name
from losslint.project.module import Module, target_names

SPLITS = names.words("train training tr")
OF_ALL_ROWS = names.words("mean std var scale min max size len n num count counts classes vocab freq weights stats steps "
                          "ds dataset loader gen")  # fmt: skip
BATCH = 32  # what fit takes when it is told nothing

Place = tuple[int, int, int, int]  # first row, column, last row, column of an expression
_ROWS_FIRST = names.words("rand randn")
_SHAPED = names.words("ones zeros empty full normal uniform random randint random_sample standard_normal lognormal "
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
    found.names |= _loaded_with(index, found.names)
    return found


def _loaded_with(index: Index, known: set[str]) -> set[str]:
    """``train_p`` of ``train_x, train_y, train_p = load()``, where the others are data sets."""
    found: set[str] = set()
    for assignment in index.assignments:
        if isinstance(assignment, ast.Assign) and isinstance(assignment.value, ast.Call):
            unpacked = {name for target in assignment.targets for name in target_names(target)}
            splits = {part for name in unpacked & known for part in name.split("_")} & SPLITS
            found |= {name for name in unpacked if splits & {*name.split("_")} and not {*name.split("_")} & OF_ALL_ROWS}
    return found


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
    if not isinstance(value, ast.Call):
        return None
    made = last_name(value.func)
    if made in _ROWS_FIRST:
        shape: ast.expr | None = value.args[0] if len(value.args) > 1 else None
    else:
        given = (keyword(value, "size", "shape"), *value.args)
        shape = next((v for v in given if isinstance(v, ast.Tuple)), None) if made in _SHAPED else None
    if isinstance(shape, ast.Tuple):
        shape = shape.elts[0] if len(shape.elts) > 1 else None
    return shape.value if isinstance(shape, ast.Constant) and isinstance(shape.value, int) else None


def _full_batch(call: ast.Call, rows: set[int]) -> bool:
    """Whether all rows are one batch: ``batch_size=len(x)``, or fewer rows than a batch takes."""
    size = argument(call, 2, "batch_size") if last_name(call.func) == "fit" else None
    if size is None:
        return last_name(call.func) == "fit" and bool(rows) and max(rows) <= BATCH
    if isinstance(size, ast.Constant) and isinstance(size.value, int):
        return bool(rows) and max(rows) <= size.value
    return not isinstance(size, (ast.Constant, ast.Name)) or (isinstance(size, ast.Name) and "batch" not in size.id.lower())
