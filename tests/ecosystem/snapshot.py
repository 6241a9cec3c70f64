"""What was found in a package, reviewed: one TOML file a package, one table a finding.

The first keys say what losslint found; ``input``, ``failure`` and ``proof`` are the reviewer's: the concrete input,
what it leads to in the words of ``observe.py``, and the function in ``proofs/`` that shows it on the package's own code
(or ``unproved``: why it cannot be run). ``unconfirmed`` says why ``--confirm`` cannot show it from the wheel alone. A
finding for which no input can be shown is a bug in losslint, not an entry.

Warnings and errors are all held to the snapshot; of the infos only those that it names, such as data contracts of
published losses. ``[[wanted]]`` are latent bugs of the package that losslint should find and does not: they are counted,
never a failure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from losslint.target import parse_toml

SNAPSHOTS = Path(__file__).with_name("snapshots")
REVIEW = ("input", "failure", "proof", "unproved", "unconfirmed")  # what a reviewer adds to a finding


@dataclass(frozen=True)
class Entry:
    """A finding and its review."""

    path: str
    line: int
    code: str
    severity: str
    loss: str
    expression: str
    input: str = ""
    failure: str = ""
    proof: str = ""
    unproved: str = ""
    unconfirmed: str = ""

    @property
    def key(self) -> tuple[str, int, str, str]:
        return (self.path, self.line, self.code, self.expression)

    @property
    def reviewed(self) -> bool:
        return bool(self.input and self.failure and (self.proof or self.unproved))


@dataclass(frozen=True)
class Snapshot:
    """A package's entries: found, and wanted."""

    found: tuple[Entry, ...] = ()
    wanted: tuple[Entry, ...] = ()

    def held(self, entry: Entry) -> bool:
        """Whether a finding is one that the snapshot speaks of."""
        return entry.severity != "info" or entry.key in {named.key for named in (*self.found, *self.wanted)}


@dataclass(frozen=True)
class Difference:
    """What a run shows against a snapshot."""

    new: tuple[Entry, ...]
    gone: tuple[Entry, ...]
    unreviewed: tuple[Entry, ...]
    missing: tuple[Entry, ...]  # wanted, and still not found

    @property
    def failed(self) -> bool:
        return bool(self.new or self.gone or self.unreviewed)


def compare(snapshot: Snapshot, found: Iterable[Entry]) -> Difference:
    """A run against what was reviewed. A wanted finding that appears is new: it moves over with ``--update``."""
    before = {entry.key: entry for entry in snapshot.found}
    after = {entry.key: entry for entry in found if snapshot.held(entry)}
    return Difference(
        new=tuple(entry for key, entry in after.items() if key not in before),
        gone=tuple(entry for key, entry in before.items() if key not in after),
        unreviewed=tuple(entry for key, entry in before.items() if key in after and not entry.reviewed),
        missing=tuple(entry for entry in snapshot.wanted if entry.key not in after),
    )


def update(snapshot: Snapshot, found: Iterable[Entry]) -> Snapshot:
    """The snapshot of what is found now; the reviews of what was known stay, those of wanted findings come along."""
    known = {entry.key: entry for entry in (*snapshot.wanted, *snapshot.found)}
    merged = tuple(with_review(entry, known.get(entry.key)) for entry in found if snapshot.held(entry))
    keys = {entry.key for entry in merged}
    return Snapshot(merged, tuple(entry for entry in snapshot.wanted if entry.key not in keys))


def with_review(entry: Entry, known: Entry | None) -> Entry:
    if known is None:
        return entry
    reviewed = {name: getattr(known, name) for name in REVIEW}
    return replace(entry, **reviewed)


def read(file: Path) -> Snapshot:
    """A snapshot; an empty one where there is no file yet."""
    if not file.exists():
        return Snapshot()
    tables = parse_toml(file.read_text(encoding="utf-8"))
    found, wanted = (tuple(Entry(**table) for table in tables.get(kind, [])) for kind in ("found", "wanted"))
    return Snapshot(found, wanted)


def write(file: Path, snapshot: Snapshot) -> None:
    """Write a snapshot; none is kept for a package without entries."""
    tables = [table("found", entry) for entry in snapshot.found]
    tables += [table("wanted", entry) for entry in snapshot.wanted]
    if tables:
        file.write_text("\n".join(tables), encoding="utf-8", newline="\n")
    else:
        file.unlink(missing_ok=True)


def table(kind: str, entry: Entry) -> str:
    """One TOML table. A JSON string is a TOML string, so no further library is needed."""
    rows = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in asdict(entry).items() if value != ""]
    if not entry.reviewed:
        rows += [f'{key} = ""' for key in ("input", "failure", "proof") if not getattr(entry, key)]
    return "\n".join([f"[[{kind}]]", *rows, ""])
