"""Framework calls that call functions: branches, loops, maps over elements and structures, callbacks, custom gradients."""

from __future__ import annotations

from dataclasses import replace

from losslint.graph.attributes import class_attribute
from losslint.graph.calls import Call, call, called_module, dtype_of, handles, method
from losslint.graph.functions import opaque, returned_by, with_custom_gradient
from losslint.graph.indexing import may_be_several, subscript
from losslint.graph.nodes import CustomGradient, Kind, Node
from losslint.graph.tracer import Frame, Tracer, join_kinds, kind_of, with_context
from losslint.graph.values import (
    NONE,
    Bound,
    ClassValue,
    Const,
    External,
    Func,
    Instance,
    Map,
    Method,
    Partial,
    Seq,
    Value,
)
from losslint.ops.table import lookup
from losslint.project.modes import Mode

CALLABLE = (Func, Bound, Partial, ClassValue)


def call_if_function(t: Tracer, frame: Frame, value: Value | None, c: Call, args: list[Value] | None = None) -> Value:
    """The result of a branch function, or the branch value itself (``K.switch`` takes both)."""
    if isinstance(value, CALLABLE):
        context, frame.context = frame.context, with_context(frame, branch=True)
        result = call(t, frame, value, args or [], {}, c.at)
        frame.context = context
        return result
    return value if value is not None else NONE


@handles("op:cond", "op:switch")
def _cond(t: Tracer, frame: Frame, c: Call) -> Value:
    test = c.get(0, "pred", "condition")
    operands = c.args[3:] if c.name.startswith("jax.") else []  # jax.lax.cond(test, f, g, x) calls f(x)
    first = call_if_function(t, frame, c.get(1, "true_fn", "true_fun", "then_expression", "fn1"), c, operands)
    second = call_if_function(t, frame, c.get(2, "false_fn", "false_fun", "else_expression", "fn2"), c, operands)
    if test is not None and c.api is not None and c.api.operation.name == "switch":
        return t.node(
            frame,
            "where",
            {"condition": test, "x": first, "y": second},
            c.at,
            join_kinds([kind_of(first), kind_of(second)]),
            api=lookup("tensorflow.where"),
            dtype=first.dtype if isinstance(first, Node) else None,
        )
    return t.join(frame, first, second, c.at, test)


@handles("keras.backend.in_train_phase", "keras.backend.in_test_phase")
def _by_phase(t: Tracer, frame: Frame, c: Call) -> Value:
    """One value for training and another for everything else; each may be a function."""
    first, second = (call_if_function(t, frame, value, c) for value in (c.get(0, "x"), c.get(1, "alt")))
    return t.join(frame, first, second, c.at)


@handles("tf.case")
def _case(t: Tracer, frame: Frame, c: Call) -> Value | None:
    pairs, default = c.get(0, "pred_fn_pairs"), c.get(1, "default")
    if not isinstance(pairs, Seq):
        return None
    result = call_if_function(t, frame, default, c) if default is not None else None
    for pair in reversed(pairs.items):
        if isinstance(pair, Seq) and len(pair.items) == 2:
            value = call_if_function(t, frame, pair.items[1], c)
            result = value if result is None else t.join(frame, value, result, c.at, pair.items[0])
    return result


@handles("op:map_fn", "op:vectorized_map")
def _map_fn(t: Tracer, frame: Frame, c: Call) -> Value | None:
    function, elements = c.get(0, "fn", "function", "f"), c.get(1, "elems", "elements", "xs")
    if not isinstance(function, CALLABLE) or elements is None:
        return None
    result = call(t, frame, function, [_element(t, frame, elements, c)], {}, c.at)
    return _stacked(t, frame, result, c)


def _element(t: Tracer, frame: Frame, elements: Value, c: Call) -> Value:
    if isinstance(elements, Seq):
        return Seq([_element(t, frame, item, c) for item in elements.items], elements.kind)
    return subscript(t, frame, elements, t.node(frame, "python.object", {}, c.at, Kind.PYTHON), c.at)


def _stacked(t: Tracer, frame: Frame, result: Value, c: Call) -> Value:
    if isinstance(result, Seq):
        return result.of([_stacked(t, frame, item, c) for item in result.items])
    dtype = result.dtype if isinstance(result, Node) else None
    node = t.node(frame, "stack", {"values": Seq([result])}, c.at, Kind.TENSOR, dtype=dtype)
    if isinstance(result, Node) and may_be_several(result):
        node.detail["tuple"] = True
    return node


@handles("op:scan", "op:foldl")
def _fold(t: Tracer, frame: Frame, c: Call) -> Value | None:
    function, elements = c.get(0, "fn", "f"), c.get(1, "elems", "xs")
    if not isinstance(function, CALLABLE) or elements is None:
        return None
    element = _element(t, frame, elements, c)
    carried = c.get(2, "initializer") or element
    result = call(t, frame, function, [carried, element], {}, c.at)
    return _stacked(t, frame, t.join(frame, carried, result, c.at), c)


@handles(
    "keras.ops.fori_loop",
    "keras.ops.while_loop",
    "keras.ops.scan",
    "jax.lax.fori_loop",
    "jax.lax.while_loop",
    "jax.lax.scan",
)
def _structured_loop(t: Tracer, frame: Frame, c: Call) -> Value:
    """Loops that carry a structure: what comes out has the structure of what went in. The body of a scan is run for what it
    calls alone."""
    body, elements = c.get(0, "f"), c.get(2, "xs")
    if c.name.endswith(".scan") and isinstance(body, CALLABLE):
        call(t, frame, body, [c.get(1, "init") or NONE, _element(t, frame, elements or NONE, c)], {}, c.at)
    return opaque(t, frame, NONE, c.args, c.kwargs, c.at, "a loop of the framework")


@handles("op:while_loop")
def _while_loop(t: Tracer, frame: Frame, c: Call) -> Value | None:
    body, variables = c.get(1, "body"), c.get(2, "loop_vars")
    if not isinstance(body, CALLABLE) or not isinstance(variables, Seq):
        return None
    result = call(t, frame, body, list(variables.items), {}, c.at)
    return t.join(frame, variables, result if isinstance(result, Seq) else Seq([result], "tuple"), c.at)


@handles("op:py_function")
def _py_function(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """``tf.py_function``: the function runs eagerly; the tape follows TensorFlow operations inside it."""
    function, inputs = c.get(0, "func"), c.get(1, "inp")
    items = list(inputs.items) if isinstance(inputs, Seq) else [inputs] if inputs is not None else []
    values: dict[str, Value] = {f"arg{i}": a for i, a in enumerate(items)}
    outputs = c.get(2, "Tout")
    if isinstance(function, CALLABLE):
        context = frame.context
        frame.context = replace(context, mode=Mode.EAGER)
        values["value"] = call(t, frame, function, items, {}, c.at)
        frame.context = context
    node = t.node(frame, "py_function", values, c.at, Kind.TENSOR, dtype=dtype_of(outputs), api=c.api, name=c.name)
    return _several(t, frame, node, outputs, c)


@handles("op:numpy_function")
def _numpy_function(t: Tracer, frame: Frame, c: Call) -> Value | None:
    inputs, outputs = c.get(1, "inp", "args"), c.get(2, "Tout", "result_shape_dtypes")
    values: dict[str, Value] = {"inp": inputs} if inputs is not None else {}
    node = t.node(frame, "numpy_function", values, c.at, Kind.TENSOR, dtype=dtype_of(outputs), api=c.api, name=c.name)
    return _several(t, frame, node, outputs, c)


def _several(t: Tracer, frame: Frame, node: Node, outputs: Value | None, c: Call) -> Value:
    if isinstance(outputs, Seq) and outputs.items:
        parts = [subscript(t, frame, node, Const(i), c.at) for i in range(len(outputs.items))]
        for part, dtype in zip(parts, outputs.items, strict=True):
            if isinstance(part, Node):
                part.dtype = dtype_of(dtype)
        return Seq(parts, "list")
    node.detail["tuple"] = not isinstance(outputs, (External, Const))  # 5 * [tf.float32]
    return node


@handles(
    "op:function",
    "tf.function",
    "tf.function()",
    "jax.jit",
    "torch.compile",
    "tf.autograph.experimental.do_not_convert",
)
def _function(t: Tracer, frame: Frame, c: Call) -> Value | None:
    value = c.args[0] if c.args else c.kwargs.get("func")
    if isinstance(value, Func) and c.name.startswith("tf.function"):
        return replace(value, autograph=True)
    return value if value is not None else External(c.name + "()")


@handles("*.custom_gradient", "op:custom_gradient")
def _custom_gradient(t: Tracer, frame: Frame, c: Call) -> Value | None:
    value = c.args[0] if c.args else None
    return replace(value, custom_gradient=c.name) if isinstance(value, Func) else value


@method(ClassValue, "apply")
def _apply(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    """``torch.autograd.Function``: ``forward`` computes the value, ``backward`` its gradient."""
    cls = m.owner
    assert isinstance(cls, ClassValue)
    forward, backward = (class_attribute(t, frame, cls, name, None) for name in ("forward", "backward"))
    if not isinstance(forward, Func):
        return opaque(t, frame, cls, c.args, c.kwargs, c.at, "its forward could not be found")
    ctx = External("torch.autograd.function.FunctionCtx()")
    ctx.attributes["needs_input_grad"] = Seq([Const(True) for _ in c.args], "tuple")
    setup = class_attribute(t, frame, cls, "setup_context", None)
    result = call(t, frame, forward, list(c.args) if setup is not None else [ctx, *c.args], c.kwargs, c.at)
    if isinstance(setup, Func):
        call(t, frame, setup, [ctx, Seq(list(c.args), "tuple"), result], {}, c.at)
    if isinstance(backward, Func) and not isinstance(result, Seq):
        upstream = t.node(frame, "param", {}, c.at, Kind.TENSOR, dtype="float", name="upstream gradient")
        gradients = call(t, frame, backward, [ctx, upstream], {}, c.at)
        t.graph.custom.append(CustomGradient(
            cls.node.name, frame.source(c.at), upstream, gradients, returned_by(backward), tuple(c.args), value=result,
        ))
    return with_custom_gradient(t, frame, result, {f"arg{i}": a for i, a in enumerate(c.args)}, c.at)


@handles("torch.autograd.function.FunctionCtx().save_for_backward")
def _save(t: Tracer, frame: Frame, c: Call) -> Value:
    """What ``backward`` finds in ``ctx.saved_tensors``."""
    ctx = c.function.owner if isinstance(c.function, External) else None
    if isinstance(ctx, External):
        ctx.attributes["saved_tensors"] = Seq(list(c.args), "tuple")
    return NONE


@method(Instance, "apply")
def _applied(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    """A flax module of the project applied to its weights: what its ``__call__`` computes, and the weights beside it."""
    module = m.owner
    assert isinstance(module, Instance)
    forward = class_attribute(t, frame, module.cls, "__call__", module)
    if isinstance(forward, Bound) and c.args and not {"mutable", "method"} & c.kwargs.keys():
        settings = {name: value for name, value in c.kwargs.items() if name != "rngs"}
        value = call(t, frame, forward, c.args[1:], settings, c.at)
        if isinstance(value, Node) and value.kind is Kind.TENSOR:
            return by_weights(t, frame, value, c)
    return called_module(t, frame, c.args, c.kwargs, c.at)


def by_weights(t: Tracer, frame: Frame, value: Node, c: Call) -> Node:
    """What a function computes with weights that ``apply`` is given first."""
    return t.node(frame, "identity", {"x": value, "arg1": c.args[0]}, c.at, Kind.TENSOR, dtype=value.dtype)


@handles("haiku.transform")
def _transformed(t: Tracer, frame: Frame, c: Call) -> Value | None:
    function = c.get(0, "f")
    return External("haiku.transformed()", (function, Const(1))) if isinstance(function, CALLABLE) else None


@handles("haiku.without_apply_rng")
def _without_key(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """What is transformed takes the weights, and no key beside them."""
    match c.get(0, "f"):
        case External(name="haiku.transformed()", args=(function, _)):
            return External("haiku.transformed()", (function, Const(0)))
    return None


@handles("haiku.transformed().apply")
def _apply_transformed(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """``net.apply(params, key, x)``: what the function that was transformed computes."""
    match c.function:
        case External(owner=External(args=(function, keys))) if c.args:
            value = call(t, frame, function, c.args[2 if keys == Const(1) else 1:], c.kwargs, c.at)
            return by_weights(t, frame, value, c) if isinstance(value, Node) and value.kind is Kind.TENSOR else value
    return None


@handles("tf.nest.map_structure", "keras.tree.map_structure", "tree.map_structure", "jax.tree.map")
def _map_structure(t: Tracer, frame: Frame, c: Call) -> Value | None:
    if len(c.args) < 2 or not isinstance(c.args[0], (*CALLABLE, External)):
        return opaque(t, frame, NONE, c.args[1:], {}, c.at, "a function that is not known is mapped over a structure")
    return _map_nested(t, frame, c.args[0], c.args[1], c)


def _map_nested(t: Tracer, frame: Frame, function: Value, value: Value, c: Call) -> Value:
    if isinstance(value, Seq):
        return value.of([_map_nested(t, frame, function, v, c) for v in value.items])
    if isinstance(value, Map):
        return Map({k: _map_nested(t, frame, function, v, c) for k, v in value.items.items()}, open=value.open)
    result = call(t, frame, function, [value], {}, c.at)
    if isinstance(value, Node) and (value.op == "param" or may_be_several(value)) and isinstance(result, Node):
        result = t.node(frame, "identity", {"x": result}, c.at, result.kind, dtype=result.dtype)
        result.detail["tuple"] = True
    return result


@handles("tf.nest.flatten", "keras.tree.flatten", "tree.flatten", "jax.tree.leaves", "jax.tree_util.tree_leaves")
def _flatten(t: Tracer, frame: Frame, c: Call) -> Value:
    value = c.get(0, "structure")
    if isinstance(value, Node) and value.kind is Kind.UNKNOWN and t.framework == "jax":
        value = t.node(frame, "item", {"x": value}, c.at, Kind.TENSOR, dtype="float")  # the leaves of a tree are arrays
    if isinstance(value, Seq):
        return Seq(list(value.items), open=value.open)
    if isinstance(value, Map):
        return Seq(list(value.items.values()), open=value.open)
    return Seq([value] if value is not None else [], open=True)
