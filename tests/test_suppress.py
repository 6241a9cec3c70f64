"""Comments that silence findings, and what is said about those that do not."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from losslint.config import Settings
from losslint.findings import Finding, Location, LossRef, Severity
from losslint.notices import NOTICES
from losslint.project.module import Module
from losslint.suppress import Outcome, apply, parse

PATH = Path("losses.py")
CODES = {"LL101": "numpy-on-tensor", "LL102": "tensor-to-python", "LL201": "tensor-condition", "LL301": "unguarded-log",
         **{code: notice.name for code, notice in NOTICES.items()}}


def run(source: str, *findings: Finding, **settings: Any) -> Outcome:
    module = Module(PATH, textwrap.dedent(source).lstrip("\n"))
    return apply(findings, {PATH: module}, Settings(**settings), CODES)


def finding(row: int, code: str = "LL101", end: int | None = None, loss: LossRef | None = None) -> Finding:
    return Finding(code, CODES[code], Severity.ERROR, "m", "h", PATH, Location(row, 1), Location(end or row, 2), loss)


def shown(outcome: Outcome) -> list[str]:
    return [f"{f.start.row}:{f.start.column} {f.code} {f.message}" for f in outcome.findings]


@pytest.mark.parametrize("comment", [
    "# noqa", "#noqa", "# NOQA", "# noqa: LL101", "# noqa:LL101", "# noqa : ll101", "# noqa: LL1", "# noqa: LL",
    "# noqa: F401, LL101", "# noqa: LL201,LL101", "# noqa: LL101 because", "# noqa: LL101 LL201",
    "# type: ignore  # noqa: LL101", "# losslint: ignore", "# losslint: ignore[LL101]", "# losslint:ignore[LL1] why",
    "# losslint: ignore[LL201, LL101]", "# losslint: ignore [ll101]", "# losslint: file-ignore[LL1]",
    "# losslint: file-ignore", "# noqa: because I say so",
])  # fmt: skip
def test_on_the_line(comment: str) -> None:
    outcome = run(f"loss = np.log(p)  {comment}\n", finding(1))
    assert not [f for f in outcome.findings if f.code == "LL101"]
    assert [pair[0].code for pair in outcome.suppressed] == ["LL101"]


@pytest.mark.parametrize("comment", [
    "# noqa: F401", "# noqa: LL2", "# noqa: LL1011", "# losslint: ignore[LL2]", "# losslint: loss", "# noqaish",
    "# losslint: ignored", "# see noqa: LL101",
])  # fmt: skip
def test_not_meant(comment: str) -> None:
    outcome = run(f"loss = np.log(p)  {comment}\n", finding(1))
    assert [f.code for f in outcome.findings if f.code == "LL101"] == ["LL101"]
    assert not outcome.suppressed


STATEMENT = """
    def focal(y_true, y_pred):
        return np.mean(    # row 2
            np.log(y_pred)
            * y_true,      # row 4
        )                  # row 5
    x = 1                  # row 6
"""


@pytest.mark.parametrize(("row", "silences"), [(1, True), (2, True), (3, True), (4, True), (5, True), (6, False)])
def test_anywhere_on_the_expression_or_at_the_ends_of_its_statement(row: int, silences: bool) -> None:
    lines = textwrap.dedent(STATEMENT).strip("\n").split("\n")
    lines[row - 1] = lines[row - 1].partition("#")[0] + "# noqa: LL101"
    assert bool(run("\n".join(lines), finding(3, end=4)).suppressed) is silences


FUNCTION = """
    import numpy as np                   # 1

    @first                               # 3
    @second(                             # 4
        1)                               # 5
    def focal(                           # 6
        y_true,                          # 7
        y_pred,                          # 8
    ):                                   # 9
        a = np.log(y_pred)               # 10
        return np.mean(a)                # 11

    def other(y_true, y_pred):           # 13
        return 1                         # 14
"""


@pytest.mark.parametrize(("row", "silenced"), [
    (1, []), *((row, [10, 11]) for row in range(3, 10)), (10, [10]), (11, [11]), (13, []), (14, []),
])  # fmt: skip
def test_the_header_of_a_definition_speaks_for_all_of_it(row: int, silenced: list[int]) -> None:
    lines = textwrap.dedent(FUNCTION).strip("\n").split("\n")
    lines = [line.partition("#")[0] for line in lines]
    lines[row - 1] += "# losslint: ignore[LL101]"
    outcome = run("\n".join(lines), finding(10), finding(11))
    assert [pair[0].start.row for pair in outcome.suppressed] == silenced


def test_the_header_of_the_loss_speaks_for_what_it_calls() -> None:
    source = """
        def helper(p):
            return np.log(p)

        class Losses:
            def focal(self, y_true, y_pred):  # noqa: LL101
                return helper(y_pred)
        """
    assert run(source, finding(2, loss=LossRef("Losses.focal", "method", 5))).suppressed
    assert not run(source, finding(2, loss=LossRef("Losses.dice", "method", 5))).suppressed
    assert not run(source, finding(2)).suppressed


def test_the_header_of_an_if_over_several_rows() -> None:
    source = """
        if (
            y_pred > 0
        ):  # noqa: LL201
            x = np.log(y_pred)
        """
    outcome = run(source, finding(2, "LL201"), finding(4, "LL201"))
    assert [f.start.row for f in outcome.findings] == [4]


def test_a_comment_in_a_string_is_no_comment() -> None:
    assert not run('x = "# noqa"; y = 1\n', finding(1)).suppressed


def test_file_ignore_speaks_for_the_whole_file_and_keeps_its_reason() -> None:
    outcome = run("""
        # losslint: file-ignore[LL1] - NumPy on purpose, see README
        a = 1
        b = 2
        """, finding(2), finding(3, "LL102"), finding(3, "LL301"))
    assert shown(outcome) == ["3:1 LL301 m"]
    assert {pair[1].reason for pair in outcome.suppressed} == {"NumPy on purpose, see README"}


@pytest.mark.parametrize(("comment", "complaints"), [
    ("# noqa", []),
    ("# noqa: F401", []),
    ("# noqa: LL101", ["1:14 LL002 LL101 finds nothing here"]),
    ("# noqa: F401, LL1", ["1:20 LL002 LL1 finds nothing here"]),
    ("# losslint: ignore", ["1:6 LL002 nothing is found here that this comment could silence"]),
    ("# losslint: ignore[LL101, LL3] why", ["1:25 LL002 LL101 finds nothing here",
                                          "1:32 LL002 LL3 finds nothing here"]),
    ("# losslint: ignore[LL]", ["1:25 LL002 LL finds nothing here"]),
    ("# losslint: file-ignore[LL3]", ["1:30 LL002 LL3 finds nothing here"]),
    ("# noqa: LL999", ["1:14 LL003 there is no rule LL999"]),
    ("# losslint: ignore[F401]", ["1:25 LL003 there is no rule F401"]),
    ("# losslint: ignore[numpy-on-tensor]", ["1:25 LL003 there is no rule numpy-on-tensor"]),
    ("# losslint: ingore[LL101]", ["1:18 LL003 there is no comment `losslint: ingore`"]),
    ("# losslint: disable[LL101]", ["1:18 LL003 there is no comment `losslint: disable`"]),
    ("# losslint: disable=LL101", ["1:18 LL003 there is no comment `losslint: disable`"]),
    ("# losslint: disable LL101", ["1:18 LL003 there is no comment `losslint: disable`"]),
    ("# losslint: off", ["1:18 LL003 there is no comment `losslint: off`"]),
    ("# losslint: LL101", ["1:18 LL003 there is no comment `losslint: LL101`"]),
    ("# losslint: unknown", ["1:18 LL003 there is no comment `losslint: unknown`"]),
    ("# losslint: this is why there is an epsilon", []),
    ("# losslint: ignore=LL101", ["1:18 LL003 there is no rule ignore=LL101"]),
    ("# losslint: ignore(LL101)", ["1:18 LL003 there is no rule ignore(LL101)"]),
    ("# losslint: file-ignore: LL101", ["1:18 LL003 there is no rule file-ignore: LL101"]),
    ("# losslint: ignore LL101", ["1:18 LL003 there is no rule ignore LL101"]),
    ("# losslint: ignore: (on purpose)", ["1:6 LL002 nothing is found here that this comment could silence"]),
    ("# losslint: loss", ["1:18 LL003 `losslint: loss` does nothing here"]),
    ("# losslint: inputs y_pred=float32[8]", ["1:18 LL003 `losslint: inputs` does nothing here"]),
    ("# losslint: not-loss", []),
    ("# losslint: ignore[LL002]", []),
    ("# noqa: LL101, LL002", []),
    ("# losslint: ignore[LL201]", []),  # not selected below
])  # fmt: skip
def test_useless_and_unknown(comment: str, complaints: list[str]) -> None:
    outcome = run(f"x=1  {comment}\n", ignore=("LL2",) if "LL201" in comment else ())
    assert shown(outcome) == complaints
    assert {f.severity for f in outcome.findings} <= {Severity.WARNING}


def test_only_some_codes_of_a_comment_are_used() -> None:
    outcome = run("x = 1  # noqa: LL101, LL201\n", finding(1))
    assert shown(outcome) == ["1:23 LL002 LL201 finds nothing here"]
    [unused] = outcome.findings
    assert (unused.end.column, unused.help) == (28, "delete the code from the comment")


def test_two_comments_for_one_finding_are_both_used() -> None:
    outcome = run("# losslint: file-ignore[LL101]\nx = 1  # noqa: LL101\n", finding(2))
    assert (outcome.findings, outcome.suppressed[0][1].noqa) == ([], True)


def test_settings_act_on_what_is_left() -> None:
    assert run("x = 1\n", finding(1), ignore=("LL1",)).findings == []
    assert run("x = 1  # noqa: LL101\n", finding(1), per_file_ignores={"losses.py": ("LL1",)}) == Outcome()
    [louder] = run("x = 1  # noqa: LL301\n", severity_overrides={"LL002": Severity.ERROR}).findings
    assert louder.severity is Severity.ERROR


def test_bare_ignore_is_not_judged_when_rules_are_left_out() -> None:
    assert run("x = 1  # losslint: ignore\n", ignore=("LL3",)).findings == []


def test_findings_in_files_without_a_module_are_kept() -> None:
    outcome = apply([finding(1)], {}, Settings(), CODES)
    assert shown(outcome) == ["1:1 LL101 m"]


def test_findings_come_sorted() -> None:
    outcome = run("x = 1  # noqa: LL999\ny = 2\n", finding(2), finding(1, "LL301"))
    assert shown(outcome) == ["1:1 LL301 m", "1:16 LL003 there is no rule LL999", "2:1 LL101 m"]


def test_columns_count_characters_from_the_start_of_the_line() -> None:
    [suppression] = parse("# y  # losslint: ignore[LL1]  why  ", 7, 5)
    assert (suppression.row, suppression.start, suppression.end, suppression.codes) == (7, 10, 38, (("LL1", 29),))
    assert suppression.reason == "why"


@pytest.mark.parametrize("comment", ["# losslint: ignore[]", "# losslint: file-ignore[ ]"])
def test_brackets_without_a_code_silence_nothing(comment: str) -> None:
    assert [line.split()[1] for line in shown(run(f"a = 1  {comment}\n", finding(1)))] == ["LL101", "LL003"]


@pytest.mark.parametrize("source", [
    "def f(p):  # {0}\n    return p\n", "# {0}\ndef f(p):\n    return p\n", "class A:  # {0}\n    pass\n",
    "f = lambda p: p  # {0}\n", "@wraps  # {0}\ndef f(p):\n    return p\n", "def f(\n    p,  # {0}\n):\n    return p\n",
    "async def f(p):  # {0}\n    return p\n", "with tf.GradientTape() as tape:  # {0}\n    loss = p\n",
])
@pytest.mark.parametrize("word", ["loss", "inputs p=float32[8]"])
def test_words_on_a_definition_are_heard(source: str, word: str) -> None:
    assert shown(run(source.format(f"losslint: {word}"))) == []


@pytest.mark.parametrize(("source", "complaints"), [
    ("def f(y, p):  # losslint: inputs pp=float32[8]", ["1:34 LL003 there is no argument pp here; did you mean 'p'?"]),
    ("def f(y, p):  # losslint: inputs y=int32[8], zz=float32[8]",
     ["1:46 LL003 there is no argument zz here; write one of p, y"]),
    ("def f(y, p):  # losslint: inputs p=flot32[8]", ["1:34 LL003 'flot32[8]' is no input; "
     "write it like 'float32[8, 10] in [0, 1]', 'float32[8, 1] binary' for zeros and ones, or 'int32[8] class'"]),
    ("def f(y, p):  # losslint: inputs p=float32[8, 3] in [1, 0], y=float32[8]",
     ["1:34 LL003 the range in 'float32[8, 3] in [1, 0]' must be two finite numbers, the lower one first; "
      "write it like 'float32[8, 10] in [0, 1]', 'float32[8, 1] binary' for zeros and ones, or 'int32[8] class'"]),
    ("def f(y, p):  # losslint: inputs as in training",
     ["1:34 LL003 'as in training' names no argument; write y_pred=float32[8, 10] in [0, 1]"]),
    ("def f(y, p):  # losslint: inputs", [
        "1:33 LL003 `losslint: inputs` names no input; write y_pred=float32[8, 10] in [0, 1] behind it"]),
    ("def f(y, p):  # losslint: inputs p=float32[8, 3] in [0, 1], y=int32[8] class  # noqa: E501", []),
    ("class L(Loss):  # losslint: inputs p=float32[8]\n    def call(self, y, p): return p\n\ndef g(): pass\nif g:", []),
    ("class L(Loss):  # losslint: inputs q=float32[8]\n    def call(self, y, p): return p\n\ndef g(): pass\nif g:",
     ["1:36 LL003 there is no argument q here; write one of p, y"]),
    ("class L(Base):  # losslint: inputs q=float32[8]", []),
    ("f = lambda y, p: y - p; g = lambda q: q  # losslint: inputs q=float32[8], p=float32[8]\nif g:", []),
])
def test_inputs_that_cannot_be_used_are_told(source: str, complaints: list[str]) -> None:
    found = run(f"{source}\n    pass\n").findings
    assert [f"{f.start.row}:{f.start.column} {f.code} {f.message}; {f.help}" for f in found] == complaints


def test_words_in_the_body_of_a_definition_are_not() -> None:
    assert len(shown(run("def f(p):\n    return p  # losslint: loss\n"))) == 1
    assert len(shown(run("x = 1  # losslint: loss\ndef f(p):\n    return p\n"))) == 1
