"""What code looks up outside of itself, and where made code stands."""

from __future__ import annotations

import ast
import copy
import symtable
from collections.abc import Iterator
from typing import TypeVar

from losslint.project.index import walk

N = TypeVar("N", bound=ast.AST)


def free_names(node: ast.AST) -> set[str]:
    """Names that code looks up outside of itself, by Python's own scoping; annotations of functions aside."""
    stripped = _Unannotated().visit(copy.deepcopy(node))
    table = symtable.symtable(ast.unparse(stripped), "<slice>", "exec")
    found = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    return found | {name for child in table.get_children() for name in _globals(child)}


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_global() and symbol.is_referenced():
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals(child)


class _Unannotated(ast.NodeTransformer):
    """Takes annotations of functions and of their local variables out."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        for argument in walk(node.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        node.returns = None
        node.body = [self._local(statement) for statement in node.body]
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

    def _local(self, statement: ast.stmt) -> ast.stmt:
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            return ast.copy_location(ast.Assign([statement.target], statement.value), statement)
        return statement


def located(node: N, at: ast.AST) -> N:
    """A made node at the place of another one."""
    for inner in ast.walk(node):
        if "lineno" in inner._attributes and not hasattr(inner, "lineno"):
            ast.copy_location(inner, at)
    return node


def unplaced(statement: ast.stmt, at: ast.AST) -> None:
    """Put a made statement at a place of the file; what was copied from it keeps its own."""
    for node in ast.walk(statement):
        if "lineno" in node._attributes and getattr(node, "lineno", 0) <= 3:
            ast.copy_location(node, at)
