"""Where a loss, or its derivative, stops being finite at an input that training plausibly meets.

The loss is evaluated at corner points (a perfect prediction, a saturated probability, an empty mask, a constant row) in
float32, forwards and backwards, once as eager code runs it and once with the constants folded as graph mode does. A
hazard is the operation where the first non-finite value or slope is born, with the point that shows it.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from losslint.facts.gradient import GradientFacts
from losslint.facts.interval import UNIT, Interval
from losslint.facts.point import PAIRED, VARIABLES, Cone, Point, Variable, averages, foldable, plain_number, variable_of
from losslint.facts.range import BOUND, COMPARISONS, REAL, RangeFacts
from losslint.graph.nodes import Kind, Node, nodes_in
from losslint.graph.values import Const, Seq
from losslint.project.roles import Role

MAX_POINTS = 160
MAX_WORK = 24_000  # operations evaluated for one result; keeps the largest losses below a fraction of a second
OTHERS = "the others"  # the name of the other elements of a row in a point
MAX_CULPRITS = 3  # operations blamed at one point: the next ones as if the first were repaired
EXPONENTS = ("gamma", "power", "exponent", "alpha", "beta")  # configuration that is mostly 1 or more
COUNTS = (3.0, 16.0)  # elements of a row
SMALL = 1e-5  # what is left of a difference that float32 rounds
LARGE = 100.0  # exp overflows at 88.7


class Sort(enum.Enum):
    """What a variable may hold."""

    PROBABILITY = "probability"
    LOGIT = "logit"
    LABEL = "label"
    MASK = "mask"
    REAL = "real"
    UNIT = "unit"
    NONNEGATIVE = "nonnegative"
    FIXED = "fixed"  # configuration: some harmless number


@dataclass(frozen=True)
class Hazard:
    """A non-finite value or slope."""

    node: Node
    operand: Node | None  # the operand that sits on the singular point
    value: bool  # the value is not finite (else only the slope)
    graph_only: bool  # eager code is fine, the folded graph is not
    large: bool  # it takes inputs of magnitude 100
    masked: bool  # the value is discarded by where or a mask; only the derivative suffers
    label_only: bool  # the operand depends on labels alone
    at: dict[str, float] = field(default_factory=dict)  # the point, by name
    operand_value: float = math.nan


NEEDS_POSITIVE = ("log", "log1p", "sqrt", "rsqrt", "pow", "xlogy")
SINGULAR = frozenset(
    [
        "log", "log1p", "xlogy", "xlog1py", "exp", "expm1", "cosh", "sinh", "sqrt", "rsqrt", "norm", "euclidean_norm", "std",
        "pow", "div", "reciprocal", "mean", "acos", "asin", "atanh", "acosh",
    ]
)  # fmt: skip
SATURATING = ("sigmoid", "softmax", "log_sigmoid", "log_softmax", "softplus", "logsumexp")
LOGIT_LOSSES = ("sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits",
                "sparse_softmax_cross_entropy_with_logits")  # fmt: skip
KEEPS = ("cast", "clip", "convert_to_tensor", "identity", "reshape", "item", "boolean_mask", "gather", "stop_gradient")


def corners(sort: Sort, *, large: bool) -> tuple[float, ...]:
    """The values of a variable that training plausibly meets."""
    if large:
        return {Sort.PROBABILITY: (0.3,), Sort.LABEL: (0.4, 1.0), Sort.MASK: (1.0,), Sort.FIXED: (0.7,)}.get(
            sort, (LARGE, 0.0) if sort is Sort.NONNEGATIVE else (0.3,) if sort is Sort.UNIT else (LARGE, -LARGE)
        )
    return {
        Sort.PROBABILITY: (0.3, 0.0, 1.0), Sort.LOGIT: (0.3, -0.9, 20.0, -20.0), Sort.LABEL: (0.4, 0.0, 1.0),
        Sort.MASK: (1.0, 0.0), Sort.REAL: (0.3, -0.9, 1.7), Sort.UNIT: (0.3, -0.9, 1.0, -1.0),
        Sort.NONNEGATIVE: (0.3, 0.0, 1.7), Sort.FIXED: (0.7,),
    }[sort]  # fmt: skip


INTERVALS = {
    Sort.PROBABILITY: UNIT, Sort.UNIT: Interval(-1.0, 1.0), Sort.MASK: Interval(0.0, BOUND),
    Sort.NONNEGATIVE: Interval(0.0, BOUND),
}  # fmt: skip

# What a prediction may be where the model's last activation is known. The output of a linear layer is what the loss
# makes of it: its use decides.
BY_HEAD = {
    "sigmoid": Sort.PROBABILITY, "softmax": Sort.PROBABILITY, "tanh": Sort.UNIT, "relu": Sort.NONNEGATIVE,
    "softplus": Sort.NONNEGATIVE,
}  # fmt: skip
SIGNED = ("linear", "tanh")
LOGARITHMS = {"log", "one_minus_log", "xlogy"}  # of a prediction as it is
PROBABILITY_USES = {"one_minus_pow", "clip01", "binary_crossentropy", "categorical_crossentropy"}
NETWORK_OPS = ("matmul", "dot", "einsum", "tensordot", "linear_layer", "conv")


def is_network(node: Node) -> bool:
    """``x @ w``: two different things multiplied, one of them weights as they are, whose result may be any number; with or
    without a bias added."""
    operands = operands_of(node)
    if node.op == "add" and len(operands) == 2:
        return any(is_network(product) and _is_variable(bias) for product, bias in (operands, operands[::-1]))
    return (node.op in NETWORK_OPS and len(operands) >= 2 and _source(operands[0]) != _source(operands[1])
            and any(map(_is_variable, operands)))


def _is_variable(node: Node) -> bool:
    """Whether a node is a variable as it is, at most moved or cast; what an unknown function returns is none."""
    if node.op in ("param", "layer", "attribute", "variable", "weight") or node.family == "variable":
        return True
    inner = next((o for _, o in node.operands()), None) if node.family == "move" or node.op in KEEPS else None
    return inner is not None and _is_variable(inner)


def operands_of(node: Node) -> list[Node]:
    return [operand for _, operand in node.operands()]


def _source(node: Node, depth: int = 12) -> Variable:
    """The variable that a value comes from first."""
    variable = variable_of(node)
    if variable is not None:
        return variable
    inner = next((o for _, o in node.operands()), None)
    return _source(inner, depth - 1) if inner is not None and depth and node.op not in NETWORK_OPS else (node.index, "")


class HazardFacts:
    """The hazards of one result."""

    def __init__(self, gradient: GradientFacts, result: Node, head: str = "") -> None:
        """``head``: the activation that the model whose output the loss gets ends in, where it is known."""
        self.head = head
        self.gradient = gradient
        self.result = result
        self.nodes = sorted(gradient.cone(result), key=lambda node: node.index)
        self.users = _users(self.nodes)
        self.sorts = self._sorts()
        self.max_points = max(4, min(MAX_POINTS, MAX_WORK // (4 * len(self.nodes))))

    # -- what the variables hold

    def _sorts(self) -> dict[Variable, Sort]:
        found: dict[Variable, Sort] = {}
        for node in self._entering(self.result):
            variable = variable_of(node)
            if variable is not None:
                found[variable] = self._sort(node)
            elif node.op == "one_hot":
                found[node.index, ""] = Sort.MASK
            elif self._is_output(node):
                found[node.index, ""] = Sort.REAL
        return dict(sorted(found.items()))

    def _is_output(self, node: Node) -> bool:
        """Whether a product of two things is what a model gives, in a loss that is given none."""
        return is_network(node) and not self._has_prediction and bool(self.gradient.reach(node))

    def _entering(self, node: Node) -> list[Node]:
        """What a node is computed from; of a variable no more than itself."""
        found: dict[int, Node] = {}
        stack = [node]
        while stack:
            current = stack.pop()
            if current.index not in found:
                found[current.index] = current
                if variable_of(current) is None and current.op != "one_hot" and not self._is_output(current):
                    stack += [operand for _, operand in current.operands()]
        return list(found.values())

    @cached_property
    def _has_prediction(self) -> bool:
        return any(n.op == "param" and n.role is Role.PREDICTION for n in self.nodes)

    def _sort(self, node: Node) -> Sort:
        base = node
        while base.op not in VARIABLES:
            inner = next((o for _, o in base.operands()), None)
            if inner is None:
                return Sort.FIXED
            base = inner
        if base.op == "param" and base.role is Role.LABEL:
            return Sort.LABEL
        if base.op == "param" and base.role is Role.WEIGHT:
            return Sort.MASK
        if base.op == "variable" or base.family == "variable":
            return Sort.REAL  # its initial value is not its value
        if base.op == "placeholder":
            shape = base.inputs.get("shape")
            return Sort.LABEL if base.dtype == "float" and isinstance(shape, Seq) and shape.items else Sort.FIXED
        if base.op in ("attribute", "unknown", "weight") or (base.op == "param" and base.kind is Kind.UNKNOWN):
            return Sort.FIXED  # nothing is known of it, and unknown stays quiet
        if base.index not in self.gradient.trained and base.op in ("param", "attribute"):
            return Sort.FIXED if base.role in (Role.CONFIG, None) else Sort.REAL
        return self._prediction_sort(node, base)

    def _prediction_sort(self, node: Node, base: Node) -> Sort:
        name = base.name.lower()
        if "logit" in name:
            return Sort.LOGIT
        if name in ("p", "probs", "prob", "probabilities") or "prob" in name.split("_"):
            return Sort.PROBABILITY
        if base.op == "param" and self.head in BY_HEAD:
            return BY_HEAD[self.head]
        same = variable_of(node)
        uses = {op for n in self.nodes if variable_of(n) == same for op in self._uses(n)}
        logits = bool(uses & {*SATURATING, *LOGIT_LOSSES})
        if uses & LOGARITHMS or (uses & PROBABILITY_USES and not logits):
            return Sort.PROBABILITY  # also where ``from_logits`` decides: each of them is a number a logit may be
        return Sort.LOGIT if logits else Sort.REAL

    def _uses(self, base: Node, depth: int = 6) -> Iterator[str]:
        """The operations that see a prediction as it is, or as ``1 - p``, ``p + eps``, ``clip(p, ..)``."""
        for user in self.users.get(base.index, []):
            yield user.op
            if user.op == "clip" and all(
                0.0 <= (plain_number(user.inputs.get(b)) or 0.0) <= 1.0 for b in ("low", "high")
            ):
                high = plain_number(user.inputs.get("high"))
                if high is not None and 0.5 < high <= 1.0:
                    yield "clip01"
            if not depth:
                continue
            if user.op in (*KEEPS, "phi") or (user.op in ("add", "maximum") and _tiny(user)):
                yield from self._uses(user, depth - 1)
            elif user.op == "div":
                yield from (op for op in self._uses(user, depth - 1) if op == "log")
            elif user.op == "sub" and plain_number(user.inputs.get("x")) == 1.0:
                yield from (f"one_minus_{op}" for op in self._uses(user, depth - 1) if op in ("log", "pow"))

    def _corners(self, variable: Variable, *, large: bool) -> tuple[float, ...]:
        sort = self.sorts[variable]
        name = self.gradient.graph.nodes[variable[0]].name.strip("_").lower()
        if sort is Sort.FIXED and (name in EXPONENTS or name.endswith(EXPONENTS[:4])):
            return (2.0,)
        if sort is Sort.FIXED:
            return (0.55 + variable[0] % 13 / 32.0,)  # no two alike
        if large:
            return corners(sort, large=True)
        found = [*corners(sort, large=False), *([-3.0] if sort is Sort.REAL and self.head == "linear" else [])]
        found += [x for x in self._beyond.get(variable, ()) if sort is Sort.LABEL and x not in found]
        return tuple(found)

    @cached_property
    def _beyond(self) -> dict[Variable, list[float]]:
        """What a variable is compared with, and the numbers on either side: ``y_true != -1``, ``y_true >= 0``."""
        found: dict[Variable, list[float]] = {}
        for node in self.nodes:
            if node.op in COMPARISONS and node.inputs.keys() >= {"x", "y"}:
                for value, other in ((node.inputs["x"], node.inputs["y"]), (node.inputs["y"], node.inputs["x"])):
                    number, variable = plain_number(other), variable_of(value) if isinstance(value, Node) else None
                    if number is not None and variable is not None:
                        sides = [number] if node.op in ("equal", "not_equal") else [number - 1.0, number + 1.0]
                        found.setdefault(variable, []).extend(sides)
        return found

    @cached_property
    def ranges(self) -> RangeFacts:
        """What each node can be for all inputs that the variables may hold."""
        return RangeFacts(self.nodes, {variable: self._interval(variable) for variable in self.sorts})

    def _interval(self, variable: Variable) -> Interval:
        if self.sorts[variable] is Sort.LABEL and self._is_share(variable):
            return UNIT
        return INTERVALS.get(self.sorts[variable], REAL)

    def _is_share(self, variable: Variable) -> bool:
        """Whether a label is used as a number from 0 to 1: ``1 - y``."""
        return any(
            node.op == "sub" and plain_number(node.inputs.get("x")) == 1.0 and isinstance(y := node.inputs.get("y"), Node)
            and variable_of(y) == variable for node in self.nodes
        )  # fmt: skip

    @cached_property
    def suspects(self) -> set[int]:
        """The operations that can fail, for all that is known of their operands."""
        return {
            node.index for node in self.nodes
            if (node.op in SINGULAR or averages(node)) and not self.ranges.is_safe(node)
        }  # fmt: skip

    # -- points

    @cached_property
    def base(self) -> dict[Variable, float]:
        """The plainest point."""
        return {variable: self._corners(variable, large=False)[0] for variable in self.sorts}

    def _points(self, *, large: bool) -> Iterator[dict[Variable, float]]:
        """Assignments that training plausibly meets, on either side of the questions that nothing here decides."""
        inputs = {tuple(point.items()): point for point in self._inputs(large=large)}
        yield from inputs.values()
        if self._undecided:
            yield from (point | dict.fromkeys(self._undecided, 0.0) for point in inputs.values())

    @cached_property
    def _undecided(self) -> list[Variable]:
        """Questions about objects and settings: ``if hasattr(p, "_logits"):``, ``if self.normalize:``."""
        asked = (node.inputs.get("condition") for node in self.nodes if node.op == "phi")
        return [
            (node.index, "") for node in asked
            if isinstance(node, Node) and node.kind is not Kind.TENSOR
            and all(self.sorts.get(v, Sort.FIXED) is Sort.FIXED for v in map(variable_of, self._entering(node)) if v)
        ]  # fmt: skip

    def _inputs(self, *, large: bool) -> Iterator[dict[Variable, float]]:
        variables = list(self.sorts)
        nodes = self.gradient.graph.nodes
        predictions = [v for v in variables if v[0] in self.gradient.trained or is_network(nodes[v[0]])]
        labels = [v for v in variables if self.sorts[v] is Sort.LABEL]
        choices = [self._corners(v, large=large) for v in variables]
        for values in itertools.islice(_plainest_first(choices), self.max_points):
            point = dict(zip(variables, values, strict=True))
            yield point
        if large or not predictions:
            return
        for pair in self._compared():
            yield dict(zip(variables, (c[0] for c in choices), strict=True)) | dict.fromkeys(pair, 0.4)
        if not labels:
            return
        for value in (0.4, 0.0, 1.0):  # perfect predictions
            point = dict(zip(variables, (c[0] for c in choices), strict=True))
            point |= dict.fromkeys(labels, value)
            parts = {part for _, part in labels}
            whole = [p for p in predictions if not p[1] or p[1] in parts]  # a slice may hold anything, a sigma say
            if whole and all(self.sorts[p] in (Sort.REAL, Sort.PROBABILITY) for p in whole):
                yield point | dict.fromkeys(whole, value)
        point = dict(zip(variables, (c[0] for c in choices), strict=True))
        yield point | dict.fromkeys(predictions, 0.3)  # all predictions alike: coinciding embeddings, a constant row

    def _compared(self) -> Iterator[tuple[Variable, Variable]]:
        """A network's output and what is subtracted from it: equal where the prediction is perfect."""
        nodes = self.gradient.graph.nodes
        for node in self.nodes:
            if node.op in ("sub", "squared_difference", "mse", "mae"):
                pair = [v for o in operands_of(node) if (v := self._variable(o)) is not None]
                if len(pair) == 2 and pair[0] != pair[1] and any(
                        nodes[index].op == "layer" or is_network(nodes[index]) for index, _ in pair):
                    yield pair[0], pair[1]

    def _variable(self, node: Node) -> Variable | None:
        variable = (node.index, "") if (node.index, "") in self.sorts else variable_of(node)
        return variable if variable in self.sorts else None

    # -- hazards

    def find(self) -> list[Hazard]:
        """One hazard an operation, the plainest point first."""
        found: dict[int, Hazard] = {}
        if not self.suspects:
            return []
        watched = self._watched.nodes
        folds = any(foldable(node) for node in watched) and not any(n.framework == "torch" for n in watched)
        modes = (False, True) if folds else (False,)
        for large in (False, True):
            for assignment in self._points(large=large):
                for graph_mode in modes:
                    if self._is_harmless(assignment, graph_mode=graph_mode):
                        continue
                    point = Point(self._cone, assignment, graph_mode=graph_mode)
                    for hazard in self._at(point, assignment, graph_only=graph_mode, large=large):
                        found.setdefault(hazard.node.index, hazard)
        for assignment, beside, large in self._rows():
            if self._is_harmless(assignment, beside):
                continue
            point = Point(self._cone, assignment, beside=beside)
            for hazard in self._at(point, assignment, graph_only=False, large=large):
                if large and not hazard.node.op.startswith("log"):
                    continue  # a spread of 100 is there to show what underflows
                others = next(value for variable, value in beside.items() if value != assignment[variable])
                found.setdefault(hazard.node.index, replace(hazard, at={**hazard.at, OTHERS: others}))
        if len(self.nodes) * 200 < MAX_WORK:
            for hazard in self._behind_masks():
                found.setdefault(hazard.node.index, hazard)
        return list(found.values())

    def _is_harmless(
        self, assignment: Mapping[Variable, float], beside: Mapping[Variable, float] | None = None, *,
        graph_mode: bool = False,
    ) -> bool:
        """Whether each operation that can fail, and its slope, is finite at a point: the rest need not be evaluated."""
        point = Point(self._watched, assignment, graph_mode=graph_mode, beside=beside)
        return all(
            math.isfinite(point(node)) and all(math.isfinite(slope) for _, slope in point.contributions(node, 1.0))
            for node in self._watched.nodes if node.index in self.suspects
        )

    @cached_property
    def _cone(self) -> Cone:
        return Cone(self.nodes)

    @cached_property
    def _watched(self) -> Cone:
        """The operations that can fail, and what they are computed from."""
        watched = {node.index for node in self._behind_suspects()}
        return Cone(node for node in self.nodes if node.index in watched)

    def _rows(self) -> Iterator[tuple[dict[Variable, float], dict[Variable, float], bool]]:
        """Rows of unlike elements: this one, another one, and whether they are large.

        A probability of 0 beside one that is not, a logit far below the largest, labels of which no two are alike.
        """
        if not any(node.op in PAIRED and node.op != "mean" for node in self._behind_suspects()):
            return
        for variable, sort in self.sorts.items():
            if sort is Sort.FIXED:
                continue
            for value in self._corners(variable, large=False)[1:]:
                yield self.base | {variable: value}, self.base, False
            if sort in (Sort.LOGIT, Sort.REAL):
                yield self.base | {variable: -LARGE}, self.base, True

    def _behind_suspects(self) -> Iterator[Node]:
        """What the operations that can fail are computed from."""
        for node in self.nodes:
            if node.index in self.suspects:
                yield from self._entering(node)

    def values(self, node: Node) -> Iterator[float]:
        """What a node is at the points, those of large inputs aside."""
        cone = Cone.of(self.gradient, node)
        return (Point(cone, assignment)(node) for assignment in self._points(large=False))

    def _at(
        self, point: Point, assignment: Mapping[Variable, float], *, graph_only: bool, large: bool
    ) -> Iterator[Hazard]:
        repaired: list[int] = []
        while len(repaired) < MAX_CULPRITS and (culprit := self._culprit(point, repaired)) is not None:
            repaired.append(culprit.index)
            if culprit.op in SINGULAR and culprit.index not in self.suspects:
                continue
            by_value = not math.isfinite(point.values[self.result.index])
            operand = _singular_operand(culprit, point)
            if large and any(n.index in point.opaque and self.gradient.reach(n) for n in self._entering(culprit)):
                continue  # what was not evaluated may keep it small
            named = (self._named(assignment, operand) if operand is not None else {}) or self._named(assignment, culprit)
            if not named and (operand is None or not self.gradient.live(operand)):
                continue  # it rests on stand-ins alone
            if culprit.op in NEEDS_POSITIVE and operand is not None and point(operand) < 0 and self.head not in SIGNED:
                continue  # whether a real-valued prediction is ever negative there is not known
            if operand is not None and point(operand) == 0.0 and self._is_rounded(operand, point):
                continue
            yield Hazard(
                culprit, operand, by_value, graph_only, large,
                masked=not by_value and culprit.index not in self._taken(point),
                label_only=operand is not None and not self.gradient.reach(operand), at=named,
                operand_value=point(operand) if operand is not None else math.nan,
            )  # fmt: skip
            if by_value:
                return

    @cached_property
    def sources(self) -> set[int]:
        """What is trained, and what a model makes of weights that are handed to it: no derivative is taken through that."""
        made = {n.index for n in self.nodes if n.op == "layer" and self.gradient.differentiated and self.gradient.live(n)}
        return made | self.gradient.trained

    def _is_rounded(self, operand: Node, point: Point) -> bool:
        """Whether an operand is 0 only as float32 rounds sums of one element: with more it is merely small."""
        cone = Cone.of(self.gradient, operand)
        if not any(node.op == "sum" for node in cone.nodes):
            return False
        beside = point.other.assignment if point.other is not None else None
        longer = (Point(cone, point.assignment, graph_mode=point.graph_mode, beside=beside, count=n) for n in COUNTS)
        return any(0.0 < abs(other(operand)) < SMALL for other in longer)

    def _culprit(self, point: Point, repaired: list[int]) -> Node | None:
        """The operation that makes the result or a gradient not finite, those aside that were found before."""
        if not math.isfinite(point.values[self.result.index]):
            return self._first_bad_value(point, self.result)
        gradients = point.gradients(self.result, repaired)
        if all(math.isfinite(gradients.get(i, 0.0)) for i in self.sources):
            return None
        culprit = self.first_bad_slope(point, gradients, repaired)
        factor = next((o for _, o in culprit.operands() if not math.isfinite(point(o))), None) if culprit else None
        if culprit is not None and culprit.op == "mul" and factor is not None:
            return self._first_bad_value(point, factor)  # 0 * log(0) backwards: the log is to blame
        return culprit

    def _first_bad_value(self, point: Point, node: Node) -> Node | None:
        """The operation that makes the first non-finite value on the way to a node."""
        for _ in self.nodes:
            operands = [operand for _, operand in _value_operands(node, point)]
            divided = (o.inputs.get("y") for o in operands if o.op == "div" and point(o) == 0.0)  # by infinity, it may be
            bad = next((o for o in (*operands, *divided) if isinstance(o, Node) and not math.isfinite(point(o))), None)
            if bad is None:
                return node
            node = bad
        return None

    def _taken(self, point: Point) -> set[int]:
        """The operations whose values make the result: of each ``where`` only the side that is taken."""
        taken: set[int] = set()
        stack = [self.result]
        while stack:
            node = stack.pop()
            if node.index not in taken:
                taken.add(node.index)
                stack += [operand for _, operand in _value_operands(node, point)]
        return taken

    def first_bad_slope(
        self, point: Point, gradients: Mapping[int, float], repaired: Collection[int] = ()
    ) -> Node | None:
        """The operation whose backward function turns a finite upstream gradient into a non-finite one."""
        for node in reversed(self.nodes):
            dy = gradients.get(node.index)
            if dy is None or not math.isfinite(dy) or node.index in repaired:
                continue
            for operand, gradient in point.contributions(node, dy):
                if not math.isfinite(gradient) and self.gradient.live(operand):
                    return node
        return None

    def _named(self, assignment: Mapping[Variable, float], node: Node) -> dict[str, float]:
        """The variables that enter an operation, by name."""
        nodes = self.gradient.graph.nodes
        named: dict[str, float] = {}
        for entering in sorted(self._entering(node), key=lambda inner: inner.index):
            variable = self._variable(entering)
            if variable is None or variable not in assignment:
                continue
            base, part = nodes[variable[0]], part_name(variable[1])
            usual = self.sorts[variable] is Sort.FIXED and assignment[variable] == self._corners(variable, large=False)[0]
            if not usual:
                name = base.name + part if base.op == "param" else entering.source.assigned or entering.source.text
                named.setdefault(name, assignment[variable])
        return named

    # -- singular points behind a guard: where(c, f(x), ..) with f singular on the side that is not taken

    def _behind_masks(self) -> Iterator[Hazard]:
        predictions = [v for v in self.sorts if v[0] in self.gradient.trained]
        for node in self.nodes:
            if node.op not in ("div", "reciprocal", "log", "pow", "acos", "asin") or node.index not in self.masked:
                continue
            inner = node.inputs.get("y" if node.op == "div" else "x")
            if not isinstance(inner, Node) or not self.gradient.live(inner):
                continue
            for variable in predictions:
                for target in (0.0,) if node.op not in ("acos", "asin") else (1.0, -1.0):
                    for value in self._solve(inner, variable, self.base, target):
                        assignment = self.base | {variable: value}
                        point = Point(self._cone, assignment)
                        if math.isfinite(point(self.result)):
                            yield from self._at(point, assignment, graph_only=False, large=False)

    @cached_property
    def masked(self) -> set[int]:
        """Nodes inside a branch of ``where``."""
        found: set[int] = set()
        for node in self.nodes:
            if node.op == "where":
                for side in ("x", "y"):
                    for inner in nodes_in(node.inputs.get(side, Const(None))):
                        found |= {n.index for n in self.gradient.cone(inner)}
        return found

    def _solve(self, node: Node, variable: Variable, base: Mapping[Variable, float], target: float) -> Iterator[float]:
        """Values of a variable at which a node takes a target value, on a grid of [-4, 4] refined by bisection."""
        cone = Cone.of(self.gradient, node)

        def at(x: float) -> float:
            return Point(cone, {**base, variable: x})(node) - target

        grid = [x / 4.0 for x in range(-16, 17)]
        previous: tuple[float, float] | None = None
        for x in grid:
            y = at(x)
            if y == 0.0:
                yield x
            elif previous is not None and math.isfinite(y) and previous[1] * y < 0:
                low, high = previous[0], x
                for _ in range(40):
                    middle = (low + high) / 2
                    low, high = (middle, high) if (at(middle) < 0) == (previous[1] < 0) else (low, middle)
                yield from (v for v in (low, high) if at(v) == 0.0)
            previous = (x, y) if math.isfinite(y) else None


def _plainest_first(choices: list[tuple[float, ...]]) -> Iterator[tuple[float, ...]]:
    """All combinations: first those in which few variables differ from their first choice."""
    base = [choice[0] for choice in choices]
    free = [position for position, choice in enumerate(choices) if len(choice) > 1]
    for changed in range(len(free) + 1):
        for positions in itertools.combinations(free, changed):
            for others in itertools.product(*(choices[p][1:] for p in positions)):
                values = list(base)
                for position, value in zip(positions, others, strict=True):
                    values[position] = value
                yield tuple(values)


def part_name(part: str) -> str:
    return part if len(part) < 12 else "[..]" if part else ""


def _tiny(node: Node) -> bool:
    """``p + eps`` and ``maximum(p, eps)``."""
    return any(0.0 <= (plain_number(v) if plain_number(v) is not None else 1.0) < 1e-2 for v in node.inputs.values())  # type: ignore[operator]


def _users(nodes: list[Node]) -> dict[int, list[Node]]:
    found: dict[int, list[Node]] = {}
    for node in nodes:
        for _, operand in node.operands():
            found.setdefault(operand.index, []).append(node)
    return found


def _value_operands(node: Node, point: Point) -> list[tuple[str, Node]]:
    """The operands whose values made this node's value: of ``where`` only the side that was taken."""
    sides = point.sides(node)
    return [("x", n) for n in nodes_in(node.inputs[sides[0]])] if sides is not None else list(node.operands())


def _singular_operand(node: Node, point: Point) -> Node | None:
    """The operand that sits on the singular point."""
    if node.op in ("div", "xlogy", "xlog1py"):
        return next((n for n in nodes_in(node.inputs.get("y", Const(None)))), None)
    return next((o for _, o in node.operands()), None)
