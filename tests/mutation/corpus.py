"""The losses that are mutated: from pinned releases of published packages, and the clean fixtures of this repository."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os import environ
from pathlib import Path
from typing import Any

from losslint.target import parse_toml
from tests.mutation.excerpt import excerpt

HERE = Path(__file__).parent
CACHE = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "losslint")

# Every loss is used like this: compiled into a model that is trained with weights. What is wrong with a loss may depend
# on that; and losslint is told the same story as TensorFlow.
USE = """

def train_it(model, images, labels, weights):
    model.compile("adam", loss={loss})
    model.fit(images, labels, sample_weight=weights)
"""


@dataclass(frozen=True)
class Subject:
    """One loss: a module cut down to it, where the module lies, and how the loss is spelled and fed."""

    package: str
    path: Path  # of the module the text was cut out of
    module: str
    loss: str
    inputs: str
    text: str = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.package}: {self.loss}"


def subjects(unpacked: Mapping[str, Path]) -> Iterator[Subject]:
    """The losses of the packages that were unpacked into these folders."""
    for package, told in corpus().items():
        for file, loss, inputs in told["losses"]:
            path = unpacked[package] / file
            text = path.read_text(encoding="utf-8")
            yield Subject(package, path, file.removesuffix(".py").replace("/", "."), loss, inputs, cut(text, loss))


def corpus() -> dict[str, Any]:
    return parse_toml((HERE / "corpus.toml").read_text(encoding="utf-8"))


def cut(text: str, loss: str) -> str:
    """What a module's loss needs, and the rows that train a model with it."""
    defined = {name for s in ast.parse(text).body if isinstance(s, ast.FunctionDef | ast.ClassDef) for name in [s.name]}
    used = {n.id for n in ast.walk(ast.parse(loss, mode="eval")) if isinstance(n, ast.Name)}
    kept = excerpt(text, sorted(used & defined))
    imports = [line for name, line in LIBRARIES.items() if name in used and line not in kept]
    return with_imports(kept, imports) + USE.format(loss=loss)


LIBRARIES = {"K": "from tensorflow.keras import backend as K", "np": "import numpy as np"}


def with_imports(text: str, lines: list[str]) -> str:
    """The text with more imports, after those from the future."""
    rows = text.splitlines(keepends=True)
    after = max((i + 1 for i, row in enumerate(rows) if row.startswith("from __future__")), default=0)
    return "".join([*rows[:after], *(line + "\n" for line in lines), *rows[after:]])


def unpack() -> dict[str, Path]:
    """Package -> the folder its pinned wheel is unpacked into; downloaded when it is not there yet.

    Raises:
        SystemExit: a wheel cannot be had, or is not the one that was pinned.
    """
    folders = {}
    for name, told in corpus().items():
        folder = CACHE / "packages" / f"{name}-{told['version']}"
        if not folder.exists():
            _download(name, told["version"], told["sha256"], folder)
        folders[name] = folder
    return folders


def _download(name: str, version: str, sha256: str, folder: Path) -> None:
    wheels = folder.with_name(folder.name + ".wheel")
    wheels.mkdir(parents=True, exist_ok=True)
    pinned = wheels / "requirements.txt"
    pinned.write_text(f"{name}=={version} --hash=sha256:{sha256}\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
    ]
    for python in ("3.11", "3.10"):  # some wheels are for one version; nothing of them is compiled that a loss needs
        place = [
            "--python-version",
            python,
            "--platform",
            "manylinux2014_x86_64",
            "--platform",
            "manylinux_2_28_x86_64",
        ]
        done = subprocess.run([*command, *place, "-r", str(pinned), "-d", str(wheels)], capture_output=True, text=True)
        if done.returncode == 0:
            break
    else:
        raise SystemExit(f"cannot download {name} {version}: {done.stderr.strip().splitlines()[-1]}")
    [wheel] = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
