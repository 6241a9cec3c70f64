"""The loss at one point: tensors of a single element, evaluated with plain numbers.

Enough to see whether a loss jumps where a condition switches. Reductions over one element are that element, so the
result is exact for element-wise losses; whatever has no such meaning makes the value unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from losslint.graph.nodes import Node, nodes_in
from losslint.graph.values import Const, Seq, Value


class Unknown(Exception):
    """The value of a node at a point is not known."""


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


UNARY: dict[str, Callable[[float], float]] = {
    "neg": lambda x: -x, "abs": abs, "square": lambda x: x * x, "sqrt": math.sqrt, "exp": math.exp, "log": math.log,
    "log1p": math.log1p, "expm1": math.expm1, "sigmoid": _sigmoid, "tanh": math.tanh, "softplus": _softplus,
    "relu": lambda x: max(x, 0.0), "sin": math.sin, "cos": math.cos, "sign": lambda x: math.copysign(1.0, x) if x else 0.0,
    "round": round, "floor": math.floor, "ceil": math.ceil, "reciprocal": lambda x: 1.0 / x, "cosh": math.cosh,
    "log_sigmoid": lambda x: -_softplus(-x), "logical_not": lambda x: float(not x), "zeros_like": lambda x: 0.0,
    "ones_like": lambda x: 1.0, "rsqrt": lambda x: 1.0 / math.sqrt(x), "elu": lambda x: x if x > 0 else math.expm1(x),
}  # fmt: skip
BINARY: dict[str, Callable[[float, float], float]] = {
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
    "pow": lambda x, y: x**y, "maximum": max, "minimum": min, "squared_difference": lambda x, y: (x - y) ** 2,
    "greater": lambda x, y: float(x > y), "greater_equal": lambda x, y: float(x >= y), "less": lambda x, y: float(x < y),
    "less_equal": lambda x, y: float(x <= y), "equal": lambda x, y: float(x == y),
    "not_equal": lambda x, y: float(x != y), "logical_and": lambda x, y: float(bool(x) and bool(y)),
    "logical_or": lambda x, y: float(bool(x) or bool(y)), "divide_no_nan": lambda x, y: x / y if y else 0.0,
    "mod": math.fmod, "python.max": max, "python.min": min,
}  # fmt: skip
SAME = ("mean", "sum", "max", "min", "prod", "reshape", "squeeze", "expand_dims", "identity", "convert_to_tensor", "cast",
        "stop_gradient", "constant", "stack", "cumsum", "transpose", "ensure_shape", "add_n", "python.sum",
        "python.float")  # fmt: skip
MAX_STEPS = 2_000


class Point:
    """Values of the nodes of a graph when its parameters have given values."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = values
        self._known: dict[int, float] = {}
        self._steps = 0

    def __call__(self, value: Value | None) -> float:
        """The number a value stands for.

        Raises:
            Unknown: it has no meaning for a single element, or is not finite.
        """
        if isinstance(value, Const):
            if isinstance(value.value, (bool, int, float)):
                return float(value.value)
            raise Unknown
        if isinstance(value, Seq):
            parts = list(nodes_in(value))
            if len(parts) == 1 and len(value.items) == 1:
                return self(parts[0])
            raise Unknown
        if not isinstance(value, Node):
            raise Unknown
        if value.index not in self._known:
            self._steps += 1
            if self._steps > MAX_STEPS:
                raise Unknown
            try:
                self._known[value.index] = float(self._evaluate(value))
            except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
                raise Unknown from error
        result = self._known[value.index]
        if not math.isfinite(result):
            raise Unknown
        return result

    def _evaluate(self, node: Node) -> float:
        inputs = node.inputs
        if node.op == "param":
            return self._values[node.name] if node.name in self._values else _stand_in(node.name)
        if node.op == "item" and isinstance(base := inputs.get("x"), Node) and base.op == "param":
            return self(base)
        if node.op in ("static_dim", "shape", "size", "static_shape", "python.len"):
            return 1.0
        if node.op in ("where", "phi") and inputs.keys() >= {"condition", "x", "y"}:
            return self(inputs["x"] if self(inputs["condition"]) else inputs["y"])
        if node.op == "clip" and inputs.keys() >= {"x", "low", "high"}:
            return min(max(self(inputs["x"]), self(inputs["low"])), self(inputs["high"]))
        if node.op in UNARY and "x" in inputs:
            return UNARY[node.op](self(inputs["x"]))
        if node.op in BINARY and len(inputs) >= 2:
            first, second = list(inputs.values())[:2]
            return BINARY[node.op](self(first), self(second))
        if node.op in SAME:
            return self(inputs.get("x") or inputs.get("values") or next(iter(inputs.values())))
        raise Unknown


def _stand_in(name: str) -> float:
    """A fixed positive number for a configuration value that is not known."""
    return 0.5 + (sum(name.encode()) % 97) / 97.0


GRID = [x / 16.0 - 3.03 for x in range(98)]
BISECTIONS = 60


def switch_point(condition: Callable[[float], float]) -> float | None:
    """Where a difference changes its sign on [-3, 3], by bisection."""
    previous: tuple[float, float] | None = None
    for x in GRID:
        try:
            y = condition(x)
        except Unknown:
            previous = None
            continue
        if previous is not None and (previous[1] < 0) != (y < 0):
            low, high = previous[0], x
            for _ in range(BISECTIONS):
                middle = (low + high) / 2
                if (condition(middle) < 0) == (previous[1] < 0):
                    low = middle
                else:
                    high = middle
            return high
        previous = (x, y)
    return None
