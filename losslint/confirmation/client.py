"""Runs programs in processes of their own, from the main process, which imports no framework.

One server imports the framework and forks a child per program; where forking is not possible each program gets a fresh
process. What user code does to its process, or to the server, is seen as an observation; only a server that cannot be
started is an error.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
import os
import pickle
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, count, islice
from pathlib import Path
from typing import IO, Any

from losslint.confirmation import limits
from losslint.confirmation.frameworks import DESCRIPTIONS, Description
from losslint.confirmation.limits import Limits
from losslint.confirmation.observation import Evidence, Observation, Outcome
from losslint.confirmation.program import Program
from losslint.confirmation.wire import HEADER, evidence, send_program

START_SECONDS = 300.0  # importing a framework from a slow disk
END_SECONDS = 5.0
IMPORT_SECONDS = 60.0  # on top of a program's own time, where it imports the framework itself
SILENCE = 60.0  # on top of it, before a server counts as stopped
LOOKS, LOOK = 30, 0.01  # how often for processes that outlive a server, and seconds between
KILLED = Observation(Outcome.CRASHED, "eager", error="the process that runs losses was killed")
LAST_WORD = re.compile(r"^[\w.]*(?:Error|Exception)\b")  # of a traceback, not what a framework logs

Progress = Callable[[str, Program | None], None]


class ConfirmError(Exception):
    """Losses cannot be run here; the message is one line that says what to do."""


class FrameworkMissing(ConfirmError):
    """The framework is not installed for the interpreter that runs losslint."""

    def __init__(self, framework: str) -> None:
        known = DESCRIPTIONS.get(framework) or Description(framework, framework, {}, ())
        self.reason = f"{known.title} is not installed (pip install {known.install})"
        super().__init__(
            f"{known.title} is not installed for {sys.executable}: {sys.executable} -m pip install {known.install}"
        )


class ServerDied(ConfirmError):
    """The server ended although nobody asked it to."""


@dataclass(frozen=True)
class Options:
    """How programs are run. ``device`` is ``auto``, ``cpu`` or ``gpu:0``."""

    jobs: int = 0  # 0: one per processor, at most 4
    device: str = "auto"
    limits: Limits = field(default_factory=Limits)
    framework: str = "tensorflow"

    @property
    def workers(self) -> int:
        """How many programs run at the same time."""
        return self.jobs or min(os.cpu_count() or 1, 4)


def run(
    programs: Iterable[Program], options: Options | None = None, progress: Progress | None = None,
) -> Generator[tuple[Program, Evidence], None, None]:
    """Run programs and give the evidence of each as it is done, in no order.

    Args:
        programs: taken as they are needed.
        options: limits, device and number of processes.
        progress: called with ``ready`` (the framework is there), ``started`` or ``finished``, and the program.

    Raises:
        FrameworkMissing: the framework is not installed.
        ConfirmError: it cannot be imported, the device is not there, or no server can be started.
    """
    options = options or Options()
    tell = progress or (lambda what, program: None)
    if options.framework != "none" and importlib.util.find_spec(options.framework) is None:
        raise FrameworkMissing(options.framework)
    source = iter(programs)
    first = next(source, None)
    if first is None:
        return
    with _scratch() as folder, _adopting():
        runner = _forking if hasattr(os, "fork") else _spawning
        with contextlib.closing(runner(chain([first], source), options, tell, folder)) as running:
            for program, evidence in running:
                if evidence.lacks:
                    raise ConfirmError(evidence.lacks)
                yield program, evidence


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="losslint-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _adopting() -> Iterator[None]:
    """What outlives a server becomes a child of this process meanwhile, so that ``Server.end`` finds it."""
    limits.adopt_orphans()
    try:
        yield
    finally:
        limits.adopt_orphans(False)


# -- a server that forks


class Server:
    """A server process and the thread that reads what it sends. Whatever else becomes a child of this process while it is
    there comes from it: this one starts nothing else meanwhile."""

    def __init__(self, options: Options, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.log = folder.with_suffix(".log")
        settings = {
            "jobs": options.workers, "device": options.device, "framework": options.framework, "folder": str(folder),
            "limits": dataclasses.asdict(options.limits),
        }
        self.others = set(limits.children(os.getpid()))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "losslint.confirmation.server", json.dumps(settings)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, bufsize=0, start_new_session=True,
                env=environment(options.device),
            )
        self.received: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._listen, args=(self.process.stdout,), daemon=True).start()

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            for line in iter(stream.readline, b""):
                try:
                    self.received.put(json.loads(line))
                except ValueError:  # it died in the middle of a line
                    break
        self.received.put(None)

    def send(self, index: int, payload: bytes) -> None:
        """Hand over a program. Raises ServerDied."""
        assert self.process.stdin is not None
        try:
            send_program(self.process.stdin.fileno(), index, payload)
        except OSError as error:
            raise ServerDied(self.how_it_ended()) from error

    def receive(self, seconds: float | None = None) -> dict[str, Any]:
        """The next message. Raises ServerDied."""
        try:
            message = self.received.get(timeout=seconds)
        except queue.Empty:
            raise ServerDied(f"it says nothing for {seconds:g} s") from None
        if message is None:
            raise ServerDied(self.how_it_ended())
        return message

    def how_it_ended(self) -> str:
        """The error that it printed last, else its exit code."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        printed = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        errors = [line for line in printed if LAST_WORD.match(line)]
        return errors[-1] if errors else _exit(self.process.poll() or 0)

    def end(self) -> None:
        """End it and all that it started, kindly first."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for _ in range(LOOKS if self.process.returncode else 1):  # its children may be about to end, and leave us theirs
            limits.end_children(lambda pid: pid not in self.others)
            time.sleep(LOOK)


def environment(device: str) -> dict[str, str]:
    """The environment of processes that run losses: quiet, repeatable, and with the device that is asked for."""
    changes = {
        **limits.ONE_THREAD, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "tensorflow", "TF_FORCE_GPU_ALLOW_GROWTH": "true", "PYTHONUNBUFFERED": "1",
    }
    if device == "cpu":
        changes |= {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    elif device.startswith("gpu:"):
        changes["CUDA_VISIBLE_DEVICES"] = device.partition(":")[2]
    here = str(Path(__file__).parents[2])
    path = [here, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, **changes, "PYTHONPATH": os.pathsep.join(dict.fromkeys(path))}


def _forking(
    programs: Iterator[Program], options: Options, tell: Progress, folder: Path,
) -> Generator[tuple[Program, Evidence], None, None]:
    """Feed a server; where it dies another one goes on."""
    feed, failures = Feed(programs, options, tell), 0
    for number in count():
        server = Server(options, folder / f"server{number}")
        ready = False
        try:
            if not _may_fork(server, options):
                server.end()
                yield from _spawning(chain(feed.again.values(), programs), options, tell, folder)
                return
            ready = True
            if number == 0:
                tell("ready", None)
            yield from feed.through(server)
            return
        except ServerDied as error:
            failures += not ready
            if failures > 1:
                raise ServerDied(f"the process that runs losses cannot be started: {error}") from error
        finally:
            server.end()
        yield from feed.after_death()


def _may_fork(server: Server, options: Options) -> bool:
    """Wait until a server has imported its framework: whether that left it one thread.

    Raises:
        ConfirmError: the framework cannot be imported.
        ServerDied: the server ended.
    """
    hello = server.receive(START_SECONDS)
    if "failed" in hello:
        raise ConfirmError(f"{DESCRIPTIONS[options.framework].title} cannot be imported: {hello['failed']}")
    return bool(hello["threads"] == 1)


class Feed:
    """The programs on their way through a server, at most two a worker ahead.

    What a server dies of is run again by another one, one program at a time: where that dies as well the program is to
    blame, and the rest goes on.
    """

    def __init__(self, programs: Iterator[Program], options: Options, tell: Progress) -> None:
        self.programs, self.options, self.tell = programs, options, tell
        self.numbers = count()
        self.flying: dict[int, Program] = {}  # handed over
        self.again: dict[int, Program] = {}  # handed over to a server that died

    def through(self, server: Server) -> Iterator[tuple[Program, Evidence]]:
        """Hand over programs and give what is seen of each. Raises ServerDied."""
        while True:
            self._hand_over(server)
            if not self.flying:
                return
            message = server.receive(self.options.limits.seconds + SILENCE)
            program = self.flying.pop(message["index"])
            self.tell("finished", program)
            yield program, _evidence(message)

    def _hand_over(self, server: Server) -> None:
        if self.again and not self.flying:
            index = next(iter(self.again))
            self.flying[index] = self.again.pop(index)
            server.send(index, pickle.dumps(self.flying[index]))
        for program in islice(self.programs, 0 if self.again else 2 * self.options.workers - len(self.flying)):
            index = next(self.numbers)
            self.flying[index] = program
            self.tell("started", program)
            server.send(index, pickle.dumps(program))

    def after_death(self) -> Iterator[tuple[Program, Evidence]]:
        """Blame the program that was alone with a server; of several, each is to be run again."""
        if len(self.flying) > 1:
            self.again = {**self.flying, **self.again}
        elif self.flying:
            (program,) = self.flying.values()
            self.tell("finished", program)
            yield program, Evidence((KILLED,))
        self.flying = {}


def _evidence(message: dict[str, Any]) -> Evidence:
    death = Observation(Outcome(message["outcome"]), "", error=message["error"])
    return evidence(message["lines"], death, message["seconds"], message["cpu_seconds"])


# -- a fresh process per program


def _spawning(
    programs: Iterator[Program], options: Options, tell: Progress, folder: Path,
) -> Generator[tuple[Program, Evidence], None, None]:
    """Run each program in a process that imports the framework itself."""
    tell("ready", None)
    with ThreadPoolExecutor(options.workers) as pool:
        waiting = [
            (program, pool.submit(_spawn, program, options, folder / f"alone{index}"))
            for index, program in enumerate(programs)
        ]
        try:
            for program, done in waiting:
                seen = done.result()
                tell("finished", program)
                yield program, seen
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _spawn(program: Program, options: Options, scratch: Path) -> Evidence:
    scratch.mkdir()
    started = time.monotonic()
    numbers = [str(number) for number in dataclasses.astuple(options.limits)]
    payload = pickle.dumps(program)
    seconds = options.limits.seconds + IMPORT_SECONDS
    death = Observation(Outcome.TIMEOUT, "", error=f"still running after {seconds:g} s")
    process = subprocess.Popen(
        [sys.executable, "-m", "losslint.confirmation.child", str(scratch), options.device, *numbers],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(options.device),
    )
    try:
        said, _ = process.communicate(HEADER.pack(0, len(payload)) + payload, timeout=seconds)
        death = Observation(Outcome.CRASHED, "", error=_exit(process.returncode))
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
    shutil.rmtree(scratch, ignore_errors=True)
    return evidence(said.decode(errors="replace").splitlines(), death, time.monotonic() - started)


def _exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"the process left with exit code {code}"
