"""Pieces of a concatenation: ``concat([low, high], axis=-1)[..., 2:]`` is ``high`` where both have two columns."""

from __future__ import annotations

from typing import TypeGuard

from losslint.graph.nodes import Node, nodes_in
from losslint.graph.values import Const, Seq, Value, indices

MAX_DEPTH = 6  # operations between a tensor and the index that tells how many columns it has


def part_taken(node: Node) -> Value | None:
    """The one of the tensors joined along the last axis that an index takes columns of; None where that is not certain."""
    whole = node.inputs.get("x")
    if node.op != "item" or not isinstance(whole, Node) or whole.op != "concat":
        return None
    items, wanted = whole.inputs.get("values"), _columns_of(node.inputs.get("index"), whole)
    if wanted is None or not isinstance(items, Seq) or items.open:
        return None
    first, end = wanted
    start = 0
    for item in items.items:
        width = columns(item)
        if item is items.items[-1] and first >= start:
            return item
        if width is None or (first < start + width and (end is None or end > start + width)):
            return None
        if start <= first < start + width:
            return item
        start += width
    return None


def columns(value: Value, depth: int = MAX_DEPTH) -> int | None:
    """How many columns the code says a tensor has: that of ``boxes[..., :2] * 0.5`` is 2."""
    if not isinstance(value, Node) or not depth:
        return None
    if value.op == "item":
        last = indices(value.inputs.get("index"))[-1]
        first, end = _ends(last) or (0, None)
        return None if end is None or isinstance(last, Const) else end - first
    if value.family != "elementwise":
        return None
    found = {width for operand in value.inputs.values() for node in nodes_in(operand) if (width := columns(node, depth - 1))}
    return max(found, default=1) if max(found, default=1) > 1 else None  # one column is stretched


def _columns_of(index: Value | None, whole: Node) -> tuple[int, int | None] | None:
    """The first column that an index takes, and the one after the last; None where it takes no columns of what is joined."""
    parts, axis = indices(index), whole.inputs.get("axis")
    if axis is None and whole.framework == "keras":
        axis = Const(-1)
    dots = isinstance(parts[0], Const) and parts[0].value is ...
    last = len(parts) > 1 and isinstance(axis, Const) and axis.value == (-1 if dots else len(parts) - 1)
    return _ends(parts[-1]) if last else None


def _ends(part: Value | None) -> tuple[int, int | None] | None:
    """``2:4`` and ``3`` as the first and the next after the last; None of what counts from the end, or is not known."""
    if isinstance(part, Const):
        return (part.value, part.value + 1) if _is_place(part.value) else None
    if not isinstance(part, Seq) or part.kind != "slice":
        return None
    start, end, step = (piece.value if isinstance(piece, Const) else "" for piece in part.items)
    first = 0 if start is None else start
    return (first, end) if _is_place(first) and (end is None or _is_place(end)) and step is None else None


def _is_place(number: object) -> TypeGuard[int]:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0
