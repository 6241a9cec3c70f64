"""The losses that are mutated: from pinned releases of published packages, and the clean fixtures of this repository."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from losslint.target import parse_toml
from tests.ecosystem.packages import fetch, pinned
from tests.mutation.excerpt import excerpt

HERE = Path(__file__).parent
CACHE = user_cache_path("losslint", appauthor=False)

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
    path: Path  # where the text stands for losslint: beside the package, as a file of a user that imports from it
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
            text = (unpacked[package] / file).read_text(encoding="utf-8")
            module = file.removesuffix(".py").replace("/", ".")
            beside = unpacked[package] / f"excerpt_of_{module.rpartition('.')[2]}.py"
            yield Subject(package, beside, module, loss, inputs, cut(text, loss, module.rpartition(".")[0]))


def corpus() -> dict[str, Any]:
    return parse_toml((HERE / "corpus.toml").read_text(encoding="utf-8"))


def cut(text: str, loss: str, package: str = "") -> str:
    """What a module's loss needs, and the rows that train a model with it."""
    defined = {name for s in ast.parse(text).body if isinstance(s, ast.FunctionDef | ast.ClassDef) for name in [s.name]}
    used = {n.id for n in ast.walk(ast.parse(loss, mode="eval")) if isinstance(n, ast.Name)}
    kept = excerpt(text, sorted(used & defined), package)
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
        Unavailable: pip cannot download them.
    """
    packages = [pinned()[name] for name in corpus()]
    fetch(packages, CACHE / "ecosystem")
    return {package.name: package.root(CACHE / "ecosystem") for package in packages}
