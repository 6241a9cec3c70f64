"""The loss at one point: every tensor a single element, evaluated in float32.

Reductions over one element are that element, so element-wise losses come out exactly as TensorFlow computes them. What
has no such meaning is given a fixed harmless number and remembered as ``opaque``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from losslint.facts.constants import is_unknown, plain_number
from losslint.facts.float32 import NAN, div, f32
from losslint.facts.gradient import GradientFacts
from losslint.facts.step import Step, counts, mask, takes_from_itself
from losslint.facts.variables import Variable
from losslint.graph.nodes import Node, carrier, nodes_in
from losslint.graph.values import NONE, Const, Seq, Value
from losslint.ops.moves import UNCHANGED

SHARE = 0.5
TINY_GUARD = 1e-3  # what is subtracted from 1 without being known
TESTS = ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_not", "is_nan")
COUNTED = ("static_dim", "shape", "size", "static_shape", "python.len", "python.count", "rank")
FILLS = {"masked_fill": "mask", "python.set_item": "index"}  # and the input that says where
CHOICES = ("where", "phi", *FILLS)
MENDED = 0.3  # what an operation that fails is taken to give, to see what else does
FAR = 16.0  # and one that gives infinity: log(1e-7) is -16
SIZE = 4.0  # any dimension, and the number of elements a count sees


Way = Callable[["Point", Step], float]


class Cone:
    """The nodes that a value is computed from, ready to be evaluated at many points."""

    def __init__(self, nodes: Iterable[Node], steps: Mapping[int, Step]) -> None:
        self.nodes = list(nodes)
        self.steps = steps
        self.ways = [(step, way_of(step)) for step in (steps[node.index] for node in self.nodes)]

    @classmethod
    def of(cls, gradient: GradientFacts, *values: Value) -> Cone:
        """What these values are computed from."""
        return cls(evaluated(gradient, *values), gradient.steps)


def evaluated(gradient: GradientFacts, *values: Value) -> list[Node]:
    """What values are computed from, in order, and the selections that are counted on the way."""
    nodes = {node.index: node for value in values for node in gradient.cone(value)}
    for place in [counts(node) for node in nodes.values()]:
        counted = {node.index: node for node in gradient.cone(gradient.graph.nodes[place])} if place >= 0 else {}
        if any(mask(node) is not None for node in counted.values()):
            nodes |= counted
    return [nodes[index] for index in sorted(nodes)]


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
        part: int | None = None,
    ) -> None:
        """``graph_mode``: fold ``(c1 - x) + c2`` to ``(c1 + c2) - x`` as Grappler, XLA and jax.jit do; ``xla``: multiply in
        backward functions as XLA does, where TensorFlow's own kernels look for a 0 first.

        ``beside``: what another element of the same row holds, or the same element of another row: reductions see both.
        Of a matrix of pairs this one stands on the diagonal, the other beside it; ``across``: the operand that is the other
        where each meets each (``d[:, :, None] - d[:, None, :]``). ``count``: how many elements a sum adds. ``part``: which
        of the tensors that are stacked or concatenated this element comes from; None: the mean of all.
        """
        self.part = part
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
        self.mended: set[int] = set()  # operations that are taken to be finite, value and slope
        if beside is not None:
            self.other = Point(NOWHERE, beside, graph_mode=graph_mode, xla=xla, across=across, count=count)
            self.other.other, self.other.first, self.other.mended = self, False, self.mended
        self._settle_all()

    def mend(self, node: Node) -> None:
        """Go on as if an operation that fails here did not."""
        self.mended.add(node.index)
        for point in filter(None, (self, self.other)):
            for settled in (point.values, point.empty, point.partly, point.opaque):
                settled.clear()
        self._settle_all()

    def _settle_all(self) -> None:
        for step, way in self.cone.ways:
            self._settle(step, way)
            if self.other is not None:
                self.other._settle(step, way)

    def _settle(self, step: Step, way: Way) -> None:
        self.round = step.round
        try:
            value = self._evaluate(step, way)
        except (ArithmeticError, ValueError):
            value = NAN
        if step.index in self.mended and not math.isfinite(value):
            value = math.copysign(FAR, value) if math.isinf(value) else MENDED
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

    def _evaluate(self, step: Step, way: Way) -> float:
        node, op = step.node, step.op
        if self.empty and self._holds_nothing(step):
            if self.other is not None and op in PAIRED and not self.other._holds_nothing(step):
                return self.other(carrier(node))
            if step.has_rows:
                return 1.0
            if not step.keeps_rows and (op == "mean" or step.averages):
                return NAN
            if not step.keeps_rows and op == "sum":
                return 0.0
            if not step.reduces_all:
                self.empty.add(step.index)
            return 1.0  # of no element nothing is computed
        for variable in step.variables:
            if variable in self.assignment:
                return self.assignment[variable]
        if self.other is not None and op in PAIRED:
            return self(carrier(node)) if self.other._holds_nothing(step) else self._paired(node)
        if (self.partly or op == "eye") and self.other is None and (partly := self._partly(node)) is not None:
            return partly
        if step.counts in self.empty and (self.other is None or step.counts in self.other.empty):
            return 0.0
        return way(self, step)

    def joined(self, step: Step) -> list[Value]:
        """The tensors of a concatenation that this element comes from."""
        items = joined(carrier(step.node))
        return items if self.part is None or step.op == "add_n" else items[self.part:][:1] or items[-1:]

    def _holds_nothing(self, step: Step) -> bool:
        """Whether an operation works on a selection without an element; what is joined with another one has some."""
        if not step.selected:
            return False
        quantity = all if step.op in JOINS else any
        return quantity(index in self.empty for index in step.sources)

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
        if op in ("logical_not", *UNCHANGED) or (op == "sub" and number == 1.0):
            self.partly.add(node.index)
            return 1.0
        if op == "mul":
            self.partly.add(node.index)
            return self(inputs.get("x")) * self(inputs.get("y"))
        if op in ("add", "sub") and len(masks) == 1:
            beside = inputs.get("x" if "y" in masks else "y")
            other = self(beside)
            if op == "add" and other == 0.0 and any(map(takes_from_itself, nodes_in(beside or NONE))):
                return self(inputs.get("y" if "y" in masks else "x"))  # 0 where the mask holds
            return -other if op == "sub" and "x" in masks else other
        return None

    def sides(self, node: Node) -> tuple[str, str] | None:
        """The inputs that a choice takes and leaves here; None for what is no choice. A mask that holds both leaves what
        is computed."""
        names, inputs = sides_of(node), node.inputs
        if names is None:
            return None
        test = inputs.get(FILLS.get(node.op, "condition"))
        if isinstance(test, Node) and test.index in self.partly:
            first = isinstance(inputs[names[0]], Node) and node.op == "where"
            taken, left = (inputs[name] for name in (names if first else names[::-1]))
            if not math.isfinite(self(taken)) and math.isfinite(self(left)) and any(map(takes_from_itself, nodes_in(taken))):
                first = not first  # a row and itself are left out
        else:
            first = test is None or bool(self(test))
        return names if first else names[::-1]

    def _paired(self, node: Node) -> float:
        """An operation that sees this element and the other one."""
        x = carrier(node)
        assert self.other is not None
        if node.op in ("diag", "eye"):
            return (self(x) if node.op == "diag" else 1.0) if self.first else 0.0
        if node.op in ("transpose", "diagonal"):
            return self(x) if self.first else self.other(x)
        return PAIRED[node.op](self(x), self.other(x)) * (self.count if node.op == "sum" else 1.0)

    def arguments(self, step: Step) -> list[float]:
        """What a scalar operation works on."""
        if step.operands is not None and (self.other is None or not (step.crosses or step.faces)):
            return [self.values.get(index, otherwise) for index, otherwise in step.operands]
        beside = self.other or self
        return [(beside if self.is_across(step, name) else self)(step.node.inputs[name]) for name in step.names]

    def is_across(self, step: Step, name: str) -> bool:
        """Whether an operand is the other element."""
        crossed = (step.crosses and name == self.across) or (step.faces == name and not self.first)
        return crossed and self.other is not None


NOWHERE = Cone((), {})


def _larger(x: float, y: float) -> float:
    return NAN if x != x or y != y else max(x, y)


# What a reduction makes of two elements; the others tell the diagonal of a matrix of pairs from the rest.
PAIRED: dict[str, Callable[[float, float], float]] = {
    "sum": lambda x, y: x + y, "cumsum": lambda x, y: x + y, "mean": lambda x, y: (x + y) / 2.0, "max": _larger,
    "count_nonzero": lambda x, y: float(x != 0.0) + float(y != 0.0), "min": lambda x, y: -_larger(-x, -y),
    "prod": lambda x, y: x * y, "norm": math.hypot, "euclidean_norm": math.hypot,
    "all": min, "any": max, "std": lambda x, y: abs(x - y) / 2.0, "var": lambda x, y: (x - y) ** 2 / 4.0,
    "l2_normalize": lambda x, y: div(x, max(math.hypot(x, y), 1e-6)),
    "normalize_vectors": lambda x, y: div(x, max(math.hypot(x, y), 1e-12)),
    "diag": lambda x, y: x, "diagonal": lambda x, y: x, "eye": lambda x, y: x, "transpose": lambda x, y: x,
}  # fmt: skip
JOINS = ("stack", "concat", "add_n", "tuple", "hstack", "vstack", "dstack", "append")



# -- how an operation is evaluated where it has an element


def way_of(step: Step) -> Way:
    """The first of these ways that fits an operation."""
    node, op, inputs = step.node, step.op, step.node.inputs
    if op in COUNTED:
        return lambda point, step: SIZE
    if sides_of(node) is not None:
        return _chosen
    if op == "clip":
        return _clipped
    if step.mask is not None:
        return _selected
    if op == "sub" and is_unknown(inputs.get("y")) and plain_number(inputs.get("x")) == 1.0:
        return lambda point, step: 1.0 - TINY_GUARD
    if step.primitive is not None:
        return _computed
    if op in JOINS:
        return _joined
    if step.passes_on:
        return _passed_on
    if op == "zeros" or step.is_difference:
        return lambda point, step: 0.0
    if op == "range" and "limit" in inputs and (start := plain_number(inputs.get("start")) or 0.0) > 0.0:
        return lambda point, step: start  # arange(2, k + 2) has no 1
    if op in ("ones", "range"):
        return lambda point, step: 1.0
    if op == "fill":
        return lambda point, step: point(step.node.inputs.get("value", step.node.inputs.get("x")))
    return _stood_for


def sides_of(node: Node) -> tuple[str, str] | None:
    """The inputs that a choice is between; None for what is no choice."""
    names = ("value", "x") if node.op in FILLS else ("x", "y")
    if node.op not in CHOICES or not node.inputs.keys() >= set(names) or (
            node.op == "python.set_item" and getattr(node.inputs.get("index"), "op", "") not in TESTS):
        return None
    return names if node.op != "where" or "condition" in node.inputs else None


def _chosen(point: Point, step: Step) -> float:
    sides = point.sides(step.node)
    assert sides is not None
    return point(step.node.inputs.get(sides[0]))


def _clipped(point: Point, step: Step) -> float:
    inputs = step.node.inputs
    low, high, x = (point(inputs.get(name)) for name in ("low", "high", "x"))
    share = 0.0 <= x <= 1.0
    low = _bound(inputs.get("low"), low, -math.inf, TINY_GUARD if share else -math.inf)
    high = _bound(inputs.get("high"), high, math.inf, 1.0 - TINY_GUARD if share else math.inf)
    return min(max(x, low), high) if x == x else x


def _selected(point: Point, step: Step) -> float:
    if not point(step.mask):
        point.empty.add(step.index)
        return 1.0
    return point(step.node.inputs["x"]) if step.op == "boolean_mask" else 1.0


def _computed(point: Point, step: Step) -> float:
    if point.graph_mode and (folded := step.folding) is not None:
        return step.round(folded.first + folded.last) + folded.sign * point(folded.x)
    assert step.primitive is not None
    value = step.primitive.value(*point.arguments(step))
    return value * SHARE if step.is_share and point.other is None else value


def _joined(point: Point, step: Step) -> float:
    items = point.joined(step)
    return sum(map(point, items)) / (1 if step.op == "add_n" else max(len(items), 1))


def _passed_on(point: Point, step: Step) -> float:
    return point(step.passed) * (point.count if step.op == "sum" else 1.0)


def _stood_for(point: Point, step: Step) -> float:
    """A fixed number for what has no meaning at a point, alike for equal operands."""
    point.opaque.add(step.index)
    given = [point(operand) for _, operand in step.node.operands()]
    if not given or step.node.family == "sample":
        return 0.25 + (step.index % 7) / 16.0
    return 0.2 + sum(map(ord, step.op)) % 7 / 16.0 + 0.2 * math.tanh(sum(given) / len(given))


def _bound(bound: Value | None, value: float, absent: float, unknown: float) -> float:
    """What a clip keeps its argument to."""
    if bound is None or (isinstance(bound, Const) and bound.value is None):
        return absent
    return unknown if is_unknown(bound) else value


def joined(value: Value | None) -> list[Value]:
    """What an operation joins, one by one."""
    return value.items if isinstance(value, Seq) else [value] if value is not None else []
