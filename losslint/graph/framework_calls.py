"""Framework calls that are more than one operation: they take functions, return several values, or name a target."""

from __future__ import annotations

from dataclasses import replace

from losslint.graph.attributes import class_attribute, weight
from losslint.graph.calls import Call, apply_api, call, called_module, dtype_of, handles, method
from losslint.graph.expressions import may_be_several, subscript
from losslint.graph.functions import opaque, returned_by, with_custom_gradient
from losslint.graph.nodes import CustomGradient, Kind, Node, nodes_in
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
    Tape,
    Value,
)
from losslint.ops.table import identifiers, lookup
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
        return Seq([_stacked(t, frame, item, c) for item in result.items], result.kind, open=result.open)
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
    """Loops that carry a structure: what comes out has the structure of what went in."""
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
    return replace(value, custom_gradient=True) if isinstance(value, Func) else value


@handles("*.parameters", "*.named_parameters")
def _parameters(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """The weights of a PyTorch model, one standing for all."""
    if t.framework != "torch":
        return None
    one: Value = weight(t, frame, c.at)
    if c.name.endswith("named_parameters"):
        one = Seq([t.node(frame, "python.object", {}, c.at, Kind.PYTHON), one], "tuple")
    return Seq([one], open=True)


@method(Node, "parameters", "named_parameters")
def _parameters_of_node(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    return _parameters(t, frame, c) or opaque(t, frame, m.owner, c.args, c.kwargs, c.at, f"method .{c.name}()")


@handles("*.state_dict")
def _state(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """The weights of a PyTorch model by name, detached unless asked otherwise."""
    kept = c.kwargs.get("keep_vars")
    if t.framework != "torch" or (kept is not None and kept != Const(False)):
        return None
    return t.node(frame, "stop_gradient", {"x": weight(t, frame, c.at)}, c.at, Kind.UNKNOWN, name=c.name)


@method(Node, "state_dict")
def _state_of_node(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    return _state(t, frame, c) or opaque(t, frame, m.owner, c.args, c.kwargs, c.at, "method .state_dict()")


PACKED = ("data", "batch_sizes", "sorted_indices", "unsorted_indices")


@handles("torch.nn.utils.rnn.pack_padded_sequence", "torch.nn.utils.rnn.pack_sequence")
def _packed(t: Tracer, frame: Frame, c: Call) -> Value:
    """A named tuple: its ``data`` holds the rows that are no padding, and a gradient passes there."""
    rows = t.node(frame, "python.object", {}, c.at, Kind.PYTHON)
    data = subscript(t, frame, c.get(0, "input", "sequences") or NONE, rows, c.at)
    return Seq([data, rows, rows, rows], "tuple", names=PACKED)


@handles("torch.nn.utils.rnn.pad_packed_sequence")
def _padded(t: Tracer, frame: Frame, c: Call) -> Value | None:
    packed = c.get(0, "sequence")
    if not isinstance(packed, Seq):
        return opaque(t, frame, NONE, c.args, c.kwargs, c.at, "packed rows that are not known")
    lengths = t.node(frame, "python.object", {}, c.at, Kind.TENSOR, dtype="int")
    return Seq([subscript(t, frame, packed.items[0], lengths, c.at), lengths], "tuple")


@handles("torch.no_grad", "torch.inference_mode", "torch.enable_grad", "torch.set_grad_enabled")
def _recording(t: Tracer, frame: Frame, c: Call) -> Value:
    return External(f"{c.name}()", tuple(c.args))


@handles("keras.losses.get", "keras.losses.deserialize")
def _loss_by_name(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """The loss that a text names; a function is given back as it is."""
    wanted = c.get(0, "identifier", "name")
    if isinstance(wanted, (*CALLABLE, External)):
        return wanted
    name = identifiers().get(wanted.value) if isinstance(wanted, Const) and isinstance(wanted.value, str) else None
    if name is None or lookup(f"{name}()") is None:
        return External(name) if name is not None else None
    return External(f"{name}()", made=frame.source(c.at))


@handles("tf.GradientTape")
def _tape(t: Tracer, frame: Frame, c: Call) -> Value:
    persistent = c.get(0, "persistent")
    return Tape(isinstance(persistent, Const) and persistent.value is True, frame.source(c.at).row)


@method(Tape, "watch")
def _watch(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    assert isinstance(m.owner, Tape)
    m.owner.watched += c.args
    for argument in c.args:
        for node in nodes_in(argument):
            node.detail["watched"] = True
    return NONE


@method(Tape, "stop_recording")
def _stop_recording(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    return External("tensorflow.stop_recording()")


@method(Tape, "gradient", "jacobian", "batch_jacobian")
def _gradient(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    target, sources = c.get(0, "target"), c.get(1, "sources", "source")
    tape = m.owner
    assert isinstance(tape, Tape)
    again = not tape.persistent and any(frame.path[: len(path)] == path for path in tape.asked)
    tape.asked.append(frame.path)
    if target is not None:
        given = c.get(3, "unconnected_gradients")
        word = given.value if isinstance(given, Const) else given.name if isinstance(given, External) else ""
        zeros = str(word).lower().endswith("zero")
        t.target(target, "tape.gradient", frame.source(c.at), tape=tape, again=again, sources=sources, zeros=zeros)
        t.graph.asked.append(t.graph.targets[-1])
    return gradients_of(t, frame, target, sources, c)


def gradients_of(t: Tracer, frame: Frame, target: Value | None, sources: Value | None, c: Call) -> Value:
    """Gradients are values too: a gradient penalty differentiates them again."""
    if isinstance(sources, Seq) and not sources.open:
        return Seq([gradients_of(t, frame, target, source, c) for source in sources.items], sources.kind)
    inputs = {name: value for name, value in (("x", target), ("sources", sources)) if value is not None}
    tensor = isinstance(sources, Node) and (sources.kind is Kind.TENSOR or sources.detail.get("watched"))
    kind = Kind.TENSOR if tensor else Kind.UNKNOWN
    return t.node(frame, "gradient", inputs, c.at, kind, dtype="float")


@handles("tf.gradients", "keras.backend.gradients", "op:gradients")
def _gradients(t: Tracer, frame: Frame, c: Call) -> Value:
    target, sources = c.get(0, "ys", "loss"), c.get(1, "xs", "variables")
    if target is not None:
        t.target(target, "gradients", frame.source(c.at))
    single = sources if isinstance(sources, Seq) else Seq([sources] if sources is not None else [])
    return gradients_of(t, frame, target, single, c)


@handles("*.minimize", "*.compute_gradients")
def _minimize(t: Tracer, frame: Frame, c: Call) -> Value | None:
    loss = c.get(0, "loss")
    if loss is None:
        return None
    if isinstance(loss, CALLABLE):
        loss = call(t, frame, loss, [], {}, c.at)
    t.target(loss, "minimize", frame.source(c.at))
    gradient = t.node(frame, "gradient", {"x": loss}, c.at, Kind.UNKNOWN)
    variable = t.unknown(frame, c.at, "a variable of the optimizer")
    return Seq([Seq([gradient, variable], "tuple")], open=True)


@handles("*.apply_gradients")
def _apply_gradients(t: Tracer, frame: Frame, c: Call) -> Value | None:
    pairs = c.get(0, "grads_and_vars")
    if pairs is not None:
        t.graph.applied.append((pairs, frame.source(c.at)))
    return NONE


@method(Node, "apply_gradients")
def _unknown_apply_gradients(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    return _apply_gradients(t, frame, c) or NONE


@handles("*.add_loss")
def _add_loss(t: Tracer, frame: Frame, c: Call) -> Value:
    for value in c.args[:1]:
        t.target(call_if_function(t, frame, value, c), "add_loss", frame.source(c.at))
    return NONE


@method(Node, "add_loss")
def _unknown_add_loss(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    return _add_loss(t, frame, c) or NONE


@method(Node, "minimize", "compute_gradients")
def _unknown_minimize(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    return _minimize(t, frame, c) or NONE


@method(Node, "backward")
def _backward(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    t.target(m.owner, "backward", frame.source(c.at), upstream=c.get(0, "gradient"))
    return NONE


@handles("op:resize")
def _resize(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """``method="area"`` alone has no gradient."""
    how = c.get(2, "method")
    word = how.value if isinstance(how, Const) else how.name if isinstance(how, External) else ""
    area = lookup("tensorflow.compat.v1.image.resize_area")
    if not str(word).lower().endswith("area") or area is None:
        return None
    return apply_api(t, frame, area, c.args[:2], {k: v for k, v in c.kwargs.items() if k in ("images", "size")}, c.at)


@method(ClassValue, "apply")
def _apply(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    """``torch.autograd.Function``: ``forward`` computes the value, ``backward`` its gradient."""
    cls = m.owner
    assert isinstance(cls, ClassValue)
    forward, backward = (class_attribute(t, frame, cls, name, None) for name in ("forward", "backward"))
    if not isinstance(forward, Func):
        return opaque(t, frame, cls, c.args, c.kwargs, c.at, "its forward could not be found")
    ctx = t.node(frame, "python.object", {}, c.at, Kind.PYTHON)
    apart = class_attribute(t, frame, cls, "setup_context", None) is not None
    result = call(t, frame, forward, list(c.args) if apart else [ctx, *c.args], c.kwargs, c.at)
    if isinstance(backward, Func) and not isinstance(result, Seq):
        upstream = t.node(frame, "param", {}, c.at, Kind.TENSOR, dtype="float", name="upstream gradient")
        saved = t.node(frame, "param", {}, c.at, Kind.UNKNOWN, name="ctx")
        gradients = call(t, frame, backward, [saved, upstream], {}, c.at)
        t.graph.custom.append(CustomGradient(
            cls.node.name, frame.source(c.at), upstream, gradients, returned_by(backward), tuple(c.args),
        ))
    return with_custom_gradient(t, frame, result, {f"arg{i}": a for i, a in enumerate(c.args)}, c.at)


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
            return t.node(frame, "identity", {"x": value, "arg1": c.args[0]}, c.at, Kind.TENSOR, dtype=value.dtype)
    return called_module(t, frame, c.args, c.kwargs, c.at)


@handles("op:convert_image_dtype")
def _convert_image_dtype(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """A cast with another scale: integers have no gradient."""
    dtype = dtype_of(c.get(1, "dtype"))
    image = c.get(0, "image")
    if dtype != "int" or image is None:
        return None
    return t.node(frame, "cast", {"x": image}, c.at, Kind.TENSOR, dtype=dtype, api=lookup("tensorflow.cast"))


@handles("op:unstack")
def _unstack(t: Tracer, frame: Frame, c: Call) -> Value | None:
    value, number = c.get(0, "value", "x"), c.get(1, "num")
    axis = c.get(2, "axis")
    if not isinstance(value, Node) or c.api is None:
        return None
    first_axis = not isinstance(axis, Const) or axis.value == 0
    t.node(
        frame,
        "unstack",
        {"x": value},
        c.at,
        Kind.PYTHON,
        api=c.api,
        first_axis=(first_axis and axis is None) or (isinstance(axis, Const) and axis.value == 0),
        counted=number is not None,
    )
    count = number.value if isinstance(number, Const) and isinstance(number.value, int) else None
    if count is not None and 0 < count <= 16:
        return Seq([subscript(t, frame, value, along(axis, Const(i)), c.at) for i in range(count)])
    some = t.node(frame, "python.object", {}, c.at, Kind.PYTHON)
    return Seq([subscript(t, frame, value, along(axis, some), c.at)], open=True)


def along(axis: Value | None, index: Value) -> Value:
    """The index that takes one part along an axis: ``[..., i]``, ``[:, i]``."""
    at = axis.value if isinstance(axis, Const) and isinstance(axis.value, int) else 0
    before = [Const(...)] if at == -1 else [Seq([NONE, NONE, NONE], "slice") for _ in range(at)]
    return Seq([*before, index], "index") if before else index


@handles("op:split")
def _split(t: Tracer, frame: Frame, c: Call) -> Value | None:
    value, sizes = c.get(0, "value", "x"), c.get(1, "num_or_size_splits", "indices_or_sections")
    if not isinstance(value, Node) or c.api is None or c.api.framework == "numpy":
        return None
    count = sizes.value if isinstance(sizes, Const) else len(sizes.items) if isinstance(sizes, Seq) else None
    if isinstance(sizes, Seq) and c.api.framework == "keras":
        count = len(sizes.items) + 1
    parts = count if isinstance(count, int) and 0 < count <= 16 else 1
    return Seq([apply_api(t, frame, c.api, c.args, c.kwargs, c.at) for _ in range(parts)], open=parts != count)


@handles("op:moments")
def _moments(t: Tracer, frame: Frame, c: Call) -> Value | None:
    if c.api is None or c.api.framework == "numpy":
        return None
    value = c.get(0, "x")
    inputs = {"x": value} if value is not None else {}
    return Seq([t.node(frame, op, dict(inputs), c.at, Kind.TENSOR, dtype="float") for op in ("mean", "var")], "tuple")


@handles(
    "keras.backend.eval",
    "keras.backend.get_value",
    "keras.ops.convert_to_numpy",
    "keras.backend.convert_to_numpy",
    "tf.make_ndarray",
)
def _to_numpy(t: Tracer, frame: Frame, c: Call) -> Value:
    value = c.get(0, "x")
    inputs = {"x": value} if value is not None else {}
    return t.node(frame, "python.numpy", inputs, c.at, Kind.ARRAY, name=c.name)


@method(Node, "numpy", "item", "tolist", "eval")
def _leave(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    assert isinstance(m.owner, Node)
    if m.owner.kind in (Kind.TENSOR, Kind.SYMBOLIC):
        kind = Kind.ARRAY if c.name in ("numpy", "eval") else Kind.PYTHON
        return t.node(frame, f"python.{c.name}", {"x": m.owner}, c.at, kind, name=f".{c.name}()")
    kind = Kind.PYTHON if m.owner.kind is Kind.PYTHON else m.owner.kind
    return t.node(frame, "array_method", {"x": m.owner}, c.at, kind, name=c.name)


@handles("keras.backend.int_shape", "keras.int_shape")
def _int_shape(t: Tracer, frame: Frame, c: Call) -> Value:
    value = c.get(0, "x")
    return t.node(frame, "static_shape", {"x": value} if value is not None else {}, c.at, Kind.PYTHON, start=0)


@handles(
    "keras.backend.ndim",
    "keras.ops.ndim",
    "keras.backend.is_keras_tensor",
    "tf.is_tensor",
    "tf.executing_eagerly",
    "keras.backend.dtype",
    "keras.backend.is_sparse",
    "tf.is_symbolic_tensor",
    "keras.backend.backend",
    "keras.backend.is_tensor",
    "keras.ops.is_tensor",
    "keras.backend.standardize_dtype",
)
def _python_fact(t: Tracer, frame: Frame, c: Call) -> Value:
    value = c.get(0, "x")
    if c.name.endswith(("dtype",)) and isinstance(value, Node):
        return t.node(frame, "dtype_of", {"x": value}, c.at, Kind.PYTHON)
    if c.name.endswith("is_tensor") and isinstance(value, Node) and value.kind is Kind.TENSOR and value.op != "phi":
        return Const(True)
    op = "static_rank" if c.name.endswith("ndim") else "python.object"
    fact = t.node(frame, op, {"x": value} if value is not None else {}, c.at, Kind.PYTHON)
    fact.detail["eager_only"] = c.name.endswith("executing_eagerly")
    return fact


PYTHON_TESTS = ("is_float_dtype", "is_int_dtype", "is_keras_tensor", "is_sparse", "is_tensor", "is_nested", "is_ragged",
                "is_variable", "is_symbolic_tensor", "any_symbolic_tensors", "inside_function", "executing_eagerly",
                "is_tf_type")  # fmt: skip


@handles("op:test", "*.any_symbolic_tensors", "*.is_float_dtype", "*.is_int_dtype")
def _python_test(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """Questions about what kind of value something is: answered in Python, whatever its contents."""
    if c.name.rpartition(".")[2] not in PYTHON_TESTS:
        return None
    return t.node(frame, "python.object", {}, c.at, Kind.PYTHON)


@handles("keras.ops.shape", "keras.backend.shape")
def _ops_shape(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """``keras.ops.shape`` gives static sizes where they are known, tensors where they are not."""
    if not c.name.startswith("keras.ops"):
        return None
    value = c.get(0, "x")
    node = t.node(frame, "static_shape", {"x": value} if value is not None else {}, c.at, Kind.PYTHON, start=0)
    node.detail["dynamic"] = True
    return node


@handles("op:keras_input")
def _keras_input(t: Tracer, frame: Frame, c: Call) -> Value:
    return t.node(frame, "keras_input", {}, c.at, Kind.SYMBOLIC, api=c.api, dtype="float")


@handles("op:layer")
def _layer(t: Tracer, frame: Frame, c: Call) -> Value:
    """A layer or model called: its variables are trained, so a gradient may start here."""
    inputs: dict[str, Value] = {f"arg{i}": a for i, a in enumerate(c.args)}
    inputs |= {k: v for k, v in c.kwargs.items() if k not in ("training", "mask")}
    symbolic = any(n.kind is Kind.SYMBOLIC for v in inputs.values() for n in nodes_in(v))
    kind = Kind.SYMBOLIC if symbolic else Kind.TENSOR
    return t.node(frame, "layer", inputs, c.at, kind, dtype="float", api=c.api, object=c.function)


@handles("keras.backend.cast_to_floatx")
def _cast_to_floatx(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """A number or array stays one; only a tensor is cast as a tensor."""
    value = c.get(0, "x")
    return None if isinstance(value, Node) and value.kind is Kind.TENSOR else value


@handles("tf.get_static_value")
def _static_value(t: Tracer, frame: Frame, c: Call) -> Value:
    """The value where it is known while tracing, else None: it never raises."""
    return t.node(frame, "python.object", {}, c.at, Kind.PYTHON)


@handles("op:dataset")
def _dataset(t: Tracer, frame: Frame, c: Call) -> Value:
    """PyTorch's loader over a ``TensorDataset`` remembers the tensors whose rows it hands out."""
    word, data = c.name.rpartition(".")[2], c.get(0, "dataset")
    if word == "DataLoader" and isinstance(data, External) and data.args:
        return External("torch.utils.data.DataLoader()", data.args)
    return External("tensorflow.data.Dataset()", tuple(c.args) if word == "TensorDataset" else ())


@handles("*.predict", "*.predict_on_batch", "*.predict_proba")
def _predict(t: Tracer, frame: Frame, c: Call) -> Value | None:
    operands = [n for a in [*c.args, *c.kwargs.values()] for n in nodes_in(a)]
    if not any(n.kind is Kind.TENSOR for n in operands) and not frame.context.tapes:
        return None
    inputs: dict[str, Value] = {f"arg{i}": a for i, a in enumerate(c.args)}
    model = c.function.inputs.get("x") if isinstance(c.function, Node) else getattr(c.function, "owner", None)
    return t.node(frame, "python.predict", inputs, c.at, Kind.ARRAY, name=c.name, object=model)


@handles("tf.Session().run", "tf.InteractiveSession().run")
def _fetch(t: Tracer, frame: Frame, c: Call) -> Value:
    """What a session fetches is NumPy, one array or as nested as what was asked for."""
    node = t.node(frame, "python.object", {}, c.at, Kind.ARRAY)
    node.detail["tuple"] = True
    return node


@method(Node, "predict", "predict_on_batch")
def _node_predict(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    c.function = m
    return _predict(t, frame, c) or opaque(t, frame, m.owner, c.args, c.kwargs, c.at, "a prediction")


@handles("tf.nest.map_structure", "keras.tree.map_structure", "tree.map_structure", "jax.tree.map")
def _map_structure(t: Tracer, frame: Frame, c: Call) -> Value | None:
    if len(c.args) < 2 or not isinstance(c.args[0], (*CALLABLE, External)):
        return opaque(t, frame, NONE, c.args[1:], {}, c.at, "a function that is not known is mapped over a structure")
    return _map_nested(t, frame, c.args[0], c.args[1], c)


def _map_nested(t: Tracer, frame: Frame, function: Value, value: Value, c: Call) -> Value:
    if isinstance(value, Seq):
        return Seq([_map_nested(t, frame, function, v, c) for v in value.items], value.kind, open=value.open)
    if isinstance(value, Map):
        return Map({k: _map_nested(t, frame, function, v, c) for k, v in value.items.items()}, open=value.open)
    result = call(t, frame, function, [value], {}, c.at)
    if isinstance(value, Node) and may_be_several(value) and isinstance(result, Node):
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


@handles("tf.clip_by_global_norm")
def _clip_by_global_norm(t: Tracer, frame: Frame, c: Call) -> Value:
    """A list of clipped tensors, and their norm."""
    tensors = c.get(0, "t_list")
    inputs = {"x": tensors} if tensors is not None else {}
    items = [t.node(frame, "identity", dict(inputs), c.at, Kind.UNKNOWN)]
    return Seq(
        [Seq(list(items), open=True), t.node(frame, "norm", dict(inputs), c.at, Kind.TENSOR, dtype="float")], "tuple"
    )


@method(Node, "get_scaled_loss", "scale_loss")
def _scale_loss(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    """A loss-scaling optimizer multiplies the loss by a number."""
    return c.args[0] if c.args else NONE


@handles("*.get_scaled_loss", "*.scale_loss")
def _scale_loss_external(t: Tracer, frame: Frame, c: Call) -> Value | None:
    return c.args[0] if c.args else None


@handles("super().compute_loss", "super().call", "super().__call__", "super().train_step", "super().forward")
def _framework_method(t: Tracer, frame: Frame, c: Call) -> Value:
    """What the framework's base class does with a model: a loss or output that its weights are trained through."""
    return t.node(
        frame, "layer", {f"arg{i}": a for i, a in enumerate([*c.args, *c.kwargs.values()])}, c.at, Kind.UNKNOWN
    )


@handles("tf.identity_n", "tf.tuple")
def _identity(t: Tracer, frame: Frame, c: Call) -> Value | None:
    return c.args[0] if c.args else None
