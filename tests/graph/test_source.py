"""Where the nodes of a statement stand in its file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from losslint.graph.source import Unit
from losslint.project.module import Module, decode

FILES = sorted(Path("fixtures").rglob("*.py"))
ODD = '''
@decorated(
    by=1,
)
class Loss:  # a comment
    """A text of
    two lines."""

    def call(self, y_true, y_pred, *, ünïcode=("a" "b"), **kwargs) -> "Tensor":

        # a comment of its own
        x = (y_true
             - y_pred); z = [i for i in x if i]  # and one behind
        with open("f") as f, g:
            async def inner(a, /, b): return await (a if b else not b)
        return lambda *a: {**x, "k": x[1:, ::2, ...]} if z else -x ** 2
'''


@pytest.mark.parametrize("text", [*(decode(file.read_bytes()) for file in FILES), ODD], ids=[*map(str, FILES), "odd"])
def test_places_are_those_of_libcst(text: str) -> None:
    module = Module(Path("m.py"), text)
    for statement in module.tree.body:
        unit = Unit(module, statement)
        first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
        theirs = MetadataWrapper(unit._tree, unsafe_skip_copy=True).resolve(PositionProvider)
        assert {
            node: ((code.start.line + first - 1, code.start.column + 1), (code.end.line + first - 1, code.end.column + 1))
            for node, code in theirs.items() if node is not unit._tree
        } == {node: tuple((at.row, at.column) for at in unit.span(node)) for node in theirs if node is not unit._tree}


def test_an_indented_statement_keeps_its_columns() -> None:
    module = Module(Path("m.py"), "if deep:\n    x = 1; y = f(\n        2)\n")
    inner = module.tree.body[0]
    assert isinstance(inner, ast.If)
    unit = Unit(module, inner.body[1])
    start, end = unit.span(unit.statement)
    assert ((start.row, start.column), (end.row, end.column)) == ((2, 12), (3, 11))
