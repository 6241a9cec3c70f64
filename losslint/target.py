"""Which Keras a project runs on, read from what it says it requires."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from os.path import abspath
from pathlib import Path
from typing import Any

DEFAULT_KERAS = 3
ROOT_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", ".git", "PKG-INFO")
NAME = r"tf[-_]keras(?:-nightly)?|keras|tensorflow(?:[-_](?:cpu|gpu|macos|intel|rocm|aarch64))?"
VERSION = r"(===?|<=?|>=?|~=|!=|\^|~)\s*v?(\d{1,9})(?:\.(\d{1,9}))?([\w.*+!-]*)"
CONSTRAINT = re.compile(VERSION)
REQUIREMENT = re.compile(
    rf"(?P<name>{NAME})\s*(?:\[[^\]]*\])?\s*\(?(?P<versions>(?:\s*{VERSION}\s*,?)*)\)?\s*(?:[;#].*)?", re.IGNORECASE)
FAR = 10**6
NOWHERE, ANYWHERE = (0, 0), (FAR, FAR)
LAST_WITH_KERAS_2 = (2, 15)  # tensorflow 2.16 brought Keras 3


@cache
def project_root(path: Path) -> Path:
    """The nearest folder at or above a file or folder that looks like a project; else the folder it stands in."""
    path = Path(abspath(path))
    folder = path if path.is_dir() else path.parent
    for candidate in (folder, *folder.parents):
        if candidate.name in ("site-packages", "dist-packages"):
            return folder if candidate == folder else candidate / path.relative_to(candidate).parts[0]
        if any((candidate / mark).exists() for mark in ROOT_MARKS):
            return candidate
    return folder


@cache
def detect_keras_version(root: Path) -> int:
    """The major version of Keras that the project or installed package in ``root`` pins; 3 if it pins none."""
    verdicts = {major for line in _requirements(root) if (major := _pinned(line)) is not None}
    return 2 if verdicts == {2} else DEFAULT_KERAS


def _requirements(root: Path) -> Iterator[str]:
    """Requirement lines of every file that may name some; unreadable and malformed ones hold none."""
    for file in sorted([*root.glob("requirements*.txt"), *root.glob("requirements/*.txt"),
                        *root.glob("*.egg-info/requires.txt")]):
        yield from _text(file).splitlines()
    for document in [root / "PKG-INFO", *_metadata_beside(root)]:
        for line in _text(document).splitlines():
            if line.startswith("Requires-Dist:"):
                yield line.partition(":")[2].strip()
    for line in _text(root / "setup.cfg").splitlines():
        yield line.removeprefix("install_requires").strip(" =")
    yield from (quoted for _, quoted in re.findall(r"""(["'])(.*?)\1""", _text(root / "setup.py")))
    yield from _pyproject(_text(root / "pyproject.toml"))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _metadata_beside(package: Path) -> Iterator[Path]:
    """The metadata of an installed package: the ``dist-info`` of its name, or the one that lists it as its own."""
    if package.parent.name not in ("site-packages", "dist-packages"):
        return
    for folder in sorted(package.parent.glob("*.dist-info")):
        name = re.sub(r"[-_.]+", "_", folder.name.split("-")[0]).lower()
        if name == package.name.lower() or package.name in _text(folder / "top_level.txt").split():
            yield folder / "METADATA"


def _pyproject(text: str) -> Iterator[str]:
    if "tensorflow" not in text and "keras" not in text:
        return
    try:
        document = parse_toml(text)
    except (ValueError, RecursionError):
        return
    project = _table(document, "project")
    yield from _strings([project.get("dependencies"), project.get("optional-dependencies"),
                         document.get("dependency-groups")])
    for name, wanted in _table(document, "tool", "poetry", "dependencies").items():
        version = wanted.get("version", "") if isinstance(wanted, dict) else wanted
        yield f"{name} {'==' if str(version)[:1].isdigit() else ''}{version}"


def _table(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The table behind some keys; an empty one where there is something else."""
    table: Any = document
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}


def parse_toml(text: str) -> dict[str, Any]:
    """A TOML document.

    Raises:
        ValueError: it is not valid TOML.
    """
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    document: dict[str, Any] = toml.loads(text)
    return document


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(item)


def _pinned(line: str) -> int | None:
    """The Keras that one requirement line settles: ``keras<3`` 2, ``keras>=3`` 3, ``tensorflow`` nothing."""
    match = REQUIREMENT.fullmatch(line.strip())
    if not match:
        return None
    name = re.sub(r"[-_.]", "", match["name"].lower())
    if name.startswith("tfkeras"):
        return 2
    limits = [_limits(*parts) for parts in CONSTRAINT.findall(match["versions"])]
    if name == "keras":
        if any(low >= (3, 0) for low, _ in limits):
            return 3
        return 2 if any(high < (3, 0) for _, high in limits) else None
    return 2 if any(high <= LAST_WITH_KERAS_2 for _, high in limits) else None


def _limits(sign: str, first: str, second: str, rest: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The lowest and highest (major, minor) that a constraint such as ``<2.16`` lets through."""
    major, minor = int(first), int(second or 0)
    exact, whole = (major, minor), (major, FAR)
    patch = rest.strip(".0*") != ""  # the third number matters
    match sign:
        case "==" | "===":
            return exact, exact if second else whole
        case "~=" | "~":
            return exact, exact if rest or (sign == "~" and second) else whole
        case "^":
            return exact, whole
        case "<" if not patch:
            return NOWHERE, (major, minor - 1) if minor else (major - 1, FAR)
        case "<" | "<=":
            return NOWHERE, exact
        case ">=" | ">":
            return exact, ANYWHERE
    return NOWHERE, ANYWHERE
