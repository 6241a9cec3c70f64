"""What ran on the way to a value, operation by operation, and how a derivative goes through it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from losslint.confirmation.places import Place, Span

if TYPE_CHECKING:
    from losslint.confirmation.frameworks.base import Framework


@dataclass(frozen=True, eq=False)
class Step:
    """One operation that ran."""

    op: str
    inputs: list[Any]
    outputs: list[Any]
    path: str
    row: int
    span: Span = ()

    @property
    def place(self) -> Place:
        return Place(self.path, self.row, self.op, self.span)


@dataclass
class Trail:
    """Everything that ran on the way to a value."""

    framework: Framework
    trained: list[Any] = field(default_factory=list)  # the tensors that the derivative is taken to
    steps: list[Step] = field(default_factory=list)
    escapes: list[tuple[Place, Any]] = field(default_factory=list)  # where and how, which tensor
    value: Any = None
    error: str = ""
    tape: Any = None  # what the framework takes derivatives with

    # Tensors are told apart by id: ``steps`` keeps them alive.

    def gradient(self, target: Any, sources: Sequence[Any], upstream: Any = None) -> list[Any]:
        """Derivatives, None where there is none and where an operation has no registered gradient."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.framework.derivatives(self, target, sources, upstream)

    @property
    def dependent(self) -> set[int]:
        """Ids of what is computed from a trained tensor, whether or not a derivative gets through."""
        found = {id(t) for t in self.trained}
        for step in self.steps:
            if step.op not in self.framework.of_the_shape and any(id(t) in found for t in step.inputs):
                found |= {id(t) for t in step.outputs}
        return found

    @property
    def needed(self) -> set[int]:
        """Ids of what the value is computed from."""
        found = {id(t) for t in flat(self.value)}
        for step in reversed(self.steps):
            if any(id(t) in found for t in step.outputs):
                found |= {id(t) for t in step.inputs}
        return found

    def on_the_way(self) -> list[Step]:
        """The steps between the trained tensors and the value."""
        dependent, needed = self.dependent, self.needed
        return [
            s for s in self.steps
            if s.op not in self.framework.of_the_shape
            and any(id(t) in dependent for t in s.inputs)
            and any(id(t) in needed for t in s.outputs)
        ]  # fmt: skip


def flat(value: Any) -> list[Any]:
    """The leaves of nested lists and tuples."""
    if isinstance(value, (list, tuple)):
        return [item for part in value for item in flat(part)]
    return [value]
