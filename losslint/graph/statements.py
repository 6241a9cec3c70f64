"""Execution of statements: one small function a kind, in a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst

from losslint.graph.expressions import binary, condition, evaluate, index_value, iterate, truth
from losslint.graph.indexing import may_be_several, may_be_several_too, sequence_item, set_item, subscript
from losslint.graph.nodes import Kind, Node, rests_on_data
from losslint.graph.source import walk
from losslint.graph.tracer import Frame, Return, Tracer, emptied, kind_of, require, with_context
from losslint.graph.values import ALTERING, NONE, Const, External, Instance, Seq, Tape, Value
from losslint.project.modes import Mode

LEAVES = (cst.Return, cst.Yield, cst.Break, cst.Continue)
MAX_UNROLL = 6  # iterations of a loop over known items that are executed one by one
Executor = Callable[[Tracer, Frame, Any], None]
STATEMENTS: dict[type[cst.CSTNode], Executor] = {}


def executes(*types: type[cst.CSTNode]) -> Callable[[Executor], Executor]:
    """Register the executor of a kind of statement."""

    def register(function: Executor) -> Executor:
        for kind in types:
            STATEMENTS[kind] = function
        return function

    return register


def execute(t: Tracer, frame: Frame, node: cst.CSTNode) -> None:
    """Run one statement, if the path to it is alive."""
    if not frame.alive:
        return
    t.tick()
    executor = STATEMENTS.get(type(node))
    if executor is not None:
        executor(t, frame, node)


def execute_block(t: Tracer, frame: Frame, body: cst.BaseSuite | Sequence[cst.CSTNode]) -> None:
    """Run statements in order."""
    for statement in without_complaint(body.body if isinstance(body, cst.BaseSuite) else body):
        execute(t, frame, statement)


def without_complaint(statements: Sequence[cst.CSTNode]) -> Sequence[cst.CSTNode]:
    """Statements but for those that only make up the message of the exception they end in: the nearest spelling, say."""
    match statements:
        case [*_, cst.SimpleStatementLine(body=[*_, cst.Raise()])]:
            keep = [i for i, s in enumerate(statements) if any(isinstance(part, LEAVES) for part in walk(s))]
            return [*statements[: keep[-1] + 1 if keep else 0], statements[-1]]
    return statements


@executes(cst.SimpleStatementLine, cst.IndentedBlock, cst.SimpleStatementSuite)
def _line(t: Tracer, frame: Frame, node: cst.SimpleStatementLine) -> None:
    execute_block(t, frame, list(node.body))


@executes(cst.Expr)
def _expr(t: Tracer, frame: Frame, node: cst.Expr) -> None:
    value = evaluate(t, frame, node.value)
    if isinstance(value, Node):
        t.graph.statements.append((value, frame.source(node.value)))


@executes(cst.Assign)
def _assign(t: Tracer, frame: Frame, node: cst.Assign) -> None:
    value = evaluate(t, frame, node.value)
    for target in node.targets:
        assign(t, frame, target.target, value)
        if isinstance(target.target, cst.Name) and _mentions(node.value, target.target.value):
            _note_counter(t, frame, target.target, value)  # STEP = STEP + 1


def _mentions(expression: cst.BaseExpression, name: str) -> bool:
    """Whether a simple expression uses a name."""
    return isinstance(expression, cst.BinaryOperation) and any(
        isinstance(side, cst.Name) and side.value == name for side in (expression.left, expression.right)
    )


def _note_counter(t: Tracer, frame: Frame, target: cst.Name, value: Value) -> None:
    """A name of an outer scope that is counted up inside a loss."""
    if target.value in frame.env.outer and frame.function is not None and kind_of(value) is Kind.PYTHON:
        t.node(frame, "python.setattr", {"value": value}, target, Kind.PYTHON, name=target.value)


@executes(cst.AnnAssign)
def _annotated(t: Tracer, frame: Frame, node: cst.AnnAssign) -> None:
    if node.value is not None:
        assign(t, frame, node.target, evaluate(t, frame, node.value))


@executes(cst.AugAssign)
def _augmented(t: Tracer, frame: Frame, node: cst.AugAssign) -> None:
    old, more = evaluate(t, frame, node.target), evaluate(t, frame, node.value)
    if isinstance(old, Seq) and old.kind == "list" and isinstance(node.operator, cst.AddAssign):
        more = iterate(t, frame, more, node.value, "adding to a list")  # of anything that can be iterated over
    value = binary(t, frame, type(node.operator).__name__.removesuffix("Assign"), old, more, node)
    assign(t, frame, node.target, value, augmented=True)
    if isinstance(node.target, cst.Name):
        _note_counter(t, frame, node.target, value)
    if isinstance(node.target, cst.Subscript) and isinstance(node.target.value, cst.Name):
        name = node.target.value.value
        if frame.function is not None and name not in frame.env.vars and kind_of(value) is Kind.PYTHON:
            t.node(frame, "python.setattr", {"value": value}, node.target, Kind.PYTHON, name=name)


@executes(cst.Return)
def _return(t: Tracer, frame: Frame, node: cst.Return) -> None:
    value = evaluate(t, frame, node.value) if node.value is not None else NONE
    frame.returns.append(Return(value, node.value or node, frame.path[-1] if frame.path else None))
    frame.alive = False


@executes(cst.Raise)
def _raise(t: Tracer, frame: Frame, node: cst.Raise) -> None:
    frame.alive = False


@executes(cst.Break, cst.Continue)
def _leave_iteration(t: Tracer, frame: Frame, node: cst.CSTNode) -> None:
    frame.exits.append(dict(frame.env.vars))
    frame.alive = False


@executes(cst.Assert)
def _assert(t: Tracer, frame: Frame, node: cst.Assert) -> None:
    require(t, frame, condition(t, frame, node.test, "assert"))


@executes(cst.Del)
def _delete(t: Tracer, frame: Frame, node: cst.Del) -> None:
    targets = [e.value for e in node.target.elements] if isinstance(node.target, cst.Tuple) else [node.target]
    for target in targets:
        if isinstance(target, cst.Name):
            frame.env.vars.pop(target.value, None)
        elif isinstance(target, cst.Subscript) and is_whole(target.slice):
            emptied(frame, evaluate(t, frame, target.value))


def is_whole(index: Sequence[cst.SubscriptElement]) -> bool:
    """``[:]``."""
    part = index[0].slice
    return len(index) == 1 and isinstance(part, cst.Slice) and part.lower is None and part.upper is None


@executes(cst.Global, cst.Nonlocal)
def _outer(t: Tracer, frame: Frame, node: cst.Global) -> None:
    frame.env.outer.update(item.name.value for item in node.names)


@executes(cst.Import, cst.ImportFrom)
def _import(t: Tracer, frame: Frame, node: cst.Import | cst.ImportFrom) -> None:
    module = frame.unit.module
    scope = t.scope(module)
    if isinstance(node.names, cst.ImportStar):
        return
    for alias in node.names:
        name = alias.evaluated_alias or alias.evaluated_name.partition(".")[0]
        if name in module.imports:
            frame.env.vars[name] = scope.imported(module.imports[name])


@executes(cst.FunctionDef)
def _function(t: Tracer, frame: Frame, node: cst.FunctionDef) -> None:
    frame.env.bind(node.name.value, t.make_function(frame.unit, node, frame.env, frame))


@executes(cst.ClassDef)
def _class(t: Tracer, frame: Frame, node: cst.ClassDef) -> None:
    frame.env.bind(node.name.value, External(f"{frame.unit.module.name}.<locals>.{node.name.value}"))


@executes(cst.If)
def _if(t: Tracer, frame: Frame, node: cst.If) -> None:
    test = condition(t, frame, node.test, "if")
    known = truth(test)
    orelse = [node.orelse] if node.orelse is not None else []
    if known is True:
        context = frame.context
        if asks_for_none(node.test):
            frame.context = with_context(frame, guarded=True)  # it need not be None at the next call
        execute(t, frame, node.body)
        frame.context = context
    elif known is False:
        execute_block(t, frame, orelse)
    else:
        branch(t, frame, node, test, lambda: execute(t, frame, node.body), lambda: execute_block(t, frame, orelse))


def asks_for_none(test: cst.BaseExpression) -> bool:
    """``self.memory is None``: what is made once, when it is first needed."""
    match test:
        case cst.Comparison(cst.Attribute(), [cst.ComparisonTarget(cst.Is(), cst.Name("None"))]):
            return True
    return False


@executes(cst.Else, cst.Finally)
def _else(t: Tracer, frame: Frame, node: cst.Else) -> None:
    execute(t, frame, node.body)


def branch(
    t: Tracer, frame: Frame, at: cst.CSTNode, test: Value, first: Callable[[], None], second: Callable[[], None]
) -> None:
    """Run both sides of an undecided branch from the same state and join what they leave behind."""
    env, path = frame.env, frame.path
    before = dict(env.vars)
    frame.path = (*path, test)
    context, left = frame.context, (len(frame.returns), len(frame.exits))
    frame.context = with_context(frame, branch=True)
    if kind_of(test) is not Kind.TENSOR:
        frame.context = with_context(frame, guarded=True)
    if isinstance(test, Node) and test.detail.get("eager_only"):
        frame.context = with_context(frame, mode=Mode.EAGER)
    first()
    after_first, first_alive = env.vars, frame.alive
    raised = not first_alive and left == (len(frame.returns), len(frame.exits))
    env.vars, frame.alive = dict(before), True
    # the other side of an early return runs under the negated condition; only its own returns need a name for it
    frame.path = path
    second()
    frame.context = context
    if raised:
        require(t, frame, test, False)
    after_second, second_alive = env.vars, frame.alive
    if first_alive and second_alive:
        env.vars = t.join_vars(frame, after_first, after_second, at, test)
    else:
        env.vars = after_first if first_alive else after_second
    frame.alive = first_alive or second_alive


@executes(cst.Match)
def _match(t: Tracer, frame: Frame, node: cst.Match) -> None:
    subject = evaluate(t, frame, node.subject)
    _cases(t, frame, node, subject, list(node.cases))


def _cases(t: Tracer, frame: Frame, node: cst.Match, subject: Value, cases: list[cst.MatchCase]) -> None:
    """The cases in order; those that a known subject rules out never run."""
    if not cases:
        return
    case, rest = cases[0], cases[1:]
    known = matches(subject, case.pattern) if case.guard is None else None
    if known is True:
        execute(t, frame, case.body)
    elif known is False:
        _cases(t, frame, node, subject, rest)
    else:
        branch(
            t, frame, node, NONE, lambda: execute(t, frame, case.body), lambda: _cases(t, frame, node, subject, rest)
        )


def matches(subject: Value, pattern: cst.MatchPattern) -> bool | None:
    """Whether a known constant matches a pattern; None when that is not known."""
    if isinstance(pattern, cst.MatchAs) and pattern.pattern is None:
        return True
    if not isinstance(subject, Const):
        return None
    if isinstance(pattern, cst.MatchOr):
        found = [matches(subject, element.pattern) for element in pattern.patterns]
        return True if True in found else None if None in found else False
    if isinstance(pattern, cst.MatchValue) and isinstance(pattern.value, (cst.SimpleString, cst.Integer, cst.Float)):
        return bool(subject.value == pattern.value.evaluated_value)
    if isinstance(pattern, cst.MatchSingleton):
        return subject.value is {"None": None, "True": True, "False": False}[pattern.value.value]
    return None


@executes(cst.While)
def _while(t: Tracer, frame: Frame, node: cst.While) -> None:
    test = condition(t, frame, node.test, "while")

    def step(_: None) -> None:
        execute(t, frame, node.body)
        if frame.alive and kind_of(test) is not Kind.TENSOR:
            condition(t, frame, node.test, "while")  # what the body computed may have made it a tensor

    if truth(test) is not False:
        repeat(t, frame, node, [None, None], step, endless=truth(test) is True)
    if node.orelse is not None:
        execute(t, frame, node.orelse)


@executes(cst.For)
def _for(t: Tracer, frame: Frame, node: cst.For) -> None:
    iterable = iterate(t, frame, evaluate(t, frame, node.iter), node.iter, "for")
    items: list[Value]
    known = not iterable.open and len(iterable.items) <= MAX_UNROLL
    t.graph.repeated += [] if known else iterable.items
    items = (
        iterable.items
        if known
        else (iterable.items[:2] * 2)[:2] or [t.unknown(frame, node.iter, "the items of this loop are not known")] * 2
    )

    def step(item: Value | None) -> None:
        assign(t, frame, node.target, item if item is not None else NONE)
        execute(t, frame, node.body)

    repeat(t, frame, node, list(items), step, exact=known)
    if node.orelse is not None:
        execute(t, frame, node.orelse)


def repeat(
    t: Tracer, frame: Frame, at: cst.CSTNode, items: list[Any], step: Callable[[Any], None], *,
    exact: bool = False, endless: bool = False,
) -> None:  # fmt: skip
    """Run a loop body once an item; a loop of unknown length runs twice, so that what it carries round is seen."""
    outer_exits, context = frame.exits, frame.context
    frame.context = with_context(frame, loop=True)
    before = dict(frame.env.vars)
    states: list[dict[str, Value]] = [] if exact or endless else [before]
    for item in items:
        frame.exits = []
        step(item)
        states += frame.exits
        if not frame.alive:
            if not states:
                break
            frame.alive = True
            frame.env.vars = states.pop()
            if exact:
                continue
        if not exact:
            states.append(dict(frame.env.vars))
    for state in states:
        frame.env.vars = t.join_vars(frame, state, frame.env.vars, at)
    frame.exits, frame.context = outer_exits, context


@executes(cst.With)
def _with(t: Tracer, frame: Frame, node: cst.With) -> None:
    context = frame.context
    for item in node.items:
        manager = evaluate(t, frame, item.item)
        if isinstance(manager, Tape):
            frame.context = with_context(frame, tapes=(*frame.context.tapes, manager))
        elif (recording := switches_recording(manager)) is not None:
            frame.context = with_context(frame, no_grad=not recording)
        if item.asname is not None:
            assign(t, frame, item.asname.name, manager)
    execute(t, frame, node.body)
    frame.context = context


def switches_recording(manager: Value) -> bool | None:
    """Whether gradients are recorded inside of ``with torch.no_grad():`` and the like; None for other managers."""
    if not isinstance(manager, External):
        return None
    if manager.name.endswith(("no_grad()", "stop_recording()", "inference_mode()")):
        return False
    if manager.name.endswith("set_grad_enabled()"):
        return next((bool(given.value) for given in manager.args[:1] if isinstance(given, Const)), None)
    return True if manager.name.endswith("enable_grad()") else None


def _catches_attribute_error(handler: cst.ExceptHandler | cst.ExceptStarHandler) -> bool:
    """``try: t.numpy()`` with a handler for the AttributeError that a graph tensor raises."""
    kinds = handler.type
    names = [e.value for e in kinds.elements] if isinstance(kinds, cst.Tuple) else [kinds]
    return any(isinstance(name, cst.Name) and name.value == "AttributeError" for name in names)


@executes(cst.Try, cst.TryStar)
def _try(t: Tracer, frame: Frame, node: cst.Try) -> None:
    before, context = dict(frame.env.vars), frame.context
    frame.context = with_context(frame, tried=any(_catches_attribute_error(h) for h in node.handlers), branch=True)
    execute(t, frame, node.body)
    frame.context = context
    if node.orelse is not None:
        execute(t, frame, node.orelse)
    after, alive = frame.env.vars, frame.alive
    for handler in node.handlers:
        frame.env.vars, frame.alive = dict(before), True
        if handler.name is not None:
            assign(t, frame, handler.name.name, t.unknown(frame, handler, "an exception"))
        execute(t, frame, handler.body)
        if frame.alive:
            after = t.join_vars(frame, after, frame.env.vars, handler) if alive else frame.env.vars
            alive = True
    frame.env.vars, frame.alive = after, alive
    if node.finalbody is not None:
        was, frame.alive = frame.alive, True
        execute(t, frame, node.finalbody)
        frame.alive = frame.alive and was


def bind_loop_target(t: Tracer, frame: Frame, node: cst.For | cst.With) -> None:
    """Bind what the head of a module-level ``for`` or ``with`` binds, without running its body."""
    if isinstance(node, cst.For):
        items = iterate(t, frame, evaluate(t, frame, node.iter), node.iter, "for").items
        if items:
            assign(t, frame, node.target, items[-1])
        return
    for item in node.items:
        if item.asname is not None:
            assign(t, frame, item.asname.name, evaluate(t, frame, item.item))


def assign(t: Tracer, frame: Frame, target: cst.BaseExpression, value: Value, *, augmented: bool = False) -> None:
    """Bind ``value`` to an assignment target."""
    match target:
        case cst.Name(value=name):
            if name in t.differentiated and frame.context.tapes and isinstance(value, Node) and value.op == "unknown":
                value.kind = Kind.TENSOR  # tape.gradient takes nothing else
            frame.env.bind(name, value)
        case cst.Tuple() | cst.List():
            unpack(t, frame, target, value)
        case cst.StarredElement():
            assign(t, frame, target.value, value)
        case cst.Attribute():
            owner = evaluate(t, frame, target.value)
            if isinstance(owner, (Instance, External)):
                owner.attributes[target.attr.value] = value
                owner.altered |= isinstance(owner, External) and target.attr.value in ALTERING
                if augmented and isinstance(owner, Instance) and frame.function is not None:
                    t.node(
                        frame,
                        "python.setattr",
                        {"x": owner, "value": value},
                        target,
                        Kind.PYTHON,
                        name=target.attr.value,
                    )
            elif isinstance(owner, Node) and target.attr.value == "requires_grad" and value == Const(True) and not (
                    rests_on_data(owner)):
                owner.detail["watched"] = True
        case cst.Subscript():
            owner = evaluate(t, frame, target.value)
            if isinstance(owner, External):
                owner.altered = True
            changed = set_item(t, frame, owner, index_value(t, frame, target), value, target)
            views = isinstance(changed, Node) and (changed.kind is Kind.ARRAY or t.framework == "torch")
            if changed is not owner and isinstance(target.value, (cst.Name, cst.Attribute, cst.Subscript)[: 2 + views]):
                assign(t, frame, target.value, changed)


def unpack(t: Tracer, frame: Frame, target: cst.Tuple | cst.List, value: Value) -> None:
    """``a, b = value``."""
    elements = list(target.elements)
    if isinstance(value, Node) and value.kind in (Kind.TENSOR, Kind.UNKNOWN, Kind.PYTHON, Kind.SYMBOLIC, Kind.ARRAY):
        if value.kind is Kind.TENSOR and not may_be_several(value):
            t.node(frame, "python.iter", {"x": value}, target, Kind.PYTHON, how="unpacking")
        parts: list[Value] = [subscript(t, frame, value, Const(i), e.value) for i, e in enumerate(elements)]
        parts = [may_be_several_too(part, value) for part in parts]
        parts = [
            Seq([p], open=True) if isinstance(e, cst.StarredElement) else p
            for e, p in zip(elements, parts, strict=True)
        ]
    else:
        iterable = iterate(t, frame, value, target, "unpacking")
        starred = next((i for i, e in enumerate(elements) if isinstance(e, cst.StarredElement)), len(elements))
        places = [i if i <= starred else i - len(elements) for i in range(len(elements))]
        parts = [sequence_item(t, frame, iterable, Const(place), target) for place in places]
        if starred < len(elements):
            end = None if iterable.open else len(iterable.items) - len(places[starred + 1 :])
            parts[starred] = iterable.of(iterable.items[0 if iterable.open else starred : end], "list")
    for element, part in zip(elements, parts, strict=True):
        assign(t, frame, element.value, part)


def run_function(t: Tracer, frame: Frame, body: cst.BaseSuite) -> Value:
    """Execute a function body in its frame and return the joined result; falling off the end returns None."""
    execute_block(t, frame, body)
    if frame.alive and frame.returns:
        frame.returns.append(Return(NONE, frame.returns[-1].at, None))
    return t.result(frame)
