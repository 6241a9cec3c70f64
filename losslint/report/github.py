"""Workflow commands that GitHub Actions shows as annotations beside the code."""

from __future__ import annotations

from losslint.findings import Finding, Severity
from losslint.report import Result, from_here, with_verdict

LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(result: Result) -> str:
    """The findings, one annotation each."""
    return "".join(f"{command(finding)}\n" for finding in result.findings)


def command(finding: Finding) -> str:
    """``::error file=..,line=..::message``."""
    where: dict[str, object] = {
        "title": f"{finding.code} {finding.name}",
        "file": from_here(finding.path),
        "line": finding.start.row,
        "endLine": finding.end.row,
    }
    if finding.start.row == finding.end.row:  # GitHub refuses columns across lines
        where |= {"col": finding.start.column, "endColumn": finding.end.column}
    properties = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in where.items())
    level = "notice" if finding.refuted else LEVELS[finding.severity]
    return f"::{level} {properties}::{_escaped(with_verdict(finding))}"


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
