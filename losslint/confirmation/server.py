"""The process that imports the framework once and forks a child per program.

It runs no operation itself: after one, the framework has threads, and a child forked from a process with threads hangs.
Programs come in on standard input, as framed bytes that only the child unpickles; results leave on standard output, a
JSON line per program. When standard input ends, everything ends: the main process is done, or gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import json
import os
import select
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from losslint.confirmation import child, limits
from losslint.confirmation.frameworks import DESCRIPTIONS
from losslint.confirmation.limits import Limits
from losslint.confirmation.observation import Outcome
from losslint.confirmation.wire import CHUNK, receive_program

TICK = 0.05  # seconds between two looks at the clock and the memory of the children


@dataclass
class Child:
    """A running child. ``ended_for`` is set by whoever kills it."""

    pid: int
    index: int
    pipe: int
    scratch: Path
    started: float
    said: bytearray = field(default_factory=bytearray)
    ended_for: tuple[Outcome, str] | None = None


class Server:
    """Forks children for the programs it is sent, watches them and passes on what they say."""

    def __init__(self, options: Mapping[str, Any], output: int, network: bool) -> None:
        self.jobs, self.device, self.folder = options["jobs"], options["device"], Path(options["folder"])
        self.allowed = Limits(**options["limits"])
        self.output, self.network = output, network
        self.waiting: deque[tuple[int, bytes]] = deque()
        self.running: dict[int, Child] = {}
        self.base = limits.resident(os.getpid())
        self.woken, waker = os.pipe()
        for end in (self.woken, waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, _leave)

    def serve(self) -> None:
        """Work until standard input ends; then kill what runs."""
        try:
            while True:
                pipes = [one.pipe for one in self.running.values()]
                ready, _, _ = select.select([0, self.woken, *pipes], [], [], TICK if self.running else None)
                if 0 in ready:
                    program = receive_program(0)
                    if program is None:
                        return
                    self.waiting.append(program)
                if self.woken in ready:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.woken, CHUNK)
                for one in list(self.running.values()):
                    if one.pipe in ready:
                        _drain(one)
                    self.watch(one)
                while self.waiting and len(self.running) < self.jobs:
                    self.start(*self.waiting.popleft())
        finally:
            for one in self.running.values():
                limits.kill(one.pid)
            limits.end_children(lambda pid: True)

    def start(self, index: int, payload: bytes) -> None:
        """Fork a child for one program."""
        if limits.threads() != 1:
            raise RuntimeError("the framework has started threads: a forked child would hang")
        scratch = self.folder / str(index)
        scratch.mkdir()
        pipe, end = os.pipe()
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self.become_child(payload, end, scratch, server)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        os.close(end)
        os.set_blocking(pipe, False)
        self.running[pid] = Child(pid, index, pipe, scratch, time.monotonic())

    def become_child(self, payload: bytes, pipe: int, scratch: Path, server: int) -> NoReturn:
        """In the child: let go of what is the server's, and run the program."""
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            for descriptor in (self.output, self.woken, *(one.pipe for one in self.running.values())):
                os.close(descriptor)
            limits.confine(self.allowed, scratch, server)
            if self.network:
                limits.refuse_connections()
            child.run(payload, pipe, self.device)
        finally:
            os._exit(1)

    def watch(self, one: Child) -> None:
        """Kill a child that takes too much, and report one that has ended."""
        seconds = time.monotonic() - one.started
        pid, status, used = os.wait4(one.pid, os.WNOHANG)
        if pid:
            self.finish(one, status, seconds, used.ru_utime + used.ru_stime)
        elif one.ended_for is None:
            one.ended_for = self.excess(one, seconds)
            if one.ended_for is not None:
                limits.kill(one.pid)

    def excess(self, one: Child, seconds: float) -> tuple[Outcome, str] | None:
        """What a child takes more of than it may, if anything."""
        if seconds > self.allowed.seconds:
            return Outcome.TIMEOUT, f"still running after {self.allowed.seconds:g} s"
        if limits.resident(one.pid) > self.base + self.allowed.memory:
            return Outcome.OUT_OF_MEMORY, f"takes more than {self.allowed.memory / (1 << 30):.3g} GB of memory"
        if len(limits.children(one.pid)) > self.allowed.processes:
            return Outcome.CRASHED, f"starts more than {self.allowed.processes} processes"
        return None

    def finish(self, one: Child, status: int, seconds: float, cpu_seconds: float) -> None:
        """Clear up after a child and send what it said."""
        del self.running[one.pid]
        _drain(one)
        os.close(one.pipe)
        limits.kill(one.pid)  # what it started and left in its group
        limits.end_children(lambda pid: pid not in self.running)  # this process has become the parent of orphans
        outcome, error = one.ended_for or death(status, self.allowed, limits.output_of(one.scratch))
        shutil.rmtree(one.scratch, ignore_errors=True)
        limits.output_of(one.scratch).unlink(missing_ok=True)
        lines = one.said.decode(errors="replace").splitlines()
        self.send({
            "index": one.index, "lines": lines, "outcome": outcome.value, "error": error, "seconds": seconds,
            "cpu_seconds": cpu_seconds,
        })

    def send(self, message: dict[str, Any]) -> None:
        """Write one line to the main process."""
        rest = json.dumps(message).encode() + b"\n"
        while rest:
            rest = rest[os.write(self.output, rest):]


def death(status: int, allowed: Limits, output: Path) -> tuple[Outcome, str]:
    """What the status of a process that ended too early says."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return Outcome.TIMEOUT, f"took more than {allowed.cpu_seconds} s of CPU time"
        if number == signal.SIGXFSZ:
            return Outcome.CRASHED, f"SIGXFSZ: wrote more than {allowed.output >> 20} MB"
        return Outcome.CRASHED, ": ".join(filter(None, [_signal_name(number), _last_words(output)]))
    return Outcome.CRASHED, f"the process left with exit code {os.WEXITSTATUS(status)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_words(output: Path) -> str:
    """The message of an abort: the last line that was printed, without where in the framework it was."""
    try:
        with output.open("rb") as printed:
            printed.seek(max(0, output.stat().st_size - 4096))
            lines = printed.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    checks = [line[line.index("Check failed"):] for line in lines if "Check failed" in line]
    return checks[-1][:300] if checks else ""


def _drain(one: Child) -> None:
    with contextlib.suppress(BlockingIOError):
        while part := os.read(one.pipe, CHUNK):
            one.said += part


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> None:
    """Serve on standard input and output, as ``sys.argv[1]`` (JSON) says."""
    options = json.loads(sys.argv[1])
    output = os.dup(1)
    os.dup2(2, 1)  # what the framework prints is not the protocol
    fcntl.fcntl(output, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    limits.adopt_orphans()
    network = not limits.leave_network()
    started = time.perf_counter()
    try:
        for name in DESCRIPTIONS[options["framework"]].preloaded:
            importlib.import_module(name)
    except Exception as error:
        hello: dict[str, Any] = {"failed": f"{type(error).__name__}: {error}".partition("\n")[0]}
    else:
        hello = {"threads": limits.threads(), "network": network, "seconds": time.perf_counter() - started}
    server = Server(options, output, network)
    gc.collect()
    gc.freeze()  # children share what is here as long as the collector does not touch it
    gc.set_threshold(100_000)  # they end before much is worth collecting
    try:
        server.send(hello)
        server.serve()
    except BrokenPipeError:
        pass  # nobody is left to tell
    finally:
        shutil.rmtree(server.folder.parent, ignore_errors=True)  # the main process may be gone


if __name__ == "__main__":
    main()
