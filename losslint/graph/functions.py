"""Functions of the project: inlined where they are called, with the derivative that some have of their own."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from losslint.graph.expressions import evaluate
from losslint.graph.indexing import may_be_several
from losslint.graph.nodes import CustomGradient, Kind, Node
from losslint.graph.scope import Env
from losslint.graph.source import Source, walk
from losslint.graph.tracer import MAX_DEPTH, Frame, Tracer, kind_of
from losslint.graph.values import Bound, Const, External, Func, Map, Partial, Seq, Value
from losslint.ops.table import canonical_name, lookup
from losslint.project.modes import Mode

MAX_RECURSION = 2  # times one function may stand on the call stack


def opaque(
    t: Tracer,
    frame: Frame,
    function: Value,
    args: Sequence[Value],
    kwargs: dict[str, Value],
    at: cst.CSTNode,
    reason: str,
) -> Node:
    """The result of a call nothing is known about: a gradient may pass through it, or start in it."""
    inputs: dict[str, Value] = {f"arg{i}": a for i, a in enumerate(args)} | kwargs
    if isinstance(function, (Node, Seq)):
        inputs["function"] = function
    return t.unknown(frame, at, reason, inputs)


def call_function(
    t: Tracer, frame: Frame, function: Func, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> Value:
    """Inline a project function."""
    if frame.depth >= MAX_DEPTH and function.node not in t.stack:
        t.graph.too_deep.append(function.name)
    if frame.depth >= MAX_DEPTH or t.stack.count(function.node) >= MAX_RECURSION:
        return opaque(t, frame, function, args, kwargs, at, f"{function.name} calls too deep or itself")
    if is_abstract(function):
        return opaque(t, frame, function, args, kwargs, at, f"{function.name} is left to a subclass")
    env = Env(function.env)
    context = frame.context if not frame.returns else replace(frame.context, branch=True)
    if function.autograph:
        context = replace(context, mode=Mode.AUTOGRAPH)
    wrapped = [d.name for d in function.decorators if isinstance(d, External)]
    if any(name.endswith(("torch.no_grad", "torch.inference_mode")) for name in wrapped):
        context = replace(context, no_grad=True)
    inner = Frame(env, function.unit, context, via=frame.source(at), function=function, depth=frame.depth + 1)
    bind_parameters(t, inner, function, args, kwargs, at)
    t.stack.append(function.node)
    try:
        result = run(t, inner, function)
    finally:
        t.stack.pop()
    return own_gradient(t, frame, function, result, args, kwargs, at) if function.custom_gradient else result


def own_gradient(
    t: Tracer, frame: Frame, function: Func, result: Value, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> Value:
    """What a function with a gradient of its own returns: its value, whatever computes it."""
    inputs = {f"arg{i}": a for i, a in enumerate([*args, *kwargs.values()])}
    if t.framework == "jax" and not function.custom_gradient.endswith("custom_gradient"):  # but a rule of its own
        note_jax_rule(t, frame, function, result, args, kwargs, at)
        return with_custom_gradient(t, frame, result, inputs, at)
    if plainly_wrapped(function) and returns_no_function(result):
        t.graph.without_gradient.append((function.name, returned_by(function)))
        return with_custom_gradient(t, frame, result, inputs, at)
    if not isinstance(result, Seq) or len(result.items) != 2:
        return result
    note_custom_gradient(t, frame, function, result, args, kwargs, at)
    return with_custom_gradient(t, frame, result.items[0], inputs, at)


def plainly_wrapped(function: Func) -> bool:
    """Whether a function is to return a value and a gradient function by itself, with no other decorator between."""
    wrapped = [d.name if isinstance(d, External) else "" for d in function.decorators]
    return all(name.endswith("custom_gradient") for name in (function.custom_gradient, *wrapped))


def returns_no_function(result: Value) -> bool:
    """Whether what is to be (value, gradient function) certainly is something else."""
    if isinstance(result, Seq):
        return not result.open and (len(result.items) != 2 or is_tensor(result.items[1]))
    return is_tensor(result)


def is_tensor(value: Value) -> bool:
    """Whether a value certainly is one tensor."""
    if not isinstance(value, Node) or value.kind is not Kind.TENSOR or value.operation is None:
        return False
    return value.family != "layer" and not may_be_several(value)


def note_jax_rule(
    t: Tracer, frame: Frame, function: Func, value: Value, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> None:
    """Run the rule that ``f.defvjp(forward, backward)`` or ``@f.defjvp`` gives a function, and keep what it returns."""
    how, found = derivative_rule(t, function)
    rules = [rule for rule in found if isinstance(rule, Func)]
    if kwargs or not rules or len(rules) < len(found):
        return
    rule = rules[-1]
    places = set_aside(t, frame, function)
    if places is None or (places and (max(places) >= len(args) or len(args) != len(function.node.params.params))):
        return
    aside, traced = [args[i] for i in places], [given for i, given in enumerate(args) if i not in places]
    upstream = t.node(frame, "param", {}, at, Kind.TENSOR, dtype="float", name="upstream gradient")
    if how == "defvjp" and len(rules) == 2:
        made = call_function(t, frame, rules[0], args, {}, at)
        saved = made.items[1] if isinstance(made, Seq) and len(made.items) == 2 else t.unknown(frame, at, "what is saved")
        if isinstance(made, Seq) and is_exchanged(made, value):
            t.graph.exchanged.append((function.name, returned_by(rules[0])))
            return
        given: list[Value] = [*aside, saved, upstream]
    else:
        given = [*aside, Seq(traced, "tuple"), Seq([upstream] * len(traced), "tuple")]
    result = call_function(t, frame, rule, given, {}, at)
    if how == "defjvp":
        result = result.items[1] if isinstance(result, Seq) and len(result.items) == 2 else result
    t.graph.custom.append(CustomGradient(
        function.name, frame.source(at), upstream, result, returned_by(rule), tuple(traced), value=value,
        countable=how == "defvjp", by_tangents=how == "defjvp",
    ))


def set_aside(t: Tracer, frame: Frame, function: Func) -> list[int] | None:
    """The places of the arguments that a derivative rule is handed by themselves (``nondiff_argnums``), in the order in
    which it gets them; None where they are not known."""
    decorators = function.node.decorators if isinstance(function.node, cst.FunctionDef) else ()
    calls = [d.decorator for d in decorators if isinstance(d.decorator, cst.Call)]
    told = {a.keyword.value: a.value for call in calls for a in call.args if a.keyword is not None}
    if "nondiff_argnames" in told:
        return None
    if (given := told.get("nondiff_argnums")) is not None:
        value = evaluate(t, Frame(function.env, function.unit, frame.context), given)
        places = value.items if isinstance(value, Seq) else [value]
        numbers = [p.value for p in places if isinstance(p, Const) and isinstance(p.value, int) and p.value >= 0]
        return numbers if len(numbers) == len(places) else None
    return []


def is_exchanged(made: Seq, value: Value) -> bool:
    """Whether a forward rule returns what it saves where its value belongs: a tuple for a tensor, or anything else where the
    second of the two is the function itself."""
    if len(made.items) != 2 or not is_tensor(value):
        return False
    first, second = made.items
    by_itself = isinstance(second, Node) and second.op == "custom_gradient"
    return isinstance(first, Seq) or (by_itself and not (isinstance(first, Node) and first.op == "custom_gradient"))


def derivative_rule(t: Tracer, function: Func) -> tuple[str, list[Value]]:
    """How a function of JAX is given its derivative, and the functions that compute it."""
    module = function.unit.module
    scope = t.scope(module)
    for statement in module.tree.body:
        match statement:
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(id=name), "defvjp" | "defjvp" as how), keywords=[])) if (
                    name == function.name and (unit := t.unit(module, statement)) is not None):
                call = next(node for node in walk(unit.statement) if isinstance(node, cst.Call))
                frame = t.module_frame(unit, Env(scope))
                return how, [evaluate(t, frame, given.value) for given in call.args]
            case ast.FunctionDef(name=rule, decorator_list=[ast.Attribute(ast.Name(id=name), "defjvp")]) if (
                    name == function.name):
                return "defjvp", [scope.lookup(rule)]
    return "", []


def returned_by(function: Func) -> Source:
    """The last expression that a function returns; its name where it returns none by itself."""
    node = function.node
    if isinstance(node, cst.Lambda):
        return Source(function.unit, node.body)
    returned = [found.value for found in walk(node.body) if isinstance(found, cst.Return) and found.value is not None]
    return Source(function.unit, returned[-1] if returned else node.name)


def is_abstract(function: Func) -> bool:
    """Whether a method is there for subclasses to define."""
    return any(isinstance(d, External) and d.name.endswith("abstractmethod") for d in function.decorators)


def note_custom_gradient(
    t: Tracer, frame: Frame, function: Func, result: Seq, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> None:
    """Run the gradient function on an upstream gradient, and keep what it returns for the rules."""
    value, gradient = result.items
    if not isinstance(gradient, Func):
        return
    upstream = t.node(frame, "param", {}, at, Kind.TENSOR, dtype="float", name="upstream gradient")
    inner = Frame(Env(gradient.env), gradient.unit, frame.context, function=gradient, depth=frame.depth + 1)
    outputs = count(value) if function.custom_gradient == "tf.custom_gradient" else None  # one for all in JAX
    bind_parameters(t, inner, gradient, [upstream] * (outputs or 1), {}, at)
    gradients = run(t, inner, gradient)
    returned = inner.source(inner.returns[-1].at) if inner.returns else returned_by(gradient)
    parameters = gradient.node.params
    named = [p.name.value for p in [*parameters.params, *parameters.kwonly_params]]
    takes_variables = "variables" in named or parameters.star_kwarg is not None
    countable = not takes_variables and not any(isinstance(a, (Seq, Map)) for a in args) and not kwargs
    t.graph.custom.append(CustomGradient(
        function.name, frame.source(at), upstream, gradients, returned, tuple(args), dict(kwargs), value, countable,
        takes_variables, outputs, upstreams(gradient.node.params),
        Source(gradient.unit, gradient.node.name) if isinstance(gradient.node, cst.FunctionDef) else None,
    ))


def count(value: Value) -> int | None:
    """How many tensors a function returns, where that is certain."""
    if isinstance(value, Seq):
        return len(value.items) if not value.open and all(map(is_tensor, value.items)) else None
    return 1 if is_tensor(value) else None


def upstreams(parameters: cst.Parameters) -> range:
    """How many arguments a gradient function takes by position, beside the variables that TensorFlow hands it by name."""
    given = [p for p in (*parameters.posonly_params, *parameters.params) if p.name.value != "variables"]
    most = sys.maxsize if isinstance(parameters.star_arg, cst.Param) else len(given) + 1
    return range(sum(p.default is None for p in given), most)


def with_custom_gradient(t: Tracer, frame: Frame, value: Value, inputs: dict[str, Value], at: cst.CSTNode) -> Value:
    """The value of a function with a gradient of its own: whatever it computes, a gradient passes."""
    if isinstance(value, Seq):
        return value.of([with_custom_gradient(t, frame, v, inputs, at) for v in value.items])
    dtype = value.dtype if isinstance(value, Node) else None
    return t.node(frame, "custom_gradient", {**inputs, "value": value}, at, kind_of(value), dtype=dtype)


def run(t: Tracer, frame: Frame, function: Func) -> Value:
    """Execute the body of a function whose parameters are bound."""
    from losslint.graph.statements import run_function

    if isinstance(function.node, cst.Lambda):
        return evaluate(t, frame, function.node.body)
    if any(isinstance(d, External) and d.name.endswith("contextmanager") for d in function.decorators):
        return External("contextmanager()")
    return run_function(t, frame, function.node.body)


def bind_parameters(
    t: Tracer, frame: Frame, function: Func, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> None:
    """Bind arguments to parameters as Python does; a missing one becomes its default."""
    parameters = function.node.params
    names = frame.env.vars
    positional = [*parameters.posonly_params, *parameters.params]
    rest = dict(kwargs)
    for parameter, value in zip(positional, args, strict=False):
        names[parameter.name.value] = value
    if isinstance(parameters.star_arg, cst.Param):
        names[parameters.star_arg.name.value] = Seq(list(args[len(positional) :]), "tuple")
    for parameter in [*positional[len(args) :], *parameters.kwonly_params]:
        name = parameter.name.value
        if name in rest:
            names[name] = rest.pop(name)
        elif parameter.default is not None:
            names[name] = default_value(t, frame, function, parameter)
        else:
            names[name] = t.unknown(frame, at if frame.unit is None else parameter, f"no argument for {name}")
    if parameters.star_kwarg is not None:
        names[parameters.star_kwarg.name.value] = Map(dict(rest))


def default_value(t: Tracer, frame: Frame, function: Func, parameter: cst.Param) -> Value:
    """The default of a parameter, evaluated in the scope the function was defined in."""
    name = parameter.name.value
    if name not in function.defaults and parameter.default is not None:
        outer = Frame(function.env, function.unit, replace(frame.context, mode=Mode.EAGER))
        function.defaults[name] = evaluate(t, outer, parameter.default)
    return function.defaults[name]


def decorate(t: Tracer, function: Func, frame: Frame) -> Value:
    """Apply the decorators that change what a call does; the others are taken to return the function itself."""
    assert isinstance(function.node, cst.FunctionDef)
    value: Value = function
    found: list[Value] = []
    for decorator in reversed(function.node.decorators):
        expression = decorator.decorator
        outer = Frame(frame.env if frame.unit is function.unit else function.env, function.unit, frame.context)
        applied = evaluate(t, outer, expression.func if isinstance(expression, cst.Call) else expression)
        found.append(applied)
        name = canonical_name(applied.name) if isinstance(applied, External) else ""
        if name in ("tf.function", "tf.contrib.eager.defun", "tf.function()"):
            function.autograph = not _autograph_off(expression)
        elif maker := custom_gradient_maker(t, outer, name, expression):
            function.custom_gradient = maker
        elif name == "np.vectorize":
            value = External("numpy.vectorize()")
        elif isinstance(applied, Func):
            made = evaluate(t, outer, expression) if isinstance(expression, cst.Call) else applied
            wrapped = call_function(t, outer, made, [value], {}, decorator) if isinstance(made, Func) else value
            value = wrapped if isinstance(wrapped, (Func, Bound, Partial)) else value
    function.decorators = tuple(found)
    return value


def custom_gradient_maker(t: Tracer, frame: Frame, name: str, expression: cst.BaseExpression) -> str:
    """``@tf.custom_gradient``, ``@jax.custom_vjp``, ``@partial(jax.custom_vjp, nondiff_argnums=(0,))``."""
    if name.endswith("partial") and isinstance(expression, cst.Call) and expression.args:
        inner = evaluate(t, frame, expression.args[0].value)
        name = canonical_name(inner.name) if isinstance(inner, External) else ""
    api = lookup(name)
    makes = name.endswith("custom_gradient") or (api is not None and api.operation.name == "custom_gradient")
    return name if makes else ""


def _autograph_off(expression: cst.BaseExpression) -> bool:
    return isinstance(expression, cst.Call) and any(
        a.keyword is not None
        and a.keyword.value == "autograph"
        and isinstance(a.value, cst.Name)
        and a.value.value == "False"
        for a in expression.args
    )
