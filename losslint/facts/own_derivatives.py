"""Whether the gradient that a function is given by hand is its derivative, at a few ordinary points.

Only functions are judged that do the same to each element, and that bend: what is constant or straight in pieces (rounding,
clips, identities) is given another gradient on purpose. Those of several outputs are not: what arrives from each differs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from losslint.facts.gradient import GradientFacts
from losslint.facts.point import COUNTED, Cone, Point, sides_of
from losslint.graph.nodes import CustomGradient, Node, nodes_in
from losslint.graph.values import Seq, Value

PLACES = (0.3, 0.7, 1.3, -0.6, -1.4)
BESIDE = (0.45, 0.85, 0.15, 0.6)  # what the other arguments are
STEP = 1e-2
SMALL = 1e-2  # an upstream gradient that no bound on gradients meets
CLOSE = 0.03  # what rounding and the length of a step leave of a derivative
ENOUGH = 3  # places that speak
OF_ROWS = ("softmax", "log_softmax", "l2_normalize", "normalize_vectors")
OF_ELEMENTS = ("sum", "mean", "clip", "zeros_like", "ones_like", "zeros", "ones", "custom_gradient", "stop_gradient",
               "python.float", "to_float", *COUNTED)  # fmt: skip
FILLED = ("zeros", "zeros_like", "ones", "ones_like")  # by another function, perhaps, before they are used
FAMILIES = ("elementwise", "compare", "sign", "round", "move", "cast")


@dataclass(frozen=True)
class Seen:
    """What is seen at one place: the slope of the value in one argument, and the gradients that are returned there."""

    at: float
    slope: float
    told: Sequence[float]


@dataclass(frozen=True)
class Mismatch:
    """A gradient that is not the slope: of which argument, where it is seen, and by what factor, where that is the same
    everywhere; ``instead`` is the gradient of another argument that is."""

    argument: int
    at: float
    told: float
    slope: float
    factor: float | None
    instead: int | None


def mismatch(gradient: GradientFacts, custom: CustomGradient) -> Mismatch | None:
    """The first argument whose gradient certainly is not the derivative; None where all may be well."""
    gradients = list(custom.gradients.items) if isinstance(custom.gradients, Seq) else [custom.gradients]
    given = [value.index for value in custom.given if isinstance(value, Node)]
    countable = custom.countable or (custom.by_tangents and len(given) == len(custom.given) == 1)
    distinct = len(gradients) == len(custom.given) and len({*given}) == len(given)
    if not (countable and distinct and isinstance(custom.value, Node)):
        return None
    cone = cone_of(gradient, custom, [custom.value, *gradients])
    judged = [place for place, (value, argument) in enumerate(zip(gradients, custom.given, strict=True))
              if isinstance(value, Node) and isinstance(argument, Node) and gradient.live(argument)]
    for place in judged if cone is not None else []:
        assert cone is not None
        seen = [one for at in PLACES if (one := look(cone, custom, gradients, place, at)) is not None]
        if found := compared(seen, place, judged, counts=any(node.op in ("mean", *COUNTED) for node in cone.nodes)):
            return found
    return None


def cone_of(gradient: GradientFacts, custom: CustomGradient, values: Sequence[Value]) -> Cone | None:
    """What value and gradients are computed from, down to the arguments; None where something else enters, or an operation
    that is more than what it does to each element."""
    ends = {node.index for node in (custom.upstream, *custom.given) if isinstance(node, Node)}
    found: dict[int, Node] = {}
    stack = [node for value in values for node in nodes_in(value)]
    while stack:
        node = stack.pop()
        if node.index in found:
            continue
        found[node.index] = node
        if node.index in ends:
            continue
        saved = node.index < custom.upstream.index
        if not is_of_elements(node) or (node.op in FILLED and (saved or "empty" in node.name)):
            return None
        stack += [operand for _, operand in node.operands()]
    return Cone([found[index] for index in sorted(found)], gradient.steps)


def is_of_elements(node: Node) -> bool:
    """Whether an operation does the same to each element, or adds them up."""
    return node.op not in OF_ROWS and (
        node.op in OF_ELEMENTS or node.family in FAMILIES or sides_of(node) is not None)


def look(cone: Cone, custom: CustomGradient, gradients: Sequence[Value], place: int, at: float) -> Seen | None:
    """Slope and gradients at one place; None where they are not finite, where the slope has a kink, or where what is
    returned is not in proportion to what arrives."""
    lower, here, upper = (point(cone, custom, place, at + shift) for shift in (-STEP, 0.0, STEP))
    if here.opaque:
        return None
    value = custom.value
    assert value is not None
    left, right = (here(value) - lower(value)) / STEP, (upper(value) - here(value)) / STEP
    double = point(cone, custom, place, at, 2.0)
    told, twice = ([there(one) / SMALL if isinstance(one, Node) else 0.0 for one in gradients] for there in (here, double))
    in_proportion = all(is_close(number, 2.0 * half) for number, half in zip(twice, told, strict=True))
    if not all(map(math.isfinite, (left, right, *told))) or not in_proportion or abs(left - right) > 0.1 * (1.0 + abs(left)):
        return None
    return Seen(at, (left + right) / 2.0, told)


def point(cone: Cone, custom: CustomGradient, place: int, at: float, arriving: float = 1.0) -> Point:
    """The function and its gradients with one argument at a place, and the others beside it."""
    numbers = {(value.index, ""): BESIDE[i % len(BESIDE)] for i, value in enumerate(custom.given) if isinstance(value, Node)}
    argument = custom.given[place]
    assert isinstance(argument, Node)
    return Point(cone, {**numbers, (argument.index, ""): at, (custom.upstream.index, ""): SMALL * arriving})


def compared(seen: Sequence[Seen], place: int, judged: Sequence[int], counts: bool) -> Mismatch | None:
    """What all places say. Where elements are counted, a positive factor is no mistake that one element shows."""
    bends = max((abs(one.slope - seen[0].slope) for one in seen), default=0.0) > 0.1
    sloping = [one for one in seen if one.slope != 0.0]  # beyond a clip a gradient passes on purpose
    wrong = [one for one in sloping if not is_close(one.told[place], one.slope)]
    if not bends or len(wrong) < ENOUGH or 2 * len(wrong) <= len(sloping):
        return None
    factor = common_factor([(one.told[place], one.slope) for one in seen])
    if counts and factor is not None and factor > 0.0:
        return None
    instead = next((other for other in judged if other != place
                    and all(is_close(one.told[other], one.slope) for one in seen)), None)
    return Mismatch(place, wrong[0].at, wrong[0].told[place], wrong[0].slope, factor, instead)


def common_factor(pairs: Sequence[tuple[float, float]]) -> float | None:
    """What all gradients are in terms of the slopes; None where that differs from place to place."""
    factors = [told / slope for told, slope in pairs if abs(slope) > CLOSE]
    first = factors[0] if factors else 0.0
    return first if factors and all(is_close(factor, first) for factor in factors) else None


def is_close(a: float, b: float) -> bool:
    return abs(a - b) <= CLOSE * max(1.0, abs(a), abs(b)) and (a * b >= 0.0 or abs(a - b) <= CLOSE)
