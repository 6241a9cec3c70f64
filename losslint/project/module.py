"""One Python file as the analysis sees it, and the project that ties files together by their imports.

The index is built with the standard ``ast`` parser, which is ten times faster than a concrete syntax tree; only the
statements a loss needs are parsed again, by LibCST, in ``graph/source.py``.
"""

from __future__ import annotations

import ast
import codecs
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from losslint.project.index import FunctionNode, Index, Scope, children

MAX_FOLDERS_UP = 6  # folders above a package root that an absolute import may start from (namespace packages)
MAX_IMPORT_HOPS = 8  # re-exports followed from one package to the next


class EncodingError(SyntaxError):
    """Bytes that are no text in the encoding of the file."""


def decode(data: bytes) -> str:
    """Decode Python source by its BOM or coding cookie (PEP 263), newlines normalised to ``\\n``.

    Raises:
        EncodingError: the cookie names an unknown encoding, the bytes do not fit it, or they are UTF-16.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise EncodingError("the text is UTF-16, which Python does not read")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        raise EncodingError(error.msg) from error
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[:error.start].split(b"\n")
        said = f"byte {error.object[error.start]:#x} is not {error.encoding} text"
        raise EncodingError(said, (None, len(before), len(before[-1]) + 1, None)) from error
    if "\0" in text:
        row = text[:text.index("\0")].count("\n") + 1
        raise EncodingError("a null byte, which Python source does not hold", (None, row, 1, None))
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\n\f", "\n") if "\f" in text else text  # page breaks between definitions


class Module:
    """A parsed file: its names, where each is bound, and its comments. Built once, never changed."""

    def __init__(self, path: Path, text: str, name: str = "") -> None:
        """Parse ``text``.

        Raises:
            SyntaxError: the text is not Python (also for nesting that the parser gives up on).
        """
        self.path = path
        self.text = text
        self.name = name or path.stem
        try:
            self.tree = ast.parse(text)
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError(str(error) or type(error).__name__) from error
        self.lines = text.split("\n")
        self.notes: dict[str, object] = {}  # what other parts of the analysis computed once for this file

    @cached_property
    def resolved_path(self) -> Path:
        """The absolute path, symlinks followed: what tells whether two modules are the same file."""
        return self.path.resolve()

    @property
    def nodes(self) -> list[ast.AST]:
        """Every node of the file in source order, without ``Load``/``Store`` and operators (they carry no position)."""
        return self._walk[0]

    @property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Node -> the node around it."""
        return self._walk[1]

    @cached_property
    def _walk(self) -> tuple[list[ast.AST], dict[ast.AST, ast.AST]]:
        nodes: list[ast.AST] = []
        parents: dict[ast.AST, ast.AST] = {}
        stack: list[ast.AST] = [self.tree]
        while stack:
            node = stack.pop()
            nodes.append(node)
            below = children(node)
            for child in below:
                parents[child] = node
            stack += reversed(below)
        return nodes, parents

    @cached_property
    def index(self) -> Index:
        """Where the functions, classes, calls and values of the file are."""
        return Index(self.tree, self.nodes, self.parents)

    @cached_property
    def root(self) -> Path:
        """The folder that the top-level package of this file stands in."""
        return package_root(self.path)

    @property
    def package(self) -> str:
        """The package that relative imports of this module start from."""
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]

    @cached_property
    def imports(self) -> dict[str, str]:
        """Local name -> absolute dotted name, for every import anywhere in the file (the first one wins)."""
        found: dict[str, str] = {}
        for alias, target in self._import_targets:
            if alias != "*":
                found.setdefault(alias, target)
        return found

    @cached_property
    def star_imports(self) -> list[str]:
        """Modules whose public names are imported with ``from m import *``."""
        return [target for alias, target in self._import_targets if alias == "*"]

    @cached_property
    def _import_targets(self) -> list[tuple[str, str]]:
        nodes = [node for node in self.nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
        nodes.sort(key=lambda node: node.col_offset)  # what the module imports goes before what a function imports
        return [target for node in nodes for target in import_targets(node, self.package)]

    @cached_property
    def bindings(self) -> dict[str, list[ast.stmt]]:
        """Module-level name -> the statements that bind or update it, in order (also inside if/try/with/for)."""
        found: dict[str, list[ast.stmt]] = {}
        for statement in module_level_statements(self.tree.body):
            for name in bound_names(statement):
                found.setdefault(name, []).append(statement)
        return found

    @cached_property
    def comments(self) -> dict[int, str]:
        """Row -> comment text including ``#``."""
        found: dict[int, str] = {}
        try:
            for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
                if token.type == tokenize.COMMENT:
                    found[token.start[0]] = token.string
        except (tokenize.TokenError, SyntaxError):
            pass  # the parser accepted the file; a comment the tokenizer cannot reach is no reason to fail
        return found

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around ``node``, innermost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def enclosing_scope(self, node: ast.AST) -> Scope:
        """The function, lambda, class or module that ``node`` stands in."""
        return next(a for a in self.ancestors(node) if isinstance(a, Scope))

    def qualname(self, node: ast.AST) -> str:
        """Dotted name of a definition inside its module, as ``__qualname__`` but without ``<locals>``."""
        parts = [getattr(node, "name", "<lambda>")]
        parts += [a.name for a in self.ancestors(node) if isinstance(a, (ast.ClassDef, FunctionNode))]
        return ".".join(reversed(parts))

    def dotted(self, node: ast.AST) -> str | None:
        """Absolute dotted name of a ``Name``/``Attribute`` chain by the file's imports, else the chain as written."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        parts.append(self.imports.get(node.id, node.id))
        return ".".join(reversed(parts))


def import_targets(node: ast.AST, package: str) -> list[tuple[str, str]]:
    """(local name, absolute dotted name) of an import statement; ``("*", module)`` for star imports."""
    if isinstance(node, ast.Import):
        return [(a.asname, a.name) if a.asname else (a.name.partition(".")[0],) * 2 for a in node.names]
    if isinstance(node, ast.ImportFrom):
        base = absolute_module(node.module or "", node.level, package)
        return [("*", base) if a.name == "*" else (a.asname or a.name, f"{base}.{a.name}" if base else a.name)
                for a in node.names]
    return []


def absolute_module(module: str, level: int, package: str) -> str:
    """The absolute name of ``from <level dots><module> import`` seen from ``package``."""
    if not level:
        return module
    base = package.split(".") if package else []
    base = base[: len(base) - (level - 1)] if level > 1 else base
    return ".".join([*base, module] if module else base)


def module_level_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Simple statements and definitions that run at import, in order, looking into compound statements."""
    for statement in body:
        if isinstance(statement, (ast.If, ast.Try, ast.With, ast.For, ast.While, ast.Match)):
            if isinstance(statement, (ast.For, ast.With)):
                yield statement  # binds its targets
            for field in ("body", "handlers", "cases", "orelse", "finalbody"):
                for child in getattr(statement, field, []):
                    yield from module_level_statements(child.body if hasattr(child, "body") and not isinstance(
                        child, ast.stmt) else [child])
        else:
            yield statement


def bound_names(statement: ast.stmt) -> list[str]:
    """Names a statement binds or updates by itself (not through the statements inside it)."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Assign(targets=targets):
            return [name for target in targets for name in target_names(target)]
        case ast.AnnAssign(target=target, value=value):
            return target_names(target) if value is not None else []
        case ast.AugAssign(target=target):
            return target_names(target)
        case ast.For(target=target):
            return target_names(target)
        case ast.With(items=items):
            return [name for item in items if item.optional_vars for name in target_names(item.optional_vars)]
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
            return [name]  # losses.append(...), model.add(...)
    return []


def target_names(target: ast.expr) -> list[str]:
    """Names bound or mutated by an assignment target; ``x[i] = ..`` and ``x.a = ..`` count for ``x``."""
    match target:
        case ast.Name(id=name):
            return [name]
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return [name for element in elements for name in target_names(element)]
        case ast.Starred(value=value) | ast.Subscript(value=value) | ast.Attribute(value=value):
            return target_names(value)
    return []


@dataclass(frozen=True)
class Definition:
    """A module-level name of a project file."""

    module: Module
    name: str

    @property
    def statements(self) -> list[ast.stmt]:
        return self.module.bindings.get(self.name, [])

    @property
    def node(self) -> ast.stmt | None:
        """The function or class the name is bound to last, if it is one."""
        last = self.statements[-1] if self.statements else None
        return last if isinstance(last, FunctionNode | ast.ClassDef) else None


class Project:
    """Files read on demand, found by path or by dotted module name, each parsed once."""

    def __init__(self) -> None:
        self._modules: dict[Path, Module | SyntaxError | OSError] = {}
        self._by_name: dict[tuple[Path, str], Module | None] = {}

    def add(self, module: Module) -> None:
        """Register a module that is already in memory (standard input, an unsaved buffer)."""
        self._modules[module.resolved_path] = module

    def load(self, path: Path) -> Module:
        """The module at ``path``.

        Raises:
            SyntaxError: the file is not Python.
            OSError: the file cannot be read.
        """
        key = path.resolve()
        if key not in self._modules:
            try:
                self._modules[key] = Module(path, decode(path.read_bytes()), module_name(path))
            except (SyntaxError, OSError) as error:
                self._modules[key] = error
        loaded = self._modules[key]
        if isinstance(loaded, Module):
            return loaded
        raise loaded

    def find_module(self, dotted: str, near: Module) -> Module | None:
        """The project file behind ``import dotted`` in ``near``: searched beside it and from its package root up."""
        root = near.root
        key = (root, dotted)
        if key not in self._by_name:
            self._by_name[key] = None  # cuts import cycles
            self._by_name[key] = self._search(dotted, near, root)
        return self._by_name[key]

    def _search(self, dotted: str, near: Module, root: Path) -> Module | None:
        relative = Path(*dotted.split("."))
        if not relative.name:
            return None
        for base in dict.fromkeys([root, near.path.parent, *list(root.resolve().parents)[:MAX_FOLDERS_UP]]):
            for candidate in (base / relative.with_suffix(".py"), base / relative / "__init__.py"):
                if candidate.is_file():
                    try:
                        return self.load(as_given(candidate, near.path))
                    except (SyntaxError, OSError):
                        return None
        return None

    def resolve(self, dotted: str, near: Module, hops: int = MAX_IMPORT_HOPS) -> Definition | Module | None:
        """What an absolute dotted name means inside the project; follows re-exports, None for anything outside."""
        if (module := self.find_module(dotted, near)) is not None:
            return module
        parent, _, name = dotted.rpartition(".")
        if not parent or hops == 0:
            return None
        home = self.find_module(parent, near)
        return self.member(home, name, hops) if home is not None else None

    def member(self, home: Module, name: str, hops: int = MAX_IMPORT_HOPS) -> Definition | Module | None:
        """The name ``name`` as seen from outside of module ``home``."""
        if name in home.bindings:
            return Definition(home, name)
        if name in home.imports:
            return self.resolve(home.imports[name], home, hops - 1) if hops else None
        for star in home.star_imports:
            source = self.find_module(star, home)
            if source is not None and source is not home and hops and (
                    found := self.member(source, name, hops - 1)) is not None:
                return found
        return None


def as_given(path: Path, near: Path) -> Path:
    """A path found by an import, relative to the current folder where the importing file was named so."""
    if near.is_absolute():
        return path
    try:
        return path.relative_to(Path.cwd())
    except (ValueError, OSError):
        return path


def package_root(path: Path) -> Path:
    """The folder that the top-level package of ``path`` stands in (walks up while ``__init__.py`` is found)."""
    folder = path.resolve().parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        folder = folder.parent
    return folder


def module_name(path: Path) -> str:
    """Dotted name of a file by the packages around it."""
    resolved = path.resolve()
    parts = list(resolved.relative_to(package_root(resolved)).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
