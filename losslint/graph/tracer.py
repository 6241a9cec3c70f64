"""Symbolic execution of a loss: the CST is run with symbolic values, and what happens to them becomes the graph.

``Tracer`` holds the state of one trace (budget, scopes, the graph) and joins values where paths meet. Statements are
executed in ``statements.py``, expressions evaluated in ``expressions.py``, calls made in ``calls.py``.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import libcst as cst

from losslint.graph.nodes import Context, Graph, Kind, Node, Target, nodes_in
from losslint.graph.scope import Env, ModuleScope
from losslint.graph.source import Source, Unit, parts, walk
from losslint.graph.values import (
    NONE,
    NOTHING,
    UNBOUND,
    Choice,
    Const,
    External,
    Func,
    Instance,
    Map,
    Seq,
    Value,
)
from losslint.ops.table import Api, canonical_name, lookup
from losslint.project.index import children
from losslint.project.modes import Mode
from losslint.project.module import Module, Project

MAX_NODES = 5_000
MAX_STEPS = 30_000
BUILDING_STEPS = 6_000  # for what only builds the loss: the factory around it, the __init__ of its class
MAX_DEPTH = 14  # calls inlined into each other
MAX_CHOICES = 4
MAX_NESTING = 250


class BudgetExceeded(Exception):
    """The trace grew past its bound; the loss is reported as not analysed."""


def depth(node: ast.AST) -> int:
    """How deep a statement nests; the concrete parser takes quadratic time on long chains of operators."""
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for parent in level for child in children(parent)]
    return deepest


class Units:
    """LibCST parses of a run, shared by all its traces, and how much was traced around losses."""

    def __init__(self) -> None:
        self._parsed: dict[ast.stmt, Unit | None] = {}
        self.nodes = Counter[ast.AST]()  # of the graphs of what stands around losses: a function, a script

    def get(self, module: Module, statement: ast.stmt) -> Unit | None:
        if statement not in self._parsed:
            try:
                self._parsed[statement] = Unit(module, statement) if depth(statement) < MAX_NESTING else None
            except (cst.ParserSyntaxError, cst.CSTValidationError):
                self._parsed[statement] = None
        return self._parsed[statement]


@dataclass(frozen=True, eq=False)
class Return:
    """A value returned at a place, under the innermost undecided condition (None: unconditionally)."""

    value: Value
    at: cst.CSTNode
    condition: Value | None


@dataclass(eq=False)
class Frame:
    """The execution of one function body (or of module-level code)."""

    env: Env
    unit: Unit
    context: Context
    via: Source | None = None
    function: Func | None = None
    returns: list[Return] = field(default_factory=list)
    alive: bool = True
    path: tuple[Value, ...] = ()  # conditions under which the current statement runs
    exits: list[dict[str, Value]] = field(default_factory=list)  # names at each break/continue of the current loop
    depth: int = 0

    def source(self, node: cst.CSTNode) -> Source:
        return Source(self.unit, node, self.via)

TEXTS = (cst.SimpleString, cst.ConcatenatedString, cst.Ellipsis)  # expressions that are there to be read


class Tracer:
    """One trace. ``framework`` is the framework of the site."""

    def __init__(self, project: Project, units: Units | None = None, framework: str = "tensorflow") -> None:
        self.project = project
        self.units = units or Units()
        self.framework = framework
        self.layer_mode: Mode | None = None  # how Keras runs layers, where models are what is traced
        self.graph = Graph(framework=framework)
        self.steps = 0
        self.limit = MAX_STEPS
        self.stack: list[cst.CSTNode] = []  # functions being inlined, against recursion
        self.functions: list[Func] = []  # every function object made
        self.differentiated: set[str] = set()  # names whose gradient a tape is asked for: they hold tensors
        self._scopes: dict[Module, ModuleScope] = {}

    # -- scopes and units

    def scope(self, module: Module) -> ModuleScope:
        if module not in self._scopes:
            self._scopes[module] = ModuleScope(self, module)
        return self._scopes[module]

    def unit(self, module: Module, statement: ast.stmt) -> Unit | None:
        unit = self.units.get(module, statement)
        if unit is None:
            self.gap(
                f"{module.path.name}:{statement.lineno} nests too deeply, or uses syntax that LibCST does not know"
            )
        return unit

    def gap(self, reason: str) -> None:
        """Note why some code could not be followed."""
        if reason not in self.graph.gaps:
            self.graph.gaps.append(reason)

    def tick(self) -> None:
        self.steps += 1
        if self.steps > self.limit or len(self.graph.nodes) > MAX_NODES:
            raise BudgetExceeded

    @contextmanager
    def building(self) -> Iterator[None]:
        """Code that builds the loss gets a small budget of its own; what it has bound when that is spent must do."""
        steps, limit = self.steps, self.limit
        self.limit = min(limit, steps + BUILDING_STEPS)
        try:
            yield
        except BudgetExceeded:
            if len(self.graph.nodes) > MAX_NODES:
                raise
        finally:
            self.steps, self.limit = steps, limit

    @staticmethod
    def prefers_table(dotted: str) -> bool:
        """Whether a name means its table entry even where its source is at hand (linting Keras itself)."""
        return lookup(dotted) is not None

    def make_function(self, unit: Unit, node: cst.CSTNode, env: Env, frame: Frame | None = None) -> Value:
        """The function object of a ``def`` with its decorators applied."""
        from losslint.graph.functions import decorate

        assert isinstance(node, cst.FunctionDef)
        function = Func(unit, node, env, node.name.value)
        self.functions.append(function)
        return decorate(self, function, frame or self.module_frame(unit, env))

    def module_frame(self, unit: Unit, env: Env) -> Frame:
        return Frame(env, unit, Context(Mode.EAGER))

    def execute_bindings(self, scope: ModuleScope, name: str, statements: list[ast.stmt]) -> Value:
        """The value a module-level name has after its statements ran, each on its own."""
        from losslint.graph.statements import bind_loop_target, execute

        env = Env(scope)
        for statement in statements:
            unit = self.unit(scope.module, statement)
            if unit is None:
                continue
            frame = self.module_frame(unit, env)
            env.vars |= not_yet_shadowed(scope.module, statement)
            if isinstance(statement, (ast.For, ast.With)) and isinstance(unit.statement, (cst.For, cst.With)):
                bind_loop_target(self, frame, unit.statement)
            elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                env.vars[statement.name] = scope.define(statement)
            else:
                execute(self, frame, unit.statement)
        return env.vars.get(name, UNBOUND)

    # -- nodes

    def node(
        self,
        frame: Frame,
        op: str,
        inputs: dict[str, Value],
        at: cst.CSTNode,
        kind: Kind | None = None,
        *,
        dtype: str | None = None,
        api: Api | None = None,
        name: str = "",
        reason: str = "",
        **detail: object,
    ) -> Node:
        """Append an operation to the graph; ``kind`` defaults to what the operands make of it."""
        self.tick()
        inputs = {parameter: snapshot(value) for parameter, value in inputs.items()}
        created = Node(
            index=len(self.graph.nodes), op=op, inputs=inputs, source=frame.source(at), kind=Kind.UNKNOWN,
            context=frame.context, dtype=dtype, api=api, name=name, reason=reason, detail=dict(detail),
        )  # fmt: skip
        created.kind = kind or join_kinds([operand.kind for _, operand in created.operands()])
        self.graph.nodes.append(created)
        return created

    def unknown(self, frame: Frame, at: cst.CSTNode, reason: str, inputs: dict[str, Value] | None = None) -> Node:
        """A value nothing is known of; what entered it is kept, so that a gradient may pass."""
        return self.node(frame, "unknown", inputs or {}, at, Kind.UNKNOWN, reason=reason)

    def misused(self, frame: Frame, at: cst.CSTNode, how: str) -> Node:
        """What comes of the None of a function that ends without a return, where something else was expected."""
        self.node(frame, "python.none", {}, at, Kind.PYTHON, how=how)
        return self.unknown(frame, at, "it is None")

    def target(self, value: Value, how: str, source: Source, **more: Any) -> None:
        self.graph.targets.append(Target(value, how, source, **more))

    # -- joins

    def join(self, frame: Frame, a: Value, b: Value, at: cst.CSTNode, condition: Value | None = None) -> Value:
        """The value a name has when it is ``a`` on one path and ``b`` on the other."""
        if a is b or (isinstance(a, Const) and isinstance(b, Const) and same_constant(a, b)):
            return a
        if a is UNBOUND or b is UNBOUND:
            return b if a is UNBOUND else a
        if isinstance(a, Seq) and isinstance(b, Seq):
            if len(a.items) == len(b.items) and not (a.open or b.open):
                items = [self.join(frame, x, y, at, condition) for x, y in zip(a.items, b.items, strict=True)]
                return Seq(items, a.kind)
            longer = a if len(a.items) >= len(b.items) else b
            return Seq(longer.items, a.kind, open=True)
        if isinstance(a, Map) and isinstance(b, Map):
            return Map({**a.items, **b.items}, open=True)
        if any(isinstance(v, (Node, Const, Seq)) for v in (a, b)):
            inputs = {"x": a, "y": b}
            if condition is not None:
                inputs = {"condition": condition, **inputs}
            kinds = {Kind.UNKNOWN if isinstance(v, (Seq, Map)) else kind_of(v) for v in (a, b)}
            numeric = all(not isinstance(v, Const) or isinstance(v.value, (int, float)) for v in (a, b))
            if len(kinds) == 1:
                kind = kinds.pop()
            else:
                kind = Kind.TENSOR if numeric and kinds == {Kind.TENSOR, Kind.PYTHON} else Kind.UNKNOWN
            dtype = a.dtype if isinstance(a, Node) else b.dtype if isinstance(b, Node) else None
            return self.node(frame, "phi", inputs, at, kind, dtype=dtype)
        options = tuple(dict.fromkeys(o for v in (a, b) for o in (v.options if isinstance(v, Choice) else (v,))))
        if len(options) > MAX_CHOICES:
            return self.unknown(frame, at, "it is one of many different objects")
        return Choice(options)

    def join_vars(
        self, frame: Frame, a: dict[str, Value], b: dict[str, Value], at: cst.CSTNode, condition: Value | None = None
    ) -> dict[str, Value]:
        """The local names after two paths meet."""
        if a is b:
            return a
        return {
            name: self.join(frame, a.get(name, UNBOUND), b.get(name, UNBOUND), at, condition)
            for name in dict.fromkeys([*a, *b])
        }

    def result(self, frame: Frame) -> Value:
        """What a function returns: its return values joined, the later ones standing for the other path."""
        if not frame.returns:
            function = frame.function if frame.alive and computes_in_vain(frame.function) else None
            if function is None or not isinstance(function.node, cst.FunctionDef):
                return NONE
            self.graph.without_return[function.node] = Source(function.unit, function.node.name)
            return NOTHING
        value = frame.returns[-1].value
        for earlier in reversed(frame.returns[:-1]):
            value = self.join(frame, earlier.value, value, earlier.at, earlier.condition)
        return value


def computes_in_vain(function: Func | None) -> bool:
    """Whether a function that returned nothing was to return something: it is no stub for subclasses, no generator, returns
    under no setting, and no decorator of the project makes its result."""
    if function is None or not isinstance(function.node, cst.FunctionDef):
        return False
    if any(not isinstance(d, External) or not is_framework_name(d.name) for d in function.decorators):
        return False
    return falls_off_its_end(function.node)


@lru_cache(1024)
def falls_off_its_end(function: cst.FunctionDef) -> bool:
    """Whether a function does something, and neither returns nor yields a value anywhere."""
    body = function.body
    lines = body.body if isinstance(body, cst.IndentedBlock) else [body]
    if all(map(is_stub, lines)) or returns_elsewhere(body):
        return False
    return not any(isinstance(part, (cst.Yield, cst.Await)) for part in walk(body))


def returns_elsewhere(body: cst.CSTNode) -> bool:
    """Whether code returns a value on a path that its settings do not take here; functions inside have their own."""
    if isinstance(body, cst.Return):
        return body.value is not None
    return not isinstance(body, (cst.FunctionDef, cst.Lambda)) and any(map(returns_elsewhere, parts(body)))


def is_stub(line: cst.BaseStatement | cst.BaseSuite) -> bool:
    """Whether a line of a body does nothing: a docstring, ``pass``, ``...``, or a text that is printed, as in
    ``print("to be overloaded")``."""
    return isinstance(line, (cst.SimpleStatementLine, cst.SimpleStatementSuite)) and all(
        isinstance(s, cst.Pass) or (isinstance(s, cst.Expr) and (isinstance(s.value, TEXTS) or says(s.value)))
        for s in line.body)


def says(call: cst.BaseExpression) -> bool:
    """Whether an expression prints a text and does nothing else."""
    return isinstance(call, cst.Call) and isinstance(call.func, cst.Name) and call.func.value == "print" and all(
        isinstance(argument.value, TEXTS) for argument in call.args)


def not_yet_shadowed(module: Module, statement: ast.stmt) -> dict[str, Value]:
    """The builtins in ``py_all = all`` that the module gives another meaning only further down."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Name):
        return {}
    used = statement.value.id
    later = [other.lineno > statement.lineno for other in module.bindings.get(used, [])]
    return {used: External(f"builtins.{used}")} if later and all(later) and hasattr(builtins, used) else {}


def snapshot(value: Value, depth: int = 4) -> Value:
    """A list or dict as it is now: later appends must not change what an operation has already seen."""
    if isinstance(value, Seq) and depth:
        return Seq([snapshot(v, depth - 1) for v in value.items], value.kind, value.open, value.names, value.mixed)
    if isinstance(value, Map) and depth:
        return Map({k: snapshot(v, depth - 1) for k, v in value.items.items()}, value.open)
    return value


def same_constant(a: Const, b: Const) -> bool:
    try:
        return type(a.value) is type(b.value) and bool(a.value == b.value)
    except Exception:  # an exotic __eq__; user constants are plain, so this is only a guard
        return False


def kind_of(value: Value) -> Kind:
    """What a value is at run time."""
    if isinstance(value, Node):
        return value.kind
    if isinstance(value, Seq):
        return join_kinds([n.kind for n in nodes_in(value)] or [Kind.PYTHON])
    if isinstance(value, (Const, Map, Func, External, Instance)):
        return Kind.PYTHON
    return Kind.UNKNOWN


def join_kinds(kinds: list[Kind]) -> Kind:
    """The kind of a value computed from operands of these kinds."""
    for kind in (Kind.SYMBOLIC, Kind.TENSOR, Kind.ARRAY, Kind.UNKNOWN):
        if kind in kinds:
            return kind
    return Kind.PYTHON


def with_context(frame: Frame, **changes: object) -> Context:
    """The frame's context with some of its fields changed."""
    return replace(frame.context, **changes)  # type: ignore[arg-type]


def require(t: Tracer, frame: Frame, condition: Value, truth: bool = True) -> None:
    """Note what the loss raises without, where that is reached in any case."""
    certain = not (frame.context.branch or frame.context.loop or frame.returns)
    if certain and isinstance(condition, Node):
        t.graph.required.append((condition, truth))


def is_framework_name(dotted: str) -> bool:
    """Whether a dotted name belongs to one of the frameworks the tables describe."""
    return canonical_name(dotted).partition(".")[0] in ("tf", "keras", "torch", "jax", "jnp")


def emptied(frame: Frame, value: Value) -> None:
    """What ``del items[:]`` does to a list; where it need not run, something may be left."""
    if isinstance(value, Seq):
        value.items, value.open = [], frame.context.branch or frame.context.loop
