"""Findings as text for people, editors and machines: one module a format, each with ``render(result) -> str``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from os.path import abspath
from pathlib import Path
from typing import TYPE_CHECKING

from losslint.findings import Finding, Severity

if TYPE_CHECKING:
    from losslint.project.module import Module
    from losslint.suppress import Suppression

FORMATS = ("text", "concise", "json", "github", "rdjson")
MACHINES = ("json", "rdjson")  # read by programs that choose for themselves: nothing is hidden unless it was asked for


@dataclass(frozen=True)
class Result:
    """All that a report is made of."""

    findings: Sequence[Finding] = ()
    hidden: Sequence[Finding] = ()  # those below the wanted severity
    suppressed: Sequence[tuple[Finding, Suppression]] = ()
    show_suppressed: bool = False
    losses: int = 0
    files: int = 0
    seconds: float = 0.0
    quiet: bool = False
    modules: Mapping[Path, Module] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether a finding is more than an info, and not refuted."""
        return any(finding.severity > Severity.INFO and not finding.refuted for finding in self.findings)

    def lines(self, path: Path) -> Sequence[str]:
        """The lines of a file; none if it cannot be read."""
        if path in self.modules:
            return self.modules[path].lines
        try:
            return path.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            return ()


def verdict(finding: Finding) -> str:
    """``confirmed in fit: y_true=[1.], ... -> loss inf``, ``refuted: ...``; "" where nothing was run."""
    if finding.verdict is None:
        return ""
    joint = " " if finding.status == "confirmed" else ": "
    return finding.status + joint + one_line(str(finding.verdict["reason"]))


def with_verdict(finding: Finding) -> str:
    """The message, the help and the verdict, a line each."""
    lines = (finding.message, finding.help and f"help: {finding.help}", verdict(finding))
    return "\n".join(filter(None, lines))


def silenced(comment: Suppression) -> str:
    """``suppressed on row 4: reason``."""
    return f"suppressed on row {comment.row}" + (f": {one_line(comment.reason)}" if comment.reason else "")


def render(format: str, result: Result) -> str:
    """The report in one of `FORMATS`."""
    text: str = import_module(f"losslint.report.{format}").render(result)
    return text


def counted(number: int, noun: str) -> str:
    """``1 error``, ``2 losses``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{'es' if noun.endswith('s') else 's'}"


def one_line(text: str) -> str:
    """Text without line breaks."""
    return " ".join(text.split())


def shown(path: Path) -> str:
    """A path on one line: a control character in it is written as Python writes it."""
    return "".join(c if c >= " " and c != "\x7f" else repr(c)[1:-1] for c in str(path))


def from_here(path: Path) -> str:
    """A path as seen from the current folder where that is above it, with forward slashes."""
    absolute = Path(abspath(path))
    return absolute.relative_to(Path.cwd()).as_posix() if absolute.is_relative_to(Path.cwd()) else path.as_posix()
