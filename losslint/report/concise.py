"""One line a finding: ``path:row:column: CODE severity [name] message``."""

from __future__ import annotations

from losslint.findings import Finding
from losslint.report import Result, one_line, shown, silenced, verdict


def render(result: Result) -> str:
    """The findings, one a line."""
    lines = [line(finding) for finding in result.findings]
    if result.show_suppressed:
        lines += [f"{line(finding)}; {silenced(comment)}" for finding, comment in result.suppressed]
    return "".join(f"{text}\n" for text in lines)


def line(finding: Finding) -> str:
    """A finding on one line."""
    at = f"{shown(finding.path)}:{finding.start.row}:{finding.start.column}"
    told = f"; {verdict(finding)}" if finding.verdict else ""
    return f"{at}: {finding.code} {finding.severity.value} [{finding.name}] {one_line(finding.message)}{told}"
