"""The loss at one point: every tensor a single element, evaluated forwards and backwards in float32.

Reductions over one element are that element, so element-wise losses come out exactly as TensorFlow computes them. What
has no such meaning is given a fixed harmless number and remembered as ``opaque``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from losslint.facts.differences import is_difference
from losslint.facts.float32 import (
    FROM_LOGITS,
    LOSSES,
    NAN,
    PRIMITIVES,
    SAFE_IN_TORCH,
    SAME,
    SELECTS,
    SHORT_CIRCUITS,
    Primitive,
    div,
    f32,
)
from losslint.facts.gradient import GradientFacts
from losslint.facts.precision import Precision
from losslint.graph.nodes import Node, nodes_in
from losslint.graph.values import NONE, Const, Seq, Value, indices, is_whole_axis

Variable = tuple[int, str]  # index of the node, and which part of it
SHARE = 0.5
VARIABLES = ("param", "layer", "unknown", "attribute", "variable", "weight", "placeholder", "gradient")
TINY_GUARD = 1e-3  # what is subtracted from 1 without being known
COUNTED = ("static_dim", "shape", "size", "static_shape", "python.len", "python.count", "rank")
CHOICES = ("where", "phi", "masked_fill")
SIZE = 4.0  # any dimension, and the number of elements a count sees


def variable_of(node: Node) -> Variable | None:
    """The independent quantity a node stands for: a parameter, or one indexed part of it."""
    if node.op in VARIABLES:
        return (node.index, "")
    if node.op == "item" and isinstance(base := node.inputs.get("x"), Node):
        inner = variable_of(base)
        if inner is not None:
            part = _part(node.inputs.get("index"))
            return (inner[0], inner[1] + part) if part else inner
    if node.op in ("cast", "convert_to_tensor", "identity", "reshape", "squeeze", "expand_dims") and isinstance(
        base := node.inputs.get("x"), Node
    ):
        return variable_of(base)
    return None


def _part(index: Value | None) -> str:
    """A name for what an index selects; "" when it selects everything (``[:, None]``, ``[...]``)."""
    words = [
        repr(part) for part in indices(index)
        if not is_whole_axis(part) and not (isinstance(part, Const) and part.value in (None, ...))
    ]
    return f"[{','.join(words)}]" if words else ""


class Step:
    """A node with what evaluating it asks of the node alone: found once for all points."""

    def __init__(self, node: Node, precision: Precision) -> None:
        self.node, self.index, self.op = node, node.index, node.op
        self.round = precision.round
        self.folding = folding(node) if precision.folded else None
        self.variable = variable_of(node)
        self.source = next((operand.index for _, operand in node.operands()), -1)
        self.averages = averages(node)
        self.passes_on = passes_on(node)
        self.selected = self.averages or self.passes_on or node.op in PRIMITIVES or node.op in ("clip", "where")
        self.primitive, self.names = primitive_of(node)
        self.is_share = node.op == "div" and is_share(node)
        self.is_difference = is_difference(node)
        self.crosses = crosses(node)


class Cone:
    """The nodes that a value is computed from, ready to be evaluated at many points."""

    def __init__(self, nodes: Iterable[Node], precisions: Mapping[int, Precision]) -> None:
        self.nodes = list(nodes)
        self.steps = {node.index: Step(node, precisions[node.index]) for node in self.nodes}

    @classmethod
    def of(cls, gradient: GradientFacts, *values: Value) -> Cone:
        """What these values are computed from."""
        nodes = {node.index: node for value in values for node in gradient.cone(value)}
        return cls((nodes[index] for index in sorted(nodes)), gradient.precisions)


class Point:
    """The values of a cone for one assignment of its variables."""

    def __init__(
        self,
        cone: Cone,
        assignment: Mapping[Variable, float],
        *,
        graph_mode: bool = False,
        xla: bool = False,
        beside: Mapping[Variable, float] | None = None,
        across: str = "y",
        count: float = 1.0,
    ) -> None:
        """``graph_mode``: fold ``(c1 - x) + c2`` to ``(c1 + c2) - x`` as Grappler, XLA and jax.jit do; ``xla``: multiply in
        backward functions as XLA does, where TensorFlow's own kernels look for a 0 first.

        ``beside``: what another element of the same row holds, or the same element of another row: reductions see both.
        Of a matrix of pairs this one stands on the diagonal, the other beside it; ``across``: the operand that is the other
        where each meets each (``d[:, :, None] - d[:, None, :]``). ``count``: how many elements a sum adds.
        """
        self.count = count
        self.round: Callable[[float], float] = f32  # as the node that is evaluated is rounded
        self.other: Point | None = None
        self.first = True
        self.cone = cone
        self.assignment = assignment
        self.graph_mode = graph_mode
        self.xla = xla
        self.across = across
        self.values: dict[int, float] = {}
        self.empty: set[int] = set()  # selections without an element
        self.partly: set[int] = set()  # an element here, nothing there: ``eye`` and its negation
        self.opaque: set[int] = set()
        if beside is not None:
            self.other = Point(NOWHERE, beside, graph_mode=graph_mode, xla=xla, across=across, count=count)
            self.other.other, self.other.first = self, False
        for step in cone.steps.values():
            self._settle(step)
            if self.other is not None:
                self.other._settle(step)

    def _settle(self, step: Step) -> None:
        self.round = step.round
        try:
            value = self._evaluate(step)
        except (ArithmeticError, ValueError):
            value = NAN
        self.values[step.index] = step.round(value)

    def __call__(self, value: Value | None) -> float:
        """The number a value has here."""
        if isinstance(value, Node):
            return self.values.get(value.index, 1.0)
        if isinstance(value, Const) and isinstance(value.value, (bool, int, float)):
            return self.round(float(value.value))
        if isinstance(value, Seq) and value.items:
            parts = [self(v) for v in value.items]
            return self.round(sum(parts) / len(parts))
        return 1.0

    def _evaluate(self, step: Step) -> float:
        node, op, inputs = step.node, step.op, step.node.inputs
        if step.variable is not None and step.variable in self.assignment:
            return self.assignment[step.variable]
        if (step.index, "") in self.assignment:
            return self.assignment[step.index, ""]
        if step.source in self.empty and step.selected:
            if op == "mean" or step.averages:
                return NAN
            if op == "sum":
                return 0.0
            self.empty.add(step.index)
            return 1.0  # of no element nothing is computed
        if self.other is not None and op in PAIRED:
            return self._paired(node)
        if (self.partly or op == "eye") and self.other is None and (partly := self._partly(node)) is not None:
            return partly
        if op in COUNTED:
            return SIZE
        if op in CHOICES and (sides := self.sides(node)) is not None:
            return self(inputs.get(sides[0]))
        if op == "clip":
            low, high = self(inputs.get("low")), self(inputs.get("high"))
            x = self(inputs.get("x"))
            share = 0.0 <= x <= 1.0
            low = _bound(inputs.get("low"), low, -math.inf, TINY_GUARD if share else -math.inf)
            high = _bound(inputs.get("high"), high, math.inf, 1.0 - TINY_GUARD if share else math.inf)
            return min(max(x, low), high) if x == x else x
        if op == "boolean_mask":
            if not self(inputs.get("mask")):
                self.empty.add(step.index)
                return 1.0
            return self(inputs.get("x"))
        if op == "sub" and _is_unknown(inputs.get("y")) and plain_number(inputs.get("x")) == 1.0:
            return 1.0 - TINY_GUARD
        if self.graph_mode and (folded := step.folding) is not None:
            return self.round(folded.first + folded.last) + folded.sign * self(folded.x)
        if step.is_share and self.other is None:
            return div(self(inputs["x"]), self(inputs["y"])) * SHARE
        if step.primitive is not None:
            return step.primitive.value(*self._arguments(step))
        if op in JOINS:
            items = _items(_carrier(node))
            if op == "add_n":
                return sum(self(v) for v in items)
            return sum(self(v) for v in items) / max(len(items), 1)
        if step.passes_on:
            return self(_carrier(node)) * (self.count if op == "sum" else 1.0)
        if op == "zeros" or step.is_difference:
            return 0.0
        if op in ("ones", "range"):
            return 1.0
        if op == "fill":
            return self(inputs.get("value", inputs.get("x")))
        self.opaque.add(step.index)
        given = [self(o) for _, o in node.operands()]
        if not given or node.family == "sample":
            return 0.25 + (step.index % 7) / 16.0
        return 0.2 + sum(map(ord, op)) % 7 / 16.0 + 0.2 * math.tanh(sum(given) / len(given))  # alike for equal operands

    def _partly(self, node: Node) -> float | None:
        """What a mask leaves that holds ones in some places of each row and zeros in others; None for other nodes.

        A sum over what it selects has a term, and what is added where it is one stays as it is elsewhere.
        """
        op, inputs = node.op, node.inputs
        if op == "eye":
            self.partly.add(node.index)
            return 1.0
        masks = {name for name, value in inputs.items() if isinstance(value, Node) and value.index in self.partly}
        if not masks:
            return None
        number = plain_number(inputs.get("x" if "y" in masks else "y"))
        if op in ("logical_not", "cast", "convert_to_tensor", "identity") or (op == "sub" and number == 1.0):
            self.partly.add(node.index)
            return 1.0
        if op == "mul":
            self.partly.add(node.index)
            return self(inputs.get("x")) * self(inputs.get("y"))
        if op in ("add", "sub") and len(masks) == 1:
            other = self(inputs.get("x" if "y" in masks else "y"))
            return -other if op == "sub" and "x" in masks else other
        return None

    def sides(self, node: Node) -> tuple[str, str] | None:
        """The inputs that a choice takes and leaves here; None for what is no choice. A mask that holds both leaves what
        is computed."""
        op, inputs = node.op, node.inputs
        names = ("value", "x") if op == "masked_fill" else ("x", "y")
        if op not in CHOICES or not inputs.keys() >= set(names) or (
                op == "where" and "condition" not in inputs):
            return None
        test = inputs.get("mask" if op == "masked_fill" else "condition")
        if isinstance(test, Node) and test.index in self.partly:
            first = isinstance(inputs[names[0]], Node) and op == "where"
        else:
            first = test is None or bool(self(test))
        return names if first else names[::-1]

    def _paired(self, node: Node) -> float:
        """An operation that sees this element and the other one."""
        carrier = _carrier(node)
        assert self.other is not None
        if node.op in ("diag", "eye"):
            return (self(carrier) if node.op == "diag" else 1.0) if self.first else 0.0
        if node.op in ("transpose", "diagonal"):
            return self(carrier) if self.first else self.other(carrier)
        return PAIRED[node.op](self(carrier), self.other(carrier)) * (self.count if node.op == "sum" else 1.0)

    # -- backwards

    def gradients(self, result: Node, repaired: Collection[int] = ()) -> dict[int, float]:
        """The derivative of ``result`` with respect to each node of the cone, as the registered gradients compute it.

        ``repaired``: nodes that are taken to have a finite slope, to see what else is wrong.
        """
        upstream: dict[int, float] = {result.index: 1.0}
        for node in reversed(self.cone.nodes):
            dy = upstream.get(node.index)
            if dy is None:
                continue
            for operand, gradient in self.contributions(node, dy):
                if node.index in repaired and not math.isfinite(gradient):
                    gradient = dy
                upstream[operand.index] = upstream.get(operand.index, 0.0) + gradient
        return upstream

    def contributions(self, node: Node, dy: float) -> list[tuple[Node, float]]:
        """What a node passes back to each operand that is a node."""
        op, inputs, step = node.op, node.inputs, self.cone.steps[node.index]
        if (
            node.context.no_grad
            or node.framework in ("numpy", "python")
            or op.startswith(("python.f", "python.i", "python.n"))
        ):
            return []
        if node.index in self.empty:
            return []
        if (sides := self.sides(node)) is not None:
            # a branch that Python or tf.cond does not take is not run, and has no gradient
            shares = zip(sides, (dy, 0.0) if op != "phi" else (dy,), strict=False)
            return [(value, share) for name, share in shares if isinstance(value := inputs[name], Node)]
        if op in NO_GRADIENT:
            return []
        if op == "clip":
            x = inputs.get("x")
            if not isinstance(x, Node):
                return []
            inside = self(x) == self.values[node.index]
            return [(x, dy if inside else 0.0)]
        if op == "cast" and node.dtype in ("int", "bool"):
            return []
        if op == "gradient":
            return [(n, dy) for n in nodes_in(inputs.get("x", NONE))]
        if step.source in self.empty:
            return [(operand, 0.0) for _, operand in node.operands()]  # this element is not among the selected ones
        if self.other is not None and op in ("max", "min") and self.values[node.index] != self(_carrier(node)):
            return [(n, 0.0) for n in nodes_in(_carrier(node) or NONE)]  # the other one is chosen
        if step.primitive is not None:
            arguments = self._arguments(step)
            if node.framework == "torch" and op in SAFE_IN_TORCH and (
                    self.values[node.index] == 0.0 if len(arguments) == 1 else not any(arguments)):
                return []
            multiplies = self.xla or node.framework in ("torch", "jax")
            if multiplies and op in SELECTS and not arguments[0] > 0.0:
                return [(o, 0.0) for _, o in node.operands()]
            if multiplies and op in SHORT_CIRCUITS and dy == 0.0:
                parts = tuple(0.0 * part for part in self._slopes(step, arguments, 1.0))
            else:
                parts = self._slopes(step, arguments, dy)
            return [
                (operand, step.round(part)) for name, part in zip(step.names, parts, strict=False)
                if isinstance(operand := inputs[name], Node) and not self._is_across(step, name)
            ]
        if op in JOINS:
            items = _items(_carrier(node))
            share = dy if op == "add_n" else div(dy, float(max(len(items), 1)))
            return [(v, share) for v in items if isinstance(v, Node)]
        if step.passes_on or step.is_difference or node.index in self.opaque:
            return [(n, dy) for n in nodes_in(_carrier(node) or NONE)][:1]
        return []


    def _arguments(self, step: Step) -> list[float]:
        """What a scalar operation works on."""
        beside = self.other or self
        return [(beside if self._is_across(step, name) else self)(step.node.inputs[name]) for name in step.names]

    def _is_across(self, step: Step, name: str) -> bool:
        """Whether an operand is the other element."""
        return step.crosses and self.other is not None and name == self.across

    def _slopes(self, step: Step, arguments: list[float], dy: float) -> tuple[float, ...]:
        """What a scalar operation passes back to its operands."""
        assert step.primitive is not None
        try:
            return step.primitive.backward(arguments, self.values[step.index], dy)
        except (ArithmeticError, ValueError):
            return (NAN,) * len(arguments)


NOWHERE = Cone((), {})


def crosses(node: Node) -> bool:
    """Whether each element of a row meets each: ``x[:, :, None] - x[:, None, :]``."""
    x, y = node.inputs.get("x"), node.inputs.get("y")
    if not (isinstance(x, Node) and isinstance(y, Node) and x.inputs.get("x") is y.inputs.get("x")):
        return False
    return {_new_axis(x), _new_axis(y)} in ({1, 2}, {1, -1})


def _new_axis(node: Node) -> int | None:
    """The axis of length 1 that is put into a matrix; None for another operation."""
    if node.op == "expand_dims":
        axis = node.inputs.get("axis")
        return axis.value if isinstance(axis, Const) and isinstance(axis.value, int) else None
    parts = indices(node.inputs.get("index")) if node.op == "item" else []
    new = [place for place, part in enumerate(parts) if isinstance(part, Const) and part.value is None]
    return new[0] if len(parts) == 3 and len(new) == 1 and sum(map(is_whole_axis, parts)) == 2 else None


def is_share(node: Node) -> bool:
    """``p / sum(p)``: one of several shares, where a single element would always be the whole."""
    whole = node.inputs.get("y")
    while isinstance(whole, Node) and whole.op != "sum" and (passes_on(whole) or whole.op == "add"):
        whole = _carrier(whole)
    return isinstance(whole, Node) and whole.op == "sum" and _carrier(whole) is node.inputs.get("x")


def _larger(x: float, y: float) -> float:
    return NAN if x != x or y != y else max(x, y)


# What a reduction makes of two elements; the others tell the diagonal of a matrix of pairs from the rest.
PAIRED: dict[str, Callable[[float, float], float]] = {
    "sum": lambda x, y: x + y, "cumsum": lambda x, y: x + y, "mean": lambda x, y: (x + y) / 2.0, "max": _larger,
    "min": lambda x, y: -_larger(-x, -y), "prod": lambda x, y: x * y, "norm": math.hypot, "euclidean_norm": math.hypot,
    "all": min, "any": max, "std": lambda x, y: abs(x - y) / 2.0, "var": lambda x, y: (x - y) ** 2 / 4.0,
    "diag": lambda x, y: x, "diagonal": lambda x, y: x, "eye": lambda x, y: x, "transpose": lambda x, y: x,
}  # fmt: skip
AVERAGED = ("mse", "mae", "huber", "cross_entropy", "nll_loss")


def averages(node: Node) -> bool:
    """Whether a loss is the mean over its elements, as PyTorch's are unless they are told otherwise."""
    return node.op in AVERAGED and node.framework == "torch" and node.told("reduction") is None


BINARY_OPS = frozenset(
    [
        "add",
        "sub",
        "mul",
        "div",
        "matmul",
        "dot",
        "pow",
        "maximum",
        "minimum",
        "squared_difference",
        "divide_no_nan",
        "multiply_no_nan",
        "xlogy",
        "xlog1py",
        "atan2",
        "mod",
        "logaddexp",
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "equal",
        "not_equal",
        "logical_and",
        "logical_or",
    ]
)


SOME_OF = ("diag", "diagonal", "tril", "triu")  # a batch has other elements than those on the diagonal
JOINS = ("stack", "concat", "add_n", "tuple", "hstack", "vstack", "dstack", "append")


def passes_on(node: Node) -> bool:
    """Whether an operation on one element gives that element: it only moves, selects or reduces."""
    return node.op in SAME or (node.family in ("move", "gather") and node.op not in SOME_OF)


NO_GRADIENT = frozenset(
    [
        "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_not",
        "all", "any", "is_nan", "is_finite", "is_inf", "round", "floor", "ceil", "zeros_like", "ones_like", "stop_gradient",
    ]
)  # fmt: skip


def primitive_of(node: Node) -> tuple[Primitive | None, tuple[str, ...]]:
    """The scalar operation of a node and the names of its operands; (None, ()) when it is none."""
    if node.op in LOSSES:
        given = node.told("from_logits")
        known = given is None or (isinstance(given, Const) and isinstance(given.value, bool))
        if not known or not {"y_true", "y_pred"} <= node.inputs.keys():
            return None, ()
        logits = isinstance(given, Const) and given.value is True and node.op in FROM_LOGITS
        return LOSSES[FROM_LOGITS[node.op] if logits else node.op], ("y_true", "y_pred")
    names = ("x", "y") if node.op in BINARY_OPS else ("x",)
    primitive = PRIMITIVES.get("abs" if node.op == "norm" and not is_root(node) else node.op)
    return (primitive, names) if primitive is not None and all(n in node.inputs for n in names) else (None, ())


def is_root(norm: Node) -> bool:
    """Whether a norm is a root of a sum, with an infinite slope at 0: that of order 1 is a sum, of order inf the largest,
    and of an order that is not known nothing is said."""
    order = norm.inputs.get("ord")
    return order is None or (isinstance(order, Const) and order.value not in (1, math.inf, -math.inf))


def _is_unknown(value: Value | None) -> bool:
    """A configured number that the code does not show: ``1 - CLIP``, with ``CLIP`` from a package."""
    return not isinstance(value, (Node, Const, Seq))


def _bound(bound: Value | None, value: float, absent: float, unknown: float) -> float:
    """What a clip keeps its argument to."""
    if bound is None or (isinstance(bound, Const) and bound.value is None):
        return absent
    return unknown if _is_unknown(bound) else value


def _carrier(node: Node) -> Value | None:
    """The input a node mostly passes on."""
    for name in ("x", "values", "value", "inputs", "arg0"):
        if name in node.inputs:
            return node.inputs[name]
    return next(iter(node.inputs.values()), None)


def _items(value: Value | None) -> list[Value]:
    return value.items if isinstance(value, Seq) else [value] if value is not None else []


class Folding(NamedTuple):
    """``(c1 +- x) +- c2`` as graph mode computes it: the constants, each with its sign, are added first."""

    first: float
    last: float
    sign: float  # of x
    x: Value


def folding(node: Node) -> Folding | None:
    """What graph mode makes of a sum with two constants; None for another node, and in PyTorch."""
    if node.op not in ("add", "sub") or node.framework == "torch":
        return None
    for outer, inner in (("y", "x"), ("x", "y")):
        last, nested = plain_number(node.inputs.get(outer)), node.inputs.get(inner)
        if last is None or not isinstance(nested, Node) or nested.op not in ("add", "sub"):
            continue
        of_last = -1.0 if node.op == "sub" and outer == "y" else 1.0
        flip = -1.0 if node.op == "sub" and inner == "y" else 1.0  # last - (..)
        for side, other in (("x", "y"), ("y", "x")):
            first, x = plain_number(nested.inputs.get(side)), nested.inputs.get(other)
            if first is not None and x is not None and plain_number(x) is None:
                of_first = -1.0 if nested.op == "sub" and side == "y" else 1.0
                of_x = -1.0 if nested.op == "sub" and side == "x" else 1.0
                return Folding(flip * of_first * first, of_last * last, flip * of_x, x)
    return None


def plain_number(value: Value | None) -> float | None:
    """A number that is known while the graph is built, through ``tf.constant`` and casts."""
    if isinstance(value, Const) and isinstance(value.value, (int, float)) and not isinstance(value.value, bool):
        return float(value.value)
    if isinstance(value, Node) and value.op in ("constant", "cast", "convert_to_tensor"):
        return plain_number(_carrier(value))
    return None


GRID = [x / 16.0 - 3.03 for x in range(98)]
BISECTIONS = 40


def switch_point(difference: Callable[[float], float]) -> float | None:
    """Where a difference changes its sign on [-3, 3], by bisection; None when it does not."""
    previous: tuple[float, float] | None = None
    for x in GRID:
        y = difference(x)
        if not math.isfinite(y):
            previous = None
            continue
        if previous is not None and (previous[1] < 0) != (y < 0):
            low, high = previous[0], x
            for _ in range(BISECTIONS):
                middle = (low + high) / 2
                low, high = (middle, high) if (difference(middle) < 0) == (previous[1] < 0) else (low, middle)
            return high
        previous = (x, y)
    return None
