"""``--confirm`` on whole files, one process for each framework: what a comment such as ``# LL105 confirmed`` says is the
verdict of its row, every loss without a finding of its own is run, and there is nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from losslint.check import check_paths
from losslint.config import Settings
from losslint.confirmation import verdicts
from losslint.findings import Severity
from losslint.notices import FAILS, NOT_RUN

FILES = Path(__file__).with_name("files")
SAID = re.compile(r"(LL\d+) ((?:confirmed|refuted|unconfirmed)(?:: [^;]+)?)")


def stated(path: Path) -> Iterator[tuple[tuple[str, int, str], str]]:
    """Where which rule says something, and how its verdict begins."""
    for row, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for code, verdict in SAID.findall(line.partition("# ")[2]):
            yield (path.name, row, code), verdict


@pytest.mark.parametrize("framework", [
    "tensorflow", pytest.param("torch", marks=pytest.mark.frameworks), pytest.param("jax", marks=pytest.mark.frameworks)])
def test_verdicts_in_files(framework: str) -> None:
    if find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    paths = sorted((FILES / framework).glob("*.py"))
    wanted = dict(one for path in paths for one in stated(path))
    assert wanted
    settings = Settings()
    [report] = verdicts.with_verdicts([(settings, check_paths(paths, settings, keep_losses=True))])
    told = [f for f in report.findings if f.severity > Severity.INFO or f.code in (FAILS.code, NOT_RUN.code)
            or (f.path.name, f.start.row, f.code) in wanted]
    found = {
        (f.path.name, f.start.row, f.code): f"{f.status}: {(f.verdict or {'reason': f.message})['reason']}" for f in told}
    assert {place: found[place][:len(wanted.get(place, found[place]))] for place in found} == wanted
