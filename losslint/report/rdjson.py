"""Reviewdog's diagnostic format; its columns count UTF-8 bytes."""

from __future__ import annotations

import json
from typing import Any

from losslint.findings import Finding, Location
from losslint.report import Result, from_here, with_verdict


def render(result: Result) -> str:
    """The findings as one DiagnosticResult."""
    document = {
        "source": {"name": "losslint"},
        "diagnostics": [_diagnostic(finding, result) for finding in result.findings],
    }
    return json.dumps(document, indent=2) + "\n"


def _diagnostic(finding: Finding, result: Result) -> dict[str, Any]:
    return {
        "message": with_verdict(finding),
        "location": {
            "path": from_here(finding.path),
            "range": {
                "start": _position(finding, finding.start, result),
                "end": _position(finding, finding.end, result),
            },
        },
        "severity": "INFO" if finding.refuted else finding.severity.value.upper(),
        "code": {"value": finding.code},
    }


def _position(finding: Finding, at: Location, result: Result) -> dict[str, int]:
    lines = result.lines(finding.path)
    before = lines[at.row - 1][:at.column - 1] if at.row <= len(lines) else ""
    beyond = at.column - 1 - len(before)
    return {"line": at.row, "column": len(before.encode("utf-8", "replace")) + beyond + 1}
