"""The independent quantities a loss is a function of: parameters, and the parts of them that it takes by an index."""

from __future__ import annotations

from losslint.graph.nodes import Node
from losslint.graph.values import Const, Seq, Value, indices, is_whole_axis
from losslint.ops.moves import SAME_NUMBERS

Variable = tuple[int, str]  # index of the node, and which part of it
VARIABLES = ("param", "layer", "unknown", "attribute", "variable", "weight", "placeholder", "gradient")


def variable_of(node: Node) -> Variable | None:
    """The independent quantity a node stands for: a parameter, or one indexed part of it."""
    if node.op in VARIABLES:
        return (node.index, "")
    if node.op == "item" and isinstance(base := node.inputs.get("x"), Node):
        inner = variable_of(base) or ((base.index, "") if _is_record(base, node) else None)
        if inner is not None:
            part = _part(node.inputs.get("index"))
            return (inner[0], inner[1] + part) if part else inner
    if node.op in SAME_NUMBERS and isinstance(base := node.inputs.get("x"), Node):
        return variable_of(base)
    return None


def _is_record(base: Node, item: Node) -> bool:
    """Whether an item is an entry of one of several dictionaries: each is another quantity."""
    index = item.inputs.get("index")
    return base.op == "phi" and isinstance(index, Const) and isinstance(index.value, str)


def _part(index: Value | None) -> str:
    """A name for what an index selects; "" when it selects everything (``[:, None]``, ``[...]``)."""
    words = [
        _word(part) for part in indices(index)
        if not is_whole_axis(part) and not (isinstance(part, Const) and part.value in (None, ...))
    ]
    return f"[{','.join(words)}]" if words else ""


def _word(part: Value | None) -> str:
    """``2:`` for a slice that the code spells out."""
    if isinstance(part, Seq) and part.kind == "slice" and all(isinstance(end, Const) for end in part.items):
        start, end, step = ("" if end.value is None else str(end.value) for end in part.items if isinstance(end, Const))
        return f"{start}:{end}{':' if step else ''}{step}"
    return repr(part)
