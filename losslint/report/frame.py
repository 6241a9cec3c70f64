"""The code frame: the rows that matter, with the offending expression underlined.

Widths are counted in terminal cells: a tab reaches to the next stop, East Asian wide characters take two cells,
combining marks none, and what would move the cursor is replaced.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from losslint.findings import Finding

TAB = 4
SPAN_ROWS = 3  # an expression over more rows is shown by its first ones
RELATED_ROWS = 8
ELLIPSIS = "..."
MIN_WIDTH = 24


@dataclass(frozen=True)
class Row:
    """One line of a frame. ``number`` is None for the underline and for left-out rows."""

    gutter: str
    text: str
    marks: bool = False


def frame(lines: Sequence[str], finding: Finding, width: int) -> Iterator[Row]:
    """The rows of a finding's frame, at most ``width`` cells wide; nothing if the file has no such row."""
    if not 1 <= finding.start.row <= len(lines):
        return
    rows = _rows(finding, len(lines))
    digits = len(str(rows[-1]))
    room = max(width - digits - len("   ") - len(" | "), MIN_WIDTH)
    previous = rows[0]
    for row in rows:
        if row > previous + 1:
            yield Row(f"   {ELLIPSIS:>{digits}}", "")
        previous = row
        text, start, end = _line(lines[row - 1], finding, row, room)
        yield Row(f"   {row:>{digits}} | ", text)
        if row == finding.start.row:
            yield Row(f"   {'':>{digits}} | ", " " * start + "^" * max(end - start, 1), marks=True)


def _rows(finding: Finding, last: int) -> list[int]:
    """Rows to show, in order; a gap of a single row is filled."""
    start = finding.start.row
    related = sorted({row for row in finding.related_rows if 1 <= row <= last}, key=lambda row: abs(row - start))
    span = range(start, min(finding.end.row, start + SPAN_ROWS - 1, last) + 1)
    rows = {*related[:RELATED_ROWS], *span}
    return sorted(rows | {row + 1 for row in rows if row + 2 in rows})


def _line(line: str, finding: Finding, row: int, room: int) -> tuple[str, int, int]:
    """A line ready to print, clipped to ``room`` cells, and the cells that the finding covers in it."""
    line = line.rstrip()
    if row != finding.start.row:
        return clip(line, 0, 0, room)
    last = len(line) if finding.end.row > row else finding.end.column - 1
    return clip(line, finding.start.column - 1, last, room)


def clip(line: str, start: int, end: int, room: int) -> tuple[str, int, int]:
    """The part of a line around the characters ``start`` to ``end``, and the cells these take in it.

    A line of at most ``room`` cells stays whole.
    """
    shown, cells = _laid_out(line)
    first, last = (cells[min(i, len(line))] + max(i - len(line), 0) for i in (start, max(end, start)))
    if cells[-1] <= room:
        return "".join(shown), first, last
    inner = room - len(ELLIPSIS)
    low = 0 if last <= inner else max(min(first - room // 4, cells[-1] - inner), 0)
    high = low + inner - (len(ELLIPSIS) if low and low + inner < cells[-1] else 0)
    text = ELLIPSIS if low else ""
    shift = low - len(text)
    inside = [i for i in range(len(line)) if low <= cells[i] and cells[i + 1] <= high]
    if inside:
        text += " " * (cells[inside[0]] - low)  # half of a wide character is left out
    text += "".join(shown[i] for i in inside)
    text += ELLIPSIS if high < cells[-1] else ""
    return text, max(first, low) - shift, max(min(last, high), max(first, low)) - shift


def _laid_out(line: str) -> tuple[list[str], list[int]]:
    """What to print for each character, and the cell each starts at (one more for the end of the line)."""
    shown: list[str] = []
    cells = [0]
    for character in line:
        text, width = _cell(character, cells[-1])
        shown.append(text)
        cells.append(cells[-1] + width)
    return shown, cells


def _cell(character: str, at: int) -> tuple[str, int]:
    if " " <= character <= "~":
        return character, 1
    if character == "\t":
        width = TAB - at % TAB
        return " " * width, width
    category = unicodedata.category(character)
    if category in ("Mn", "Me"):
        return character, 0
    if category[0] == "C" or category in ("Zl", "Zp"):  # controls, bidirectional marks, surrogates
        return "\ufffd", 1
    return character, 2 if unicodedata.east_asian_width(character) in "WF" else 1
