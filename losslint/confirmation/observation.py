"""What was seen when a loss was run: plain data that crosses from the child to the main process as JSON."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from losslint.confirmation.places import Span

REVERSED = "reversed"  # a gradient that is the slope but for its sign: often on purpose, to train an adversary
CHEAPER = "cheaper"  # a prediction that costs less than one that is the label itself


class Outcome(enum.Enum):
    """What happened in one run."""

    FINE = "fine"
    RAISES = "raises"
    NO_GRADIENT = "no gradient"  # None, or LookupError: no gradient defined for operation
    ZERO_GRADIENT = "zero gradient"  # exactly 0 at generic points
    BAD_VALUE = "bad value"  # NaN or infinite
    BAD_GRADIENT = "bad gradient"  # NaN or infinite where the value is finite
    WRONG_GRADIENT = "wrong gradient"  # differs from central differences
    JUMP = "jump"  # one-sided limits of the value differ
    DEAD_TERM = "dead term"  # part of the sum passes no gradient on while the loss has one
    UNUSED = "unused"  # a tensor was computed that nothing uses
    FROZEN = "frozen"  # a traced step does not see a change of state or a new draw
    CONTRACT = "contract"  # shape of the result, sample_weight, broadcasting
    HOLDS = "holds"  # what the claim named in ``operation`` denies was measured
    CRASHED = "crashed"  # the process died: signal, exit
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out of memory"
    NOT_RUN = "not run"  # could not be loaded or called; ``error`` says why


@dataclass(frozen=True)
class Observation:
    """One run of a loss in one mode on one set of inputs."""

    outcome: Outcome
    mode: str  # eager | autograph | graph | fit | xla | load
    inputs: dict[str, object] = field(default_factory=dict)  # name -> nested lists of numbers, as the loss got them
    dtypes: dict[str, str] = field(default_factory=dict)
    loss: object = None  # number, nested list, or None
    gradient: object = None
    row: int = 0  # where in the user's file it happened, 0 when not known
    path: str = ""  # the file of ``row`` when it is another one than the loss's
    operation: str = ""  # the operation it happened in: Sqrt, numpy.mean, ...
    error: str = ""  # first line of the exception
    span: Span = ()  # the code in ``row``, where its columns are known
    undefined: bool = False  # that operation has no value there: NaN of numbers that are none
    rows: tuple[int, ...] = ()  # rows of the user's file that ran
    idle: tuple[Span, ...] = ()  # what claims are about and did not run, though its row did
    seconds: float = 0.0
    plausible: bool = True  # False: the inputs are too extreme to prove anything
    detail: str = ""
    grown: dict[str, float] = field(default_factory=dict)  # the data ``x`` or ``weights`` of a model -> multiplied by what
    given: bool = False  # somebody named these inputs: they prove what they show, however far out they are


@dataclass(frozen=True)
class Searched:
    """A row that a witness was searched for in one mode without finding one."""

    row: int
    mode: str
    reached: bool  # whether the expression in question was computed at all
    nearest: float | None = None  # how near its operand came to the point where it fails; None: not known
    inputs: int = 0  # how many inputs were tried
    span: Span = ()  # of the expression in question


@dataclass(frozen=True)
class Evidence:
    """Everything that was seen of one program."""

    observations: tuple[Observation, ...] = ()
    searched: tuple[Searched, ...] = ()
    device: str = "cpu"
    seconds: float = 0.0  # of wall-clock time, from the start of its process to the end
    lacks: str = ""  # the device that was asked for and is not there
    cpu_seconds: float = 0.0  # the same of all processors, whatever else the machine did
