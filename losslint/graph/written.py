"""What stands in the file for an input of an operation."""

from __future__ import annotations

import libcst as cst

from losslint.graph.nodes import Node


def argument(node: Node, name: str) -> cst.CSTNode | None:
    """The expression that an operation is given as its input ``name``; None where it is not written in one place."""
    code = node.source.node
    if isinstance(code, cst.BinaryOperation):
        return {"x": code.left, "y": code.right}.get(name)
    if isinstance(code, cst.UnaryOperation):
        return code.expression
    if not isinstance(code, cst.Call) or node.api is None:
        return None
    canonical = [c for c, _ in node.api.parameters]
    keywords = {k: c for c, k in node.api.parameters}
    positional = [a.value for a in code.args if a.keyword is None and not a.star]
    if ".Tensor." in node.api.name and isinstance(code.func, cst.Attribute):
        positional.insert(0, code.func.value)
    given = dict(zip(canonical, positional, strict=False))
    given |= {keywords.get(a.keyword.value, ""): a.value for a in code.args if a.keyword is not None}
    return given.get(name)


def operand_text(node: Node, operand: Node) -> str:
    """An operand as it is written in the operation, shortened for a message: a name where it has one."""
    name = next((name for name, inner in node.operands() if inner is operand), "")
    code = argument(node, name)
    return node.source.unit.text(code) if code is not None else operand.source.text
