"""Break the losses, see which mutants are broken, and whether losslint says so."""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from random import Random

from losslint.check import check_source
from losslint.config import Settings
from losslint.findings import Severity
from tests.mutation.corpus import Subject
from tests.mutation.mutators import MUTATORS, Mutant, mutants
from tests.mutation.running import Outcome, Runner, Task

HERE = Path(__file__).parent
PLAIN = "float|int|bool|list|tuple|str|function|module|type|dict|DType|TensorShape|NotImplementedType"
SLIP = re.compile(  # the mutator's own: what it took for a tensor was none, or a name was not there yet
    rf"NameError|UnboundLocalError|(?:AttributeError|TypeError): (?:'(?:{PLAIN})' object |module '\S+' has no attribute)"
)
SURE, OFF = 0.05, 0.2  # a gradient is right below the one and wrong above the other distance from the differences


@dataclass(frozen=True)
class Case:
    """One mutant of one loss."""

    subject: Subject
    mutant: Mutant

    @property
    def diff(self) -> list[str]:
        """The rows that changed, with - and +."""
        lines = difflib.unified_diff(self.subject.text.splitlines(), self.mutant.text.splitlines(), lineterm="", n=0)
        return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: what it breaks (nothing: it is no mutant to speak of), and what losslint says anew."""

    case: Case
    effects: tuple[str, ...]
    raised: str
    said: tuple[str, ...] = ()  # codes of severity warning or error that the loss did not have
    hinted: tuple[str, ...] = ()  # those of severity info

    @property
    def fitting(self) -> frozenset[str]:
        return MUTATORS[self.case.mutant.mutator].codes

    @property
    def found(self) -> bool:
        return bool(self.fitting & set(self.said))


def cases(subjects: Iterable[Subject], places: int, seed: int) -> Iterator[Case]:
    """At most ``places`` mutants of each kind of each loss."""
    for subject in subjects:
        for name, group in groupby(mutants(subject.text), key=lambda m: m.mutator):
            made = list(group)
            chosen = Random(f"{seed} {subject.name} {name}").sample(made, min(places, len(made)))
            yield from (Case(subject, m) for m in sorted(chosen, key=made.index))


# -- running


class Outcomes:
    """What TensorFlow did with each task, kept in a file from one run to the next."""

    def __init__(self, file: Path) -> None:
        self.file = file
        oracle = [ast.dump(ast.parse(HERE.joinpath(name).read_text())) for name in ("running.py", "inputs.py")]
        self.salt = "\0".join([*oracle, version("tensorflow")])
        self.known: dict[str, Outcome] = {}
        if file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                key, told = json.loads(line)
                self.known[key] = Outcome(told["raised"], told["probes"], tuple(told["shape"]), told["gap"])

    def __getitem__(self, task: Task) -> Outcome:
        return self.known[self._key(task)]

    def _key(self, task: Task) -> str:
        return hashlib.sha256(
            "\0".join([self.salt, task.module, task.loss, task.inputs, task.text]).encode()
        ).hexdigest()

    def run(self, tasks: list[Task], workers: int, progress: Callable[[int, int], None]) -> None:
        """Run those that are not known yet."""
        new = {key: task for task in tasks if (key := self._key(task)) not in self.known}
        runners: SimpleQueue[Runner] = SimpleQueue()
        everyone = [Runner() for _ in range(workers)]
        for runner in everyone:
            runners.put(runner)

        def run(task: Task) -> Outcome:
            runner = runners.get()
            try:
                return runner(task)
            finally:
                runners.put(runner)

        self.file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with ThreadPoolExecutor(workers) as pool, self.file.open("a", encoding="utf-8") as file:
                for done, (key, outcome) in enumerate(zip(new, pool.map(run, new.values()), strict=True), 1):
                    self.known[key] = outcome
                    file.write(json.dumps([key, asdict(outcome)]) + "\n")
                    progress(done, len(new))
        finally:
            for runner in everyone:
                runner.stop()


def effects(original: Outcome, mutant: Outcome) -> tuple[str, ...]:
    """How a mutant is worse than the loss it was made from; empty when it is not."""
    if original.raised or SLIP.match(mutant.raised):
        return ()
    if mutant.raised:
        return ("raises",)
    worse = []
    before, after = original.probes["typical"], mutant.probes["typical"]
    if before == "ok" and after in ("none", "zero"):
        worse.append(after)
    if any(state == "not finite" != original.probes[probe] for probe, state in mutant.probes.items()):
        worse.append("not finite")
    if original.gap < SURE and mutant.gap > OFF:
        worse.append("wrong")
    if original.shape != mutant.shape:
        worse.append("shape")
    return tuple(worse)


# -- checking


def findings(place: tuple[str, str]) -> dict[str, Counter[str]]:
    """What losslint says of a text (under a path): severity -> how often each code."""
    path, text = place
    said: dict[str, Counter[str]] = {"loud": Counter(), "info": Counter()}
    for finding in check_source(text, Path(path), Settings(keras_version=3)).findings:
        said["info" if finding.severity is Severity.INFO else "loud"][finding.code] += 1
    return said


def study(
    chosen: list[Case], folders: dict[str, str], outcomes: Outcomes, workers: int, progress: Callable[[int, int], None]
) -> list[Verdict]:
    """The verdict on every case."""

    def task(subject: Subject, text: str) -> Task:
        return Task(text, subject.module, subject.loss, subject.inputs, folders)

    subjects = list(dict.fromkeys(case.subject for case in chosen))
    tasks = [task(s, s.text) for s in subjects] + [task(c.subject, c.mutant.text) for c in chosen]
    outcomes.run(tasks, workers, progress)
    verdicts = []
    for case in chosen:
        outcome = outcomes[task(case.subject, case.mutant.text)]
        seen = effects(outcomes[task(case.subject, case.subject.text)], outcome)
        counted = tuple(e for e in seen if e in MUTATORS[case.mutant.mutator].effects)
        verdicts.append(Verdict(case, counted, outcome.raised))
    broken = [v for v in verdicts if v.effects]
    places = [(str(s.path), s.text) for s in subjects]
    places += [(str(v.case.subject.path), v.case.mutant.text) for v in broken]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        said = dict(zip(places, pool.map(findings, places, chunksize=16), strict=True))
    return [_judged(v, said) if v.effects else v for v in verdicts]


def _judged(verdict: Verdict, said: dict[tuple[str, str], dict[str, Counter[str]]]) -> Verdict:
    subject = verdict.case.subject
    before = said[str(subject.path), subject.text]
    after = said[str(subject.path), verdict.case.mutant.text]
    loud, info = (tuple(sorted(after[kind] - before[kind])) for kind in ("loud", "info"))
    return Verdict(verdict.case, verdict.effects, verdict.raised, loud, info)
