"""The report for people: where, what is wrong with this code, the code itself, what to write instead."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator

from losslint.findings import Finding, Severity
from losslint.notices import FAILS, NOT_ANALYSED, NOT_RUN
from losslint.report import Result, counted, one_line, shown, silenced, verdict
from losslint.report.frame import frame

COLUMNS = 130  # cells in a line where no terminal says how many: most code fits
STATUSES = ("confirmed", "refuted", "unconfirmed")
MOST_NAMED = 5
PROSE = 100  # text wider than this is hard to read, however wide the terminal is

Line = list[tuple[str, str]]  # pieces of text, each with the name of its style in `paint.STYLES`


def render(result: Result, columns: int = COLUMNS) -> str:
    """The report without colours."""
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in report(result, columns))


def report(result: Result, columns: int = COLUMNS) -> Iterator[Line]:
    """The report, line by line."""
    for finding in result.findings:
        yield from entry(finding, result, columns)
        yield []
    if result.show_suppressed:
        yield from _suppressed_entries(result, columns)
    if not result.quiet:
        yield from _unrun(result, columns)
        yield [(summary(result), "summary")]


def entry(finding: Finding, result: Result, columns: int) -> Iterator[Line]:
    """One finding. Its first line is never broken: editors read it."""
    yield _header(finding)
    yield from _wrapped(finding.message, "  ", "", columns)
    for row in frame(result.lines(finding.path), finding, columns):
        yield [(row.gutter, "gutter"), (row.text, "mark" if row.marks else "code")]
    if finding.help:
        yield from _wrapped(finding.help, "  help: ", "help", columns)
    if finding.verdict:
        label = finding.status + ("" if finding.status == "confirmed" else ":")
        told = verdict(finding).removeprefix(label).strip()
        yield from _wrapped(told, f"  {label} ", finding.status, columns)
    if finding.verdict and "repro" in finding.verdict:
        yield [("  repeat: ", "gutter"), (f"losslint repro {finding.verdict['repro']}", "")]


def _header(finding: Finding) -> Line:
    place: Line = [(f"{shown(finding.path)}:{finding.start.row}:{finding.start.column}", "path"), (": ", "")]
    kind: Line = [(f"{finding.code} {finding.severity.value}", finding.severity.value), (f" [{finding.name}]", "name")]
    return [*place, *kind, (f" in {one_line(finding.loss.name)}" if finding.loss else "", "")]


def _wrapped(text: str, first: str, style: str, columns: int) -> Iterator[Line]:
    """Text broken at spaces and indented under its label; lines that are indented already are code and stay."""
    label, indent, width = first, " " * len(first), min(columns, PROSE)
    for paragraph in text.split("\n"):
        whole = paragraph.startswith((" ", "\t")) or len(paragraph) + len(first) <= width
        pieces = [paragraph] if whole else textwrap.wrap(
            paragraph, max(width - len(first), 20), break_long_words=False, break_on_hyphens=False)
        for piece in pieces:
            yield [(label, style), (piece, "")]
            label = indent


def _suppressed_entries(result: Result, columns: int) -> Iterator[Line]:
    for finding, comment in result.suppressed:
        yield [*_header(finding), (f", {silenced(comment)}", "gutter")]
        yield from _wrapped(finding.message, "  ", "", columns)
        yield []


def _unrun(result: Result, columns: int) -> Iterator[Line]:
    """The losses that were to be run and gave nothing; those whose inputs or code could not be made up only counted."""
    failed = [finding for finding in result.hidden if finding.code == FAILS.code]
    told = [f"{one_line(f.loss.name if f.loss else shown(f.path))} ({one_line(f.message)})" for f in failed[:MOST_NAMED]]
    if len(failed) > MOST_NAMED:
        told.append(f"and {len(failed) - MOST_NAMED} more")
    if failed:
        yield from _wrapped(f"{counted(len(failed), 'loss')} could not be run: {', '.join(told)}.", "", "", columns)
    if number := sum(finding.code == NOT_RUN.code for finding in result.hidden):
        were = "was" if number == 1 else "were"
        yield [(f"{counted(number, 'loss')} {were} not run, for want of inputs or code: --severity info says why.", "")]


def summary(result: Result) -> str:
    """The closing line: what was found, in how many losses, and what is not shown."""
    run = f"{counted(result.files, 'file')}, {duration(result.seconds)}"
    parts = [_found([finding for finding in result.findings if not finding.refuted], result, run)]
    if hidden := Counter(finding.severity for finding in result.hidden):
        parts.append(f"{severities(hidden)} hidden: --severity {min(hidden).value}.")
    if result.suppressed and not result.show_suppressed:
        parts.append(f"{len(result.suppressed)} suppressed: --show-suppressed.")
    verdicts = Counter(finding.status for finding in result.findings if finding.verdict)
    if verdicts:
        parts.append(f"{', '.join(f'{verdicts[word]} {word}' for word in STATUSES if verdicts[word])}.")
    lost = sum(finding.code == NOT_ANALYSED.code for finding in (*result.findings, *result.hidden))
    if lost:
        parts.append(f"{counted(lost, 'loss')} could not be followed to the end.")
    return " ".join(parts)


def _found(shown: list[Finding], result: Result, run: str) -> str:
    if not result.files:
        return "No Python file found."
    losses = counted(result.losses, "loss")
    unrun = sum(finding.code in (FAILS.code, NOT_RUN.code) for finding in (*result.findings, *result.hidden))
    affected = {(finding.path, finding.loss.name, finding.loss.row) for finding in shown if finding.loss}
    if affected:
        counts = severities(Counter(finding.severity for finding in shown))
        return f"{counts} in {min(len(affected), result.losses)} of {losses} ({run})."
    if shown:
        return f"{severities(Counter(finding.severity for finding in shown))} ({losses}, {run})."
    if not result.losses:
        return (f"No loss found ({run}). --show-losses lists the code that is taken for one; "
                "put `# losslint: loss` on a function to make it one.")
    seen = f"{max(result.losses - unrun, 0)} of {losses}" if unrun else losses
    return f"No {'errors' if any(f.severity > Severity.INFO for f in result.hidden) else 'problems'} in {seen} ({run})."


def severities(counts: Counter[Severity]) -> str:
    """``2 errors, 1 warning``."""
    return ", ".join(counted(counts[severity], severity.value) for severity in sorted(counts, reverse=True))


def duration(seconds: float) -> str:
    """Seconds with as many digits as say something."""
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds:.2f} s"
