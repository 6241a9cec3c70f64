"""Shell completion, by running it: click's protocol, and the shells themselves where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import losslint

HOME = str(Path(losslint.__file__).parents[1])


@pytest.fixture
def program(tmp_path: Path) -> dict[str, str]:
    """An environment in which ``losslint`` is a program."""
    script = tmp_path / "bin" / "losslint"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m losslint "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return {**os.environ, "PYTHONPATH": HOME, "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}


def offered(typed: str) -> list[str]:
    """The values that are offered for the last word of a command line."""
    words = typed.split(" ")
    done = subprocess.run(
        [sys.executable, "-m", "losslint"], capture_output=True, check=True, text=True,
        env={**os.environ, "PYTHONPATH": HOME, "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1),
             "_LOSSLINT_COMPLETE": "bash_complete"})
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("typed", "some", "none"), [
    ("losslint ", {"check", "rule", "explain", "schema"}, {"LL101"}),
    ("losslint ru", {"rule"}, {"check"}),
    ("losslint src/ ru", {"ru"}, {"rule"}),
    ("losslint --s", {"--select", "--severity", "--show-files", "--statistics"}, {"--ignore"}),
    ("losslint check --ig", {"--ignore"}, {"--select"}),
    ("losslint --select LL10", {"LL101", "LL108"}, {"LL201"}),
    ("losslint --ignore LL101,ll2", {"LL101,LL201"}, {"LL201"}),
    ("losslint --severity ", {"info", "warning", "error"}, set()),
    ("losslint --output-format g", {"github"}, {"json"}),
    ("losslint rule LL3", {"LL301", "LL303"}, {"LL101"}),
    ("losslint rule --output-format ", {"text", "json"}, {"github"}),
    ("losslint explain tf.rou", {"tf.round"}, {"tf.floor"}),
    ("losslint explain ke", {"keras"}, {"keras.ops"}),
    ("losslint explain keras.o", {"keras.ops"}, {"keras.ops.abs"}),
])  # fmt: skip
def test_offers(typed: str, some: set[str], none: set[str]) -> None:
    found = set(offered(typed))
    assert some <= found
    assert not none & found


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None or sys.platform == "win32":
        pytest.skip(f"needs {name}")
    return found


def test_bash(program: dict[str, str]) -> None:
    done = subprocess.run(
        [shell("bash"), "--norc", "-c", 'eval "$(_LOSSLINT_COMPLETE=bash_source losslint)"\n'
         'COMP_WORDS=(losslint rule LL30); COMP_CWORD=2; _losslint_completion losslint; echo "${COMPREPLY[@]}"'],
        capture_output=True, check=True, text=True, env=program)
    assert {"LL301", "LL302"} <= set(done.stdout.split())


def test_zsh(program: dict[str, str]) -> None:
    done = subprocess.run(
        [shell("zsh"), "-f", "-c", 'autoload -Uz compinit && compinit -D -u\n'
         'eval "$(_LOSSLINT_COMPLETE=zsh_source losslint)"; echo "$_comps[losslint]"'],
        capture_output=True, check=True, text=True, env=program)
    assert done.stdout.strip() == "_losslint_completion"


def test_fish(program: dict[str, str]) -> None:
    done = subprocess.run(
        [shell("fish"), "--no-config", "-c",
         '_LOSSLINT_COMPLETE=fish_source losslint | source; complete -C "losslint rule LL30"'],
        capture_output=True, check=True, text=True, env=program)
    assert "LL301\tunguarded-log" in done.stdout.splitlines()
