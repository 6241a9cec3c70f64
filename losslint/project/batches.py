"""Whether training meets a batch that is not full: the last one, where the number of rows does not divide evenly."""

from __future__ import annotations

import ast
import re

from losslint.project.datasets import length
from losslint.project.index import Index, argument, last_name
from losslint.project.module import Module

BATCH_SIZE = re.compile(r"(?:^|[._])(?:batch_?size|bs)$", re.IGNORECASE)
_FIXED = ("drop_remainder", "stateful", "batch_shape", "batch_input_shape", "steps_per_epoch")
_EVEN = (ast.FloorDiv, ast.Mod)  # len(x) // batch_size * batch_size, len(x) % batch_size == 0


def names_batch_size(text: str) -> bool:
    """Whether an expression, as written, is a size that somebody chose: ``cfg.batch_size``, ``BATCH_SIZE``."""
    return BATCH_SIZE.search(text) is not None and re.fullmatch(r"[\w.]+", text) is not None


def may_be_partial(module: Module) -> bool:
    """Whether a file gives ``fit`` arrays or data sets in batches of a chosen size, and nothing there makes all of them
    full."""
    index = module.index
    if any(word.arg in _FIXED or (word.arg == "batch_size" and last_name(call.func) in ("Input", "InputLayer"))
           for call in index.calls for word in call.keywords) or _divides(module):
        return False
    fits = [call for call in index.calls_by_name.get("fit", []) if argument(call, 2, "batch_size") is not None]
    batched = [call for call in index.calls_by_name.get("batch", []) if len(call.args) == 1]
    endless = "repeat" in index.calls_by_name or "fit" not in index.calls_by_name
    return any(not _known_rows(call, index) for call in fits) or (bool(batched) and not endless)


def _divides(module: Module) -> bool:
    """Whether something is computed that makes a number of rows divide by the size of a batch."""
    return any(isinstance(node, ast.BinOp) and isinstance(node.op, _EVEN) and names_batch_size(ast.unparse(node.right))
               for node in module.nodes)


def _known_rows(fit: ast.Call, index: Index) -> bool:
    """Whether the rows that ``fit`` is given are counted in the code: whoever wrote both numbers saw that they fit."""
    data = argument(fit, 0, "x")
    if not isinstance(data, ast.Name):
        return False
    values, _ = index.lookup(data.id, index.scope(fit))
    return any(isinstance(value, ast.expr) and length(value) is not None for value in values)
