"""Layers whose weights start at 0, by the initializers they are made with: all that they give is 0 then."""

from __future__ import annotations

import ast

from losslint.project.heads import Head
from losslint.project.index import keyword, last_name
from losslint.project.module import Module

KERNELS = ("kernel_initializer", "kernel_init", "w_init")
BIASES = ("bias_initializer", "bias_init", "b_init")
KEEPS_ZERO = ("linear", "relu", "tanh", "leaky_relu", "elu", "selu", "gelu", "silu", "swish", "softsign")
_ZEROS = ("zeros", "zeros_init", "zeros_initializer")
_REFILLS = ("assign", "assign_add", "load_weights", "set_weights", "load_state_dict", "restore", "copy_", "load_model",
            "from_pretrained", "from_bytes")  # fmt: skip


def is_zeros(initializer: str, number: float | None = None) -> bool:
    """Whether an initializer of this name, made with a number or none, fills weights with zeros."""
    name = initializer.lower()
    return name in _ZEROS or (name in ("constant", "constant_initializer") and number == 0.0)


def refills(module: Module) -> bool:
    """Whether weights may come from somewhere else than their initializers, or are set by hand."""
    return any(name in module.index.calls_by_name for name in _REFILLS)


def start_of(head: Head) -> ast.Call | None:
    """The layer that a model ends in, if all that it gives is 0 as the training starts."""
    layer = head.at
    if not isinstance(layer, ast.Call) or head.activation not in KEEPS_ZERO or refills(head.module):
        return None
    given = {name: value for name in (*KERNELS, *BIASES) if (value := keyword(layer, name)) is not None}
    return layer if given.keys() & {*KERNELS} and all(map(_fills_with_zeros, given.values())) else None


def _fills_with_zeros(initializer: ast.expr) -> bool:
    match initializer:
        case ast.Constant(value=str(name)):
            return is_zeros(name)
        case ast.Call(func=func, args=[ast.Constant(value=int(number) | float(number))]):
            return is_zeros(last_name(func), number)
        case ast.Call(func=func):
            return is_zeros(last_name(func))
    return is_zeros(last_name(initializer))
