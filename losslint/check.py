"""The one entry that the command line, a server and the Python API call: paths in, findings out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from losslint.config import Settings
from losslint.findings import Finding, Location, LossRef
from losslint.graph.trace import trace
from losslint.graph.tracer import MAX_DEPTH, Units
from losslint.notices import NOT_ANALYSED, SYNTAX_ERROR, Notice
from losslint.ops.table import canonical_name, respelled
from losslint.project.files import Problem as FileProblem
from losslint.project.files import SourceFile, discover, is_python, matters
from losslint.project.module import EncodingError, Module, Project, decode, module_name
from losslint.project.sites import Site, SiteOptions, find_sites
from losslint.project.uses import Uses, collect_uses
from losslint.rules import catalogue
from losslint.rules.base import Loss, Problem, Rule


@dataclass(frozen=True)
class Checked:
    """One loss, as one call builds it, and what was found in it: what a confirmation starts from."""

    loss: Loss
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Report:
    """The outcome of a run."""

    findings: list[Finding] = field(default_factory=list)
    losses: list[Site] = field(default_factory=list)
    files: int = 0
    traced: int = 0  # losses followed to their result without an unknown on the way of the gradient
    modules: dict[Path, Module] = field(default_factory=dict)
    problems: list[FileProblem] = field(default_factory=list)  # files that could not be looked at
    checked: list[Checked] = field(default_factory=list)  # the traced losses, where they were asked for
    project: Project = field(default_factory=Project)


class Run:
    """One check over a set of files: parses are shared, findings collected."""

    def __init__(self, settings: Settings, keep_losses: bool = False) -> None:
        self.settings = settings
        self.checked: list[Checked] | None = [] if keep_losses else None
        self.project = Project()
        self.units = Units()
        self.findings: dict[tuple[object, ...], Finding] = {}
        self.losses: list[Site] = []
        self.traced = 0
        self.modules: dict[Path, Module] = {}  # those that findings are in
        self.read_modules: list[Module] = []
        self.users: list[Module] = []  # those whose calls say what is a loss elsewhere
        self.skipped: list[SourceFile] = []  # that hold no loss by their bytes

    def read(self, source: SourceFile) -> None:
        """Take a file in, if its bytes let it matter or it is not Python."""
        counts = matters(source.data, self.settings)
        if counts or not self.settings.prefilter or not is_python(source.data):
            self.parse(source.path, source.data, counts)
        else:
            self.skipped.append(replace(source, data=b""))

    def parse(self, path: Path, text: str | bytes, counts: bool = True) -> None:
        """Parse a file; where it ``counts``, its calls say what is a loss elsewhere."""
        try:
            module = Module(path, text if isinstance(text, str) else decode(text), module_name(path))
        except SyntaxError as error:
            self.add(syntax_error(path, error))
            return
        self.project.add(module)
        self.read_modules.append(module)
        self.users += [module] if counts else []

    def check(self) -> None:
        """Check all that was read, and what turns out to be used as a loss in files that were passed over."""
        try:
            uses = collect_uses(self.users, self.project)
        except RecursionError:
            uses = Uses()
        for source in self.skipped:
            path = source.path
            if any(used.name == path.name for used in uses.by_file) and path.resolve() in uses.by_file:
                self.parse(path, path.read_bytes())
        for module in self.read_modules:
            self.check_module(module, uses)

    def add(self, finding: Finding) -> None:
        """Keep one finding a place: the most severe, as a helper may be reached from several losses."""
        key = (finding.path, finding.code, finding.start, finding.end)
        known = self.findings.get(key)
        if known is None or known.severity < finding.severity:
            self.findings[key] = finding

    def check_module(self, module: Module, uses: Uses) -> None:
        options = SiteOptions(
            loss_functions=self.settings.loss_functions, not_loss_functions=self.settings.not_loss_functions,
            keras_version=keras_version(self.settings, module.path), runs=self.settings.modes,
        )  # fmt: skip
        try:
            sites = find_sites(module, self.project, options, uses)
        except RecursionError:
            self.add(too_deep(module.path))
            return
        for site in sites:
            self.losses.append(site)
            traced = [self.check_site(variant, options.keras_version) for variant in site.variants]
            self.traced += all(traced)

    def check_site(self, site: Site, version: int) -> bool:
        """Check a loss; whether it was followed to its inputs."""
        try:
            loss = Loss(site, trace(site, self.project, self.units), version)
            if loss.graph.gaps:
                self.add(not_analysed(site, "; ".join(loss.graph.gaps)))
            found = []
            for rule in catalogue().values():
                for problem in rule.check(loss):
                    finding = place(rule, problem, loss)
                    self.modules[finding.path] = problem.source.module
                    self.add(finding)
                    found.append(finding)
            if self.checked is not None:
                self.checked.append(Checked(loss, tuple(found)))
            traced = is_traced(loss)
            if not traced and loss.graph.too_deep:
                self.add(not_analysed(site, f"{loss.graph.too_deep[0]} is called through {MAX_DEPTH} other functions"))
            return traced
        except Exception as error:  # one loss that breaks the analysis never hides the others
            if os.environ.get("LOSSLINT_DEBUG"):
                raise
            self.add(not_analysed(site, f"the analysis failed with {type(error).__name__}: {error}"))
            return False


def is_traced(loss: Loss) -> bool:
    """Whether the loss was followed from its result to its inputs without an unknown on the gradient's path."""
    if loss.graph.gaps or not loss.results:
        return False
    return not any(loss.gradient.unknown_on_path(value) for value, _ in loss.results)


def place(rule: Rule, problem: Problem, loss: Loss) -> Finding:
    """A problem as a finding in a file."""
    start, end = problem.source.span
    module = problem.source.module
    rows = {s.row for s in problem.related if s.module is module}
    return Finding(
        code=rule.code, name=rule.name, severity=problem.severity or rule.severity, message=problem.message,
        help=localised(problem.help, loss, module), path=module.path, start=start, end=end, loss=reference(loss.site),
        related_rows=tuple(sorted(rows)), example=problem.example,
    )  # fmt: skip


def localised(text: str, loss: Loss, module: Module) -> str:
    """Help texts are written with TensorFlow's names; a file that does not import it is told its own, as it imports
    them."""
    own = text if loss.spelling == "tensorflow" else respelled(text, loss.spelling)
    return _NAME.sub(lambda match: as_imported(match.group(0), module), own)


_NAME = re.compile(r"(?<![\w.])(?:tf|keras|torch|jax|jnp|optax)\.[A-Za-z_][\w.]*")


def as_imported(name: str, module: Module) -> str:
    """A public name by the imports of a file, ``ops.log`` after ``from keras import ops``; as it is where none has it."""
    found = {
        prefix: alias + full[len(prefix) :] for alias, target in module.imports.items()
        for full in (name, re.sub(r"^jnp\b", "jax.numpy", name))
        for prefix in (target, canonical_name(target)) if full == prefix or full.startswith(f"{prefix}.")
    }
    return found[max(found, key=len)] if found else name


def reference(site: Site) -> LossRef:
    return LossRef(site.qualname, site.kind, site.row)


def not_analysed(site: Site, reason: str) -> Finding:
    """LL004: a loss that could not be followed, and why."""
    return about(site, NOT_ANALYSED, f"{site.qualname} was not analysed to its end: {reason}",
                 "split the loss into smaller functions")


def about(site: Site, notice: Notice, message: str, instead: str = "") -> Finding:
    """What is to be said of a loss as a whole, where it begins."""
    at = Location(site.row, getattr(site.node, "col_offset", 0) + 1)
    return Finding(notice.code, notice.name, notice.severity, message, instead, site.module.path, at,
                   replace(at, column=at.column + 1), reference(site))


def too_deep(path: Path) -> Finding:
    """LL004: a file whose code nests or chains too deeply for the analysis."""
    at = Location(1, 1)
    message = "the file was not analysed: its code nests or chains too deeply"
    return Finding(
        NOT_ANALYSED.code, NOT_ANALYSED.name, NOT_ANALYSED.severity, message, "split it", path, at, Location(1, 2))


def syntax_error(path: Path, error: SyntaxError) -> Finding:
    """LL001: a file that is not Python (LL004 for one that is, but too deep for the parser)."""
    if isinstance(error.__cause__, (RecursionError, MemoryError)):
        return too_deep(path)
    at = Location(error.lineno or 1, max(error.offset or 1, 1))
    text = isinstance(error, EncodingError)
    return Finding(
        SYNTAX_ERROR.code, SYNTAX_ERROR.name, SYNTAX_ERROR.severity, f"not valid Python: {error.msg}",
        "save it as UTF-8, or name its encoding in the first line" if text else "mend the syntax", path, at,
        replace(at, column=at.column + 1),
    )  # fmt: skip


def keras_version(settings: Settings, path: Path) -> int:
    """The Keras a file targets."""
    from losslint.target import detect_keras_version, project_root

    version = settings.keras_version
    return version if isinstance(version, int) else detect_keras_version(project_root(path))


def check_paths(
    paths: Iterable[Path], settings: Settings, stdin: tuple[Path, str] | None = None, keep_losses: bool = False,
) -> Report:
    """Check files and directories, or one text from standard input under the name it would have.

    ``keep_losses`` keeps each loss with its graph in the report, to be confirmed.
    """
    run = Run(settings, keep_losses)
    problems: list[FileProblem] = []
    files = 0
    if stdin is not None:
        files = 1
        run.parse(*stdin)
    else:
        for source in discover(paths, settings, problems):
            files += 1
            run.read(source)
    run.check()
    findings = sorted(run.findings.values(), key=lambda f: f.sort_key)
    read = {module.path: module for module in run.read_modules}
    return Report(findings, run.losses, files, run.traced, run.modules | read, problems,
                  run.checked or [], run.project)


def check_source(text: str, path: Path, settings: Settings) -> Report:
    """Check one text under the name it would have."""
    return check_paths([], settings, stdin=(path, text))
