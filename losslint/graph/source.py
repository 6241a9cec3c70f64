"""Statements parsed by LibCST, verbatim, with their places in the file computed only when someone asks."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from losslint.findings import Location
from losslint.project.module import Module

MAX_QUOTED = 60  # characters of an expression that a message quotes


class Unit:
    """One statement of a module as a LibCST tree.

    The text is taken as it stands; an indented statement is parsed under an ``if 1:`` header, so that no line is
    changed and every column stays true.
    """

    def __init__(self, module: Module, statement: ast.stmt) -> None:
        """Raises ``libcst.ParserSyntaxError`` for syntax that LibCST does not know yet."""
        self.module = module
        decorators = getattr(statement, "decorator_list", [])
        first = min([statement.lineno, *(d.lineno for d in decorators)])
        last = statement.end_lineno or first
        lines = module.lines[first - 1 : last]
        lines[-1] = _characters(lines[-1], statement.end_col_offset)
        head = _characters(module.lines[statement.lineno - 1], statement.col_offset)
        self._first_row_shift = 0
        if head.strip() and not decorators:  # `if c: x = 1`, `a = 1; b = 2`
            lines[0] = lines[0][len(head) :]
            self._first_row_shift = len(head)
            head = ""
        indented = bool(head) and head.isspace()
        self._row_shift = first - 1 - indented
        text = ("if 1:\n" if indented else "") + "\n".join(lines) + "\n"
        tree = cst.parse_module(text)
        self._tree = tree
        body = tree.body[0]
        if indented and isinstance(body, cst.If):
            body = body.body.body[0]  # type: ignore[assignment]
        self.statement: cst.BaseStatement | cst.BaseSmallStatement = body

    @cached_property
    def _ranges(self) -> dict[cst.CSTNode, CodeRange]:
        wrapper = MetadataWrapper(self._tree, unsafe_skip_copy=True)
        return dict(wrapper.resolve(PositionProvider))

    def span(self, node: cst.CSTNode) -> tuple[Location, Location]:
        """1-based start and exclusive end of ``node`` in the file."""
        code = self._ranges[node]
        return self._location(code.start.line, code.start.column), self._location(code.end.line, code.end.column)

    def _location(self, line: int, column: int) -> Location:
        shift = self._first_row_shift if line == 1 else 0
        return Location(line + self._row_shift, column + 1 + shift)

    def code(self, node: cst.CSTNode) -> str:
        """The source of ``node`` as it stands."""
        return self._tree.code_for_node(node)

    def assigned(self, node: cst.CSTNode) -> str:
        """The name that ``node`` is assigned to; "" where it is a part of something."""
        for statement in self._ranges:
            if isinstance(statement, cst.Assign) and statement.value is node and len(statement.targets) == 1:
                target = statement.targets[0].target
                return self.text(target) if isinstance(target, (cst.Name, cst.Attribute)) else ""
        return ""

    def text(self, node: cst.CSTNode) -> str:
        """The source of ``node`` on one line, shortened for a message."""
        code = self.code(node)
        if "\n" in code:
            code = re.sub(r"(?<=[(\[{])\s+|,?\s+(?=[)\]}])", "", code)
        code = re.sub(r"\s+", " ", code).strip().rstrip(",")
        return code if len(code) <= MAX_QUOTED else code[: MAX_QUOTED - 4].rstrip() + " ..."

    def find(self, node: ast.AST) -> cst.CSTNode | None:
        """The concrete node at the place of an ``ast`` function or lambda inside this statement."""
        row = getattr(node, "lineno", 0)
        line = self.module.lines[row - 1] if row else ""
        column = len(_characters(line, getattr(node, "col_offset", 0))) + 1
        wanted = cst.Lambda if isinstance(node, ast.Lambda) else cst.FunctionDef
        for candidate in self._ranges:
            if isinstance(candidate, wanted):
                start, _ = self.span(candidate)
                if wanted is cst.Lambda and start == Location(row, column):
                    return candidate
                if isinstance(candidate, cst.FunctionDef):
                    name_start, _ = self.span(candidate.name)
                    if candidate.name.value == getattr(node, "name", "") and name_start.row == row:
                        return candidate
        return None


def _characters(line: str, byte_offset: int | None) -> str:
    """The part of ``line`` before a UTF-8 byte offset as ``ast`` counts it."""
    if byte_offset is None:
        return line
    return line[:byte_offset] if line.isascii() else line.encode()[:byte_offset].decode(errors="replace")


@dataclass(frozen=True, eq=False)
class Source:
    """Where a node of the graph comes from; ``via`` is the call that led there when a helper was inlined."""

    unit: Unit
    node: cst.CSTNode
    via: Source | None = None

    @property
    def text(self) -> str:
        return self.unit.text(self.node)

    @property
    def assigned(self) -> str:
        return self.unit.assigned(self.node)

    @property
    def span(self) -> tuple[Location, Location]:
        return self.unit.span(self.node)

    @property
    def row(self) -> int:
        return self.span[0].row

    @property
    def module(self) -> Module:
        return self.unit.module


@dataclass(frozen=True, eq=False)
class AstSource:
    """A place that needs no concrete tree: a call to ``compile``, a parameter."""

    module: Module
    at: ast.AST

    @property
    def text(self) -> str:
        code = re.sub(r"\s+", " ", ast.get_source_segment(self.module.text, self.at) or "").strip()
        return code if len(code) <= MAX_QUOTED else code[: MAX_QUOTED - 4].rstrip() + " ..."

    @property
    def span(self) -> tuple[Location, Location]:
        lines = self.module.lines
        first, last = getattr(self.at, "lineno", 1), getattr(self.at, "end_lineno", 1)
        start = len(_characters(lines[first - 1], getattr(self.at, "col_offset", 0)))
        end = len(_characters(lines[last - 1], getattr(self.at, "end_col_offset", 1)))
        return Location(first, start + 1), Location(last, end + 1)

    @property
    def row(self) -> int:
        return getattr(self.at, "lineno", 1)
