"""What the only caller in a file hands to a training function, as the caller makes it: a model, a criterion, a loader."""

from __future__ import annotations

import ast

import libcst as cst

from losslint.graph.building import statement_around
from losslint.graph.expressions import evaluate
from losslint.graph.nodes import Context
from losslint.graph.scope import Env
from losslint.graph.statements import execute
from losslint.graph.tracer import Frame, Tracer
from losslint.graph.values import External, Instance, Value
from losslint.project.modes import Mode
from losslint.project.module import Module
from losslint.project.resolve import resolver

MAX_CALLERS = 3  # functions that hand on what they were handed


def handed_by_caller(
    t: Tracer, module: Module, function: ast.FunctionDef, name: str, steps: int = MAX_CALLERS,
) -> Value | None:
    """The object that a parameter is, where one call in the file passes it."""
    calls = [call for call in module.index.calls_by_name.get(function.name, []) if isinstance(call.func, ast.Name)]
    passed = resolver(module).passed(function, name)
    if len(calls) != 1 or len(passed) != 1:
        return None
    (_, given), = passed
    if isinstance(given, ast.Constant):
        return None
    env = Env(t.scope(module))
    with t.building():
        _bind_names(t, module, given, env, steps)
        value = _evaluated(t, module, given, env)
    return value if isinstance(value, (Instance, External)) else None


def _bind_names(t: Tracer, module: Module, node: ast.AST, env: Env, steps: int) -> None:
    """Bind the names of an expression that are local to the function it stands in, by the statements that assign them."""
    for name in [inner for inner in ast.walk(node) if isinstance(inner, ast.Name)]:
        values, home = module.index.lookup(name.id, module.index.scope(name))
        if name.id in env.vars or not isinstance(home, ast.FunctionDef):
            continue
        statement = statement_around(module.parents, values[0]) if len(values) == 1 else None
        unit = t.unit(module, statement) if isinstance(statement, ast.Assign) else None
        handed = handed_by_caller(t, module, home, name.id, steps - 1) if not values and steps else None
        frame = _frame(t, module, node, env)
        if frame is None:
            return
        env.vars[name.id] = handed or t.unknown(frame, frame.unit.statement, "what a caller passes is not known")
        if unit is not None and isinstance(statement, ast.Assign):
            _bind_names(t, module, statement.value, env, steps)
            execute(t, Frame(env, unit, Context(Mode.EAGER)), unit.statement)


def _evaluated(t: Tracer, module: Module, node: ast.expr, env: Env) -> Value | None:
    if isinstance(node, ast.Name):
        return env.lookup(node.id)
    frame = _frame(t, module, node, env)
    written = frame.unit.find(node) if frame is not None else None
    return evaluate(t, frame, written) if frame is not None and isinstance(written, cst.BaseExpression) else None


def _frame(t: Tracer, module: Module, node: ast.AST, env: Env) -> Frame | None:
    statement = statement_around(module.parents, node)
    unit = t.unit(module, statement) if statement is not None else None
    return Frame(env, unit, Context(Mode.EAGER)) if unit is not None else None
