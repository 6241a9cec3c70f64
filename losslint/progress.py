"""A progress bar on a terminal; nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from losslint.confirmation.program import Program


@contextmanager
def bar(total: int, quiet: bool) -> Iterator[Callable[[str, Program | None], None] | None]:
    """Shows how many of ``total`` losses have been run: a function for ``client.run``, or None where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("starting TensorFlow", total=total)

        def tell(what: str, program: Program | None) -> None:
            if what == "finished":
                shown.advance(task)
            elif what == "started" and program is not None:
                shown.update(task, description=f"{program.path.name}::{program.name}")

        yield tell
