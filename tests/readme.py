"""The README's table of rules, made from the rules: ``python -m tests.readme --write`` brings it up to date."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from losslint.rules import catalogue

README = Path(__file__).parents[1] / "README.md"
BETWEEN = re.compile(r"(<!-- rules: begin[^>]*-->\n).*?(<!-- rules: end -->)", re.DOTALL)


def table() -> str:
    """The rules as a Markdown table."""
    rows = [f"| {r.code} | {r.name} | {r.severity.value} | {r.summary} |" for r in catalogue().values()]
    return "\n".join(["| code | name | severity | what |", "| --- | --- | --- | --- |", *rows]) + "\n"


def updated(text: str) -> str:
    """The README with the table of today."""
    return BETWEEN.sub(lambda match: match.group(1) + table() + match.group(2), text)


if __name__ == "__main__":
    if "--write" in sys.argv:
        README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(table())
