"""``losslint --confirm`` over the files of the packages that have reviewed entries: each is to be confirmed, from the
unpacked wheel alone, whatever of the package's own dependencies is installed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from tests.ecosystem.packages import Package
from tests.ecosystem.prove import QUIET
from tests.ecosystem.snapshot import SNAPSHOTS, Entry, read

SECONDS = 1800
LONGEST = 150  # characters of a reason

Findings = list[dict[str, Any]]


def report(packages: list[Package], cache: Path) -> int:
    """Print the verdict of each entry; 1 if one that is found is not confirmed."""
    unconfirmed = 0
    for package in packages:
        snapshot = read(SNAPSHOTS / f"{package.name}.toml")
        entries = [*snapshot.found, *snapshot.wanted]
        findings = confirmed(package.root(cache), sorted({entry.path for entry in entries})) if entries else []
        for entry in entries:
            status, why = verdict(entry, findings, package.root(cache))
            unconfirmed += entry in snapshot.found and status != "confirmed"
            click.echo(f"{status:<12}{package.name} {Path(entry.path).name}:{entry.line} {entry.code} {why[:LONGEST]}")
    return int(unconfirmed > 0)


def verdict(entry: Entry, findings: Findings, root: Path) -> tuple[str, str]:
    """What the run said of an entry: by its rule, else by whatever only running showed at its line."""
    here = [one for one in findings if Path(one["filename"]) == root / entry.path and one["location"]["row"] == entry.line]
    named = [one for one in here if one["code"] == entry.code]
    for one in (*named, *(one for one in here if one["code"].startswith("LL9"))):
        shown = one["verdict"] or {"status": "not run", "reason": ""}
        seen = "" if one["code"] == entry.code else f"as {one['code']}: "
        return shown["status"], seen + shown["reason"]
    return "not found", ""


def confirmed(root: Path, files: list[str]) -> Findings:
    """The findings of some files of a package, with their verdicts, as a user's run gives them."""
    command = (sys.executable, "-m", "losslint", "--confirm", "--isolated", "--severity", "info", "--output-format", "json")
    done = subprocess.run([*command, *(str(root / file) for file in files)], capture_output=True, text=True,
                          timeout=SECONDS, env=os.environ | QUIET, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr.strip().splitlines()[-1])
    found: Findings = json.loads(done.stdout)
    return found
