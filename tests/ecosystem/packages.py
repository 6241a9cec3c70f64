"""The published packages: pinned, downloaded once, unpacked."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

PINNED = Path(__file__).with_name("packages.txt")
PIN = re.compile(r"^(\S+)==(\S+) \\\n +--hash=sha256:([0-9a-f]{64})$", re.MULTILINE)

# one platform for everyone: the files are read, not run, and without dependencies it matters little which it is
TARGET = ("--python-version=3.11", *(f"--platform=manylinux_2_{minor}_x86_64" for minor in (17, 24, 28)))


class Unavailable(Exception):
    """A package that cannot be had: one line that says why."""


@dataclass(frozen=True)
class Package:
    """One release, and the hash of its wheel."""

    name: str
    version: str
    sha256: str

    def root(self, cache: Path) -> Path:
        """Where its files lie: as installed, so that its metadata says which Keras it is written for."""
        return cache / str(self) / "site-packages"

    def __str__(self) -> str:
        return f"{self.name}-{self.version}"


def pinned() -> dict[str, Package]:
    """Name -> package, in the order of the file."""
    return {name: Package(name, version, sha256) for name, version, sha256 in PIN.findall(PINNED.read_text())}


def fetch(packages: list[Package], cache: Path) -> None:
    """Make the wheels and their unpacked files lie in ``cache``; nothing is downloaded that is there already.

    Raises:
        Unavailable: pip cannot download them, or what it finds has another hash.
    """
    wheels = cache / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    missing = [package for package in packages if not package.root(cache).is_dir()]
    if not missing:
        return
    if any(package.sha256 not in known(wheels) for package in missing):
        download(wheels)
    files = known(wheels)
    for package in missing:
        unpack(files[package.sha256], package.root(cache))


def known(wheels: Path) -> dict[str, Path]:
    """Hash -> wheel."""
    return {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in wheels.glob("*.whl")}


def download(wheels: Path) -> None:
    """All pinned wheels. pip finds the index, checks the hashes, and of wheels runs nothing.

    Raises:
        Unavailable: it could not; its own last words.
    """
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes")
    done = subprocess.run([*pip, *TARGET, "-r", str(PINNED), "-d", str(wheels)], capture_output=True, text=True)
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise Unavailable(words[-1] if words else "pip download failed")


def unpack(wheel: Path, folder: Path) -> None:
    """The wheel's files below ``folder``, which appears only once they are complete."""
    partial = folder.with_name(folder.name + ".partial")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(partial)  # never leaves the folder: zipfile drops drives and ".."
    partial.replace(folder)
