"""The README says what is true."""

from __future__ import annotations

import re

from tests.readme import README, updated


def test_tables_are_up_to_date() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == updated(text), "run: python -m tests.readme --write"


def test_folders_exist() -> None:
    text = README.read_text(encoding="utf-8")
    folders = re.findall(r"^\| `(\w+)/` \|", text, re.MULTILINE)
    assert len(folders) >= 6
    for folder in folders:
        assert (README.parent / "losslint" / folder).is_dir()
