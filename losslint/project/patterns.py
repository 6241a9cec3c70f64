"""File patterns as ``.gitignore`` writes them: what the settings leave out, and what ignore files do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from os.path import abspath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SPECIAL = frozenset("*?[]!/\\#")  # a pattern without any of these is the name of files and folders


@dataclass(frozen=True)
class Rules:
    """Patterns and the folder they are relative to."""

    folder: str
    spec: GitIgnoreSpec

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """True: named, False: taken back by ``!``, None: not mentioned. ``path`` is absolute."""
        name = path[len(self.folder):] if inside(path, self.folder) else os.path.relpath(path, self.folder)
        name = name.replace(os.sep, "/").lstrip("/")
        return self.spec.check_file(name + "/" if is_folder else name).include if name else None


def rules(folder: str, patterns: Iterable[str]) -> Rules:
    """The patterns of a settings file in ``folder``: ``./x`` and absolute paths are meant from there."""
    return Rules(folder, _spec(tuple(_from(folder, pattern) for pattern in patterns)))


def rules_of_file(folder: str, file: str) -> list[Rules]:
    """The patterns of an ignore file; none if it cannot be read. One that git could not read either is passed over."""
    try:
        with open(file, encoding="utf-8", errors="replace") as lines:
            patterns = [line.rstrip("\n") for line in lines if line.strip() and not line.startswith("#")]
    except OSError:
        return []
    return [Rules(folder, _spec(tuple(filter(_compiles, patterns))))] if patterns else []


def read_pattern(text: str) -> str:
    """A pattern that can match something.

    Raises:
        ValueError: it never does; says why.
    """
    bare = text.removeprefix("!")
    if ".." in bare.split("/"):
        raise ValueError(f"{text!r} leads out of the folder that file patterns start from")
    if re.search(r"\\\w", bare):
        raise ValueError(f"{text!r}: write / between folders")
    if not bare.strip("/ ") or bare.startswith("#") or (SPECIAL & set(bare) and not _compiles(bare)):
        raise ValueError(f"{text!r} matches no file")
    return text


def inside(path: str, folder: str) -> bool:
    """Whether an absolute path is a folder or below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _from(folder: str, pattern: str) -> str:
    negation, bare = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    if bare.startswith("./"):
        return negation + bare[1:]
    if os.path.isabs(bare) and inside(abspath(bare), folder):
        ending = "/" if bare.endswith("/") else ""
        return negation + abspath(bare)[len(folder.rstrip(os.sep)):].replace(os.sep, "/") + ending
    return pattern


@cache
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns)


def _compiles(pattern: str) -> bool:
    try:
        return any(compiled.include is not None for compiled in _spec((pattern,)).patterns)
    except ValueError:
        return False
