"""Parts of an argument, and the arguments that these are computed with: a label is only half as wide as a prediction that
is split into a mean and a scale for each of its numbers."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from losslint.confirmation.axes import by_axis, keeps_shape, measured, number, numbers
from losslint.graph.nodes import Graph, Node
from losslint.graph.values import Const, Seq, Value

Names = Mapping[int, frozenset[str]]


@dataclass(frozen=True)
class Part:
    """Some numbers of an argument along an axis: one of ``count`` equal parts, else those from ``start`` to ``stop``. With
    one number the axis may be ``gone``."""

    name: str
    axis: int
    count: int = 0
    start: int = 0
    stop: int | None = None
    gone: bool = False

    def size(self, whole: int) -> int:
        """How many numbers it has where the argument has so many."""
        return whole // self.count if self.count else len(range(whole)[self.start:self.stop])


@dataclass
class Met:
    """What the parts of arguments are computed with: argument -> the part; and how wide an argument has to be along an axis
    so that its parts can be computed with each other."""

    beside: dict[str, Part] = field(default_factory=dict)
    wide: dict[tuple[str, int], int] = field(default_factory=dict)


def parts_met(graph: Graph, same_shape: Names) -> Met:
    """What the parts of arguments meet; ``same_shape``: node -> the arguments that are shaped as it is."""
    parts: dict[int, Part] = {}
    shaped: dict[int, Part] = {}  # what is computed with a part, or as large as one
    met, whole = Met(), set[str]()
    for node in graph.nodes:
        operands = dict(node.operands())
        part = part_of(node, operands.get("x"), parts, same_shape)
        if part is not None:
            parts[node.index] = shaped[node.index] = part
            if part.count and not numbers(node.inputs.get("sections")):
                met.wide.setdefault((part.name, part.axis), 2 * part.count)
            continue
        if not keeps_shape(node) and not operands.keys() >= {"y_true", "y_pred"}:
            continue
        taken = [parts[one.index] for one in operands.values() if one.index in parts]
        others = [same_shape[one.index] for one in operands.values() if same_shape.get(one.index) and one.index not in parts]
        names = frozenset[str]().union(*others)
        whole |= names if len(others) > 1 and len(names) > 1 else set()
        if taken and not names:
            parts[node.index] = taken[0]
        if sized := [shaped[one.index] for one in operands.values() if one.index in shaped]:
            shaped[node.index] = sized[0]
            widened(sized, met)
        for name in names:
            if taken and taken[0].name != name:
                met.beside.setdefault(name, taken[0])
    met.beside = {name: part for name, part in met.beside.items() if not {name, part.name} <= whole}
    return met


def widened(taken: list[Part], met: Met) -> None:
    """Where the first few numbers meet all the others, there are as many others."""
    closed = [part for part in taken if part.stop is not None and 0 <= part.start < part.stop]
    for rest in taken:
        if closed and rest.stop is None and not rest.count and rest.start > 0 and rest.name == closed[0].name:
            met.wide.setdefault((rest.name, rest.axis), rest.start + (closed[0].stop or 0) - closed[0].start)


def part_of(node: Node, x: Node | None, parts: Mapping[int, Part], same_shape: Names) -> Part | None:
    """The part of an argument that a node takes; of a part, what is left of it."""
    if x is None:
        return None
    known = parts.get(x.index)
    if known is not None:
        return left(node, known)
    names = same_shape.get(x.index, frozenset())
    if len(names) != 1:
        return None
    (name,) = names
    if node.op == "split":
        return equal_part(node, name, x)
    if node.op == "unstack" and not node.detail.get("first_axis"):
        return Part(name, -1, stop=1, gone=True)
    if node.op == "item":
        return indexed(node, name)
    return None


def left(node: Node, part: Part) -> Part | None:
    """A part after something that keeps its numbers: of several equal ones, one; a number with its axis back, or without."""
    if node.op == "item":
        if has_new_axis(node.inputs.get("index")):
            return replace(part, gone=False)
        return part if part.count or part.gone else None
    if node.op in ("expand_dims", "reshape") and part.gone:
        return replace(part, gone=False)
    if node.op == "squeeze" and part.size(part.start + 2 if part.start >= 0 else 2) == 1:
        return replace(part, gone=True)
    return None


def equal_part(node: Node, name: str, x: Node) -> Part | None:
    """``tf.split(p, 2, axis=-1)``, ``p.split(4, dim=1)``, ``p.split(p.shape[-1] // 2, dim=-1)``"""
    axis = number(node.inputs.get("axis"))
    sections = node.inputs.get("sections")
    sizes = numbers(sections) or []
    by_size = node.name.startswith("torch.") and node.name.endswith(".split")
    if not isinstance(axis, int) or axis == 0 or (sizes and (min(sizes) <= 0 or len(set(sizes)) > 1)):
        return None
    if isinstance(sections, Seq) or by_size:
        return Part(name, axis, stop=sizes[0]) if sizes else Part(name, axis, count) if (
            count := share(sections, x)) else None
    return Part(name, axis, sizes[0]) if sizes else None


def indexed(node: Node, name: str) -> Part | None:
    """``p[..., :4]``, ``p[:, 0]``, ``p[:, : n // 2]``: along the one axis, other than the batch, of which it takes less than
    all."""
    index = node.inputs.get("index")
    match index:
        case Seq(kind="index", items=[Const(value=builtins.Ellipsis), Node(op="python.object")]):  # of tf.unstack
            return Part(name, -1, stop=1, gone=True)
    taken = [(axis, one) for axis, one in by_axis(index) if not is_all(one)]
    if len(taken) != 1 or taken[0][0] == 0:
        return None
    ((axis, one),) = taken
    if isinstance(one, Const) and isinstance(one.value, int):
        stop = None if one.value == -1 else one.value + 1
        return Part(name, axis, start=one.value, stop=stop, gone=not has_new_axis(index))
    if not isinstance(one, Seq) or one.kind != "slice" or number(one.items[2]) not in (None, 1):
        return None
    x = node.inputs.get("x")
    for end in one.items[:2]:
        if isinstance(end, Node) and isinstance(x, Node) and (count := share(end, x)):
            return Part(name, axis, count)
    first, last = number(one.items[0]), number(one.items[1])
    is_known = all(isinstance(end, Const) for end in one.items[:2])
    return Part(name, axis, start=first or 0, stop=last) if is_known and isinstance(first, int | None) and isinstance(
        last, int | None) else None


def share(size: Value | None, x: Node) -> int:
    """2 for half of a dimension of a tensor; 0 where it is no such share."""
    if not isinstance(size, Node) or size.op not in ("floordiv", "cast", "div"):
        return 0
    measure = size.inputs.get("x")
    whole = measured(measure) if isinstance(measure, Node) else None
    count = number(size.inputs.get("y"))
    return count if whole is x and isinstance(count, int) and count > 1 else 0


def is_all(one: Value) -> bool:
    return isinstance(one, Seq) and one.kind == "slice" and all(isinstance(e, Const) and e.value is None for e in one.items)


def has_new_axis(index: Value | None) -> bool:
    items = index.items if isinstance(index, Seq) and index.kind == "index" else [index]
    return any(isinstance(item, Const) and item.value is None for item in items)
