"""Cut one loss out of a published module: its definition, the helpers it needs from the same file, and the imports.

A whole module of a package may have 3,000 lines; checking and running it once for every mutant would take hours.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.project.module import absolute_module

ALWAYS = ("K", "keras", "np", "ops", "tf")  # imports that are kept: they tell what kind of file it is


def excerpt(text: str, names: list[str], package: str = "") -> str:
    """The part of a module that ``names`` need: top-level statements in their order, unused imports left out.

    Relative imports become absolute ones from ``package``, so that the excerpt may stand anywhere.

    Raises:
        KeyError: the module has no such name.
    """
    tree = ast.parse(text)
    binds = {name: statement for statement in tree.body for name in _bound(statement)}
    kept: set[ast.stmt] = set()
    wanted = list(names)
    used = set(ALWAYS)
    for name in names:
        binds[name]  # a name that is asked for must be there; those that are used may be builtins
    while wanted:
        name = wanted.pop()
        used.add(name)
        statement = binds.get(name)
        if statement is not None and statement not in kept:
            kept.add(statement)
            if not isinstance(statement, ast.Import | ast.ImportFrom):
                wanted += [n.id for n in ast.walk(statement) if isinstance(n, ast.Name)]
    lines = text.splitlines(keepends=True)
    return "".join(_piece(s, lines, used, package) for s in tree.body if s in kept or _is_kept_import(s))


def _bound(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
        case ast.Try() | ast.If():
            for inner in ast.walk(statement):
                if isinstance(inner, ast.stmt) and not isinstance(inner, ast.Try | ast.If):
                    yield from _bound(inner)
        case _:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _is_kept_import(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Import | ast.ImportFrom):
        return False
    return _is_future(statement) or any(name in ALWAYS for name in _bound(statement))


def _piece(statement: ast.stmt, lines: list[str], used: set[str], package: str) -> str:
    if isinstance(statement, ast.Import | ast.ImportFrom) and not _is_future(statement):
        names = [a for a in statement.names if (a.asname or a.name.partition(".")[0]) in used]
        statement.names = names
        if isinstance(statement, ast.ImportFrom) and statement.level:
            statement.module, statement.level = absolute_module(statement.module or "", statement.level, package), 0
        return ast.unparse(statement) + "\n"
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(d.lineno for d in decorators)])
    blank = "\n\n" if isinstance(statement, ast.FunctionDef | ast.ClassDef) else ""
    return blank + "".join(lines[first - 1 : statement.end_lineno])
