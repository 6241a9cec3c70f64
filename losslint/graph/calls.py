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
from losslint.graph.functions import call_function, opaque
from losslint.graph.indexing import sequence_item
from losslint.graph.nodes import Kind, Node, NotedCall, nodes_in, rests_on_data
from losslint.graph.scope import Env
from losslint.graph.tracer import Frame, Tracer, is_framework_name, join_kinds, require
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
from losslint.ops.moves import RESHAPES, TRANSPOSES
from losslint.ops.table import Api, canonical_name, lookup

Handler = Callable[[Tracer, Frame, "Call"], "Value | None"]
BY_NAME: dict[str, Handler] = {}  # canonical dotted name -> handler
BY_OPERATION: dict[str, Handler] = {}  # canonical operation -> handler
METHODS: dict[tuple[type, str], Callable[[Tracer, Frame, Method, Call], Value]] = {}


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
            args += [sequence_item(t, frame, spread, Const(i), argument.value) for i in range(len(spread.items))]
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
            frame.context = replace(context, guarded=True, branch=True)
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


def called_module(
    t: Tracer, frame: Frame, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode, module: Value | None = None
) -> Node:
    """A module of flax or haiku, called or applied to its weights, which come first; ``mutable`` gives its state, too."""
    mutable = kwargs.get("mutable", Const(False))
    several = not isinstance(mutable, Const) or mutable.value is not False
    inputs = {f"arg{i}": a for i, a in enumerate(args)}
    kind = Kind.UNKNOWN if several else Kind.TENSOR
    return t.node(frame, "layer", inputs, at, kind, dtype="float", object=module)


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
        for base in external_bases(t, cls)[: not names]:
            t.node(frame, "python.object", {}, at, Kind.PYTHON, name=canonical_name(base), given=tuple(args))
        instance.attributes |= dict(zip(names, args, strict=False)) | {k: v for k, v in kwargs.items() if k in names}
    return instance


def _dataclass_fields(cls: ClassValue) -> list[str]:

    return [s.target.id for s in cls.node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]


def call_instance(
    t: Tracer, frame: Frame, instance: Instance, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> Value:
    """``instance(...)``: ``__call__``, or what the framework's ``__call__`` ends in."""
    if instance.altered:
        return opaque(t, frame, instance, args, kwargs, at, f"{instance.cls.node.name} has a hook")
    for name in ("__call__", "call", "forward"):
        method = class_attribute(t, frame, instance.cls, name, instance)
        if isinstance(method, Bound):
            if name in instance.attributes:  # self.call = tf.function(self.call)
                return call(t, frame, instance.attributes[name], args, kwargs, at)
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
            return called_module(t, frame, args, kwargs, at, function)
        if api.operation.name == "object":
            t.node(frame, "python.object", {}, at, Kind.PYTHON, name=name, given=tuple(args))
            owner = function if function.args or function.kwargs else function.owner
            return External(function.name + "()", tuple(args), kwargs, owner=owner, made=frame.source(at))
        return apply_api(t, frame, api, args, kwargs, at, function)
    return _unknown_external(t, frame, function, args, kwargs, at)


def _unknown_external(
    t: Tracer, frame: Frame, function: External, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> Value:
    if function.owner is not None and any(nodes_in(function.owner)):
        kwargs = {**kwargs, "object": function.owner}
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
    inputs = made_with(function) | bind_api(api, args, kwargs)
    operands = [n for v in inputs.values() for n in nodes_in(v)]
    kind = result_kind(api, operands)
    dtype = result_dtype(api, inputs)
    node = t.node(frame, api.operation.name, inputs, at, kind, dtype=dtype, api=api, name=api.name)
    if api.operation.family == "assert":
        require(t, frame, node)
    asked = inputs.get("requires_grad", Const(True) if api.name.endswith(".requires_grad_") else NONE)
    if isinstance(asked, Const) and asked.value is True and not rests_on_data(node):
        node.detail["watched"] = True
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


def made_with(function: External | None) -> dict[str, Value]:
    """What an object was given, of all that the operation behind it takes: the axis of ``nn.Softmax(dim=1)``."""
    maker = lookup(function.name.removesuffix("()")) if function is not None and function.name.endswith("()") else None
    if function is None or maker is None:
        return {}
    taken = {canonical for canonical, _ in maker.parameters}
    return {name: value for name, value in bind_api(maker, function.args, function.kwargs).items() if name in taken}


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
OF_A_MATRIX = {f"{prefix}.diag": f"{prefix}.diagonal" for prefix in ("torch", "torch.Tensor", "jnp", "keras.ops", "np")}


def overload(api: Api, args: Sequence[Value], kwargs: dict[str, Value]) -> Api:
    """``torch.max(a, b)`` of two tensors is ``torch.maximum(a, b)``, no reduction; ``torch.diag`` of a matrix takes its
    diagonal, and makes a matrix of a vector."""
    if api.name in OF_A_MATRIX and args and is_matrix(args[0]):
        return lookup(OF_A_MATRIX[api.name]) or api
    second = args[1] if len(args) > 1 else kwargs.get("other")
    elementwise = lookup(OF_TWO.get(api.name, "")) if isinstance(second, Node) and second.kind is Kind.TENSOR else None
    return elementwise or api


def is_matrix(value: Value) -> bool:
    """Whether a value is computed element by element of one that holds rows with rows: ``exp(a @ b.T)``."""
    seen, stack = set[int](), [value]
    while stack:
        node = stack.pop()
        if not isinstance(node, Node) or node.index in seen:
            continue
        seen.add(node.index)
        right = node.inputs.get("y")
        if node.op in ("cdist", "outer") or node.name.endswith(".mm") or (
                node.op == "matmul" and isinstance(right, Node) and right.op in TRANSPOSES):
            return True
        if node.family == "elementwise":
            stack += [operand for _, operand in node.operands()]
    return False


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
    if api.operation.result == "array" and operands:
        return Kind.ARRAY
    if api.framework == "numpy":
        made = api.operation.family == "constant" or not operands  # np.zeros(y_pred.shape)
        return Kind.ARRAY if made or any(n.kind is not Kind.PYTHON for n in operands) else Kind.PYTHON
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
    if api.operation.name in RESHAPES and isinstance(whole := inputs.get("x"), Node):
        return whole.dtype
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
    if owner is NOTHING:
        return t.misused(frame, at, f"asked for its {bound.name}()")
    request = Call(bound.name, args, kwargs, at)
    handler = METHODS.get((type(owner), bound.name))
    if handler is not None:
        result: Value = handler(t, frame, bound, request)
        return result
    if isinstance(owner, Node):
        if owner.kind in (Kind.TENSOR, Kind.SYMBOLIC) or (bound.name == "detach" and owner.kind is Kind.UNKNOWN):
            result = tensor_method(t, frame, owner, bound.name, args, kwargs, at)
            if t.framework == "torch" and changes_in_place(bound.name) and isinstance(result, Node):
                frame.env.replace(owner, result)
            return result
        inputs: dict[str, Value] = {"x": owner} | {f"arg{i}": a for i, a in enumerate(args)} | kwargs
        if owner.kind is Kind.PYTHON:
            return t.node(frame, "python.object", inputs, at, Kind.PYTHON, name=bound.name)
        return t.node(frame, "array_method", inputs, at, owner.kind, name=bound.name)
    if isinstance(owner, Const) and owner.value is None:  # a stand-in for what is there where this runs
        return t.unknown(frame, at, f"method .{bound.name}() of None")
    if isinstance(owner, (Const, Tape)):
        return t.node(frame, "python.object", {}, at, Kind.PYTHON, name=bound.name)
    return opaque(t, frame, owner, args, kwargs, at, f"method .{bound.name}() of an object that is not known")
