"""What the nodes of a graph say of axes and sizes."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.graph.nodes import Node
from losslint.graph.values import Const, Seq, Value


def measured(node: Node) -> Node | None:
    """The tensor that one dimension was taken of."""
    if node.op in ("static_dim", "dim"):
        return dict(node.operands()).get("x")
    shape = dict(node.operands()).get("x") if node.op == "item" else None
    return dict(shape.operands()).get("x") if shape is not None and shape.op in ("shape", "static_shape") else None


def keeps_shape(node: Node) -> bool:
    if node.op in ("top_k", "all", "any", "crelu", "glu", "ravel", "diff", "add_n"):
        return False
    return node.op in ("phi", "print_identity") or node.family in (
        "elementwise", "round", "compare", "sign", "cast", "detach")


def number(value: Value | None) -> object:
    return value.value if isinstance(value, Const) else None


def numbers(value: Value | None) -> list[int] | None:
    """Integers given one by one or in a list."""
    if isinstance(value, Const):
        return [value.value] if isinstance(value.value, int) and not isinstance(value.value, bool) else None
    if isinstance(value, Seq) and value.kind in ("list", "tuple") and all(isinstance(number(v), int) for v in value.items):
        return [v.value for v in value.items]  # type: ignore[attr-defined]
    return None


def by_axis(index: Value | None) -> Iterator[tuple[int, Value]]:
    """Each part of an index with the axis that it is for; nothing where a tensor is the index."""
    parts = list(index.items) if isinstance(index, Seq) and index.kind == "index" else [index]
    parts = [part for part in parts if not (isinstance(part, Const) and part.value is None)]
    if any(isinstance(part, Node) or part is None for part in parts):
        return
    dots = next((i for i, part in enumerate(parts) if isinstance(part, Const) and part.value is Ellipsis), None)
    for position, part in enumerate(parts):
        if position != dots and part is not None:
            yield (position if dots is None or position < dots else position - len(parts)), part
