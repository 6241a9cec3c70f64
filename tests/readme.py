"""The README's tables, made from rules and settings: ``python -m tests.readme --write`` brings them up to date."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from losslint.config import default, options, plain
from losslint.report.listing import toml
from losslint.rules import catalogue

README = Path(__file__).parents[1] / "README.md"
TABLE = re.compile(r"(<!-- (\w+): begin[^>]*-->\n).*?(<!-- \2: end -->)", re.DOTALL)
WIDEST_DEFAULT = 40


def rules() -> str:
    """The rules as a Markdown table."""
    rows = [f"| {r.code} | {r.name} | {r.severity.value} | {r.summary} |" for r in catalogue().values()]
    return "\n".join(["| code | name | severity | what |", "| --- | --- | --- | --- |", *rows]) + "\n"


def settings() -> str:
    """The settings as a Markdown table."""
    rows = []
    for key, option in options().items():
        usual = f"`{toml(plain(default(option)))}`"
        usual = usual if len(usual) < WIDEST_DEFAULT else "see `--show-settings`"
        rows.append(f"| `{key}` | {option.metadata['help']} | {usual} | `{option.metadata['example']}` |")
    return "\n".join(["| key | what | default | example |", "| --- | --- | --- | --- |", *rows]) + "\n"


def updated(text: str) -> str:
    """The README with the tables of today."""
    tables = {"rules": rules, "settings": settings}
    return TABLE.sub(lambda match: match.group(1) + tables[match.group(2)]() + match.group(3), text)


def block(language: str, holding: str = "") -> str:
    """The first code block of a language that holds a text.

    Raises:
        LookupError: there is none.
    """
    for found in re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL):
        if holding in found:
            return str(found)
    raise LookupError(f"no {language} block with {holding!r} in the README")


if __name__ == "__main__":
    if "--write" in sys.argv:
        README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(settings(), rules(), sep="\n")
