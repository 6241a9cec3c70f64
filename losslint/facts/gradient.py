"""Through which operations a derivative arrives, and where it is cut.

A forward pass over the graph gives each node the roots (predictions, variables, layers) whose derivative reaches it
(``live``), those whose derivative is exactly zero (``zero``) and those its value depends on at all (``reach``).
A loss is judged at its result: reached but not live means that training gets no gradient.
"""

from __future__ import annotations

import copy
import enum
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_

from losslint.facts.precision import Precision, precisions
from losslint.facts.step import Steps
from losslint.graph.nodes import Graph, Kind, Node, nodes_in
from losslint.graph.values import Const, External, Seq, Value
from losslint.ops.moves import SAME_NUMBERS
from losslint.ops.table import lookup
from losslint.project.modes import Mode
from losslint.project.names import FIRST_LABELS
from losslint.project.roles import Role, role_by_name

Roots = frozenset[int]
EMPTY: Roots = frozenset()


class Edge(enum.Enum):
    """What happens to the derivative between an operation and one of its inputs."""

    LIVE = "live"
    ZERO = "zero"
    NONE = "none"
    NO_VALUE = "no value"  # only the shape or dtype of the input is used
    UNRECORDED = "unrecorded"  # its value is used, and what the derivative is says somebody else


NO_DERIVATIVE = (Edge.NO_VALUE, Edge.UNRECORDED)  # neither passed on nor lost

class Cause(enum.Enum):
    """Why a derivative stops at an operation."""

    NUMPY = "numpy"
    PYTHON = "python"
    FOREIGN = "foreign"
    OPAQUE = "opaque"
    COMPARE = "compare"
    DISCRETE = "discrete"
    DETACH = "detach"
    GRADIENT = "gradient"  # itself taken without being recorded
    ZERO = "zero"


ROOTS = ("param", "layer", "weight", "unknown", "attribute", "keras_input")  # where a gradient may start
ESCAPES = (Cause.NUMPY, Cause.PYTHON, Cause.FOREIGN)
TRANSPARENT = ("unknown", "layer", "gradient", "custom_gradient", "array_method", "python.sum", "python.max",
               "python.min", "python.set_item", "python.round", "python.sorted", "stack")  # fmt: skip
VALUELESS = ("static_shape", "static_dim", "static_rank", "dtype_of", "python.object", "python.range", "python.len",
             "python.count")  # fmt: skip
PYTHON_LEAVES = ("python.float", "python.int", "python.numpy", "python.item", "python.tolist", "python.eval",
                 "python.str", "python.complex")  # fmt: skip
SILENT_IN_JAX = ("python.item", "python.int")  # jax.grad takes their values and forgets where they come from
HANDS_ON = (*SAME_NUMBERS, "to_float", "to_int", "to_bool", "stop_gradient")
PLACES = ("dtype", "device", "out_type", "layout")  # say where and as what a value is kept, and nothing of it
KEEPS_TAPE = "keeps the tape"  # note of the few NumPy functions that only slice


def edge(node: Node, parameter: str, operand: Node) -> Edge:
    """The derivative of ``node`` with respect to one operand."""
    op = node.op
    if op in VALUELESS or parameter in PLACES:
        return Edge.NO_VALUE
    if node.context.no_grad or node.detail.get("constant"):
        return Edge.NONE
    if op == "phi":
        return Edge.NONE if parameter == "condition" else Edge.LIVE
    if op in ("item", "python.index"):
        return Edge.NONE if parameter == "index" else Edge.LIVE
    if op == "attribute":
        return Edge.LIVE if node.kind is Kind.UNKNOWN else Edge.NONE
    if node.family == "compare" and any(is_text(value) for value in node.inputs.values()):
        return Edge.NO_VALUE  # self.reduction == "mean": what is compared with a word is a setting
    if op == "custom_gradient" and parameter == "value":
        return Edge.UNRECORDED  # the function says itself what its derivative is
    if op == "cast":
        return Edge.NONE if node.dtype in ("int", "bool", "string") else Edge.LIVE
    if op == "python.float":
        return Edge.LIVE if node.context.mode is Mode.AUTOGRAPH else Edge.NONE
    if op == "py_function":
        return Edge.LIVE if parameter == "value" else Edge.NONE
    if op == "python.number":  # a setting, or what left the framework before
        return Edge.NO_VALUE if operand.kind is Kind.UNKNOWN else Edge.LIVE
    if op in TRANSPARENT:
        return Edge.LIVE
    if op.startswith(("python.", "numpy.")) or op == "numpy_function":
        return Edge.NONE
    if node.framework in ("numpy", "python"):
        return Edge.LIVE if node.api is not None and node.api.note == KEEPS_TAPE else Edge.NONE
    operation = node.operation
    if node.family == "sample" and parameter in ("shape", "seed"):
        return Edge.NO_VALUE
    if operation is None:
        return Edge.LIVE  # nothing is known of it: assume the best
    if makes(node) and not operation.flows_through(parameter) and operand.kind is not Kind.TENSOR:
        return Edge.NO_VALUE  # torch.randn(1, features): a size
    if operation.flows_through(parameter) or parameter.startswith("arg"):
        return Edge.LIVE if operation.flows or operation.cut == "-" else _cut_edge(operation.cut, operation.family)
    return _cut_edge(operation.cut, operation.family)


def makes(node: Node) -> bool:
    """Whether an operation makes a tensor of the sizes that it is given."""
    return node.family == "sample" or node.op == "range"


def is_text(value: Value) -> bool:
    """Whether a value is a word of the code."""
    return isinstance(value, Const) and isinstance(value.value, str)


def _cut_edge(cut: str, family: str) -> Edge:
    if family in ("shape", "constant"):
        return Edge.NO_VALUE
    return Edge.ZERO if cut == "zero" else Edge.NONE


def cause(node: Node) -> Cause:
    """Why the derivative stops at a node that cuts it."""
    if node.context.no_grad or node.family in ("detach", "variable", "state"):
        return Cause.DETACH
    if node.op == "gradient":
        return Cause.GRADIENT
    if node.op in PYTHON_LEAVES:
        return Cause.PYTHON
    if node.op in ("numpy_function", "py_function"):
        return Cause.OPAQUE
    if node.framework == "numpy" or node.op.startswith("numpy."):
        return Cause.NUMPY
    if node.op == "python.predict" or node.framework == "python" or node.family == "escape":
        return Cause.FOREIGN
    if node.family == "compare" or node.op.startswith("logical_"):
        return Cause.COMPARE
    if node.operation is not None and node.operation.cut == "zero":
        return Cause.ZERO
    return Cause.DISCRETE


@dataclass(frozen=True)
class Cut:
    """An operation where the derivative of ``operand`` stops."""

    node: Node
    operand: Node
    cause: Cause


@dataclass
class Flow:
    """What reaches one node."""

    live: Roots = EMPTY
    zero: Roots = EMPTY
    reach: Roots = EMPTY


class GradientFacts:
    """The gradient view of one graph."""

    def __init__(self, graph: Graph, *, trains_model: bool = False, differentiated: Collection[str] = ()) -> None:
        """``trains_model``: the site differentiates with respect to variables, so its parameters are data.

        ``differentiated``: the parameters that the gradient is asked for, where the code says so.
        """
        self.graph = graph
        self.differentiated = differentiated
        self.trains_model = trains_model
        self.edges = [
            [(name, operand, edge(node, name, operand)) for name, operand in node.operands()] for node in graph.nodes
        ]
        self.flows = self._propagate(graph.nodes, {})
        self._cones: dict[tuple[Node, ...], list[Node]] = {}

    @cached_property
    def precisions(self) -> Mapping[int, Precision]:
        """What each node is computed in."""
        return precisions(self.graph)

    @cached_property
    def steps(self) -> Steps:
        """What evaluating each node asks of it."""
        return Steps(self.graph, self.precisions)

    @cached_property
    def trained(self) -> Roots:
        """Roots that training adjusts: the predictions where the loss names them, else whatever may be one."""
        nodes = self.graph.nodes
        named = {n.index for n in nodes if n.op == "param" and n.name in self.differentiated}
        if named:
            return frozenset(named)
        own = {
            n.index for n in nodes
            if n.op in ("layer", "weight", "python.predict")
            or (n.family == "variable" and n.index in self.flows[n.index].reach)
        }  # fmt: skip
        predictions = {n.index for n in nodes if n.op == "param" and n.role is Role.PREDICTION}
        if predictions and not self.trains_model:  # a feature extractor inside the loss is not what is trained through it
            return frozenset(predictions | self._differentiated_twice)
        maybe = {n.index for n in nodes if self._may_be_trained(n)} - self._numbers
        return frozenset(own | maybe)

    @cached_property
    def _numbers(self) -> set[int]:
        """Nodes that are no tensors to train: those that are cast to integers or made the first tensor of, and unknown ones
        that only stand beside what an operation passes on, as the sizes of a split or an index do."""
        numbers, beside, values = set[int](), set[int](), set[int]()
        for node in self.graph.nodes:
            for parameter, operand in node.operands():
                if node.op == "tensor" or (node.op == "cast" and node.dtype == "int"):
                    numbers.add(operand.index)
                elif operand.op in ("unknown", "attribute") and stands_beside(node, parameter):
                    beside.add(operand.index)
                else:
                    values.add(operand.index)
        return numbers | (beside - values)

    @cached_property
    def surely_trained(self) -> Roots:
        """The trained roots but those of which nothing is known: they may as well be settings or data."""
        vague = ("unknown", "attribute")
        known = {Role.PREDICTION, Role.TENSOR}
        nodes = (self.graph.nodes[index] for index in self.trained)
        return frozenset(n.index for n in nodes if n.op not in vague and (n.op != "param" or n.role in known))

    @cached_property
    def _differentiated_twice(self) -> Roots:
        """Models whose own gradient a loss is computed from, as in a gradient penalty: the penalty is what trains them."""
        inner = [value for node in self.graph.nodes if node.op == "gradient" for value in node.inputs.values()]
        return frozenset(n.index for value in inner for n in self.cone(value) if n.op == "layer")

    @cached_property
    def with_weights(self) -> GradientFacts:
        """The same facts where the weights that a loss reads by themselves, as a penalty does, are trained beside what it
        is given."""
        weights = {n.index for n in self.graph.nodes if n.op == "weight"}
        if weights <= self.trained:
            return self
        facts = copy.copy(self)
        facts.trained = self.trained | weights
        return facts

    def towards(self, sources: Value | None) -> GradientFacts:
        """The same facts where only the models are trained whose variables the gradient is asked for.

        Unchanged where it is not known which operations are theirs.
        """
        models = models_of(sources) if sources is not None else None
        own = {n.index for n in self.graph.nodes if models and called_model(n) in models}
        if not own or own >= self.trained:
            return self
        facts = copy.copy(self)
        facts.trained = frozenset(own)
        return facts

    def _may_be_trained(self, node: Node) -> bool:
        """Whether a node of a site without a named prediction may stand for what is trained."""
        if node.detail.get("watched"):
            return True
        if node.op in ("unknown", "attribute"):
            return not (
                (self.trains_model and is_part_of_a_batch(node)) or (self._trains_by_backward and hands_on(node)))
        if self.trains_model:
            return node.op == "param" and self._trains_by_backward and self._may_be_computed(node)
        if node.op == "param" and node.role is None:
            return not self._has_inputs
        return node.op == "keras_input" or (node.op == "param" and node.role in (Role.TENSOR, Role.UNKNOWN))

    def _may_be_computed(self, parameter: Node) -> bool:
        """Whether a caller may hand in what it has computed by a model, which ``backward()`` reaches as well: no label, no
        setting, and nothing that a model is applied to here."""
        role = role_by_name(parameter.name)
        if role is Role.PREDICTION or parameter.index in self._model_inputs:
            return role is Role.PREDICTION
        return role in (Role.TENSOR, Role.UNKNOWN) and parameter.name not in FIRST_LABELS

    @cached_property
    def _model_inputs(self) -> Collection[int]:
        """What the models of a site are applied to."""
        calls = (n for n in self.graph.nodes if n.op == "layer" or (n.op == "unknown" and not hands_on(n)))
        given = [o for call in calls for _, o in call.operands()]
        return {n.index for operand in given for n in self.cone(operand)}

    @cached_property
    def _trains_by_backward(self) -> bool:
        return self.trains_model and any(target.how == "backward" for target in self.graph.targets)

    @cached_property
    def _has_inputs(self) -> bool:
        """Whether the loss is given something to train; what it was built with is configuration then."""
        return any(n.role in (Role.TENSOR, Role.UNKNOWN) for n in self.graph.params.values())

    def _propagate(
        self, nodes: Iterable[Node], known: Mapping[int, Flow], uncut: Roots = EMPTY, blocked: Roots = EMPTY
    ) -> dict[int, Flow]:
        """One forward pass over nodes in program order. ``known``: the flows of those that they are computed from.

        Nodes in ``uncut`` are taken to pass a derivative on, those in ``blocked`` to stop it.
        """
        flows = {**known}
        for node in nodes:
            live: set[int] = set()
            zero: set[int] = set()
            reach: set[int] = set()
            for parameter, operand, kind in self.edges[node.index]:
                if kind in NO_DERIVATIVE:
                    continue
                inner = flows[operand.index]
                reach |= inner.reach
                if (
                    kind is Edge.LIVE
                    or node.index in uncut
                    or self._stands_for_a_value(node, parameter, operand, uncut)
                ):
                    live |= inner.live
                    zero |= inner.zero
                elif kind is Edge.ZERO:
                    zero |= inner.live | inner.zero
            fresh = node.family == "variable" and not any(
                flows[o.index].reach for _, o in node.operands() if o.kind is Kind.TENSOR
            )  # tf.Variable(t) of a tensor of the loss only copies its value
            if node.op in ROOTS or fresh or node.detail.get("watched"):
                reach.add(node.index)
                if node.op == "weight" or not node.context.no_grad:  # looking at a weight records nothing anywhere
                    live.add(node.index)
            elif node.op == "python.predict":  # the weights are in it, but predict does not record them
                reach.add(node.index)
            if node.index in blocked:
                live.clear()
            flows[node.index] = Flow(frozenset(live), frozenset(zero - live), frozenset(reach))
        return flows

    @staticmethod
    def _stands_for_a_value(node: Node, parameter: str, operand: Node, uncut: frozenset[int]) -> bool:
        """``where(p > t, 1., 0.)``: with the comparison repaired, the condition would be the value."""
        if node.op not in ("where", "phi") or parameter != "condition" or operand.index not in uncut:
            return False
        return not any(isinstance(node.inputs.get(side), Node) for side in ("x", "y"))

    # -- questions about values

    def live(self, value: Value | Node) -> Roots:
        """Trained roots whose derivative arrives at a value."""
        return self._collect(value, "live") & self.trained

    def zero(self, value: Value | Node) -> Roots:
        """Trained roots whose derivative is exactly zero at a value."""
        return self._collect(value, "zero") & self.trained

    def reach(self, value: Value | Node) -> Roots:
        """Trained roots that a value depends on."""
        return self._collect(value, "reach") & self.trained

    def _collect(self, value: Value | Node, field: str) -> Roots:
        found: Roots = EMPTY
        for node in nodes_in(value):
            found |= getattr(self.flows[node.index], field)
        return found

    def is_cut(self, value: Value | Node) -> bool:
        """Whether a value depends on a trained root without passing a derivative on."""
        return bool(self.reach(value)) and not self.live(value)

    def recorded(self, value: Value | Node) -> Iterator[Node]:
        """The nodes that the value is computed from where a derivative of it is asked for, later ones first."""
        return self.cone(value, NO_DERIVATIVE)

    def cone(self, value: Value | Node, without: Collection[Edge] = (Edge.NO_VALUE,)) -> Iterator[Node]:
        """Every node that the value is computed from, later ones first."""
        seen: set[int] = set()
        stack = list(nodes_in(value))
        while stack:
            node = stack.pop()
            if node.index in seen:
                continue
            seen.add(node.index)
            yield node
            stack += [operand for _, operand, kind in self.edges[node.index] if kind not in without]

    def passed(self, value: Value | Node) -> set[int]:
        """The nodes that the derivative of a value certainly goes through: by operations that are known, on both sides where
        paths meet, and not by what a model was made of."""
        found = self._passed_by(nodes_in(value), self._passed)
        return {index for index in range(found.bit_length()) if found >> index & 1}

    @cached_property
    def _passed(self) -> list[int]:
        """For each node the nodes that its derivative certainly goes through, as the bits of a number."""
        found = [0] * len(self.graph.nodes)
        for node in self.graph.nodes:
            if not self.flows[node.index].live:
                continue
            if node.op == "phi":
                first, second = (self._passed_by(nodes_in(node.inputs[side]), found) for side in ("x", "y"))
                before = first & second
            else:
                data = self.edges[node.index] if node.op not in ("attribute", "unknown") else []
                before = self._passed_by((o for name, o, kind in data if name != "function" and kind is Edge.LIVE), found)
            found[node.index] = before | 1 << node.index
        return found

    @staticmethod
    def _passed_by(nodes: Iterable[Node], found: list[int]) -> int:
        return reduce(or_, (found[node.index] for node in nodes), 0)

    def cuts(self, value: Value | Node) -> list[Cut]:
        """Where the derivative stops on the way to a value, in program order."""
        found: dict[int, Cut] = {}
        for node in self.recorded(value):
            if node.op == "python.predict":
                found[node.index] = Cut(node, node, Cause.FOREIGN)
            elif node.op == "layer" and node.context.no_grad and node.index in self.trained:
                found[node.index] = Cut(node, node, Cause.DETACH)
            for _, operand, kind in self.edges[node.index]:
                if kind in (Edge.NONE, Edge.ZERO) and self.live(operand) and not self.live(node):
                    found.setdefault(node.index, Cut(node, operand, cause(node)))
        return [found[index] for index in sorted(found)]

    def cuts_of(self, value: Value | Node, root: int) -> list[Cut]:
        """Where the derivative of one root stops on the way to a value, in program order."""
        found = [
            Cut(node, operand, cause(node))
            for node in self.recorded(value) for _, operand, kind in self.edges[node.index]
            if kind in (Edge.NONE, Edge.ZERO) and root in self.flows[operand.index].live
            and root not in self.flows[node.index].live
        ]  # fmt: skip
        return sorted(found, key=lambda cut: cut.node.index)

    def decisive_cuts(self, value: Value | Node) -> list[Cut]:
        """The cuts whose repair alone would bring the gradient back; all cuts where no single repair does.

        Masks and indices beside a value that was cut elsewhere fall away by this: repairing them changes nothing.
        """
        cuts = self.cuts(value)
        if len(cuts) < 2:
            return cuts
        decisive = [c for c in cuts if self.live_with(value, {c.node.index})]
        plain = [c for c in decisive if c.cause is not Cause.COMPARE]
        return plain or decisive or [c for c in cuts if c.cause is not Cause.COMPARE] or cuts

    def live_without(self, value: Value | Node, blocked: Iterable[int]) -> Roots:
        """The trained roots of a value that would still be live if some operations stopped the derivative."""
        return self._live_if(value, blocked=frozenset(blocked))

    def live_with(self, value: Value | Node, uncut: Iterable[int]) -> Roots:
        """The trained roots of a value that would be live if some operations passed the derivative on."""
        return self._live_if(value, uncut=frozenset(uncut))

    def _live_if(self, value: Value | Node, uncut: Roots = EMPTY, blocked: Roots = EMPTY) -> Roots:
        """The trained roots of a value that would be live if some operations were others: only what lies behind those
        differs."""
        others, behind = {*uncut, *blocked}, []
        for node in self._ordered_cone(tuple(nodes_in(value))):
            if node.index in others or any(o.index in others for _, o, kind in self.edges[node.index]):
                others.add(node.index)
                behind.append(node)
        flows = self._propagate(behind, self.flows, uncut, blocked)
        return frozenset(r for node in nodes_in(value) for r in flows[node.index].live) & self.trained

    def _ordered_cone(self, ends: tuple[Node, ...]) -> list[Node]:
        if ends not in self._cones:
            self._cones[ends] = sorted({n.index: n for end in ends for n in self.cone(end)}.values(), key=lambda n: n.index)
        return self._cones[ends]

    def unknown_on_path(self, value: Value | Node) -> list[Node]:
        """Unknown operations between a trained root and the value."""
        return [n for n in self.recorded(value) if n.op == "unknown" and any(self.reach(o) for _, o in n.operands())]


def is_part_of_a_batch(node: Value | None, depth: int = 6) -> bool:
    """``batch["x"].float()``, ``for x, y in batches``: an entry of an argument, or of an entry, after methods that tensors
    have."""
    if not isinstance(node, Node) or not depth:
        return False
    if node.op == "unknown":
        return is_part_of_a_batch(node.inputs.get("function"), depth - 1)
    owner = node.inputs.get("x")
    if node.op == "item":
        inner = isinstance(owner, Node) and owner.op == "item" and is_part_of_a_batch(owner, depth - 1)
        return inner or (isinstance(owner, Node) and owner.op == "param")
    method = node.op == "attribute" and lookup(f"torch.Tensor.{node.name}") is not None
    return method and is_part_of_a_batch(owner, depth - 1)


def hands_on(node: Node) -> bool:
    """Whether ``y.float()`` of an object that is not known, or its method, has nothing to train but what ``y`` has: a
    tensor gives its own numbers so, and a module itself."""
    method = node.inputs.get("function") if node.op == "unknown" else node
    if not isinstance(method, Node) or method.op != "attribute" or not isinstance(method.inputs.get("x"), Node):
        return False
    api = lookup(f"torch.Tensor.{method.name}")
    return api is not None and api.operation.name in HANDS_ON


def stands_beside(node: Node, parameter: str) -> bool:
    """Whether an operand is a size or an index of an operation that passes another one on."""
    if node.op in ("item", "python.index"):
        return parameter == "index"
    operation = node.operation
    moves = operation is not None and operation.family in ("move", "gather") and bool(operation.flows)
    return moves and operation is not None and not operation.flows_through(parameter) and not parameter.startswith("arg")


VARIABLES = ("trainable_variables", "trainable_weights", "variables", "weights")


def called_model(node: Node) -> Value | None:
    """The model or layer that an operation calls."""
    if node.op not in ("layer", "python.predict"):
        return None
    return node.inputs.get("function") or node.detail.get("object")


def models_of(sources: Value) -> list[Value] | None:
    """The models whose variables a gradient is asked for; None if they are not known."""
    if isinstance(sources, Seq):
        found = [models_of(item.detail["of"]) for item in sources.items if isinstance(item, Node) and "of" in item.detail]
        known = len(found) == len(sources.items) and None not in found
        return [model for models in found for model in models or []] if known else None
    if isinstance(sources, External) and sources.owner is not None:
        return [sources.owner] if sources.name.endswith(VARIABLES) else None
    if not isinstance(sources, Node):
        return None
    owner = sources.inputs.get("x")
    return [owner] if owner is not None and sources.op == "attribute" and sources.name in VARIABLES else None
