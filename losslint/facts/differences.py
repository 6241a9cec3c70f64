"""Operations that are 0 wherever a picture or signal is constant: edge filters, and kernels that sum to 0."""

from __future__ import annotations

import math
from collections.abc import Iterator

from losslint.graph.nodes import Node
from losslint.graph.values import Const, Seq, Value
from losslint.project import names
from losslint.project.roles import Role

EDGES = ("sobel_edges", "image_gradients", "total_variation", "diff")
ALIKE = names.words(
    "constant convert_to_tensor tensor cast reshape transpose matrix_transpose item expand_dims squeeze identity stack "
    "concat repeat tile flip neg mul div stop_gradient",
)


def is_difference(node: Node) -> bool:
    """Whether an operation gives 0 for a prediction that is the same everywhere, borders aside; labels are pictures."""
    if node.op == "conv":
        bias = node.inputs.get("bias", Const(None))
        if not isinstance(bias, Const) or bias.value is not None or not sums_to_zero(node.inputs.get("kernel")):
            return False
    elif node.op not in EDGES:
        return False
    return any(root.role is not Role.LABEL for root in _roots(node))


def _roots(node: Node) -> Iterator[Node]:
    """The parameters and outputs of models that a node is computed from."""
    seen, stack = set[int](), [node]
    while stack:
        current = stack.pop()
        if current.index not in seen:
            seen.add(current.index)
            stack += [operand for _, operand in current.operands()]
            if current.op in ("param", "layer"):
                yield current


def sums_to_zero(kernel: Value | None) -> bool:
    """Whether a kernel is written in numbers that sum to 0, each of several by itself."""
    if isinstance(kernel, Seq):
        numbers = _matrix(kernel)
        return math.isclose(sum(numbers), 0.0, abs_tol=1e-6) if numbers else all(map(sums_to_zero, kernel.items))
    if not isinstance(kernel, Node) or kernel.op not in ALIKE:
        return False
    if kernel.op in ("mul", "div"):
        x, y = kernel.inputs.get("x"), kernel.inputs.get("y")
        scaled = y if isinstance(x, Const) and kernel.op == "mul" else x if isinstance(y, Const) else None
        return sums_to_zero(scaled)
    return sums_to_zero(kernel.inputs.get("x", kernel.inputs.get("values")))


def _matrix(rows: Seq) -> list[float]:
    """The numbers of a vector or matrix, within whatever axes of length 1; none where it is something else."""
    while len(rows.items) == 1 and isinstance(rows.items[0], Seq):
        rows = rows.items[0]
    items = [item for row in rows.items for item in (row.items if isinstance(row, Seq) else [row])]
    numbers = [number for item in items if (number := _number(item)) is not None]
    return numbers if len(numbers) == len(items) and not rows.open else []


def _number(value: Value) -> float | None:
    while isinstance(value, Seq) and len(value.items) == 1:
        value = value.items[0]
    return float(value.value) if isinstance(value, Const) and isinstance(value.value, (int, float)) else None


def is_centred(node: Node) -> bool:
    """Whether an operation takes the mean of a value from it: 0 where it is the same everywhere."""
    mean = node.inputs.get("y")
    return node.op == "sub" and isinstance(mean, Node) and mean.op == "mean" and mean.inputs.get("x") is node.inputs.get("x")
