"""Losses as people write them, one file a theme: each says on its own lines what shall be found in it.

``# expect: LL105`` stands on the line of a warning or error; a function without one is fine and must stay silent.
``known_gaps.toml`` lists what the analyzer gets wrong today; mending one makes its test fail until the entry is removed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

import pytest
from losslint.target import parse_toml

from tests.expectations import Expectation, check, loud
from tests.patterns.truth import (
    HERE,
    PatternFile,
    complaints,
    load,
    losses,
    pattern_files,
    step_complaints,
    steps,
)

FILES = {file.path.stem: file for file in pattern_files()}
RULES_UNDER_TEST = ("LL1", "LL2", "LL50")


@cache
def gaps() -> dict[tuple[str, str], str]:
    """(file, function) -> reason."""
    listed = parse_toml((HERE / "known_gaps.toml").read_text()).get("gap", [])
    return {(gap["file"], gap["function"]): gap["reason"] for gap in listed}


@cache
def found(name: str) -> dict[str, set[Expectation]]:
    """The warnings and errors of a file, by the unit they stand in. Traps must be silent for every rule."""
    file = FILES[name]
    groups: dict[str, set[Expectation]] = {}
    for row, code in loud(check(file.text, f"{name}.py", keras_version=3)):
        if name.startswith("traps_") or code.startswith(RULES_UNDER_TEST):
            groups.setdefault(file.unit_at(row), set()).add((row, code))
    return groups


def wanted(file: PatternFile, unit: str) -> set[Expectation]:
    return {(row, code) for row, codes in file.markers.items() if file.unit_at(row) == unit for code in codes}


def units() -> Sequence[object]:
    cases = []
    for name, file in FILES.items():
        for unit in [*file.units, "module"]:
            reason = gaps().get((name, unit))
            marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
            cases.append(pytest.param(name, unit, marks=marks, id=f"{name}-{unit}"))
    return cases


@pytest.mark.parametrize(("name", "unit"), units())
def test_findings(name: str, unit: str) -> None:
    assert found(name).get(unit, set()) == wanted(FILES[name], unit)


def test_gaps_exist() -> None:
    for name, unit in gaps():
        assert name in FILES
        assert unit in FILES[name].units or unit == "module", (name, unit)


@pytest.mark.slow
@pytest.mark.parametrize("stem", [stem for stem in FILES if stem != "tf1_scripts"])  # it switches eager mode off for good
def test_markers_tell_the_truth(stem: str) -> None:
    pytest.importorskip("tensorflow")
    file = FILES[stem]
    module = load(file)
    wrong = {name: complaints(file, name, loss) for name, loss in losses(file, module)}
    wrong |= {name: step_complaints(file, name, step) for name, step in steps(file, module)}
    sys.modules.pop(module.__name__)
    assert {name: problems for name, problems in wrong.items() if problems} == {}
