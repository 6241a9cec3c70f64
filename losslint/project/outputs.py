"""The names of the outputs of a Keras model, which the keys of ``compile(loss={...})`` are to be."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.project.builders import assigned, builders, compiled_model, losses_given
from losslint.project.index import argument, keyword
from losslint.project.module import Module, Project

MAX_STEPS = 4  # names followed from an output to the layer that makes it


def misnamed(call: ast.Call, module: Module, project: Project) -> Iterator[ast.Constant]:
    """The keys of the losses of a ``compile`` call that no output of its model has for a name."""
    losses, model = losses_given(call, module), compiled_model(call)
    if not isinstance(losses, ast.Dict) or model is None:
        return
    names: set[str] = set()
    for built in builders(model, module, project):
        of_one = output_names(argument(built.node, 1, "outputs", "output"), built.module) if isinstance(
            built.node, ast.Call) else None
        if of_one is None:
            return
        names |= of_one
    for key in losses.keys:
        if names and isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value not in names:
            yield key


def output_names(outputs: ast.expr | None, module: Module) -> set[str] | None:
    """The names of the layers that make the outputs, and their keys in a dict; None where one of them is not known."""
    if isinstance(outputs, ast.Dict):
        keys = {key.value for key in outputs.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
        layers = (layer_name(value, module) for value in outputs.values)  # as Keras 2 has it
        return {*keys, *filter(None, layers)} if len(keys) == len(outputs.values) else None
    parts = outputs.elts if isinstance(outputs, (ast.List, ast.Tuple)) else [outputs]
    names = {layer_name(part, module) for part in parts if part is not None}
    return {name for name in names if name} if None not in names and len(names) == len(parts) else None


def layer_name(value: ast.expr, module: Module, steps: int = MAX_STEPS) -> str | None:
    """The name that the layer is given whose output a value is; None where it is not known."""
    made: object = value
    if isinstance(value, ast.Name):
        before = assigned(value.id, value, module)
        made = before[0] if len(before) == 1 else None
        return layer_name(made, module, steps - 1) if steps and isinstance(made, ast.expr) else None
    layer = value.func if isinstance(value, ast.Call) else None
    if isinstance(layer, ast.Name):
        before = assigned(layer.id, layer, module)
        layer = before[0] if len(before) == 1 and isinstance(before[0], ast.expr) else None
    name = keyword(layer, "name") if isinstance(layer, ast.Call) else None
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else None
