"""What a run looks like: to people, to editors, to machines."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from losslint.findings import Finding, Location, LossRef, Severity
from losslint.project.module import Module
from losslint.report import FORMATS, Result, concise, counted, github, render
from losslint.report.frame import clip, frame
from losslint.report.text import render as as_text
from losslint.suppress import Suppression

PATH = Path("losses/focal.py")
SOURCE = """\
import tensorflow as tf


def focal_loss(y_true, logits):
    p = tf.sigmoid(logits)
    p_t = y_true * p + (1.0 - y_true) * (1.0 - p)
    return -tf.reduce_mean(tf.math.log(p_t))
"""
LOSS = LossRef("focal_loss", "function", 4)
LOG = Finding(
    "LL301", "unguarded-log", Severity.WARNING, "p_t is exactly 0 for a confident mistake, so log(p_t) is -inf",
    "stay on the logits: tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=logits)", PATH,
    Location(7, 28), Location(7, 44), LOSS, related_rows=(5, 6))  # fmt: skip


def changed(finding: Finding, **fields: Any) -> Finding:
    return Finding(**{**vars(finding), **fields})


def result(*findings: Finding, source: str = SOURCE, **fields: Any) -> Result:
    defaults = {"losses": 14, "files": 9, "seconds": 0.234, "modules": {PATH: Module(PATH, source)}}
    return Result(findings=findings, **{**defaults, **fields})


def test_text() -> None:
    assert render("text", result(LOG)) == """\
losses/focal.py:7:28: LL301 warning [unguarded-log] in focal_loss
  p_t is exactly 0 for a confident mistake, so log(p_t) is -inf
   5 |     p = tf.sigmoid(logits)
   6 |     p_t = y_true * p + (1.0 - y_true) * (1.0 - p)
   7 |     return -tf.reduce_mean(tf.math.log(p_t))
     |                            ^^^^^^^^^^^^^^^^
  help: stay on the logits: tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=logits)

1 warning in 1 of 14 losses (9 files, 0.2 s).
"""


def test_concise() -> None:
    assert render("concise", result(LOG, changed(LOG, message="two\nlines"))) == """\
losses/focal.py:7:28: LL301 warning [unguarded-log] p_t is exactly 0 for a confident mistake, so log(p_t) is -inf
losses/focal.py:7:28: LL301 warning [unguarded-log] two lines
"""


@pytest.mark.parametrize("format", ["concise", "text"])
def test_a_line_break_in_a_file_name_does_not_break_the_line(format: str) -> None:
    assert render(format, Result([changed(LOG, path=Path("a\nb\x1b.py"))])).startswith("a\\nb\\x1b.py:7:28: LL301")


def test_json() -> None:
    bare = changed(LOG, loss=None, fix={"edits": []}, verdict={"status": "confirmed"}, severity=Severity.INFO)
    assert json.loads(render("json", result(LOG, bare))) == [
        {
            "code": "LL301", "name": "unguarded-log", "severity": "warning", "message": LOG.message, "help": LOG.help,
            "filename": str(PATH), "location": {"row": 7, "column": 28}, "end_location": {"row": 7, "column": 44},
            "loss": {"name": "focal_loss", "kind": "function", "row": 4}, "fix": None, "verdict": None, "url": None,
        },
        {
            "code": "LL301", "name": "unguarded-log", "severity": "info", "message": LOG.message, "help": LOG.help,
            "filename": str(PATH), "location": {"row": 7, "column": 28}, "end_location": {"row": 7, "column": 44},
            "loss": None, "fix": {"edits": []}, "verdict": {"status": "confirmed"}, "url": None,
        },
    ]  # fmt: skip
    assert render("json", result()) == "[]\n"


def test_github() -> None:
    odd = changed(LOG, message="50 %\nof it", help="", path=Path("a,b:c.py"), severity=Severity.ERROR,
                  end=Location(8, 3))
    assert render("github", result(LOG, odd)).splitlines() == [
        "::warning title=LL301 unguarded-log,file=losses/focal.py,line=7,endLine=7,col=28,endColumn=44::"
        f"{LOG.message}%0Ahelp: {LOG.help}",
        "::error title=LL301 unguarded-log,file=a%2Cb%3Ac.py,line=7,endLine=8::50 %25%0Aof it",
    ]
    assert github.command(changed(LOG, severity=Severity.INFO)).startswith("::notice ")


def test_github_paths_are_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "file=pkg/a.py," in github.command(changed(LOG, path=tmp_path / "pkg/a.py"))


def test_rdjson_counts_bytes() -> None:
    source = "é = loss(y, 'ß')\n"
    found = changed(LOG, start=Location(1, 5), end=Location(1, 17))
    document = json.loads(render("rdjson", result(found, source=source)))
    assert document["source"] == {"name": "losslint"}
    assert document["diagnostics"] == [{
        "message": f"{LOG.message}\nhelp: {LOG.help}", "severity": "WARNING", "code": {"value": "LL301"},
        "location": {"path": "losses/focal.py", "range": {
            "start": {"line": 1, "column": 6}, "end": {"line": 1, "column": 19}}},
    }]  # fmt: skip


E, W, INFO = (changed(LOG, severity=severity) for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO))
DICE = changed(E, loss=LossRef("dice_loss", "function", 9))
BROKEN = changed(E, loss=None)
NO_LOSS = ("No loss found (9 files, 0.2 s). --show-losses lists the code that is taken for one; "
           "put `# losslint: loss` on a function to make it one.")


@pytest.mark.parametrize(("findings", "fields", "line"), [
    ([], {}, "No problems in 14 losses (9 files, 0.2 s)."),
    ([], {"losses": 1, "files": 1, "seconds": 0.04}, "No problems in 1 loss (1 file, 0.04 s)."),
    ([], {"losses": 0}, NO_LOSS),
    ([], {"losses": 0, "files": 0}, "No Python file found."),
    ([E, DICE, W], {}, "2 errors, 1 warning in 2 of 14 losses (9 files, 0.2 s)."),
    ([E], {"hidden": [INFO, INFO, INFO]}, "1 error in 1 of 14 losses (9 files, 0.2 s). 3 infos hidden: --severity info."),
    ([], {"hidden": [INFO]}, "No problems in 14 losses (9 files, 0.2 s). 1 info hidden: --severity info."),
    ([INFO], {}, "1 info in 1 of 14 losses (9 files, 0.2 s)."),
    ([], {"hidden": [W, INFO]},
     "No errors in 14 losses (9 files, 0.2 s). 1 warning, 1 info hidden: --severity info."),
    ([], {"hidden": [W]},
     "No errors in 14 losses (9 files, 0.2 s). 1 warning hidden: --severity warning."),
    ([BROKEN], {"losses": 0}, "1 error (0 losses, 9 files, 0.2 s)."),
    ([], {"suppressed": [(E, Suppression(7, 1, 2, ()))]},
     "No problems in 14 losses (9 files, 0.2 s). 1 suppressed: --show-suppressed."),
])  # fmt: skip
def test_summary(findings: list[Finding], fields: dict[str, Any], line: str) -> None:
    assert as_text(result(*findings, **fields)).splitlines()[-1] == line


def unrun(code: str, name: str, message: str) -> Finding:
    return changed(LOG, code=code, severity=Severity.INFO, message=message, loss=LossRef(name, "function", 4))


def test_losses_that_were_not_seen_are_no_good_ones() -> None:
    hidden = [unrun("LL005", "spin", "still running after 20 s"), unrun("LL005", "leave", "SystemExit: 0"),
              unrun("LL006", "odd", "no shapes were found that it accepts")]
    assert render("text", result(hidden=hidden)).splitlines() == [
        "2 losses could not be run: spin (still running after 20 s), leave (SystemExit: 0).",
        "1 loss was not run, for want of inputs or code: --severity info says why.",
        "No problems in 11 of 14 losses (9 files, 0.2 s). 3 infos hidden: --severity info.",
    ]
    many = [unrun("LL005", f"loss_{number}", "SIGSEGV") for number in range(9)]
    assert "loss_4 (SIGSEGV), and 4 more." in " ".join(render("text", result(hidden=many)).split())
    assert render("text", result(hidden=hidden, quiet=True)) == ""
    assert "could not be run" not in render("text", result(*hidden))


def test_quiet_has_no_summary() -> None:
    assert as_text(result(quiet=True)) == ""


def test_suppressed_findings_on_request() -> None:
    comment = Suppression(5, 1, 9, (), reason="labels are never 0")
    shown = result(suppressed=[(LOG, comment)], show_suppressed=True)
    assert as_text(shown).splitlines() == [
        "losses/focal.py:7:28: LL301 warning [unguarded-log] in focal_loss, suppressed on row 5: labels are never 0",
        f"  {LOG.message}", "", "No problems in 14 losses (9 files, 0.2 s)."]
    [listed] = json.loads(render("json", shown))
    assert listed["suppressed"] == {"row": 5, "reason": "labels are never 0"}
    assert render("concise", shown) == f"{concise.line(LOG)}; suppressed on row 5: labels are never 0\n"
    assert json.loads(render("json", result(suppressed=[(LOG, comment)]))) == []


def test_long_text_is_wrapped_under_its_label_and_code_in_it_is_not() -> None:
    code = "    " + "x" * 120
    long = changed(LOG, message="word " * 30, help=f"write\n{code}\ninstead", loss=LossRef("f" * 150, "function", 1))
    lines = as_text(result(long)).splitlines()
    assert lines[0].endswith(" in " + "f" * 150)
    assert [len(line) for line in lines[1:3]] == [96, 56]
    assert lines[-5:-2] == ["  help: write", "            " + "x" * 120, "        instead"]


def rows(source: str, start: tuple[int, int], end: tuple[int, int], related: Sequence[int] = (),
         width: int = 80) -> str:
    finding = changed(LOG, start=Location(*start), end=Location(*end), related_rows=tuple(related))
    return "\n".join(f"{row.gutter}{row.text}" for row in frame(source.split("\n"), finding, width))


NUMBERED = "\n".join(f"line{i} = {i}" for i in range(1, 121))


@pytest.mark.parametrize(("start", "end", "related", "expected"), [
    ((3, 1), (3, 6), (), """\
   3 | line3 = 3
     | ^^^^^"""),
    ((3, 9), (3, 10), (1,), """\
   1 | line1 = 1
   2 | line2 = 2
   3 | line3 = 3
     |         ^"""),
    ((10, 1), (10, 7), (3, 12), """\
    3 | line3 = 3
   ...
   10 | line10 = 10
      | ^^^^^^
   11 | line11 = 11
   12 | line12 = 12"""),
    ((99, 5), (101, 3), (5, 999, 0), """\
     5 | line5 = 5
   ...
    99 | line99 = 99
       |     ^^^^^^^
   100 | line100 = 100
   101 | line101 = 101"""),
    ((2, 1), (90, 3), (), """\
   2 | line2 = 2
     | ^^^^^^^^^
   3 | line3 = 3
   4 | line4 = 4"""),
    ((1, 30), (1, 31), (), """\
   1 | line1 = 1
     |                              ^"""),
    ((1, 3), (1, 3), (), """\
   1 | line1 = 1
     |   ^"""),
    ((500, 1), (500, 2), (), ""),
])  # fmt: skip
def test_frame(start: tuple[int, int], end: tuple[int, int], related: tuple[int, ...], expected: str) -> None:
    assert rows(NUMBERED, start, end, related) == expected


def test_only_the_nearest_of_many_related_rows() -> None:
    assert len(rows(NUMBERED, (60, 1), (60, 2), range(1, 120, 5)).splitlines()) < 25


@pytest.mark.parametrize(("line", "span", "expected"), [
    ("\tx = log(p)", "log(p)", "    x = log(p)\n        ^^^^^^"),
    ("a\tb = log(p)", "log(p)", "a   b = log(p)\n        ^^^^^^"),
    ("损失 = log(概率)", "log(概率)", "损失 = log(概率)\n       ^^^^^^^^^"),
    ("e\u0301 = log(p)", "log(p)", "e\u0301 = log(p)\n    ^^^^^^"),
    ("x\x0c\x1b = log(p)", "log(p)", "x\ufffd\ufffd = log(p)\n      ^^^^^^"),
    ("x = 1  \t ", "1", "x = 1\n    ^"),
])  # fmt: skip
def test_the_underline_stays_under_the_span(line: str, span: str, expected: str) -> None:
    column = line.index(span) + 1
    drawn = rows(line, (1, column), (1, column + len(span))).splitlines()
    assert "\n".join(row[len("   1 | "):] for row in drawn) == expected


def test_a_very_long_line_is_clipped_around_the_span() -> None:
    line = "x = [" + "1, " * 100 + "log(p), " + "2, " * 100 + "]"
    column = line.index("log(p)") + 1
    text, marks = rows(line, (1, column), (1, column + 6), width=60).splitlines()
    assert len(text) <= 60
    assert text.count("...") == 2
    assert text[marks.index("^"):marks.rindex("^") + 1] == "log(p)"


CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\n\r")
ODD = st.sampled_from("\t损e\u0301\u200dｗ\x1b ")


def cells(text: str) -> int:
    """Cells of printed text, counted apart from the code under test."""
    zero = sum(unicodedata.category(c) in ("Mn", "Me") for c in text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" and unicodedata.category(c) not in ("Mn", "Me") for c in text)
    return len(text) - zero + wide


def at_cell(text: str, start: int, end: int) -> str:
    """The characters of printed text between two cells."""
    ends = [cells(text[:i + 1]) for i in range(len(text))]  # a mark without a width ends where the one before it does
    return "".join(c for i, c in enumerate(text) if start <= cells(text[:i]) and start < ends[i] <= end)


@given(st.text(CHARACTERS | ODD, max_size=80), st.text("abcdefgh", min_size=1, max_size=12),
       st.text(CHARACTERS | ODD, max_size=80), st.integers(24, 120))
def test_the_span_is_found_above_its_marks(before: str, span: str, after: str, room: int) -> None:
    assume(not after or unicodedata.category(after[0]) not in ("Mn", "Me"))
    line = before + span + after
    text, start, end = clip(line, len(before), len(before) + len(span), room)
    assert at_cell(text, start, end) == span
    assert cells(text) <= room
    assert not re.search(r"[\t\x00-\x1f]", text)


@given(st.text(CHARACTERS | ODD, max_size=200), st.integers(0, 250), st.integers(0, 250), st.integers(24, 120))
def test_any_span_in_any_line_can_be_drawn(line: str, start: int, length: int, room: int) -> None:
    text, first, last = clip(line, start, start + length, room)
    assert 0 <= first <= last
    assert cells(text) <= room


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_copes_with_odd_findings(format: str) -> None:
    odd = [
        changed(LOG, path=Path("gone.py")),
        changed(LOG, start=Location(99, 1), end=Location(99, 2)),
        changed(LOG, start=Location(7, 900), end=Location(7, 901), message="", help=""),
        changed(LOG, message="\udcff", loss=LossRef("<lambda>", "lambda", 1)),
    ]
    assert render(format, result(*odd))
    assert render(format, Result()) is not None


def test_unreadable_files_have_no_frame(tmp_path: Path) -> None:
    assert Result().lines(tmp_path / "gone.py") == ()
    (tmp_path / "a.py").write_text("x\ny", encoding="utf-8")
    assert Result().lines(tmp_path / "a.py") == ["x", "y"]


def test_colours_change_nothing_but_colours() -> None:
    from losslint.report.paint import paint
    from losslint.report.text import report

    shown = result(changed(LOG, message="[bold]not markup[/] :smile: " + "long " * 50), DICE)
    stream = io.StringIO()
    paint(report(shown), stream)
    coloured = stream.getvalue()
    assert "\x1b[" in coloured
    plain = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == as_text(shown).splitlines()


@pytest.mark.parametrize(("number", "noun", "text"), [
    (0, "loss", "0 losses"), (1, "loss", "1 loss"), (2, "error", "2 errors"), (1, "file", "1 file")])
def test_counted(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text


# -- verdicts

WITNESS = {
    "status": "confirmed", "reason": "in fit: y_true=[1.], logits=[-88.] -> loss inf, gradient [nan]", "mode": "fit",
    "witness": {"y_true": [1.0], "logits": [-88.0]}, "loss": float("inf"), "gradient": {"logits": [float("nan")]},
    "seconds": 0.1, "repro": "losses/focal.py::focal_loss --code LL301",
}  # fmt: skip
CONFIRMED = changed(LOG, verdict=WITNESS)
REFUTED = changed(LOG, verdict={**WITNESS, "status": "refuted", "reason": "40 inputs reach the row", "witness": None})


def test_text_names_witness_and_script() -> None:
    told = render("text", result(CONFIRMED)).splitlines()
    assert "  confirmed in fit: y_true=[1.], logits=[-88.] -> loss inf, gradient [nan]" in told
    assert told[-1] == "1 warning in 1 of 14 losses (9 files, 0.2 s). 1 confirmed."
    assert "  repeat: losslint repro losses/focal.py::focal_loss --code LL301" in told


def test_refuted_findings_are_shown_and_fail_nothing() -> None:
    told = result(REFUTED)
    assert not told.failed
    assert result(REFUTED, CONFIRMED).failed
    text = render("text", told)
    assert "  refuted: 40 inputs reach the row\n" in text
    assert text.endswith("No problems in 14 losses (9 files, 0.2 s). 1 refuted.\n")
    assert render("github", told).startswith("::notice ")
    assert json.loads(render("rdjson", told))["diagnostics"][0]["severity"] == "INFO"
    assert render("concise", told).endswith("; refuted: 40 inputs reach the row\n")


def test_machines_get_the_whole_verdict() -> None:
    (found,) = json.loads(render("json", result(CONFIRMED)), parse_constant=pytest.fail)
    assert found["verdict"] == {**WITNESS, "loss": "inf", "gradient": {"logits": ["nan"]}}
    assert "%0Aconfirmed in fit: y_true=" in render("github", result(CONFIRMED))
    (diagnostic,) = json.loads(render("rdjson", result(CONFIRMED)))["diagnostics"]
    assert diagnostic["message"].endswith(f"\nconfirmed {WITNESS['reason']}")
