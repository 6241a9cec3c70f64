"""What a child may use, and how it is kept apart: it runs code that nobody has read.

Everything here runs in the server or the child and needs no framework. What a system does not offer is left out: the
wall clock always holds, as the server kills by it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

SET_DEATH_SIGNAL, SET_CHILD_SUBREAPER = 1, 36  # prctl(2)
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000  # unshare(2)
NO_NEW_PRIVILEGES = 38  # prctl(2)
CREATE_RULES, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls of landlock(7), the same on all processors
BELOW_PATH, ABI_VERSION = 1, 1  # kind of rule, flag
WRITE_FILE, MAKES_AND_REMOVES, REFER, TRUNCATE = 1 << 1, 0b111111111 << 4, 1 << 13, 1 << 14
THREAD_SPACE = 160 << 20  # address space that a thread takes: stack, arena
NOWHERE = "http://127.0.0.1:9"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1",
)


@dataclass(frozen=True)
class Limits:
    """What one program may use. ``memory`` counts what it takes beyond the framework itself."""

    seconds: float = 60.0  # on a busy machine a short time is a matter of chance; loops end by the next one
    cpu_seconds: int = 20
    memory: int = 4 << 30
    output: int = 16 << 20  # bytes of any one file, standard output and error among them
    processes: int = 8


def confine(limits: Limits, scratch: Path, parent: int) -> None:
    """Limit and isolate this process, a fresh child of ``parent``, for good.

    Its working directory, HOME and temporary files lie in ``scratch``, standard output and error in
    ``scratch/../<name>.output``; there is no standard input.
    """
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    _control(SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it died before the signal was asked for
    redirect(output_of(scratch))
    os.chdir(scratch)
    os.environ.update(HOME=str(scratch), TMPDIR=str(scratch), XDG_CACHE_HOME=str(scratch), USERPROFILE=str(scratch))
    tempfile.tempdir = None
    _limit(limits)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    write_only_below(scratch)
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(limits.seconds) + 5)  # for the case that nobody is left to look at the clock


def output_of(scratch: Path) -> Path:
    """Where the child with this scratch folder prints to."""
    return scratch.with_suffix(".output")


def redirect(output: Path) -> None:
    """Close standard input and send standard output and error to a file."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    printed = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.close(nothing)
    os.close(printed)


def _limit(limits: Limits) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it: a flood would be an OSError in the user's print
    wanted = {
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.output,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: address_space() + limits.memory + 2 * (os.cpu_count() or 1) * THREAD_SPACE,
    }
    for kind, most in wanted.items():
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, hard))


def write_only_below(folder: Path) -> bool:
    """Let this process and its descendants make, change and remove files in ``folder`` alone, and write to devices.
    False: the system has no Landlock."""
    call = _libc_function("syscall")
    version = -1 if call is None else call(CREATE_RULES, None, ctypes.c_size_t(0), ABI_VERSION)
    if call is None or version < 1:
        return False
    rights = WRITE_FILE | MAKES_AND_REMOVES | (REFER if version > 1 else 0) | (TRUNCATE if version > 2 else 0)
    rules = call(CREATE_RULES, ctypes.byref(ctypes.c_uint64(rights)), ctypes.c_size_t(8), 0)
    for place, allowed in ((folder, rights), (Path("/dev"), WRITE_FILE)):
        below = os.open(place, os.O_PATH | os.O_CLOEXEC)
        rule = ctypes.create_string_buffer(struct.pack("=Qi", allowed, below))
        call(ADD_RULE, rules, BELOW_PATH, rule, 0)
        os.close(below)
    _control(NO_NEW_PRIVILEGES, 1)
    restricted = call(RESTRICT_SELF, rules, 0) == 0
    os.close(rules)
    return restricted


def address_space() -> int:
    """Bytes this process maps; where nobody says, more than any framework does."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 64 << 30


def resident(pid: int) -> int:
    """Bytes of memory a process holds, 0 where it is gone or nobody says."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def threads() -> int:
    """Number of threads of this process that the system knows of: forking is safe with one."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        import threading

        return threading.active_count()


def children(pid: int) -> list[int]:
    """The processes that a process has started, as far as the system tells."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def adopt_orphans(adopt: bool = True) -> None:
    """Become the parent of what descendants leave behind, so that it can be found and ended; or do so no more."""
    _control(SET_CHILD_SUBREAPER, int(adopt))


def end_children(which: Callable[[int], bool]) -> None:
    """Kill some of the children of this process, and what they leave to it."""
    for _ in range(100):
        found = [pid for pid in children(os.getpid()) if which(pid)]
        for pid in found:
            kill(pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        if not found:
            return


def kill(pid: int) -> None:
    """End a process and its group."""
    for end in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(pid, signal.SIGKILL)


def leave_network() -> bool:
    """Move this process and its descendants into a network of their own, without a way out. False: not permitted.

    A user namespace is only used where no accelerator is present, as drivers may refuse to work in one.
    """
    unshare = _libc_function("unshare")
    if unshare is None:
        return False
    if unshare(NEW_NETWORK) == 0:
        return True
    if any(Path("/dev").glob("nvidia*")) or Path("/dev/kfd").exists():
        return False
    user, group = os.getuid(), os.getgid()
    if unshare(NEW_USER | NEW_NETWORK) != 0:
        return False
    with contextlib.suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return True


def refuse_connections() -> None:
    """Where the system does not take the network away, Python does: enough for downloads, not for malice."""
    proxies = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy")
    os.environ.update({name: NOWHERE for proxy in proxies for name in (proxy, proxy.upper())})
    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, _refuse)
    socket.getaddrinfo = _refuse


def _refuse(*_: object, **__: object) -> NoReturn:
    raise OSError("there is no network while a loss is confirmed")


def _control(option: int, value: int) -> None:
    function = _libc_function("prctl")
    if function is not None:
        function(option, value, 0, 0, 0)


def _libc_function(name: str) -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    function: Callable[..., int] | None = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    return function
