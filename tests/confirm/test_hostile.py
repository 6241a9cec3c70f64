"""User code that attacks its process, or ours: the run goes on, says what happened, and leaves nothing behind.

Real processes throughout. The quick ones need no framework: they run plain Python through the same server.
"""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from losslint.confirmation import client
from losslint.confirmation.client import ConfirmError, FrameworkMissing, Options, ServerDied
from losslint.confirmation.limits import Limits
from losslint.confirmation.observation import Evidence, Observation, Outcome
from losslint.confirmation.program import ENTRY, Program

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
LIMITS = Limits(seconds=60.0, cpu_seconds=60, memory=256 << 20, output=1 << 20, processes=4)
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
FINE = "def entry(): return 1"


def program(source: str, name: str = "hostile", framework: str = "none") -> Program:
    """A program whose entry is the function ``entry`` of a text."""
    tree = ast.parse(textwrap.dedent(source) + f"\n{ENTRY} = entry\n")
    return Program(Path(f"{name}.py"), name, tree, "function", ((),), framework=framework)


def run(*sources: str, jobs: int = 2, limits: Limits = LIMITS) -> list[Evidence]:
    """The evidence of some texts, in their order."""
    programs = [program(source, str(index)) for index, source in enumerate(sources)]
    found = {done.name: seen for done, seen in client.run(programs, Options(jobs, limits=limits, framework="none"))}
    return [found[one.name] for one in programs]


def last(source: str, limits: Limits = LIMITS) -> Observation:
    """The last observation of a text; another program of the same server must be fine before and after."""
    before, seen, after = run(FINE, source, FINE, jobs=1, limits=limits)
    assert [o.outcome for e in (before, after) for o in e.observations] == [Outcome.FINE, Outcome.FINE]
    return seen.observations[-1]


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After each test: no scratch folder and no process that carries the test's mark in its environment or its command."""
    monkeypatch.setenv("LOSSLINT_TEST_MARK", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield
    deadline = time.monotonic() + 10
    while (rest := (leftovers(tmp_path), [p.name for p in tmp_path.glob("losslint-*")])) != ([], []):
        assert time.monotonic() < deadline, rest
        time.sleep(0.05)


def leftovers(mark: Path) -> list[int]:
    """Processes other than this one that were started with the mark, or are told it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        try:
            environment, command = ((entry / name).read_bytes().split(b"\0") for name in ("environ", "cmdline"))
            if f"LOSSLINT_TEST_MARK={mark}".encode() in environment or str(mark).encode() in command:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def write_only_below_works() -> bool:
    """Whether the system keeps a process to one folder; asked in a process that is given up."""
    ask = "import pathlib, sys, tempfile; from losslint.confirmation import limits;" \
          "sys.exit(not limits.write_only_below(pathlib.Path(tempfile.gettempdir())))"
    return subprocess.run([sys.executable, "-c", ask], check=False).returncode == 0


def test_an_infinite_loop_is_a_timeout() -> None:
    started = time.monotonic()
    seen = last("def entry():\n while True: pass", Limits(seconds=1.0))
    assert (seen.outcome, seen.mode, seen.error) == (Outcome.TIMEOUT, "eager", "still running after 1 s")
    assert time.monotonic() - started < 30


def test_cpu_time_counts_in_all_threads() -> None:
    seen = last("def entry():\n while True: pass", Limits(seconds=60.0, cpu_seconds=1))
    assert (seen.outcome, seen.error) == (Outcome.TIMEOUT, "took more than 1 s of CPU time")


def test_a_loop_while_loading() -> None:
    seen = last("while True: pass\nentry = 1", Limits(seconds=0.5))
    assert (seen.outcome, seen.mode) == (Outcome.TIMEOUT, "load")


def test_os_exit() -> None:
    seen = last("import os\ndef entry(): os._exit(0)")
    assert (seen.outcome, seen.error) == (Outcome.CRASHED, "the process left with exit code 0")


@pytest.mark.parametrize("leave", ["sys.exit(3)", "raise SystemExit(3)", "raise KeyboardInterrupt"])
def test_sys_exit_tells_the_row(leave: str) -> None:
    seen = last(f"import sys\ndef entry():\n    {leave}")
    assert (seen.outcome, seen.row) == (Outcome.CRASHED, 3)
    assert seen.error.startswith(("SystemExit: 3", "KeyboardInterrupt"))


@pytest.mark.parametrize(("number", "name"), [(signal.SIGKILL, "SIGKILL"), (signal.SIGTERM, "SIGTERM")])
def test_killed(number: int, name: str) -> None:
    seen = last(f"import os\ndef entry(): os.kill(os.getpid(), {int(number)})")
    assert (seen.outcome, seen.error) == (Outcome.CRASHED, name)


def test_segfault() -> None:
    seen = last("import ctypes\ndef entry(): ctypes.string_at(0)")
    assert (seen.outcome, seen.error) == (Outcome.CRASHED, "SIGSEGV")


@LINUX
def test_memory() -> None:
    asked = last("def entry(): return bytearray(10 << 30)")
    assert asked.outcome is Outcome.OUT_OF_MEMORY, asked
    taken = last("def entry():\n rest = []\n while True: rest.append(bytearray(b'x') * (8 << 20))")
    assert taken.outcome is Outcome.OUT_OF_MEMORY, taken


@LINUX
def test_fork_loop() -> None:
    seen = last("import os\ndef entry():\n while True: os.fork()")
    assert (seen.outcome, seen.error) == (Outcome.CRASHED, "starts more than 4 processes")


@LINUX
def test_processes_that_leave_the_group_are_ended() -> None:
    seen = last("""
    import os, time
    def entry():
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(1000)
            os._exit(0)
        os.wait()
    """)
    assert seen.outcome is Outcome.FINE


@LINUX
def test_processes_that_outlive_the_server_are_ended() -> None:
    seen = last("""
    import os, signal, time
    def entry():
        if os.fork() == 0:
            os.setsid()
            time.sleep(1000)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(1000)
    """)
    assert (seen.outcome, seen.error) == (Outcome.CRASHED, client.KILLED.error)


@LINUX
def test_a_process_that_hides_and_kills_the_server_is_ended(tmp_path: Path) -> None:
    seen = last(f"""
    import os, signal, sys, time
    def entry():
        if os.fork() == 0:
            os.setsid()
            os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(1000)", {str(tmp_path)!r}], {{}})
        time.sleep(0.5)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(1000)
    """)
    assert (seen.outcome, seen.error) == (Outcome.CRASHED, client.KILLED.error)


def test_a_flood_of_output() -> None:
    seen = last("def entry():\n while True: print('x' * 10000)")
    assert (seen.outcome, seen.error) == (Outcome.CRASHED, "SIGXFSZ: wrote more than 1 MB")


def test_a_thread_that_never_ends() -> None:
    seen = last("""
    import threading, time
    def entry():
        threading.Thread(target=lambda: time.sleep(1000)).start()
    """)
    assert seen.outcome is Outcome.FINE


def test_a_child_that_sleeps_in_its_exit_handler() -> None:
    seen = last("import atexit, time\natexit.register(time.sleep, 1000)\ndef entry(): pass")
    assert seen.outcome is Outcome.FINE


def test_files_land_in_the_scratch_folder(tmp_path: Path) -> None:
    seen = last(f"""
    import os, pathlib, tempfile
    def entry():
        pathlib.Path("relative.txt").write_text("x")
        pathlib.Path.home().joinpath("home.txt").write_text("x")
        open(tempfile.mkstemp()[1], "w").write("x")
        here = pathlib.Path.cwd()
        assert here.is_relative_to({str(tmp_path)!r}), here
        assert {{p.name for p in here.iterdir()}} >= {{"relative.txt", "home.txt"}}, list(here.iterdir())
        assert pathlib.Path.home() == here == pathlib.Path(tempfile.gettempdir())
    """)
    assert (seen.outcome, seen.error) == (Outcome.FINE, "")
    assert not list(tmp_path.rglob("*.txt"))
    assert not Path("relative.txt").exists()


@pytest.mark.skipif(not write_only_below_works(), reason="needs Landlock")
@pytest.mark.parametrize("attack", [
    "open(there / 'new.txt', 'w')", "open(there / 'old.txt', 'a')", "os.truncate(there / 'old.txt', 0)",
    "os.remove(there / 'old.txt')", "os.rename(there / 'old.txt', 'mine.txt')", "(there / 'folder').mkdir()",
    "(there / 'link').symlink_to('old.txt')", "shutil.rmtree(there)",
    "subprocess.run(['rm', there / 'old.txt'], check=True)", "open('/dev/shm/losslint-test', 'w')",
])  # fmt: skip
def test_nothing_is_written_outside_of_the_scratch_folder(attack: str, tmp_path: Path) -> None:
    old = tmp_path / "old.txt"
    old.write_text("as it was")
    seen = last(f"""
    import os, pathlib, shutil, subprocess
    there = pathlib.Path({str(tmp_path)!r})
    def entry():
        {attack}
    """)
    assert seen.outcome is Outcome.RAISES, seen
    assert seen.error.startswith(("PermissionError", "OSError", "CalledProcessError")), seen.error
    assert old.read_text() == "as it was"
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("losslint-")] == ["old.txt"]


def test_within_the_scratch_folder_all_goes() -> None:
    seen = last("""
    import os, pathlib, subprocess
    def entry():
        pathlib.Path("a/b").mkdir(parents=True)
        pathlib.Path("a/b/c.txt").write_text("x")
        os.rename("a/b/c.txt", "a/d.txt")
        os.truncate("a/d.txt", 0)
        os.remove("a/d.txt")
        subprocess.run([f"echo x > {os.devnull}"], shell=True, check=True)
    """)
    assert (seen.outcome, seen.error) == (Outcome.FINE, "")


def test_there_is_nothing_to_read() -> None:
    seen = last("def entry(): input()")
    assert seen.error.startswith("EOFError")


def test_there_is_no_network() -> None:
    seen = last("import socket\ndef entry(): socket.create_connection(('192.0.2.1', 80), timeout=3)")
    assert seen.outcome is Outcome.RAISES
    assert seen.error.startswith("OSError"), seen.error


def test_an_exception_while_loading_tells_the_row() -> None:
    seen = last("x = 1\ny = x / 0\ndef entry(): pass")
    assert (seen.outcome, seen.mode, seen.row) == (Outcome.NOT_RUN, "load", 2)
    assert seen.error == "ZeroDivisionError: division by zero"


def test_what_cannot_be_told_is_no_crash_of_ours() -> None:
    seen = last("class Odd(Exception):\n def __str__(self): raise ValueError\ndef entry(): raise Odd")
    assert seen.outcome in (Outcome.RAISES, Outcome.NOT_RUN, Outcome.CRASHED)


def test_children_run_side_by_side() -> None:
    started = time.monotonic()
    seen = run(*["import time\ndef entry(): time.sleep(3)"] * 4, jobs=4)
    assert [o.outcome for e in seen for o in e.observations] == [Outcome.FINE] * 4
    assert time.monotonic() - started < 12


def test_a_server_that_dies_once_is_replaced() -> None:
    once = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    threading.Thread(target=once.wait).start()  # so that it is gone as soon as it is killed
    kill = f"""
    import os, signal
    def entry():
        try:
            os.kill({once.pid}, signal.SIGKILL)
        except ProcessLookupError:
            return
        os.kill(os.getppid(), signal.SIGKILL)
    """
    assert [o.outcome for e in run(kill, FINE, jobs=1) for o in e.observations] == [Outcome.FINE] * 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_kills_the_server_is_told_and_the_rest_goes_on(number: signal.Signals) -> None:
    kill = f"import os, time\ndef entry():\n os.kill(os.getppid(), {int(number)})\n time.sleep(60)"
    slow = "import time\ndef entry(): time.sleep(0.5)"
    *others, killer, last = run(FINE, slow, slow, slow, kill, FINE)
    assert [o.outcome for e in (*others, last) for o in e.observations] == [Outcome.FINE] * 5
    (seen,) = killer.observations
    assert (seen.outcome, seen.error) == (Outcome.CRASHED, "the process that runs losses was killed")


def test_several_that_kill_the_server() -> None:
    kill = "import os\ndef entry(): os.kill(os.getppid(), 9)"
    found = run(kill, FINE, kill, FINE, kill, jobs=1)
    assert [o.outcome for e in found for o in e.observations] == [Outcome.CRASHED, Outcome.FINE] * 2 + [Outcome.CRASHED]


@LINUX
def test_a_server_that_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENCE", 1.0)
    monkeypatch.setattr(client, "END_SECONDS", 0.5)
    stop = "import os, signal\ndef entry(): os.kill(os.getppid(), signal.SIGSTOP)"
    found = run(stop, FINE, jobs=1, limits=Limits(seconds=2.0))
    assert [o.outcome for e in found for o in e.observations] == [Outcome.CRASHED, Outcome.FINE]


def test_a_server_that_cannot_be_started_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the framework logs is not what went wrong."""
    broken = "print('I0000 00:00:1795 cudart_stub.cc:31] no cuda'); import sys; sys.exit(3)"
    original = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: original([sys.executable, "-c", broken], **options))
    with pytest.raises(ServerDied) as raised:
        run(FINE)
    assert str(raised.value) == "the process that runs losses cannot be started: the process left with exit code 3"


def test_a_missing_framework_is_told_with_the_command() -> None:
    with pytest.raises(FrameworkMissing, match=r"not_a_framework is not installed for .* -m pip install"):
        list(client.run([program(FINE)], Options(framework="not_a_framework")))
    assert issubclass(FrameworkMissing, ConfirmError)


def test_no_program_needs_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    assert list(client.run([], Options(framework="none"))) == []


def test_leaving_early_ends_everything() -> None:
    sources = [FINE, *["import time\ndef entry(): time.sleep(1000)"] * 3]
    found = client.run([program(source) for source in sources], Options(2, framework="none"))
    assert next(found)[1].observations[0].outcome is Outcome.FINE
    found.close()


def test_progress_is_told() -> None:
    told: list[str] = []
    list(client.run([program(FINE)], Options(framework="none"), lambda what, one: told.append(f"{what} {one and one.name}")))
    assert told == ["ready None", "started hostile", "finished hostile"]


PARENT = """
import signal
from tests.confirm.test_hostile import program
from losslint.confirmation import client
from losslint.confirmation.limits import Limits
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background of a shell ignores it
sleeping = program("import time\\nprint(1)\\ndef entry(): time.sleep(1000)")
for _ in client.run([sleeping] * 3, client.Options(2, limits=Limits(100.0), framework="none"),
                    lambda what, _: print(what, flush=True)):
    pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_parent_that_ends_takes_all_with_it(number: signal.Signals, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=Path.cwd(),
    )
    assert parent.stdout is not None
    with parent, parent.stdout:
        while "started" not in parent.stdout.readline():
            assert parent.poll() is None
        time.sleep(0.5)
        if sys.platform.startswith("linux"):
            assert len(leftovers(tmp_path)) >= 3  # itself, the server, children
        parent.send_signal(number)
        parent.wait(10)


def test_without_fork_each_program_gets_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    fine, loop, killed = run(
        FINE, "def entry():\n while True: pass", "import os\ndef entry(): os.kill(os.getpid(), 9)",
        limits=Limits(seconds=30.0, cpu_seconds=1),
    )
    assert fine.observations[-1].outcome is Outcome.FINE
    assert loop.observations[-1].outcome in (Outcome.TIMEOUT, Outcome.CRASHED)
    assert killed.observations[-1].outcome is Outcome.CRASHED
