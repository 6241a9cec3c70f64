"""What ``compile(loss=...)`` is handed, as far as the expression says it."""

from __future__ import annotations

import ast

from losslint.ops.table import Api, canonical_name, lookup
from losslint.project.builders import assigned
from losslint.project.index import argument
from losslint.project.module import Module
from losslint.project.resolve import resolver

COMPUTES = ("elementwise", "reduce", "linear")  # families whose functions give tensors
MAX_STEPS = 8  # names and operators followed to the call that makes a tensor


def written(part: ast.expr, module: Module) -> ast.expr:
    """The loss that a name stands for, where it has been given one value, also by all callers of this file, and that
    ``keras.losses.get`` is asked for."""
    if isinstance(part, ast.Name):
        values, home = module.index.lookup(part.id, module.index.scope(part))
        if not values and isinstance(home, ast.FunctionDef):
            values = list(resolver(module).received(home, part.id))
        part = values[0] if len(values) == 1 and isinstance(values[0], ast.expr) else part
    if isinstance(part, ast.Call) and operation_of(part.func, module) == "deserialize":
        own = argument(part, 1, "custom_objects")
        return part if own is not None else argument(part, 0, "identifier", "name") or part
    return part


def is_builtin(value: ast.expr, module: Module) -> bool:
    """Whether an expression is a loss of Keras itself, or a text that Keras is to find one by."""
    named = value.func if isinstance(value, ast.Call) else value
    if isinstance(named, ast.Constant):
        return isinstance(named.value, str)
    name = canonical_name(module.dotted(named) or "")
    api = lookup(f"{name}()") or lookup(name)
    return name.startswith("keras.losses.") and api is not None and api.operation.family == "loss"


def is_tensor(value: ast.AST, module: Module, steps: int = MAX_STEPS) -> bool:
    """Whether an expression certainly is a tensor: a function of TensorFlow or Keras computes it, or arithmetic does of one
    that such a function computed. (Objects of losses may be added as well, where a package lets them.)"""
    match value:
        case ast.Name() if steps:
            values = assigned(value.id, value, module)
            return bool(values) and all(is_tensor(each, module, steps - 1) for each in values)
        case ast.BinOp(left=left, right=right) if steps:
            return is_tensor(left, module, steps - 1) or is_tensor(right, module, steps - 1)
        case ast.UnaryOp(operand=operand) if steps:
            return is_tensor(operand, module, steps - 1)
        case ast.Call():
            api = lookup(module.dotted(value.func) or "")
            return api is not None and api.framework in ("tensorflow", "keras") and gives_tensor(api, value)
    return False


def gives_tensor(api: Api, call: ast.Call) -> bool:
    """Whether a call computes: a function of arithmetic, or one of a loss that is given both tensors. The name of a class
    makes an object."""
    if api.name.rpartition(".")[2][0].isupper():
        return False
    compared = len(call.args) + sum(word.arg in ("y_true", "y_pred") for word in call.keywords) >= 2
    return api.operation.family in COMPUTES or (api.operation.family == "loss" and compared)


def operation_of(function: ast.expr, module: Module) -> str:
    """The operation that a name of a framework stands for; "" where there is none."""
    api = lookup(module.dotted(function) or "")
    return api.operation.name if api is not None else ""
