"""``--add-noqa``: the comments silence what was found, and nothing else in the file changes."""

from __future__ import annotations

import ast
import io
import shutil
import sys
from pathlib import Path

import pytest

import losslint
from losslint.cli import main

FIXTURES = Path(losslint.__file__).parents[1] / "fixtures"
HEAD = "import numpy as np\nimport tensorflow as tf\n\n\ndef log_loss(y_true, y_pred):\n"


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def added(body: str, *options: str) -> list[str]:
    """The lines of the function after a run; a second run is clean and changes nothing."""
    file = Path("losses.py")
    file.write_text(HEAD + body, encoding="utf-8", newline="")
    assert main(["losses.py", "--add-noqa", *options]) == 0
    once = file.read_bytes()
    assert main(["losses.py"]) == 0
    assert main(["losses.py", "--add-noqa", *options]) == 0
    assert file.read_bytes() == once
    return once.decode().splitlines()[5:]


@pytest.mark.parametrize(("body", "after"), [
    ("    return tf.reduce_mean(y_true * np.log(y_pred))\n",
     ["    return tf.reduce_mean(y_true * np.log(y_pred))  # noqa: LL101"]),
    ("    return tf.reduce_mean(y_true * np.log(y_pred))",
     ["    return tf.reduce_mean(y_true * np.log(y_pred))  # noqa: LL101"]),
    ("    return tf.reduce_mean(y_true * np.log(y_pred))  # type: ignore  \n",
     ["    return tf.reduce_mean(y_true * np.log(y_pred))  # type: ignore  # noqa: LL101"]),
    ("    return tf.reduce_mean(y_true * np.log(y_pred))  # noqa: E501 long\n",
     ["    return tf.reduce_mean(y_true * np.log(y_pred))  # noqa: E501, LL101 long"]),
    ("    return tf.reduce_mean(\n        y_true\n        * np.log(y_pred)\n    )\n",
     ["    return tf.reduce_mean(", "        y_true", "        * np.log(y_pred)  # noqa: LL101", "    )"]),
    ("    x = y_true \\\n        * np.log(y_pred) \\\n        * 2.0\n    return tf.reduce_mean(x)\n",
     ["    x = y_true \\", "        * np.log(y_pred) \\", "        * 2.0  # noqa: LL101", "    return tf.reduce_mean(x)"]),
    ('    return tf.reduce_mean(y_true * np.log(y_pred), name="""a\n  b""")\n',
     ['    return tf.reduce_mean(y_true * np.log(y_pred), name="""a', '  b""")  # noqa: LL101']),
    ("    if tf.reduce_sum(y_true) == 0: return tf.reduce_mean(y_pred)\n"
     "    return tf.reduce_mean(y_true * np.log(y_pred))\n",
     ["    if tf.reduce_sum(y_true) == 0: return tf.reduce_mean(y_pred)  # noqa: LL201",
      "    return tf.reduce_mean(y_true * np.log(y_pred))  # noqa: LL101, LL301"]),
    ("    for p in y_pred: \\\n        print(p)\n    return tf.reduce_mean(tf.abs(y_true - y_pred))\n",
     ["    for p in y_pred: \\", "        print(p)  # noqa: LL203", "    return tf.reduce_mean(tf.abs(y_true - y_pred))"]),
])  # fmt: skip
def test_where_the_comment_goes(body: str, after: list[str]) -> None:
    assert added(body) == after


def test_a_reason_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    body = "    return tf.reduce_mean(y_true * np.log(y_pred))  # noqa: E501\n"
    assert added(body, "--add-noqa=only ever eager") == [
        "    return tf.reduce_mean(y_true * np.log(y_pred))  # noqa: E501  # losslint: ignore[LL101] only ever eager"]
    capsys.readouterr()
    main(["losses.py", "--show-suppressed"])
    assert "suppressed on row 6: only ever eager" in capsys.readouterr().out


def test_codes_join_a_comment_with_the_same_reason() -> None:
    body = "    return tf.reduce_mean(y_true * np.log(y_pred) * float(y_pred))  # losslint: ignore[LL101] eager\n"
    [line] = added(body, "--add-noqa=eager")
    assert line.endswith("  # losslint: ignore[LL101, LL102] eager")


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("latin-1", b"")])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encoding_mark_and_line_ends_stay(encoding: str, mark: bytes, end: str) -> None:
    text = f"# coding: {encoding}\n# größer\n{HEAD}    return tf.reduce_mean(y_true * np.log(y_pred))\n\n\f\nx = 1\n"
    before = mark + text.replace("\n", end).encode(encoding)
    Path("losses.py").write_bytes(before)
    assert main(["losses.py", "--add-noqa"]) == 0
    assert Path("losses.py").read_bytes() == before.replace(b"np.log(y_pred))", b"np.log(y_pred))  # noqa: LL101")
    assert main(["losses.py"]) == 0


def test_what_is_clean_is_not_touched(capsys: pytest.CaptureFixture[str]) -> None:
    file = Path("clean.py")
    file.write_text(HEAD + "    return tf.reduce_mean(y_true * y_pred)  # noqa: LL101\n", encoding="utf-8")
    before = file.stat().st_mtime_ns
    assert main(["clean.py", "--add-noqa"]) == 0  # LL002 is no finding to be silenced
    assert (file.stat().st_mtime_ns, capsys.readouterr().out) == (before, "0 suppressions added to 0 files.\n")


def test_standard_input_goes_to_standard_output(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (HEAD + "    return tf.reduce_mean(y_true * np.log(y_pred))\n").replace("\n", "\r\n").encode()
    for given in (source, b"x = 1\r\n", b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        assert main(["-", "--add-noqa"]) == 0
        out, err = capfdbinary.readouterr()
        assert (out, err) == (given.replace(b"np.log(y_pred))", b"np.log(y_pred))  # noqa: LL101"), b"")
    assert not any(Path().iterdir())


def test_a_reason_the_encoding_cannot_hold(capsys: pytest.CaptureFixture[str]) -> None:
    text = f"# coding: latin-1\n{HEAD}    return tf.reduce_mean(y_true * np.log(y_pred))\n"
    Path("losses.py").write_text(text, encoding="latin-1")
    assert main(["losses.py", "--add-noqa=x → y"]) == 2
    assert "losses.py: is iso-8859-1, which cannot hold the reason" in capsys.readouterr().err
    assert Path("losses.py").read_text(encoding="latin-1") == text


def test_files_that_cannot_be_written_are_named_and_the_others_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.py", "b.py", "c.py"):
        Path(name).write_text(HEAD + "    return tf.reduce_mean(y_true * np.log(y_pred))\n", encoding="utf-8")
    real = Path.write_bytes

    def failing(path: Path, data: bytes) -> int:
        if path.name == "b.py":
            raise PermissionError(13, "Permission denied")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", failing)
    assert main([".", "--add-noqa"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("2 suppressions added to 2 files.\n", "losslint: b.py: cannot be written: Permission denied\n")
    assert ["noqa" in Path(name).read_text(encoding="utf-8") for name in ("a.py", "b.py", "c.py")] == [True, False, True]


def test_a_path_behind_the_option_is_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    Path("src").mkdir()
    for name in ("src/a.py", "b.py"):
        Path(name).write_text(HEAD + "    return tf.reduce_mean(y_true * np.log(y_pred))\n", encoding="utf-8")
    assert main(["--add-noqa", "src"]) == 0
    assert capsys.readouterr().out == "1 suppression added to 1 file.\n"
    assert "noqa" not in Path("b.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(("arguments", "message"), [
    (["--add-noqa=a # b"], "a reason is one line without a #"), (["--add-noqa=a\nb"], "a reason is one line"),
    (["--add-noqa", "--statistics"], "--statistics and --add-noqa exclude each other"),
    (["--add-noqa", "-o", "x"], "--add-noqa prints no report"),
    (["--add-noqa", "--output-format", "json"], "--add-noqa cannot be printed as json: text"),
    (["--add-noqa", "nb.ipynb"], "notebooks are not read yet"),
])  # fmt: skip
def test_refusals(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("nb.ipynb").write_text("{}", encoding="utf-8")
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert Path("nb.ipynb").read_text(encoding="utf-8") == "{}"


@pytest.mark.slow
@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the fixtures are not installed")
@pytest.mark.parametrize("reason", ["", "=for now"])
def test_all_fixtures(reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(FIXTURES, copy)
    assert main([str(copy), f"--add-noqa{reason}"]) == 0
    assert not capsys.readouterr().out.startswith("0 ")
    assert main([str(copy), "--output-format", "concise"]) in (0, 1)
    left = capsys.readouterr().out
    assert all(" LL00" in line for line in left.splitlines()), left
    for file in copy.rglob("*.py"):
        before = (FIXTURES / file.relative_to(copy)).read_text(encoding="utf-8")
        after = file.read_text(encoding="utf-8")
        lines = list(zip(before.splitlines(), after.splitlines(), strict=True))
        assert all(new.startswith(old.rstrip()) for old, new in lines if "noqa" not in old), file
        if ast_of(before) is not None:
            assert ast_of(before) == ast_of(after)


def ast_of(text: str) -> str | None:
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return None
