"""The function object of a loss as it is built where it is used: by its factory, class or ``partial``."""

from __future__ import annotations

import ast
from dataclasses import replace

import libcst as cst

from losslint.graph.attributes import SYMBOLIC_ATTRIBUTES, class_attribute
from losslint.graph.calls import call, instantiate
from losslint.graph.expressions import evaluate
from losslint.graph.functions import default_value
from losslint.graph.nodes import Context, Kind, Node
from losslint.graph.scope import Env
from losslint.graph.source import Unit
from losslint.graph.statements import run_function
from losslint.graph.tracer import Frame, Tracer
from losslint.graph.values import UNBOUND, Bound, ClassValue, Const, Func, Instance, Map, Partial, Seq, Value
from losslint.project.index import FunctionNode
from losslint.project.modes import Mode
from losslint.project.sites import Site


def function_of(t: Tracer, site: Site, node: ast.AST) -> tuple[Func | None, Value | None]:
    """The function object of a site, and ``self`` for methods."""
    module = site.module
    scope = t.scope(module)
    enclosing = module.enclosing_scope(node)
    if isinstance(enclosing, ast.ClassDef) and isinstance(node, FunctionNode):
        derived = site.class_node if site.kind == "method" and node is site.node else None
        return _method(t, site, derived or enclosing, node)
    if isinstance(node, FunctionNode) and isinstance(enclosing, ast.Module):
        value = scope.define(node)
        return _plain(value), None
    if isinstance(enclosing, FunctionNode | ast.Lambda):
        return _closure(t, site, node, enclosing), None
    return _written(t, site, node), None


def _plain(value: Value) -> Func | None:
    """The function inside a partial, bound method or decorator result."""
    if isinstance(value, Func):
        return value
    if isinstance(value, (Bound, Partial)):
        return _plain(value.function)
    return None


def statement_around(parents: dict[ast.AST, ast.AST], node: ast.AST) -> ast.stmt | None:
    current: ast.AST | None = node
    while current is not None and not isinstance(current, ast.stmt):
        current = parents.get(current)
    return current


def _method(t: Tracer, site: Site, class_node: ast.ClassDef, node: ast.AST) -> tuple[Func | None, Value | None]:
    scope = t.scope(site.module)
    cls = ClassValue(site.module, class_node, scope)
    building = getattr(node, "name", "") == "__init__"
    instance = Instance(cls) if building else _instance(t, site, cls)
    value = class_attribute(t, _outer_frame(t, site), cls, getattr(node, "name", ""), instance)
    if isinstance(value, Bound):
        return value.function, instance
    return _plain(value) if value is not None else None, instance


def _outer_frame(t: Tracer, site: Site) -> Frame:
    """A frame for what happens before the loss runs: building it."""
    statement = next((s for s in site.module.tree.body if not isinstance(s, (ast.Import, ast.ImportFrom))), None)
    unit = t.unit(site.module, statement) if statement is not None else None
    if unit is None:
        unit = Unit(site.module, ast.parse("pass").body[0])
    return Frame(t.scope(site.module), unit, Context(Mode.EAGER))


def _instance(t: Tracer, site: Site, cls: ClassValue) -> Instance:
    """``self``: the object built where the loss is used, else with its defaults; what has none stays a parameter."""
    frame = _outer_frame(t, site)
    built = site.built_by
    args, kwargs = arguments_given(t, site, built) if built is not None else ([], {})
    instance = Instance(cls)
    init = class_attribute(t, frame, cls, "__init__", instance)
    if isinstance(init, Bound):
        values = _configuration(t, frame, init.function, args, kwargs, skip=1)
        with t.building():
            call(t, frame, init.function, [instance], values, frame.unit.statement)
        return instance
    created = instantiate(t, frame, cls, args, kwargs, frame.unit.statement)
    return created if isinstance(created, Instance) else instance


def arguments_given(t: Tracer, site: Site, built: ast.Call) -> tuple[list[Value], dict[str, Value]]:
    """The arguments a loss is built with at its place of use, as far as they are plain literals."""

    def literal(node: ast.expr) -> Value | None:
        if isinstance(node, ast.Name):
            value = _named(t, site, node.id, built)
            symbolic = isinstance(value, Node) and value.kind is Kind.SYMBOLIC
            return value if symbolic or isinstance(value, (Func, Const)) else None
        if isinstance(node, ast.Lambda):
            return _written(t, site, node)
        if isinstance(node, ast.Attribute | ast.Subscript):
            return _symbol(t, site, node, built)
        try:
            constant = ast.literal_eval(node)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            return None
        if isinstance(constant, (list, tuple)):
            return Seq([Const(v) for v in constant], "list" if isinstance(constant, list) else "tuple")
        return Const(constant) if not isinstance(constant, (dict, set)) else None

    args: list[Value] = []
    for given in built.args:
        if isinstance(given, ast.Starred):
            break
        args.append(literal(given) or UNBOUND)
    named = {k.arg: literal(k.value) or UNBOUND for k in built.keywords if k.arg is not None}
    return args, named


def _named(t: Tracer, site: Site, name: str, call: ast.Call) -> Value | None:
    """What a name holds where a call stands, in a function only beside the layers of a model."""
    _, home = site.module.index.lookup(name, site.module.enclosing_scope(call))
    if home is site.module.tree:
        return t.scope(site.module).lookup(name)
    if not isinstance(home, ast.FunctionDef) or home is site.owner or "Input" not in site.module.index.calls_by_name:
        return None
    function, instance = function_of(t, replace(site, built_by=None), home)
    return _executed(t, site, function, instance, [], {}).vars.get(name) if function is not None else None


def _symbol(t: Tracer, site: Site, node: ast.Attribute | ast.Subscript, call: ast.Call) -> Value | None:
    """``model.input``, ``encoder.outputs[0]``: what a model that the file names has no values for while it is built."""
    owner: ast.expr = node
    while isinstance(owner, ast.Attribute | ast.Subscript) and not _names_symbol(owner):
        owner = owner.value
    statement = statement_around(site.module.parents, node)
    if not isinstance(owner, ast.Attribute) or not isinstance(owner.value, ast.Name) or statement is None:
        return None
    unit, model = t.unit(site.module, statement), _named(t, site, owner.value.id, call)
    written = unit.find(node) if unit is not None else None
    if unit is None or model is None or not isinstance(written, cst.BaseExpression):
        return None
    env = Env(t.scope(site.module))
    env.vars[owner.value.id] = model
    value = evaluate(t, Frame(env, unit, Context(Mode.EAGER)), written)
    return value if isinstance(value, Node) and value.kind is Kind.SYMBOLIC else None


def _names_symbol(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in SYMBOLIC_ATTRIBUTES


def _written(t: Tracer, site: Site, node: ast.AST) -> Func | None:
    """The function object of a lambda or definition at its place in the file, without a scope around it."""
    statement = statement_around(site.module.parents, node)
    unit = t.unit(site.module, statement) if statement is not None else None
    concrete = unit.find(node) if unit is not None else None
    if unit is None or not isinstance(concrete, (cst.Lambda, cst.FunctionDef)):
        return None
    return Func(unit, concrete, t.scope(site.module), getattr(node, "name", "<lambda>"))


def _configuration(
    t: Tracer, frame: Frame, function: Func, args: list[Value], kwargs: dict[str, Value], skip: int = 0
) -> dict[str, Value]:
    """Arguments for building a loss: given literals, else defaults, else a parameter of unknown value."""
    parameters = function.node.params
    positional = [*parameters.posonly_params, *parameters.params][skip:]
    values: dict[str, Value] = {}
    for index, parameter in enumerate([*positional, *parameters.kwonly_params]):
        name = parameter.name.value
        given = kwargs.get(name) or (args[index] if index < min(len(args), len(positional)) else None)
        if given is not None and given is not UNBOUND:
            values[name] = given
        elif given is None and parameter.default is not None:
            values[name] = default_value(t, Frame(function.env, function.unit, frame.context), function, parameter)
        else:
            values[name] = t.node(frame, "param", {}, frame.unit.statement, Kind.UNKNOWN, name=name)
    return values


def _closure(t: Tracer, site: Site, node: ast.AST, enclosing: ast.AST) -> Func | None:
    """A function made by a factory: the factory is executed, and the inner function taken with its scope."""
    factory, instance = function_of(t, site, enclosing)
    if factory is None:
        return None
    args, kwargs = arguments_given(t, site, site.built_by) if site.built_by is not None else ([], {})
    env = _executed(t, site, factory, instance, args, kwargs)
    wanted = factory.unit.find(node)
    for function in reversed(t.functions):  # an earlier one may be of an expression that ran beside it
        if function.node is wanted:
            return function
    if isinstance(wanted, (cst.FunctionDef, cst.Lambda)):  # in a branch that the defaults switch off
        return Func(factory.unit, wanted, env, getattr(node, "name", "<lambda>"))
    return None


def _executed(
    t: Tracer, site: Site, function: Func, instance: Value | None, args: list[Value], kwargs: dict[str, Value],
) -> Env:
    """The names of a function that builds losses or models, after it has run."""
    env, params = Env(function.env), function.node.params
    env.vars |= _configuration(t, _outer_frame(t, site), function, args, kwargs, skip=int(instance is not None))
    if instance is not None and params.params:
        env.vars[params.params[0].name.value] = instance
    if isinstance(params.star_arg, cst.Param):
        env.vars[params.star_arg.name.value] = Seq([], "tuple", open=True)
    if params.star_kwarg is not None:
        env.vars[params.star_kwarg.name.value] = Map({}, open=True)
    if isinstance(function.node, cst.FunctionDef):
        with t.building():
            run_function(t, Frame(env, function.unit, Context(Mode.EAGER), function=function), function.node.body)
    return env
