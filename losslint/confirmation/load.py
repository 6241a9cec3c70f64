"""Executes a program: only ever in the child, as this runs the user's code."""

from __future__ import annotations

import ast
import random
import sys
from collections.abc import Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from losslint.confirmation import frameworks
from losslint.confirmation.program import ENTRY, ModuleSlice, Program

FALLBACK_NAME = "__losslint__"  # of the module where the file's own name is taken: a user's keras.py


def load(program: Program) -> dict[str, object]:
    """Run a program's statements and give its namespace, with the callable under ``ENTRY``.

    Raises:
        Whatever the user's code raises; ``ModuleNotFoundError`` for imports of packages that are not installed only
        where the code then uses them.
    """
    name = program.module if program.module and program.module not in sys.modules else FALLBACK_NAME
    module = ModuleType(name)
    module.__file__ = str(program.path)
    module.__package__ = name.rpartition(".")[0] if program.path.stem != "__init__" else name
    sys.modules[name] = module
    sys.meta_path.insert(0, SliceFinder(program.modules))
    if program.root is not None:
        folders = [str(program.root), str(program.path.resolve().parent)]
        sys.path[:] = [*folders, *sys.path] if program.whole_file else [*sys.path, *folders]
    if program.whole_file:
        execute(ast.parse(program.path.read_bytes()), program.path, module)
    execute_installed(program.tree, program.path, module)
    return module.__dict__


def loaded_again(program: Program) -> Any:
    """The callable of a program with nothing that running it before has changed: models that are not built, with the same
    random weights."""
    random.seed(program.seed)
    frameworks.load(program.framework).prepare(program.seed, "cpu")
    for part in program.modules:
        sys.modules.pop(part.name, None)
    return load(program)[ENTRY]


def execute(tree: ast.Module, path: Path, module: ModuleType) -> None:
    """Run statements in a module, under the file's own name and rows."""
    exec(compile(tree, str(path), "exec", dont_inherit=True), module.__dict__)


class SliceFinder(MetaPathFinder, Loader):
    """Gives ``import`` the slices of a program; packages that nothing is needed of are empty."""

    def __init__(self, slices: Iterable[ModuleSlice]) -> None:
        self.slices = {found.name: found for found in slices}
        self.packages = {name[:dot] for name in self.slices for dot, letter in enumerate(name) if letter == "."}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Where a module comes from; None leaves it to Python."""
        found, package = self.slices.get(fullname), fullname in self.packages
        if found is None and not package:
            return None
        spec = ModuleSpec(fullname, self, origin=str(found.path) if found else None, is_package=package)
        if found is not None and package:
            spec.submodule_search_locations = [str(found.path.resolve().parent)]
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """Run the slice of a module."""
        found = self.slices.get(module.__name__)
        if found is not None:
            module.__file__ = str(found.path)
            execute_installed(found.tree, found.path, module)


class Absent:
    """Stands for something of a package that is not installed: an error as soon as it is used."""

    def __init__(self, package: str) -> None:
        self._package = package

    def __getattr__(self, name: str) -> object:
        raise ModuleNotFoundError(f"No module named {self._package!r}", name=self._package)

    def __call__(self, *args: object, **kwargs: object) -> object:
        raise ModuleNotFoundError(f"No module named {self._package!r}", name=self._package)


def execute_installed(tree: ast.Module, path: Path, module: ModuleType) -> None:
    """Run statements without the imports of packages that are not installed here, and without decorators from those.

    A loss rarely runs all the code of its file; only what it does use of a missing package is an error.
    """
    missing: dict[str, str] = {}
    body = [kept for statement in tree.body if (kept := _installed_part(statement, missing)) is not None]
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                node.decorator_list = [d for d in node.decorator_list if missing.keys().isdisjoint(_names(d))]
                node.body = [_absent_in_function(inner) for inner in node.body]
            elif isinstance(node, ast.If):
                node.body = [_absent_in_function(inner) for inner in node.body]
                node.orelse = [_absent_in_function(inner) for inner in node.orelse]
    module.__dict__.update({name: Absent(package) for name, package in missing.items()})
    execute(ast.Module(body, tree.type_ignores), path, module)


def _installed_part(statement: ast.stmt, missing: dict[str, str]) -> ast.stmt | None:
    if isinstance(statement, ast.ImportFrom):
        if statement.level or _installed(statement.module or ""):
            return statement
        root = (statement.module or "").partition(".")[0]
        missing.update({alias.asname or alias.name: root for alias in statement.names})
        return None
    if isinstance(statement, ast.Import):
        kept = [alias for alias in statement.names if _installed(alias.name)]
        absent = [alias for alias in statement.names if alias not in kept]
        missing.update({(a.asname or a.name).partition(".")[0]: a.name.partition(".")[0] for a in absent})
        return ast.copy_location(ast.Import(kept), statement) if kept else None
    return statement


def _absent_in_function(statement: ast.stmt) -> ast.stmt:
    """An import inside of a function (not of a ``try``, which is prepared for it) that gives stand-ins instead."""
    missing: dict[str, str] = {}
    if not isinstance(statement, (ast.Import, ast.ImportFrom)) or _installed_part(statement, missing) is statement:
        return statement
    if "*" in missing:
        return ast.copy_location(ast.Pass(), statement)
    if len(missing) != len(statement.names):
        return statement
    stand_ins = f"from losslint.confirmation.load import Absent\n{', '.join(missing)} = " + ", ".join(
        f"Absent({package!r})" for package in missing.values())
    made = ast.If(ast.Constant(True), ast.parse(stand_ins).body, [])
    for node in ast.walk(made):
        ast.copy_location(node, statement)
    return made


def _installed(dotted: str) -> bool:
    root = dotted.partition(".")[0]
    try:
        return root in sys.modules or find_spec(root) is not None
    except (ImportError, ValueError):
        return False


def _names(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
