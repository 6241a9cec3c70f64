"""Writing suppressions for findings into files: ``--add-noqa [REASON]``.

A comment goes to the row of its finding, or, where a string or a backslash runs over the end of that row, to the nearest
row that speaks for the same statement. Encoding, byte order mark and line ends stay as they are.
"""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from collections.abc import Iterable, Mapping

from losslint.findings import Finding
from losslint.notices import NOTICES
from losslint.project.module import Module, decode
from losslint.suppress import DIRECTIVE, NOQA, FileSuppressions

LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
STRING_PARTS = {"FSTRING_START": 1, "FSTRING_END": -1, "TSTRING_START": 1, "TSTRING_END": -1}  # Python 3.12, 3.14


class NotWritten(Exception):
    """A file that the comments cannot be written into, and why."""


def silenced(data: bytes, module: Module, findings: Iterable[Finding], reason: str = "") -> tuple[bytes, int]:
    """The source of a file with comments that silence its findings, and how many findings they silence.

    Complaints about comments and about the file itself (LL001 to LL006) are left alone.

    Raises:
        NotWritten: the source is no longer what was analysed, or has no place or no encoding for the comments.
    """
    if decode(data) != module.text:
        raise NotWritten("has changed while it was analysed")
    wanted = [finding for finding in findings if finding.code not in NOTICES]
    codes = _codes_by_row(module, wanted)
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    lines = LINE.findall(data.removeprefix(mark).decode(encoding))
    for row, here in codes.items():
        text, end = lines[row - 1]
        lines[row - 1] = (_with_codes(text, module.comments.get(row, ""), sorted(here), reason), end)
    try:
        source = "".join(text + end for text, end in lines).encode(encoding.removesuffix("-sig"))
    except UnicodeEncodeError as error:
        raise NotWritten(f"is {encoding}, which cannot hold the reason") from error
    return mark + source, sum(map(len, codes.values()))


def _codes_by_row(module: Module, findings: Iterable[Finding]) -> Mapping[int, set[str]]:
    """Where the comments go: row -> codes."""
    open_rows = _rows_open_to_comments(module.text)
    suppressions = FileSuppressions(module)
    found: dict[int, set[str]] = {}
    for finding in findings:
        start = finding.start.row
        rows = sorted(suppressions.rows(finding) & open_rows, key=lambda row: (row < start, abs(row - start)))
        if rows:
            found.setdefault(rows[0], set()).add(finding.code)
    return found


def _rows_open_to_comments(text: str) -> set[int]:
    """Rows that end outside of every string, and not in a backslash."""
    rows: set[int] = set()
    depth = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            depth += STRING_PARTS.get(tokenize.tok_name[token.type], 0)
            if token.type in (tokenize.NEWLINE, tokenize.NL) and not depth:
                rows.add(token.start[0])
    except (tokenize.TokenError, SyntaxError) as error:
        raise NotWritten("cannot be tokenised, so no comment can be placed") from error
    return rows


def _with_codes(line: str, comment: str, codes: list[str], reason: str) -> str:
    """The line with codes added to a comment of the same kind, or with a comment of its own."""
    start = len(line) - len(comment)
    kinds = DIRECTIVE.finditer(comment) if reason else NOQA.finditer(comment)
    for match in kinds:
        same = not reason or (match["word"] == "ignore" and match["reason"].strip(" :-") == reason)
        if match["codes"] and same:
            end = start + match.end("codes")
            return line[:end] + ", " + ", ".join(codes) + line[end:]
    added = f"# losslint: ignore[{', '.join(codes)}] {reason}" if reason else f"# noqa: {', '.join(codes)}"
    return f"{line.rstrip()}  {added}"
