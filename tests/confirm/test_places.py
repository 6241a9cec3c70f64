"""Rows and columns of the user's code: expressions of one row are told apart."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

from losslint.confirmation.failures import UserFiles, failure
from losslint.confirmation.places import Spot, nearest, nested, span_of, within
from losslint.confirmation.program import Claim

COLUMNS = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python keeps no columns before 3.11")
SOURCE = "def here(run, x):\n    é = 'ü'; return run(x) + run(1 -\n        x)\n"


def spots(tmp_path: Path, source: str = SOURCE) -> list[Spot]:
    """Where a call inside of each expression sees itself."""
    path = tmp_path / "losses.py"
    path.write_text(source)
    space: dict[str, Any] = {}
    exec(compile(ast.parse(source), str(path), "exec"), space)
    found: list[Spot] = []

    def run(x: int) -> int:
        found.append(nearest(sys._getframe(), {str(path)}.__contains__))
        return x

    space["here"](run, 0)
    return found


@COLUMNS
def test_expressions_of_a_row(tmp_path: Path) -> None:
    """Columns count characters from 1 and ends are exclusive, as in findings."""
    first, second = spots(tmp_path)
    assert (first.row, second.row) == (2, 2)
    row = SOURCE.splitlines()[1]
    assert row[first.span[1] - 1:first.span[3] - 1] == "run(x)"
    assert second.span == (2, row.index("run(1") + 1, 3, 11)
    assert not nested(first.span, second.span)


def test_without_columns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Then the row decides, as before Python 3.11."""
    monkeypatch.setattr("losslint.confirmation.places.span_of", lambda *_: ())
    first, second = spots(tmp_path)
    claim = Claim("LL301", 2, 2, span=(2, 25, 2, 31))
    assert first.span == second.span == ()
    assert claim.covers(first)
    assert claim.covers(second)


def test_nobody_of_the_user() -> None:
    assert nearest(sys._getframe(), lambda path: False) == Spot("", 0, ())
    assert span_of(test_nobody_of_the_user.__code__, -1) == ()


def test_parts() -> None:
    whole, part, beside = (4, 5, 4, 30), (4, 9, 4, 20), (4, 22, 4, 28)
    assert within(part, whole)
    assert not within(whole, part)
    assert nested(whole, part)
    assert nested(part, whole)
    assert not nested(part, beside)
    assert within((5, 1, 5, 9), (4, 50, 6, 2))
    assert not within((5, 1, 6, 9), (4, 50, 6, 2))


def test_what_has_no_columns_may_be_anywhere_in_its_row() -> None:
    assert nested((), (4, 22, 4, 28))
    assert nested((4, 22, 4, 28), ())


@COLUMNS
def test_exceptions_have_columns(tmp_path: Path) -> None:
    path = tmp_path / "losses.py"
    path.write_text("def loss(p):\n    return p.real + p.numpy()\n")
    space: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    try:
        space["loss"](1.0)
    except AttributeError as error:
        seen = failure(error, UserFiles(path))
    assert (seen.row, seen.span) == (2, (2, 21, 2, 28))
