"""Where a loss, or its derivative, stops being finite at an input that training plausibly meets.

The loss is evaluated at corner points (a perfect prediction, a saturated probability, an empty mask, a constant row) in
float32, forwards and backwards, once as eager code runs it and once with the constants folded as graph mode does. A
hazard is the operation where the first non-finite value or slope is born, with the point that shows it.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from losslint.facts.blame import Blame, Discarded
from losslint.facts.constants import folding, plain_number
from losslint.facts.differences import is_centred
from losslint.facts.float32 import NAN, SHORT_CIRCUITS
from losslint.facts.gradient import Edge, GradientFacts
from losslint.facts.inputs import MAX_WORK, InputFacts
from losslint.facts.point import JOINS, PAIRED, Cone, Point, joined
from losslint.facts.range import RangeFacts
from losslint.facts.required import Requirements
from losslint.facts.slopes import contributions
from losslint.facts.sorts import Sort
from losslint.facts.step import averages, compares_rows, crosses
from losslint.facts.variables import Variable, variable_of
from losslint.graph.nodes import Node, carrier, nodes_in
from losslint.graph.source import AstSource, Source
from losslint.graph.values import Const, Value
from losslint.ops.moves import SAME_NUMBERS
from losslint.project.roles import Role

ROW_WISE = ("softmax", "log_softmax")  # are evaluated beside a logit of 0
PLACES = ("range", "eye")  # numbers of rows, and which of a pair are the same one
OTHERS = "the others"  # the name of the other elements of a row in a point
REPEATS = (*JOINS, "tile", "repeat", "repeat_rows")  # of labels: some of the rows are alike whatever they are
COLUMNS = ("split", "unstack")  # give parts of which nobody says which is which
MAX_CULPRITS = 3  # operations blamed at one point: each as if those before it were mended
MAX_PARTS = 4  # of a concatenation that are looked at one by one
COUNTS = (3.0, 16.0)  # elements of a row
SUMMED = ("mean", "std", "var")  # of numbers alike: what float32 makes of their sum rests on how many there are
SHORT = {0.3: 0.25, 0.4: 0.375, 1.7: 1.75, -0.9: -0.875}  # numbers of few digits, which it sums as they are
SMALL = 1e-5  # what is left of a difference that float32 rounds


@dataclass(frozen=True)
class Hazard:
    """A non-finite value or slope."""

    node: Node
    operand: Node | None  # the operand that sits on the singular point
    value: bool  # the value is not finite (else only the slope)
    graph_only: bool  # eager code is fine, the folded graph is not
    large: bool  # it takes inputs of magnitude 100
    discarded: Discarded | None  # where or a mask discards the value; only the derivative suffers
    label_only: bool  # the operand depends on labels alone
    of_pairs: bool  # it rests on which labels of a batch are alike: no single one is wrong
    flat: bool  # it takes a model whose own gradient, taken inside of the loss, is exactly 0
    xla_only: bool  # eager code and graphs are fine, what XLA makes of them is not
    at: dict[str, float] = field(default_factory=dict)  # the point, by name
    operand_value: float = math.nan
    met: tuple[Node, ...] | None = None  # vectors that are alike there, or point the same way or opposite ways
    opposed: Node | None = None  # a covariance that is negative there
    start: Source | AstSource | None = None  # the code by which the operand is 0 in the first step, whatever the data

    @property
    def masked(self) -> bool:
        return self.discarded is not None


SIGNED = ("linear", "tanh")
NEEDS_POSITIVE = ("log", "log2", "log10", "log1p", "sqrt", "rsqrt", "pow", "xlogy", "xlog1py")
# What an operand is brought to behind a mask; of roots some negative number, which no corner of the loss itself may give.
HIDDEN = {"div": (0.0,), "reciprocal": (0.0,), "log": (0.0,), "log2": (0.0,), "log10": (0.0,), "pow": (0.0,),
          "acos": (1.0, -1.0), "asin": (1.0, -1.0),
          "sqrt": (-0.5,), "rsqrt": (-0.5,)}  # fmt: skip
OF_ONE_MORE = ("log1p", "xlog1py")
SINGULAR_IN_Y = ("div", "xdivy", "xlogy", "xlog1py")
GAMMAS = ("lgamma", "digamma")
SINGULAR = frozenset(
    [
        "log", "log2", "log10", "log1p", "xlogy", "xlog1py",
        "exp", "expm1", "cosh", "sinh", "sqrt", "rsqrt", "norm", "euclidean_norm", "std",
        "pow", "div", "xdivy", "reciprocal", "mean", "acos", "asin", "atanh", "acosh", "atan2", "erfinv", *GAMMAS,
    ]
)  # fmt: skip


def pole_of(op: str) -> float:
    """Where an operation that needs positive numbers ends: of ``log1p`` at -1."""
    return -1.0 if op in OF_ONE_MORE else 0.0


class HazardFacts:
    """The hazards of one result."""

    def __init__(
        self, gradient: GradientFacts, result: Node, head: str = "", *, xla: bool = False,
        starts: Mapping[int, Source | AstSource] | None = None,
    ) -> None:
        """``head``: the activation that the model whose output the loss gets ends in, where it is known; ``xla``: whether
        XLA may compile the loss; ``starts``: the nodes that are 0 in the first step, and the code that makes them so."""
        self.head = head
        self.xla = xla
        self.starts = starts or {}
        self.gradient = gradient
        self.result = result
        self.inputs = InputFacts(gradient, result, head)
        self.nodes = self.inputs.nodes
        self.blame = Blame(gradient, result, self.nodes)

    @cached_property
    def ranges(self) -> RangeFacts:
        """What each node can be for all inputs that the variables may hold."""
        intervals = {variable: self.inputs.interval(variable) for variable in self.inputs.sorts}
        return RangeFacts(self.nodes, intervals, self.gradient.precisions)

    @cached_property
    def suspects(self) -> set[int]:
        """The operations that can fail, for all that is known of their operands."""
        return {
            node.index for node in self.nodes
            if (node.op in SINGULAR or averages(node)) and not self.ranges.is_safe(node)
        }  # fmt: skip

    # -- hazards

    def find(self) -> list[Hazard]:
        """One hazard an operation, the plainest point first."""
        found: dict[int, Hazard] = {}
        if not self.suspects:
            return []
        found |= {hazard.node.index: hazard for hazard in self._in_first_step()}
        watched = self._watched.nodes
        folds = self.gradient.graph.framework != "torch" and any(map(folding, watched))
        modes = (False, True) if folds else (False,)
        for large in (False, True):
            for assignment in self.inputs.points(large=large):
                if not self._required.allow(assignment):
                    continue
                for graph_mode in modes:
                    if self._is_harmless(assignment, graph_mode=graph_mode):
                        continue
                    point = Point(self.cone, assignment, graph_mode=graph_mode)
                    for hazard in self._at(point, assignment, graph_only=graph_mode, large=large):
                        found.setdefault(hazard.node.index, hazard)
        across = ("y", "x") if any(map(crosses, self.nodes)) else ("y",)
        for (assignment, beside, large), side in itertools.product(self._rows(), across):
            if self._is_harmless(assignment, beside, across=side) or not self._required.allow(assignment, beside):
                continue
            point = Point(self.cone, assignment, beside=beside, across=side)
            for hazard in self._at(point, assignment, graph_only=False, large=large):
                if large and not (hazard.node.op.startswith("log") or self._differs(hazard.operand)):
                    continue  # a spread of 100 is there to show what underflows, and what grows with a difference
                found.setdefault(hazard.node.index, hazard)
        if len(self.nodes) * 200 < MAX_WORK:
            for hazard in itertools.chain(self._behind_masks(), self._in_parts(), self._without_labels()):
                found.setdefault(hazard.node.index, hazard)
        if self.xla and any(self.gradient.graph.nodes[index].op in SHORT_CIRCUITS for index in self.suspects):
            for hazard in self._under_xla(graph_mode=folds):
                found.setdefault(hazard.node.index, hazard)
        return list(found.values())

    def _in_first_step(self) -> Iterator[Hazard]:
        """What fails where all that starts at 0 is 0, and does not elsewhere."""
        zeros = {variable: start for variable in self.inputs.sorts if (start := self.starts.get(variable[0])) is not None}
        if not zeros:
            return
        first = self.inputs.base | dict.fromkeys(zeros, 0.0)
        points = [(Point(self.cone, assignment), assignment) for assignment in (self.inputs.base, first)]
        usual, failing = ([*self._at(point, at, graph_only=False, large=False)] for point, at in points)
        for hazard in failing:
            entering = {self.inputs.variable(node) for node in self.inputs.entering(hazard.operand or hazard.node)}
            start = next((zeros[variable] for variable in zeros if variable in entering), None)
            if start is not None and all(hazard.node is not other.node for other in usual):
                yield replace(hazard, start=start)

    def _under_xla(self, *, graph_mode: bool) -> Iterator[Hazard]:
        """Roots of 0 that the loss does not use there: XLA multiplies their infinite slope by 0."""
        alone = ((assignment, None) for assignment in self.inputs.points(large=False))
        pairs = ((assignment, beside) for assignment, beside, large in self._rows() if not large)
        for assignment, beside in itertools.chain(alone, pairs):
            if self._is_harmless(assignment, beside) or not self._required.allow(assignment, beside):
                continue
            point = Point(self.cone, assignment, graph_mode=graph_mode, xla=True, beside=beside)
            for hazard in self._at(point, assignment, graph_only=False, large=False):
                if hazard.node.op in SHORT_CIRCUITS and not hazard.value:
                    yield replace(hazard, xla_only=True)

    def _in_parts(self) -> Iterator[Hazard]:
        """Operations on elements of a concatenation, which fail where one of its parts does: ``log(stack([1 - p, p]))``."""
        parts = {node.index: count for node in self.nodes if node.index in self.suspects and (count := _parts(node))}
        for part in range(min(max(parts.values(), default=0), MAX_PARTS)):
            for assignment in filter(self._required.allow, self.inputs.points(large=False)):
                point = Point(self.cone, assignment, part=part)
                hazards = self._at(point, assignment, graph_only=False, large=False)
                yield from (hazard for hazard in hazards if hazard.node.index in parts)

    def _without_labels(self) -> Iterator[Hazard]:
        """What fails where no label of a batch is known: the loss itself says that they may be NaN."""
        for variable in self.inputs.may_be_nan:
            assignment = self.inputs.base | {variable: NAN}
            if self._required.allow(assignment):
                hazards = self._at(Point(self.cone, assignment), assignment, graph_only=False, large=False)
                yield from (replace(hazard, label_only=True) for hazard in hazards)

    def _is_harmless(
        self, assignment: Mapping[Variable, float], beside: Mapping[Variable, float] | None = None, *,
        graph_mode: bool = False, across: str = "y",
    ) -> bool:
        """Whether each operation that can fail, and its slope, is finite at a point: the rest need not be evaluated."""
        point = Point(self._watched, assignment, graph_mode=graph_mode, beside=beside, across=across)
        return all(
            math.isfinite(point(node)) and all(math.isfinite(slope) for _, slope in contributions(point, node, 1.0))
            for node in self._watched.nodes if node.index in self.suspects
        )

    @cached_property
    def _required(self) -> Requirements:
        return Requirements(self.gradient, self.inputs.base)

    @cached_property
    def cone(self) -> Cone:
        """All of it, to be evaluated."""
        return Cone(self.nodes, self.gradient.steps)

    @cached_property
    def _watched(self) -> Cone:
        """The operations that can fail, and what they are computed from."""
        watched = {node.index for node in self._behind_suspects}
        return Cone((node for node in self.nodes if node.index in watched), self.gradient.steps)

    def _rows(self) -> Iterator[tuple[dict[Variable, float], dict[Variable, float], bool]]:
        """Rows of unlike elements: this one, another one, and whether they are large.

        A probability of 0 beside one that is not, a logit far below the largest, labels of which no two are alike.
        """
        if not any((node.op in PAIRED and node.op != "mean") or crosses(node) or is_centred(node)
                   for node in self._behind_suspects):
            return
        for variable, sort in self.inputs.sorts.items():
            if sort is Sort.FIXED:
                continue
            for value in self.inputs.corners(variable, large=False)[1:]:
                yield self.inputs.base | {variable: value}, self.inputs.base, False
            if sort in (Sort.LOGIT, Sort.REAL):
                yield self.inputs.base | {variable: -self.inputs.large}, self.inputs.base, True

    @cached_property
    def _behind_suspects(self) -> list[Node]:
        """What the operations that can fail are computed from."""
        return self.inputs.entering(*(node for node in self.nodes if node.index in self.suspects))

    def values(self, node: Node) -> Iterator[float]:
        """What a node is at the points, those of large inputs aside."""
        cone = Cone.of(self.gradient, node)
        points = filter(self._required.allow, self.inputs.points(large=False))
        return (Point(cone, assignment)(node) for assignment in points)

    def _at(
        self, point: Point, assignment: Mapping[Variable, float], *, graph_only: bool, large: bool
    ) -> Iterator[Hazard]:
        number: Variable | None = None  # what the rest of the failures have to be failures of
        for _ in range(MAX_CULPRITS):
            culprit = self.blame.culprit(point)
            if culprit is None or (number is not None and number_of(_singular_operand(culprit)) != number):
                return
            hazard = self._hazard(culprit, point, assignment, graph_only=graph_only, large=large)
            if hazard is not None:
                yield hazard
            if not math.isfinite(point(self.result)) and not self._is_of_labels(_singular_operand(culprit)):
                number = number_of(_singular_operand(culprit))
                if large or number not in self._shared:
                    return  # what makes a prediction implausible here makes the rest of its failures so
            point.mend(culprit)

    @cached_property
    def _shared(self) -> set[Variable | None]:
        """The numbers that several operations fail at: ``log(sigma) + e ** 2 / sigma ** 2``."""
        nodes = self.gradient.graph.nodes
        found = Counter(number_of(_singular_operand(nodes[index])) for index in self.suspects)
        return {number for number, uses in found.items() if uses > 1 and number is not None}

    def _hazard(
        self, culprit: Node, point: Point, assignment: Mapping[Variable, float], *, graph_only: bool, large: bool
    ) -> Hazard | None:
        """What to say of an operation that fails at a point; None where that is not enough to blame it."""
        if culprit.op in SINGULAR and culprit.index not in self.suspects:
            return None
        if (culprit.op == "atan2" and self._mixes(culprit)) or self._leaves_itself_out(culprit) or (
                culprit.op == "pow" and self._is_share_of_a_label(culprit.inputs.get("y"), point)):
            return None
        by_value = not math.isfinite(point.values[self.result.index])
        operand = _singular_operand(culprit)
        of_pairs = self._compares_rows(operand)
        if of_pairs and operand and point.other is not None and any(n.op in REPEATS for n in self.inputs.entering(operand)):
            return None  # of several views of each sample some are alike
        if large and any(n.index in point.opaque and self.gradient.reach(n) for n in self.inputs.entering(culprit)):
            return None  # what was not evaluated may keep it small
        shown = self._in_short(operand, point, assignment)
        named = (self._named(shown, operand) if operand is not None else {}) or self._named(shown, culprit)
        if not named and (operand is None or not self.gradient.live(operand) or point(operand) != 0.0):
            return None  # it rests on stand-ins alone, and is no difference of equal ones
        if culprit.op == "div" and operand is not None and self.gradient.reach(operand) and self._is_of_settings(operand):
            return None
        masked = not by_value and culprit.index not in self.blame.taken(point)
        negative = culprit.op in NEEDS_POSITIVE and operand is not None and point(operand) < pole_of(culprit.op)
        opposed = next((index for index in self.inputs.covariances if (index, "") in assignment), None)
        if negative and not masked and opposed is None and self.head not in SIGNED:
            return None  # whether a real-valued prediction is ever negative there is not known
        if operand is not None and point(operand) == 0.0 and self._is_rounded(operand, point):
            return None
        if culprit.op in GAMMAS and self.ranges.of(operand).low < 0.0:
            return None  # a concentration, or a count and one, which nobody takes to be 0 or less
        if named and (others := self._others(point, operand or culprit)) is not None:
            named = {**named, OTHERS: others}
        return Hazard(
            culprit, operand, by_value, graph_only, large,
            discarded=self.blame.discarded(culprit, point) if masked else None,
            label_only=self._is_of_labels(operand), of_pairs=of_pairs,
            flat=any(self.inputs.sorts.get(v) is Sort.SLOPE and x == 0.0 for v, x in assignment.items()),
            xla_only=False, at=named,
            operand_value=point(operand) if operand is not None else math.nan, met=self._met(operand, point, assignment),
            opposed=self.gradient.graph.nodes[opposed] if opposed is not None else None,
        )  # fmt: skip

    def _met(self, operand: Node | None, point: Point, assignment: Mapping[Variable, float]) -> tuple[Node, ...] | None:
        """The vectors that an operand is the distance of, or the cosine, where they are alike at a point."""
        aligned = next((vectors for index, vectors in self.inputs.cosines.items() if (index, "") in assignment), None)
        if operand is None or aligned is not None or not self.inputs.meetings or point(operand) != 0.0:
            return aligned
        behind = {node.index for node in self.inputs.entering(operand)}
        pairs = (pair for product, pair in self.inputs.meetings.items() if product in behind)
        return next(((a, b) for a, b in pairs if a is not b and point(a) == point(b)), None)

    def _differs(self, operand: Node | None) -> bool:
        """Whether an operand is a difference of two predictions of one row, or a multiple of it."""
        while operand is not None and operand.op in (*SAME_NUMBERS, "neg", "mul", "div"):
            operand = next((inner for _, inner in operand.operands() if self.gradient.live(inner)), None)
        return operand is not None and crosses(operand)

    def _is_of_settings(self, operand: Node) -> bool:
        """Whether settings alone decide an operand, none of which is trained through it: a mask by lengths."""
        sorts, seen, stack = set[Sort](), set[int](), [operand]
        while stack:
            node = stack.pop()
            if (variable := self.inputs.variable(node)) is not None:
                sorts.add(self.inputs.sorts[variable])
            elif node.index not in seen:
                seen.add(node.index)
                edges = self.gradient.edges[node.index]
                stack += [inner for name, inner, kind in edges if kind is not Edge.NO_VALUE and name != "shape"]
        return sorts == {Sort.FIXED} and not self.gradient.live(operand)

    def _is_of_labels(self, operand: Node | None) -> bool:
        """Whether labels alone decide an operand: nothing that is trained does, or no more than what is compared with
        something, of what a loss is given that has its models itself."""
        if operand is None:
            return False
        roots = [self.gradient.graph.nodes[index] for index in self.gradient.reach(operand)]
        given = all(root.op == "param" and root.role in (Role.TENSOR, Role.UNKNOWN) for root in roots)
        return not roots or (given and self._has_models and not self.gradient.live(operand))

    @cached_property
    def _has_models(self) -> bool:
        return any(node.op == "layer" and node.index in self.gradient.trained for node in self.nodes)

    def _is_share_of_a_label(self, exponent: Value | None, point: Point) -> bool:
        """Whether an exponent is a fraction because of a label: those of a likelihood, ``p ** y``, are 0 and 1."""
        return isinstance(exponent, Node) and not point(exponent).is_integer() and any(
            self.inputs.sorts.get(variable) is Sort.LABEL
            for node in self.inputs.entering(exponent) if (variable := self.inputs.variable(node)) is not None)

    def _compares_rows(self, operand: Node | None) -> bool:
        """Whether an operand rests on which rows of a batch are alike."""
        return operand is not None and any(map(compares_rows, self.inputs.entering(operand)))

    def _is_rounded(self, operand: Node, point: Point) -> bool:
        """Whether an operand is 0 only as float32 rounds sums of one element: with more it is merely small."""
        cone = Cone.of(self.gradient, operand)
        if not any(node.op == "sum" for node in cone.nodes):
            return False
        beside = point.other.assignment if point.other is not None else None
        longer = (Point(cone, point.assignment, graph_mode=point.graph_mode, beside=beside, count=n) for n in COUNTS)
        return any(0.0 < abs(other(operand)) < SMALL for other in longer)

    def _in_short(
        self, operand: Node | None, point: Point, assignment: Mapping[Variable, float]
    ) -> Mapping[Variable, float]:
        """The same point in numbers of few digits, where an operand is a sum of equal ones that end each other."""
        if operand is None or point.other is not None or point(operand) != 0.0:
            return assignment
        cone = Cone.of(self.gradient, operand)
        short = {variable: SHORT.get(value, value) for variable, value in assignment.items()}
        summed = any(node.op in SUMMED for node in cone.nodes)
        return short if summed and Point(cone, short, graph_mode=point.graph_mode)(operand) == 0.0 else assignment

    def _named(self, assignment: Mapping[Variable, float], node: Node) -> dict[str, float]:
        """The variables that enter an operation, by name."""
        nodes = self.gradient.graph.nodes
        named: dict[str, float] = {}
        for entering in sorted(self.inputs.entering(node), key=lambda inner: inner.index):
            variable = self.inputs.variable(entering)
            if variable is None or variable not in assignment:
                continue
            base, part = nodes[variable[0]], part_name(variable[1])
            usual = self.inputs.sorts[variable] is Sort.FIXED and assignment[variable] == self.inputs.base[variable]
            if not usual:
                name = base.name + part if base.op == "param" else entering.source.assigned or entering.source.text
                named.setdefault(name, assignment[variable])
        return named

    def _mixes(self, node: Node) -> bool:
        """Whether a node is computed from all of something and from a part of it, which points set apart."""
        variables = {variable for n in self.inputs.entering(node) if (variable := self.inputs.variable(n)) is not None}
        return any(part and (index, "") in variables for index, part in variables)

    def _leaves_itself_out(self, node: Node) -> bool:
        """Whether a distance between rows of one tensor is chosen by their places, as in ``where(eye(n), 1.0, squares)`` or
        ``where(neighbours != arange(n)[:, None], squares, 1.0)``: the 0 between a row and itself is not."""
        entering = self.inputs.entering(node)
        conditions = (inner.inputs["condition"] for inner in entering if inner.op == "where" and "condition" in inner.inputs)
        return any(part.op in PLACES for condition in conditions for part in self.gradient.cone(condition)) and any(
            inner.op in ("sub", "squared_difference")
            and self.gradient.reach(inner.inputs["x"]) & self.gradient.reach(inner.inputs["y"]) for inner in entering)

    def _others(self, point: Point, node: Node) -> float | None:
        """What the other elements of a row hold where that matters to a node."""
        entering = self.inputs.entering(node)
        if point.other is None:
            return 0.0 if any(inner.op in ROW_WISE for inner in entering) else None
        variables = {self.inputs.variable(inner) for inner in entering}
        beside = point.other.assignment
        return next((beside[v] for v in beside if v in variables and beside[v] != point.assignment[v]), None)

    # -- singular points behind a guard: where(c, f(x), ..) with f singular on the side that is not taken

    def _behind_masks(self) -> Iterator[Hazard]:
        nodes = self.gradient.graph.nodes
        given = [v for v, sort in self.inputs.sorts.items() if sort is not Sort.FIXED or nodes[v[0]].op == "param"]
        predictions = [v for v in given if v[0] in self.gradient.trained]
        for node in self.nodes:
            if node.op not in HIDDEN or node.index not in self.masked:
                continue
            inner = node.inputs.get("y" if node.op == "div" else "x")
            if not isinstance(inner, Node) or not self.gradient.live(inner):
                continue
            for variable in predictions:
                for target in HIDDEN[node.op]:
                    for value in self._solve(inner, variable, self.inputs.base, target):
                        if value not in self.inputs.interval(variable):
                            continue
                        assignment = self.inputs.base | {variable: value}
                        point = Point(self.cone, assignment)
                        if math.isfinite(point(self.result)) and self._required.allow(assignment):
                            yield from self._at(point, assignment, graph_only=False, large=False)
            if inner.index in self.inputs.kept_from_zero and 0.0 in HIDDEN[node.op]:
                assignment = self.inputs.base | {(inner.index, ""): 0.0}
                hazards = self._at(Point(self.cone, assignment), assignment, graph_only=False, large=False)
                yield from (replace(hazard, at={inner.source.text: 0.0}) for hazard in hazards if hazard.masked)

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
                yield from (v for v in (low, high) if at(v) == 0.0 or target < 0.0)
            previous = (x, y) if math.isfinite(y) else None


def _parts(node: Node) -> int:
    """How many tensors are joined to what an operation takes element by element; 0 where it takes something else."""
    found, seen, stack = 0, set[int](), [node]
    while stack:
        node = stack.pop()
        if node.op in JOINS:
            found = max(found, len(joined(carrier(node))))
        elif node.index not in seen and (
                (node.family == "elementwise" and node.op not in ROW_WISE) or node.op in SAME_NUMBERS):
            seen.add(node.index)
            stack += [operand for _, operand in node.operands()]
    return found


def part_name(part: str) -> str:
    return part if len(part) < 12 else "[..]" if part else ""


def number_of(node: Node | None) -> Variable | None:
    """The number that a value is, at most squared or multiplied by one that is known; of a root it is another one."""
    while node is not None and (
        node.op in (*SAME_NUMBERS, "square", "neg") or (node.op == "mul" and len([*node.operands()]) == 1)
        or (node.op == "pow" and (plain_number(node.inputs.get("y")) or 0.0) >= 1.0)
    ):  # fmt: skip
        node = next((operand for _, operand in node.operands()), None)
    if node is not None and node.op in COLUMNS and isinstance(x := node.inputs.get("x"), Node) and variable_of(x):
        return (x.index, "[..]")
    return variable_of(node) or (node.index, "") if node is not None else None


def _singular_operand(node: Node) -> Node | None:
    """The operand that sits on the singular point."""
    if node.op in SINGULAR_IN_Y:
        return next((n for n in nodes_in(node.inputs.get("y", Const(None)))), None)
    return next((o for _, o in node.operands()), None)
