"""Reports with verdicts: the losses of a check become programs, these are run, and what is seen goes to the findings.

Runs in the main process and imports no framework.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from os.path import abspath
from pathlib import Path
from typing import Any, NamedTuple

from losslint.check import Checked, Report, reference
from losslint.config import Settings
from losslint.confirmation import client
from losslint.confirmation.client import FrameworkMissing, Options, Progress
from losslint.confirmation.frameworks import modes_in
from losslint.confirmation.judge import CONFIRMED, REFUTED, judge, not_run
from losslint.confirmation.observation import Evidence
from losslint.confirmation.program import Claim, NotSliced, Program
from losslint.confirmation.proofs import NUMBERS, PROOFS, SHOWN
from losslint.confirmation.slicing import (
    compiled_program_of,
    first_steps_of,
    head_programs_of,
    model_programs_of,
    own_step_of,
    program_of,
)
from losslint.confirmation.unrun import notice
from losslint.findings import Finding, Location
from losslint.project.modes import Mode
from losslint.project.module import Project
from losslint.rules.base import Loss

OF_COMPILE = ("LL209", "LL405")  # what shows when the call of compile is replayed, not when the loss is called
OF_TRACES = ("LL201", "LL202", "LL203", "LL204", "LL206", "LL208")
TRACED = {Mode.GRAPH: ("graph",), Mode.AUTOGRAPH: ("autograph",)}

Key = tuple[str, str, Location, Location]  # file, code, start and end of a finding
NOTHING_SEEN = Evidence()


class Judged(NamedTuple):
    """What came of one program of a loss."""

    program: Program | NotSliced
    findings: list[Finding]
    evidence: Evidence = NOTHING_SEEN


@dataclass
class Trial:
    """One loss, the programs that run it, and what was judged of its findings by each."""

    checked: Checked
    project: Project
    settings: Settings
    judged: list[Judged] = field(default_factory=list)

    @property
    def loss(self) -> Loss:
        return self.checked.loss

    def holds(self, key: Key) -> bool:
        """Whether the code of a finding stands in this loss, not in a helper of it."""
        path, _, start, _ = key
        node = self.loss.site.node
        inside = getattr(node, "lineno", 0) <= start.row <= (getattr(node, "end_lineno", 0) or 0)
        return inside and path == abspath(self.loss.site.module.path)

    @property
    def unseen(self) -> Finding | None:
        """What kept the loss from being seen."""
        return notice(self.loss.site, [(judged.program, judged.evidence) for judged in self.judged])

    @property
    def name(self) -> str:
        """``losses.py::dice``, as ``losslint repro`` takes it."""
        return f"{self.loss.site.module.path}::{self.loss.site.qualname}"


def with_verdicts(
    checks: Sequence[tuple[Settings, Report]], options: Options | None = None, *, whole_files: bool = False,
    progress: Progress | None = None,
) -> list[Report]:
    """The reports with a verdict on each finding of a rule, and with what only running showed (LL901 to LL907).

    Args:
        checks: reports that keep their losses, each with its settings.
        options: limits, device and number of processes.
        whole_files: import the real modules instead of slices.
        progress: as for ``client.run``.

    Raises:
        client.ConfirmError: nothing can be run here; the message is one line.
    """
    trials = [trials_of(report, settings) for settings, report in checks]
    for _ in run([trial for some in trials for trial in some], options, whole_files, progress):
        pass
    return [judged_report(report, some) for (_, report), some in zip(checks, trials, strict=True)]


def trials_of(report: Report, settings: Settings) -> list[Trial]:
    """The losses of a report: those with findings first. A loss that several calls build is run once, and again for
    each of the calls that something is found for."""
    found: dict[tuple[object, ...], Trial] = {}
    for checked in sorted(report.checked, key=lambda checked: not checked.findings):
        site = checked.loss.site
        if site.kind == "builtin" and not checked.findings:
            continue  # what Keras itself computes needs no run
        key = (site.module.path, site.node, site.class_node, site.built_by if checked.findings else None)
        if checked.findings or not any(key[:3] == other[:3] for other in found):
            found.setdefault(key, Trial(one_each(checked), report.project, settings))
    return list(found.values())


def one_each(checked: Checked) -> Checked:
    """A loss with one finding a place: the most severe."""
    ordered = sorted(checked.findings, key=lambda finding: finding.severity)
    return replace(checked, findings=tuple({key_of(finding): finding for finding in ordered}.values()))


def run(
    trials: Sequence[Trial], options: Options | None = None, whole_files: bool = False, progress: Progress | None = None,
) -> Iterator[tuple[Trial, Program, Evidence, list[Finding]]]:
    """Run trials, framework by framework, and keep what is judged of them; gives each program with its evidence as it is
    done. The losses of a framework that is not installed stay unconfirmed, as long as those of another can be run.

    Raises:
        client.ConfirmError: nothing can be run here.
    """
    frameworks = dict.fromkeys(trial.loss.site.framework for trial in trials)
    missing: list[FrameworkMissing] = []
    for framework in frameworks:
        mine = [trial for trial in trials if trial.loss.site.framework == framework]
        try:
            yield from run_with(replace(options or Options(), framework=framework), mine, whole_files, progress)
        except FrameworkMissing as error:
            missing.append(error)
            for trial in mine:
                why = NotSliced(trial.loss.site.module.path, trial.loss.site.qualname, error.reason)
                trial.judged.append(Judged(why, not_run(absolute(trial.checked.findings), why)))
    if missing and len(missing) == len(frameworks):
        raise missing[0]


def run_with(
    options: Options, trials: Sequence[Trial], whole_files: bool, progress: Progress | None,
) -> Iterator[tuple[Trial, Program, Evidence, list[Finding]]]:
    """Run the trials of one framework."""
    owners: dict[int, Trial] = {}

    def programs() -> Iterator[Program]:
        for trial in trials:
            for program in programs_of(trial, whole_files):
                if isinstance(program, NotSliced):
                    trial.judged.append(Judged(program, not_run(absolute(trial.checked.findings), program)))
                else:
                    owners[id(program)] = trial
                    yield program

    with closing(client.run(programs(), options, progress)) as running:
        for program, evidence in running:
            trial = owners[id(program)]
            site = trial.loss.site
            findings = judge(absolute(trial.checked.findings), program, evidence, reference(site))
            trial.judged.append(Judged(program, findings, evidence))
            yield trial, program, evidence, findings


# -- programs


def programs_of(trial: Trial, whole_files: bool) -> Iterator[Program | NotSliced]:
    """What runs a loss: a call of it, and the call of ``compile`` that uses it where a finding is about that."""
    loss, project = trial.loss, trial.project
    made = model_programs_of(loss, project, whole_files) if loss.site.kind == "model" else [
        program_of(loss, project, trial.settings, whole_files)]
    if loss.site.framework == "jax":
        made.append(own_step_of(loss, project, whole_files))
    if any(f.code in PROOFS and PROOFS[f.code].outcomes == NUMBERS for f in trial.checked.findings):
        made += head_programs_of(loss, project, whole_files) + first_steps_of(loss, project, whole_files)
    if loss.site.kind not in ("model", "builtin") and any(f.code in OF_COMPILE for f in trial.checked.findings):
        made.append(compiled_program_of(loss, project, whole_files))
    for program in made:
        yield program if isinstance(program, NotSliced) else claimed(program, loss, trial.checked.findings)


def claimed(program: Program, loss: Loss, findings: Sequence[Finding]) -> Program:
    """The program with what is claimed of its own file, and with paths that hold wherever it is run."""
    path = loss.site.module.path
    claims = tuple(dict.fromkeys(claim_of(finding, loss) for finding in findings if finding.path == path))
    if program.kind in ("step", "model"):  # these trace themselves, as their file does
        claims = tuple(replace(claim, modes=()) for claim in claims)
    slices = tuple(replace(one, path=Path(abspath(one.path))) for one in program.modules)
    root = None if program.root is None else Path(abspath(program.root))
    return replace(program, path=Path(abspath(path)), root=root, modules=slices, claims=claims)


def claim_of(finding: Finding, loss: Loss) -> Claim:
    """A finding, as far as the child needs it. What raises while a loss is traced is claimed of its own way of tracing."""
    spoken = TRACED.get(loss.site.mode, ("graph",)) if finding.code in OF_TRACES else ()
    modes = modes_in(loss.site.framework, spoken)
    lines = loss.site.module.lines[finding.start.row - 1:finding.end.row]
    expression = ""
    if len(lines) == 1:
        expression = lines[0][finding.start.column - 1:finding.end.column - 1]
    return Claim(finding.code, finding.start.row, finding.end.row, modes, expression, finding.span, finding.example)


def absolute(findings: Sequence[Finding]) -> list[Finding]:
    return [replace(finding, path=Path(abspath(finding.path))) for finding in findings]


# -- verdicts


def judged_report(report: Report, trials: Sequence[Trial]) -> Report:
    """A report whose findings carry verdicts."""
    verdicts: dict[Key, Mapping[str, Any]] = {}
    names = {abspath(path): path for path in report.modules}
    new: dict[Key, Finding] = {}
    for trial in trials:
        mine: dict[Key, Mapping[str, Any]] = {}
        for judged in sorted(trial.judged, key=lambda judged: _rank(judged.program)):
            for finding in judged.findings:
                assert finding.verdict is not None
                verdict: Mapping[str, Any] = finding.verdict
                if finding.status == CONFIRMED:
                    verdict = {**verdict, "repro": f"{trial.name} --code {finding.code}"}
                key = key_of(finding)
                if not finding.code.startswith("LL9"):
                    mine[key] = chosen(finding.code, mine.get(key), verdict)
                elif not said_of_another(finding, report.findings) and not is_another_s(judged, key, trial, trials):
                    path = names.get(str(finding.path), finding.path)
                    new.setdefault(key, replace(finding, path=path, verdict=verdict))
        for key, verdict in mine.items():
            nearer = verdict["status"] == CONFIRMED and trial.holds(key)  # its inputs are known best where the code stands
            verdicts[key] = verdict if nearer else joined(verdicts.get(key), verdict)
    findings = [replace(f, verdict=verdicts.get(key_of(f))) for f in report.findings]
    unseen = [said for trial in trials if not trial.checked.findings and (said := trial.unseen) is not None]
    return replace(report, findings=sorted([*findings, *new.values(), *unseen], key=lambda finding: finding.sort_key))


def said_of_another(finding: Finding, known: Sequence[Finding]) -> bool:
    """Whether a rule says the same of this code, in another loss that runs it."""
    return any(
        f.code in PROOFS and not set(SHOWN[finding.code]).isdisjoint(PROOFS[f.code].outcomes)
        and abspath(f.path) == abspath(finding.path) and f.start.row <= finding.start.row <= f.end.row for f in known)


def is_another_s(judged: Judged, key: Key, trial: Trial, trials: Sequence[Trial]) -> bool:
    """Whether the model that a loss is compiled with was seen to fail in the code of another: a step of its own."""
    replayed = isinstance(judged.program, Program) and judged.program.kind == "model" and not trial.holds(key)
    return replayed and any(other.holds(key) for other in trials if other is not trial)


def _rank(program: Program | NotSliced) -> tuple[int, bool]:
    """The order in which verdicts are joined, whichever was done first: what was trained before what was not, a call of the
    loss before the step of its file, the loss before the model that is compiled with it, and what could not be run last."""
    if isinstance(program, NotSliced):
        return 3, False
    return 2 if program.kind == "model" else int(not program.untrained), program.kind == "step"


def key_of(finding: Finding) -> Key:
    return (abspath(finding.path), finding.code, finding.start, finding.end)


def chosen(code: str, known: Mapping[str, Any] | None, verdict: Mapping[str, Any]) -> Mapping[str, Any]:
    """One verdict of those that the programs of a loss give: the proof, else that of the program made for the rule."""
    if known is None or verdict["status"] == CONFIRMED:
        return verdict
    return verdict if code in OF_COMPILE and known["status"] != CONFIRMED else known


def joined(known: Mapping[str, Any] | None, verdict: Mapping[str, Any]) -> Mapping[str, Any]:
    """One verdict of those of several losses that share a helper: refuted only where all say so."""
    if known is None or known["status"] == REFUTED or verdict["status"] == CONFIRMED:
        return verdict if known is None or known["status"] != CONFIRMED else known
    return known
