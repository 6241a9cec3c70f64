"""Framework calls that are more than one operation: they return several values, or what depends on their arguments."""

from __future__ import annotations

import libcst as cst

from losslint.graph.calls import Call, apply_api, dtype_of, handles, method
from losslint.graph.control_calls import CALLABLE
from losslint.graph.functions import opaque
from losslint.graph.indexing import subscript
from losslint.graph.nodes import Kind, Node, nodes_in
from losslint.graph.tracer import Frame, Tracer
from losslint.graph.values import NONE, Const, External, Instance, Method, Seq, Value
from losslint.ops.table import identifiers, lookup

CHANGES_LAYERS = ("append", "extend", "insert", "add_module", "register_module", "pop")
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


@handles("op:resize")
def _resize(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """``method="area"`` alone has no gradient."""
    how = c.get(2, "method")
    word = how.value if isinstance(how, Const) else how.name if isinstance(how, External) else ""
    area = lookup("tensorflow.compat.v1.image.resize_area")
    if not str(word).lower().endswith("area") or area is None:
        return None
    return apply_api(t, frame, area, c.args[:2], {k: v for k, v in c.kwargs.items() if k in ("images", "size")}, c.at)


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


@handles("torch.addmm", "torch.Tensor.addmm", "torch.Tensor.addmm_")
def _addmm(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """``beta * input + alpha * (mat1 @ mat2)``, an operation each."""
    added, left, right = (c.get(place, name) for place, name in enumerate(("input", "mat1", "mat2")))
    if c.api is None or left is None or right is None or len(c.args) > 3:
        return None
    product: Value = t.node(frame, "matmul", {"x": left, "y": right}, c.at, Kind.TENSOR, dtype="float",
                            api=lookup("torch.matmul"))
    parts = [added or NONE, product]
    for place, factor in enumerate((c.kwargs.get("beta"), c.kwargs.get("alpha"))):
        if factor is not None and not (isinstance(factor, Const) and factor.value == 1):
            parts[place] = t.node(frame, "mul", {"x": factor, "y": parts[place]}, c.at, Kind.TENSOR, dtype="float")
    return t.node(frame, "add", {"x": parts[0], "y": parts[1]}, c.at, Kind.TENSOR, dtype="float", api=c.api, name=c.api.name)


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
    "torch.is_tensor",
    "tf.executing_eagerly",
    "keras.backend.dtype",
    "keras.backend.is_sparse",
    "tf.is_symbolic_tensor",
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


@handles("keras.backend.backend", "keras.config.backend", "keras.backend.config.backend")
def _backend(t: Tracer, frame: Frame, c: Call) -> Value:
    """What Keras runs on: the framework that the code is read for."""
    return Const(t.framework)


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


@handles("*.to", "*.cuda", "*.cpu", "*.float", "*.train", "*.eval")
def _itself(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """A module of PyTorch, moved or told how to run."""
    return _module(t, c)


def _module(t: Tracer, c: Call) -> Instance | External | None:
    """The module of PyTorch that a method is called on."""
    owner = c.function.owner if isinstance(c.function, External) else (
        c.function.inputs.get("x") if isinstance(c.function, Node) else None)
    known = isinstance(owner, Instance) or (isinstance(owner, External) and owner.name.startswith("torch.nn."))
    return owner if t.framework == "torch" and known and isinstance(owner, (Instance, External)) else None


@handles("*.register_forward_hook", *(f"torch.nn.Sequential().{name}" for name in CHANGES_LAYERS))
def _altered(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """A module that is given a hook, which may return another output, or further layers."""
    if (module := _module(t, c)) is not None:
        module.altered = True
    return None


@handles("op:dataset")
def _dataset(t: Tracer, frame: Frame, c: Call) -> Value:
    """PyTorch's loader over a ``TensorDataset``, or a part of one, remembers the tensors whose rows it hands out."""
    word, data = c.name.rpartition(".")[2], c.get(0, "dataset")
    if isinstance(data, External) and data.args:
        if word == "DataLoader" and hands_out_rows(c):
            return External("torch.utils.data.DataLoader()", data.args, attributes={"dataset": data})
        if word == "random_split" and isinstance(lengths := c.get(1, "lengths"), Seq):
            return Seq([data for _ in lengths.items], open=lengths.open)
        if word == "Subset":
            return data
    return External("tensorflow.data.Dataset()", tuple(c.args) if word == "TensorDataset" else ())


def hands_out_rows(c: Call) -> bool:
    """Whether a loader makes batches of rows and puts them together in PyTorch's own way, as far as the call says."""
    size, sampler, collate = c.get(1, "batch_size"), c.get(4, "batch_sampler"), c.get(6, "collate_fn")
    spread = isinstance(c.at, cst.Call) and any(argument.star == "**" for argument in c.at.args)
    return not spread and size != NONE and sampler in (None, NONE) and collate in (None, NONE)


@handles("tf.Session().run", "tf.InteractiveSession().run")
def _fetch(t: Tracer, frame: Frame, c: Call) -> Value:
    """What a session fetches, or a model predicts, is NumPy: one array, or as nested as what was asked for."""
    node = t.node(frame, "python.object", {}, c.at, Kind.ARRAY)
    node.detail["tuple"] = True
    return node


@handles("*.predict", "*.predict_on_batch", "*.predict_proba")
def _predict(t: Tracer, frame: Frame, c: Call) -> Value | None:
    if t.framework != "tensorflow":
        return None  # a method of its own: no module of PyTorch or JAX has one
    operands = [n for a in [*c.args, *c.kwargs.values()] for n in nodes_in(a)]
    if not any(n.kind is Kind.TENSOR for n in operands) and not frame.context.tapes:
        return _fetch(t, frame, c) if c.name.startswith("keras.") else None
    inputs: dict[str, Value] = {f"arg{i}": a for i, a in enumerate(c.args)}
    model = c.function.inputs.get("x") if isinstance(c.function, Node) else getattr(c.function, "owner", None)
    return t.node(frame, "python.predict", inputs, c.at, Kind.ARRAY, name=c.name, object=model)


@handles("*.detach")
def _detached(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """What an object computes, detached: ``Categorical(logits=z).entropy().mean().detach()``."""
    owner = c.function.owner if isinstance(c.function, External) else None
    api = lookup("torch.Tensor.detach")
    if t.framework != "torch" or api is None or owner is None or not any(nodes_in(owner)):
        return None
    return t.node(frame, api.operation.name, {"x": owner}, c.at, Kind.TENSOR, dtype="float", api=api, name=api.name)


@method(Node, "predict", "predict_on_batch")
def _node_predict(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    c.function = m
    return _predict(t, frame, c) or opaque(t, frame, m.owner, c.args, c.kwargs, c.at, "a prediction")


@handles("super().compute_loss", "super().call", "super().__call__", "super().train_step", "super().forward")
def _framework_method(t: Tracer, frame: Frame, c: Call) -> Value:
    """What the framework's base class does with a model: a loss or output that its weights are trained through."""
    return t.node(
        frame, "layer", {f"arg{i}": a for i, a in enumerate([*c.args, *c.kwargs.values()])}, c.at, Kind.UNKNOWN
    )


@handles("tf.identity_n", "tf.tuple")
def _identity(t: Tracer, frame: Frame, c: Call) -> Value | None:
    return c.args[0] if c.args else None
