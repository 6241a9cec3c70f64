"""The points that training plausibly meets, by what the inputs of a loss may hold."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from functools import cached_property

from losslint.facts.constants import plain_number
from losslint.facts.gradient import GradientFacts
from losslint.facts.interval import UNIT, Interval
from losslint.facts.meetings import LENGTHS, cosines, covariances
from losslint.facts.point import evaluated
from losslint.facts.range import BOUND, COMPARISONS, REAL
from losslint.facts.sorts import NETWORK_OPS, Holdings, Sort, is_network, is_probability, operands_of
from losslint.facts.variables import Variable, variable_of
from losslint.graph.nodes import Kind, Node
from losslint.graph.values import Value
from losslint.project import names

MAX_POINTS = 160
MAX_WORK = 24_000  # operations evaluated for one result; keeps the largest losses below a fraction of a second
EXPONENTS = ("gamma", "power", "exponent", "alpha", "beta")  # configuration that is mostly 1 or more
LARGE, LARGE_IN_TORCH = 100.0, 110.0  # exp overflows at 88.7; it is 0 below -87.4, in PyTorch below -104
RISING = (0.125, 0.25, 0.625, 0.875)  # the corners of a box
RAW = 300.0  # a label that is not scaled
EQUALITIES = ("equal", "not_equal")
BELOW, ABOVE = ("greater_equal", "less"), ("less_equal", "greater")  # whose left side is on the far side below, above it
ASKS_FOR_NAN = ("is_nan", "is_finite")


def corners(sort: Sort, large: float) -> tuple[float, ...]:
    """The values of a variable that training plausibly meets; ``large``: how far from 0 some are, 0 for the usual ones."""
    if large:
        return {
            Sort.PROBABILITY: (0.3,), Sort.LABEL: (0.4, 1.0), Sort.MASK: (1.0,), Sort.CHOICE: (1.0,), Sort.FIXED: (0.7,),
            Sort.SLOPE: (0.3,),
        }.get(
            sort, (large, 0.0) if sort is Sort.NONNEGATIVE else (0.3,) if sort is Sort.UNIT else (large, -large)
        )
    return {
        Sort.PROBABILITY: (0.3, 0.0, 1.0), Sort.LOGIT: (0.3, -0.9, 20.0, -20.0),
        Sort.EITHER: (0.3, 0.0, 1.0, 20.0, -20.0), Sort.LABEL: (0.4, 0.0, 1.0),
        Sort.MASK: (1.0, 0.0), Sort.CHOICE: (1.0,), Sort.REAL: (0.3, -0.9, 1.7), Sort.UNIT: (0.3, -0.9, 1.0, -1.0),
        Sort.NONNEGATIVE: (0.3, 0.0, 1.7), Sort.SLOPE: (0.3, 0.0), Sort.FIXED: (0.7,),
    }[sort]  # fmt: skip


INTERVALS = {
    Sort.PROBABILITY: UNIT, Sort.CHOICE: UNIT, Sort.UNIT: Interval(-1.0, 1.0), Sort.MASK: Interval(0.0, BOUND),
    Sort.NONNEGATIVE: Interval(0.0, BOUND),
}  # fmt: skip


class InputFacts:
    """The variables that one result is computed from."""

    def __init__(self, gradient: GradientFacts, result: Node, head: str = "") -> None:
        """``head``: the last activation of the model, where it is known."""
        self.gradient = gradient
        self.result = result
        self.nodes = evaluated(gradient, result)
        self.head = head
        self.held = Holdings(gradient, self.nodes, result, head)
        self.users, self.meetings, self.sorts = self.held.users, self.held.meetings, self.held.sorts
        self.cosines = cosines(self.nodes)
        self.covariances = covariances(self.nodes)
        self.large = LARGE_IN_TORCH if gradient.graph.framework == "torch" else LARGE
        self.max_points = max(4, min(MAX_POINTS, MAX_WORK // (4 * len(self.nodes))))

    def entering(self, *nodes: Node) -> list[Node]:
        """What nodes are computed from, up to the variables."""
        return self.held.entering(*nodes)

    # -- the values of each variable

    def corners(self, variable: Variable, *, large: bool) -> tuple[float, ...]:
        sort = self.sorts[variable]
        name = self.gradient.graph.nodes[variable[0]].name.strip("_").lower()
        if sort is Sort.FIXED and (name in EXPONENTS or name.endswith(EXPONENTS[:4])):
            return (2.0,)
        if sort is Sort.FIXED:
            key = sum(map(ord, variable[1])) if "'" in variable[1] else 0  # pixels beside each other may well be alike
            some = 0.55 + (variable[0] + key) % 13 / 32.0  # hardly two alike
            return (some, 0.0) if variable in self._may_be_zero and not large else (some,)
        if large:
            return (*corners(sort, self.large), *self._in_units.get(variable, ()))
        found = [*corners(sort, 0.0), *([-3.0] if sort is Sort.REAL and self.head == "linear" else [])]
        found += [x for x in self._beyond.get(variable, ()) if sort is Sort.LABEL and x not in found]
        return tuple(found)

    @cached_property
    def _beyond(self) -> dict[Variable, list[float]]:
        """A number on either side of each that a variable is compared with: -1 and 0 of ``y_true >= 0``, 0 and 1 of
        ``y_true > 0``, and the number itself of ``y_true != -1``."""
        found: dict[Variable, list[float]] = {}
        for node in self.nodes:
            if node.op in COMPARISONS and node.inputs.keys() >= {"x", "y"}:
                for value, other, below in (("x", "y", BELOW), ("y", "x", ABOVE)):
                    number, inner = plain_number(node.inputs[other]), node.inputs[value]
                    variable = variable_of(inner) if isinstance(inner, Node) else None
                    if number is not None and variable is not None:
                        sides = [] if node.op in EQUALITIES else [number - 1.0 if node.op in below else number + 1.0]
                        found.setdefault(variable, []).extend([number, *sides])
        return found

    @cached_property
    def kept_from_zero(self) -> dict[int, Node]:
        """What a choice compares with 0, or its size with next to nothing, element by element, by index: that
        ``where(y > 0, y * log(y / mu), 0)`` asks for y says that it may be 0."""
        tests = (node.inputs.get("condition") for node in self.nodes if node.op == "where")
        sides = [
            test.inputs[side] for test in tests if isinstance(test, Node) and test.op in COMPARISONS
            for side, other in (("x", "y"), ("y", "x"))
            if (number := plain_number(test.inputs.get(other))) is not None and 0.0 <= number <= 1e-3
        ]  # fmt: skip
        sizes = [side.inputs.get("x") if isinstance(side, Node) and side.op == "abs" else side for side in sides]
        return {node.index: node for node in sizes if isinstance(node, Node)}

    @cached_property
    def _may_be_zero(self) -> set[Variable | None]:
        return {variable_of(node) for node in self.kept_from_zero.values()}

    @cached_property
    def may_be_nan(self) -> list[Variable]:
        """The labels that the loss asks whether they are NaN."""
        asked = (node.inputs.get("x") for node in self.nodes if node.op in ASKS_FOR_NAN)
        found = dict.fromkeys(variable_of(x) for x in asked if isinstance(x, Node))
        return [v for v in found if v is not None and self.sorts.get(v) is Sort.LABEL]

    @cached_property
    def _in_units(self) -> dict[Variable, tuple[float, ...]]:
        """How far a label and a prediction may be from each other, by their difference in an exponent, in whatever units
        the label has: ``exp(0.8 * (y_true - y_pred))``."""
        found: dict[Variable, tuple[float, ...]] = {}
        for node in self.nodes:
            difference = _scaled(node.inputs.get("x")) if node.op in ("exp", "expm1", "cosh", "sinh") else None
            pair = [v for o in operands_of(difference) if (v := self.variable(o)) is not None] if difference else []
            sorts = [self.sorts[v] for v in pair]
            for one, other in ((0, 1), (1, 0)):
                if len(pair) == 2 and sorts[one] is Sort.LABEL and sorts[other] in (Sort.REAL, Sort.NONNEGATIVE):
                    ends = (RAW, -RAW) if sorts[other] is Sort.REAL else (RAW,)
                    found |= dict.fromkeys(pair, ends)
        return found

    def interval(self, variable: Variable) -> Interval:
        sort = self.sorts[variable]
        if (sort is Sort.LABEL and self._rests(variable)) or (sort is Sort.FIXED and self._is_weight(variable)):
            return UNIT
        return INTERVALS.get(sort, REAL)

    def _rests(self, variable: Variable) -> list[Node]:
        """What says that a variable is a number from 0 to 1: ``1 - y``."""
        return [
            node for node in self.nodes
            if node.op == "sub" and plain_number(node.inputs.get("x")) == 1.0 and isinstance(y := node.inputs.get("y"), Node)
            and variable_of(y) == variable
        ]  # fmt: skip

    def _is_weight(self, variable: Variable) -> bool:
        """Whether what nothing is known of says that it is a share: by its name, or as a weight, ``pi + (1 - pi) * q``."""
        products = (user for rest in self._rests(variable) for user in self.users.get(rest.index, ()) if user.op == "mul")
        return is_probability(self.gradient.graph.nodes[variable[0]].name) or any(
            len(operands_of(product)) == 2 for product in products)

    # -- points

    @cached_property
    def base(self) -> dict[Variable, float]:
        """The plainest point."""
        return {variable: self.corners(variable, large=False)[0] for variable in self.sorts}

    def points(self, *, large: bool) -> Iterator[dict[Variable, float]]:
        """Assignments that training plausibly meets, on either side of the questions that nothing here decides."""
        inputs = {tuple(point.items()): point for point in self._inputs(large=large)}
        yield from inputs.values()
        if self._undecided:
            yield from (point | dict.fromkeys(self._undecided, 0.0) for point in inputs.values())

    @cached_property
    def _undecided(self) -> list[Variable]:
        """Questions about objects and settings: ``if hasattr(p, "_logits"):``, ``if self.normalize:``; what the values of a
        tensor decide (``if int(mask.sum()) == 0:``) is evaluated as they are."""
        asked = (node.inputs.get("condition") for node in self.nodes if node.op == "phi")
        return [
            (node.index, "") for node in asked
            if isinstance(node, Node) and all(inner.kind is not Kind.TENSOR for inner in evaluated(self.gradient, node))
            and all(self.sorts.get(v, Sort.FIXED) is Sort.FIXED for v in map(variable_of, self.entering(node)) if v)
        ]  # fmt: skip

    def _inputs(self, *, large: bool) -> Iterator[dict[Variable, float]]:
        variables = list(self.sorts)
        nodes = self.gradient.graph.nodes
        predictions = [v for v in variables if v[0] in self.gradient.trained or is_network(nodes[v[0]])]
        labels = [v for v in variables if self.sorts[v] is Sort.LABEL]
        choices = [self.corners(v, large=large) for v in variables]
        for values in itertools.islice(_plainest_first(choices), self.max_points):
            point = dict(zip(variables, values, strict=True))
            yield point
        if large or not predictions:
            return
        for pair in (*self._compared(), *self._meeting()):
            yield dict(zip(variables, (c[0] for c in choices), strict=True)) | dict.fromkeys(pair, 0.4)
        for rows, masks in self.padded.items():
            yield self.base | dict.fromkeys(((rows, ""), *masks), 0.0)
        for index, cosine in itertools.product(self.cosines, (1.0, -1.0)):
            yield dict(zip(variables, (c[0] for c in choices), strict=True)) | {(index, ""): cosine}
        for opposed in self.covariances.values():
            yield self.base | {(index, ""): value for index, value in opposed.items()}
        if not labels:
            return
        for value in (0.4, 0.0, 1.0):  # perfect predictions
            point = dict(zip(variables, (c[0] for c in choices), strict=True))
            point |= dict.fromkeys(labels, value)
            parts = {part for _, part in labels}
            given = [p for p in predictions if not p[1] or p[1] in parts]  # a slice may hold anything, a sigma say
            like = [p for p in given if self.sorts[p] in (Sort.REAL, Sort.PROBABILITY, Sort.EITHER)]
            if like and (len(like) == len(given) or all(part for _, part in given)):
                yield point | dict.fromkeys(like, value)
        if perfect := self._in_unlike_parts(labels, predictions):
            yield self.base | perfect
        point = dict(zip(variables, (c[0] for c in choices), strict=True))
        yield point | dict.fromkeys(predictions, 0.3)  # all predictions alike: coinciding embeddings, a constant row

    def _in_unlike_parts(self, labels: list[Variable], predictions: list[Variable]) -> dict[Variable, float]:
        """A perfect prediction whose parts are not alike: a box with a width and a height. Empty without such parts."""
        parts = sorted({part for _, part in labels})
        if not 1 < len(parts) <= len(RISING) or parts != sorted({part for _, part in predictions}) or not all(
                self.sorts[p] in (Sort.REAL, Sort.PROBABILITY, Sort.EITHER) for p in predictions):
            return {}
        return {variable: RISING[parts.index(variable[1])] for variable in (*labels, *predictions)}

    def _compared(self) -> Iterator[tuple[Variable, Variable]]:
        """A network's output and what is subtracted from it: equal where the prediction is perfect."""
        nodes = self.gradient.graph.nodes
        for node in self.nodes:
            if node.op in ("sub", "squared_difference", "mse", "mae"):
                pair = [v for o in operands_of(node) if (v := self.variable(o)) is not None]
                if len(pair) == 2 and pair[0] != pair[1] and any(
                        nodes[index].op == "layer" or is_network(nodes[index]) for index, _ in pair):
                    yield pair[0], pair[1]

    def _meeting(self) -> Iterator[tuple[Variable, Variable]]:
        """Vectors that a loss computes and those that it is given, where their distances are taken."""
        for a, b in self.meetings.values():
            pair = [self.variable(of) or (of.index, "") for of in (a, b)]
            behind = map(self.entering, (a, b))
            if pair[0] != pair[1] and all(any(map(self._comes_in, nodes)) for nodes in behind):  # not centres of classes
                yield pair[0], pair[1]

    @cached_property
    def padded(self) -> dict[int, set[Variable]]:
        """Products with weights alone whose lengths are taken, and the masks that leave out some of their rows before or
        later: those are rows of zeros, and a product without a bias keeps them."""
        found: dict[int, set[Variable]] = {}
        for node in self.nodes:
            rows = node.inputs.get("x")
            if node.op in LENGTHS and isinstance(rows, Node) and rows.op in NETWORK_OPS and (rows.index, "") in self.sorts:
                masks = set(self._masks_of(self._behind(node)))
                if masks or any(self._masks_of(operands_of(rows))):
                    found[rows.index] = {v for v in masks if v in self.sorts}
        return found

    def _masks_of(self, nodes: Iterable[Node]) -> Iterator[Variable]:
        """The masks that some of these nodes are products with."""
        for factor in (o for node in nodes if node.op == "mul" for o in operands_of(node)):
            if (v := variable_of(factor)) is not None and names.MASK_WORDS & {
                    *names.parts(self.gradient.graph.nodes[v[0]].name), *names.parts(v[1])}:
                yield v

    def _behind(self, node: Node) -> Iterator[Node]:
        """What is computed from a value."""
        seen, stack = set[int](), [node]
        while stack:
            for user in self.users.get(stack.pop().index, []):
                if user.index not in seen:
                    seen.add(user.index)
                    stack.append(user)
                    yield user

    def _comes_in(self, node: Node) -> bool:
        """Whether a value is given to the loss, or comes of a model."""
        return node.op in ("param", "layer") or self.held.is_output(node)

    def variable(self, node: Node) -> Variable | None:
        variable = (node.index, "") if (node.index, "") in self.sorts else variable_of(node)
        return variable if variable in self.sorts else None


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


def _scaled(value: Value | None) -> Node | None:
    """The difference that a value is a multiple of, by a number."""
    while isinstance(value, Node) and value.op in ("mul", "div", "neg", "abs"):
        factors = [value.inputs[name] for name in ("x", "y") if isinstance(value.inputs.get(name), Node)]
        value = factors[0] if len(factors) == 1 else None
    return value if isinstance(value, Node) and value.op == "sub" else None
