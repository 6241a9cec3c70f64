"""The table of stable forms, ``ops/rewrites.tsv``: pairs of terms with the operations of the tables as functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from losslint.ops.table import preferred, rows

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.USub: "neg",
}  # fmt: skip


@dataclass(frozen=True)
class Rewrite:
    """One line of the table."""

    written: ast.expr
    forms: Mapping[str, str]  # what to write instead, by framework
    kind: str  # exact | one-hot | labels | guard
    own: frozenset[str]  # frameworks with a form of their own
    fails_at: str
    rounds: bool  # the first form loses digits only

    @property
    def exact(self) -> bool:
        return self.kind != "guard"

    @cached_property
    def write(self) -> Mapping[str, ast.expr]:
        """What to write instead, by framework; one that is not there lacks an operation of it."""
        terms = {framework: ast.parse(form, mode="eval").body for framework, form in self.forms.items()}
        return {name: term for name, term in terms.items() if all(name_of(name, op) for op in operations_in(term))}

    @cached_property
    def operations(self) -> frozenset[str]:
        """What is written, without its operands."""
        return frozenset(operation_of(part) for part in ast.walk(self.written) if isinstance(part, ast.expr)) - {""}


@cache
def table() -> tuple[Rewrite, ...]:
    """The lines of the table; of two that match the same operations the first counts."""
    return tuple(_rewrite(*(*columns, "", "", "")[:7]) for columns in rows("rewrites.tsv"))


def _rewrite(written: str, write: str, kind: str, fails_at: str, keras: str, torch: str, jax: str) -> Rewrite:
    own = {"tensorflow": "", "keras": keras, "torch": torch, "jax": jax}
    forms = {name: text or write for name, text in own.items() if text != "-"}
    point = fails_at.removeprefix("rounds: ")
    return Rewrite(ast.parse(written, mode="eval").body, forms, kind, frozenset(n for n in own if own[n]), point,
                   point != fails_at)


def operations_in(term: ast.expr) -> Iterator[str]:
    return (n.func.id for n in ast.walk(term) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name))


@cache
def name_of(framework: str, operation: str) -> str:
    """How a framework spells an operation, PyTorch's functional form by its usual alias."""
    return preferred(framework, operation) or preferred("tensorflow" if framework == "keras" else framework, operation)


@cache
def by_root() -> Mapping[str, tuple[Rewrite, ...]]:
    found: dict[str, tuple[Rewrite, ...]] = {}
    for rewrite in table():
        op = operation_of(rewrite.written)
        found[op] = (*found.get(op, ()), rewrite)
    return found


@cache
def operation_of(term: ast.expr) -> str:
    if isinstance(term, ast.BinOp):
        return OPERATORS[type(term.op)]
    if isinstance(term, ast.UnaryOp):
        return OPERATORS[type(term.op)]
    if isinstance(term, ast.Call) and isinstance(term.func, ast.Name):
        return term.func.id
    return ""


@cache
def letters_of(term: ast.expr) -> int:
    """How often a term names an operand."""
    functions = {id(n.func) for n in ast.walk(term) if isinstance(n, ast.Call)}
    return sum(isinstance(n, ast.Name) and id(n) not in functions for n in ast.walk(term))


@cache
def parts_of(term: ast.expr) -> dict[str, ast.expr]:
    """The operands of a term by the names that nodes give them; first those that do not fit just anything."""
    if isinstance(term, ast.BinOp):
        found: dict[str, ast.expr] = {"x": term.left, "y": term.right}
    elif isinstance(term, ast.UnaryOp):
        found = {"x": term.operand}
    else:
        assert isinstance(term, ast.Call)
        named = {keyword.arg: keyword.value for keyword in term.keywords if keyword.arg is not None}
        found = dict(zip(("x", "y"), term.args, strict=False)) | named
    return dict(sorted(found.items(), key=lambda operand: isinstance(operand[1], ast.Name)))
