"""The losses of ``faulty.py`` and ``clean.py`` with what their comments say."""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from losslint.confirmation.failures import UserFiles
from losslint.confirmation.program import Claim, TensorSpec

if TYPE_CHECKING:
    from losslint.confirmation.probes import Loss

HERE = Path(__file__).parent
TAKES = re.compile(r"# takes: (\w+), (\w+)")
FAILS = re.compile(r"# fails: (\w+)")
ASKED = re.compile(r"# asked")


@dataclass(frozen=True)
class Known:
    """One loss with the truth about it."""

    name: str
    path: Path
    specs: tuple[TensorSpec, TensorSpec]
    rows: dict[int, str]  # row -> the mode it fails in; "" in clean files

    @cached_property
    def loss(self) -> Loss:
        from losslint.confirmation.probes import Loss

        module = importlib.import_module(f"tests.confirm.{self.path.stem}")
        return Loss(getattr(module, self.name), UserFiles(self.path, HERE))

    def claims(self, modes: bool = True) -> list[Claim]:
        return [
            Claim("LL305" if mode == "xla" else "LL301", row, row, (mode,) if mode == "graph" and modes else ())
            for row, mode in self.rows.items()
        ]


def known(stem: str) -> list[Known]:
    """All losses of a file; rows of helpers count for the losses that call them."""
    path = HERE / f"{stem}.py"
    text = path.read_text()
    lines = text.splitlines()
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    rows: dict[str, dict[int, str]] = {}
    for node in functions:
        found = {row: lines[row - 1] for row in range(node.lineno, (node.end_lineno or 0) + 1)}
        rows[node.name] = {r: m.group(1) for r, line in found.items() if (m := FAILS.search(line))}
        rows[node.name] |= {r: "" for r, line in found.items() if ASKED.search(line)}
    losses = []
    for node in functions:
        takes = TAKES.search(lines[node.lineno - 1])
        if takes:
            called = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & rows.keys()
            own = {row: mode for name in sorted(called | {node.name}) for row, mode in rows[name].items()}
            losses.append(Known(node.name, path, specs(takes[1], takes[2]), own))
    return losses


def specs(label: str, prediction: str, shape: tuple[int, ...] = (4, 3)) -> tuple[TensorSpec, TensorSpec]:
    """A label and a prediction of four rows."""
    of_label = shape[:1] if label == "class" else shape
    return (
        TensorSpec("y_true", of_label, "float32", label, "label", classes=shape[-1]),
        TensorSpec("y_pred", shape, "float32", prediction, "prediction"),
    )
