"""What is run to confirm findings: code cut out of a file, and the inputs it is called with."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from losslint.confirmation.places import At, Place, Span, Spot, nested

if TYPE_CHECKING:
    from losslint.confirmation.trail import Step


@dataclass(frozen=True)
class TensorSpec:
    """One tensor argument.

    ``shape`` has no unknown dimensions; the first is the batch unless the loss says otherwise. ``dtype`` is spelled as
    NumPy does. ``values`` names what may stand in it: ``real``, ``logits``, ``probability`` (closed [0, 1]),
    ``simplex`` (rows are probabilities that sum to 1), ``binary``, ``onehot``, ``class`` (integers below ``classes``),
    ``positive``, ``nonnegative``, ``unit`` ([-1, 1]), ``mask``, ``weight``, ``image``, ``integer`` or ``constant``.
    ``low`` and ``high`` narrow them further; ``missing``: a number may be NaN, as the loss itself tests for it; ``marks``:
    numbers that may stand in it besides, as the loss singles them out: a label that is ignored; ``guessed``: all that is
    known of them is that a logarithm is taken.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    values: str = "real"
    role: str = "tensor"  # prediction | label | weight | tensor
    classes: int = 0
    low: float | None = None
    high: float | None = None
    missing: bool = False
    marks: tuple[float, ...] = ()
    guessed: bool = False

    @property
    def is_floating(self) -> bool:
        return self.dtype.startswith(("float", "bfloat"))


@dataclass(frozen=True)
class Claim:
    """One finding, as far as the child needs it: where, what, in which mode it is said to happen, and for which inputs."""

    code: str
    row: int
    end_row: int
    modes: tuple[str, ...] = ()  # eager | autograph | graph | fit | xla; empty: any
    expression: str = ""
    span: Span = ()
    example: tuple[tuple[str, float], ...] = ()  # argument -> the number that all of it holds

    @property
    def at(self) -> At:
        return {"row": self.row, "span": self.span}

    def covers(self, place: Spot | Place | Step) -> bool:
        """Whether something of the loss's own file happened in the expression that is meant."""
        return self.row <= place.row <= self.end_row and nested(self.span, place.span)


@dataclass(frozen=True)
class ModuleSlice:
    """What a program needs of another file of the project: imported as ``name``, its rows those of ``path``."""

    name: str
    path: Path
    tree: ast.Module


@dataclass(frozen=True)
class Program:
    """One loss, cut out of its file so that nothing else runs.

    ``tree`` holds the statements that are needed, with the line numbers they have in ``path``, and ends in an assignment
    to ``ENTRY``: a callable. How it is called, ``kind`` says:

    * ``loss``: ``entry(y_true, y_pred)`` with the first of ``inputs`` by position, as Keras calls a loss;
    * ``function``: ``entry(**inputs)``; the derivative is taken to every floating input with role prediction or tensor;
    * ``step``: ``entry(**inputs)`` takes one training step, the user's own tape and optimizer included. What it
      differentiates shows where ``GradientTape.gradient`` (``jacobian``, ``Optimizer.minimize``) is called;
    * ``model``: ``entry()`` returns a compiled Keras model and what ``fit`` is called with: ``(model, data)``.

    ``inputs`` are alternatives, the likeliest first: a ladder of shapes. Where nothing is passed it holds one empty
    tuple. ``modules`` are the project's other files as far as the tree imports from them: ``load.py`` lets the imports
    find them, so that no package's ``__init__`` and no training script runs. ``root`` is the folder of the top-level
    package, for what is imported by name at run time and for ``whole_file``.
    """

    path: Path
    name: str  # of the loss, as in Finding.loss
    tree: ast.Module
    kind: str
    inputs: tuple[tuple[TensorSpec, ...], ...]
    framework: str = "tensorflow"
    root: Path | None = None
    module: str = ""  # the dotted name of the file, for relative imports
    modules: tuple[ModuleSlice, ...] = ()
    called_by_keras: bool = False
    claims: tuple[Claim, ...] = ()
    whole_file: bool = False  # run the real module instead of the slice
    seed: int = 0
    run_eagerly: bool = False  # by its file: what tracing makes of it, nobody sees
    calls_models: bool = False  # whose weights are trained, where the gradient is taken to what the loss is given
    untrained: bool = False  # the variables that are trained keep their first values, the arguments are data
    stated: frozenset[str] = frozenset()  # the inputs that the user says the shapes of
    assumed: tuple[str, ...] = ()  # what the file does not say and is made up: settings, models
    notes: tuple[str, ...] = field(default=())  # how it was put together, for the reader

    @property
    def marks(self) -> frozenset[float]:
        """The numbers that the loss itself singles out."""
        return frozenset(mark for rung in self.inputs for spec in rung for mark in spec.marks)


ENTRY = "__losslint_entry__"


@dataclass(frozen=True)
class NotSliced:
    """Why a loss cannot be cut out of its file."""

    path: Path
    name: str
    reason: str
