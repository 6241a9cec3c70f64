"""What an exception says: where in the user's files, in which operation, in one line.

Imports no framework: errors are told apart by where they come from and by what they say.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.places import Spot, span_of

INSTALLED = ("site-packages", "dist-packages")
FRAME = re.compile(r'File "([^"]+)", line (\d+)')
NO_ENTRY = re.compile(r"gradient registry has no entry for: (\w+)|No gradient defined for operation.*op type: (\w+)")
NOTHING_ARRIVES = re.compile(
    r"No gradients provided for any variable|does not require grad and does not have a grad_fn"
    r"|'(?:int|float|\w*ndarray|float\d+)' object has no attribute 'backward'"
)
WRAPPED = re.compile(r"\x1b\[\d*m|\{\{function_node [^}]*\}\} ?| name:\s*$")
EAGER_OPERATION = re.compile(r"\[Op:(\w+)\]")
NODE = re.compile(r"\{\{node (?:[^}]*/)?([A-Za-z]\w*?)(?:_\d+)?\}\}")
IN_USER_CODE, IN_GRAPH = "in user code:", "Graph execution error:"
IN_LAYER = "Exception encountered when calling"  # Keras goes on with what the exception says
OF_NONE = re.compile(r"NoneType|None values not supported|convert a value \(None\)|got None")
SYMBOLIC = "KerasTensor"  # a placeholder for a shape, its message says
ABOUT_SHAPE = re.compile(
    r"shape|dimension|\brank\b|broadcast|out of (?:range|bounds)|\baxis\b|\baxes\b|incompatible|unpack|\bsize\b"
    r"|\bdepth\b|divisible|channels|must be equal|is not in \[|must be at least|\bndim\b|slice index|inner dim"
    r"|same number of|columns",
    re.IGNORECASE,
)
NO_SHAPES = "no shapes were found that it accepts"
ABOUT_SHAPE_TYPES = ("InvalidArgumentError", "ValueError", "IndexError", "OutOfRangeError")
BETWEEN_SHAPES = re.compile(  # PyTorch says all with one type of error, JAX this with a TypeError
    r"size of tensor|must match|size mismatch|[Ss]izes? of|shapes|same (?:number of|shape)|Dimension out of range|channels"
    r"|dimension specified|must be a \dD|[Ee]xpected .*(?:D |dim|size|input)|incompatible for"
    r"|is invalid for input of size|contract|size-incompatible|Dimensions must be equal"
)


@dataclass(frozen=True)
class UserFiles:
    """Which frames are the user's: those of the loss's file first, else those of its project."""

    path: Path
    root: Path | None = None

    def owns(self, filename: str) -> bool:
        """Whether a file belongs to the loss's project."""
        if filename == str(self.path):
            return True
        if self.root is None or filename.startswith("<"):
            return False
        path = Path(filename)
        return path.is_relative_to(self.root) and not any(part in INSTALLED for part in path.parts)


def failure(error: BaseException, files: UserFiles) -> Observation:
    """The observation that an exception amounts to, without mode and inputs."""
    text = one_line(error)
    path, row, span = _place(error, files)
    other = "" if path == str(files.path) else path
    unregistered = NO_ENTRY.search(str(error))
    if unregistered:
        operation = unregistered[1] or unregistered[2]
        return Observation(Outcome.NO_GRADIENT, "", row=row, path=other, span=span, operation=operation, error=text)
    if NOTHING_ARRIVES.search(str(error)):
        return Observation(Outcome.NO_GRADIENT, "", row=row, path=other, span=span, error=text)
    outcome = Outcome.OUT_OF_MEMORY if _out_of_memory(error) else Outcome.RAISES
    return Observation(outcome, "", row=row, path=other, span=span, operation=_operation(error, files), error=text)


def only_about_shapes(seen: Observation) -> bool:
    """Whether another rung of the ladder of inputs may run where this one raised."""
    kind, _, message = seen.error.partition(": ")
    pattern = ABOUT_SHAPE if kind in ABOUT_SHAPE_TYPES else BETWEEN_SHAPES if kind in ("RuntimeError", "TypeError") else None
    about = pattern is not None and pattern.search(message) is not None and SYMBOLIC not in message
    return seen.outcome is Outcome.RAISES and about


def uses_none(seen: Observation) -> bool:
    """Whether something was None that is used."""
    return seen.outcome is Outcome.RAISES and OF_NONE.search(seen.error) is not None


def between_shapes(seen: Observation) -> bool:
    """Whether shapes do not go together, whatever the numbers are."""
    return seen.outcome is Outcome.RAISES and bool(BETWEEN_SHAPES.search(seen.error))


def unless_about_shapes(seen: Observation) -> Observation:
    """An exception on every rung that is only about shapes says nothing of the loss."""
    if not only_about_shapes(seen):
        return seen
    return replace(seen, outcome=Outcome.NOT_RUN, detail=NO_SHAPES)


def furthest(failed: Sequence[Observation]) -> Observation:
    """The attempt that got furthest in the loss before it raised: its inputs fit best, and what it says tells most."""
    return max(failed, key=lambda seen: 0 if seen.path else seen.row)


def one_line(error: BaseException) -> str:
    """``Type: first line of the message``; AutoGraph and graphs put a traceback of their own in front of it."""
    kind = type(error).__name__
    lines = [WRAPPED.sub("", line.strip()) for line in str(error).splitlines() if line.strip()]
    if lines and lines[0] == IN_USER_CODE:
        own = [number for number, line in enumerate(lines) if line.startswith(f"{kind}: ")]
        lines = lines[own[-1] if own else -1:]
    elif lines and lines[0] == IN_GRAPH:
        lines = [line for line in lines if not line.startswith((IN_GRAPH, "Detected at node", "File ", "[[{{"))]
    if len(lines) > 1 and lines[0].removeprefix(f"{kind}: ").startswith(IN_LAYER):
        lines = lines[1:]
    if not lines:
        return kind
    return (lines[0] if lines[0].startswith(f"{kind}: ") else f"{kind}: {lines[0]}")[:400]


def _place(error: BaseException, files: UserFiles) -> Spot:
    """The innermost frame in the user's files; those of the loss's own file are preferred."""
    owned = [spot for spot in _spots(error) if files.owns(spot.path)]
    return owned[-1] if owned else Spot(str(files.path))


def _spots(error: BaseException) -> list[Spot]:
    """Frames of an exception, outermost first, as AutoGraph, the traceback or the message of a graph's node tells."""
    metadata = getattr(error, "ag_error_metadata", None) or getattr(error.__context__, "ag_error_metadata", None)
    direct = list(_frames(error.__traceback__))
    translated = [Spot(frame.filename, frame.lineno) for frame in reversed(getattr(metadata, "translated_stack", ()))]
    named = [Spot(name, int(row)) for name, row in FRAME.findall(str(error))]
    return [*direct, *translated, *named]


def _frames(trace: TracebackType | None) -> Iterator[Spot]:
    while trace is not None:
        code = trace.tb_frame.f_code
        yield Spot(code.co_filename, trace.tb_lineno, span_of(code, trace.tb_lasti))
        trace = trace.tb_next


def _operation(error: BaseException, files: UserFiles) -> str:
    """The operation that raised, or the foreign function that the user's row called: ``numpy.mean``."""
    message = str(error)
    found = NODE.search(message) or EAGER_OPERATION.search(message)
    if found:
        return found[1]
    below = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if files.owns(frame.f_code.co_filename):
            below = ""
        elif not below:
            package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            below = f"{package}.{frame.f_code.co_name}" if package == "numpy" else "?"
    return "" if below == "?" else below


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
