"""Keras models as they are built: which layers lie between the weights and the loss that ``compile`` adds.

A Functional model's outputs are traced where its layers are called; a Sequential model and the ``call`` of a subclass
are run when ``compile`` is reached. Layers of the project and ``Lambda`` functions are inlined, on tensors and in the
mode Keras runs them in; the framework's own layers are single nodes, and the roots that training adjusts.
"""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from losslint.graph.attributes import keras_object
from losslint.graph.calls import Call, call, call_instance, handles
from losslint.graph.nodes import Kind, Node
from losslint.graph.tracer import Frame, Tracer
from losslint.graph.values import NONE, Bound, Const, External, Func, Instance, Map, Partial, Seq, Value
from losslint.ops.table import canonical_name


@handles("keras.layers.Lambda()")
def _lambda_layer(t: Tracer, frame: Frame, c: Call) -> Value | None:
    layer = c.function
    function = argument(layer, 0, "function") if isinstance(layer, External) else None
    if not isinstance(layer, External) or not isinstance(function, (Func, Bound, Partial, External)):
        return None
    given = argument(layer, 3, "arguments")
    kwargs = {str(k): v for k, v in given.items.items()} if isinstance(given, Map) else {}
    if layer.made is not None:  # what Lambda(tf.round) does is done where it stands, wherever it is called
        frame = replace(frame, unit=layer.made.unit, via=layer.made.via)
    return as_layer(t, frame, function, c.args, {**kwargs, **c.kwargs}, layer.made.node if layer.made else c.at)


@handles("*.add")
def _add_layer(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """``model.add(layer)``."""
    model = c.function.owner if isinstance(c.function, External) else None
    if model is None or not is_sequential(model) or not c.args:
        return None
    layers = layers_of(model)
    if layers is not None:
        layers.items.append(c.args[0])
    return NONE


@handles("*.pop")
def _drop_layer(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """``model.pop()``."""
    model = c.function.owner if isinstance(c.function, External) else None
    if model is None or not is_sequential(model):
        return None
    layers = layers_of(model)
    return layers.items.pop() if layers is not None and layers.items else None


@handles("*.compile")
def _compile(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """``model.compile(loss=...)``: the outputs of the model are what the loss differentiates."""
    loss = c.get(1, "loss")
    if t.layer_mode is None or loss is None or (isinstance(loss, Const) and loss.value is None):
        return None
    model: Value | None = None
    if isinstance(c.function, External):
        model = c.function.owner
    elif isinstance(c.function, Node):
        model = c.function.inputs.get("x")
    outputs = outputs_of(t, frame, model, c.at)
    if outputs is None:
        return None
    t.target(outputs, "compile", frame.source(c.at))
    return NONE


def outputs_of(t: Tracer, frame: Frame, model: Value | None, at: cst.CSTNode) -> Value | None:
    """What a model returns for one batch; None if that is not known."""
    if isinstance(model, Instance) and keras_object(t, model.cls):
        batch = t.node(frame, "keras_input", {}, at, Kind.UNKNOWN)
        return as_layer(t, frame, model, [batch], {}, at)
    if not isinstance(model, External):
        return None
    if is_sequential(model):
        layers = layers_of(model)
        return _sequence(t, frame, layers.items, at) if layers is not None else None
    if canonical_name(model.name).rpartition(".")[2] in ("Model()", "Functional()"):
        return argument(model, 1, "outputs")
    return None


def _sequence(t: Tracer, frame: Frame, layers: list[Value], at: cst.CSTNode) -> Value:
    value: Value = t.node(frame, "keras_input", {}, at, Kind.SYMBOLIC, dtype="float")
    for layer in layers:
        if not (isinstance(layer, Node) and layer.op == "keras_input"):
            value = call(t, frame, layer, [value], {}, at)
    return value


def is_sequential(model: External) -> bool:
    return model.name.endswith("Sequential()")


def layers_of(model: External) -> Seq | None:
    """The layers of a Sequential model so far; None when they are not known."""
    if "layers" not in model.attributes:
        given = argument(model, 0, "layers")
        if given is not None and not (isinstance(given, Seq) and not given.open):
            return None
        model.attributes["layers"] = Seq(list(given.items) if isinstance(given, Seq) else [])
    layers = model.attributes["layers"]
    return layers if isinstance(layers, Seq) else None


def argument(made: External, position: int, keyword: str) -> Value | None:
    """An argument that an object was made with."""
    if keyword in made.kwargs:
        return made.kwargs[keyword]
    return made.args[position] if position < len(made.args) else None


def as_layer(
    t: Tracer, frame: Frame, function: Value, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> Value:
    """Call a layer of the project while the model is built: it runs on tensors, in the mode Keras runs layers in."""
    context = frame.context
    frame.context = replace(context, mode=t.layer_mode or context.mode)
    args = [_with_kind(t, frame, value, Kind.TENSOR, at) for value in args]
    if isinstance(function, Instance):
        result = call_instance(t, frame, function, args, kwargs, at)
    else:
        result = call(t, frame, function, args, kwargs, at)
    frame.context = context
    return _with_kind(t, frame, result, Kind.SYMBOLIC, at)


def _with_kind(t: Tracer, frame: Frame, value: Value, kind: Kind, at: cst.CSTNode) -> Value:
    if isinstance(value, Seq):
        return Seq([_with_kind(t, frame, v, kind, at) for v in value.items], value.kind, value.open, value.names)
    if isinstance(value, Map):
        return Map({k: _with_kind(t, frame, v, kind, at) for k, v in value.items.items()}, value.open)
    if isinstance(value, Node) and value.kind in (Kind.TENSOR, Kind.SYMBOLIC, Kind.ARRAY) and value.kind is not kind:
        return t.node(frame, "identity", {"x": value}, at, kind, dtype=value.dtype)
    return value
