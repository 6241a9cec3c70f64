"""Runs the inputs that the reviews name, on the packages' own code, and compares what happens with what they claim.

The proofs of a package are the functions of ``proofs/<package>.py``. Each package's run in a process of its own, as they
differ in the Keras they need: ``python -m tests.ecosystem.prove spektral FOLDER`` is that process.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from tests.ecosystem.packages import Package
from tests.ecosystem.snapshot import SNAPSHOTS, Entry, read

SECONDS = 600


def report(packages: list[Package], cache: Path) -> int:
    """Run and print the proofs of ``packages``; 1 if one does not show what its entry claims."""
    counts = {"shown": 0, "not shown": 0, "not run": 0}
    for package in packages:
        snapshot = read(SNAPSHOTS / f"{package.name}.toml")
        entries = [*snapshot.found, *snapshot.wanted]
        seen = observations(package, cache) if any(entry.proof for entry in entries) else {}
        for entry in entries:
            verdict, why = judge(entry, seen)
            counts[verdict] += 1
            click.echo(f"{verdict:<10}{package.name} {Path(entry.path).name}:{entry.line} {entry.code} {why}")
    click.echo(", ".join(f"{count} {word}" for word, count in counts.items()))
    return int(counts["not shown"] > 0)


def judge(entry: Entry, seen: dict[str, list[str]]) -> tuple[str, str]:
    """Whether what was seen is what an entry claims."""
    if not entry.proof:
        return "not run", entry.unproved or "no proof is named"
    happened = seen.get(entry.proof, ["there is no such proof"])
    told = f"[{entry.proof}] {', '.join(happened)}"
    if entry.failure in happened:
        return "shown", told
    return "not shown", f"{told}, where '{entry.failure}' is claimed"


def observations(package: Package, cache: Path) -> dict[str, list[str]]:
    """Proof -> what it showed, from a process of its own."""
    command = (sys.executable, "-m", "tests.ecosystem.prove", package.name, str(package.root(cache)))
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=os.environ | QUIET)
    if done.returncode:
        raise SystemExit(f"the proofs of {package.name} do not run: {done.stderr.strip().splitlines()[-1]}")
    seen: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return seen


QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}


def module_of(package: str) -> str:
    return f"tests.ecosystem.proofs.{package.replace('-', '_')}"


def run(package: str, root: Path) -> dict[str, list[str]]:
    """In the process of its own: the proofs of a package, whose files are imported from ``root``."""
    sys.path.insert(0, str(root))
    return dict(proofs(module_of(package)))


def proofs(name: str) -> Iterator[tuple[str, list[str]]]:
    module = importlib.import_module(name)
    for proof, function in vars(module).items():
        if getattr(function, "__module__", "") == name and not proof.startswith("_"):
            yield proof, attempt(function)


def attempt(proof: object) -> list[str]:
    """What a proof shows. One that cannot even be set up shows nothing, and says why."""
    try:
        return list(proof())  # type: ignore[operator]
    except Exception as error:
        return [f"the proof itself fails with {type(error).__name__}: {str(error).splitlines()[:1]}"]


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], Path(sys.argv[2]))))
