"""What ``owner[index]`` gives, and what assigning to it does, by the kind of owner."""

from __future__ import annotations

import libcst as cst

from losslint.graph.attributes import MODULES
from losslint.graph.handed import handed_module
from losslint.graph.nodes import Kind, Node
from losslint.graph.tracer import Frame, Tracer
from losslint.graph.values import (
    NONE,
    NOTHING,
    Const,
    External,
    Instance,
    Map,
    Seq,
    Value,
)


def is_key(value: object) -> bool:
    """Whether a mapping is followed by a key of this kind."""
    return isinstance(value, (str, int, float, bool, bytes, type(None)))


def subscript(t: Tracer, frame: Frame, owner: Value, index: Value, at: cst.CSTNode) -> Value:
    """``owner[index]``."""
    if owner is NOTHING:
        return t.misused(frame, at, "indexed")
    match owner:
        case Seq():
            return sequence_item(t, frame, owner, index, at)
        case Map():
            if isinstance(index, Const) and is_key(index.value) and index.value in owner.items:
                return owner.items[index.value]
            if owner.items and not isinstance(index, Const):
                return _any_of(t, frame, list(owner.items.values()), at)
            handed = handed_module(frame.unit.module, index.value) if isinstance(index, Const) else None
            return handed or t.unknown(frame, at, "a dictionary entry that is not known")
        case Const(value=str() | bytes() | tuple() as text) if isinstance(index, Const) and isinstance(
            index.value, int
        ):
            return Const(text[index.value]) if -len(text) <= index.value < len(text) else NONE
        case External(name="torch.nn.Sequential()", args=layers) if (
                isinstance(index, Const) and isinstance(index.value, int) and -len(layers) <= index.value < len(layers)):
            return layers[index.value]
        case External(name=name, args=(Map() as held,)) if name == MODULES:
            return subscript(t, frame, held, index, at)
        case External():
            return (
                External(owner.name + "[]")
                if "typing" in owner.name or owner.name.startswith("builtins")
                else (t.unknown(frame, at, f"an item of {owner.name}"))
            )
        case Node(op="static_shape"):
            return _shape_item(t, frame, owner, index, at)
        case Node(kind=Kind.TENSOR | Kind.UNKNOWN) if (
                isinstance(index, Node) and index.kind is Kind.TENSOR and index.dtype == "bool"):
            return t.node(frame, "boolean_mask", {"x": owner, "mask": index}, at, owner.kind, dtype=owner.dtype)
        case Node():
            kind = Kind.UNKNOWN if isinstance(index, Const) and isinstance(index.value, str) else owner.kind
            part = t.node(frame, "item", {"x": owner, "index": index}, at, kind, dtype=owner.dtype)
            if isinstance(index, Seq) and index.kind == "slice" and owner.detail.get("tuple"):
                part.detail["tuple"] = True
            return part
    return t.unknown(frame, at, "an item of an object that is not known", {"index": index})


def sequence_item(t: Tracer, frame: Frame, owner: Seq, index: Value, at: cst.CSTNode) -> Value:
    """An item of a list; of one that may hold more, what it may be."""
    if isinstance(index, Const) and isinstance(index.value, int):
        if owner.mixed and index.value not in (0, -1):
            return _any_of(t, frame, owner.items, at)
        if -len(owner.items) <= index.value < len(owner.items):
            return owner.items[index.value]
        return owner.items[-1] if owner.items else t.unknown(frame, at, "an item of a list that is not known")
    if isinstance(index, Seq) and index.kind == "slice":
        ends = [e.value for e in index.items if isinstance(e, Const) and isinstance(e.value, (int, type(None)))]
        if len(ends) == 3 and not owner.open:
            start, stop, step = ends
            return Seq(owner.items[start:stop:step], owner.kind)
        return Seq(owner.items, owner.kind, open=True, mixed=owner.mixed)
    if not owner.items:
        return t.unknown(frame, at, "an item of a list that is not known")
    if isinstance(index, Node) and index.kind is Kind.TENSOR:
        return t.node(frame, "python.index", {"x": owner, "index": index}, at)
    return _any_of(t, frame, owner.items, at)


def _any_of(t: Tracer, frame: Frame, values: list[Value], at: cst.CSTNode) -> Value:
    result = values[0]
    for value in values[1:4]:
        result = t.join(frame, result, value, at)
    return result


def shape_of(shape: Node) -> dict[str, Value]:
    """The tensor that a shape belongs to, as the input of another node."""
    return {"x": shape.inputs["x"]} if "x" in shape.inputs else {}


def _shape_item(t: Tracer, frame: Frame, owner: Node, index: Value, at: cst.CSTNode) -> Value:
    start = owner.detail.get("start", 0)
    if isinstance(index, Seq) and index.kind == "slice":
        lower = index.items[0]
        offset = lower.value if isinstance(lower, Const) and isinstance(lower.value, int) else 0
        known = isinstance(lower, Const) and offset >= 0 and isinstance(start, int)
        return t.node(
            frame,
            "static_shape",
            shape_of(owner),
            at,
            Kind.PYTHON,
            start=start + offset if known else None,
            dynamic=owner.detail.get("dynamic", False),
        )
    axis = index.value if isinstance(index, Const) and isinstance(index.value, int) else None
    if axis is not None and axis >= 0:
        axis = axis + start if isinstance(start, int) else None
    return t.node(
        frame,
        "static_dim",
        shape_of(owner),
        at,
        Kind.PYTHON,
        axis=axis,
        dynamic=owner.detail.get("dynamic", False),
    )


def set_item(t: Tracer, frame: Frame, owner: Value, index: Value, value: Value, at: cst.CSTNode) -> Value:
    """``owner[index] = value``; returns what the owner's name holds afterwards."""
    if isinstance(owner, Seq):
        if (
            isinstance(index, Const)
            and isinstance(index.value, int)
            and -len(owner.items) <= index.value < len(owner.items)
        ):
            owner.items[index.value] = value
        else:
            owner.items.append(value)
            owner.open = True
    elif isinstance(owner, Map):
        if isinstance(index, Const) and is_key(index.value):
            owner.items[index.value] = value
        else:
            owner.items[f"<{len(owner.items)}>"] = value
            owner.open = True
    elif (
        isinstance(owner, Node)
        and owner.kind in (Kind.ARRAY, Kind.TENSOR)
        and not may_be_several(owner)
        and not (isinstance(index, Const) and isinstance(index.value, str))
    ):
        op = "numpy.set_item" if owner.kind is Kind.ARRAY else "python.set_item"
        return t.node(frame, op, {"x": owner, "index": index, "value": value}, at, owner.kind, dtype=owner.dtype)
    return owner


def may_be_several(value: Node) -> bool:
    """Whether a node may be a tuple or list of tensors: a model with several outputs, an operation that returns a tuple."""
    structured = value.op == "phi" and any(isinstance(side, (Seq, Map)) for side in value.inputs.values())
    structured = structured or (value.api is not None and value.api.note == "TensorFlow 1")  # tf.metrics gave pairs
    return structured or bool(value.detail.get("tuple")) or value.op in ("layer", "unknown", "gradient", "attribute")


def may_be_several_too(part: Value, whole: Node) -> Value:
    """A part of what a model returns whose code is not at hand: there may be lists within its tuple."""
    known = whole.op == "gradient" or isinstance(whole.detail.get("object"), (External, Instance))
    if isinstance(part, Node) and may_be_several(whole) and not known:
        part.detail["tuple"] = True
    return part
