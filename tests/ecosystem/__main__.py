"""losslint over published packages, against a reviewed snapshot of what it finds there.

python -m tests.ecosystem                   compare; exit 1 if anything is new, gone or not reviewed
python -m tests.ecosystem keras spektral    these packages only
python -m tests.ecosystem --update          write the snapshots anew; reviews of what did not change stay
python -m tests.ecosystem --prove           run the inputs that the reviews name on the packages' own code
python -m tests.ecosystem --confirm         run losslint --confirm on the reviewed files; exit 1 if it leaves one open
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
from platformdirs import user_cache_path

from losslint.config import Settings
from losslint.findings import Finding
from losslint.session import Gathered, gather, look
from tests.ecosystem import confirm, prove
from tests.ecosystem.packages import Package, Unavailable, fetch, pinned
from tests.ecosystem.snapshot import SNAPSHOTS, Difference, Entry, compare, read, update, write

HEADS = ("package", "files", "losses", "seconds", "findings", "new", "gone", "wanted")
ROW = "{:<32}" + "{:>10}" * (len(HEADS) - 1)


@dataclass(frozen=True)
class Outcome:
    """What one package gave."""

    package: Package
    files: int
    losses: int
    seconds: float
    found: tuple[Entry, ...]


@click.command(help=__doc__.replace("\n\n", "\n\n\b\n"))
@click.argument("names", nargs=-1)
@click.option(
    "--cache", type=click.Path(path_type=Path), help="Where the packages are kept.  [default: the user's cache]"
)
@click.option("--update", "rewrite", is_flag=True, help="Rewrite the snapshots.")
@click.option("--prove", "proving", is_flag=True, help="Run the proofs. Needs what tests/ecosystem/proofs asks for.")
@click.option("--confirm", "confirming", is_flag=True, help="Confirm the reviewed findings. Needs TensorFlow.")
def main(names: tuple[str, ...], cache: Path | None, rewrite: bool, proving: bool, confirming: bool) -> None:
    cache = cache or user_cache_path("losslint", appauthor=False) / "ecosystem"
    packages = chosen(names)
    try:
        fetch(packages, cache)
    except Unavailable as error:
        raise SystemExit(f"the packages are not to be had: {error}") from None
    if proving:
        sys.exit(prove.report(packages, cache))
    if confirming:
        sys.exit(confirm.report(packages, cache))
    click.echo(ROW.format(*HEADS))
    failed = [outcome.package.name for outcome in checked(packages, cache) if settle(outcome, rewrite)]
    if failed:
        sys.exit(f"new, gone or not reviewed: {', '.join(failed)}; look at each, then --update and fill in the reviews")


def chosen(names: Iterable[str]) -> list[Package]:
    every = pinned()
    unknown = sorted(set(names) - set(every))
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: not in packages.txt; it has {', '.join(every)}")
    return [every[name] for name in names or every]


def checked(packages: list[Package], cache: Path) -> Iterator[Outcome]:
    """losslint over each package, as many at a time as there are cores."""
    with ProcessPoolExecutor() as pool:
        yield from pool.map(partial(check, cache=cache), packages)


def check(package: Package, cache: Path) -> Outcome:
    """losslint over one package with the settings it has when nothing is configured, infos included."""
    root = package.root(cache)
    gathered = Gathered()
    started = time.process_time()
    found = look(gathered, Settings(), [root])
    assert found is not None
    gather(gathered, found)
    seconds = time.process_time() - started
    findings = [*gathered.findings, *gathered.hidden]
    entries = sorted((entry(finding, root) for finding in findings), key=lambda e: e.key)
    return Outcome(package, gathered.files, len(gathered.losses), seconds, tuple(entries))


def entry(finding: Finding, root: Path) -> Entry:
    """A finding without its review."""
    return Entry(
        path=finding.path.relative_to(root).as_posix(), line=finding.start.row, code=finding.code,
        severity=finding.severity.value, loss=finding.loss.name if finding.loss else "", expression=expression(finding),
    )  # fmt: skip


def expression(finding: Finding) -> str:
    """The source that a finding is about, on one line."""
    lines = finding.path.read_text(encoding="utf-8").splitlines()[finding.start.row - 1 : finding.end.row]
    lines[-1] = lines[-1][: finding.end.column - 1]  # first the end: it may be one line
    lines[0] = lines[0][finding.start.column - 1 :]
    return " ".join(" ".join(lines).split())


def settle(outcome: Outcome, rewrite: bool) -> bool:
    """Compare with the snapshot or rewrite it, and say so; True if something waits for a review."""
    file = SNAPSHOTS / f"{outcome.package.name}.toml"
    snapshot = read(file)
    if rewrite:
        snapshot = update(snapshot, outcome.found)
        write(file, snapshot)
    difference = compare(snapshot, outcome.found)
    held = sum(map(snapshot.held, outcome.found))
    counts = (held, len(difference.new), len(difference.gone), len(difference.missing))
    figures = (outcome.files, outcome.losses, f"{outcome.seconds:.1f}", *counts)
    click.echo(ROW.format(str(outcome.package), *figures))
    for line in details(difference):
        click.echo(f"  {line}")
    return difference.failed


def details(difference: Difference) -> Iterator[str]:
    for word in ("new", "gone", "unreviewed"):
        for found in getattr(difference, word):
            yield f"{word}: {found.path}:{found.line} {found.code} {found.expression}"


if __name__ == "__main__":
    main()
