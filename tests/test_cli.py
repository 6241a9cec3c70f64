"""The command line as a user meets it: exit codes case by case, streams, settings, lists."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import losslint
from losslint import check
from losslint.cli import main
from losslint.project import files
from losslint.report import FORMATS

FAULTY = """\
import numpy as np
import tensorflow as tf


def log_loss(y_true, y_pred):
    return tf.reduce_mean(y_true * np.log(y_pred))
"""
CLEAN = FAULTY.replace("np.log(y_pred)", "tf.square(y_pred)")
WARNING = CLEAN.replace("(y_pred))\n", "(y_pred))  # noqa: LL101\n")
NO_LOSS = "print('no framework, nothing to train')\n"
BROKEN = "import tensorflow as tf\ndef loss(:\n"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("NO_COLOR", "FORCE_COLOR", "LOSSLINT_DEBUG"):
        monkeypatch.delenv(variable, raising=False)
    for name, text in {"faulty.py": FAULTY, "clean.py": CLEAN, "warning.py": WARNING, "no_loss.py": NO_LOSS}.items():
        Path(name).write_text(text, encoding="utf-8")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def give_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


# exit codes


@pytest.mark.parametrize("arguments", [
    ["clean.py"], ["no_loss.py"], ["clean.py", "no_loss.py"], ["faulty.py", "--exit-zero"],
    ["faulty.py", "--select", "LL2"], ["faulty.py", "--ignore", "LL1"], ["warning.py", "--severity", "error"],
    ["faulty.py", "--show-losses"], ["--show-files"], ["--show-settings"], ["--version"], ["-V"], ["--help"], ["-h"],
    ["rule", "LL101"], ["rule", "--all"], ["rule", "--help"], ["check", "clean.py"], ["explain", "tf.round"],
    ["explain", "round"], ["explain", "--all"], ["explain", "np.mean", "--output-format", "json"],
])  # fmt: skip
def test_exit_0(arguments: list[str], run: Run) -> None:
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert out


@pytest.mark.parametrize("arguments", [
    ["faulty.py"], ["."], [], ["warning.py"], ["faulty.py", "clean.py"], ["check", "faulty.py"],
    ["faulty.py", "--quiet"], ["faulty.py", "--statistics"], ["faulty.py", "--severity", "error"],
    *(["faulty.py", "--output-format", format] for format in FORMATS),
])  # fmt: skip
def test_exit_1(arguments: list[str], run: Run) -> None:
    code, out, err = run(*arguments)
    assert (code, err) == (1, "")
    assert out


@pytest.mark.parametrize(("arguments", "message"), [
    (["gone.py"], "losslint: gone.py: no such file or folder"),
    (["gone/*.py"], f"losslint: {Path('gone/*.py')}: no such file or folder"),
    (["notes.md"], "losslint: notes.md: not a Python file (it ends in .md, not .py)"),
    (["nb.ipynb"], "losslint: nb.ipynb: notebooks are not read yet"),
    (["--select", "LL999"], "losslint: --select: unknown rule code 'LL999'"),
    (["--select", "LL1,F401"], "losslint: --select: unknown rule code 'F401'"),
    (["--ignore", "numpy-on-tensor"], "--ignore: unknown rule code 'numpy-on-tensor'; did you mean 'LL101'?"),
    (["--extend-select", "x"], "losslint: --extend-select: unknown rule code 'x'"),
    (["repro", "nb.ipynb::log_loss"], "notebooks are not read yet; export it first: jupyter nbconvert --to script nb.ipynb"),
    (["repro", "faulty.py::log_loss", "--code", "LL999"], "losslint: --code: unknown rule code 'LL999'"),
    (["--selct", "LL1"], "losslint: No such option"),
    (["--select"], "requires an argument"),
    (["--severity", "loud"], "'loud' is not one of"),
    (["--output-format", "xml"], "'xml' is not one of"),
    (["--config", "gone.toml"], "losslint: gone.toml: cannot be read: No such file or directory"),
    (["--config", "bad.toml"], "losslint: bad.toml: unknown key 'selekt'; did you mean 'select'?"),
    (["--config", "bad.toml", "--isolated"], "--config and --isolated exclude each other"),
    (["--quiet", "-v"], "--quiet and --verbose exclude each other"),
    (["bad"], "pyproject.toml: not valid TOML"),
    (["-", "clean.py"], "cannot be checked together with other paths"),
    (["clean.py", "--stdin-filename", "x.py"], "cannot be checked together with other paths"),
    (["clean.py", "-o", "no/such/folder/out.txt"], "cannot be written: No such file or directory"),
    ([""], "losslint: '': no such file or folder"),
    (["clean.py", ""], "losslint: '': no such file or folder"),
    (["--statistics", "--output-format", "github"], "--statistics cannot be printed as github: text, concise, json"),
    *((["clean.py", f"--show-{what}", "--output-format", format], f"--show-{what} cannot be printed as {format}")
      for what in ("files", "losses", "settings", "suppressed") for format in ("github", "rdjson")),
    (["--show-files", "--show-losses"], "--show-losses and --show-files exclude each other"),
    (["--statistics", "--show-suppressed"], "--statistics and --show-suppressed exclude each other"),
    (["--show-files", "--confirm"], "--show-files and --confirm exclude each other"),
    (["rule"], "give the code of one rule, or --all"),
    (["rule", "LL101", "--all"], "give the code of one rule, or --all"),
    (["rule", "LL909"], "losslint: unknown rule code 'LL909'; `losslint rule --all` lists the rules\n"),
    (["rule", "LLX101"], "losslint: unknown rule code 'LLX101'; did you mean 'LL101'?\n"),
    (["explain"], "give one name, or --all"),
    (["explain", "tf.rond"], "losslint: nothing is known of 'tf.rond'; did you mean 'tf.round'?"),
    (["explain", "qqqqq"], "losslint: nothing is known of 'qqqqq'; `losslint explain --all` lists the names"),
])  # fmt: skip
def test_exit_2_with_one_line_that_says_why(arguments: list[str], message: str, run: Run) -> None:
    Path("notes.md").write_text("", encoding="utf-8")
    Path("nb.ipynb").write_text("{}", encoding="utf-8")
    Path("bad.toml").write_text("selekt = []", encoding="utf-8")
    Path("bad").mkdir()
    Path("bad/pyproject.toml").write_text("[tool.losslint", encoding="utf-8")
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("losslint: ")
    assert err.count("\n") == 1


def test_what_can_be_done_is_done_before_exit_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.read_bytes

    def failing(path: Path) -> bytes:
        if path.name == "clean.py":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", failing)
    code, out, err = run("faulty.py", "clean.py", "gone.py", "--exit-zero")
    assert code == 2
    assert "LL101" in out
    assert sorted(err.splitlines()) == [
        "losslint: clean.py: cannot be read: Permission denied", "losslint: gone.py: no such file or folder"]


def test_infos_never_count(run: Run) -> None:
    Path("losslint.toml").write_text('severity-overrides = {LL1 = "info"}\n', encoding="utf-8")
    assert run("faulty.py")[:2][0] == 0
    code, out, _ = run("faulty.py", "--severity", "info")
    assert (code, "LL101 info" in out) == (0, True)
    code, out, _ = run("faulty.py", "--output-format", "json")
    assert (code, json.loads(out)[0]["severity"]) == (0, "info")


@pytest.mark.parametrize("severity", ["", "info", "warning", "error"])
@pytest.mark.parametrize("by_file", [True, False])
@pytest.mark.parametrize("format", FORMATS)
def test_one_severity_for_all_formats(severity: str, by_file: bool, format: str, run: Run) -> None:
    """What is set holds; what is not is warning, and info for programs."""
    Path("losslint.toml").write_text(
        'severity-overrides = {LL101 = "info"}\n' + (f'severity = "{severity}"\n' if by_file and severity else ""),
        encoding="utf-8")
    option = ["--severity", severity] if severity and not by_file else []
    code, out, _ = run("faulty.py", "warning.py", "--output-format", format, *option)
    seen = {code for code, file in (("LL101", "faulty.py"), ("LL002", "warning.py")) if file in out}
    least = severity or ("info" if format in ("json", "rdjson") else "warning")
    assert seen == {"info": {"LL101", "LL002"}, "warning": {"LL002"}, "error": set()}[least]
    assert code == int("LL002" in seen)


def test_a_syntax_error_is_a_finding_and_the_run_goes_on(run: Run) -> None:
    Path("broken.py").write_text(BROKEN, encoding="utf-8")
    code, out, err = run("broken.py", "faulty.py", "--output-format", "concise")
    assert (code, err) == (1, "")
    assert re.findall(r"LL\d+", out) == ["LL001", "LL101"]


@pytest.mark.parametrize(("data", "message"), [
    (FAULTY.encode("utf-16"), "the text is UTF-16, which Python does not read"),
    (FAULTY.encode("utf-16-le"), "a null byte"), (FAULTY.encode() + b"\0", "a null byte"),
    ("# größer\n".encode("latin-1") + FAULTY.encode(), "encoding"),
    (FAULTY.encode() + "# größer\n".encode("latin-1"), "byte 0xf6 is not utf-8 text"),
    (b"# coding: klingon\n" + FAULTY.encode(), "klingon"),
])  # fmt: skip
def test_a_file_that_is_no_python_text_is_a_finding(data: bytes, message: str, run: Run) -> None:
    Path("odd.py").write_bytes(data)
    code, out, err = run("odd.py", "--output-format", "concise")
    assert (code, err) == (1, "")
    assert re.match(r"odd\.py:\d+:\d+: LL001 error \[syntax-error\] not valid Python: ", out)
    assert message in out


def test_an_empty_folder_is_clean_and_says_so(run: Run) -> None:
    Path("empty").mkdir()
    assert run("empty") == (0, "No Python file found.\n", "")


def test_an_internal_error_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*arguments: object, **named: object) -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr(check, "check_paths", crash)
    code, out, err = run("faulty.py")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"internal error: ZeroDivisionError: two lines. This is a bug in losslint {losslint.__version__}" in err
    monkeypatch.setenv("LOSSLINT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["faulty.py"])


def test_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "check_paths", interrupt)
    code, out, err = run("faulty.py")
    assert (code, out, err.strip()) == (130, "", "")


# standard input


def test_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    give_stdin(monkeypatch, FAULTY.encode())
    code, out, _ = run("-", "--output-format", "concise")
    assert code == 1
    assert out.startswith("-:6:36: LL101 error [numpy-on-tensor]")


@pytest.mark.parametrize("dash", [["-"], []])
def test_standard_input_has_the_name_and_the_settings_of_its_file(
    dash: list[str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("pkg").mkdir()
    Path("pkg/losslint.toml").write_text('ignore = ["LL101"]\n', encoding="utf-8")
    give_stdin(monkeypatch, b"\xef\xbb\xbf" + FAULTY.replace("\n", "\r\n").encode())
    assert run(*dash, "--stdin-filename", "pkg/unsaved.py")[0] == 0
    give_stdin(monkeypatch, FAULTY.encode())
    code, out, _ = run(*dash, "--stdin-filename", "other/unsaved.py")
    assert (code, out.split(":")[0]) == (1, str(Path("other/unsaved.py")))
    assert "np.log(y_pred)" in out


def test_standard_input_without_a_loss(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    give_stdin(monkeypatch, b"")
    assert run("-")[0] == 0


@pytest.mark.parametrize("data", [b"x = '\xff'\n", b"# coding: klingon\n"])
def test_standard_input_that_is_no_text(data: bytes, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    give_stdin(monkeypatch, data)
    code, out, err = run("-")
    assert (code, out) == (2, "")
    assert err.startswith("losslint: standard input cannot be read: ")


def test_no_standard_input_at_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert run("-") == (2, "", "losslint: there is no standard input to read.\n")


# what is printed, and where


def test_text_shows_the_code(run: Run) -> None:
    _, out, _ = run("faulty.py")
    lines = out.splitlines()
    assert lines[0] == "faulty.py:6:36: LL101 error [numpy-on-tensor] in log_loss"
    assert "   6 |     return tf.reduce_mean(y_true * np.log(y_pred))" in lines
    assert "     |                                    ^^^^^^^^^^^^^^" in lines
    assert any(line.startswith("  help: ") for line in lines)
    assert re.fullmatch(r"1 error in 1 of 1 loss \(1 file, \d+\.\d+ s\)\.", lines[-1])


def test_quiet_prints_findings_only(run: Run) -> None:
    assert run("clean.py", "--quiet") == (0, "", "")
    assert " of " not in run("faulty.py", "-q")[1].splitlines()[-1]


def test_verbose_tells_what_was_done_on_standard_error(run: Run) -> None:
    Path("losslint.toml").write_text("", encoding="utf-8")
    code, out, err = run("faulty.py", "no_loss.py", "--verbose", "--output-format", "json")
    assert (code, len(json.loads(out))) == (1, 1)
    assert err.splitlines() == [
        f"losslint: faulty.py, no_loss.py: settings from {Path('losslint.toml').resolve()}", "losslint: faulty.py: 1 loss",
        "losslint: 1 file without the words of a loss, or not Python"]
    assert run("no_loss.py", "-v")[2].splitlines()[1:] == ["losslint: 1 file without the words of a loss, or not Python"]


def test_json_is_a_list_even_of_nothing(run: Run) -> None:
    assert json.loads(run("clean.py", "--output-format", "json")[1]) == []
    assert json.loads(run("no_loss.py", "--output-format", "json")[1]) == []
    [finding] = json.loads(run("faulty.py", "--output-format", "json")[1])
    assert (finding["code"], finding["location"], finding["loss"]["name"]) == (
        "LL101", {"row": 6, "column": 36}, "log_loss")


def test_machines_get_their_document_even_when_a_path_is_missing(run: Run) -> None:
    code, out, _ = run("gone.py", "--output-format", "json")
    assert (code, json.loads(out)) == (2, [])


def test_output_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert run("faulty.py", "-o", "report.txt") == (1, "", "")
    assert Path("report.txt").read_text(encoding="utf-8").startswith("faulty.py:6:36: LL101 error")


def test_statistics(run: Run) -> None:
    _, out, _ = run("faulty.py", "warning.py", "--statistics")
    assert out.splitlines()[:2] == ["1  LL002 warning [unused-suppression]", "1  LL101 error [numpy-on-tensor]"]
    assert out.splitlines()[2].startswith("1 error, 1 warning in 1 of 2 losses")
    _, out, _ = run("faulty.py", "--statistics", "--output-format", "json")
    assert json.loads(out) == [{"code": "LL101", "name": "numpy-on-tensor", "severity": "error", "count": 1}]


def test_suppressed_findings_are_counted_and_shown_on_request(run: Run) -> None:
    Path("faulty.py").write_text(FAULTY.replace("y_pred):", "y_pred):  # losslint: ignore[LL101] teaching material"))
    code, out, _ = run("faulty.py")
    assert (code, out.endswith(" 1 suppressed: --show-suppressed.\n")) == (0, True)
    code, out, _ = run("faulty.py", "--show-suppressed")
    assert (code, "in log_loss, suppressed on row 5: teaching material" in out) == (0, True)


def test_suppressions_of_a_helper_that_was_not_checked_itself_are_not_judged(run: Run) -> None:
    Path("helper.py").write_text(FAULTY.replace("log_loss", "log_of") + "\n\nx = 1  # noqa: LL101\n", encoding="utf-8")
    Path("main.py").write_text(
        "from helper import log_of\n\n\ndef nll_loss(y_true, y_pred):\n    return log_of(y_true, y_pred)\n"
        "# keras\n", encoding="utf-8")
    assert "LL002" not in run("main.py")[1]
    assert "LL002" in run("main.py", "helper.py")[1]
    assert "LL002" in run("*e*.py", "main.py")[1]
    assert "LL002" in run()[1]


@pytest.mark.parametrize(("variables", "terminal", "coloured"), [
    ({}, False, False), ({}, True, True), ({"NO_COLOR": "1"}, True, False), ({"FORCE_COLOR": "1"}, False, True),
    ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False), ({"TERM": "dumb"}, True, False),
    ({"NO_COLOR": ""}, True, True), ({"FORCE_COLOR": "0"}, False, False),
])  # fmt: skip
def test_colour(variables: dict[str, str], terminal: bool, coloured: bool, run: Run,
                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert ("\x1b[" in run("faulty.py")[1]) is coloured


def test_notes_do_not_fail_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", len(CLEAN))
    Path("src").mkdir()
    Path("src/tables.py").write_text(CLEAN * 2, encoding="utf-8")
    code, _, err = run("src")
    assert (code, err.startswith(f"losslint: note: {Path('src/tables.py')}: skipped: ")) == (0, True)
    assert run("src", "--quiet")[2] == ""


# lists


def test_show_losses(run: Run) -> None:
    code, out, _ = run("--show-losses")
    lines = out.splitlines()
    assert code == 0
    assert re.fullmatch(r"clean\.py:5: function log_loss \(\w+\) - .+", lines[0])
    assert lines[-1] == "3 losses in 4 files."
    _, out, _ = run("clean.py", "--show-losses", "--output-format", "json")
    [loss] = json.loads(out)
    assert (loss["filename"], loss["row"], loss["kind"], loss["name"]) == ("clean.py", 5, "function", "log_loss")


def test_show_files(run: Run) -> None:
    Path("build").mkdir()
    Path("build/x.py").write_text("", encoding="utf-8")
    assert run("--show-files")[1].splitlines() == ["clean.py", "faulty.py", "no_loss.py", "warning.py"]
    code, out, err = run("build", "gone", "--show-files")
    assert (code, out.strip(), err.count("\n")) == (2, str(Path("build/x.py")), 1)


def test_lists_in_every_format_that_they_have(run: Run) -> None:
    assert json.loads(run("--show-files", "--output-format", "json")[1]) == run(
        "--show-files", "--output-format", "concise")[1].splitlines()
    assert run("--show-losses", "--output-format", "concise")[1].count("\n") == 3
    assert run("--statistics", "--output-format", "concise")[1].splitlines() == [
        "1  LL002 warning [unused-suppression]", "1  LL101 error [numpy-on-tensor]"]


def test_show_settings_prints_a_settings_file(run: Run, tmp_path: Path) -> None:
    text = 'ignore = ["LL102"]\nper-file-ignores = {"a/*" = ["LL1"]}\nseverity-overrides = {LL101 = "warning"}\n'
    Path("losslint.toml").write_text(text, encoding="utf-8")
    _, out, _ = run("--show-settings", "--extend-select", "LL2")
    assert out.startswith(f"# from {tmp_path / 'losslint.toml'}, patterns relative to {tmp_path}\n")
    Path("again").mkdir()
    Path("again/losslint.toml").write_text(out, encoding="utf-8")
    _, again, _ = run("again", "--show-settings")
    assert again.splitlines()[1:] == out.splitlines()[1:]
    _, as_json, _ = run("--show-settings", "--output-format", "json")
    assert json.loads(as_json)[0]["ignore"] == ["LL102"]


def test_rule(run: Run) -> None:
    _, out, _ = run("rule", "ll101")
    assert out.startswith("LL101 numpy-on-tensor (error)\n")
    assert "\nReported:\n\n    import numpy as np\n" in out
    assert run("rule", "numpy-on-tensor")[1] == out
    assert run("rule", "LL002")[1].startswith("LL002 unused-suppression (warning)\n")
    family = run("rule", "LL1")[1].splitlines()
    assert len(family) > 1
    assert all(line.startswith("LL1") for line in family)
    everything = run("rule", "--all")[1].splitlines()
    assert {line[:5] for line in family} < {line[:5] for line in everything}
    listed = json.loads(run("rule", "--all", "--output-format", "json")[1])
    assert [rule["code"] for rule in listed] == [line[:5] for line in everything]
    assert all(rule["summary"] and rule["documentation"] for rule in listed)


def test_a_path_that_is_called_like_a_command(run: Run) -> None:
    Path("rule").mkdir()
    Path("rule/faulty.py").write_text(FAULTY, encoding="utf-8")
    assert run("./rule")[0] == run("check", "rule")[0] == 1


def test_help_lists_options_and_commands(run: Run) -> None:
    _, out, _ = run("--help")
    assert out.startswith("Usage: losslint [OPTIONS] [PATHS]...")
    assert all(text in out for text in ("--select", "Commands:", "rule "))


# settings


def test_each_path_is_governed_by_the_nearest_settings(run: Run) -> None:
    for name, settings in {"strict": "", "lenient": 'ignore = ["LL1"]\n'}.items():
        Path(name).mkdir()
        Path(name, "losslint.toml").write_text(settings, encoding="utf-8")
        Path(name, "a.py").write_text(FAULTY, encoding="utf-8")
    _, out, _ = run("strict", "lenient", "--output-format", "concise")
    assert [line.split(":")[0] for line in out.splitlines()] == [str(Path("strict/a.py"))]
    assert run("lenient", "--isolated")[0] == 1
    assert run("strict", "--config", "lenient/losslint.toml")[0] == 0
    assert run("lenient", "--select", "LL101")[0] == 1


CONDITION = """\
import tensorflow as tf


def hinge_loss(y_true, y_pred):
    loss = tf.reduce_mean(1.0 - y_true * y_pred)
    if loss < 0.0:
        loss = loss * 0.1
    return loss
"""


@pytest.mark.parametrize(("settings", "code"), [
    ("", 1), ("keras-version = 2", 0), ('modes = ["eager"]', 0), ('modes = ["tf.function"]', 0),
    ('modes = ["fit", "eager"]', 1), ('per-file-ignores = {"lo*.py" = ["LL2"]}', 0), ('ignore = ["LL201"]', 0),
    ('severity-overrides = {LL201 = "info"}', 0), ('per-file-ignores = {"other.py" = ["LL2"]}', 1),
    ('exclude = ["*.py"]', 1), ('not-loss-functions = ["*.hinge_loss"]', 0),
])  # fmt: skip
def test_settings_reach_the_analysis(settings: str, code: int, run: Run) -> None:
    Path("losses.py").write_text(CONDITION, encoding="utf-8")
    Path("losslint.toml").write_text(f'extend-select = ["LL2"]\n{settings}\n', encoding="utf-8")
    assert run("losses.py")[0] == code


def test_exclude_acts_on_the_walk_and_not_on_named_files(run: Run) -> None:
    for settings in ('exclude = ["*.py"]', 'extend-exclude = ["faulty.py", "warning.py"]'):
        Path("losslint.toml").write_text(settings, encoding="utf-8")
        assert run(".")[0] == 0
        assert run("faulty.py")[0] == 1


def test_force_exclude(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("legacy/deep").mkdir(parents=True)
    Path("legacy/deep/bad.py").write_text(FAULTY, encoding="utf-8")
    for settings in ('extend-exclude = ["legacy/*"]', 'extend-exclude = ["legacy"]', 'extend-exclude = ["/legacy/"]',
                     'extend-exclude = ["bad.py"]', 'exclude = ["**/deep"]'):
        Path("losslint.toml").write_text(settings, encoding="utf-8")
        assert run("legacy/deep/bad.py")[0] == 1
        for named in ("legacy/deep/bad.py", "legacy/deep"):
            assert run("--force-exclude", named) == (0, "No Python file found.\n", "")
        assert run("--force-exclude", "legacy/deep/bad.py", "clean.py", "--show-files")[1] == "clean.py\n"
        assert run("--force-exclude", "legacy/deep/bad.py", "gone.py")[0] == 2
        give_stdin(monkeypatch, FAULTY.encode())
        assert run("--force-exclude", "--stdin-filename", "legacy/deep/bad.py", "--output-format", "json")[:2] == (0, "[]\n")
        Path("losslint.toml").write_text(settings + "\nforce-exclude = true\n", encoding="utf-8")
        assert run("legacy/deep/bad.py")[0] == 0
        assert run("legacy/deep/bad.py", "--no-force-exclude")[0] == 1
    assert run("faulty.py")[0] == 1


def test_a_syntax_error_is_said_of_every_file_and_of_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("src").mkdir()
    Path("src/words.py").write_text("def f(:\n", encoding="utf-8")
    give_stdin(monkeypatch, b"def f(:\n")
    for given in (["src/words.py"], ["src"], ["--stdin-filename", "src/words.py"]):
        code, out, _ = run(*given, "--output-format", "concise")
        assert (code, out.count("\n")) == (1, 1)
        assert out.startswith(f"{Path('src/words.py')}:1:7: LL001 error [syntax-error] not valid Python: ")


def test_codes_by_comma_and_repetition(run: Run) -> None:
    assert run("faulty.py", "--select", "LL2,LL101")[0] == 1
    assert run("faulty.py", "--select", "LL2", "--select", "ll1")[0] == 1
    assert run("faulty.py", "--select", "ALL", "--ignore", "LL10")[0] == 0


# the process


def process(*arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    home = str(Path(losslint.__file__).parents[1])
    return subprocess.run([sys.executable, "-m", "losslint", *arguments], capture_output=True, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": home, **variables})


def test_as_a_module() -> None:
    done = process("faulty.py", "-q")
    assert (done.returncode, done.stderr) == (1, b"")
    assert process("--version").stdout.split() == [b"losslint", losslint.__version__.encode()]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_utf_8_whatever_the_console_thinks(encoding: str) -> None:
    Path("faulty.py").write_text(FAULTY.replace("y_pred))", "y_pred))  # Verlust größer → ∞"), encoding="utf-8")
    done = process("faulty.py", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (1, b"")
    assert "größer → ∞" in done.stdout.decode("utf-8")


@pytest.mark.parametrize("colour", ["0", "1"])
@pytest.mark.parametrize(("arguments", "code"), [
    (["faulty.py"], 1), (["clean.py"], 0), (["faulty.py", "--exit-zero"], 0), (["rule", "--all"], 0),
    (["explain", "--all"], 0), (["schema"], 0),
])  # fmt: skip
def test_a_closed_pipe_is_silent(arguments: list[str], code: int, colour: str) -> None:
    home = str(Path(losslint.__file__).parents[1])
    running = subprocess.Popen([sys.executable, "-m", "losslint", *arguments], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": home, "FORCE_COLOR": colour})
    assert running.stdout is not None
    running.stdout.close()
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (code, b"")


def loaded_by(*arguments: str) -> set[str]:
    """Top-level packages, and modules of LibCST and our own, that a run imports."""
    source = f"import sys; from losslint.cli import main; main({arguments!r}); print('', *sys.modules, sep='\\n- ')"
    home = str(Path(losslint.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, check=True, text=True,
                          env={**os.environ, "PYTHONPATH": home})
    loaded = [line.removeprefix("- ") for line in done.stdout.splitlines() if line.startswith("- ")]
    return {name for name in loaded if "." not in name or name.startswith(("losslint.", "libcst."))}


HEAVY = {"tensorflow", "keras", "numpy", "torch", "jax", "rich", "libcst.matchers"}


def test_what_is_not_needed_is_not_imported() -> None:
    static = loaded_by("faulty.py")
    assert not static & HEAVY
    assert not {name for name in static if name.startswith(("losslint.confirmation", "losslint.progress"))}
    assert not loaded_by("explain", "tf.round") & {*HEAVY, "libcst", "losslint.rules", "losslint.check"}
    for arguments in (["--version"], ["no_loss.py"]):
        assert not loaded_by(*arguments) & {*HEAVY, "libcst", "pathspec", "losslint.rules", "losslint.check"}


def test_version_is_that_of_the_package() -> None:
    project = Path(losslint.__file__).parents[1] / "pyproject.toml"
    if project.is_file():
        assert f'version = "{losslint.__version__}"' in project.read_text(encoding="utf-8")
