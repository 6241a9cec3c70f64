"""A list of objects; rows and columns count from 1, the end is exclusive."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from losslint.findings import Finding
from losslint.report import Result


def render(result: Result) -> str:
    """The findings as a JSON document."""
    objects = [as_object(finding) for finding in result.findings]
    if result.show_suppressed:
        objects += [as_object(finding) | {"suppressed": {"row": comment.row, "reason": comment.reason}}
                    for finding, comment in result.suppressed]
    return json.dumps(objects, indent=2) + "\n"


def as_object(finding: Finding) -> dict[str, Any]:
    """A finding as JSON knows it."""
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "help": finding.help,
        "filename": str(finding.path),
        "location": asdict(finding.start),
        "end_location": asdict(finding.end),
        "loss": asdict(finding.loss) if finding.loss else None,
        "fix": dict(finding.fix) if finding.fix else None,
        "verdict": finite(finding.verdict) if finding.verdict else None,
        "url": None,  # as ruff has it; there is no page yet: `losslint rule CODE` prints the documentation
    }


def finite(value: Any) -> Any:
    """A value that JSON can hold: it has no NaN and no infinity, which become the strings nan, inf and -inf."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
