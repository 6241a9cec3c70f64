"""The losses of the fixtures reach their return value in TensorFlow, or raise where the fixture says that they do."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from losslint.confirmation.program import NotSliced, Program
from losslint.confirmation.slicing import program_of
from losslint.graph.trace import trace
from losslint.project.module import Project
from losslint.project.sites import collect_uses, find_sites
from losslint.rules.base import Loss

FIXTURES = Path(__file__).parents[2] / "fixtures"
EXPECTED = re.compile(r"#\s*expect:")
NOT_A_VALUE = ("No gradients provided", "OperatorNotAllowedInGraphError")  # what the fixtures are about

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]


def fixture_programs() -> list[Program | NotSliced]:
    project = Project()
    modules = [project.load(path) for path in sorted(FIXTURES.rglob("*.py"))]
    uses = collect_uses(modules, project)
    return [
        program_of(Loss(site, trace(site, project)), project)
        for module in modules for site in find_sites(module, project, uses=uses) if site.framework == "tensorflow"]


def test_losses_of_the_fixtures_run() -> None:
    found = fixture_programs()
    programs = [program for program in found if isinstance(program, Program)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.confirm.running"], input=pickle.dumps(programs), capture_output=True, check=True,
        cwd=FIXTURES.parent, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"})
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(outcomes) == len(programs)
    failed = [
        f"{program.path.relative_to(FIXTURES)} {program.name}: {outcome['raised'][0]['error']}"
        for program, outcome in zip(programs, outcomes, strict=True)
        if "rung" not in outcome and not raises_as_expected(program, outcome["raised"])]
    failed += [f"{p.path.relative_to(FIXTURES)} {p.name}: {p.reason}" for p in found if isinstance(p, NotSliced)]
    assert len(failed) <= 0.04 * len(found), "\n".join(failed)


def raises_as_expected(program: Program, raised: list[dict[str, object]]) -> bool:
    """Whether some rung raised in a row that is marked, or for what the fixtures show."""
    lines = program.path.read_text().splitlines()
    for error in raised:
        rows = error["rows"]
        assert isinstance(rows, list)
        if any(word in str(error["error"]) for word in NOT_A_VALUE) or any(
                EXPECTED.search(lines[row - 1]) for row in rows[-2:]):
            return True
    return False
