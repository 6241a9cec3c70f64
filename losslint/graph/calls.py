"""Calls: project functions are inlined, table entries become nodes, the rest is unknown and says so."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import libcst as cst

from losslint.graph import fold
from losslint.graph.attributes import class_attribute, external_bases, keras_object, tensor_method
from losslint.graph.expressions import evaluate, iterate
from losslint.graph.nodes import CustomGradient, Kind, Node, NotedCall, nodes_in
from losslint.graph.scope import Env
from losslint.graph.source import Source, walk
from losslint.graph.tracer import MAX_DEPTH, Frame, Tracer, is_framework_name, join_kinds, kind_of
from losslint.graph.values import (
    NONE,
    NOTHING,
    Bound,
    Choice,
    ClassValue,
    Const,
    External,
    Func,
    Instance,
    Map,
    Method,
    Partial,
    Seq,
    Super,
    Tape,
    Value,
)
from losslint.ops.table import Api, canonical_name, lookup
from losslint.project.modes import Mode

Handler = Callable[[Tracer, Frame, "Call"], "Value | None"]
BY_NAME: dict[str, Handler] = {}  # canonical dotted name -> handler
BY_OPERATION: dict[str, Handler] = {}  # canonical operation -> handler
METHODS: dict[tuple[type, str], Callable[[Tracer, Frame, Method, Call], Value]] = {}

MAX_RECURSION = 2  # times one function may stand on the call stack


class Call:
    """The arguments of one call, evaluated."""

    def __init__(
        self, name: str, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode, api: Api | None = None,
        function: Value | None = None,
    ) -> None:  # fmt: skip
        self.name, self.args, self.kwargs, self.at, self.api, self.function = name, args, kwargs, at, api, function

    def get(self, position: int, *keywords: str) -> Value | None:
        """An argument by position or keyword, None when it is not given."""
        for keyword in keywords:
            if keyword in self.kwargs:
                return self.kwargs[keyword]
        return self.args[position] if 0 <= position < len(self.args) else None


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Register a handler for APIs (``tf.cond``) or operations (``op:cond``) that are more than one node."""

    def register(function: Handler) -> Handler:
        for name in names:
            if name.startswith("op:"):
                BY_OPERATION[name[3:]] = function
            else:
                BY_NAME[name] = function
        return function

    return register


def evaluate_call(t: Tracer, frame: Frame, node: cst.Call) -> Value:
    """A call expression."""
    if isinstance(node.func, cst.Name) and node.func.value == "super":
        return _super(t, frame, node)
    function = evaluate(t, frame, node.func)
    args: list[Value] = []
    kwargs: dict[str, Value] = {}
    for argument in node.args:
        value = evaluate(t, frame, argument.value)
        if argument.star == "*":
            spread = iterate(t, frame, value, argument.value, "unpacking")
            args += spread.items
        elif argument.star == "**":
            if isinstance(value, Map):
                kwargs |= {str(k): v for k, v in value.items.items()}
        elif argument.keyword is not None:
            kwargs[argument.keyword.value] = value
        else:
            args.append(value)
    return call(t, frame, function, args, kwargs, node)


def _super(t: Tracer, frame: Frame, node: cst.Call) -> Value:
    function = frame.function
    scope: Env | None = frame.env
    while scope is not None and "self" not in scope.vars:
        scope = scope.parent
    instance = scope.vars.get("self") if scope is not None else None
    if function is None or function.owner is None or instance is None:
        return External("super()")
    return Super(function.owner, instance)


def call(
    t: Tracer, frame: Frame, function: Value, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> Value:
    """The result of calling any value."""
    if function is NOTHING:
        return t.misused(frame, at, "called")
    match function:
        case Func():
            return call_function(t, frame, function, args, kwargs, at)
        case Bound(function=inner, instance=instance):
            return call_function(t, frame, inner, [instance, *args], kwargs, at)
        case Partial(function=inner, args=first, kwargs=named):
            return call(t, frame, inner, [*first, *args], {**named, **kwargs}, at)
        case External():
            return call_external(t, frame, function, args, kwargs, at)
        case ClassValue():
            return instantiate(t, frame, function, args, kwargs, at)
        case Instance():
            if keras_object(t, function.cls) and any(n.kind is Kind.SYMBOLIC for a in args for n in nodes_in(a)):
                from losslint.graph.keras_models import as_layer

                return as_layer(t, frame, function, args, kwargs, at)
            return call_instance(t, frame, function, args, kwargs, at)
        case Method():
            return call_method(t, frame, function, args, kwargs, at)
        case Choice(options=options):
            context = frame.context
            frame.context = replace(context, guarded=True)
            results = [call(t, frame, option, args, kwargs, at) for option in options]
            frame.context = context
            value = results[0]
            for other in results[1:]:
                value = t.join(frame, value, other, at)
            return value
    if isinstance(function, Node) and function.op == "attribute":
        owner = function.inputs.get("x")
        if isinstance(owner, Node) and (Node, function.name) in METHODS:
            return call_method(t, frame, Method(owner, function.name), args, kwargs, at)
        handler = BY_NAME.get(f"*.{function.name}")  # self.add_loss(...)
        request = Call(function.name, args, kwargs, at, function=function)
        if handler is not None and (result := handler(t, frame, request)) is not None:
            return result
    if isinstance(function, Node) and function.name in ("compute_loss", "compiled_loss"):
        return t.node(frame, "stack", {"values": Seq([*args, *kwargs.values()])}, at, Kind.TENSOR, dtype="float")
    if isinstance(function, Node) and t.framework == "jax" and function.name in ("apply", "apply_fn") and args:
        return called_module(t, frame, args, kwargs, at)
    if isinstance(function, Node) and is_model_call(function, kwargs):
        inputs: dict[str, Value] = {f"arg{i}": a for i, a in enumerate(args)} | {
            k: v for k, v in kwargs.items() if k not in ("training", "mask")
        }
        return t.node(frame, "layer", {**inputs, "function": function}, at, Kind.TENSOR, dtype="float")
    return opaque(t, frame, function, args, kwargs, at, "it is called through a name that is not known")


def called_module(t: Tracer, frame: Frame, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode) -> Node:
    """A module of flax or haiku, called or applied to its weights, which come first; ``mutable`` gives its state, too."""
    mutable = kwargs.get("mutable", Const(False))
    several = not isinstance(mutable, Const) or mutable.value is not False
    inputs = {f"arg{i}": a for i, a in enumerate(args)}
    return t.node(frame, "layer", inputs, at, Kind.UNKNOWN if several else Kind.TENSOR, dtype="float")


MODEL_WORDS = ("model", "net", "network", "generator", "discriminator", "encoder", "decoder", "layer", "critic", "actor",
               "policy", "module", "backbone", "head", "extractor", "embedding", "dense", "conv", "teacher",
               "student")  # fmt: skip


def is_model_call(function: Node, kwargs: dict[str, Value]) -> bool:
    """Whether an object that is not known is called as a model: by its name, or with ``training=``."""
    if "training" in kwargs:
        return True
    words = function.name.lower().strip("_").rstrip("s0123456789").split("_")
    return function.op in ("param", "attribute") and any(
        word in words or words[-1].endswith(word) for word in MODEL_WORDS
    )


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


# -- project functions


def call_function(
    t: Tracer, frame: Frame, function: Func, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> Value:
    """Inline a project function."""
    if frame.depth >= MAX_DEPTH or t.stack.count(function.node) >= MAX_RECURSION:
        return opaque(t, frame, function, args, kwargs, at, f"{function.name} calls too deep or itself")
    if is_abstract(function):
        return opaque(t, frame, function, args, kwargs, at, f"{function.name} is left to a subclass")
    env = Env(function.env)
    context = frame.context
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
    if t.framework == "jax":
        note_jax_rule(t, frame, function, args, kwargs, at)
        return with_custom_gradient(t, frame, result, inputs, at)
    if not isinstance(result, Seq) or len(result.items) != 2:
        return result
    note_custom_gradient(t, frame, function, result.items[1], args, kwargs, at)
    return with_custom_gradient(t, frame, result.items[0], inputs, at)


def note_jax_rule(
    t: Tracer, frame: Frame, function: Func, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> None:
    """Run the rule that ``f.defvjp(forward, backward)`` or ``@f.defjvp`` gives a function, and keep what it returns."""
    scope = t.scope(function.unit.module)
    how, names = derivative_rule(function)
    rules = [scope.lookup(name) for name in names]
    if kwargs or not rules or not all(isinstance(rule, Func) for rule in rules):
        return
    upstream = t.node(frame, "param", {}, at, Kind.TENSOR, dtype="float", name="upstream gradient")
    rule = rules[-1]
    assert isinstance(rule, Func)
    if how == "defvjp" and len(rules) == 2:
        made = call(t, frame, rules[0], args, {}, at)
        saved = made.items[1] if isinstance(made, Seq) and len(made.items) == 2 else t.unknown(frame, at, "what is saved")
        given: list[Value] = [saved, upstream]
    else:
        given = [Seq(list(args), "tuple"), Seq([upstream] * len(args), "tuple")]
    result = call(t, frame, rule, given, {}, at)
    if how == "defjvp":
        result = result.items[1] if isinstance(result, Seq) and len(result.items) == 2 else result
    t.graph.custom.append(CustomGradient(
        function.name, frame.source(at), upstream, result, returned_by(rule), len(args) if how == "defvjp" else None,
        by_keyword=False,
    ))


def derivative_rule(function: Func) -> tuple[str, list[str]]:
    """How a function of JAX is given its derivative, and the names of the functions that compute it; none where arguments
    are set aside (``nondiff_argnums``)."""
    module = function.unit.module
    for node in module.nodes:
        match node:
            case ast.keyword(arg="nondiff_argnums"):
                return "", []
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="defvjp" | "defjvp" as how), args=given) if (
                    name == function.name and all(isinstance(g, ast.Name) for g in given)):
                return how, [g.id for g in given if isinstance(g, ast.Name)]
            case ast.FunctionDef(name=rule, decorator_list=[ast.Attribute(value=ast.Name(id=name), attr="defjvp")]) if (
                    name == function.name):
                return "defjvp", [rule]
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
    t: Tracer,
    frame: Frame,
    function: Func,
    gradient: Value,
    args: list[Value],
    kwargs: dict[str, Value],
    at: cst.CSTNode,
) -> None:
    """Run the gradient function on an upstream gradient, and keep what it returns for the rules."""
    if not isinstance(gradient, Func) or not isinstance(gradient.node, cst.FunctionDef):
        return
    upstream = t.node(frame, "param", {}, at, Kind.TENSOR, dtype="float", name="upstream gradient")
    inner = Frame(Env(gradient.env), gradient.unit, frame.context, function=gradient, depth=frame.depth + 1)
    bind_parameters(t, inner, gradient, [upstream], {}, at)
    result = run(t, inner, gradient)
    returned = inner.source(inner.returns[-1].at if inner.returns else gradient.node.name)
    takes_variables = any(
        p.name.value == "variables" for p in [*gradient.node.params.params, *gradient.node.params.kwonly_params]
    )
    countable = not takes_variables and not any(isinstance(a, (Seq, Map)) for a in args) and not kwargs
    t.graph.custom.append(
        CustomGradient(
            function.name,
            frame.source(at),
            upstream,
            result,
            returned,
            len(args) if countable else None,
            by_keyword=not args and bool(kwargs),
        )
    )


def with_custom_gradient(t: Tracer, frame: Frame, value: Value, inputs: dict[str, Value], at: cst.CSTNode) -> Value:
    """The value of a function with a gradient of its own: whatever it computes, a gradient passes."""
    if isinstance(value, Seq):
        return Seq([with_custom_gradient(t, frame, v, inputs, at) for v in value.items], value.kind, open=value.open)
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
        elif makes_custom_gradient(t, outer, name, expression):
            function.custom_gradient = True
        elif name == "np.vectorize":
            value = External("numpy.vectorize()")
        elif isinstance(applied, Func) and not isinstance(expression, cst.Call):
            wrapped = call_function(t, outer, applied, [value], {}, decorator)
            value = wrapped if isinstance(wrapped, (Func, Bound, Partial)) else value
    function.decorators = tuple(found)
    return value


def makes_custom_gradient(t: Tracer, frame: Frame, name: str, expression: cst.BaseExpression) -> bool:
    """``@tf.custom_gradient``, ``@jax.custom_vjp``, ``@partial(jax.custom_vjp, nondiff_argnums=(0,))``."""
    if name.endswith("partial") and isinstance(expression, cst.Call) and expression.args:
        inner = evaluate(t, frame, expression.args[0].value)
        name = canonical_name(inner.name) if isinstance(inner, External) else ""
    api = lookup(name)
    return name.endswith("custom_gradient") or (api is not None and api.operation.name == "custom_gradient")


def _autograph_off(expression: cst.BaseExpression) -> bool:
    return isinstance(expression, cst.Call) and any(
        a.keyword is not None
        and a.keyword.value == "autograph"
        and isinstance(a.value, cst.Name)
        and a.value.value == "False"
        for a in expression.args
    )


# -- classes and objects


def instantiate(
    t: Tracer, frame: Frame, cls: ClassValue, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> Value:
    """An object of a project class, its ``__init__`` executed."""
    instance = Instance(cls)
    init = class_attribute(t, frame, cls, "__init__", instance)
    if isinstance(init, Bound):
        call_function(t, frame, init.function, [instance, *args], kwargs, at)
    else:
        names = _dataclass_fields(cls)
        instance.attributes |= dict(zip(names, args, strict=False)) | {k: v for k, v in kwargs.items() if k in names}
    return instance


def _dataclass_fields(cls: ClassValue) -> list[str]:
    import ast

    return [s.target.id for s in cls.node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]


def call_instance(
    t: Tracer, frame: Frame, instance: Instance, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> Value:
    """``instance(...)``: ``__call__``, or what the framework's ``__call__`` ends in."""
    for name in ("__call__", "call", "forward"):
        method = class_attribute(t, frame, instance.cls, name, instance)
        if isinstance(method, Bound):
            return call_function(t, frame, method.function, [instance, *args], kwargs, at)
    if keras_object(t, instance.cls) or external_bases(t, instance.cls):
        inputs: dict[str, Value] = {f"arg{i}": a for i, a in enumerate(args)}
        op = "layer" if keras_object(t, instance.cls) else "unknown"
        kind = Kind.TENSOR if op == "layer" else Kind.UNKNOWN
        return t.node(frame, op, inputs, at, kind, reason=f"{instance.cls.node.name} is called")
    return opaque(t, frame, instance, args, kwargs, at, f"{instance.cls.node.name} is not callable here")


# -- external names


def call_external(
    t: Tracer, frame: Frame, function: External, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> Value:
    """A call of something outside the project."""
    known = fold.call(function.name, args, kwargs)
    if known is not None:
        return known
    name = canonical_name(function.name)
    api = lookup(function.name) or (lookup(function.name + "()") if function.attributes.get("()") else None)
    if function.name.endswith("()"):
        api = lookup(function.name)
    if api is not None and api.note:
        t.graph.noted.append(NotedCall(function.name, api, frame.source(at), frame.context))
    request = Call(name, args, kwargs, at, api, function)
    if name.startswith(("tf.io.gfile.", "tf.gfile.")):
        return t.node(frame, "python.object", {}, at, Kind.PYTHON)
    if api is None and name.startswith(NUMPY_GENERATORS):
        api = lookup("numpy.random.normal")
    handler = (
        BY_NAME.get(name)
        or BY_NAME.get("*." + name.rpartition(".")[2])
        or (BY_OPERATION.get(api.operation.name) if api else None)
    )
    if handler is not None:
        result = handler(t, frame, request)
        if result is not None:
            return result
    if api is not None:
        if api.operation.name == "object" and api.framework == "jax" and "()" in function.name and args:
            return called_module(t, frame, args, kwargs, at)
        if api.operation.name == "object":
            made = frame.source(at)
            t.node(frame, "python.object", {}, at, Kind.PYTHON, name=name)
            return External(function.name + "()", tuple(args), kwargs, made=made)
        return apply_api(t, frame, api, args, kwargs, at, function)
    return _unknown_external(t, frame, function, args, kwargs, at)


def _unknown_external(
    t: Tracer, frame: Frame, function: External, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> Value:
    operands = [n for a in [*args, *kwargs.values()] for n in nodes_in(a)]
    data = [n for n in operands if n.kind is not Kind.PYTHON]
    if not data:
        return External(function.name + "()", tuple(args), kwargs)
    if function.name.endswith("()") and "layers" in function.name:
        return t.node(
            frame, "layer", {f"arg{i}": a for i, a in enumerate(args)}, at, join_kinds([n.kind for n in data])
        )
    value = opaque(t, frame, function, args, kwargs, at, f"losslint does not know {canonical_name(function.name)}")
    if is_framework_name(function.name) and any(n.kind is Kind.TENSOR for n in data):
        value.kind = Kind.TENSOR
    value.name = canonical_name(function.name)
    return value


NUMPY_GENERATORS = ("np.random.default_rng().", "np.random.RandomState().", "np.random.Generator().")


def apply_api(
    t: Tracer, frame: Frame, api: Api, args: Sequence[Value], kwargs: dict[str, Value], at: cst.CSTNode,
    function: External | None = None,
) -> Value:  # fmt: skip
    """One table entry applied to arguments."""
    api = overload(api, args, kwargs)
    inputs = bind_api(api, args, kwargs)
    operands = [n for v in inputs.values() for n in nodes_in(v)]
    kind = result_kind(api, operands)
    dtype = result_dtype(api, inputs)
    node = t.node(frame, api.operation.name, inputs, at, kind, dtype=dtype, api=api, name=api.name)
    if function is not None:
        node.detail["raw"] = function.name
        if function.name.endswith("()"):
            node.detail["object"] = function
    if api.operation.result in ("none", "nothing"):
        return NONE
    if names := result_names(api, inputs):
        return Seq(values_and_indices(t, frame, node), "tuple", names=names)
    if api.operation.result.startswith("tuple"):
        node.detail["tuple"] = True
    return node


INDICES = {"max": "argmax", "cummax": "argmax", "min": "argmin", "cummin": "argmin"}  # whose advice fits
ALONG_AN_AXIS = ("max", "min", "median", "nanmedian")
VALUES_ALONE = ("amax", "amin", "msort")


def result_names(api: Api, inputs: dict[str, Value]) -> tuple[str, ...]:
    """The names of the results of an operation that gives values and where they stand; () where it gives one tensor."""
    op = api.operation.name
    if op == "top_k" and api.framework != "numpy":
        return ("values", "indices")
    if op == "unique" and api.framework == "tensorflow":
        return ("y", "idx")
    if api.framework != "torch" or api.name.rpartition(".")[2] in VALUES_ALONE:
        return ()
    axis = inputs.get("axis")
    along = op in ALONG_AN_AXIS and axis is not None and not (isinstance(axis, Node) and axis.kind is Kind.UNKNOWN)
    return ("values", "indices") if along or op in ("sort", "kthvalue", "cummax", "cummin") else ()


def values_and_indices(t: Tracer, frame: Frame, node: Node) -> list[Value]:
    """The values that an operation picks or sorts, and where they stood, which has no gradient."""
    values, at = node, node.source.node
    if node.op in ("top_k", "unique"):
        values = t.node(frame, "item", {"x": node, "index": Const(0)}, at, node.kind, dtype=node.dtype)
    op = INDICES.get(node.op, "argsort")
    where = t.node(frame, op, {"x": node}, at, node.kind, dtype="int")
    where.detail["indices"] = True
    return [values, where]


OF_TWO = {f"{prefix}.{name}": f"torch.{name}imum" for prefix in ("torch", "torch.Tensor") for name in ("max", "min")}


def overload(api: Api, args: Sequence[Value], kwargs: dict[str, Value]) -> Api:
    """``torch.max(a, b)`` of two tensors is ``torch.maximum(a, b)``, no reduction."""
    second = args[1] if len(args) > 1 else kwargs.get("other")
    elementwise = lookup(OF_TWO.get(api.name, "")) if isinstance(second, Node) and second.kind is Kind.TENSOR else None
    return elementwise or api


def bind_api(api: Api, args: Sequence[Value], kwargs: dict[str, Value]) -> dict[str, Value]:
    """Arguments by their canonical names."""
    inputs: dict[str, Value] = {}
    for position, value in enumerate(args):
        known = position < len(api.parameters)
        name = api.parameters[position][0] if known else f"arg{position}"
        inputs[name if name != "_" else f"arg{position}"] = value
    keywords = {keyword: canonical for canonical, keyword in api.parameters}
    for keyword, value in kwargs.items():
        inputs[keywords.get(keyword, keyword)] = value
    return inputs


def result_kind(api: Api, operands: list[Node]) -> Kind:
    """What a table entry returns at run time."""
    if any(n.kind is Kind.SYMBOLIC for n in operands):
        return Kind.SYMBOLIC
    if api.operation.result in ("python", "shape") and api.operation.family != "shape":
        return Kind.PYTHON
    if api.framework == "numpy":
        return Kind.ARRAY if any(n.kind is not Kind.PYTHON for n in operands) or not operands else Kind.PYTHON
    if api.framework == "python":
        kinds = [n.kind for n in operands]
        return Kind.UNKNOWN if Kind.UNKNOWN in kinds and Kind.TENSOR not in kinds else Kind.PYTHON
    if api.framework in ("tensorflow", "keras", "torch", "jax"):
        if api.operation.family == "variable":
            return Kind.TENSOR
        return Kind.PYTHON if api.operation.result == "python" else Kind.TENSOR
    return join_kinds([n.kind for n in operands])


def result_dtype(api: Api, inputs: dict[str, Value]) -> str | None:
    """The dtype of a result by the table; an explicit ``dtype=`` decides."""
    explicit = dtype_of(inputs.get("dtype"))
    if explicit is not None:
        return explicit
    result = api.operation.result
    if result in ("float", "int", "bool", "complex", "string"):
        return result
    dtypes = [n.dtype for v in inputs.values() for n in nodes_in(v) if n.kind is not Kind.PYTHON and n.dtype != "bool"]
    if "float" in dtypes:
        return "float"
    return dtypes[0] if dtypes else None


def dtype_of(value: Value | None) -> str | None:
    """``"float32"``, ``tf.int32``, ``y.dtype`` or ``float`` as float | int | bool | complex | string."""
    if isinstance(value, Const) and isinstance(value.value, str):
        return fold.dtype_kind(value.value)
    if isinstance(value, External):
        return fold.dtype_kind(value.name)
    if isinstance(value, Node) and value.op == "dtype_of":
        return next((n.dtype for _, n in value.operands()), None) or "float"
    return None


# -- methods of known objects


def method(owner: type, *names: str) -> Callable[[Any], Any]:
    """Register the meaning of a method of tapes, lists, dicts, strings or nodes."""

    def register(function: Any) -> Any:
        for name in names:
            METHODS[owner, name] = function
        return function

    return register


def changes_in_place(name: str) -> bool:
    """Whether a method of a PyTorch tensor changes its values: ``scatter_``, not ``requires_grad_`` or ``__add__``."""
    return name.endswith("_") and not name.startswith("_") and name not in ("requires_grad_", "retain_grad_")


def call_method(
    t: Tracer, frame: Frame, bound: Method, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> Value:
    """A method of a tape, list, dict, string or tensor."""
    owner = bound.owner
    request = Call(bound.name, args, kwargs, at)
    handler = METHODS.get((type(owner), bound.name))
    if handler is not None:
        result: Value = handler(t, frame, bound, request)
        return result
    if isinstance(owner, Node):
        if owner.kind in (Kind.TENSOR, Kind.SYMBOLIC):
            result = tensor_method(t, frame, owner, bound.name, args, kwargs, at)
            if t.framework == "torch" and changes_in_place(bound.name) and isinstance(result, Node):
                frame.env.replace(owner, result)
            return result
        inputs: dict[str, Value] = {"x": owner} | {f"arg{i}": a for i, a in enumerate(args)} | kwargs
        if owner.kind is Kind.PYTHON:
            return t.node(frame, "python.object", inputs, at, Kind.PYTHON, name=bound.name)
        return t.node(frame, "array_method", inputs, at, owner.kind, name=bound.name)
    if isinstance(owner, (Const, Tape)):
        return t.node(frame, "python.object", {}, at, Kind.PYTHON, name=bound.name)
    return opaque(t, frame, owner, args, kwargs, at, f"method .{bound.name}() of an object that is not known")
