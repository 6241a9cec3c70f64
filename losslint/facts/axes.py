"""The axes that a value has for certain, whatever is given: what no guess about batches enters.

``shape.py`` takes what is squeezed for a column, and a model's output for rows; here only numbers that stand in the code
count. The axes of a value come without an order; one whose size is not known is None.
"""

from __future__ import annotations

from collections.abc import Mapping

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
from losslint.graph.nodes import Node, in_order
from losslint.graph.values import Const, Seq, Value

Axes = tuple[int | None, ...]
LOSSES_OF_CLASSES = ("cross_entropy", "nll_loss")  # the axis of the classes goes
ADDS_ONE = ("stack", "expand_dims", "one_hot")


def certain_axes(value: Value | None) -> Axes:
    """Axes that a value has at least."""
    if not isinstance(value, Node):
        return ()
    known: dict[int, Axes] = {}
    for node in in_order([value]):
        known[node.index] = axes_of(node, known)
    return known[value.index]


def axes_of(node: Node, known: Mapping[int, Axes]) -> Axes:
    """Axes that a node has at least, where those of its operands are known."""

    def of(name: str) -> Axes:
        operand = node.inputs.get(name)
        return known[operand.index] if isinstance(operand, Node) else ()

    if node.op in FILLED:
        return tuple(size if isinstance(size, int) else None for size in sizes_given(node) or ())
    if node.op in KEEPS_SHAPE:
        return of("x")
    if node.op == "layer":
        width = units(node.detail.get("object"))
        return (*without(of("arg0"), 1), width) if width is not None else ()
    if node.op in REDUCTIONS:
        return reduced(of("x"), node)
    if node.op in ADDS_ONE:
        return (*of("x"), None)
    if node.op == "item":
        return indexed(of("x"), node.inputs.get("index"))
    if node.op == "phi":
        return min((of(side) for side in ("x", "y")), key=rank)
    unreduced = node.framework == "torch" and node.told("reduction") == Const("none")
    if node.op in POINTWISE_LOSSES and unreduced:
        return max((of(side) for side in ("y_true", "y_pred")), key=rank)
    if node.op in LOSSES_OF_CLASSES and unreduced:
        return without(of("y_pred"), 1)
    if node.family in POINTWISE_FAMILIES and node.op not in NOT_POINTWISE:
        return max((of(side) for side in ("x", "y", "condition")), key=rank)
    return ()


def rank(axes: Axes) -> tuple[int, int]:
    """How much is known to be there: larger sizes, then more axes."""
    return sum(size is not None and size > 1 for size in axes), len(axes)


def without(axes: Axes, count: int) -> Axes:
    """What is left for certain when some axes go, the large ones first."""
    small = sorted(axes, key=lambda size: size is not None and size > 1)
    return tuple(small[: max(0, len(small) - count)])


def reduced(before: Axes, node: Node) -> Axes:
    """``mean(e, axis=1)`` leaves at least the axis before it."""
    axis = node.inputs.get("axis")
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
