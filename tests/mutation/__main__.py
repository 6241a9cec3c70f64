"""``python -m tests.mutation``: break clean losses of published packages, and see what losslint says.

Each mutant is run under TensorFlow; those that break something the loss did right count. A mutant is found when a rule
that speaks of its kind of mistake says of it, as warning or error, what it does not say of the loss. Needs the network
once, for the packages; what TensorFlow did is remembered, so that a second run takes a minute.
"""

from __future__ import annotations

import os
import sys
from collections import Counter, defaultdict
from random import Random

import click

from tests.ecosystem.packages import Unavailable
from tests.mutation.corpus import CACHE, subjects, unpack
from tests.mutation.mutators import MUTATORS
from tests.mutation.study import Outcomes, Verdict, cases, study

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


@click.command(help=__doc__)
@click.option("--places", default=4, show_default=True, help="Mutants of each kind of each loss, at most.")
@click.option("--sample", type=int, help="So many mutants in all, for a quick look.")
@click.option("--seed", default=1, show_default=True, help="Which of them are taken.")
@click.option("--loss", default="", help="Only losses whose package or name contains this.")
@click.option("--mutator", "only", multiple=True, type=click.Choice(sorted(MUTATORS)), help="Only these mutators.")
@click.option("--survivors", is_flag=True, help="Print what was not found, with what it breaks.")
@click.option("--workers", default=os.cpu_count() or 1, show_default=True, help="Processes that run losses.")
def main(
    places: int, sample: int | None, seed: int, loss: str, only: tuple[str, ...], survivors: bool, workers: int
) -> None:
    try:
        unpacked = unpack()
    except Unavailable as reason:
        raise click.ClickException(str(reason)) from reason
    chosen_subjects = [s for s in subjects(unpacked) if loss in s.name]
    folders = {s.module.partition(".")[0]: str(unpacked[s.package]) for s in chosen_subjects if s.package != "keras"}
    chosen = [c for c in cases(chosen_subjects, places, seed) if not only or c.mutant.mutator in only]
    if sample is not None:
        chosen = Random(seed).sample(chosen, min(sample, len(chosen)))
    verdicts = study(chosen, folders, Outcomes(CACHE / "outcomes.jsonl"), workers, _progress)
    if survivors:
        print_survivors(verdicts)
    print_table(verdicts)


def print_table(verdicts: list[Verdict]) -> None:
    """One row a mutator: mutants made, those that break the loss, those found, those only hinted at."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for verdict in verdicts:
        for name in (verdict.case.mutant.mutator, "in all"):
            counts[name]["made"] += 1
            counts[name]["broken"] += bool(verdict.effects)
            counts[name]["found"] += verdict.found
            counts[name]["info"] += not verdict.found and bool(verdict.fitting & set(verdict.hinted))
    print(f"{'mutator':26} {'made':>6} {'broken':>6} {'found':>6} {'share':>6} {'info':>5}")
    for name in [*MUTATORS, "in all"]:
        if name in counts:
            row = counts[name]
            share = f"{row['found'] / row['broken']:.0%}" if row["broken"] else "-"
            print(f"{name:26} {row['made']:6} {row['broken']:6} {row['found']:6} {share:>6} {row['info']:5}")
    losses = {v.case.subject for v in verdicts}
    print(f"{len(losses)} losses of {len({s.package for s in losses})} packages; info: found, but only as an info")


def print_survivors(verdicts: list[Verdict]) -> None:
    """What is broken and not found."""
    for verdict in verdicts:
        if verdict.effects and not verdict.found:
            case = verdict.case
            print(
                f"{case.mutant.mutator} in {case.subject.name}, {case.subject.path.name}: {', '.join(verdict.effects)}"
            )
            print(*(f"    {line}" for line in case.diff), sep="\n")
            said = [*verdict.said, *(f"{code} (info)" for code in verdict.hinted)]
            print(f"    says: {', '.join(said) or 'nothing'}" + (f"; {verdict.raised}" if verdict.raised else ""))
            print()


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty() or done == total or done % 500 == 0:
        print(f"\r{done} of {total} run", end="\n" if done == total else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
