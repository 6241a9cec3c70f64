"""Every rule proves itself on its own examples: those of its page, and those in ``examples/<code>/``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from losslint.findings import Severity
from losslint.rules import catalogue
from losslint.rules.base import Rule
from tests.expectations import check, expected, loud

RULES = list(catalogue().values())


EXAMPLES = Path(__file__).with_name("examples")


def examples(kind: str) -> list[object]:
    on_pages = [(rule, str(i), text) for rule in RULES for i, text in enumerate(getattr(rule, kind))]
    in_files = [
        (rule, path.stem, path.read_text(encoding="utf-8"))
        for rule in RULES for path in sorted((EXAMPLES / rule.code).glob(f"{kind.lower()}_*.py"))]
    return [pytest.param(rule, text, id=f"{rule.code}-{name}") for rule, name, text in (*on_pages, *in_files)]


def test_each_file_is_an_example_of_a_rule() -> None:
    codes, kinds = {rule.code for rule in RULES}, ("bad", "good")
    assert all(path.parent.name in codes and path.stem.partition("_")[0] in kinds for path in EXAMPLES.rglob("*.py"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_rule_is_complete(rule: Rule) -> None:
    assert re.fullmatch(r"LL\d{3}", rule.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    assert rule.BAD
    assert rule.GOOD
    for heading in ("What it does:", "Why it is bad:", "Use instead:", "Confirmed by:"):
        assert heading in rule.documentation, heading
    assert rule.summary.endswith(".")


def test_codes_and_names_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert [rule.code for rule in RULES] == sorted(catalogue())


@pytest.mark.parametrize(("rule", "text"), examples("BAD"))
def test_bad_example(rule: Rule, text: str) -> None:
    findings = check(text)
    quiet = {(f.start.row, f.code) for f in findings if f.code == rule.code and rule.severity is Severity.INFO}
    assert loud(findings) | quiet == expected(text)
    assert rule.code in {code for _, code in expected(text)}
    assert "LL004" not in {f.code for f in findings}


@pytest.mark.parametrize(("rule", "text"), examples("GOOD"))
def test_good_example(rule: Rule, text: str) -> None:
    found = check(text)
    assert loud(found) == set()
    assert "LL004" not in {f.code for f in found}
    assert rule.severity is not Severity.INFO or rule.code not in {f.code for f in found}
