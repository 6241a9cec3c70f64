"""What values each tensor of a loss can take, for every input that training plausibly meets.

One pass over the graph in execution order: each node gets the interval of all its elements, in the precision it is
computed in, after the foldings of graph mode. Relations that intervals alone forget (``x - max(x)``, ``x * x``, a sum
that holds a certain 1, ``where(x > 0, x, 1)``) are known by value number. What is not known may be anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from losslint.facts import interval
from losslint.facts.constants import folding, plain_number
from losslint.facts.float32 import INF, TINY, f32
from losslint.facts.interval import (
    MANY,
    ONE,
    SLOPES,
    TOP,
    TRANSFERS,
    TRUTHS,
    UNIT,
    ZERO,
    Interval,
    constant,
)
from losslint.facts.precision import Precision
from losslint.facts.shape import is_absent
from losslint.facts.step import BINARY_OPS, OF_NUMBERS, keeps_rows
from losslint.facts.variables import Variable, variable_of
from losslint.graph.nodes import Node, carrier
from losslint.graph.values import Const, Seq, Value
from losslint.ops.moves import RESHAPES

BOUND = 1e4  # magnitude of a real-valued input: a loss that fails beyond it only is not to blame
REAL = Interval(-BOUND, BOUND)
COUNTS = ("static_dim", "size", "python.len", "python.count", "rank", "static_shape", "shape", "python_len", "count_nonzero")
SAME_INTERVAL = frozenset(
    [
        "reshape", "squeeze", "expand_dims", "identity", "convert_to_tensor", "constant", "transpose", "ensure_shape",
        "flatten", "ravel", "repeat", "tile", "broadcast_to", "sort", "reverse", "roll", "slice", "strided_slice", "gather",
        "gather_nd", "boolean_mask", "permute_dimensions", "batch_flatten", "matrix_transpose", "moveaxis", "swapaxes",
        "flip", "max", "min", "median", "item", "stop_gradient", "custom_gradient", "check_numerics", "print_identity",
        "take_along_axis", "split", "unstack", "python.float", "python.max", "python.min", "to_float", "max_pool",
        "segment_max", "segment_min", "stack", "concat", "hstack", "vstack", "dstack", "append", "cast", "grad_pass_through",
    ]
)  # fmt: skip
WITH_ZERO = ("pad", "diag", "tril", "triu", "band_part", "scatter_nd", "dropout")  # the elements, and zeros
SUMS = ("sum", "cumsum", "python.sum", "nansum", "add_n")
MAYBE_EMPTY = ("boolean_mask", "dynamic_partition", "compress", "nonzero")
AVERAGES = ("mean", "avg_pool", "nanmean", "segment_mean")
PRODUCTS = ("matmul", "dot", "einsum", "tensordot", "batch_dot", "inner", "vdot", "matvec")
NONNEGATIVE = ("mse", "mae", "mape", "msle", "huber", "norm", "euclidean_norm", "std", "var", "hinge", "squared_hinge",
               "log_cosh", "categorical_hinge")  # fmt: skip
# One value by two names.
ALIASES = ("identity", "convert_to_tensor", "stop_gradient", "ensure_shape", "check_numerics", "constant")
PLACED = (*ALIASES, *RESHAPES, "broadcast_to", "tile", "repeat")  # the same numbers, perhaps several times
NORMS = ("norm", "euclidean_norm")
OF_ROWS = ("sum", "max", "logsumexp", "mean", *NORMS)  # no less than the largest element makes them
RISING = ("exp", "softplus", "sigmoid", *PLACED)
RISING_ABOVE_0 = ("square", "pow", "mul", "div", "sqrt")
COMPARISONS = ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal")
MAX_REFINED = 200  # nodes evaluated again for one branch of ``where``


class RangeFacts:
    """The interval of each node."""

    def __init__(
        self,
        nodes: Collection[Node],
        inputs: Mapping[Variable, Interval],
        precisions: Mapping[int, Precision],
        refined: Mapping[int, Interval] | None = None,
        numbers: ValueNumbers | None = None,
    ) -> None:
        """``inputs``: what the independent variables may hold; ``refined``: what is known besides, by value number."""
        self.nodes = nodes
        self.inputs = inputs
        self.refined = refined or {}
        self.numbers = numbers or ValueNumbers(nodes)
        self.intervals: dict[int, Interval] = {}
        self.peaks: dict[int, tuple[float, str]] = {}  # a lower bound of the largest element along some axis, and the axis
        self.precisions = precisions
        self.round: Callable[[float], float] = f32  # as the node that is visited is rounded
        self.empty: set[int] = set()  # selections, and what is computed from their elements
        for node in nodes:
            self._visit(node)

    def of(self, value: Value | None) -> Interval:
        """The interval of a value; anything for what is not known."""
        if isinstance(value, Node):
            return self.intervals.get(value.index, TOP)
        if isinstance(value, Const) and isinstance(value.value, (bool, int, float)):
            return constant(self.round(float(value.value)))
        if isinstance(value, Seq) and value.items and not value.open:
            return _hull(self.of(item) for item in value.items)
        return TOP

    def is_safe(self, node: Node) -> bool:
        """Whether value and local derivatives are finite for every input."""
        if node.op in AVERAGES:
            return not self._may_be_empty(node)
        out = self.of(node)
        if node.op in NORMS:
            return "ord" not in node.inputs and out.finite and out.low > 0.0
        operands = [self.of(node.inputs[name]) for name in _names(node)]
        slopes = SLOPES.get(node.op)
        if slopes is None or not out.finite or not operands or not all(o.finite for o in operands):
            return False
        rounding = self.precisions[node.index].round
        trained = [isinstance(node.inputs[name], Node) for name in _names(node)]
        return all(slope.map(rounding).finite for slope, asked in zip(slopes(operands, out), trained, strict=True) if asked)

    # -- one node

    def _visit(self, node: Node) -> None:
        precision = self.precisions[node.index]
        self.round = precision.round
        found = self._plain(node)
        if not self._is_input(node):
            for known in self._related(node):
                found = found & replace(known, nan=True)  # NaN stays where it can come in
            found = found.map(precision.round)
            if (folded := folding(node)) is not None:
                constants, x = constant(self.round(folded.first + folded.last)), self.of(folded.x)
                found = found | interval.add(constants, x if folded.sign > 0 else interval.negative(x)).map(precision.round)
        known_besides = self.refined.get(self.numbers.of(node))
        self.intervals[node.index] = found & known_besides if known_besides is not None else found
        self._note_peak(node)
        finds_places = node.op == "where" and "x" not in node.inputs
        as_many = node.family != "reduce" or keeps_rows(node)
        if node.op in MAYBE_EMPTY or finds_places or (as_many and self._may_be_empty(node)):
            self.empty.add(node.index)

    def _is_input(self, node: Node) -> bool:
        return (variable_of(node) or (node.index, "")) in self.inputs or (node.index, "") in self.inputs

    def _plain(self, node: Node) -> Interval:
        """The interval that the operands' intervals give."""
        op, inputs = node.op, node.inputs
        variable = variable_of(node)
        for key in (variable, (node.index, "")):
            if key is not None and key in self.inputs:
                return self.inputs[key]
        if op in COUNTS:
            return Interval(0.0 if op == "count_nonzero" or self._may_be_empty(node) else 1.0, MANY)
        if op in TRUTHS or node.dtype == "bool":
            return UNIT
        if op in ("where", "phi") and inputs.keys() >= {"x", "y"}:
            condition = inputs.get("condition")
            return self._under(condition, True, inputs["x"]) | self._under(condition, False, inputs["y"])
        if op == "clip" and "x" in inputs:
            return interval.clipped(self._first(node), self._bound(node, "low", -INF), self._bound(node, "high", INF))
        names = _names(node)
        if names and op in TRANSFERS:
            return TRANSFERS[op](*(self.of(inputs[name]) for name in names))
        if op == "cast":
            x = self._first(node)
            return Interval(math.floor(x.low), math.ceil(x.high)) if node.dtype == "int" and x.finite else x
        if op in SUMS:
            return interval.sums(self._first(node), empty=self._may_be_empty(node))
        if op in AVERAGES:
            mean = interval.averaged(self._first(node))
            return TOP if self._may_be_empty(node) else mean
        if op in PRODUCTS and len(operands := [o for _, o in node.operands()]) == 2:
            return interval.sums(interval.mul(*map(self.of, operands)), empty=True)
        if op in OF_NUMBERS and len(inputs) == 2:
            return TRANSFERS[OF_NUMBERS[op]](*map(self.of, inputs.values()))
        if op in SAME_INTERVAL:
            return self._first(node)
        return self._special(node)

    def _special(self, node: Node) -> Interval:
        op = node.op
        if op in WITH_ZERO:
            return self._first(node) | ZERO if op != "dropout" else interval.mul(self._first(node), Interval(0.0, MANY))
        if op == "zeros":
            return ZERO
        if op == "ones":
            return ONE
        if op == "fill":
            return self.of(node.inputs.get("value", node.inputs.get("x")))
        if op == "prod":
            x = self._first(node)
            return x if x.low >= 0.0 and x.high <= 1.0 and not x.nan else TOP
        if op == "logsumexp":
            x = self._first(node)
            return Interval(x.low, x.high + math.log(MANY), x.nan)
        if op in NORMS and "x" in node.inputs and "ord" not in node.inputs:
            return interval.root(interval.sums(interval.square(self._first(node))))
        if op in NONNEGATIVE:
            return Interval(0.0, INF, not all(self.of(o).finite for _, o in node.operands()))
        return TOP

    def _first(self, node: Node) -> Interval:
        return self.of(carrier(node))

    def _bound(self, node: Node, name: str, otherwise: float) -> Interval:
        bound = node.inputs.get(name)
        return constant(otherwise) if is_absent(bound) else self.of(bound)

    def _may_be_empty(self, node: Node) -> bool:
        """Whether what a node reduces may hold no element."""
        return any(operand.index in self.empty for _, operand in node.operands())

    # -- relations

    def _related(self, node: Node) -> Iterator[Interval]:
        """What holds because of where the operands come from."""
        op, names = node.op, _names(node)
        if op in OF_ROWS:
            yield from self._of_rows(node)
        if len(names) != 2:
            return
        x, y = node.inputs["x"], node.inputs["y"]
        same = self.numbers.of(x) == self.numbers.of(y)
        if same and self.of(x).finite:
            if op == "sub":
                yield ZERO
            elif op == "mul":
                yield interval.square(self.of(x))
            elif op == "div" and 0.0 not in self.of(x):
                yield ONE
        if op == "sub" and self.of(x).finite and self.of(y).finite:
            if self._is_top_of(y, x):
                yield Interval(-INF, 0.0)
            if self._is_top_of(x, y):
                yield Interval(0.0, INF)
        if op == "add":
            yield from self._sums_of_two(x, y)

    def _of_rows(self, node: Node) -> Iterator[Interval]:
        """A softmax sums to 1; a sum that holds a certain 1 is no smaller."""
        inner, axis = self._unplaced(node.inputs.get("x")), self._axis(node)
        if node.op == "sum" and inner is not None and inner.op == "softmax":
            if axis == "None":
                yield Interval(1.0 - 1e-4, INF)
            elif axis == self._axis(inner).replace("None", "-1"):
                yield Interval(1.0 - 1e-4, 1.0 + 1e-4)
        peak, along = self.peaks.get(inner.index, (-INF, "")) if inner is not None else (-INF, "")
        if not math.isfinite(peak) or not self._covers(node.inputs.get("axis"), along):
            return
        if node.op in ("max", "logsumexp"):
            yield Interval(peak - abs(peak) * 1e-5, INF)
        elif self._first(node).low >= 0.0:
            yield Interval(peak * (1 - 1e-5) / (MANY if node.op == "mean" else 1.0), INF)

    def _covers(self, axis: Value | None, along: str) -> bool:
        """Whether what is reduced holds the axis that something is known along. Of a batch of rows 1 is the last one."""
        parts = axis.items if isinstance(axis, Seq) else [axis]
        last = {"1", "-1"}
        keys = {"None" if part is None else self.numbers.key(part) for part in parts}
        return bool(keys & {"None", along}) or (along in last and bool(keys & last))

    def _axis(self, node: Node) -> str:
        """The axis a node reduces; ``None`` for all."""
        axis = node.inputs.get("axis")
        return "None" if axis is None else self.numbers.key(axis)

    def _sums_of_two(self, x: Value, y: Value) -> Iterator[Interval]:
        for left, right in ((x, y), (y, x)):
            mixed = self._mixture(left, right)
            if mixed is not None:
                yield mixed
            guarded = self._lifted(left, right)
            if guarded is not None:
                yield guarded

    def _mixture(self, left: Value, right: Value) -> Interval | None:
        """``w * a + (1 - w) * b`` with w in [0, 1] lies between a and b."""
        for weight, a in _factors(left):
            if self.of(weight).low < 0.0 or self.of(weight).high > 1.0:
                continue
            for rest, b in _factors(right):
                if isinstance(rest, Node) and rest.op == "sub" and plain_number(rest.inputs.get("x")) == 1.0 and (
                        self.numbers.of(rest.inputs["y"]) == self.numbers.of(weight)):
                    return interval.widened(self.of(a) | self.of(b))
        return None

    def _lifted(self, x: Value, y: Value) -> Interval | None:
        """``x + cast(x <= c) * e``: where x is not above c, e is added."""
        for flag, step in (*_factors(y), (y, Const(1.0))):
            test = self._unplaced(flag)
            test = self._unplaced(test.inputs.get("x")) if test is not None and test.op == "cast" else test
            if test is None or test.op not in ("less_equal", "less", "equal") or not _names(test):
                continue
            limit, lift = self.of(test.inputs["y"]), self.of(step)
            below = self.of(x)
            covers = test.op != "equal" or limit.high <= below.low
            if self.numbers.of(test.inputs["x"]) == self.numbers.of(x) and lift.low > 0.0 and covers:
                above = math.nextafter(limit.low, INF) if test.op != "less" else limit.low
                return Interval(min(below.low + lift.low, max(above, TINY if above > 0.0 else above)), INF)
        return None

    def _is_top_of(self, value: Value, of: Value) -> bool:
        """Whether a value is the largest element of another, placed so that it can be compared."""
        top = self._unplaced(value)
        return top is not None and top.op == "max" and self.numbers.of(top.inputs.get("x")) == self.numbers.of(of)

    def _unplaced(self, value: Value | None) -> Node | None:
        while isinstance(value, Node) and value.op in PLACED and "x" in value.inputs:
            value = value.inputs["x"]
        return value if isinstance(value, Node) else None

    def _note_peak(self, node: Node) -> None:
        """``x - max(x)`` holds a 0 in each row, ``exp`` of it a 1; a softmax of n classes has one of at least ``1 / n``."""
        names = _names(node)
        if node.op == "softmax" and self._first(node).finite:
            self.peaks[node.index] = (1.0 / MANY, self._axis(node).replace("None", "-1"))
        if node.op == "sub" and len(names) == 2 and self._is_top_of(node.inputs["y"], node.inputs["x"]):
            top = self._unplaced(node.inputs["y"])
            self.peaks[node.index] = (0.0, self._axis(top) if top is not None else "")
        elif node.op in RISING and isinstance(x := node.inputs.get("x"), Node) and x.index in self.peaks:
            peak, along = self.peaks[x.index]
            transfer = TRANSFERS.get(node.op)
            self.peaks[node.index] = (self.round(transfer(constant(peak)).low) if transfer else peak, along)
        elif node.op in RISING_ABOVE_0 and (powered := self._powered(node)) is not None:
            self.peaks[node.index] = powered

    def _powered(self, node: Node) -> tuple[float, str] | None:
        """The peak of a square, power or multiple of numbers that are not negative."""
        for value, other in ((node.inputs.get("x"), node.inputs.get("y")), (node.inputs.get("y"), node.inputs.get("x"))):
            if not isinstance(value, Node) or value.index not in self.peaks or self.of(value).low < 0.0:
                continue
            peak, along = self.peaks[value.index]
            if node.op == "square" or (node.op == "mul" and self.numbers.of(value) == self.numbers.of(other)):
                return self.round(peak * peak), along
            number = plain_number(other)
            if number is not None and number > 0.0 and (node.op == "mul" or value is node.inputs.get("x")):
                return self.round(TRANSFERS[node.op](constant(peak), constant(number)).low), along
        return None

    # -- branches

    def _under(self, condition: Value | None, truth: bool, value: Value) -> Interval:
        """The interval of a value where a condition is known to hold, or not to."""
        known = dict(self._implied(condition, truth)) if not self.refined else {}
        if not known or not isinstance(value, Node):
            return self.of(value)
        cone = _cone(value)
        if len(cone) > MAX_REFINED or not any(self.numbers.of(n) in known for n in cone):
            return self.of(value)
        return RangeFacts(cone, self.inputs, self.precisions, known, self.numbers).of(value)

    def _implied(self, condition: Value | None, truth: bool) -> Iterator[tuple[int, Interval]]:
        """What a condition says of the values it compares."""
        test = self._unplaced(condition)
        if test is None:
            return
        if test.op == "logical_not":
            yield from self._implied(test.inputs.get("x"), not truth)
        elif test.op == ("logical_and" if truth else "logical_or"):
            for name in _names(test):
                yield from self._implied(test.inputs[name], truth)
        elif test.op in COMPARISONS and len(_names(test)) == 2:
            x, y = test.inputs["x"], test.inputs["y"]
            for value, other, op in ((x, y, test.op), (y, x, _mirrored(test.op))):
                if isinstance(value, Node):
                    yield self.numbers.of(value), self.of(value) & _allowed(op, truth, self.of(other), self.of(value))


def _allowed(op: str, truth: bool, other: Interval, mine: Interval) -> Interval:
    """The numbers that compare so with a number of another interval. NaN compares false with everything."""
    op = op if truth else NEGATED[op]
    nan = not truth and mine.nan
    if op == "greater":
        return Interval(above(other.low), INF, nan)
    if op == "greater_equal":
        return Interval(other.low, INF, nan)
    if op == "less":
        return Interval(-INF, -above(-other.high), nan)
    if op == "less_equal":
        return Interval(-INF, other.high, nan)
    if op == "equal":
        return Interval(other.low, other.high, nan)
    if other.low == other.high == mine.low:
        return Interval(above(mine.low), INF, mine.nan)
    return TOP


NEGATED = {"greater": "less_equal", "less_equal": "greater", "less": "greater_equal", "greater_equal": "less",
           "equal": "not_equal", "not_equal": "equal"}  # fmt: skip


def _mirrored(op: str) -> str:
    return {"greater": "less", "less": "greater", "greater_equal": "less_equal", "less_equal": "greater_equal"}.get(op, op)


def above(x: float) -> float:
    """The next float32 that is larger; above 0 the smallest that is not flushed."""
    if not math.isfinite(x):
        return x
    if 0.0 <= x < TINY:
        return TINY
    return f32(x + abs(x) * 2.0**-23)


class ValueNumbers:
    """Numbers that are equal for nodes that compute the same value."""

    def __init__(self, nodes: Collection[Node]) -> None:
        self._of: dict[int, int] = {}
        self._known: dict[object, int] = {}
        for node in nodes:
            self._of[node.index] = self._number(node)

    def of(self, value: Value | None) -> int:
        """The number of a value; another one for each value that is not known."""
        if isinstance(value, Node):
            return self._of.get(value.index, -2 - value.index)
        return self._known.setdefault(self.key(value), len(self._known))

    def _number(self, node: Node) -> int:
        x = node.inputs.get("x")
        if (node.op in ALIASES or (node.op == "cast" and node.dtype == "float")) and isinstance(x, Node):
            return self.of(x)
        own = node.op in ("param", "unknown", "layer", "weight", "phi") or node.family in (
            "sample", "layer", "variable", "state")
        key: object = node.index if own else (node.op, *sorted((k, self.key(v)) for k, v in node.inputs.items()))
        return self._known.setdefault(("node", key), len(self._known))

    def key(self, value: Value | None) -> str:
        """Text that is equal for values that are."""
        if isinstance(value, Node):
            return f"%{self.of(value)}"
        if isinstance(value, Const):
            return repr(value.value)
        if isinstance(value, Seq) and not value.open:
            return f"{value.kind}({','.join(map(self.key, value.items))})"
        return f"@{id(value)}"


def _names(node: Node) -> tuple[str, ...]:
    """The inputs that a scalar operation works on; none when one of them is missing."""
    names = ("x", "y") if node.op in BINARY_OPS else ("x",)
    return names if all(name in node.inputs for name in names) else ()


def _factors(value: Value) -> Iterator[tuple[Value, Value]]:
    if isinstance(value, Node) and value.op == "mul" and len(_names(value)) == 2:
        yield value.inputs["x"], value.inputs["y"]
        yield value.inputs["y"], value.inputs["x"]


def _cone(node: Node) -> list[Node]:
    found = {node.index: node}
    stack = [node]
    while stack:
        for _, operand in stack.pop().operands():
            if operand.index not in found:
                found[operand.index] = operand
                stack.append(operand)
    return sorted(found.values(), key=lambda n: n.index)


def _hull(intervals: Iterator[Interval]) -> Interval:
    found = next(intervals)
    for other in intervals:
        found = found | other
    return found
