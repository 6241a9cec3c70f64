"""The axes that a value has for certain, whatever is given: what no guess about batches enters.

``shape.py`` takes what is squeezed for a column, and a model's output for rows; here only numbers that stand in the code
count. The axes of a value come without an order; one whose size is not known is None.
"""

from __future__ import annotations

from losslint.facts.shape import (
    FILLED,
    KEEPS_SHAPE,
    NOT_POINTWISE,
    POINTWISE_FAMILIES,
    POINTWISE_LOSSES,
    REDUCTIONS,
    is_none,
    is_true,
    sizes_given,
    units,
)
from losslint.graph.nodes import Node
from losslint.graph.values import Const, Seq, Value

Axes = tuple[int | None, ...]
ADDS_ONE = ("stack", "expand_dims", "one_hot")


def certain_axes(value: Value | None) -> Axes:
    """Axes that a value has at least."""
    if not isinstance(value, Node):
        return ()
    inputs = value.inputs
    if value.op in FILLED:
        return tuple(size if isinstance(size, int) else None for size in sizes_given(value) or ())
    if value.op in KEEPS_SHAPE:
        return certain_axes(inputs.get("x"))
    if value.op == "layer":
        width = units(value.detail.get("object"))
        return (*without(certain_axes(inputs.get("arg0")), 1), width) if width is not None else ()
    if value.op in REDUCTIONS:
        return reduced(value)
    if value.op in ADDS_ONE:
        return (*certain_axes(inputs.get("x")), None)
    if value.op == "item":
        return indexed(certain_axes(inputs.get("x")), inputs.get("index"))
    if value.op == "phi":
        return min((certain_axes(inputs.get(side)) for side in ("x", "y")), key=rank)
    unreduced = value.framework == "torch" and value.told("reduction") == Const("none")
    if value.op in POINTWISE_LOSSES and unreduced:
        return max((certain_axes(inputs.get(side)) for side in ("y_true", "y_pred")), key=rank)
    if value.family in POINTWISE_FAMILIES and value.op not in NOT_POINTWISE:
        return max((certain_axes(inputs.get(side)) for side in ("x", "y", "condition")), key=rank)
    return ()


def rank(axes: Axes) -> tuple[int, int]:
    """How much is known to be there: larger sizes, then more axes."""
    return sum(size is not None and size > 1 for size in axes), len(axes)


def without(axes: Axes, count: int) -> Axes:
    """What is left for certain when some axes go, the large ones first."""
    small = sorted(axes, key=lambda size: size is not None and size > 1)
    return tuple(small[: max(0, len(small) - count)])


def reduced(node: Node) -> Axes:
    """``mean(e, axis=1)`` leaves at least the axis before it."""
    before, axis = certain_axes(node.inputs.get("x")), node.inputs.get("axis")
    given = axis.items if isinstance(axis, Seq) else [axis]
    numbers = [v.value for v in given if isinstance(v, Const) and type(v.value) is int]
    if not numbers or len(numbers) < len(given):
        return ()
    least = max(n + 1 if n >= 0 else -n for n in numbers)  # axes of what is reduced
    left = least if is_true(node.inputs.get("keepdims")) else least - len(set(numbers))
    kept = without(before, len(numbers))
    return kept if len(kept) >= left else (*kept, *[None] * (left - len(kept)))


def indexed(before: Axes, index: Value | None) -> Axes:
    """``e[:, 0]`` leaves at least the axes of its slices; a number takes one away."""
    items = index.items if isinstance(index, Seq) and index.kind == "index" else [index]
    if any(isinstance(item, Node) for item in items):
        return ()
    slices = sum(is_none(item) or (isinstance(item, Seq) and item.kind == "slice") for item in items)
    return (*without(before, len(items)), *[None] * slices)
