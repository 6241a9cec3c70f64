"""The graph: what happens to values inside a loss, one node an operation."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import libcst as cst

from losslint.graph.source import Source
from losslint.graph.values import Const, External, Map, Method, Seq, Tape, Value
from losslint.ops.table import Api, Operation, operations
from losslint.project.modes import Mode
from losslint.project.roles import Role


class Kind(enum.Enum):
    """What a value is at run time, as far as it is known."""

    TENSOR = "tensor"
    SYMBOLIC = "symbolic"  # a KerasTensor: the output of a layer while the model is built
    ARRAY = "array"  # a NumPy array
    PYTHON = "python"  # a number, shape, flag or object that no tensor value enters
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Context:
    """How a piece of code runs: its mode, the tapes that record it, and whether recording is switched off."""

    mode: Mode
    tapes: tuple[object, ...] = ()
    no_grad: bool = False
    loop: bool = False
    tried: bool = False  # inside a try that handles AttributeError
    guarded: bool = False  # under a condition of the configuration that is not known here
    branch: bool = False  # where it need not run: on one side of a condition, after an early return, in a try


@dataclass(eq=False)
class Node(Value):
    """One operation applied to values. Nodes are created in execution order, so operands come before their users.

    ``op`` is the canonical operation of the table, or one of the structural ones: ``param``, ``unknown``, ``phi``
    (values joined where branches meet), ``item`` (indexing), ``attribute``, ``weight`` (of a model, looked at itself),
    ``gradient`` (of one value by another; ``constant`` where it is not recorded how it came about, ``kept``
    where what it was taken through is left for a second time),
    ``python.*`` (what Python itself does to a tensor: ``python.bool``, ``python.iter``, ``python.float`` ...).
    """

    index: int
    op: str
    inputs: dict[str, Value]
    source: Source
    kind: Kind
    context: Context
    dtype: str | None = None  # float | int | bool | string | complex, or None when unknown
    api: Api | None = None
    role: Role | None = None  # of a param
    name: str = ""  # of a param; the API as resolved for calls
    reason: str = ""  # why an unknown is unknown
    detail: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def operation(self) -> Operation | None:
        return self.api.operation if self.api else operations().get(self.op)

    @cached_property
    def family(self) -> str:
        return self.operation.family if self.operation else ""

    @property
    def framework(self) -> str:
        return self.api.framework if self.api else ""

    def told(self, name: str) -> Value | None:
        """A setting of the call: an argument of it, or of the call that made the object which is called."""
        made = self.detail.get("object")
        return self.inputs.get(name) or (made.kwargs.get(name) if isinstance(made, External) else None)

    def operands(self) -> tuple[tuple[str, Node], ...]:
        """(input name, node) for every node among the inputs, looking into sequences and mappings."""
        return self._operands

    @cached_property
    def _operands(self) -> tuple[tuple[str, Node], ...]:
        return tuple((name, node) for name, value in self.inputs.items() for node in nodes_in(value))

    def __repr__(self) -> str:
        shown = {k: f"%{v.index}" if isinstance(v, Node) else f"{v!r:.40}" for k, v in self.inputs.items()}
        return f"%{self.index}: {self.op}({', '.join(f'{k}={v}' for k, v in shown.items())})"


def rests_on_data(tensor: Node) -> bool:
    """Whether a tensor is drawn, or computed from tensors; ``torch.ones(1, device=d).requires_grad_()`` is a parameter."""
    seen, stack = set[int](), [tensor]
    while stack:
        node = stack.pop()
        if node.op in ("param", "layer") or node.family in ("sample", "gather"):
            return True
        if node.index not in seen:
            seen.add(node.index)
            stack += [operand for name, operand in node.operands() if name not in ("device", "dtype")]
    return False


def nodes_in(value: Value, depth: int = 4) -> Iterator[Node]:
    """The nodes a value consists of."""
    if isinstance(value, Node):
        yield value
    elif depth and isinstance(value, Seq):
        for item in value.items:
            yield from nodes_in(item, depth - 1)
    elif depth and isinstance(value, Map):
        for item in value.items.values():
            yield from nodes_in(item, depth - 1)
    elif depth and isinstance(value, External):  # an object knows the tensors that it was made of: a distribution, say
        for item in (*value.args, *value.kwargs.values(), *([value.owner] if value.owner is not None else [])):
            yield from (node for node in nodes_in(item, depth - 1) if node.kind in (Kind.TENSOR, Kind.UNKNOWN))
    elif isinstance(value, Method) and isinstance(value.owner, Node) and (
            value.owner.op == "unknown" or value.owner.detail.get("tuple")):
        yield value.owner  # of what is not known, or holds several tensors, it may as well be a property


def below(nodes: Iterable[Node]) -> Iterator[Node]:
    """Some nodes, and all that they are computed from, each once."""
    seen, stack = set[int](), list(nodes)
    while stack:
        node = stack.pop()
        if node.index not in seen:
            seen.add(node.index)
            yield node
            stack += [operand for _, operand in node.operands()]


def in_order(nodes: Iterable[Node]) -> list[Node]:
    """Some nodes, and all that they are computed from, operands before their users."""
    return sorted(below(nodes), key=lambda node: node.index)


def carrier(node: Node) -> Value | None:
    """The input a node mostly passes on."""
    for name in ("x", "values", "value", "inputs", "arg0"):
        if name in node.inputs:
            return node.inputs[name]
    return next(iter(node.inputs.values()), None)


def may_be_key(node: Node) -> bool:
    """Whether a subscript may be a look-up: neither is what is asked known to be a tensor, nor what it is asked for."""
    parts = (node.inputs.get("x"), node.inputs.get("index"))
    return node.op == "item" and not any(isinstance(part, Node) and part.kind is Kind.TENSOR for part in parts)


def is_same(a: Value | None, b: Value | None, depth: int = 4) -> bool:
    """Whether two values are one, or computed alike from the same: ``self.critic`` and ``self.critic``."""
    if a is b or (isinstance(a, Const) and isinstance(b, Const) and a.value == b.value):
        return True
    if not isinstance(a, Node) or not isinstance(b, Node) or not depth or a.op != b.op or a.inputs.keys() != b.inputs.keys():
        return False
    alike = a.family == "elementwise" or (a.op == "attribute" and a.name == b.name)
    return alike and all(is_same(value, b.inputs[name], depth - 1) for name, value in a.inputs.items())


@dataclass(frozen=True, eq=False)
class Target:
    """A value that is returned, differentiated or minimised."""

    value: Value
    how: str  # return | tape.gradient | minimize | ...
    source: Source
    tape: Tape | None = None
    again: bool = False  # a second gradient of a tape that is not persistent
    sources: Value | None = None  # what it is differentiated with respect to
    zeros: bool = False  # ``unconnected_gradients="zero"``: what has no gradient gets zeros
    upstream: Value | None = None  # what ``backward`` is given to multiply the gradient by


@dataclass(frozen=True, eq=False)
class Pass:
    """One way of PyTorch back through what a value was computed from: ``backward()`` or ``torch.autograd.grad``."""

    value: Value
    source: Source
    keeps: bool  # for another one: ``retain_graph`` or ``create_graph``
    path: tuple[Value, ...]  # conditions under which it runs
    context: Context

    def runs_before(self, other: Pass) -> bool:
        """Whether it has run whenever a later one does."""
        above = other.path[: len(self.path)] == self.path
        return above and (not self.context.branch or self.context is other.context)


@dataclass(frozen=True, eq=False)
class CustomGradient:
    """One call of a function with a gradient of its own, and what its gradient function returned."""

    name: str
    call: Source
    upstream: Node
    gradients: Value
    returned: Source
    given: tuple[Value, ...]  # the arguments by position: TensorFlow turns each into a tensor
    named: dict[str, Value] = field(default_factory=dict)  # those by keyword, of which TensorFlow knows nothing
    value: Value | None = None  # what the function computes
    countable: bool = True  # there is to be one gradient for each argument
    takes_variables: bool = False  # the gradient function has a parameter for the variables that the function uses
    outputs: int | None = None  # the tensors that it returns, where their number is certain
    upstreams: range | None = None  # how many upstream gradients its gradient function can be called with
    defined: Source | None = None  # the name of the gradient function, where it has one
    by_tangents: bool = False  # forward (jax.custom_jvp): ``upstream`` stands for what arrives from the arguments


@dataclass(frozen=True, eq=False)
class NotedCall:
    """A call of a name that not every version of its framework has."""

    raw: str  # the name as the imports give it
    api: Api
    source: Source
    context: Context


@dataclass(eq=False)
class Graph:
    """The trace of one site."""

    nodes: list[Node] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    asked: list[Target] = field(default_factory=list)  # what tapes are asked to differentiate, also inside a loss
    passes: list[Pass] = field(default_factory=list)  # of PyTorch, in the order in which they run
    repeated: list[Value] = field(default_factory=list)  # values that stand for the item of each turn of a loop
    params: dict[str, Node] = field(default_factory=dict)
    statements: list[tuple[Node, Source]] = field(default_factory=list)  # values thrown away by expression statements
    plain_reads: list[tuple[Source, str]] = field(default_factory=list)  # Python attributes and globals the loss reads
    applied: list[tuple[Value, Source]] = field(default_factory=list)  # what apply_gradients was given
    custom: list[CustomGradient] = field(default_factory=list)
    without_gradient: list[tuple[str, Source]] = field(default_factory=list)  # custom gradients that return no function
    exchanged: list[tuple[str, Source]] = field(default_factory=list)  # forward rules that return what is saved first
    without_return: dict[cst.FunctionDef, Source] = field(default_factory=dict)  # functions that forget it, their names
    required: list[tuple[Node, bool]] = field(default_factory=list)  # checks, and conditions that it raises without
    noted: list[NotedCall] = field(default_factory=list)
    framework: str = "tensorflow"  # of the site: whose operators ``x ** y`` and the like are
    floatx: str = "float32"  # the type of numbers whose type nobody states
    gaps: list[str] = field(default_factory=list)  # why some code could not be followed
    too_deep: list[str] = field(default_factory=list)  # functions that are called through too many others to be followed
