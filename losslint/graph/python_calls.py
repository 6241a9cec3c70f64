"""What Python's own functions and the methods of lists, dicts, strings and tapes do to values."""

from __future__ import annotations

from typing import Any

import libcst as cst

from losslint.graph.attributes import attribute
from losslint.graph.calls import Call, call, handles, method
from losslint.graph.expressions import MAX_RANGE, ask_truth, binary, iterate, truth
from losslint.graph.functions import opaque
from losslint.graph.indexing import may_be_several
from losslint.graph.nodes import Kind, Node, nodes_in
from losslint.graph.tracer import Frame, Tracer, emptied, kind_of
from losslint.graph.values import (
    NONE,
    UNBOUND,
    ClassValue,
    Const,
    External,
    Func,
    Instance,
    Map,
    Method,
    Partial,
    Seq,
    Value,
)
from losslint.project.classes import MAX_BASES, ClassKind, kind_by_bases

FOLDABLE = {"int": int, "float": float, "bool": bool, "str": str, "abs": abs, "round": round, "min": min, "max": max,
            "len": len, "pow": pow}  # fmt: skip
TYPES = {"int": int, "float": float, "bool": bool, "str": str, "list": list, "tuple": tuple, "dict": dict, "set": set}
NO_TENSORS = ("RaggedTensor", "SparseTensor", "ndarray", "KerasTensor", "Dataset", "Module", "Layer", "Model")
OBJECTS = (ClassKind.MODULE, ClassKind.LAYER, ClassKind.MODEL, ClassKind.LIGHTNING, ClassKind.LOSS, ClassKind.METRIC)


def tensor_in(*values: Value | None) -> Node | None:
    """The first tensor among (the direct items of) some values."""
    return next((v for v in values if isinstance(v, Node) and v.kind in (Kind.TENSOR, Kind.SYMBOLIC)), None)


@handles("builtins.float", "builtins.int", "builtins.bool", "builtins.str", "builtins.repr", "builtins.complex")
def _convert(t: Tracer, frame: Frame, c: Call) -> Value:
    word = c.name.partition(".")[2]
    value = c.get(0)
    if value is None:
        return Const({"int": 0, "float": 0.0, "bool": False}.get(word, ""))
    if isinstance(value, Const) and word in FOLDABLE:
        try:
            return Const(FOLDABLE[word](value.value))  # type: ignore[operator]
        except (TypeError, ValueError, OverflowError):
            return t.node(frame, "python.object", {}, c.at, Kind.PYTHON)
    if word == "bool":
        known = truth(value)
        if known is not None:
            return Const(known)
        ask_truth(t, frame, value, c.at, "bool()")
    if tensor_in(value):
        return t.node(frame, f"python.{word}", {"x": value}, c.at, Kind.PYTHON)
    kind = Kind.PYTHON if kind_of(value) is not Kind.UNKNOWN else Kind.UNKNOWN
    op = "python.number" if word in ("float", "int") else "python.object"
    return t.node(frame, op, {"x": value}, c.at, kind)


@handles("builtins.len")
def _len(t: Tracer, frame: Frame, c: Call) -> Value:
    value = c.get(0)
    if isinstance(value, Seq) and not value.open:
        return Const(len(value.items))
    if isinstance(value, Map) and not value.open:
        return Const(len(value.items))
    if isinstance(value, Const) and isinstance(value.value, (str, tuple)):
        return Const(len(value.value))
    if isinstance(value, Node) and value.op == "static_shape":
        return t.node(frame, "static_rank", {"x": value}, c.at, Kind.PYTHON)
    if (tensor := tensor_in(value)) and not may_be_several(tensor):
        return t.node(frame, "python.len", {"x": tensor}, c.at, Kind.PYTHON)
    return t.node(frame, "python.count", {"x": value} if value else {}, c.at, Kind.PYTHON)


@handles("builtins.range")
def _range(t: Tracer, frame: Frame, c: Call) -> Value:
    bounds = [a.value for a in c.args if isinstance(a, Const) and isinstance(a.value, int)]
    if len(bounds) == len(c.args):
        try:
            numbers = range(*bounds)
        except (TypeError, ValueError):
            return Seq([], open=True)
        return Seq([Const(n) for n in numbers[:MAX_RANGE]], open=len(numbers) > MAX_RANGE)
    if any(isinstance(n, Node) and n.kind in (Kind.TENSOR, Kind.PYTHON) for n in c.args):
        t.node(frame, "python.range", {f"arg{i}": a for i, a in enumerate(c.args)}, c.at, Kind.PYTHON)
    return Seq([t.node(frame, "python.object", {}, c.at, Kind.PYTHON)], open=True)


FLAT = ("accumulate", "chain", "cycle", "islice", "takewhile", "dropwhile", "compress", "filterfalse")
ITERTOOLS = (*FLAT, "permutations", "combinations", "combinations_with_replacement", "product", "zip_longest", "pairwise")


@handles("builtins.zip")
def _zip(t: Tracer, frame: Frame, c: Call) -> Value:
    columns = [iterate(t, frame, a, c.at, "zip()") for a in c.args]
    if not columns or not all(column.items for column in columns):
        return Seq([], open=True)
    open_ = any(column.open for column in columns)
    length = max(len(x.items) for x in columns) if open_ else min(len(x.items) for x in columns)
    rows = [Seq([x.items[min(i, len(x.items) - 1)] for x in columns], "tuple") for i in range(length)]
    return Seq(list(rows), open=open_)


@handles(*(f"itertools.{name}" for name in ITERTOOLS))
def _itertools(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """What goes through a tensor item by item; other arguments are left as they are."""
    if not any(isinstance(a, Node) and a.kind is Kind.TENSOR for a in c.args):
        return None
    columns = [iterate(t, frame, a, c.at, f"{c.name}()") for a in c.args if not isinstance(a, Const)]
    items = [item for column in columns for item in column.items]
    rows = items if c.name.rpartition(".")[2] in FLAT else [Seq(items, "tuple", open=True)]
    return Seq(list(rows), open=True)


@handles("builtins.enumerate")
def _enumerate(t: Tracer, frame: Frame, c: Call) -> Value:
    if not c.args:
        return Seq([], open=True)
    items = iterate(t, frame, c.args[0], c.at, "enumerate()")
    start = c.get(1, "start")
    first = start.value if isinstance(start, Const) and isinstance(start.value, int) else 0
    index: Any = [Const(first + i) for i in range(len(items.items))]
    if items.open:
        index = [t.node(frame, "python.object", {}, c.at, Kind.PYTHON) for _ in items.items]
    return items.of([Seq([i, v], "tuple") for i, v in zip(index, items.items, strict=True)], "list")


@handles("tqdm.tqdm", "tqdm.auto.tqdm", "tqdm.notebook.tqdm")
def _progress(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """What a progress bar goes through."""
    return c.get(0, "iterable")


@handles("builtins.list", "builtins.tuple", "builtins.reversed", "builtins.set", "builtins.iter", "builtins.frozenset")
def _list(t: Tracer, frame: Frame, c: Call) -> Value:
    word = c.name.partition(".")[2]
    if not c.args:
        return Seq([], "tuple" if word == "tuple" else "list")
    items = iterate(t, frame, c.args[0], c.at, f"{word}()")
    values = items.items[::-1] if word == "reversed" else items.items
    return items.of(values, "tuple" if word == "tuple" else "list")


@handles("builtins.sorted", "builtins.max", "builtins.min", "builtins.any", "builtins.all")
def _select(t: Tracer, frame: Frame, c: Call) -> Value:
    word = c.name.partition(".")[2]
    candidates = list(c.args)
    if any(isinstance(candidate, Map) for candidate in candidates):
        return _object(t, frame, c)  # it is the keys that are compared
    if len(candidates) == 1:
        if isinstance(candidates[0], Seq) and not candidates[0].open:
            candidates = candidates[0].items
        elif tensor := tensor_in(candidates[0]):
            kind = Kind.PYTHON if word in ("any", "all") else tensor.kind
            return t.node(frame, f"python.{word}", {"x": tensor}, c.at, kind, dtype=tensor.dtype)
    constants = [a.value for a in candidates if isinstance(a, Const)]
    if len(constants) == len(candidates) and constants and word in ("max", "min") and "key" not in c.kwargs:
        try:
            return Const({"max": max, "min": min}[word](constants))  # type: ignore[type-var]
        except TypeError:
            pass
    tensors = [n for a in candidates for n in nodes_in(a)]
    if any(n.kind is Kind.TENSOR for n in tensors):
        inputs = {f"arg{i}": a for i, a in enumerate(candidates)}
        if word == "sorted":
            t.node(frame, "python.sorted", inputs, c.at, Kind.PYTHON)
            return Seq(candidates, open=True)
        return t.node(
            frame, f"python.{word}", inputs, c.at, Kind.TENSOR, dtype="float" if word in ("max", "min") else "bool"
        )
    if word == "sorted":
        return Seq(candidates, open=True)
    kind = Kind.PYTHON if all(n.kind is Kind.PYTHON for n in tensors) else Kind.UNKNOWN
    return t.node(frame, "python.object", {f"arg{i}": a for i, a in enumerate(candidates)}, c.at, kind)


@handles("builtins.sum")
def _sum(t: Tracer, frame: Frame, c: Call) -> Value:
    value = c.get(0)
    if tensor := tensor_in(value):
        return t.node(frame, "python.sum", {"x": tensor}, c.at, tensor.kind, dtype=tensor.dtype)
    if value is None:
        return Const(0)
    items = iterate(t, frame, value, c.at, "sum()")
    total: Value = c.get(1, "start") or Const(0)
    for item in items.items:
        total = (
            item
            if isinstance(total, Const) and total.value == 0 and isinstance(item, Node)
            else binary(t, frame, "Add", total, item, c.at)
        )
    if items.open and isinstance(total, Const):
        return t.node(frame, "python.object", {}, c.at, Kind.PYTHON)
    return total


@handles("builtins.abs", "builtins.pow", "builtins.round", "builtins.divmod")
def _arithmetic(t: Tracer, frame: Frame, c: Call) -> Value:
    word = c.name.partition(".")[2]
    constants = [a.value for a in c.args if isinstance(a, Const)]
    if len(constants) == len(c.args) and word in FOLDABLE:
        try:
            return Const(FOLDABLE[word](*constants))  # type: ignore[operator]
        except (TypeError, ValueError, ArithmeticError):
            return t.node(frame, "python.object", {}, c.at, Kind.PYTHON)
    if word == "pow" and len(c.args) == 2:
        return binary(t, frame, "Power", c.args[0], c.args[1], c.at)
    inputs = dict(zip(("x", "y"), c.args, strict=False))
    tensor = tensor_in(*c.args)
    if word == "round" and tensor:
        return t.node(frame, "python.round", inputs, c.at, Kind.TENSOR, dtype="float")
    return t.node(
        frame, "abs" if word == "abs" else "python.object", inputs, c.at, dtype=tensor.dtype if tensor else None
    )


@handles("builtins.isinstance")
def _isinstance(t: Tracer, frame: Frame, c: Call) -> Value:
    value, kinds = c.get(0), c.get(1)
    wanted = kinds.items if isinstance(kinds, Seq) else [kinds]
    names = [w.name.rpartition(".")[2] for w in wanted if isinstance(w, External)]
    builtin = all(isinstance(w, External) and w.name.startswith("builtins.") for w in wanted)
    if isinstance(value, Const):
        types = tuple(TYPES[n] for n in names if n in TYPES)
        if types and isinstance(value.value, types):
            return Const(True)
        return Const(False) if builtin or value.value is None or isinstance(value.value, str) else _object(t, frame, c)
    if isinstance(value, Seq) and builtin:
        return Const(value.kind in names)
    if isinstance(value, Map) and builtin:
        return Const("dict" in names)
    if isinstance(value, Node) and value.kind is Kind.TENSOR and value.op != "phi":
        if builtin:
            return Const(False)
        if names and all(n in ("Tensor", "EagerTensor", "TensorLike") for n in names):
            return Const(True)
        if wanted and all(is_no_tensor(t, w) for w in wanted):
            return Const(False)
    return _object(t, frame, c)


def is_no_tensor(t: Tracer, kind: Value | None) -> bool:
    """Whether no tensor is of a class: one of a framework's others, or of the project's own layers and models."""
    if isinstance(kind, ClassValue):
        return kind_by_bases(kind.node, kind.module, t.project, MAX_BASES) in OBJECTS
    return isinstance(kind, External) and kind.name.rpartition(".")[2] in NO_TENSORS


def _object(t: Tracer, frame: Frame, c: Call) -> Node:
    return t.node(frame, "python.object", {}, c.at, Kind.PYTHON)


@handles("builtins.callable")
def _callable(t: Tracer, frame: Frame, c: Call) -> Value:
    value = c.get(0)
    if isinstance(value, (Func, ClassValue, Partial)):
        return Const(True)
    if isinstance(value, (Const, Seq, Map)) or tensor_in(value):
        return Const(False)
    return _object(t, frame, c)


@handles(
    "builtins.hasattr",
    "builtins.type",
    "builtins.id",
    "builtins.vars",
    "builtins.dir",
    "builtins.hash",
    "builtins.format",
    "builtins.issubclass",
    "builtins.ord",
    "builtins.chr",
    "builtins.input",
    "builtins.open",
)
def _plain_object(t: Tracer, frame: Frame, c: Call) -> Value:
    return _object(t, frame, c)


@handles("builtins.getattr")
def _getattr(t: Tracer, frame: Frame, c: Call) -> Value:
    owner, name = c.get(0), c.get(1)
    if owner is not None and isinstance(name, Const) and isinstance(name.value, str):
        return attribute(t, frame, owner, name.value, c.at)
    return t.unknown(frame, c.at, "an attribute whose name is not known", {"x": owner} if owner else {})


@handles("builtins.setattr")
def _setattr(t: Tracer, frame: Frame, c: Call) -> Value:
    owner, name = c.get(0), c.get(1)
    if len(c.args) == 3 and isinstance(owner, Instance) and isinstance(name, Const) and isinstance(name.value, str):
        owner.attributes.setdefault(name.value, c.args[2])  # mostly under `if not hasattr`
    elif isinstance(owner, External):
        owner.altered = True
    return NONE


@handles("*.register_buffer")
def _register_buffer(t: Tracer, frame: Frame, c: Call) -> Value:
    owner, name = c.function.inputs.get("x") if isinstance(c.function, Node) else None, c.get(0, "name")
    if isinstance(owner, Instance) and isinstance(name, Const) and (value := c.get(1, "tensor")) is not None:
        owner.attributes[str(name.value)] = value
    return NONE


@handles("builtins.print", "warnings.warn", "logging.info", "logging.debug", "logging.warning")
def _nothing(t: Tracer, frame: Frame, c: Call) -> Value:
    return NONE


@handles("builtins.dict", "collections.OrderedDict", "collections.defaultdict")
def _dict(t: Tracer, frame: Frame, c: Call) -> Value:
    items = dict(c.args[0].items) if c.args and isinstance(c.args[0], Map) else {}
    return Map({**items, **c.kwargs}, open=bool(c.args) and not items)


@handles("builtins.map", "builtins.filter")
def _map(t: Tracer, frame: Frame, c: Call) -> Value:
    if len(c.args) < 2:
        return Seq([], open=True)
    columns = [iterate(t, frame, a, c.at, c.name.partition(".")[2] + "()") for a in c.args[1:]]
    if c.name.endswith("filter"):
        return Seq(columns[0].items, open=True)
    length = min(len(x.items) for x in columns)
    items = [call(t, frame, c.args[0], [x.items[i] for x in columns], {}, c.at) for i in range(length)]
    return Seq(items, open=any(x.open for x in columns))


@handles("builtins.next")
def _next(t: Tracer, frame: Frame, c: Call) -> Value:
    items = iterate(t, frame, c.args[0], c.at, "next()").items if c.args else []
    return items[0] if items else t.unknown(frame, c.at, "the next item of an iterable that is not known")


@handles("functools.partial")
def _partial(t: Tracer, frame: Frame, c: Call) -> Value:
    return Partial(c.args[0], tuple(c.args[1:]), c.kwargs) if c.args else t.unknown(frame, c.at, "partial of nothing")


@handles("functools.reduce")
def _reduce(t: Tracer, frame: Frame, c: Call) -> Value:
    if len(c.args) < 2:
        return t.unknown(frame, c.at, "reduce of nothing")
    items = iterate(t, frame, c.args[1], c.at, "reduce()").items
    values = [*c.args[2:3], *items]
    if not values:
        return t.unknown(frame, c.at, "reduce of an empty list")
    result = values[0]
    for value in values[1:]:
        result = call(t, frame, c.args[0], [result, value], {}, c.at)
    return result


@handles("functools.wraps", "functools.lru_cache", "functools.cache", "contextlib.contextmanager")
def _decorator(t: Tracer, frame: Frame, c: Call) -> Value:
    return External(c.name + "()")


@handles("functools.wraps()", "functools.lru_cache()", "functools.cache()", "typing.cast")
def _decorated(t: Tracer, frame: Frame, c: Call) -> Value | None:
    return c.args[-1] if c.args else None


@handles("copy.copy", "copy.deepcopy")
def _copy(t: Tracer, frame: Frame, c: Call) -> Value | None:
    return c.args[0] if c.args else None


# -- methods


@method(Seq, "append", "add", "extend", "insert")
def _append(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    assert isinstance(m.owner, Seq)
    if not c.args:
        return NONE
    if c.name == "extend":
        m.owner.extend(iterate(t, frame, c.args[0], c.at, "extend()"))
    elif c.name == "insert":
        m.owner.items.insert(0, c.args[-1])
    else:
        m.owner.extend(Seq([where_it_is_run(t, frame, c.args[-1], c.at)]))
    m.owner.open = m.owner.open or frame.context.loop
    if len(m.owner.items) > MAX_RANGE:
        del m.owner.items[MAX_RANGE:]
        m.owner.open = True
    return NONE


def where_it_is_run(t: Tracer, frame: Frame, value: Value, at: cst.CSTNode) -> Value:
    """A value that is computed where the innermost condition holds: ``if n > 0: terms.append(total / n)``."""
    condition = frame.path[-1] if frame.path else None
    if not isinstance(value, Node) or not isinstance(condition, Node):
        return value
    return t.node(frame, "phi", {"condition": condition, "x": value, "y": UNBOUND}, at, value.kind, dtype=value.dtype)


@method(Seq, "pop")
def _pop(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    assert isinstance(m.owner, Seq)
    t.graph.repeated += m.owner.items[-1:] if m.owner.open else []
    return m.owner.items[-1] if m.owner.items else t.unknown(frame, c.at, "an item of an empty list")


@method(Seq, "copy")
def _list_copy(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    assert isinstance(m.owner, Seq)
    return m.owner.of([*m.owner.items])


@method(Seq, "clear")
def _clear(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    emptied(frame, m.owner)
    return NONE


@method(Seq, "index", "count", "sort", "reverse", "remove")
def _list_other(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    return _object(t, frame, c)


@method(Map, "get", "pop", "setdefault")
def _get(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    assert isinstance(m.owner, Map)
    key = c.get(0)
    if isinstance(key, Const) and isinstance(key.value, (str, int)) and key.value in m.owner.items:
        return taken_out(frame, m.owner, key.value) if c.name == "pop" else m.owner.items[key.value]
    if m.owner.open or not isinstance(key, Const):
        return t.unknown(frame, c.at, "a dictionary entry that is not known")
    return c.get(1) or NONE


def taken_out(frame: Frame, mapping: Map, key: str | int) -> Value:
    """The entry that ``pop`` takes out of a mapping, where it is sure to run."""
    if frame.context.branch or frame.context.loop:
        mapping.open = True
        return mapping.items[key]
    return mapping.items.pop(key)


@method(Map, "items", "values", "keys", "copy", "update")
def _map_views(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    assert isinstance(m.owner, Map)
    if c.name == "update":
        for extra in [*c.args, Map(dict(c.kwargs))]:
            if isinstance(extra, Map):
                m.owner.items.update(extra.items)
            else:
                m.owner.open = True
        return NONE
    if c.name == "copy":
        return Map(dict(m.owner.items), open=m.owner.open)
    if c.name == "items":
        return Seq([Seq([Const(k), v], "tuple") for k, v in m.owner.items.items()], open=m.owner.open)
    if c.name == "values":
        return Seq(list(m.owner.items.values()), open=m.owner.open)
    return Seq([Const(k) for k in m.owner.items], open=m.owner.open)


@method(Const, "lower", "upper", "strip", "startswith", "endswith", "replace", "split", "join", "format", "is_integer")
def _text(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    assert isinstance(m.owner, Const)
    if not c.kwargs and c.name != "format" and all(isinstance(a, Const) for a in c.args):
        try:
            value = getattr(m.owner.value, c.name)(*(a.value for a in c.args if isinstance(a, Const)))
        except (TypeError, ValueError, AttributeError):
            return _object(t, frame, c)
        return Seq([Const(v) for v in value]) if isinstance(value, list) else Const(value)
    return _object(t, frame, c)


@method(Node, "items", "keys", "values", "get")
def _unknown_mapping(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    """The dict protocol on a value that is not known: its entries carry what the value carries."""
    assert isinstance(m.owner, Node)
    key = t.node(frame, "python.object", {}, c.at, Kind.PYTHON)
    entry = t.node(frame, "item", {"x": m.owner, "index": key}, c.at, Kind.UNKNOWN)
    if c.name == "get":
        return entry
    return Seq([{"items": Seq([key, entry], "tuple"), "keys": key, "values": entry}[c.name]], open=True)


@method(Node, "as_list", "as_proto", "num_elements", "is_fully_defined", "with_rank_at_least", "assert_has_rank")
def _shape_method(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    assert isinstance(m.owner, Node)
    if m.owner.op == "static_shape":
        if c.name == "as_list":
            return m.owner
        return t.node(frame, "python.object", {}, c.at, Kind.PYTHON)
    return opaque(t, frame, m.owner, c.args, c.kwargs, c.at, f"method .{c.name}()")


@method(Node, "get_shape", "dim", "size")
def _get_shape(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    assert isinstance(m.owner, Node)
    if c.name == "dim":
        return t.node(frame, "static_rank", {"x": m.owner}, c.at, Kind.PYTHON)
    shape = t.node(frame, "static_shape", {"x": m.owner}, c.at, Kind.PYTHON, start=0)
    axis = c.get(0, "dim")
    if c.name == "size" and axis is not None:
        number = axis.value if isinstance(axis, Const) else None
        return t.node(frame, "static_dim", {"x": m.owner}, c.at, Kind.PYTHON, axis=number)
    return shape


@method(Node, "set_shape")
def _set_shape(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    assert isinstance(m.owner, Node)
    m.owner.detail["shape_set"] = True
    return NONE
