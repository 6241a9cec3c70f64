"""Where in the user's files something happens: file and row, and the columns that Python keeps from 3.11 on.

Columns tell the expressions of one row apart. Where there are none, rows have to do.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType
from typing import NamedTuple, TypedDict

Span = tuple[int, ...]  # row, column, end row, end column as in a Finding; () where the columns are not known


class Spot(NamedTuple):
    """A piece of code; row 0 where none of the user's is behind something."""

    path: str = ""
    row: int = 0
    span: Span = ()


class Place(NamedTuple):
    """An operation in a piece of code."""

    path: str
    row: int
    operation: str
    span: Span = ()
    undefined: bool = False  # it has no value there: NaN of numbers that are none


class At(TypedDict):
    """A place in the loss's own file, as an observation keeps it."""

    row: int
    span: Span


UNKNOWN = Spot()
NOWHERE = Place("", 0, "")


def nearest(frame: FrameType | None, owns: Callable[[str], bool]) -> Spot:
    """What the innermost frame of the user runs, seen from a frame."""
    while frame is not None:
        if owns(frame.f_code.co_filename):
            return Spot(frame.f_code.co_filename, frame.f_lineno, span_of(frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return UNKNOWN


@lru_cache(maxsize=4096)
def span_of(code: CodeType, instruction: int) -> Span:
    """The expression that an instruction, counted in bytes, belongs to."""
    if instruction < 0 or not hasattr(code, "co_positions"):
        return ()
    row, end_row, column, end_column = next(islice(code.co_positions(), instruction // 2, None), (None,) * 4)
    if row is None or end_row is None or column is None or end_column is None:
        return ()
    path = code.co_filename
    return (row, _in_characters(path, row, column) + 1, end_row, _in_characters(path, end_row, end_column) + 1)


def _in_characters(path: str, row: int, column: int) -> int:
    """Python counts bytes."""
    line = linecache.getline(path, row)
    return column if line.isascii() else len(line.encode()[:column].decode(errors="ignore"))


def within(inner: Span, outer: Span) -> bool:
    """Whether an expression is part of another, or the same."""
    return outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


def nested(one: Span, other: Span) -> bool:
    """Whether one of two expressions may be part of the other."""
    return not one or not other or within(one, other) or within(other, one)
