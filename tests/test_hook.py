"""The pre-commit hook, run by the real ``pre-commit`` from a clone of this repository."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import losslint

REPOSITORY = Path(losslint.__file__).parents[1]
FAULTY = """\
import numpy as np
import tensorflow as tf


def log_loss(y_true, y_pred):
    return tf.reduce_mean(y_true * np.log(y_pred))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="not a clone of the repository"),
    pytest.mark.skipif(shutil.which("git") is None, reason="needs git"),
]


def call(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          env={**clean, "PYTHONPATH": "", **variables})


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always")
    done = call(folder, "git", *identity, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def installable() -> bool:
    """Whether pip finds this package's requirements, on the network or in a local index."""
    try:
        socket.create_connection(("pypi.org", 443), timeout=5).close()
    except OSError:
        return "index-url" in call(REPOSITORY, sys.executable, "-m", "pip", "config", "list").stdout
    return True


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project that uses the hook of the last commit; the hook's environment is built once."""
    pytest.importorskip("pre_commit")
    if not installable():
        pytest.skip("needs a package index")
    home = tmp_path_factory.mktemp("hook")
    git(home, "clone", "--quiet", str(REPOSITORY), "losslint")
    project = home / "project"
    project.mkdir()
    git(project, "init", "--quiet")
    (project / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {(home / 'losslint').as_uri()}\n  rev: {git(home / 'losslint', 'rev-parse', 'HEAD')}\n"
        "  hooks:\n  - id: losslint\n", encoding="utf-8")
    git(project, "add", ".pre-commit-config.yaml")
    git(project, "commit", "--quiet", "--message", "use losslint")
    installed = pre_commit(project, "install-hooks")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    yield project
    shutil.rmtree(home, ignore_errors=True)


def pre_commit(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return call(project, sys.executable, "-m", "pre_commit", *arguments, PRE_COMMIT_HOME=str(project.parent / "cache"))


def staged(project: Path, **contents: str) -> subprocess.CompletedProcess[str]:
    """What the hook says about a commit of just these files."""
    git(project, "reset", "--quiet", "--hard")
    for name, text in contents.items():
        file = project / (name if "." in name else f"{name}.py")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        git(project, "add", str(file))
    return pre_commit(project, "run", "losslint")


def test_a_staged_loss_without_gradient_stops_the_commit(project: Path) -> None:
    done = staged(project, losses=FAULTY, other="print('hello')\n")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "losses.py:6:36: LL101 error [numpy-on-tensor] in log_loss" in done.stdout


def test_files_without_losses_pass(project: Path) -> None:
    done = staged(project, other="print('hello')\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout


def test_nothing_staged_passes(project: Path) -> None:
    done = staged(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Skipped" in done.stdout


def test_what_the_settings_exclude_is_not_checked(project: Path) -> None:
    settings = {"losslint.toml": 'extend-exclude = ["legacy/*"]\n'}
    done = staged(project, **{"legacy/old.py": FAULTY, **settings})
    assert (done.returncode, "Passed" in done.stdout) == (0, True), done.stdout + done.stderr
    done = staged(project, **{"legacy/old.py": FAULTY, "losses": FAULTY, **settings})
    assert done.returncode == 1
    assert "legacy" not in done.stdout
    assert "losses.py:6:36: LL101" in done.stdout


def test_a_file_that_is_not_python_stops_the_commit(project: Path) -> None:
    done = staged(project, broken="def f(:\n")
    assert (done.returncode, "broken.py:1:7: LL001" in done.stdout) == (1, True), done.stdout + done.stderr
