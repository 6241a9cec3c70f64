"""Statements parsed by LibCST, verbatim, with their places in the file computed only when someone asks."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache, cached_property

import libcst as cst
from libcst._nodes.internal import CodegenState

from losslint.findings import Location
from losslint.project.module import Module

MAX_QUOTED = 60  # characters of an expression that a message quotes


class _Offsets(CodegenState):
    """Where every node of a tree starts and ends, in characters from the start of its text.

    The same places as those of ``libcst.metadata.PositionProvider``, in a quarter of its time: one pass over the tree,
    and no splitting of each token into lines.
    """

    def __init__(self, tree: cst.Module) -> None:
        super().__init__(tree.default_indent, tree.default_newline)
        self.spans: dict[cst.CSTNode, tuple[int, int]] = {}
        self._end = 0
        self._starts: list[int] = []
        self._entered: list[tuple[cst.CSTNode, int, cst.CSTNode | None, cst.CSTNode | None]] = []
        tree._codegen(self)

    def add_token(self, value: str) -> None:
        self._end += len(value)

    def add_indent_tokens(self) -> None:
        self._end += sum(map(len, self.indent_tokens))

    def before_codegen(self, node: cst.CSTNode) -> None:
        self._starts.append(self._end)

    def after_codegen(self, node: cst.CSTNode) -> None:
        self.spans.setdefault(node, (self._starts.pop(), self._end))

    def record_syntactic_position(  # type: ignore[override]
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None,
    ) -> _Offsets:
        """Entered and left around what belongs to the node without its whitespace and comments."""
        self._entered.append((node, self._end, start_node, end_node))
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        node, start, first, last = self._entered.pop()
        self.spans[node] = (start if first is None else self.spans[first][0],
                            self._end if last is None else self.spans[last][1])


LAYOUT = frozenset(
    [
        "whitespace", "leading_lines", "lines_after_decorators", "lines_after_module_imports", "header", "footer", "indent",
        "trailing_whitespace", "lpar", "rpar", "lbracket", "rbracket", "lbrace", "rbrace", "comma", "semicolon", "colon",
        "dot", "equal",
    ]
)  # fmt: skip
WORDS = (str, bool, type(None), cst.MaybeSentinel)


@cache
def _fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    """The fields of a kind of node that hold more than layout."""
    names = [field.name for field in fields(kind)]
    return tuple(name for name in names if name not in LAYOUT and not name.startswith("whitespace_"))


def parts(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The nodes right below one but for its layout, statements in their order; ``node.children`` runs a visitor for each
    question."""
    found: list[cst.CSTNode] = []
    for name in _fields(node.__class__):
        value = getattr(node, name)
        if isinstance(value, (list, tuple)):
            found += value
        elif not isinstance(value, WORDS):
            found.append(value)
    return found


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The node and all below it but for layout."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack += reversed(parts(node))


EXPRESSIONS = {
    ast.Lambda: cst.Lambda, ast.Attribute: cst.Attribute, ast.Subscript: cst.Subscript, ast.Call: cst.Call,
}  # fmt: skip


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
        self._line_starts = [0, *(found.end() for found in re.finditer("\n", text))]
        tree = cst.parse_module(text)
        self._tree = tree
        body = tree.body[0]
        if indented and isinstance(body, cst.If):
            body = body.body.body[0]  # type: ignore[assignment]
        self.statement: cst.BaseStatement | cst.BaseSmallStatement = body

    @cached_property
    def _spans(self) -> dict[cst.CSTNode, tuple[int, int]]:
        return _Offsets(self._tree).spans

    def span(self, node: cst.CSTNode) -> tuple[Location, Location]:
        """1-based start and exclusive end of ``node`` in the file."""
        start, end = self._spans[node]
        return self._location(start), self._location(end)

    def _location(self, offset: int) -> Location:
        line = bisect_right(self._line_starts, offset)
        shift = self._first_row_shift if line == 1 else 0
        return Location(line + self._row_shift, offset - self._line_starts[line - 1] + 1 + shift)

    def code(self, node: cst.CSTNode) -> str:
        """The source of ``node`` as it stands."""
        return self._tree.code_for_node(node)

    def assigned(self, node: cst.CSTNode) -> str:
        """The name that ``node`` is assigned to; "" where it is a part of something."""
        for statement in self._spans:
            if isinstance(statement, cst.Assign) and statement.value is node and len(statement.targets) == 1:
                target = statement.targets[0].target
                return self.text(target) if isinstance(target, (cst.Name, cst.Attribute)) else ""
        return ""

    def holder(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """What ``node`` is a part of, right above it."""
        return next((holder for holder in self._spans if any(part is node for part in parts(holder))), None)

    def text(self, node: cst.CSTNode) -> str:
        """The source of ``node`` on one line, shortened for a message."""
        code = self.code(node)
        if "\n" in code:
            code = re.sub(r"(?<=[(\[{])\s+|,?\s+(?=[)\]}])", "", code)
        code = re.sub(r"\s+", " ", code).strip().rstrip(",")
        return code if len(code) <= MAX_QUOTED else code[: MAX_QUOTED - 4].rstrip() + " ..."

    def find(self, node: ast.AST) -> cst.CSTNode | None:
        """The concrete node at the place of an ``ast`` function, lambda, call, attribute or item inside this statement."""
        row = getattr(node, "lineno", 0)
        start = self._place(row, getattr(node, "col_offset", 0))
        end = self._place(getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0))
        wanted = EXPRESSIONS.get(type(node))
        for candidate in self._spans:
            if wanted is not None and isinstance(candidate, wanted):
                if self.span(candidate) == (start, end):
                    return candidate
            elif wanted is None and isinstance(candidate, cst.FunctionDef):
                name_start, _ = self.span(candidate.name)
                if candidate.name.value == getattr(node, "name", "") and name_start.row == row:
                    return candidate
        return None

    def _place(self, row: int, byte_offset: int) -> Location:
        """A place as ``ast`` counts it."""
        return Location(row, len(_characters(self.module.lines[row - 1] if row else "", byte_offset)) + 1)


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
    def route(self) -> Iterator[Source]:
        """This place, and the calls that led there, the last one first."""
        source: Source | None = self
        while source is not None:
            yield source
            source = source.via

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
