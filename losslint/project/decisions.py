"""What the user decides about losses: comments in the code and patterns in the configuration."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from losslint.project.index import Function
from losslint.project.module import Module

CALL_METHODS = ("call", "__call__", "forward")  # what a loss class does when it is called

_MARKER = re.compile(r"#\s*losslint:\s*(not-loss|loss)\b")


@dataclass(frozen=True)
class SiteOptions:
    """What the user decides: patterns on names, and the Keras the project runs on."""

    loss_functions: tuple[str, ...] = ()
    not_loss_functions: tuple[str, ...] = ()
    keras_version: int = 3
    runs: tuple[str, ...] = ("fit",)  # how the project runs its losses: fit | eager | tf.function


@dataclass(frozen=True)
class Decision:
    """The user's word on one piece of code."""

    is_loss: bool
    reason: str


class Decisions:
    """The user's word on the code of one file."""

    def __init__(self, module: Module, options: SiteOptions) -> None:
        self.module = module
        self.options = options
        self.markers: dict[int, bool] = {}
        if "losslint:" in module.text:
            found = {row: _MARKER.search(comment) for row, comment in module.comments.items()}
            self.markers = {row: match[1] == "loss" for row, match in found.items() if match}

    def on_function(self, function: Function) -> Decision | None:
        """A comment on the function or its class, or a pattern that matches its name."""
        home = self.module.index.scope(function)
        decision = self.on_code(function)
        if decision is None and isinstance(home, ast.ClassDef) and getattr(function, "name", "") in CALL_METHODS:
            decision = self.on_code(home)
        if decision is not None or not (self.options.loss_functions or self.options.not_loss_functions):
            return decision
        spelled = list(self._spellings(function))
        for is_loss, patterns in ((False, self.options.not_loss_functions), (True, self.options.loss_functions)):
            for pattern in patterns:
                if any(fnmatchcase(name, pattern) for name in spelled):
                    return Decision(is_loss, f"matches loss-functions = [{pattern!r}]")
        return None

    def on_code(self, node: ast.AST) -> Decision | None:
        """A comment on the lines of a header: from the first decorator to the colon, or alone on the line above."""
        if not self.markers:
            return None
        row: int = getattr(node, "lineno", 1)
        first = min([row, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
        body = getattr(node, "body", None)
        last = max(row, body[0].lineno - 1) if isinstance(body, list) else row
        above = self.markers.get(first - 1)
        if above is None or not self.module.lines[first - 2].lstrip().startswith("#"):
            above = next((self.markers[r] for r in range(first, last + 1) if r in self.markers), None)
        return None if above is None else Decision(above, f"marked with # losslint: {'loss' if above else 'not-loss'}")

    def _spellings(self, function: Function) -> Iterator[str]:
        if isinstance(function, ast.Lambda):
            yield from lambda_names(self.module.parents.get(function))
            return
        qualname = self.module.qualname(function)
        yield from (function.name, qualname, f"{self.module.name}.{qualname}")
        home = self.module.index.scope(function)
        if isinstance(home, ast.ClassDef) and function.name in CALL_METHODS:
            yield from (home.name, f"{self.module.name}.{home.name}")


def lambda_names(around: ast.AST | None) -> Iterator[str]:
    """The names that a lambda is bound to by the statement around it."""
    match around:
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
