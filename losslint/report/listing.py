"""Lists about a run rather than about findings: its losses, its statistics, the rules."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from losslint.config import Settings, options, plain
from losslint.findings import Severity
from losslint.report import Result, shown
from losslint.report.json import finite

if TYPE_CHECKING:
    from losslint.project.sites import Site


class RuleInfo(Protocol):
    """What a rule says of itself."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def summary(self) -> str: ...
    @property
    def documentation(self) -> str: ...


def files_text(files: Iterable[Path]) -> str:
    """One path a line."""
    return "".join(f"{shown(path)}\n" for path in files)


def files_json(files: Iterable[Path]) -> str:
    """The paths as a list of strings."""
    return _dump([str(path) for path in files])


def losses_text(losses: Iterable[Site]) -> str:
    """One loss a line: ``path:row: kind name (mode) - reason``."""
    return "".join(
        f"{shown(site.module.path)}:{site.row}: {site.kind} {site.qualname} ({site.mode.value}) - {site.reason}\n"
        for site in losses)


def losses_json(losses: Iterable[Site]) -> str:
    """The losses as a list of objects."""
    return _dump([{
        "filename": str(site.module.path), "row": site.row, "kind": site.kind, "name": site.qualname,
        "mode": site.mode.value, "reason": site.reason, "framework": site.framework, "certain": site.certain,
    } for site in losses])  # fmt: skip


def statistics_text(result: Result) -> str:
    """Findings counted by rule, the most frequent first."""
    counts = _counts(result)
    digits = max((len(str(number)) for _, number in counts), default=1)
    return "".join(f"{number:>{digits}}  {code} {severity.value} [{name}]\n"
                   for (code, name, severity), number in counts)


def statistics_json(result: Result) -> str:
    """Findings counted by rule as a list of objects."""
    return _dump([{"code": code, "name": name, "severity": severity.value, "count": number}
                  for (code, name, severity), number in _counts(result)])


def _counts(result: Result) -> list[tuple[tuple[str, str, Severity], int]]:
    counts = Counter((finding.code, finding.name, finding.severity) for finding in result.findings)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0][0], -list(Severity).index(item[0][2])))


def rules_text(rules: Mapping[str, RuleInfo]) -> str:
    """One rule a line."""
    width = max((len(rule.name) for rule in rules.values()), default=0)
    return "".join(f"{code}  {rule.name:<{width}}  {rule.severity.value:<7}  {rule.summary}\n"
                   for code, rule in rules.items())


def rule_text(rule: RuleInfo) -> str:
    """All that is known of a rule."""
    parts = [f"{rule.code} {rule.name} ({rule.severity.value})", rule.documentation.strip()]
    for title, attribute in (("Reported", "BAD"), ("Not reported", "GOOD")):
        parts += [f"{title}:\n\n" + _indented(example) for example in getattr(rule, attribute, ())]
    return "\n\n".join(parts) + "\n"


def rules_json(rules: Iterable[RuleInfo]) -> str:
    """Rules as a list of objects."""
    return _dump([{
        "code": rule.code, "name": rule.name, "severity": rule.severity.value, "summary": rule.summary,
        "documentation": rule.documentation, "bad": [example.strip("\n") for example in getattr(rule, "BAD", ())],
        "good": [example.strip("\n") for example in getattr(rule, "GOOD", ())],
    } for rule in rules])  # fmt: skip


def _indented(example: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in example.strip("\n").split("\n"))


def _dump(value: Any) -> str:
    return json.dumps(finite(value), indent=2) + "\n"


def settings_text(chosen: Iterable[Settings]) -> str:
    """Settings as the lines of a ``losslint.toml``, one block for each file they come from."""
    return "\n".join(_settings_block(settings) for settings in chosen)


def settings_json(chosen: Iterable[Settings]) -> str:
    """Settings as a list of objects, one for each file they come from."""
    return _dump([{"source": settings.source and str(settings.source), "root": str(settings.root)} | _values(settings)
                  for settings in chosen])


def _settings_block(settings: Settings) -> str:
    head = [f"# from {settings.source or 'the defaults'}, patterns relative to {settings.root}"]
    return "\n".join([*head, *(f"{key} = {toml(value)}" for key, value in _values(settings).items())]) + "\n"


def _values(settings: Settings) -> dict[str, Any]:
    return {key: plain(getattr(settings, option.name)) for key, option in options().items()}


def toml(value: Any) -> str:
    """A value as a settings file writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, float):
        return str(value)  # nan and inf are numbers there
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
