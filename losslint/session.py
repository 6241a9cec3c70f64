"""One run of ``losslint check``: settings, files, findings, report, exit code."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from functools import cache
from os.path import abspath
from pathlib import Path
from typing import TYPE_CHECKING

import click

from losslint import config
from losslint.config import Settings
from losslint.findings import Finding, Severity
from losslint.output import closed_pipe_is_fine, columns, emit, emit_bytes, wants_colour
from losslint.project.files import NO_NOTEBOOKS, Problem, discover, enforced, worth_parsing

if TYPE_CHECKING:
    from losslint.check import Report
    from losslint.confirmation.client import Options
    from losslint.confirmation.verdicts import Trial
    from losslint.project.module import Module
    from losslint.project.sites import Site
    from losslint.report import Result
    from losslint.report.listing import RuleInfo
    from losslint.suppress import Suppression

STDIN = Path("-")


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    paths: tuple[Path, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    severity: str | None = None
    output_format: str = "text"
    output_file: Path | None = None
    stdin_filename: Path | None = None
    config: Path | None = None
    isolated: bool = False
    force_exclude: bool | None = None
    show_losses: bool = False
    show_files: bool = False
    show_settings: bool = False
    show_suppressed: bool = False
    statistics: bool = False
    exit_zero: bool = False
    add_noqa: str | None = None  # the reason, "" for none
    confirm: bool = False
    confirm_import: bool = False
    jobs: int | None = None
    timeout: float | None = None
    device: str | None = None
    quiet: bool = False
    verbose: bool = False

    @property
    def reads_stdin(self) -> bool:
        return STDIN in self.paths or self.stdin_filename is not None

    @property
    def targets(self) -> list[Path]:
        """The paths to look at; the name of standard input stands for it."""
        if self.reads_stdin:
            return [self.stdin_filename or STDIN]
        return list(self.paths) or [Path()]


@dataclass
class Gathered:
    """The outcome of the checks of one run, each under its own settings."""

    findings: list[Finding] = field(default_factory=list)
    hidden: list[Finding] = field(default_factory=list)  # those below the severity that their settings want
    suppressed: list[tuple[Finding, Suppression]] = field(default_factory=list)
    losses: list[Site] = field(default_factory=list)
    files: int = 0
    modules: dict[Path, Module] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Check:
    """The report on some of the targets, and the settings that govern them."""

    settings: Settings
    paths: list[Path]
    report: Report


@cache
def known_rules() -> dict[str, RuleInfo]:
    """Code -> rule, with those that no rule class stands for."""
    from losslint.notices import NOTICES, SEEN
    from losslint.rules import catalogue

    rules: dict[str, RuleInfo] = {**NOTICES, **SEEN, **catalogue()}
    return dict(sorted(rules.items()))


class _Codes(Mapping[str, str]):
    """Code -> name of every rule. Loads the rules when first asked: most runs over files without losses never do."""

    def __getitem__(self, code: str) -> str:
        return known_rules()[code].name

    def __iter__(self) -> Iterator[str]:
        return iter(known_rules())

    def __len__(self) -> int:
        return len(known_rules())


CODES = _Codes()


def run(request: Request) -> int:
    """Do what was asked and return the exit code."""
    started = time.perf_counter()
    groups = settings_for(request)
    if request.show_settings:
        return _show_settings(request, [settings for settings, _ in groups])
    if request.show_files:
        return _show_files(request, groups)
    given = read_stdin() if request.reads_stdin else None
    text = None if given is None else _decoded(given)
    gathered = Gathered()
    looks = [look(gathered, settings, paths, text, request.confirm) for settings, paths in groups]
    checks = [check for check in looks if check is not None]
    if request.confirm:
        checks = confirmed(request, checks)
    for check in checks:
        gather(gathered, check, request.output_format)
    if request.verbose:
        _narrate(groups, gathered)
    if request.add_noqa is not None:
        return _add_noqa(request, gathered, given)
    return _report(request, gathered, time.perf_counter() - started)


def settings_for(request: Request) -> list[tuple[Settings, list[Path]]]:
    """The targets, each with the settings that govern it.

    Raises:
        config.ConfigError: settings or codes that cannot be used.
    """
    select, ignore, extend_select = (_codes_of(request, name) for name in ("select", "ignore", "extend_select"))
    if request.isolated:
        groups = [(Settings(), request.targets)]
    elif request.config:
        groups = [(config.load(request.config, CODES, root=Path.cwd()), request.targets)]
    else:
        groups = config.resolve(request.targets, CODES)
    severity = Severity(request.severity) if request.severity else None
    return [(settings.override(select, ignore, extend_select, severity, request.force_exclude), paths)
            for settings, paths in groups]


def _codes_of(request: Request, name: str) -> list[str]:
    given: tuple[str, ...] = getattr(request, name)
    try:
        return [config.read_code(code, CODES) for code in given]
    except ValueError as error:
        raise config.ConfigError(f"--{name.replace('_', '-')}: {error}") from error


def read_stdin() -> bytes:
    """What is on standard input.

    Raises:
        click.ClickException: there is none.
    """
    if sys.stdin is None:
        raise click.ClickException("there is no standard input to read.")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise click.ClickException(f"standard input cannot be read: {error}") from error


def _decoded(data: bytes) -> str:
    from losslint.project.module import decode

    try:
        return decode(data)
    except SyntaxError as error:
        raise click.ClickException(f"standard input cannot be read: {error}") from error


def look(gathered: Gathered, settings: Settings, paths: list[Path], text: str | None = None,
         keep_losses: bool = False) -> Check | None:
    """Check ``paths``, or ``text`` under the first of them; None, counted, where there is nothing to parse."""
    if enforced(paths[0], settings) if text is not None else _nothing_to_parse(gathered, settings, paths):
        return None
    from losslint.check import check_paths

    stdin = None if text is None else (paths[0], text)
    return Check(settings, paths, check_paths(paths, settings, stdin, keep_losses))


def confirmed(request: Request, checks: list[Check]) -> list[Check]:
    """The checks with verdicts on what they found.

    Raises:
        click.ClickException: losses cannot be run here.
        config.ConfigError: inputs are configured for what is not there.
    """
    from losslint.confirmation.client import ConfirmError
    from losslint.confirmation.stated import check_entries
    from losslint.confirmation.verdicts import with_verdicts
    from losslint.progress import bar

    for check in checks:
        targets = [abspath(path) for path in check.paths]
        checked = [path for path in check.report.modules if _is_below(path, targets)]
        check_entries(check.settings, check.report.losses, checked)
    reports = [(check.settings, check.report) for check in checks]
    with bar(sum(len(check.report.checked) for check in checks), request.quiet) as progress:
        try:
            judged = with_verdicts(
                reports, run_options(request), whole_files=request.confirm_import, progress=progress)
        except ConfirmError as error:
            raise click.ClickException(str(error)) from error
    return [replace(check, report=report) for check, report in zip(checks, judged, strict=True)]


def run_options(request: Request) -> Options:
    """How losses are run."""
    from losslint.confirmation.client import Options
    from losslint.confirmation.limits import Limits

    limits = Limits() if request.timeout is None else Limits(seconds=request.timeout)
    return Options(jobs=request.jobs or 0, device=request.device or "auto", limits=limits)


def repro(target: str, codes: tuple[str, ...], request: Request) -> str:
    """A script that shows the failure of ``FILE::LOSS``, or of that of its findings which ``codes`` names.

    Raises:
        click.ClickException: there is no such loss, it cannot be run, or no such finding is confirmed.
    """
    from losslint.confirmation.client import ConfirmError
    from losslint.confirmation.judge import CONFIRMED, proof_of
    from losslint.confirmation.repro import script
    from losslint.confirmation.verdicts import run as run_trials

    trials = trials_named(target)
    try:
        wanted = [config.read_code(code, CODES) for code in codes]
    except ValueError as error:
        raise click.ClickException(f"--code: {error}") from None
    told: list[str] = []
    try:
        for _, program, evidence, findings in run_trials(trials, run_options(request), request.confirm_import):
            for finding in sorted(findings, key=lambda finding: finding.severity, reverse=True):
                if wanted and not finding.code.startswith(tuple(wanted)):
                    continue
                if finding.status == CONFIRMED and (seen := proof_of(finding, evidence)) is not None:
                    return script(program, seen, finding.code)
    except ConfirmError as error:
        raise click.ClickException(str(error)) from error
    for trial in trials:
        told += [f"{finding.code} in row {finding.start.row} is {finding.status}: {finding.verdict['reason']}"
                 for judged in trial.judged for finding in judged.findings
                 if finding.verdict and (not wanted or finding.code.startswith(tuple(wanted)))]
    raise click.ClickException(f"{target}: there is nothing to repeat: {'; '.join(told) or 'no such finding'}.")


def trials_named(target: str) -> list[Trial]:
    """The losses that ``FILE::LOSS`` means, as the file itself or else its project makes them losses.

    Raises:
        click.ClickException: there is none.
    """
    from losslint.confirmation.verdicts import trials_of

    file, separator, name = target.rpartition("::")
    path = Path(file)
    if not separator or not path.is_file():
        raise click.ClickException(f"{target}: write FILE::LOSS, such as losses.py::dice_loss, with a file that exists.")
    if path.suffix == ".ipynb":
        raise click.ClickException(f"{target}: {NO_NOTEBOOKS}{path.name}")
    names: list[str] = []
    for paths in ([path], [path, config.project_root(path)]):
        trials = []
        for settings, members in config.resolve(paths, CODES):
            check = look(Gathered(), settings, members, None, keep_losses=True)
            trials += [] if check is None else trials_of(check.report, settings)
        here = [trial for trial in trials if abspath(trial.loss.site.module.path) == abspath(path)]
        found = [trial for trial in here if trial.loss.site.qualname == name]
        if found:
            return found
        names += [trial.loss.site.qualname for trial in here]
    hint = config.did_you_mean(name, names) or f"; losslint --show-losses {file} lists what is taken for one"
    raise click.ClickException(f"there is no loss {name} in {file}{hint}")


def gather(gathered: Gathered, check: Check, output_format: str = "text") -> None:
    """Add the outcome of a check; what is below the severity that its settings want in this format is hidden."""
    from losslint.report import MACHINES
    from losslint.suppress import apply

    report = check.report
    targets = [abspath(path) for path in check.paths]
    outcome = apply(report.findings, report.modules, check.settings, CODES, lambda path: _is_below(path, targets))
    least = check.settings.least(output_format in MACHINES)
    for finding in outcome.findings:
        (gathered.findings if least <= finding.severity else gathered.hidden).append(finding)
    gathered.suppressed += [(finding, comment) for finding, comment in outcome.suppressed if least <= finding.severity]
    gathered.losses += report.losses
    gathered.files += report.files
    gathered.modules |= report.modules
    gathered.problems += report.problems


def _is_below(path: Path, targets: list[str]) -> bool:
    """Whether a file is one of ``targets``, in one of these folders or matched by one of these patterns."""
    absolute = Path(abspath(path))
    return any(absolute.is_relative_to(target) or fnmatch(str(absolute), target) for target in targets)


def _nothing_to_parse(gathered: Gathered, settings: Settings, paths: list[Path]) -> bool:
    """Whether named files (a pre-commit hook's, an editor's) hold no loss by their bytes alone: the answer comes before
    the analysis is even imported."""
    if not all(path.is_file() for path in paths):
        return False
    problems: list[Problem] = []
    files = 0
    for file in discover(paths, settings, problems):
        if worth_parsing(file.data, settings):
            return False
        files += 1
    gathered.files += files
    gathered.problems += problems
    return True


def _report(request: Request, gathered: Gathered, seconds: float) -> int:
    from losslint.report import Result

    result = Result(
        findings=sorted(gathered.findings, key=lambda finding: finding.sort_key), hidden=gathered.hidden,
        suppressed=gathered.suppressed, show_suppressed=request.show_suppressed, losses=len(gathered.losses),
        files=gathered.files, seconds=seconds, quiet=request.quiet, modules=gathered.modules,
    )  # fmt: skip
    failed = tell(gathered.problems, request.quiet, request.confirm or request.verbose)
    if request.show_losses:
        _show_losses(request, gathered, result)
        return 2 if failed else 0
    if result.files or not failed or request.output_format != "text":
        _print(request, result)
    return 2 if failed else int(result.failed and not request.exit_zero)


def _narrate(groups: list[tuple[Settings, list[Path]]], gathered: Gathered) -> None:
    """Say on standard error which settings held, which files were read closely, and how many losses are in each."""
    from losslint.report import counted, shown

    for settings, paths in groups:
        names = ", ".join(shown(path) for path in paths)
        click.echo(f"losslint: {names}: settings from {settings.source or 'no file: the defaults'}", err=True)
    losses = Counter(site.module.path for site in gathered.losses)
    for path in sorted(gathered.modules):
        click.echo(f"losslint: {shown(path)}: {counted(losses[path], 'loss')}", err=True)
    skipped = gathered.files - len(gathered.modules)
    if skipped > 0:
        click.echo(f"losslint: {counted(skipped, 'file')} without the words of a loss, or not Python", err=True)


def _add_noqa(request: Request, gathered: Gathered, given: bytes | None) -> int:
    """Write comments that silence the findings into their files; the text from standard input goes to standard output."""
    from losslint.noqa import NotWritten, silenced
    from losslint.report import counted

    written: dict[Path, int] = {}
    for path in sorted({finding.path for finding in gathered.findings} & gathered.modules.keys()):
        if given is not None and path != request.targets[0]:
            continue  # a helper that the text imports
        here = [finding for finding in gathered.findings if finding.path == path]
        try:
            data = path.read_bytes() if given is None else given
            data, added = silenced(data, gathered.modules[path], here, request.add_noqa or "")
            if given is not None:
                given = data
            elif added:
                path.write_bytes(data)
                written[path] = added
        except (NotWritten, OSError) as error:
            cause = str(error) if isinstance(error, NotWritten) else f"cannot be written: {error.strerror or error}"
            gathered.problems.append(Problem(path, cause))
    failed = tell(gathered.problems, request.quiet)
    if given is not None:
        emit_bytes(given)
    elif not request.quiet:
        emit(f"{counted(sum(written.values()), 'suppression')} added to {counted(len(written), 'file')}.\n")
    return 2 if failed else 0


def _print(request: Request, result: Result) -> None:
    from losslint.report import render, text

    if request.statistics:
        from losslint.report import listing

        as_json = request.output_format == "json"
        closing = text.summary(result) + "\n" if request.output_format == "text" and not request.quiet else ""
        counts = listing.statistics_json(result) if as_json else listing.statistics_text(result)
        emit(counts + closing, request.output_file)
    elif request.output_format != "text":
        emit(render(request.output_format, result), request.output_file)
    elif request.output_file is None and wants_colour(sys.stdout):
        _print_in_colour(result)
    else:
        emit(text.render(result, text.COLUMNS if request.output_file else columns(sys.stdout)), request.output_file)


def _print_in_colour(result: Result) -> None:
    from losslint.report.paint import paint
    from losslint.report.text import report

    with closed_pipe_is_fine():
        paint(report(result, columns(sys.stdout)), sys.stdout)
        sys.stdout.flush()


def _show_losses(request: Request, gathered: Gathered, result: Result) -> None:
    from losslint.report import counted, listing

    if request.output_format == "json":
        emit(listing.losses_json(gathered.losses), request.output_file)
        return
    count = f"{counted(result.losses, 'loss')} in {counted(result.files, 'file')}.\n"
    closing = count if request.output_format == "text" and not request.quiet else ""
    emit(listing.losses_text(gathered.losses) + closing, request.output_file)


def _show_settings(request: Request, chosen: list[Settings]) -> int:
    from losslint.report import listing

    as_json = request.output_format == "json"
    emit(listing.settings_json(chosen) if as_json else listing.settings_text(chosen), request.output_file)
    return 0


def _show_files(request: Request, groups: list[tuple[Settings, list[Path]]]) -> int:
    from losslint.report import listing

    problems: list[Problem] = []
    files = [file.path for settings, paths in groups for file in discover(paths, settings, problems)]
    as_json = request.output_format == "json"
    emit(listing.files_json(files) if as_json else listing.files_text(files), request.output_file)
    return 2 if tell(problems, request.quiet) else 0


def tell(problems: Iterable[Problem], quiet: bool, closely: bool = False) -> bool:
    """Print problems with the paths on standard error, minor ones where somebody looks ``closely``; True if one is
    fatal."""
    from losslint.report import shown

    fatal = False
    for problem in dict.fromkeys(problems):
        if problem.fatal or (not quiet and (closely or not problem.minor)):
            note = "" if problem.fatal else "note: "
            click.echo(f"losslint: {note}{shown(problem.path)}: {problem.message}", err=True)
        fatal |= problem.fatal
    return fatal
