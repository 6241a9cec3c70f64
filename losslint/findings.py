"""What a check produces: findings, each about one expression in one loss."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import total_ordering
from pathlib import Path
from typing import Any


@total_ordering
class Severity(enum.Enum):
    """How much a finding matters under the project's target.

    ``ERROR``: training fails, or learns nothing or wrongly. ``WARNING``: fails for inputs that training plausibly
    meets. ``INFO``: only for late or extreme inputs, or a matter of contract; never changes the exit code.
    """

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    def __lt__(self, other: Severity) -> bool:
        order = list(Severity)
        return order.index(self) < order.index(other)


@dataclass(frozen=True, order=True)
class Location:
    """A place in a file: 1-based row, 1-based column in characters (not bytes)."""

    row: int
    column: int


@dataclass(frozen=True)
class LossRef:
    """The loss a finding belongs to: its dotted name, what kind of code it is, and the row it starts at."""

    name: str
    kind: str
    row: int


@dataclass(frozen=True)
class Finding:
    """One problem in one expression. ``end`` is exclusive, as ruff prints it."""

    code: str
    name: str
    severity: Severity
    message: str
    help: str
    path: Path
    start: Location
    end: Location
    loss: LossRef | None = None
    related_rows: tuple[int, ...] = ()  # other rows the reader needs to see (where the operand comes from)
    example: tuple[tuple[str, float], ...] = ()  # argument -> the number that shows it where all of it holds that
    fix: Mapping[str, Any] | None = None
    verdict: Mapping[str, Any] | None = field(default=None)

    @property
    def span(self) -> tuple[int, int, int, int]:
        """Row and column of start and end."""
        return (self.start.row, self.start.column, self.end.row, self.end.column)

    @property
    def status(self) -> str:
        """``confirmed``, ``refuted`` or ``unconfirmed``; "" where nothing was run."""
        return str(self.verdict["status"]) if self.verdict else ""

    @property
    def refuted(self) -> bool:
        """Whether running showed that it does not happen: such findings are shown, and do not fail a run."""
        return self.status == "refuted"

    @property
    def sort_key(self) -> tuple[str, Location, str]:
        return (str(self.path), self.start, self.code)
