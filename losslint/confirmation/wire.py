"""What crosses between the processes: programs as framed bytes, evidence as JSON lines."""

from __future__ import annotations

import dataclasses
import json
import os
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from losslint.confirmation.observation import Evidence, Observation, Outcome, Searched

HEADER = struct.Struct("!QQ")  # index of the program, length of its pickle
CHUNK = 1 << 16


def send_program(descriptor: int, index: int, payload: bytes) -> None:
    """Write one program. Raises BrokenPipeError when the other side is gone."""
    rest = memoryview(HEADER.pack(index, len(payload)) + payload)
    while rest:
        rest = rest[os.write(descriptor, rest):]


def receive_program(descriptor: int) -> tuple[int, bytes] | None:
    """Read one program, None when the other side has closed."""
    header = _read_exactly(descriptor, HEADER.size)
    if header is None:
        return None
    index, length = HEADER.unpack(header)
    payload = _read_exactly(descriptor, length)
    return None if payload is None else (index, payload)


def _read_exactly(descriptor: int, length: int) -> bytes | None:
    parts: list[bytes] = []
    while length:
        part = os.read(descriptor, min(length, CHUNK))
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


@dataclass(frozen=True)
class Report:
    """How the child tells what it sees, a line at a time: what it said before it died is kept.

    ``write`` takes one line of JSON.
    """

    write: Callable[[bytes], object]

    def begin(self, mode: str) -> None:
        """Name the mode that is tried next: what kills the process from here on happened in it."""
        self._line({"begin": mode})

    def saw(self, observation: Observation) -> None:
        """Report one run."""
        self._line({"observation": {**dataclasses.asdict(observation), "outcome": observation.outcome.value}})

    def searched(self, searched: Searched) -> None:
        """Report a search for a witness that found none."""
        self._line({"searched": dataclasses.asdict(searched)})

    def runs_on(self, device: str) -> None:
        """Report the device."""
        self._line({"device": device})

    def lacks(self, what: str) -> None:
        """Report that nothing can be run: one line that says what is missing."""
        self._line({"lacks": what})

    def done(self) -> None:
        """Say that nothing is missing."""
        self._line({"done": True})

    def _line(self, message: dict[str, Any]) -> None:
        self.write(json.dumps(message, default=str).encode() + b"\n")


def evidence(lines: Iterable[str], death: Observation | None, seconds: float, cpu_seconds: float = 0.0) -> Evidence:
    """What a child said, and how it died if it did not say that it was done.

    Args:
        lines: the lines of its Report; a last one that was cut off is skipped.
        death: an observation whose mode is the one that had begun, when the process ended too early.
        seconds: of wall-clock time, from the fork to the end.
        cpu_seconds: of processor time.
    """
    observations: list[Observation] = []
    searched: list[Searched] = []
    device, lacks, mode, done = "cpu", "", "load", False
    for line in lines:
        try:
            (kind, said), = json.loads(line).items()
        except ValueError:
            continue
        if kind == "observation":
            observations.append(_observation(said))
        elif kind == "searched":
            searched.append(Searched(**{**said, "span": tuple(said["span"])}))
        elif kind == "device":
            device = said
        elif kind == "lacks":
            lacks = said
        elif kind == "begin":
            mode = said
        elif kind == "done":
            done = True
    if not done and death is not None:
        observations.append(dataclasses.replace(death, mode=mode))
    return Evidence(tuple(observations), tuple(searched), device, seconds, lacks, cpu_seconds)


def _observation(said: dict[str, Any]) -> Observation:
    spans = {"rows": tuple(said["rows"]), "span": tuple(said["span"]), "idle": tuple(map(tuple, said["idle"]))}
    return Observation(**{**said, **spans, "outcome": Outcome(said["outcome"])})
