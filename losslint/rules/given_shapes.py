"""The shapes of the arguments that a loss is handed: by Keras, or by the calls in its file."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.facts.shape import Shape
from losslint.graph.nodes import Kind, Node
from losslint.graph.values import Const
from losslint.project.index import FunctionNode, argument, last_name, parameters
from losslint.project.labels import BATCH, drawn_shape, label_shape, shape_of
from losslint.project.modes import Mode
from losslint.project.roles import Role
from losslint.rules.base import Loss


def as_keras_gives(loss: Loss) -> dict[int, Shape]:
    """The arguments as Keras hands them to a function: one row a sample each, labels of shape (B,) expanded to (B, 1).
    A ``Loss`` subclass gets the labels of Keras 3 as they are."""
    if loss.site.mode is not Mode.GRAPH or not loss.called_by_keras:
        return {}
    given = [n for n in loss.graph.params.values() if n.role in (Role.LABEL, Role.PREDICTION) and n.kind is Kind.TENSOR]
    if loss.site.kind == "method":
        return as_fitted(loss, given)
    width = head_width(loss)
    return {n.index: (BATCH, width if width and n.role is Role.PREDICTION else n.name) for n in given}


def as_fitted(loss: Loss, given: list[Node]) -> dict[int, Shape]:
    """The arguments of a ``Loss`` subclass, where the file shows its labels, and the last layer of each model it trains."""
    width, labels = head_width(loss), label_shape(loss.site.module)
    if loss.keras_version < 3 or width is None or not labels or len(labels) > 2:
        return {}
    rows: dict[Role, Shape] = {Role.LABEL: (BATCH, *labels[1:]), Role.PREDICTION: (BATCH, width)}
    return {n.index: rows[n.role] for n in given if n.role in rows}


def as_stepped(loss: Loss) -> dict[int, Shape]:
    """The labels in the batch of a ``train_step`` that Keras 3 calls, where the file hands ``fit`` one number a sample:
    unlike a compiled loss, the step gets them without another axis."""
    labels = label_shape(loss.site.module)
    if not loss.site.qualname.endswith(".train_step") or loss.keras_version < 3 or labels is None or len(labels) != 1:
        return {}
    batches = {n.index for n in loss.nodes if n.op == "param" or n.name.endswith(".unpack_x_y_sample_weight")}
    return {n.index: (BATCH,) for n in loss.nodes
            if n.op == "item" and n.inputs.get("index") == Const(1) and any(o.index in batches for _, o in n.operands())}


def as_drawn(loss: Loss) -> dict[int, Shape]:
    """What a loop around the loss, in the same function, draws from a data set: ``for xb, yb in data``."""
    site, module = loss.site, loss.site.module
    if site.framework != "tensorflow" or "from_tensor_slices" not in module.index.calls_by_name:
        return {}
    scope = site.node if isinstance(site.node, FunctionNode) else module.index.scope(site.node)
    drawn = {n.index: n.source.text for n in loss.nodes
             if n.op == "item" and isinstance(n.inputs.get("index"), Const) and n.source.via is None}
    shapes = {name: drawn_shape(name, scope, module) for name in {*drawn.values()} if name.isidentifier()}
    return {index: shape for index, name in drawn.items() if (shape := shapes.get(name)) is not None}


def head_width(loss: Loss) -> int | None:
    """How wide the predictions are, where all models that are trained by the loss end in layers of one width."""
    heads = loss.site.heads
    widths = {head.units if isinstance(head.at, ast.Call) and last_name(head.at.func) == "Dense" else None for head in heads}
    return widths.pop() if len(widths) == 1 and len(heads) == len(loss.site.fitted) else None


def as_called(loss: Loss) -> dict[int, Shape]:
    """The arguments of a function that this file calls itself, or the derivative of, each time with arrays of one known
    shape."""
    site = loss.site
    function = site.node if isinstance(site.node, FunctionNode) else site.owner
    if not isinstance(function, FunctionNode) or isinstance(site.module.index.scope(function), ast.ClassDef):
        return {}
    calls = list(calls_of(loss, function))
    if not calls or any(isinstance(a, ast.Starred) for call in calls for a in call.args):
        return {}
    found: dict[int, Shape] = {}
    for position, parameter in enumerate(parameters(function)):
        node = loss.graph.params.get(parameter.arg)
        shapes = {shape_of(argument(call, position, parameter.arg), site.module) for call in calls}
        shape = shapes.pop() if len(shapes) == 1 else None
        if node is not None and shape is not None:
            found[node.index] = shape
    return found


def calls_of(loss: Loss, function: FunctionNode) -> Iterator[ast.Call]:
    """The calls of a function, and of what ``jax.grad`` makes of it, also where that has a name."""
    index = loss.site.module.index
    names = [function.name]
    for made in loss.site.gradients:
        node: ast.AST = made
        while isinstance(parent := index.parents.get(node), ast.Call) and last_name(parent.func) == "jit":
            node = parent
        if isinstance(parent, ast.Call) and parent.func is node:
            yield parent
        elif isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            names.append(parent.targets[0].id)
    for name in names:
        yield from (call for call in index.calls_by_name.get(name, []) if isinstance(call.func, ast.Name))
