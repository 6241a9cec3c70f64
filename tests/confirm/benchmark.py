"""How long confirmation takes: ``python -m tests.confirm.benchmark [JOBS]``.

Runs 50 losses, of the fixtures and of those with numerical faults, with the claims that a check makes of them, and prints
the start-up, the time of a loss (median, 95th percentile; by the clock and of the processor, as the clock tells of the
machine's other work too), and the time until a search has its first witness.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from losslint.check import check_paths
from losslint.config import Settings
from losslint.confirmation.client import Options, run
from losslint.confirmation.observation import Evidence, Observation, Outcome
from losslint.confirmation.program import Program
from losslint.confirmation.verdicts import programs_of, trials_of

ROOT = Path(__file__).parents[2]
FIXTURES, FAULTY = ROOT / "fixtures", ROOT / "tests" / "confirm" / "faulty.py"
OF_FIXTURES, OF_FAULTY = 40, 10
NUMBERS = (Outcome.BAD_VALUE, Outcome.BAD_GRADIENT)


def programs(place: Path) -> Iterator[Program]:
    """Programs of the losses of a file or folder, with their claims, as ``--confirm`` runs them."""
    settings = Settings()
    for trial in trials_of(check_paths([place], settings, keep_losses=True), settings):
        yield from (program for program in programs_of(trial, whole_files=False) if isinstance(program, Program))


def spread(programs: list[Program], number: int) -> list[Program]:
    """So many programs, evenly from the list."""
    return [programs[index * len(programs) // number] for index in range(min(number, len(programs)))]


def first_witness(seen: Evidence) -> Observation | None:
    """The first thing a search found."""
    return next((one for one in seen.observations if one.outcome in NUMBERS and one.detail), None)


def main() -> None:
    """Measure and print."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    chosen = [*spread(list(programs(FIXTURES)), OF_FIXTURES), *spread(list(programs(FAULTY)), OF_FAULTY)]
    print(f"{len(chosen)} losses, {Options(jobs).workers} at a time")
    started = time.perf_counter()
    ready = started

    def tell(what: str, _: Program | None) -> None:
        nonlocal ready
        if what == "ready":
            ready = time.perf_counter()

    done = list(run(chosen, Options(jobs), tell))
    ended = time.perf_counter()
    seconds = sorted(seen.seconds for _, seen in done)
    witnesses = [witness.seconds for _, seen in done if (witness := first_witness(seen)) is not None]
    print(f"start-up             {ready - started:6.2f} s")
    print(f"a loss, median       {statistics.median(seconds):6.2f} s")
    print(f"a loss, 95 of 100    {seconds[int(0.95 * (len(seconds) - 1))]:6.2f} s")
    print(f"a loss, longest      {seconds[-1]:6.2f} s")
    worked = sorted(seen.cpu_seconds for _, seen in done)
    print(f"processor, median    {statistics.median(worked):6.2f} s")
    print(f"processor, 95 of 100 {worked[int(0.95 * (len(worked) - 1))]:6.2f} s")
    print(f"all                  {ended - ready:6.2f} s")
    if witnesses:
        print(f"first witness        {statistics.median(witnesses):6.3f} s median, {max(witnesses):.3f} s longest,"
              f" of {len(witnesses)} losses")
    outcomes = Counter(one.outcome.value for _, seen in done for one in seen.observations)
    print("seen: " + ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common()))
    for program, seen in sorted(done, key=lambda pair: -pair[1].cpu_seconds)[:8]:
        where = f"{program.path.relative_to(ROOT)}::{program.name}"
        print(f"  {seen.seconds:5.2f} s, processor {seen.cpu_seconds:5.2f} s  {where}")


if __name__ == "__main__":
    main()
