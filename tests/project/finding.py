"""Helpers: find the losses of a source given as text, or of several files on disk."""

from __future__ import annotations

import textwrap
from pathlib import Path

from losslint.project.module import Module, Project
from losslint.project.sites import Site, SiteOptions, collect_uses, find_sites


def losses(source: str, path: str = "code.py", name: str = "", **options: object) -> dict[str, Site]:
    """Qualified name -> site, for the losses of one file."""
    module = Module(Path(path), textwrap.dedent(source), name)
    project = Project()
    project.add(module)
    return {site.qualname: site for site in find_sites(module, project, SiteOptions(**options))}  # type: ignore[arg-type]


def names(source: str, path: str = "code.py", name: str = "", **options: object) -> list[str]:
    """The qualified names of the losses of one file, in source order."""
    return list(losses(source, path, name, **options))


def losses_in(folder: Path, files: dict[str, str]) -> dict[str, dict[str, Site]]:
    """File -> qualified name -> site, for files that are written to ``folder`` and checked in one run."""
    project = Project()
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
    modules = {name: project.load(folder / name) for name in files}
    uses = collect_uses(modules.values(), project)
    return {name: {site.qualname: site for site in find_sites(module, project, uses=uses)}
            for name, module in modules.items()}
