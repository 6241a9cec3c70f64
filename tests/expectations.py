"""Expected findings, written on the offending line: ``# expect: LL101`` or ``# expect: LL101, LL205``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from losslint.check import check_source
from losslint.config import Settings
from losslint.findings import Finding, Severity

EXPECT = re.compile(r"#\s*expect:\s*(LL\d+(?:\s*,\s*LL\d+)*)")
Expectation = tuple[int, str]  # row, code


def expected(text: str) -> set[Expectation]:
    """The findings a text says it has."""
    return {
        (row, code)
        for row, line in enumerate(text.splitlines(), 1)
        if (match := EXPECT.search(line))
        for code in re.split(r"\s*,\s*", match.group(1))
    }


def loud(findings: Iterable[Finding]) -> set[Expectation]:
    """Findings of severity warning or error, by row and code."""
    return {(f.start.row, f.code) for f in findings if f.severity >= Severity.WARNING}


def check(text: str, name: str = "losses.py", **settings: object) -> list[Finding]:
    """The findings of a text, as if it were the file ``name`` in an empty folder."""
    return check_source(text, Path("/nowhere") / name, Settings(**settings)).findings  # type: ignore[arg-type]
