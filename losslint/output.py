"""What a run writes: to standard output, to a file, or nowhere when the reader has gone."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click


def wants_colour(stream: TextIO) -> bool:
    """NO_COLOR forbids, FORCE_COLOR demands, else a terminal decides."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def columns(stream: TextIO) -> int:
    """Cells in a line: those of a terminal, or what suits most code."""
    from losslint.report.text import COLUMNS

    return shutil.get_terminal_size((COLUMNS, 24)).columns if stream.isatty() else COLUMNS


def emit(text: str, file: Path | None = None) -> None:
    """Write to standard output or to a file.

    Raises:
        click.ClickException: the file cannot be written.
    """
    if file is not None:
        try:
            file.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        except OSError as error:
            raise click.ClickException(f"{file}: cannot be written: {error.strerror or error}") from error
        return
    with closed_pipe_is_fine():
        sys.stdout.write(text)
        sys.stdout.flush()


def emit_bytes(data: bytes) -> None:
    """Write to standard output as it is: line ends and encoding are the source's."""
    with closed_pipe_is_fine():
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.flush()


@contextmanager
def closed_pipe_is_fine() -> Iterator[None]:
    """Say nothing when the reader has gone (``| head``); what is still buffered goes nowhere."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EPIPE and not (error.errno == errno.EINVAL and sys.platform == "win32"):
            raise
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the process
