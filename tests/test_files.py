"""The walk: what it finds, what it leaves out, in which order, and what it says about the rest."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from losslint.check import check_paths
from losslint.config import Settings
from losslint.project import files, names
from losslint.project.files import Problem, discover, may_hold_a_loss, worth_parsing


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")


def found(*paths: str, problems: list[Problem] | None = None, **options: object) -> list[str]:
    chosen = Settings(**options)  # type: ignore[arg-type]
    return [file.path.as_posix() for file in discover(map(Path, paths), chosen, problems)]


def test_default_is_the_current_folder() -> None:
    write("b.py", "a.py", "pkg/c.py", "notes.md")
    assert found() == found(".") == ["a.py", "b.py", "pkg/c.py"]


def test_paths_are_shown_as_given(tmp_path: Path) -> None:
    write("pkg/a.py")
    assert found("pkg") == ["pkg/a.py"]
    assert found(str(tmp_path)) == [(tmp_path / "pkg/a.py").as_posix()]


def test_bytes_and_explicitness_come_along() -> None:
    Path("a.py").write_bytes(b"x = 1\r\n")
    [walked], [named] = list(discover([Path()], Settings())), list(discover([Path("a.py")], Settings()))
    assert (walked.data, walked.explicit, named.explicit) == (b"x = 1\r\n", False, True)


@pytest.mark.parametrize("folder", [".venv", "venv", "build", "dist", "node_modules", "__pycache__", ".git", ".tox",
                                    ".eggs", "site-packages"])
def test_default_excludes_act_on_the_walk_only(folder: str) -> None:
    write("a.py", f"{folder}/b.py", f"{folder}/pkg/c.py")
    assert found() == ["a.py"]
    assert found(folder) == [f"{folder}/b.py", f"{folder}/pkg/c.py"]
    assert found(f"{folder}/b.py") == [f"{folder}/b.py"]


def test_a_virtual_environment_of_any_name_is_left_out() -> None:
    write("a.py", "tf215/pyvenv.cfg", "tf215/lib/b.py")
    assert found() == ["a.py"]


@pytest.mark.parametrize(("patterns", "kept"), [
    (("legacy",), ["a.py", "pkg/b_pb2.py", "pkg/gen/c.py"]),
    (("legacy/",), ["a.py", "pkg/b_pb2.py", "pkg/gen/c.py"]),
    (("*_pb2.py",), ["a.py", "legacy/d.py", "pkg/gen/c.py"]),
    (("pkg/gen",), ["a.py", "legacy/d.py", "pkg/b_pb2.py"]),
    (("pkg/**",), ["a.py", "legacy/d.py"]),
    (("/a.py", "legacy"), ["pkg/b_pb2.py", "pkg/gen/c.py"]),
    (("pkg/*", "!pkg/gen"), ["a.py", "legacy/d.py", "pkg/gen/c.py"]),
])  # fmt: skip
def test_extend_exclude(patterns: tuple[str, ...], kept: list[str]) -> None:
    write("a.py", "legacy/d.py", "pkg/b_pb2.py", "pkg/gen/c.py")
    assert found(extend_exclude=patterns) == kept


def test_exclude_replaces_the_defaults() -> None:
    write("a.py", "build/b.py", "old/c.py")
    assert found(exclude=("old",)) == ["a.py", "build/b.py"]


def test_patterns_are_relative_to_the_settings_root() -> None:
    write("pkg/gen/c.py", "pkg/a.py", "gen/b.py")
    assert found("pkg", extend_exclude=("/pkg/gen",)) == ["pkg/a.py"]
    assert found("pkg", extend_exclude=("/gen",)) == ["pkg/a.py", "pkg/gen/c.py"]
    assert found("pkg", extend_exclude=("/pkg",)) == ["pkg/a.py", "pkg/gen/c.py"]  # named: walked all the same


def test_gitignore_at_every_level() -> None:
    write("a.py", "scratch.py", "pkg/scratch.py", "pkg/b.py", "pkg/keep/scratch.py", "data/c.py")
    Path(".gitignore").write_text("scratch.py\n/data/\n# comment\n\n", encoding="utf-8")
    Path("pkg/.gitignore").write_text("b.py\n", encoding="utf-8")
    Path("pkg/keep/.gitignore").write_text("!scratch.py\n", encoding="utf-8")
    assert found() == ["a.py", "pkg/keep/scratch.py"]
    assert len(found(respect_gitignore=False)) == 6
    assert found("scratch.py", "data") == ["data/c.py", "scratch.py"]


def test_gitignore_of_the_repository_above_the_path() -> None:
    write("repo/pkg/a.py", "repo/pkg/gen/b.py", "repo/pkg/local.py")
    Path(".gitignore").write_text("*.py\n", encoding="utf-8")  # above the repository: not git's business
    Path("repo/.git/info").mkdir(parents=True)
    Path("repo/.git/info/exclude").write_text("local.py\n", encoding="utf-8")
    Path("repo/.gitignore").write_text("gen/\n", encoding="utf-8")
    assert found("repo/pkg") == ["repo/pkg/a.py"]
    assert found("repo/pkg/gen") == ["repo/pkg/gen/b.py"]


def test_a_pattern_git_cannot_read_is_passed_over() -> None:
    write("a.py", "b.py")
    Path(".gitignore").write_text("!\nb.py\n", encoding="utf-8")
    assert found() == ["a.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="symlinks need rights there")
def test_symlinks_loop_and_alias() -> None:
    write("pkg/a.py", "pkg/sub/b.py")
    os.symlink("..", "pkg/sub/up")
    os.symlink("self.py", "pkg/self.py")
    os.symlink("gone.py", "pkg/broken.py")
    os.symlink("pkg/a.py", "alias.py")
    os.symlink("pkg", "twin")
    assert found() == ["alias.py", "pkg/sub/b.py"]
    assert found("pkg", "twin", "pkg/a.py", "alias.py") == ["alias.py", "pkg/sub/b.py"]
    assert found("pkg") == ["pkg/a.py", "pkg/sub/b.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="symlinks need rights there")
def test_a_linked_folder_is_walked() -> None:
    write("elsewhere/a.py", "project/b.py")
    os.symlink("../elsewhere", "project/linked")
    assert found("project") == ["project/b.py", "project/linked/a.py"]


def test_patterns_that_no_shell_expanded() -> None:
    write("src/a.py", "src/deep/b.py", "src/[odd].py")
    assert found("src/*.py") == ["src/[odd].py", "src/a.py"]
    assert found("src/**/*.py") == ["src/[odd].py", "src/a.py", "src/deep/b.py"]
    assert found("src/[odd].py") == ["src/[odd].py"]


@pytest.mark.parametrize(("name", "content", "message"), [
    ("gone.py", None, "no such file or folder"),
    ("gone/*.py", None, "no such file or folder"),
    ("README.md", "", "not a Python file (it ends in .md, not .py)"),
    ("nb.ipynb", "{}", "notebooks are not read yet; export it first: jupyter nbconvert --to script nb.ipynb"),
])  # fmt: skip
def test_what_cannot_be_checked_is_said_and_the_rest_is_found(name: str, content: str | None, message: str) -> None:
    write("a.py")
    if content is not None:
        Path(name).write_text(content, encoding="utf-8")
    problems: list[Problem] = []
    assert found(name, "a.py", problems=problems) == ["a.py"]
    assert problems == [Problem(Path(name), message)]
    assert str(problems[0]) == f"{Path(name)}: {message}"


def test_notebooks_are_mentioned_where_there_is_nothing_else() -> None:
    for name in ("nb/a.ipynb", "nb/b.ipynb", "nb/venv/c.ipynb"):
        write(name)
    problems: list[Problem] = []
    assert found("nb", problems=problems) == []
    assert [str(problem) for problem in problems] == [
        f"{Path('nb/a.ipynb')}: notebooks are not read yet; export it first: jupyter nbconvert --to script a.ipynb"]
    assert not problems[0].fatal
    write("nb/d.py")
    problems.clear()
    assert found("nb", problems=problems) == ["nb/d.py"]
    assert [(problem.path, problem.minor) for problem in problems] == [(Path("nb/a.ipynb"), True)]


def test_scripts_without_a_python_suffix() -> None:
    Path("train").write_text("#!/usr/bin/env python3\n", encoding="utf-8")
    Path("train.tool").write_text("#!/usr/bin/env python3\n", encoding="utf-8")
    Path("train.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    problems: list[Problem] = []
    assert found("train", "train.tool", "train.sh", problems=problems) == ["train", "train.tool"]
    assert [problem.path.name for problem in problems] == ["train.sh"]
    assert found() == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="everything is readable here")
def test_unreadable_files_and_folders() -> None:
    write("a.py", "closed.py", "folder/b.py")
    Path("closed.py").chmod(0)
    Path("folder").chmod(0)
    problems: list[Problem] = []
    assert found(problems=problems) == ["a.py"]
    assert [str(problem) for problem in problems] == [
        "closed.py: cannot be read: Permission denied", "folder: cannot be read: Permission denied"]
    assert all(problem.fatal for problem in problems)
    Path("folder").chmod(0o700)


def test_read_errors_do_not_end_the_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.py", "b.py", "c.py")
    real = Path.read_bytes

    def failing(path: Path) -> bytes:
        if path.name == "b.py":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", failing)
    problems: list[Problem] = []
    assert found(problems=problems) == ["a.py", "c.py"]
    assert problems == [Problem(Path("b.py"), "cannot be read: Permission denied")]


def test_a_huge_file_is_skipped_with_a_note_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    write("a.py")
    Path("tables.py").write_text("x = 1\n" * 10, encoding="utf-8")
    problems: list[Problem] = []
    assert found(problems=problems) == ["a.py"]
    assert [(problem.path, problem.fatal) for problem in problems] == [(Path("tables.py"), False)]
    assert found("tables.py") == ["tables.py"]


NAMES = st.sampled_from(["a", "b", "B", "a-b", "a_b", "z", "loss"])
TREES = st.sets(st.tuples(st.lists(NAMES, max_size=2).map(tuple), NAMES), min_size=1, max_size=8)


@given(TREES, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_order_depends_on_names_alone(tmp_path_factory: pytest.TempPathFactory,
                                      tree: set[tuple[tuple[str, ...], str]], random: object) -> None:
    top = tmp_path_factory.mktemp("tree")
    paths = [top.joinpath(*folders, f"{name}.py") for folders, name in tree]
    random.shuffle(paths)  # type: ignore[attr-defined]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    walked = [file.path for file in discover([top], Settings())]
    assert walked == sorted(set(paths))
    assert [file.path for file in discover([*paths, top], Settings())] == [
        file.path for file in discover([top, *reversed(paths)], Settings())]


@pytest.mark.parametrize("source", [
    b"import tensorflow as tf\ndef focal_loss(a, b): ...",
    b"from keras import ops\nclass MyLoss: ...",
    b"def f(Y_True, Y_Pred): return tf.abs(Y_True)",
    b"import torch\nmean_squared_error = 1",
    b"import tensorflow\nclass Dice: ...",
    b"import jax\niou = 1",
    b"f = lambda x: x  # losslint: loss",
    "import keras\ndef my_loss(a, b): ...".encode("utf-16"),
])  # fmt: skip
def test_prefilter_keeps(source: bytes) -> None:
    assert may_hold_a_loss(source)


@pytest.mark.parametrize("source", [
    b"",
    b"def focal_loss(a, b): ...",
    b"import tensorflow as tf\nindices = tf.range(3)\nraise ValueError",
    b"import keras  # previous various",
])  # fmt: skip
def test_prefilter_drops(source: bytes) -> None:
    assert not may_hold_a_loss(source)


def missed_words() -> Iterator[str]:
    return (word for word in sorted(names.LOSS_WORDS) if not may_hold_a_loss(b"keras def " + word.encode() + b"(p, q)"))


def test_prefilter_knows_the_words_that_name_losses() -> None:
    assert list(missed_words()) == ["ce", "cls", "l1", "l1l2", "l2"]  # too short to look for


def test_prefilter_stands_aside_where_settings_say_so() -> None:
    assert not worth_parsing(b"x = 1", Settings())
    assert worth_parsing(b"x = 1", Settings(prefilter=False))
    assert worth_parsing(b"x = 1", Settings(loss_functions=("pkg.fit_quality",)))


TRAINED_ELSEWHERE = {
    "pkg/__init__.py": "",
    "pkg/det.py": "import numpy as np\ndef giou_term(gt, det):\n    return np.mean(gt - det)\n",
    "pkg/train.py": "from .det import giou_term\ndef prepare(model, lr):\n    model.compile('adam', [giou_term])\n",
    "broken.py": "def f(:\n",
    "broken_loss.py": "import keras\ndef my_loss(:\n",
    "tool.py": "import re\nPATTERN = re.compile('x')\n",
}


def test_prefilter_changes_no_finding_of_a_run(tmp_path: Path) -> None:
    """A loss without a word of a loss or a framework is found by what trains with it, and what is not Python is said of
    every file."""
    for name, text in TRAINED_ELSEWHERE.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    with_it, without = (check_paths([tmp_path], Settings(prefilter=on)).findings for on in (True, False))
    assert with_it == without
    assert [(f.path.name, f.code) for f in with_it] == [
        ("broken.py", "LL001"), ("broken_loss.py", "LL001"), ("det.py", "LL101")]
