"""What TensorFlow says about the patterns: every loss of a pattern file, run eagerly and traced as Keras 3 traces it.

A loss is a name of the file that takes a label and a prediction: a function, a partial, an instance or class of a
``keras.losses.Loss``. ``# truth:`` in its definition names the inputs it is made for (one of ``INPUTS``) and how to take
the result:

* ``eager``: it is only ever run eagerly, so that tracing says nothing about it;
* ``no gradient``: it has none, on purpose;
* ``full batches``: it is meant for a known batch size;
* ``skip``: it cannot be run by itself.

Functions that end in ``_step`` and take ``(model, optimizer, x, y)`` are training steps: they must move the weights.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.expectations import EXPECT

HERE = Path(__file__).parent
TRUTH = re.compile(r"#\s*truth:\s*(.+)")
PAIRS = {
    ("y_true", "y_pred"), ("labels", "logits"), ("labels", "predictions"), ("target", "output"), ("y", "p"), ("y", "f"),
    ("y_true", "logits"), ("targets", "outputs"), ("real", "generated"), ("y_actual", "y_predicted"),
    ("labels", "embeddings"), ("target", "prediction"), ("yTrue", "yPred"), ("y", "y_hat"),
}  # fmt: skip
BATCH, ROWS = 6, 3

# -- the parts of a pattern file


@dataclass(frozen=True)
class Unit:
    """One top-level statement of a pattern file: a loss, a helper, a class; the loose rows are one unit named module."""

    name: str
    first: int
    last: int
    uses: frozenset[str]
    truth: tuple[str, ...]
    is_definition: bool

    def __contains__(self, row: int) -> bool:
        return self.first <= row <= self.last


@dataclass(frozen=True)
class PatternFile:
    """A pattern file, taken apart."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def units(self) -> dict[str, Unit]:
        units: dict[str, Unit] = {}
        lines = self.text.splitlines()
        for statement in ast.parse(self.text).body:
            names = _bound(statement)
            first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
            last = statement.end_lineno or first
            is_definition = isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.If))
            uses = frozenset(n.id for n in ast.walk(statement) if isinstance(n, ast.Name))
            told = [m.group(1) for line in lines[first - 1:last] if (m := TRUTH.search(line))]
            truth = tuple(part.strip() for text in told for part in text.split(","))
            for name in names:
                if name in units:  # bound again, as in the arms of an if
                    known = units[name]
                    units[name] = Unit(name, known.first, last, known.uses | uses, known.truth + truth, known.is_definition)
                else:
                    units[name] = Unit(name, first, last, uses, truth, is_definition)
        return units

    @cached_property
    def markers(self) -> dict[int, set[str]]:
        """Row -> expected codes."""
        return {row: set(re.split(r"\s*,\s*", match.group(1))) for row, line in enumerate(self.text.splitlines(), 1)
                if (match := EXPECT.search(line))}

    def unit_at(self, row: int) -> str:
        """The name of the unit a row belongs to; ``module`` for loose rows."""
        return next((unit.name for unit in self.units.values() if row in unit), "module")

    def truth(self, name: str) -> tuple[str, ...]:
        """How a loss is to be run; what a factory says holds for the losses it makes."""
        unit = self.units[name]
        if unit.truth or unit.is_definition:
            return unit.truth
        told = (self.units[used].truth for used in sorted(unit.uses) if used in self.units)
        return next(filter(None, told), ())

    def codes(self, name: str) -> set[str]:
        """The codes expected in a unit and in the units it uses."""
        seen: set[str] = set()
        stack = [name]
        found: set[str] = set()
        while stack:
            current = stack.pop()
            if current in seen or current not in self.units:
                continue
            seen.add(current)
            unit = self.units[current]
            found |= {code for row, codes in self.markers.items() if row in unit for code in codes}
            stack += unit.uses
        return found


def _bound(statement: ast.stmt) -> list[str]:
    """The names a top-level statement defines."""
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.If(body=body, orelse=orelse):
            return [name for inner in [*body, *orelse] for name in _bound(inner)]
    return []


def pattern_files() -> list[PatternFile]:
    own = {"truth.py", "__init__.py"}
    return [PatternFile(p) for p in sorted(HERE.glob("*.py")) if p.name not in own and not p.name.startswith("test_")]


# -- running them


@dataclass(frozen=True)
class Outcome:
    """How one run ended: ``finite``, ``zero``, ``none``, ``not finite`` or ``raises``."""

    how: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.how} ({self.detail})" if self.detail else self.how


@dataclass
class Seen:
    """The outcomes of one loss."""

    eager: Outcome
    traced: Outcome = field(default_factory=lambda: Outcome("not run"))
    any_batch: Outcome = field(default_factory=lambda: Outcome("not run"))


def load(file: PatternFile) -> types.ModuleType:
    """Import a pattern file; libraries that are not installed are replaced by stand-ins that turn tensors to arrays."""
    _stand_ins()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"tests.patterns.{file.path.stem}")


def losses(file: PatternFile, module: types.ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The losses of a file that can be called with a label and a prediction."""
    import keras

    members: list[tuple[str, Any]] = list(vars(module).items())
    for name, value in members:
        if name not in file.units or name.startswith("__") or "skip" in file.truth(name):
            continue
        if isinstance(value, type):
            if issubclass(value, keras.losses.Loss) and value.__module__ == module.__name__:
                yield name, value().call
        elif isinstance(value, keras.losses.Loss):
            yield name, value.call
        elif callable(value) and _pair(value):
            yield name, value


def steps(file: PatternFile, module: types.ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The training steps of a file."""
    for name, value in list(vars(module).items()):
        if name.endswith("_step") and callable(value) and name in file.units and (
                "skip" not in file.truth(name)):
            yield name, value


def _pair(value: Callable[..., Any]) -> bool:
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p.name for p in parameters if p.default is p.empty and p.kind in positional]
    return len(required) == 2 and (required[0], required[1]) in PAIRS


def run(loss: Callable[..., Any], truth: tuple[str, ...]) -> Seen:
    """Run a loss eagerly, traced with the full shape, and traced with an unknown batch size."""
    y_true, y_pred = inputs(truth)
    seen = Seen(_outcome(lambda: _gradient(loss, y_true, y_pred)))
    if "eager" in truth:
        return seen
    seen.traced = _outcome(lambda: _traced(loss, y_true, y_pred, fixed=True))
    seen.any_batch = _outcome(lambda: _traced(loss, y_true, y_pred, fixed=False))
    return seen


def _gradient(loss: Callable[..., Any], y_true: Any, y_pred: Any) -> Any:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        value = loss(y_true, y_pred)
    if not tf.is_tensor(value):
        return None
    return tape.gradient(value, y_pred)


def _traced(loss: Callable[..., Any], y_true: Any, y_pred: Any, *, fixed: bool) -> Any:
    import tensorflow as tf

    def spec(t: Any) -> Any:
        return tf.TensorSpec(t.shape if fixed else [None, *t.shape[1:]], t.dtype)

    signature = (spec(y_true), spec(y_pred))
    step = tf.function(lambda a, b: _gradient(loss, a, b), autograph=False, input_signature=signature)
    return step(y_true, y_pred)


def _outcome(compute: Callable[[], Any]) -> Outcome:
    import numpy as np
    import tensorflow as tf

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gradient = compute()
    except Exception as error:
        return Outcome("raises", f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"[:160])
    if gradient is None:
        return Outcome("none")
    if isinstance(gradient, tf.IndexedSlices):
        gradient = tf.convert_to_tensor(gradient)
    numbers = np.asarray(gradient)
    if not np.all(np.isfinite(numbers)):
        return Outcome("not finite")
    share = float(np.mean(numbers != 0.0))
    return Outcome("zero" if share == 0.0 else "finite", f"{share:.0%} of the entries")


def gap_to_differences(loss: Callable[..., Any], truth: tuple[str, ...]) -> float:
    """How far the gradient is from central differences, relative to its size."""
    import numpy as np
    import tensorflow as tf

    y_true, y_pred = inputs(truth)
    gradient = np.asarray(_gradient(loss, y_true, y_pred), "float64")
    flat = np.asarray(y_pred, "float32").ravel()
    measured = np.zeros(flat.size)
    step = 1e-2
    for i in range(flat.size):
        sides = []
        for sign in (1.0, -1.0):
            moved = flat.copy()
            moved[i] += sign * step
            value = loss(y_true, tf.constant(moved.reshape(y_pred.shape)))
            sides.append(float(np.sum(np.asarray(value, "float64"))))
        measured[i] = (sides[0] - sides[1]) / (2 * step)
    return float(np.max(np.abs(measured - gradient.ravel())) / (np.max(np.abs(measured)) + 1e-12))


def is_frozen(loss: Callable[..., Any], truth: tuple[str, ...]) -> bool:
    """Whether a loss that differs from call to call in eager code gives one and the same value once it is traced."""
    import numpy as np
    import tensorflow as tf

    y_true, y_pred = inputs(truth)
    plain = [np.asarray(loss(y_true, y_pred)) for _ in range(2)]
    step = tf.function(loss, autograph=False)
    traced = [np.asarray(step(y_true, y_pred)) for _ in range(2)]
    return not np.array_equal(plain[0], plain[1]) and np.array_equal(traced[0], traced[1])


def run_step(step: Callable[..., Any]) -> Outcome:
    """Whether a training step moves the weights of a small model."""
    import keras
    import numpy as np
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(ROWS, "sigmoid")])
    optimizer = keras.optimizers.SGD(0.5)
    x = tf.random.uniform((BATCH, 4), seed=1)
    y = tf.random.uniform((BATCH, ROWS), seed=2)
    before = [w.numpy() for w in model.trainable_variables]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            step(model, optimizer, x, y)
    except Exception as error:
        return Outcome("raises", f"{type(error).__name__}: {error}"[:160])
    after = [w.numpy() for w in model.trainable_variables]
    if not all(np.all(np.isfinite(w)) for w in after):
        return Outcome("not finite")
    return Outcome("zero" if all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)) else "finite")


# -- what the markers claim

RAISES_TRACED = {"LL201", "LL202", "LL203", "LL204", "LL206", "LL208", "LL209"}
LEAVES = {"LL101", "LL102", "LL103", "LL104"}
NO_GRADIENT = {"LL105", "LL106", "LL108", "LL110"}
TRAINS = {"LL111", "LL112", "LL113", "LL210"}
CUT = ("none", "zero", "raises")


def complaints(file: PatternFile, name: str, loss: Callable[..., Any]) -> list[str]:
    """Where the markers of a loss and TensorFlow disagree."""
    truth = file.truth(name)
    codes = file.codes(name)
    seen = run(loss, truth)
    wrong = []
    if not codes:
        wanted = ("zero", "none") if "no gradient" in truth else ("finite",)
        runs = {"eager": seen.eager, "traced": seen.traced, "any batch": seen.any_batch}
        if "full batches" in truth:
            del runs["any batch"]
        wrong += [f"{mode}: {outcome}" for mode, outcome in runs.items() if outcome.how not in (*wanted, "not run")]
    if codes & RAISES_TRACED and seen.traced.how != "raises":
        wrong.append(f"does not raise when traced: {seen.traced}")
    if codes & LEAVES and seen.eager.how not in CUT and seen.traced.how != "raises" and seen.any_batch.how != "raises":
        wrong.append(f"has a gradient: eager {seen.eager}, traced {seen.traced}")
    raises = "LL108" in codes and seen.traced.how == "raises"  # tf.constant(t)
    if codes & NO_GRADIENT and seen.eager.how not in CUT and not raises:
        wrong.append(f"has a gradient: {seen.eager}")
    if "LL107" in codes and seen.eager.how != "zero" and not _mostly_zero(seen.eager):
        wrong.append(f"its gradient is not zero: {seen.eager}")
    if "LL109" in codes and gap_to_differences(loss, truth) < 0.1:
        wrong.append("its gradient is right")
    if "LL205" in codes and (seen.any_batch.how != "raises" or seen.eager.how == "raises"):
        wrong.append(f"runs with any batch size: {seen.any_batch}")
    if "LL207" in codes and "callback" not in truth and not is_frozen(loss, truth):
        wrong.append("is not frozen")
    if codes and codes <= TRAINS and seen.eager.how != "finite":
        wrong.append(f"does not train: {seen.eager}")
    return wrong


def _mostly_zero(outcome: Outcome) -> bool:
    return outcome.how == "finite" and float(outcome.detail.partition("%")[0]) < 60


def step_complaints(file: PatternFile, name: str, step: Callable[..., Any]) -> list[str]:
    """Where the markers of a training step and TensorFlow disagree."""
    codes = file.codes(name)
    outcome = run_step(step)
    if codes & (LEAVES | NO_GRADIENT | RAISES_TRACED) or codes in ({"LL107"}, {"LL501"}):
        return [f"trains: {outcome}"] if outcome.how == "finite" else []
    return [] if outcome.how == "finite" else [f"does not train: {outcome}"]


# -- inputs


def inputs(truth: tuple[str, ...]) -> tuple[Any, Any]:
    """A label and a prediction of the kind a loss is made for; every component takes both sides of usual thresholds."""
    import numpy as np
    import tensorflow as tf

    kind = next((word for word in truth if word in INPUTS), "rows")
    y_true, y_pred = INPUTS[kind](np.random.default_rng(7))
    return tf.constant(y_true), tf.constant(np.asarray(y_pred, "float32"))


def _uniform(rng: Any, *shape: int) -> Any:
    return rng.uniform(0.05, 0.95, shape).astype("float32")


def _softmax(z: Any) -> Any:
    import numpy as np

    e = np.exp(z - z.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def _onehot(rng: Any, classes: int = ROWS, batch: int = BATCH) -> Any:
    import numpy as np

    return np.eye(classes, dtype="float32")[rng.permutation(np.arange(batch) % classes)]


def _sparse(rng: Any) -> Any:
    import numpy as np

    return rng.permutation(np.arange(BATCH) % ROWS).astype("float32")


def _binary(rng: Any, *shape: int) -> Any:
    return (rng.uniform(size=shape) > 0.5).astype("float32")


def _unit(z: Any) -> Any:
    import numpy as np

    return z / np.linalg.norm(z, axis=-1, keepdims=True)


INPUTS: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "rows": lambda r: (_uniform(r, BATCH, ROWS), _uniform(r, BATCH, ROWS)),
    "column": lambda r: (_uniform(r, BATCH, 1), _uniform(r, BATCH, 1)),
    "vector": lambda r: (_uniform(r, BATCH), _uniform(r, BATCH)),
    "binary": lambda r: (_binary(r, BATCH, 1), _uniform(r, BATCH, 1)),
    "binary vector": lambda r: (_binary(r, BATCH), _uniform(r, BATCH)),
    "signs": lambda r: (2.0 * _binary(r, BATCH, 1) - 1.0, r.normal(size=(BATCH, 1))),
    "real": lambda r: (r.normal(size=(BATCH, ROWS)).astype("float32"), r.normal(size=(BATCH, ROWS))),
    "real column": lambda r: (r.normal(size=(BATCH, 1)).astype("float32"), r.normal(size=(BATCH, 1))),
    "onehot": lambda r: (_onehot(r), _softmax(r.normal(size=(BATCH, ROWS)))),
    "onehot logits": lambda r: (_onehot(r), r.normal(size=(BATCH, ROWS))),
    "sparse": lambda r: (_sparse(r), _softmax(r.normal(size=(BATCH, ROWS)))),
    "sparse column": lambda r: (_sparse(r)[:, None], _softmax(r.normal(size=(BATCH, ROWS)))),
    "sparse logits": lambda r: (_sparse(r), r.normal(size=(BATCH, ROWS))),
    "embeddings": lambda r: (_sparse(r), _unit(r.normal(size=(BATCH, 4)))),
    "mask": lambda r: (_binary(r, 2, 8, 8, 1), _uniform(r, 2, 8, 8, 1)),
    "masks": lambda r: (_onehot(r, 3, 128).reshape(2, 8, 8, 3), _softmax(r.normal(size=(2, 8, 8, 3)))),
    "image": lambda r: (_uniform(r, 2, 16, 16, 3), _uniform(r, 2, 16, 16, 3)),
    "large image": lambda r: (_uniform(r, 2, 192, 192, 1), _uniform(r, 2, 192, 192, 1)),
    "sequence": lambda r: (_uniform(r, 4, 5, 2), _uniform(r, 4, 5, 2)),
    "tokens": lambda r: (r.integers(0, 4, (4, 5)).astype("float32"), r.normal(size=(4, 5, 4))),
    "long": lambda r: (_uniform(r, BATCH, 8), _uniform(r, BATCH, 8)),
    "square": lambda r: (_uniform(r, 4, 4), _uniform(r, 4, 4)),
}


# -- libraries that are not installed here


def _stand_ins() -> None:
    import importlib.util

    import numpy as np

    functions: dict[str, dict[str, Callable[..., Any]]] = {
        "scipy.special": {"expit": lambda x: 1.0 / (1.0 + np.exp(-np.asarray(x)))},
        "scipy.stats": {"entropy": lambda p: -np.sum(np.asarray(p) * np.log(np.asarray(p)))},
        "scipy.ndimage": {
            "distance_transform_edt": lambda x: np.cumsum(np.asarray(x), axis=1),
            "gaussian_filter": lambda x, sigma: np.asarray(x) * sigma,
        },
        "scipy.optimize": {"linear_sum_assignment": lambda cost: np.unravel_index(np.argsort(np.asarray(cost)), (4, 4))},
        "sklearn.metrics": {
            "mean_squared_error": lambda a, b: np.mean((np.asarray(a) - np.asarray(b)) ** 2),
            "roc_auc_score": lambda a, b: np.mean(np.asarray(a) > np.asarray(b)),
        },
        "skimage.metrics": {"structural_similarity": lambda a, b, **_: np.mean(np.asarray(a) * np.asarray(b))},
        "cv2": {"GaussianBlur": lambda x, size, sigma: np.asarray(x) * sigma},
    }
    for name, members in functions.items():
        root = name.partition(".")[0]
        if root in sys.modules and not getattr(sys.modules[root], "_stand_in", False):
            continue
        if root not in sys.modules and importlib.util.find_spec(root) is not None:
            continue
        for full in (root, name):
            if full not in sys.modules:
                module = types.ModuleType(full)
                module._stand_in = True  # type: ignore[attr-defined]
                sys.modules[full] = module
        if "." in name:
            setattr(sys.modules[root], name.rpartition(".")[2], sys.modules[name])
        for member, function in members.items():
            setattr(sys.modules[name], member, function)
