"""What a loss is called with: shapes, types and ranges, from how it uses its arguments and from what the user says.

The result is a ladder: alternatives, the likeliest first, of which a run takes the first that the loss accepts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from losslint.config import Settings
from losslint.confirmation.arguments import expression, number_for, object_for
from losslint.confirmation.demands import Demand, by_name, demands_of, is_factor
from losslint.confirmation.ladder import MAX_RUNGS, rungs
from losslint.confirmation.program import TensorSpec
from losslint.confirmation.pytrees import Path, leaves, name_of, shape_of, text_of
from losslint.confirmation.scopes import located
from losslint.confirmation.shapes import fitted_labels, model_shapes
from losslint.confirmation.stated import overrides
from losslint.graph.handed import handed_module
from losslint.graph.trace import structured_names
from losslint.project import names
from losslint.project.heads import Head, head_of
from losslint.project.index import Function, defaults, last_name, parameters, walk
from losslint.project.roles import Role
from losslint.project.sites import Site
from losslint.rules.base import Loss

Ladder = tuple[tuple[TensorSpec, ...], ...]

TENSORS = (Role.PREDICTION, Role.LABEL, Role.WEIGHT, Role.TENSOR)
MOST_MARKS = 4
HEADS = {"linear": "real", "sigmoid": "probability", "softmax": "simplex", "relu": "nonnegative", "tanh": "unit"}


@dataclass(frozen=True)
class Inputs:
    """The ladder, and how its arrays reach the loss."""

    ladder: Ladder
    notes: tuple[str, ...] = ()
    containers: Mapping[str, Sequence[Path]] = field(default_factory=dict)  # argument -> where its arrays are
    stated: frozenset[str] = frozenset()  # arguments that the user says the shapes of

    @property
    def names(self) -> list[str]:
        """The arguments that the arrays fill."""
        inner = {name_of(name, path): name for name, paths in self.containers.items() for path in paths}
        return list(dict.fromkeys(inner.get(spec.name, spec.name) for spec in self.ladder[0]))

    @property
    def wrapped(self) -> bool:
        return bool(self.containers)

    def wrap(self, target: ast.expr, known: Mapping[str, ast.expr], function: Function) -> ast.expr:
        """A lambda that puts arrays into the lists and dictionaries which the loss takes."""
        passed: list[ast.keyword] = [ast.keyword(name, value) for name, value in known.items()]
        for name in self.names:
            text = text_of(name, self.containers[name]) if name in self.containers else name
            passed.append(ast.keyword(name, expression(text, function)))
        order = ", ".join(spec.name for spec in self.ladder[0])
        made = expression(f"lambda {order}: None", function)
        assert isinstance(made, ast.Lambda)
        made.body = located(ast.Call(target, [], passed), function)
        return made


def inputs_of(loss: Loss, settings: Settings | None = None, without: Iterable[str] = ()) -> Inputs:
    """The inputs of a loss that is called with its tensors (of a training step: with its data).

    ``without`` are arguments that are known already.
    """
    site = loss.site
    function = site.node
    assert isinstance(function, Function)
    trees = {name: found for name in site.differentiated if (found := leaves(loss.graph, name))}
    trained = [name for name in site.differentiated if name in trees or is_factor(loss.graph, name)]
    known = dict.fromkeys(trained, Role.TENSOR) | tensor_roles(site)
    roles = {name: role for name, role in known.items() if name not in set(without)}
    names_taken = [a.arg for a in parameters(function)]
    told = {name: spec for name, spec in overrides(site, function, settings).items() if name in names_taken}
    roles |= {name: roles.get(name, site.roles.get(name, Role.TENSOR)) for name in told}
    order = [name for name in names_taken if name in roles]
    containers = {name: paths for name in order if name not in told
                  and (paths := list(trees.get(name, ())) or [(key,) for key in contents(site, name)])}
    demands = demands_of(loss.graph, order)
    taken, others = model_shapes(site)
    for name in order:
        by_name(demands[name], name, roles[name], site, shaped=name in taken)
        if name in told:
            demands[name].values = kind_of(told[name]) or demands[name].values
    ladder: list[tuple[TensorSpec, ...]] = []
    head = head_of(site.module) if site.compiled else None
    stated = [*others, *fitted_labels(site.module)]
    for rung in rungs(demands, roles, order, told, stated, channels_first=site.framework == "torch",
                      columns=site.framework == "tensorflow"):
        for name in taken.keys() & rung.keys() - told.keys():
            rung[name] = replace(rung[name], shape=(*rung[name].shape[:1], *taken[name][1:]))
        specs: list[TensorSpec] = []
        for name in order:
            spec = replace(rung[name], name=name, role=spec_role(roles[name]))
            spec = of_framework(spec, site)
            if name not in told:
                spec = as_given_by(head, spec)
                spec = replace(spec, marks=marks_of(demands[name], spec))
            specs += [spec] if name not in containers else [
                replace(spec, name=name_of(name, path),
                        shape=shape_of(trees[name][path], spec.shape) if name in trees else spec.shape)
                for path in containers[name]]
        if tuple(specs) not in ladder:
            ladder.append(tuple(specs))
    notes = tuple(f"{name} as told: {', '.join(str(n) for n in spec.shape)} {spec.dtype}" for name, spec in told.items())
    return Inputs(tuple(ladder[:MAX_RUNGS]) or ((),), notes, containers, frozenset(told))


def kind_of(spec: TensorSpec) -> str:
    """Which numbers a tensor that is told holds; "" where that is left open."""
    if spec.values == "real" and spec.low is not None and spec.high is not None and 0 <= spec.low < spec.high <= 1:
        return "probability"
    return "" if spec.values == "real" else spec.values


def marks_of(demand: Demand, spec: TensorSpec) -> tuple[float, ...]:
    """The numbers that the loss singles out in a tensor that is no prediction; rows that sum to 1 hold 0 and 1 anyway."""
    shares = spec.values in ("onehot", "simplex")
    marks = sorted(mark for mark in demand.marks if not (shares and 0 <= mark <= 1))
    return () if spec.role == "prediction" else tuple(marks[:MOST_MARKS])


def as_given_by(head: Head | None, spec: TensorSpec) -> TensorSpec:
    """A prediction with the numbers that the last layer of the model gives, whatever the loss would like them to be; where
    it applies an activation itself, it gets what it is made for."""
    values = HEADS.get(head.activation) if head is not None else None
    if values is None or spec.role != "prediction" or spec.values == "logits" or spec.dtype != "float32":
        return spec
    return spec if values == "simplex" and spec.shape[-1:] in ((), (1,)) else replace(spec, values=values, guessed=False)


def of_framework(spec: TensorSpec, site: Site) -> TensorSpec:
    """PyTorch looks up by 64 bits alone; JAX differentiates what ``jax.grad`` is told to, the first argument by default."""
    if site.framework == "torch" and spec.dtype == "int32":
        return replace(spec, dtype="int64")
    if site.differentiated and spec.name not in site.differentiated and spec.role in ("prediction", "tensor"):
        return replace(spec, role="label")
    return spec


def spec_role(role: Role) -> str:
    return {Role.PREDICTION: "prediction", Role.LABEL: "label", Role.WEIGHT: "weight"}.get(role, "tensor")


def tensor_roles(site: Site) -> dict[str, Role]:
    """The parameters that tensors are passed for."""
    function = site.node
    assert isinstance(function, Function)
    with_default = defaults(function)
    found: dict[str, Role] = {}
    method = isinstance(site.module.index.scope(function), ast.ClassDef) and not any(
        last_name(d) == "staticmethod" for d in getattr(function, "decorator_list", []))
    for position, parameter in enumerate(parameters(function)):
        name = parameter.arg
        if position == 0 and method:
            continue
        role = site.roles.get(name, Role.UNKNOWN)
        if role is Role.WEIGHT and name in site.differentiated:
            role = Role.TENSOR  # weights of a model, not of samples
        default = with_default.get(name)
        optional = default is not None and not (
            role in (Role.PREDICTION, Role.LABEL) and isinstance(default, ast.Constant) and default.value is None)
        if optional or role is Role.CONFIG or handed_module(site.module, name) is not None:
            continue
        if role in TENSORS and object_for(name, set(names.parts(name)), function) is None:
            found[name] = role
        elif role is Role.UNKNOWN and is_data(name, function):
            found[name] = Role.TENSOR
    return found


def is_data(name: str, function: Function) -> bool:
    """Whether a parameter that nothing is known of is a tensor: no object, no setting."""
    split = set(names.parts(name))
    return object_for(name, split, function) is None and number_for(name, split) is None


# containers ----------------------------------------------------------------------------------------------------------


def mapped_over(site: Site, name: str) -> bool:
    """``a, b = map(f, outputs)``"""
    return any(
        isinstance(n, ast.Call) and last_name(n.func) == "map" and len(n.args) == 2 and isinstance(n.args[1], ast.Name)
        and n.args[1].id == name for n in walk(site.node))


def is_computed_with(nodes: Iterable[ast.AST], name: str) -> bool:
    """``features @ features.T``: a tensor, whatever else is asked of it; a name that is bound anew tells nothing."""
    told = False
    for node in nodes:
        match node:
            case ast.Name(id=found, ctx=ast.Store()) if found == name:
                return False
            case (ast.BinOp(left=ast.Name(id=found), op=ast.MatMult() | ast.Sub() | ast.Div())
                  | ast.BinOp(right=ast.Name(id=found), op=ast.MatMult() | ast.Sub() | ast.Div())
                  | ast.Attribute(value=ast.Name(id=found), attr="T" | "mT" | "shape" | "dtype" | "device")):
                told = told or found == name
    return told


def contents(site: Site, name: str) -> tuple[object, ...]:
    """The keys of an argument that is a dictionary, the positions of one that is a list; nothing for a tensor."""
    if name not in structured_names(site) and not mapped_over(site, name):
        return ()
    nodes = list(walk(site.node))
    if is_computed_with(nodes, name):
        return ()
    keys: dict[str, None] = {}
    count = 0
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=found), _]) if found == name:
                return ()  # it takes either
            case ast.Subscript(value=ast.Name(id=found), slice=ast.Constant(value=str(key))) if found == name:
                keys[key] = None
            case ast.Call(func=ast.Attribute(value=ast.Name(id=found), attr="get"), args=[ast.Constant(value=str(key)), *_]
                          ) if found == name:
                keys[key] = None
            case ast.Assign(targets=[ast.Tuple(elts=elements)], value=ast.Name(id=found)) if found == name:
                count = max(count, len(elements))
            case ast.Assign(targets=[ast.Tuple(elts=elements)], value=ast.Call(
                    func=ast.Name(id="map"), args=[_, ast.Name(id=found)])) if found == name:
                count = max(count, len(elements))
            case ast.Subscript(value=ast.Name(id=found), slice=ast.Constant(value=int(position))) if found == name:
                count = max(count, position + 1)
    if any(not key.isidentifier() for key in keys):
        return ()
    return tuple(keys) if keys else tuple(range(count or 2))
