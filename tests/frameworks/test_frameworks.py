"""PyTorch and JAX losses: what is found in them is what their lines say, and what their lines say is what happens.

The second half runs where the framework is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

from tests.expectations import EXPECT, check, expected, loud
from tests.patterns.truth import PatternFile

HERE = Path(__file__).parent
NAMES = ("torch_losses", "torch_dtypes", "torch_precisions", "torch_rounds", "torch_indices", "torch_penalties",
         "jax_losses")  # fmt: skip
FILES = {name: PatternFile(HERE / f"{name}.py") for name in NAMES}


@pytest.mark.parametrize("name", FILES)
def test_what_is_found_is_what_the_lines_say(name: str) -> None:
    file = FILES[name]
    assert loud(check(file.text, file.path.name)) == expected(file.text)


@pytest.mark.parametrize("name", FILES)
def test_what_the_lines_say_is_what_happens(name: str) -> None:
    framework = name.partition("_")[0]
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    file = FILES[name]
    cases = importlib.import_module(f"tests.frameworks.{file.path.stem}").CASES
    wrong = []
    for losses, runs in cases.items():
        complaints = [said for run in runs if (said := run())]
        codes = set().union(*(file.codes(part) for part in losses.split()))
        if bool(complaints) != bool(codes):
            wrong.append(f"{losses}: {complaints or 'fine'}")
    assert not wrong


@pytest.mark.parametrize("name", FILES)
def test_every_marked_loss_is_run(name: str) -> None:
    file = FILES[name]
    rows = (line for line in file.text.splitlines() if line.startswith('    "') and '": [' in line)
    listed = {part for line in rows for part in line.split('"')[1].split()}
    marked = {file.unit_at(row) for row, line in enumerate(file.text.splitlines(), 1) if EXPECT.search(line)}
    used = {other for part in listed for other in file.units[part].uses}
    assert marked <= listed | used


@pytest.mark.parametrize("name", FILES)
def test_findings_speak_of_their_own_framework(name: str) -> None:
    file = FILES[name]
    said = [f"{f.code}: {f.message} {f.help}" for f in check(file.text, file.path.name)]
    assert not [text for text in said if re.search(r"\btape\b|Keras|\btf\.|TensorFlow|AutoGraph", text)]
