"""Framework modules that a project hands around as arguments: ``backend = kwargs["backend"]``, ``loss(y, p, K)``."""

from __future__ import annotations

import ast

from losslint.graph.values import External
from losslint.ops.table import lookup
from losslint.project.module import Module

# What the argument is called, and the module it then is; the backend of tf.keras still has every function.
MODULES = {"backend": "tensorflow.keras.backend", "K": "tensorflow.keras.backend"}


def handed_module(module: Module, name: object) -> External | None:
    """The framework module that an argument called ``name`` is, if all that the file takes from it is in the tables."""
    if not isinstance(name, str) or name not in MODULES:
        return None
    dotted = MODULES[name]
    taken = {
        node.attr
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }
    known = bool(taken) and all(lookup(f"{dotted}.{attribute}") is not None for attribute in taken)
    return External(dotted) if known else None
