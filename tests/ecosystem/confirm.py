"""``losslint --confirm`` over the losses that have reviewed entries: each is to be confirmed, from the unpacked wheel
alone, whatever of the package's own dependencies is installed.

What cannot be shown says why in its entry (``unconfirmed``); one that is left open without such a reason fails the
command.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import click

from losslint.check import Checked, Report, check_paths
from losslint.config import Settings
from losslint.confirmation.client import FrameworkMissing
from losslint.confirmation.judge import CONFIRMED
from losslint.confirmation.verdicts import with_verdicts
from losslint.findings import Finding
from tests.ecosystem.packages import Package
from tests.ecosystem.snapshot import SNAPSHOTS, Entry, Snapshot, read

LONGEST = 150  # characters of a reason


def report(packages: list[Package], cache: Path) -> int:
    """Print the verdict of each entry; 1 if one is open and its review does not say why."""
    unexpected = 0
    for package in packages:
        snapshot = read(SNAPSHOTS / f"{package.name}.toml")
        if not (snapshot.found or snapshot.wanted):
            continue
        root = package.root(cache)
        try:
            findings = judged(root, snapshot)
        except FrameworkMissing as error:
            click.echo(f"{'not run':<12}{package.name}: {error.reason}")
            unexpected += 1
            continue
        for entry in (*snapshot.found, *snapshot.wanted):
            status, why = verdict(entry, findings, root)
            expected = entry in snapshot.wanted or status == CONFIRMED or bool(entry.unconfirmed)
            unexpected += not expected
            reason = why if status == CONFIRMED or not entry.unconfirmed else f"{entry.unconfirmed} ({why})"
            where = f"{package.name} {Path(entry.path).name}:{entry.line} {entry.code}"
            click.echo(f"{status:<12}{'' if expected else 'UNEXPECTED '}{where} {reason[:LONGEST]}")
    return int(unexpected > 0)


def verdict(entry: Entry, findings: Iterable[Finding], root: Path) -> tuple[str, str]:
    """What the run said of an entry: by its rule, else by whatever only running showed at its line."""
    here = [one for one in findings if one.path == root / entry.path and one.start.row == entry.line]
    named = [one for one in here if one.code == entry.code]
    for one in (*named, *(one for one in here if one.code.startswith("LL9"))):
        seen = "" if one.code == entry.code else f"as {one.code}: "
        return one.status or "not run", seen + (one.verdict or {"reason": ""})["reason"]
    return "not found", ""


def judged(root: Path, snapshot: Snapshot) -> list[Finding]:
    """What is found in a package, as a whole, with the verdicts of running the losses that the entries are about."""
    settings = Settings()
    found = check_paths([root], settings, keep_losses=True)
    chosen = [checked for checked in found.checked if is_reviewed(checked, snapshot, root)]
    trimmed: Report = replace(found, checked=chosen)
    return with_verdicts([(settings, trimmed)])[0].findings


def is_reviewed(checked: Checked, snapshot: Snapshot, root: Path) -> bool:
    """Whether an entry is about a loss: about what is found in it, or, where nothing is found yet, about its file."""
    found = {(root / entry.path, entry.line, entry.code) for entry in (*snapshot.found, *snapshot.wanted)}
    files = {root / entry.path for entry in snapshot.wanted}
    return checked.loss.site.module.path in files or any(
        (one.path, one.start.row, one.code) in found for one in checked.findings)
