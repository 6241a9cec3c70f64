"""What stands in the file for an input of an operation."""

from __future__ import annotations

import ast
import re

import libcst as cst

from losslint.graph.nodes import Node
from losslint.graph.source import Source, walk
from losslint.project.module import bound_names

BINDS = (cst.Attribute, cst.Subscript)
CAST = re.compile(  # at the end, but for what moves numbers
    r"\.(?:(?:long|int|float|double|bool)\(\)"
    r"|(?:to|type|astype)\((?:dtype=)?[\w.]+\.(?:long|int|float|double|bool|bfloat|half)\w*\))"
    r"(?=(?:\.(?:view|reshape|squeeze|unsqueeze|flatten|ravel)\([-\w, ]*\))*$)")
OPERATIONS = (cst.BinaryOperation, cst.UnaryOperation, cst.Comparison, cst.ComparisonTarget)


def argument(node: Node, name: str) -> cst.CSTNode | None:
    """The expression that an operation is given as its input ``name``; None where it is not written in one place."""
    code = node.source.node
    if isinstance(code, cst.BinaryOperation):
        return {"x": code.left, "y": code.right}.get(name)
    if isinstance(code, cst.UnaryOperation):
        return code.expression
    if isinstance(code, cst.Subscript):
        return code.value if name == "x" else None
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


def uncast(code: str) -> str:
    """An expression without the cast that it ends in, which the one to write instead makes superfluous."""
    return CAST.sub("", code)


def replaced(source: Source, part: cst.CSTNode, code: str) -> str:
    """An expression of the file on one line, with other code for one of its parts."""
    changed = source.node.deep_replace(part, cst.parse_expression(f"({code})"))
    return plain(ast.parse(f"({cst.Module([]).code_for_node(changed)})", mode="eval"))


def in_place(source: Source, code: str) -> str:
    """Code for the place of an expression of the file: in brackets where an operator or a dot there would take a part of
    it for the whole."""
    holder, form = source.unit.holder(source.node), ast.parse(code, mode="eval").body
    apart = isinstance(holder, BINDS) or (isinstance(holder, cst.BinaryOperation) and isinstance(holder.operator, cst.Power))
    if isinstance(form, ast.BinOp) and not isinstance(form.op, ast.Pow):  # 2 * -x and -x ** y are what they seem
        apart |= isinstance(holder, OPERATIONS)
    return f"({code})" if apart and isinstance(form, (ast.BinOp, ast.UnaryOp)) else code


def as_operand(code: str) -> str:
    """An expression as an operand: in brackets where it is an operation itself."""
    return f"({code})" if isinstance(ast.parse(code, mode="eval").body, (ast.BinOp, ast.UnaryOp)) else code


def one_line(source: Source, node: cst.CSTNode) -> str:
    """The text of an expression on one line, without needless brackets; "" for what is none."""
    try:
        return plain(ast.parse(f"({source.unit.code(node)})", mode="eval"))
    except SyntaxError:
        return ""


def plain(expression: ast.AST) -> str:
    """An expression in Python, small numbers as 1e-6."""
    return _short(ast.unparse(expression))


def number_text(number: float) -> str:
    """A number for a message, a small one as 1e-6."""
    return _short(f"{number:g}")


def _short(code: str) -> str:
    return re.sub(r"(?<=\de-)0(?=\d)", "", code)


def rebound(source: Source, code: cst.CSTNode, later: Source) -> bool:
    """Whether an expression that stands in ``source`` may be another value at ``later``, in the same scope, as a name of
    it is assigned between the two."""
    first, last = source.row, later.row
    names = {n.value for n in walk(code) if isinstance(n, cst.Name)}
    return any(
        first <= (node.end_lineno or 0) < last and bool(names & set(bound_names(node)))
        for node in source.module.nodes if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)))


def on_a_branch(source: Source, later: Source) -> bool:
    """Whether ``later`` is reached without ``source``, in the same scope, as that is one side of a condition."""
    return any(
        _holds(side, source.row) and not _holds(side, later.row)
        for node in source.module.nodes if isinstance(node, ast.If) for side in (node.body, node.orelse))


def _holds(statements: list[ast.stmt], row: int) -> bool:
    return bool(statements) and statements[0].lineno <= row <= (statements[-1].end_lineno or 0)
