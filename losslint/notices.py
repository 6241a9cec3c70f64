"""Codes about the input itself, which no rule over a loss can give: LL001 to LL004."""

from __future__ import annotations

from dataclasses import dataclass

from losslint.findings import Severity


@dataclass(frozen=True)
class Notice:
    """What a rule shows of itself, for a code that has no rule class."""

    code: str
    name: str
    severity: Severity
    documentation: str

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.documentation.partition("\n")[0]


SYNTAX_ERROR = Notice("LL001", "syntax-error", Severity.ERROR, """A file is not valid Python.

What it does: reports the first place where the parser gives up. The other files are checked all the same.

Why it is bad: nothing in the file was checked. Python 2 code is the usual reason in older repositories.

Use instead: code that ``python -m py_compile FILE`` accepts.""")

UNUSED_SUPPRESSION = Notice("LL002", "unused-suppression", Severity.WARNING, """A suppression suppresses nothing.

What it does: finds ``# losslint: ignore[..]``, ``# losslint: file-ignore[..]`` and ``# noqa: LL..`` comments whose
rules find nothing where they stand. A bare ``# noqa`` and rules that are not selected are left alone.

Why it is bad: the next real problem on that line is hidden before anybody has seen it.

Use instead: delete the comment, or the codes in it that are not needed.""")

UNKNOWN_SUPPRESSION = Notice("LL003", "unknown-rule-in-suppression", Severity.WARNING,
                             """A suppression names a rule that does not exist.

What it does: checks the codes of ``# losslint: ignore[..]`` and ``# losslint: file-ignore[..]`` comments, and those in
``# noqa`` that begin with LL. Other tools' codes in ``# noqa`` are none of our business.

Why it is bad: the comment does nothing, and whoever wrote it believes that it does.

Use instead: a code from ``losslint rule --all``.""")

NOT_ANALYSED = Notice("LL004", "not-analysed", Severity.INFO, """A loss could not be followed to its end.

What it does: names the loss and the reason. What was followed has been checked.

Why it is bad: silence about this loss proves less than silence about the others.

Use instead: smaller functions, or a check by running it.""")

NOTICES = {notice.code: notice for notice in (SYNTAX_ERROR, UNUSED_SUPPRESSION, UNKNOWN_SUPPRESSION, NOT_ANALYSED)}
