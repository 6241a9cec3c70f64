"""Programs for the losses of small projects, without any framework: they are compared as text, or run on plain numbers."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from losslint.config import Settings
from losslint.confirmation.load import load
from losslint.confirmation.program import ENTRY, NotSliced, Program
from losslint.confirmation.slicing import program_of
from losslint.graph.trace import trace
from losslint.project.module import Project
from losslint.project.sites import collect_uses, find_sites
from losslint.rules.base import Loss


def programs_in(folder: Path, files: dict[str, str], settings: Settings | None = None) -> dict[str, Program | NotSliced]:
    """Write the files; the programs of all their losses by name."""
    project = Project()
    modules = []
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    modules = [project.load(folder / name) for name in files]
    uses = collect_uses(modules, project)
    return {
        site.qualname: program_of(Loss(site, trace(site, project)), project, settings)
        for module in modules for site in find_sites(module, project, uses=uses)}


def loss_in(folder: Path, text: str, name: str) -> tuple[Loss, Project]:
    """One loss of one file, with its project."""
    (folder / "losses.py").write_text(text)
    project = Project()
    module = project.load(folder / "losses.py")
    site = next(site for site in find_sites(module, project, uses=collect_uses([module], project)) if site.qualname == name)
    return Loss(site, trace(site, project)), project


def program_in(folder: Path, text: str, name: str, settings: Settings | None = None) -> Program:
    """The program of one loss of one file."""
    found = programs_in(folder, {"losses.py": text}, settings)[name]
    assert isinstance(found, Program), found.reason
    return found


def code(program: Program) -> str:
    """The statements of a program as text."""
    return ast.unparse(program.tree)


def run(program: Program, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load a program where ``tensorflow`` is a stub that computes on Python numbers; its entry."""
    stub = ModuleType("tensorflow")
    vars(stub).update(
        abs=abs, square=lambda x: x * x, reduce_mean=lambda x, axis=None: x, function=lambda f: f, maximum=max,
        keras=SimpleNamespace(losses=SimpleNamespace(Loss=object)),
    )
    monkeypatch.setitem(sys.modules, "tensorflow", stub)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    try:
        return load(program)[ENTRY]
    finally:
        for name in set(sys.modules) - before:
            del sys.modules[name]
