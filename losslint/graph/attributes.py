"""Attributes: of external names, project modules, classes and their objects, and of tensors."""

from __future__ import annotations

import ast

import libcst as cst

from losslint.graph import fold
from losslint.graph.nodes import Kind, Node
from losslint.graph.scope import Env, method_unit
from losslint.graph.tracer import Frame, Tracer
from losslint.graph.values import (
    UNBOUND,
    Bound,
    Choice,
    ClassValue,
    Const,
    External,
    Func,
    Instance,
    Map,
    Method,
    ModuleValue,
    Partial,
    Seq,
    Super,
    Value,
)
from losslint.ops.table import lookup
from losslint.project.module import Module

MODULES = "torch.nn.ModuleDict()"  # shows what it was made of as a dict does


def attribute(t: Tracer, frame: Frame, owner: Value, name: str, at: cst.CSTNode) -> Value:
    """``owner.name``."""
    match owner:
        case Choice(options=options):
            values = [attribute(t, frame, option, name, at) for option in options]
            result = values[0]
            for value in values[1:]:
                result = t.join(frame, result, value, at)
            return result
        case External():
            return _external_attribute(t, frame, owner, name, at)
        case ModuleValue(module=module):
            return _module_attribute(t, module, name)
        case Instance():
            return _instance_attribute(t, frame, owner, name, at)
        case ClassValue():
            found = class_attribute(t, frame, owner, name, None)
            if found is None and name == "apply" and any(b.endswith("autograd.Function") for b in external_bases(t, owner)):
                return Method(owner, name)
            return found or External(f"{owner.node.name}.{name}")
        case Super(cls=cls, instance=instance):
            for base in bases(t, cls):
                if isinstance(base, ClassValue) and (found := class_attribute(t, frame, base, name, instance)):
                    return found
            if name in ("call", "__call__"):
                for external in external_bases(t, cls):
                    if lookup(f"{external}()") is not None:
                        return External(f"{external}()")
            return External(f"super().{name}")
        case Node():
            return _node_attribute(t, frame, owner, name, at)
        case Seq(names=names) if name in names:
            return owner.items[names.index(name)]
        case Func():
            return Const(owner.name) if name == "__name__" else t.unknown(frame, at, f"attribute {name} of a function")
        case Partial() if name in ("func", "args", "keywords"):
            return {"func": owner.function, "args": Seq(list(owner.args)), "keywords": Map(dict(owner.kwargs))}[name]
    return Method(owner, name)


LAYER_WEIGHTS = ("weight", "bias", "kernel")
SYMBOLIC_ATTRIBUTES = {"input": "keras_input", "inputs": "keras_input", "output": "layer", "outputs": "layer"}


def _external_attribute(t: Tracer, frame: Frame, owner: External, name: str, at: cst.CSTNode) -> Value:
    if name in owner.attributes:
        return owner.attributes[name]
    known = owner.name.endswith(".get_layer()") or (owner.name.endswith("()") and lookup(owner.name) is not None)
    if name in SYMBOLIC_ATTRIBUTES and known:
        return t.node(frame, SYMBOLIC_ATTRIBUTES[name], {}, at, Kind.SYMBOLIC, dtype="float")
    if name in LAYER_WEIGHTS and is_layer(owner):
        return weight(t, frame, at, name, owner)
    if owner.name == MODULES and name in ("items", "values", "keys") and owner.args and isinstance(owner.args[0], Map):
        return Method(owner.args[0], name)
    dotted = f"{owner.name}.{name}"
    if owner.name.endswith("finfo()") and (number := fold.finfo_attribute(next(iter(owner.args), None), name)) is not None:
        return number
    return fold.named_constant(dotted) or External(dotted, owner=owner)


def is_layer(value: External) -> bool:
    """Whether an object of a framework is a layer, which has weights; a loss may have some that nobody trains."""
    api = lookup(value.name)
    return api is not None and api.operation.name == "layer"


def weight(t: Tracer, frame: Frame, at: cst.CSTNode, name: str = "", layer: External | None = None) -> Node:
    """What a model is trained by, looked at itself: a penalty's gradient starts here. ``layer``: whose it is, if known."""
    return t.node(frame, "weight", {}, at, Kind.TENSOR, dtype="float", name=name, layer=layer)


def _module_attribute(t: Tracer, module: Module, name: str) -> Value:
    if t.prefers_table(f"{module.name}.{name}"):
        return External(f"{module.name}.{name}")
    value = t.scope(module).lookup(name)
    if value is UNBOUND:
        submodule = t.project.find_module(f"{module.name}.{name}", module)
        return ModuleValue(submodule) if submodule is not None else External(f"{module.name}.{name}")
    return value


def _instance_attribute(t: Tracer, frame: Frame, owner: Instance, name: str, at: cst.CSTNode) -> Value:
    if name in owner.attributes:
        value = owner.attributes[name]
        if not isinstance(value, Node) or value.kind is not Kind.TENSOR:
            t.graph.plain_reads.append((frame.source(at), name))
        return value
    if name == "__class__":
        return owner.cls
    found = class_attribute(t, frame, owner.cls, name, owner)
    if found is not None:
        if isinstance(found, Bound) and any(
            isinstance(d, External) and d.name.endswith("property") for d in found.function.decorators
        ):
            from losslint.graph.calls import call

            return call(t, frame, found, [], {}, at)
        return found
    if name == "apply" and t.framework == "jax":
        return Method(owner, name)
    for base in external_bases(t, owner.cls):
        api = lookup(f"{base}().{name}")
        if api is not None and api.operation.name != "escape":  # a library is known as a whole, not what its objects have
            return External(f"{base}().{name}")
    if keras_object(t, owner.cls) and name in ("trainable_variables", "trainable_weights", "variables", "weights"):
        return t.node(frame, "variable", {}, at, Kind.UNKNOWN, name=name)
    value = t.node(frame, "attribute", {"x": owner}, at, Kind.UNKNOWN, name=name)
    owner.attributes[name] = value
    return value


def class_attribute(t: Tracer, frame: Frame, cls: ClassValue, name: str, instance: Value | None) -> Value | None:
    """A method or class-level value of a project class or of its project bases; methods bound when possible."""
    for candidate in mro(t, cls):
        function = method_unit(t, candidate, name)
        if function is not None:
            kinds = {d.name for d in function.decorators if isinstance(d, External)}
            if "builtins.staticmethod" in kinds:
                return function
            if "builtins.classmethod" in kinds:
                return Bound(function, candidate)
            return function if instance is None else Bound(function, instance)
        value = _class_level_value(t, candidate, name)
        if value is not None:
            return value
    return None


def _class_level_value(t: Tracer, cls: ClassValue, name: str) -> Value | None:
    for statement in cls.node.body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if any(isinstance(x, ast.Name) and x.id == name for x in targets):
                unit = t.unit(cls.module, statement)
                if unit is not None:
                    from losslint.graph.statements import execute

                    env = Env(cls.env)
                    execute(t, t.module_frame(unit, env), unit.statement)
                    return env.vars.get(name)
    return None


def mro(t: Tracer, cls: ClassValue, seen: tuple[ClassValue, ...] = ()) -> list[ClassValue]:
    """The project classes a class consists of, itself first (depth first; good enough for losses)."""
    found = [cls]
    for base in bases(t, cls):
        if isinstance(base, ClassValue) and base.node is not cls.node and base not in seen and len(seen) < 12:
            found += [c for c in mro(t, base, (*seen, cls)) if all(c.node is not f.node for f in found)]
    return found


def bases(t: Tracer, cls: ClassValue) -> list[Value]:
    """The base classes of a class."""
    found: list[Value] = []
    for base in cls.node.bases:
        dotted = cls.module.dotted(base)
        if dotted is None:
            continue
        head = dotted.partition(".")[0]
        if head in cls.module.bindings:
            found.append(cls.env.lookup(dotted) if "." not in dotted else External(dotted))
        else:
            found.append(t.scope(cls.module).imported(dotted))
    return found


def external_bases(t: Tracer, cls: ClassValue) -> list[str]:
    """Dotted names of the classes outside the project that a class derives from."""
    return [base.name for c in mro(t, cls) for base in bases(t, c) if isinstance(base, External)]


def keras_object(t: Tracer, cls: ClassValue) -> bool:
    """Whether a project class is a Keras layer or model, or a torch module."""
    return any(
        base.rpartition(".")[2] in ("Model", "Layer", "Sequential", "Module", "Functional")
        for base in external_bases(t, cls)
    )


SHAPE_ATTRIBUTES = ("ndim", "rank", "ndims")
OBJECT_ATTRIBUTES = ("name", "device", "graph", "op", "_keras_history", "_keras_mask", "is_cuda", "requires_grad")


def _node_attribute(t: Tracer, frame: Frame, owner: Node, name: str, at: cst.CSTNode) -> Value:
    if owner.op == "dtype" and owner.name.endswith("finfo"):
        return fold.finfo_attribute(owner.inputs.get("x"), name) or Method(owner, name)
    if owner.op == "static_shape":
        return (
            t.node(frame, "static_rank", {"x": owner}, at, Kind.PYTHON)
            if name in SHAPE_ATTRIBUTES
            else Method(owner, name)
        )
    if name == "shape" and owner.kind is not Kind.PYTHON:
        return t.node(frame, "static_shape", {"x": owner}, at, Kind.PYTHON, start=0)
    if name == "dtype":
        return t.node(frame, "dtype_of", {"x": owner}, at, Kind.PYTHON)
    if name in SHAPE_ATTRIBUTES:
        return t.node(frame, "static_rank", {"x": owner}, at, Kind.PYTHON)
    if owner.kind in (Kind.TENSOR, Kind.SYMBOLIC):
        if name in OBJECT_ATTRIBUTES or name.startswith("_"):
            return t.node(frame, "attribute", {}, at, Kind.UNKNOWN, name=name)
        if name in ("T", "mT", "H") or (name == "size" and t.framework == "tensorflow"):
            return tensor_method(t, frame, owner, name, [], {}, at)
        if name == "data" and t.framework == "torch":
            return t.node(frame, "stop_gradient", {"x": owner}, at, name="torch.Tensor.data")
        return Method(owner, name)
    if owner.kind is Kind.ARRAY:
        return (
            t.node(frame, "attribute", {"x": owner}, at, Kind.ARRAY, name=name) if name == "T" else Method(owner, name)
        )
    if owner.kind is Kind.PYTHON or (name == "detach" and t.framework == "torch"):
        return Method(owner, name)  # whatever has a .detach() is detached by it
    return t.node(frame, "attribute", {"x": owner}, at, Kind.UNKNOWN, name=name)


def tensor_method(
    t: Tracer, frame: Frame, owner: Node, name: str, args: list[Value], kwargs: dict[str, Value], at: cst.CSTNode
) -> Value:
    """A method of a tensor, by the table of its framework."""
    prefix = {"torch": "torch.Tensor", "jax": "jnp"}.get(t.framework, "tf.Tensor")  # JAX's methods are its functions
    from losslint.graph.calls import BY_NAME, Call, apply_api

    api = lookup(f"{prefix}.{name}")
    if api is not None:
        handler = BY_NAME.get(api.name)
        several = handler(t, frame, Call(name, [owner, *args], kwargs, at, api)) if handler is not None else None
        return several if several is not None else apply_api(t, frame, api, [owner, *args], kwargs, at)
    return t.node(
        frame, "unknown", {"x": owner, "args": Seq(list(args))}, at, Kind.UNKNOWN, reason=f"tensor method .{name}()"
    )
