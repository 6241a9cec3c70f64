"""PyTorch and JAX losses: what is found in them is what their lines say, and what their lines say is what happens.

The second half runs where the framework is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

import pytest

from tests.expectations import EXPECT, check, expected, loud
from tests.patterns.truth import PatternFile

HERE = Path(__file__).parent
FILES = {"torch": PatternFile(HERE / "torch_losses.py"), "jax": PatternFile(HERE / "jax_losses.py")}


@pytest.mark.parametrize("framework", FILES)
def test_what_is_found_is_what_the_lines_say(framework: str) -> None:
    file = FILES[framework]
    assert loud(check(file.text, file.path.name)) == expected(file.text)


@pytest.mark.parametrize("framework", FILES)
def test_what_the_lines_say_is_what_happens(framework: str) -> None:
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    file = FILES[framework]
    cases = importlib.import_module(f"tests.frameworks.{file.path.stem}").CASES
    wrong = []
    for name, runs in cases.items():
        complaints = [said for run in runs if (said := run())]
        codes = set().union(*(file.codes(part) for part in name.split()))
        if bool(complaints) != bool(codes):
            wrong.append(f"{name}: {complaints or 'fine'}")
    assert not wrong


@pytest.mark.parametrize("framework", FILES)
def test_every_marked_loss_is_run(framework: str) -> None:
    file = FILES[framework]
    rows = (line for line in file.text.splitlines() if line.startswith('    "') and '": [' in line)
    listed = {part for line in rows for part in line.split('"')[1].split()}
    marked = {file.unit_at(row) for row, line in enumerate(file.text.splitlines(), 1) if EXPECT.search(line)}
    used = {name for part in listed for name in file.units[part].uses}
    assert marked <= listed | used
