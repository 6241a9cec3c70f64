"""Colours for terminals. The only module that imports rich, and only imported when colours are wanted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console
from rich.text import Text

from losslint.report.text import Line

STYLES = {
    "": "",
    "path": "bold",
    "error": "bold red",
    "warning": "bold yellow",
    "info": "bold cyan",
    "name": "dim",
    "gutter": "dim",
    "code": "",
    "mark": "bold red",
    "help": "bold green",
    "confirmed": "bold red",
    "refuted": "bold green",
    "unconfirmed": "dim",
    "summary": "bold",
}


class _Console(Console):
    """A console that leaves a closed pipe to its caller; rich would end the program."""

    def on_broken_pipe(self) -> None:
        raise  # the BrokenPipeError that is being handled


def paint(lines: Iterable[Line], file: TextIO) -> None:
    """Print lines in colour; none is wrapped, cropped or interpreted."""
    console = _Console(file=file, force_terminal=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*((text, STYLES[style]) for text, style in line)), no_wrap=True, crop=False)
