"""The editor and CI lines of the README, run: against real output, and in the editors where they are installed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import losslint
from losslint.cli import main
from tests.readme import README, block

HOME = str(Path(losslint.__file__).parents[1])
FAULTY = """\
import numpy as np
import tensorflow as tf


def log_loss(y_true, y_pred):
    if tf.reduce_sum(y_true) == 0:
        return tf.reduce_mean(tf.sqrt(tf.square(y_true - y_pred)))
    return tf.reduce_mean(y_true * np.log(y_pred))
"""
EXPECTED = [(6, 8, "LL201", "error"), (7, 31, "LL303", "warning"), (8, 36, "LL101", "error"),
            (8, 36, "LL301", "warning")]


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("losses.py").write_text(FAULTY, encoding="utf-8")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """One in which ``losslint`` is a program."""
    script = tmp_path / "bin" / "losslint"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m losslint "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return {**os.environ, "PYTHONPATH": HOME, "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}


def installed(name: str) -> str:
    found = shutil.which(name)
    if found is None or sys.platform == "win32":
        pytest.skip(f"needs {name}")
    return found


def test_visual_studio_code(capsys: pytest.CaptureFixture[str]) -> None:
    [task] = json.loads(block("json", "problemMatcher"))["tasks"]
    pattern = task["problemMatcher"]["pattern"]
    arguments = [text.replace("${file}", str(Path("losses.py").resolve())) for text in task["args"]]
    assert main(arguments) == 1
    lines = capsys.readouterr().out.splitlines()
    matches = [re.match(pattern["regexp"], line) for line in lines]
    assert [match and (int(match[pattern["line"]]), int(match[pattern["column"]]), match[pattern["code"]],
                       match[pattern["severity"]]) for match in matches] == EXPECTED
    first = matches[0]
    assert first is not None
    assert Path(first[pattern["file"]]).samefile("losses.py")
    assert first[pattern["message"]].startswith("[tensor-condition] if needs the value of the tensor")
    binding = json.loads(block("json", "runCommands"))
    assert binding["args"]["commands"][1]["args"] == task["label"]


NEOVIM = """
local lint = { linters = {}, linters_by_ft = {}, try_lint = function() end }
package.preload["lint"] = function() return lint end
dofile("readme.lua")
local linter = lint.linters[lint.linters_by_ft.python[1]]
local command = { linter.cmd }
for _, argument in ipairs(linter.args) do
  table.insert(command, type(argument) == "function" and argument() or argument)
end
local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), "\\n") .. "\\n"
local space = vim.api.nvim_create_namespace("losslint")
vim.diagnostic.set(space, 0, linter.parser(vim.fn.system(command, text), 0))
local found = {}
for _, d in ipairs(vim.diagnostic.get(0)) do
  table.insert(found, { d.lnum + 1, d.col + 1, d.code, d.severity == 1 and "error" or "warning", d.end_col, d.message })
end
vim.fn.writefile({ vim.json.encode(found), vim.json.encode(linter.parser("", 0)) }, "found.json")
"""


def test_neovim(environment: dict[str, str]) -> None:
    Path("readme.lua").write_text(block("lua"), encoding="utf-8")
    Path("run.lua").write_text(NEOVIM, encoding="utf-8")
    subprocess.run([installed("nvim"), "--headless", "--clean", "losses.py", "+luafile run.lua", "+qa!"], check=True,
                   capture_output=True, env=environment, timeout=60)
    found, nothing = map(json.loads, Path("found.json").read_text(encoding="utf-8").splitlines())
    assert [tuple(one[:4]) for one in found] == EXPECTED
    assert FAULTY.splitlines()[7][found[2][1] - 1:found[2][4]] == "np.log(y_pred)"
    assert "\nuse tf.math.log" in found[2][5]
    assert nothing == []


EMACS = """
(require 'python)
(load-file "readme.el")
(find-file "losses.py")
(goto-char (point-max))
(insert "# unsaved\\n")
(python-flymake
 (lambda (found &rest _)
   (with-temp-file "found.txt"
     (dolist (one found)
       (insert (format "%s %s %s\\n" (with-current-buffer "losses.py" (line-number-at-pos (flymake-diagnostic-beg one)))
                       (flymake-diagnostic-type one) (flymake-diagnostic-text one)))))))
(while (process-live-p python--flymake-proc) (accept-process-output python--flymake-proc 1))
(accept-process-output nil 1)
"""


def test_emacs(environment: dict[str, str]) -> None:
    Path("readme.el").write_text(block("elisp"), encoding="utf-8")
    Path("run.el").write_text(EMACS, encoding="utf-8")
    done = subprocess.run([installed("emacs"), "--batch", "--no-init-file", "--load", "run.el"], check=False,
                          capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    found = sorted(Path("found.txt").read_text(encoding="utf-8").splitlines())
    assert [(int(row), code, kind.removeprefix(":")) for row, kind, code in
            (line.split(" ")[:3] for line in found)] == [(row, code, kind) for row, _, code, kind in EXPECTED]


def test_the_hook_of_the_readme_exists() -> None:
    used = re.findall(r"- id: ([\w-]+)", block("yaml", "hooks:"))
    offered = (README.parent / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    assert used == re.findall(r"^- id: ([\w-]+)", offered, re.MULTILINE)


COMMANDS = re.findall(r"^\$ (losslint .*?)(?:  +#.*)?$", README.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_line_of_the_readme_is_understood(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("src").mkdir()
    shutil.copy("losses.py", "src/train.py")
    shutil.copy("losses.py", "train.py")
    arguments = shlex.split(line.partition(" > ")[0])[1:]
    assert main(arguments) in (0, 1)
    assert capsys.readouterr().err == ""
