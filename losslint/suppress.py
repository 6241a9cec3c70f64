"""Comments that silence findings: ``# noqa: LL101``, ``# losslint: ignore[LL101] reason``, ``# losslint: file-ignore``.

A line comment covers the expression it stands beside, from any row of it or from an end of the statement around it; on
a row of a ``def`` or ``class`` header or of a decorator it covers the whole definition. Comments that silence nothing
are LL002, codes that do not exist LL003.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from losslint.config import ALL_RULES, Codes, Settings, choose, nearest, nearest_code
from losslint.findings import Finding, Location, LossRef
from losslint.notices import SEEN, UNKNOWN_SUPPRESSION, UNUSED_SUPPRESSION, Notice
from losslint.project.decisions import CALL_METHODS
from losslint.project.index import Function, parameters
from losslint.project.module import Module

NOQA = re.compile(r"#\s*noqa\b(?:\s*:\s*(?P<codes>[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*))?", re.IGNORECASE)
DIRECTIVE = re.compile(r"#\s*losslint:\s*(?P<word>[\w-]+)\s*(?:\[(?P<codes>[^\]#]*)\])?(?P<reason>[^#]*)")
CODE = re.compile(r"[^\s,]+")
SLIP = re.compile(r"\s*[=(:]?\s*LL\d\S*", re.IGNORECASE)  # what codes without their brackets begin with: ignore=LL101
SUPPRESSING = ("ignore", "file-ignore")
DIRECTIVES = (*SUPPRESSING, "loss", "not-loss", "inputs")
ON_DEFINITIONS = ("loss", "inputs")  # that say something of the code whose header they stand at
ELSEWHERE = {  # what other tools call it
    "disable": "ignore", "skip": "ignore", "off": "ignore", "suppress": "ignore", "noqa": "ignore", "nolint": "ignore",
    "disable-file": "file-ignore", "skip-file": "file-ignore", "ignore-file": "file-ignore",
}  # fmt: skip
OWN_CODES = {UNUSED_SUPPRESSION.code, UNKNOWN_SUPPRESSION.code}
NEVER_UNUSED = OWN_CODES | SEEN.keys()  # silencing these; what only running shows is not found by every run
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Suppression:
    """One comment that silences. Without ``codes`` it silences every rule."""

    row: int
    start: int  # 1-based columns of the comment's text, the end exclusive
    end: int
    codes: tuple[tuple[str, int], ...]  # code or prefix as written, and its column
    whole_file: bool = False
    noqa: bool = False
    reason: str = ""

    def covers(self, code: str) -> bool:
        """Whether a rule is among those it silences. Complaints about suppressions have to be named."""
        return bool(self.prefixes(code)) or not (self.codes or code in OWN_CODES)

    def prefixes(self, code: str) -> list[str]:
        """Which of its codes silence a rule."""
        found = [prefix for prefix, _ in self.codes if code.startswith(prefix.upper())]
        return [prefix for prefix in found if code not in OWN_CODES or len(prefix) > len(ALL_RULES)]


@dataclass(frozen=True)
class Outcome:
    """Findings to be shown, with the configured severities, and those that a comment silences."""

    findings: list[Finding] = field(default_factory=list)
    suppressed: list[tuple[Finding, Suppression]] = field(default_factory=list)


def apply(findings: Iterable[Finding], modules: Mapping[Path, Module], settings: Settings, codes: Codes,
          checked: Callable[[Path], bool] = lambda path: True) -> Outcome:
    """Take the silenced findings out, add LL002 and LL003, and bring all into line with the settings.

    Only in ``checked`` files can a suppression be called unused: of a helper's file just one function may have been seen.
    """
    files = {path: FileSuppressions(module) for path, module in modules.items() if _mentions_any(module)}
    outcome = Outcome()
    for finding in findings:
        _sort_in(finding, files, settings, outcome)
    for path, file in files.items():
        if not checked(path):
            continue
        for finding in file.complaints(path, settings, codes):
            _sort_in(finding, files, settings, outcome)
    outcome.findings.sort(key=lambda finding: finding.sort_key)
    outcome.suppressed.sort(key=lambda pair: pair[0].sort_key)
    return outcome


def _sort_in(finding: Finding, files: Mapping[Path, FileSuppressions], settings: Settings, outcome: Outcome) -> None:
    file = files.get(finding.path)
    silencer = file.silencer(finding) if file else None
    adjusted = settings.adjust(finding)
    if adjusted is None:
        return
    if silencer is None:
        outcome.findings.append(adjusted)
    else:
        outcome.suppressed.append((adjusted, silencer))


def _mentions_any(module: Module) -> bool:
    return "noqa" in module.text.lower() or "losslint:" in module.text


def parse(comment: str, row: int, column: int) -> Iterator[Suppression]:
    """The suppressions in one comment that starts at ``column``."""
    for match in NOQA.finditer(comment):
        codes = _codes(match, column)
        ours = tuple(code for code in codes if code[0].upper().startswith(ALL_RULES))
        if ours or not codes:
            yield Suppression(row, column + match.start(), column + match.end(), ours, noqa=True)
    for match in DIRECTIVE.finditer(comment):
        if match["word"] in SUPPRESSING:
            end = match.end("reason") - len(match["reason"]) + len(match["reason"].rstrip())
            yield Suppression(row, column + match.start(), column + end, _codes(match, column),
                              whole_file=match["word"] == "file-ignore", reason=match["reason"].strip(" :-"))


def _codes(match: re.Match[str], column: int) -> tuple[tuple[str, int], ...]:
    start = match.start("codes")
    if match["codes"] is not None and not match["codes"].strip():
        return (("[]", column + start),)  # names no rule, and so silences none: LL003 says it
    if match["codes"] is None and match.re is DIRECTIVE and (slip := SLIP.match(match["reason"])):
        written = match.string[match.start("word"):match.start("reason") + slip.end()]
        return ((written, column + match.start("word")),)
    return tuple((code.group(), column + start + code.start()) for code in CODE.finditer(match["codes"] or ""))


class FileSuppressions:
    """The suppressions of one file, and which of their codes have silenced something."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.whole_file: list[Suppression] = []
        self.by_row: dict[int, list[Suppression]] = {}
        self.used: set[tuple[Suppression, str]] = set()
        for row, comment in module.comments.items():
            for suppression in parse(comment, row, len(module.lines[row - 1]) - len(comment) + 1):
                (self.whole_file if suppression.whole_file else self.by_row.setdefault(row, [])).append(suppression)

    def silencer(self, finding: Finding) -> Suppression | None:
        """The comment that silences a finding. All that would are marked as used."""
        rows = self.rows(finding) if self.by_row else ()
        candidates = [s for row in sorted(rows) for s in self.by_row.get(row, ())]
        matching = [s for s in (*candidates, *self.whole_file) if s.covers(finding.code)]
        for suppression in matching:
            self.used.update((suppression, prefix) for prefix in suppression.prefixes(finding.code) or [""])
        return matching[0] if matching else None

    def complaints(self, path: Path, settings: Settings, codes: Codes) -> Iterator[Finding]:
        """LL002 and LL003 for this file."""
        for suppression in [*self.whole_file, *(s for row in self.by_row.values() for s in row)]:
            yield from self._complaints(suppression, path, settings, codes)
        for row, comment in self.module.comments.items():
            for match in DIRECTIVE.finditer(comment):
                if said := self._misplaced(match, row):
                    column = len(self.module.lines[row - 1]) - len(comment) + 1 + match.start("word")
                    yield _finding(UNKNOWN_SUPPRESSION, path, row, column, len(match["word"]), *said)
                elif match["word"] == "inputs":
                    column = len(self.module.lines[row - 1]) - len(comment) + 1 + match.start("reason")
                    for start, width, *wrong in self._broken_inputs(match["reason"], row):
                        yield _finding(UNKNOWN_SUPPRESSION, path, row, column + start, width, *wrong)

    def _complaints(self, comment: Suppression, path: Path, settings: Settings, codes: Codes) -> Iterator[Finding]:
        if not comment.codes and not comment.noqa and (comment, "") not in self.used and all(
                map(settings.enabled, codes)):
            yield _finding(UNUSED_SUPPRESSION, path, comment.row, comment.start, comment.end - comment.start,
                           "nothing is found here that this comment could silence", "delete the comment")
        for written, column in comment.codes:
            matching = {code for code in codes if code.startswith(written.upper())}
            if not matching:
                yield _finding(UNKNOWN_SUPPRESSION, path, comment.row, column, len(written),
                               f"there is no rule {written}", _known(written, codes))
            elif (comment, written) not in self.used and any(map(settings.enabled, matching - NEVER_UNUSED)):
                yield _finding(UNUSED_SUPPRESSION, path, comment.row, column, len(written),
                               f"{written.upper()} finds nothing here", _remedy(comment))

    def _misplaced(self, match: re.Match[str], row: int) -> tuple[str, str] | None:
        """What is wrong with a comment that was meant to do something and does nothing, and what to write."""
        word = match["word"]
        if word in ON_DEFINITIONS and row not in self._headed:
            return (f"`losslint: {word}` does nothing here",
                    "put it on the line of a def, class, lambda or tape, or alone on the line above")
        if word in DIRECTIVES:
            return None
        meant = ELSEWHERE.get(word.lower()) or nearest(word, DIRECTIVES)
        reason = match["reason"].strip()
        if meant is None and match["codes"] is None and reason and not (reason[0] == "=" or SLIP.match(reason)):
            return None  # prose
        help = f"did you mean `losslint: {meant}{'[LL101]' if meant in SUPPRESSING else ''}`?" if meant else (
            f"write one of {', '.join(DIRECTIVES)}")
        return f"there is no comment `losslint: {word}`", help

    def _broken_inputs(self, text: str, row: int) -> Iterator[tuple[int, int, str, str]]:
        """The parts of a comment about inputs that cannot be used: where, how long, what is wrong, what to write."""
        from losslint.confirmation.written import EXAMPLE, parse_parts

        taken = [_names_taken(node) for node in self._headed[row]]
        known = None if None in taken else {name for names in taken for name in names or ()}
        parts = list(parse_parts(text))
        if not parts:
            yield 0, 1, "`losslint: inputs` names no input", "write y_pred=float32[8, 10] in [0, 1] behind it"
        for part in parts:
            message, _, help = part.error.partition("; ")
            if not message and known is not None and part.name not in known:
                message = f"there is no argument {part.name} here"
                help = choose(part.name, sorted(known)).removeprefix("; ") if known else "delete it"
            if message:
                yield part.start, len(part.text), message, help or EXAMPLE

    @cached_property
    def _headed(self) -> dict[int, list[ast.AST]]:
        """Row -> the code that a comment there speaks of: headers of definitions, lambdas and tapes, and comments right
        above."""
        found: dict[int, list[ast.AST]] = {}
        for node in self.module.nodes:
            if isinstance(node, (ast.Lambda, *DEFINITIONS, ast.With)):
                rows = {node.lineno} if isinstance(node, ast.Lambda) else _header(node)
                above = min(rows) - 1
                if above and self.module.lines[above - 1].lstrip().startswith("#"):
                    rows = rows | {above}
                for row in rows:
                    found.setdefault(row, []).append(node)
        return found

    def rows(self, finding: Finding) -> set[int]:
        """Rows on which a comment speaks for a finding."""
        rows = set(range(finding.start.row, finding.end.row + 1))
        for node in self._statements:
            last = node.end_lineno or node.lineno
            around = node.lineno <= finding.start.row and finding.end.row <= last
            if isinstance(node, DEFINITIONS):
                rows |= _header(node) if around or _defines(node, finding.loss) else set()
            elif around:
                header = _header(node) | self._same_line(node) if hasattr(node, "body") else {node.lineno, last}
                rows |= {min(header), max(header)} if finding.start.row <= max(header) else set()
        return rows

    def _same_line(self, node: ast.stmt) -> set[int]:
        """The row on which a compound statement ends whose body stands behind a backslash, on the header's own line."""
        body: list[ast.stmt] = getattr(node, "body", [])
        behind = bool(body) and self.module.lines[_first_row(body[0]) - 2].endswith("\\")
        return {body[-1].end_lineno or 0} if behind else set()

    @cached_property
    def _statements(self) -> list[ast.stmt]:
        return [node for node in self.module.nodes if isinstance(node, ast.stmt)]


def _defines(node: Definition, loss: LossRef | None) -> bool:
    return loss is not None and node.lineno == loss.row and node.name == loss.name.rpartition(".")[2]


def _header(node: ast.stmt) -> set[int]:
    """Rows of a compound statement down to its colon, and of the decorators of a definition."""
    body: list[ast.stmt] = getattr(node, "body", [])
    return {*range(_first_row(node), _first_row(body[0]) if body else 0), node.lineno}


def _names_taken(node: ast.AST) -> set[str] | None:
    """The names that inputs can be given for: arguments of a function or of the methods of a class, all names of a block;
    None where a class inherits what is called."""
    if isinstance(node, ast.With):
        return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    functions = [node] if not isinstance(node, ast.ClassDef) else [s for s in node.body if isinstance(s, Function)]
    if isinstance(node, ast.ClassDef) and not any(getattr(f, "name", "") in CALL_METHODS for f in functions):
        return None
    return {a.arg for f in functions if isinstance(f, Function) for a in parameters(f)} - {"self", "cls"}


def _first_row(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _known(written: str, codes: Codes) -> str:
    if written == "[]" or written.startswith(SUPPRESSING):
        return "write the codes in brackets: ignore[LL101, LL301]"
    guess = nearest_code(written.upper(), codes)
    return f"did you mean {guess!r}?" if guess else "`losslint rule --all` lists the rules"


def _remedy(suppression: Suppression) -> str:
    return "delete the comment" if len(suppression.codes) == 1 else "delete the code from the comment"


def _finding(notice: Notice, path: Path, row: int, column: int, width: int, message: str, help: str) -> Finding:
    return Finding(notice.code, notice.name, notice.severity, message, help, path, Location(row, column),
                   Location(row, column + width))
