"""What a child does with its program: the only place where the user's code runs."""

from __future__ import annotations

import dataclasses
import os
import pickle
import random
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from losslint.confirmation import limits
from losslint.confirmation.failures import UserFiles, failure
from losslint.confirmation.frameworks.base import DeviceMissing
from losslint.confirmation.limits import Limits
from losslint.confirmation.load import load
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.program import ENTRY, Program
from losslint.confirmation.wire import Report, receive_program


def run(payload: bytes, pipe: int, device: str) -> NoReturn:
    """Run a pickled program, say on ``pipe`` what is seen, and end the process whatever threads still run."""
    report = Report(lambda line: _write(pipe, line))
    program: Program = pickle.loads(payload)
    try:
        random.seed(program.seed)
        sys.argv[:] = [str(program.path)]  # what started this process is not the program's command line
        probe = framework_probe(program.framework, program.seed, device, report)
        report.begin("load")
        entry = load(program)[ENTRY]
        probe(program, entry, report)
    except DeviceMissing as error:
        report.lacks(str(error))
    except BaseException as error:  # SystemExit too: the user's code may call sys.exit
        report.saw(ended_by(error, program))
    report.done()
    os._exit(0)


def ended_by(error: BaseException, program: Program) -> Observation:
    """A program that could not be loaded or called, or that wanted to leave."""
    seen = dataclasses.replace(failure(error, UserFiles(program.path, program.root)), mode="load")
    if not isinstance(error, Exception):
        return dataclasses.replace(seen, outcome=Outcome.CRASHED)
    traceback.print_exc()
    return seen if seen.outcome is Outcome.OUT_OF_MEMORY else dataclasses.replace(seen, outcome=Outcome.NOT_RUN)


def framework_probe(framework: str, seed: int, device: str, report: Report) -> Any:
    """What is done with a program of a framework, which is imported here if the server has not done so."""
    if framework == "none":
        return call_only
    from losslint.confirmation import battery, frameworks

    report.runs_on(frameworks.load(framework).prepare(seed, device))
    return battery.probe


def call_only(program: Program, entry: Any, report: Report) -> None:
    """Without a framework: call the entry and see whether it returns."""
    report.begin("eager")
    try:
        entry()
        seen = Observation(Outcome.FINE, "eager")
    except Exception as error:
        seen = dataclasses.replace(failure(error, UserFiles(program.path, program.root)), mode="eager")
    report.saw(seen)


def _write(descriptor: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(descriptor, rest):]


def main() -> None:
    """Run the one program on standard input, where forking is not possible; what is seen goes to standard output.

    ``sys.argv``: scratch folder, device, numbers of ``Limits``.
    """
    scratch, device, *numbers = sys.argv[1:]
    received = receive_program(0)
    if received is None:
        return
    pipe = os.dup(1)
    seconds, cpu_seconds, memory, output, processes = numbers
    allowed = Limits(float(seconds), int(cpu_seconds), int(memory), int(output), int(processes))
    limits.confine(allowed, Path(scratch), os.getppid())
    limits.refuse_connections()
    run(received[1], pipe, device)


if __name__ == "__main__":
    main()
