"""What the variables of a loss may hold.

What a prediction may be (a probability, a logit, any number) is taken from the model's last activation, from its name,
or from how the loss itself uses it; what is not known is any number, and configuration is some harmless one.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from functools import cached_property

from losslint.facts.constants import plain_number
from losslint.facts.gradient import GradientFacts
from losslint.facts.meetings import meetings
from losslint.facts.step import finds
from losslint.facts.variables import VARIABLES, Variable, variable_of
from losslint.graph.nodes import Kind, Node, is_same
from losslint.graph.values import Const, Seq, Value
from losslint.ops.moves import SAME_NUMBERS
from losslint.project.roles import Role


class Sort(enum.Enum):
    """What a variable may hold."""

    PROBABILITY = "probability"
    LOGIT = "logit"
    EITHER = "probability or logit"  # a setting says which
    LABEL = "label"
    MASK = "mask"
    CHOICE = "choice"  # a one-hot that picks an entry of each row
    REAL = "real"
    UNIT = "unit"
    NONNEGATIVE = "nonnegative"
    SLOPE = "slope"  # a gradient that is taken inside of the loss
    FIXED = "fixed"  # configuration: some harmless number


SATURATING = ("sigmoid", "softmax", "log_sigmoid", "log_softmax", "softplus", "logsumexp")
LOGIT_LOSSES = ("sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits",
                "sparse_softmax_cross_entropy_with_logits")  # fmt: skip
# What is known of a value (a probability, a label) is known of what these make of it.
KEEPS_SORT = (*SAME_NUMBERS, "clip", "item", "boolean_mask", "gather", "stop_gradient")

# What a prediction may be where the model's last activation is known. The output of a linear layer is what the loss
# makes of it: its use decides.
BY_HEAD = {
    "sigmoid": Sort.PROBABILITY, "softmax": Sort.PROBABILITY, "tanh": Sort.UNIT, "relu": Sort.NONNEGATIVE,
    "softplus": Sort.NONNEGATIVE,
}  # fmt: skip
PROBABILITY_USES = {"log", "one_minus_log", "xlogy", "one_minus_pow", "clip01", "binary_crossentropy",
                    "categorical_crossentropy", "picked_log", "picked_pow"}  # of a prediction as it is, or of the true class
SHARES = {"one_minus_of_label", "of_unlabelled"}  # t * (1 - p) beside (1 - t) * p: without an end for other numbers
NETWORK_OPS = ("matmul", "dot", "einsum", "tensordot", "linear_layer", "conv")


def is_network(node: Node) -> bool:
    """``x @ w``: two different things multiplied, one of them weights as they are, whose result may be any number; with or
    without a bias added."""
    operands = operands_of(node)
    if node.op == "add" and len(operands) == 2:
        return any(_is_variable(bias) and is_network(product) for product, bias in (operands, operands[::-1]))
    return (node.op in NETWORK_OPS and len(operands) >= 2 and _source(operands[0]) != _source(operands[1])
            and any(map(_is_variable, operands)))


def _is_variable(node: Node) -> bool:
    """Whether a node is a variable as it is, at most moved or cast; what an unknown function returns is none."""
    if node.op in ("param", "layer", "attribute", "variable", "weight") or node.family == "variable":
        return True
    inner = next((o for _, o in node.operands()), None) if node.family == "move" or node.op in KEEPS_SORT else None
    return inner is not None and _is_variable(inner)


def operands_of(node: Node) -> list[Node]:
    return [operand for _, operand in node.operands()]


def is_probability(name: str) -> bool:
    """Whether a name says that a value is one."""
    return name in ("p", "pi", "probs", "prob", "probabilities") or not {"prob", "probs"}.isdisjoint(name.lower().split("_"))


def _called(name: str) -> Sort:
    """What a name says that a prediction is."""
    return Sort.LOGIT if "logit" in name else Sort.PROBABILITY if is_probability(name) else Sort.REAL


def _is_one_of_several(node: Node) -> bool:
    """Whether a value is one of the things that a model gives: ``mean, scale = model(x)``."""
    while node.op in KEEPS_SORT and node.op != "item" and isinstance(inner := node.inputs.get("x"), Node):
        node = inner
    base, place = node.inputs.get("x"), node.inputs.get("index")
    return node.op == "item" and isinstance(base, Node) and base.op == "layer" and isinstance(place, Const) and isinstance(
        place.value, int)


def _source(node: Node, depth: int = 12) -> Variable:
    """The variable that a value comes from first."""
    variable = variable_of(node)
    if variable is not None:
        return variable
    inner = next((o for _, o in node.operands()), None)
    return _source(inner, depth - 1) if inner is not None and depth and node.op not in NETWORK_OPS else (node.index, "")


class Holdings:
    """What each variable that one result is computed from may hold."""

    def __init__(self, gradient: GradientFacts, nodes: list[Node], result: Node, head: str) -> None:
        """``nodes``: what the result is evaluated from; ``head``: the last activation of the model, where it is known."""
        self.gradient = gradient
        self.nodes = nodes
        self.head = head
        self.users = _users(nodes)
        self.meetings = meetings(nodes)
        self.sorts = self._sorts(result)

    def _sorts(self, result: Node) -> dict[Variable, Sort]:
        found: dict[Variable, Sort] = {}
        for node in self.entering(result):
            variable = variable_of(node)
            if variable is not None:
                found[variable] = self._sort(node)
            elif node.op == "one_hot":
                found[node.index, ""] = Sort.CHOICE if self._picks(node) else Sort.MASK
            elif self.is_output(node):
                found[node.index, ""] = Sort.REAL
        return dict(sorted(found.items()))

    def _picks(self, node: Node) -> bool:
        """Whether all that is made of a one-hot, or of its product, is a sum over the classes: that sees its 1."""
        seen, stack = {node.index}, [node]
        while stack:
            users = self.users.get(stack.pop().index, [])
            onwards = [user for user in users if not _sums_classes(user)]
            if not users or any(user.op not in ("mul", "neg", "cast", "convert_to_tensor") for user in onwards):
                return False
            stack += [user for user in onwards if user.index not in seen]
            seen.update(user.index for user in onwards)
        return True

    def is_output(self, node: Node) -> bool:
        """Whether a product of two things is what a model gives, in a loss that is given none."""
        return (is_network(node) and node.index not in self.meetings and not self._has_prediction
                and bool(self.gradient.reach(node)))

    def entering(self, *nodes: Node) -> list[Node]:
        """What nodes are computed from; of a variable no more than itself, and the places it is taken from where they
        are those that a mask holds at."""
        found: dict[int, Node] = {}
        stack = [*nodes]
        while stack:
            current = stack.pop()
            if current.index not in found:
                found[current.index] = current
                if variable_of(current) is None and current.op != "one_hot" and not self.is_output(current):
                    stack += [operand for _, operand in current.operands()]
                elif isinstance(places := current.inputs.get("index"), Node) and finds(places):
                    stack.append(places)
        return list(found.values())

    @cached_property
    def _has_prediction(self) -> bool:
        return any(n.op == "param" and n.role is Role.PREDICTION for n in self.nodes)

    def _sort(self, node: Node) -> Sort:
        base = node
        while base.op not in VARIABLES:
            inner = next((o for name, o in base.operands() if name != "condition"), None)
            if inner is None:
                return Sort.FIXED
            base = inner
        if base.op == "gradient":
            return Sort.SLOPE
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
        """What the model's last layer makes of it counts before what the loss does with it, and a name says the least."""
        if base.op == "param" and self.head in BY_HEAD:
            return BY_HEAD[self.head]
        used, called = self._used_as(node), _called(base.name.lower())
        return Sort.EITHER if {used, called} == {Sort.PROBABILITY, Sort.LOGIT} else used or called

    def _used_as(self, node: Node) -> Sort | None:
        """What a loss takes a part of a prediction for; None where it may be any number."""
        same = variable_of(node)
        uses = {op for n in self.nodes if variable_of(n) == same for op in self._uses(n)}
        logits = bool(uses & {*SATURATING, *LOGIT_LOSSES})
        if uses & PROBABILITY_USES == {"log"} and _is_one_of_several(node) and not (
                is_probability(node.source.assigned or node.source.text) or self._has_entropy(node)):
            return Sort.REAL  # a scale or a rate, which its model keeps above 0
        if uses & PROBABILITY_USES or uses >= SHARES:
            return Sort.EITHER if logits else Sort.PROBABILITY
        return Sort.LOGIT if logits else None

    def _has_entropy(self, node: Node) -> bool:
        """Whether a value is multiplied by its own logarithm: ``p * log(p)``."""
        same = variable_of(node)
        logs = (n for n in self.nodes if n.op == "log" and any(variable_of(o) == same for o in operands_of(n)))
        products = (user for log in logs for user in self.users.get(log.index, []) if user.op == "mul")
        return any(variable_of(o) == same for product in products for o in operands_of(product))

    def _uses(self, base: Node, depth: int = 6) -> Iterator[str]:
        """The operations that see a prediction as it is, or as ``1 - p``, ``p + eps``, ``clip(p, ..)``."""
        for user in self.users.get(base.index, []):
            yield user.op
            if user.op == "mul":
                yield from map(self._multiplied_by, operands_of(user))
            if user.op == "clip" and all(
                0.0 <= (plain_number(user.inputs.get(b)) or 0.0) <= 1.0 for b in ("low", "high")
            ):
                high = plain_number(user.inputs.get("high"))
                if high is not None and 0.5 < high <= 1.0:
                    yield "clip01"
            if not depth:
                continue
            if user.op in (*KEEPS_SORT, "phi", "prod") or (user.op in ("add", "maximum") and _tiny(user)):
                yield from self._uses(user, depth - 1)
            elif user.op == "mul" and any(_is_choice(o) and self._picks(o) for o in operands_of(user)):
                sums = (total for total in self.users.get(user.index, []) if _sums_classes(total))
                yield from (f"picked_{op}" for total in sums for op in self._uses(total, depth - 1))
            elif user.op == "div" and not isinstance(user.inputs.get("x"), Const):  # log(p / q), not log(pi / scale)
                yield from (op for op in self._uses(user, depth - 1) if op == "log")
            elif user.op == "sub" and plain_number(user.inputs.get("x")) == 1.0:
                yield from (f"one_minus_{op}" for op in self._uses(user, depth - 1) if op in ("log", "pow", "of_label"))
            elif (mixed := self._mixed(user, base)) is not None:
                seen = ("one_minus_log",) if mixed.op == "abs" else ("log", "one_minus_log")
                yield from (op for op in self._uses(mixed, depth - 1) if op in seen)

    def _multiplied_by(self, factor: Node) -> str:
        """What a value is multiplied by: a label, or what is left of it; "" for anything else."""
        left = factor.op == "sub" and plain_number(factor.inputs.get("x")) == 1.0
        label = factor.inputs.get("y") if left else factor
        variable = variable_of(label) if isinstance(label, Node) else None
        if variable is None or self.gradient.graph.nodes[variable[0]].role is not Role.LABEL:
            return ""
        return "of_unlabelled" if left else "of_label"

    def _mixed(self, user: Node, base: Node) -> Node | None:
        """What a prediction is a part of, as it is: a choice, ``y * p + (1 - y) * (1 - p)``, or how far it is from a label;
        None for anything else."""
        users = self.users.get(user.index, [])
        if user.op == "where" and user.inputs.get("condition") is not base:
            return user
        if user.op == "mul":
            return next((total for total in users if total.op == "add" and _is_mixture(total)), None)
        if user.op == "sub" and any(o.role is Role.LABEL for o in operands_of(user)):
            return next((size for size in users if size.op == "abs"), None)
        return None


def _tiny(node: Node) -> bool:
    """``p + eps`` and ``maximum(p, eps)``."""
    return any(0.0 <= (plain_number(v) if plain_number(v) is not None else 1.0) < 1e-2 for v in node.inputs.values())  # type: ignore[operator]


def _is_mixture(total: Node) -> bool:
    """``w * a + (1 - w) * b``, and ``w * a + (1 - w)``."""
    sides = (total.inputs.get("x"), total.inputs.get("y"))
    return any(
        is_same(weight, rest.inputs.get("y")) for one, other in (sides, sides[::-1])
        for weight in _factors(one) for rest in (other, *_factors(other))
        if isinstance(rest, Node) and rest.op == "sub" and plain_number(rest.inputs.get("x")) == 1.0
    )  # fmt: skip


def _factors(value: Value | None) -> list[Value]:
    return [*value.inputs.values()] if isinstance(value, Node) and value.op == "mul" else []


def _is_choice(node: Node) -> bool:
    """Whether a node is a one-hot, at most cast."""
    inner = node.inputs.get("x")
    return node.op == "one_hot" or (node.op == "cast" and isinstance(inner, Node) and _is_choice(inner))


def _sums_classes(node: Node) -> bool:
    """Whether a node sums the last axis, or everything."""
    axis = node.inputs.get("axis")
    return node.op == "sum" and (axis is None or (isinstance(axis, Const) and axis.value in (None, -1, 1)))


def _users(nodes: list[Node]) -> dict[int, list[Node]]:
    found: dict[int, list[Node]] = {}
    for node in nodes:
        for _, operand in node.operands():
            found.setdefault(operand.index, []).append(node)
    return found
