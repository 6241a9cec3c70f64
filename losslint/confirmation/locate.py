"""Where in the user's code a gradient stops, becomes zero or stops being finite.

A loss is run once more, eagerly, with every operation noted: its type, its inputs and outputs and the row of the user's
code that asked for it. Every floating output is watched as it is born, so that there are derivatives on both sides of a
cut. The recorder rests on ``tensorflow.python.framework.op_callbacks``, which TensorFlow's own debugger uses (present in
2.15 and 2.21); the verdict never comes from such a run, only the place.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import FrameType
from typing import Any

import numpy as np

from losslint.confirmation.failures import UserFiles, one_line
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.probes import Inputs, Loss, differentiated, numbers, tensors_of
from losslint.confirmation.program import Claim, TensorSpec
from losslint.confirmation.values import Array

MOST_STEPS = 4000  # operations; beyond that a loss is a whole network, and the search for a place takes too long
OF_THE_SHAPE = ("Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike")  # take no number of their operand
SUMS = ("AddV2", "Add", "AddN", "Sub")
ESCAPES = ("numpy", "__array__", "__float__", "__int__", "__index__", "__bool__", "_numpy")


# -- the recorder


@dataclass(frozen=True, eq=False)
class Step:
    """One operation that ran."""

    op: str
    inputs: list[Any]
    outputs: list[Any]
    path: str
    row: int


@dataclass
class Trail:
    """Everything that ran on the way to a value."""

    trained: list[Any]  # the tensors that the derivative is taken to
    steps: list[Step] = field(default_factory=list)
    escapes: list[tuple[str, int, str, Any]] = field(default_factory=list)  # file, row, how, tensor
    value: Any = None
    error: str = ""
    tape: Any = None

    # Tensors are told apart by id: ``steps`` keeps them alive.

    def gradient(self, target: Any, sources: Sequence[Any], upstream: Any = None) -> list[Any]:
        """Derivatives, None where there is none and where an operation has no registered gradient."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = self.tape.gradient(target, list(sources), output_gradients=upstream)
            except (LookupError, ValueError, TypeError, AttributeError):
                return [None] * len(sources)
        return [None if g is None else _array(g) for g in found]

    @property
    def dependent(self) -> set[int]:
        """Ids of what is computed from a trained tensor, whether or not a derivative gets through."""
        found = {id(t) for t in self.trained}
        for step in self.steps:
            if step.op not in OF_THE_SHAPE and any(id(t) in found for t in step.inputs):
                found |= {id(t) for t in step.outputs}
        return found

    @property
    def needed(self) -> set[int]:
        """Ids of what the value is computed from."""
        found = {id(t) for t in _flat(self.value)}
        for step in reversed(self.steps):
            if any(id(t) in found for t in step.outputs):
                found |= {id(t) for t in step.inputs}
        return found

    def on_the_way(self) -> list[Step]:
        """The steps between the trained tensors and the value."""
        dependent, needed = self.dependent, self.needed
        return [
            s for s in self.steps
            if s.op not in OF_THE_SHAPE
            and any(id(t) in dependent for t in s.inputs)
            and any(id(t) in needed for t in s.outputs)
        ]  # fmt: skip


class _Recorder:
    """Notes operations and escapes while it is entered."""

    def __init__(self, trail: Trail, files: UserFiles) -> None:
        self.trail = trail
        self.owns = cache(files.owns)
        self.patched: list[tuple[type, str, Any]] = []

    def __enter__(self) -> _Recorder:
        from tensorflow.python.framework import op_callbacks

        op_callbacks.add_op_callback(self.note)
        self._patch()
        return self

    def __exit__(self, *_: object) -> None:
        from tensorflow.python.framework import op_callbacks

        op_callbacks.remove_op_callback(self.note)
        for owner, name, original in self.patched:
            setattr(owner, name, original)

    def note(
        self, op_type: Any, inputs: Any, attrs: Any, outputs: Any, op_name: Any = None, graph: Any = None
    ) -> None:  # fmt: skip
        if graph is not None or len(self.trail.steps) > MOST_STEPS:
            return
        name = op_type.decode() if isinstance(op_type, bytes) else str(op_type)
        for output in outputs:
            if self.trail.tape is not None and _floating(output):
                self.trail.tape.watch(output)
        path, row = self.place(sys._getframe(1))
        self.trail.steps.append(Step(name, list(inputs), list(outputs), path, row))

    def place(self, frame: FrameType | None) -> tuple[str, int]:
        """(file, row) of the nearest frame of the user; ("", 0) when there is none."""
        while frame is not None:
            if self.owns(frame.f_code.co_filename):
                return frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back
        return "", 0

    def _patch(self) -> None:
        """Watch values leave the framework: ``t.numpy()``, ``float(t)``, ``np.array(t)`` where NumPy asks politely."""
        import tensorflow as tf

        for owner in type(tf.constant(0.0)).__mro__:
            for name in ESCAPES:
                original = owner.__dict__.get(name)
                if not callable(original):
                    continue
                with contextlib.suppress(TypeError):  # a type of C
                    setattr(owner, name, self._noting(name, original))
                    self.patched.append((owner, name, original))

    def _noting(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def leave(tensor: Any, *args: Any, **kwargs: Any) -> Any:
            frame = sys._getframe(1)
            near = self.owns(frame.f_code.co_filename) or "numpy" in frame.f_code.co_filename
            path, row = self.place(frame)
            if near and row:
                self.trail.escapes.append((path, row, name.strip("_"), tensor))
            return original(tensor, *args, **kwargs)

        return leave


@contextlib.contextmanager
def noted(files: UserFiles, watched: bool = False) -> Iterator[Trail]:
    """The eager operations that run meanwhile, under whatever tapes the user's code has; ``watched`` by another one."""
    import tensorflow as tf

    trail = Trail([])
    with contextlib.ExitStack() as stack:
        if watched:
            trail.tape = stack.enter_context(tf.GradientTape(persistent=True))
        stack.enter_context(_Recorder(trail, files))
        yield trail


def record(loss: Loss, specs: Sequence[TensorSpec], inputs: Inputs) -> Trail:
    """Run a loss eagerly with everything noted; ``tf.function`` helpers run as plain Python. An exception of the loss
    ends the trail and is kept in ``error``."""
    import tensorflow as tf

    arrays = loss.prepared(inputs)
    tensors = tensors_of(arrays)
    trail = Trail([tensors[name] for name in differentiated(arrays, specs)])
    eagerly = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings(), tf.GradientTape(persistent=True) as tape:
            warnings.simplefilter("ignore")
            trail.tape = tape
            tape.watch(trail.trained)
            with _Recorder(trail, loss.files):
                trail.value = loss(tensors)
    except Exception as error:
        trail.error = one_line(error)
    finally:
        tf.config.run_functions_eagerly(eagerly)
    return trail


def _floating(tensor: Any) -> bool:
    dtype = getattr(tensor, "dtype", None)
    return bool(getattr(dtype, "is_floating", False))


def _array(tensor: Any) -> Array:
    import tensorflow as tf

    return np.asarray(tf.convert_to_tensor(tensor))


def _finite(tensor: Any) -> bool:
    return not _floating(tensor) or bool(np.all(np.isfinite(_array(tensor))))


def _flat(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [item for part in value for item in _flat(part)]
    return [value]


def rows_run(loss: Loss, specs: Sequence[TensorSpec], inputs: Inputs) -> tuple[int, ...]:
    """The rows of the loss's own file that an eager call executes."""
    path = str(loss.files.path)
    rows: set[int] = set()

    def follow(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename != path:
            return None
        if event == "line":
            rows.add(frame.f_lineno)
        return follow

    before = sys.gettrace()
    sys.settrace(follow)
    try:
        loss(tensors_of(loss.prepared(inputs)))
    except Exception:  # rows up to there ran
        pass
    finally:
        sys.settrace(before)
    return tuple(sorted(rows))


# -- where numbers stop being finite


def births(trail: Trail) -> list[Step]:
    """The operations that make the first non-finite number: of the value, or of the derivative when the value is
    finite."""
    return value_births(trail) or slope_births(trail)


def value_births(trail: Trail) -> list[Step]:
    """Operations with finite inputs and a result that is not, of which the value is computed; [] when it is finite."""
    if all(_finite(t) for t in _flat(trail.value)):
        return []
    needed = trail.needed
    return [
        step for step in trail.steps
        if step.row
        and any(id(t) in needed and not _finite(t) for t in step.outputs)
        and all(_finite(t) for t in step.inputs)
        and step.inputs
    ]  # fmt: skip


def slope_births(trail: Trail) -> list[Step]:
    """Operations that turn a finite derivative into one that is not."""
    steps = [s for s in trail.on_the_way() if any(_floating(t) for t in s.outputs)]
    tensors = [t for s in steps for t in s.outputs if _floating(t)]
    upstream = {id(t): g for t, g in zip(tensors, trail.gradient(trail.value, tensors), strict=True)}
    dependent = trail.dependent
    found = []
    for step in steps:
        arriving = [(t, g) for t in step.outputs if (g := upstream.get(id(t))) is not None]
        leaving = [t for t in step.inputs if id(t) in dependent and _floating(t)]
        if not arriving or not leaving or not all(np.all(np.isfinite(g)) for _, g in arriving):
            continue
        local = trail.gradient([t for t, _ in arriving], leaving, [_constant(g, t) for t, g in arriving])
        if any(g is not None and not np.all(np.isfinite(g)) for g in local):
            found.append(step)
    return found


def _constant(numbers: Array, like: Any) -> Any:
    import tensorflow as tf

    return tf.constant(numbers, like.dtype)


# -- where the gradient stops


@dataclass(frozen=True)
class Break:
    """An operation that a live value enters and no derivative leaves."""

    step: Step
    how: Outcome  # NO_GRADIENT or ZERO_GRADIENT


def breaks(trail: Trail) -> list[Break]:
    """The operations on the way to the value that pass no derivative on, the first of each path: what lies behind one
    is not reported again. Zeros mean something at points in general position only."""
    live = {id(t) for t in trail.trained}
    needed = trail.needed
    found = []
    for step in trail.on_the_way():
        entering = [t for t in step.inputs if id(t) in live]
        if not entering:
            continue
        how = _passes(trail, [t for t in step.outputs if id(t) in needed], entering)
        if how is None:
            live |= {id(t) for t in step.outputs if _floating(t)}
        else:
            found.append(Break(step, how))
    return found


def _passes(trail: Trail, results: Sequence[Any], entering: Sequence[Any]) -> Outcome | None:
    """None when a derivative gets through an operation to one of its results, else how it does not."""
    outputs = [t for t in results if _floating(t)]
    inputs = [t for t in entering if _floating(t)]
    if not outputs or not inputs:
        return Outcome.NO_GRADIENT
    gradients = [g for g in trail.gradient(outputs, inputs) if g is not None]
    if not gradients:
        return Outcome.NO_GRADIENT
    return None if any(np.any(g) for g in gradients) else Outcome.ZERO_GRADIENT


def place(loss: Loss, specs: Sequence[TensorSpec], observation: Observation) -> tuple[Observation, ...]:
    """An observation with row, file and operation: one for each place that it happens at; itself when no place is found.

    ``observation.inputs`` are run again; missing, zero and non-finite derivatives and non-finite values are placed.
    """
    trail = record(loss, specs, arrays(observation, specs))
    if observation.outcome in (Outcome.BAD_VALUE, Outcome.BAD_GRADIENT):
        found = [(s.path, s.row, s.op) for s in births(trail)]
    elif observation.outcome in (Outcome.NO_GRADIENT, Outcome.ZERO_GRADIENT):
        found = cuts(trail)
    else:
        found = []
    return at_each(observation, found, loss.files) or (observation,)


def cuts(trail: Trail) -> list[tuple[str, int, str]]:
    """(file, row, operation) wherever a derivative is lost: in an operation, or as a value leaves the framework."""
    dependent = trail.dependent
    found = [(b.step.path, b.step.row, b.step.op) for b in breaks(trail)]
    return found + [(path, row, how) for path, row, how, tensor in trail.escapes if id(tensor) in dependent]


def other(loss: Loss, path: str) -> str:
    """A file as observations name it: "" for the loss's own."""
    return "" if path == str(loss.files.path) else path


def at_each(seen: Observation, places: Iterable[tuple[str, int, str]], files: UserFiles) -> tuple[Observation, ...]:
    """An observation, once for each place; the loss's own file is named ""."""
    return tuple(
        dataclasses.replace(seen, row=row, path="" if path == str(files.path) else path, operation=operation)
        for path, row, operation in dict.fromkeys(places))


def arrays(observation: Observation, specs: Iterable[TensorSpec]) -> dict[str, Array]:
    """The inputs of an observation as arrays."""
    dtypes = observation.dtypes
    return {s.name: np.asarray(observation.inputs[s.name], dtypes.get(s.name, s.dtype)) for s in specs}


# -- terms that do nothing


def dead_terms(
    loss: Loss, specs: Sequence[TensorSpec], inputs: Inputs, claims: Sequence[Claim]
) -> tuple[Observation, ...]:  # fmt: skip
    """What claims say of single rows: a term of the sum that passes no gradient on (DEAD_TERM) while the loss has one,
    and a result that nothing uses (UNUSED). ``inputs`` are in general position."""
    trail = record(loss, specs, inputs)
    if trail.error or not any(g is not None and np.any(g) for g in trail.gradient(trail.value, trail.trained)):
        return ()
    ran = {
        Outcome.DEAD_TERM: [b.step for b in breaks(trail) if is_term(trail, b.step)],
        Outcome.UNUSED: list(unused_results(trail)),
    }
    found = []
    for claim in claims:
        for outcome, steps in ran.items():
            step = next((s for s in steps if claim.row <= s.row <= claim.end_row), None)
            if step is not None:
                found.append(Observation(
                    outcome, "eager", {name: numbers(a) for name, a in inputs.items()},
                    {name: str(a.dtype) for name, a in inputs.items()}, loss=numbers(trail.value),
                    row=step.row, path=other(loss, step.path), operation=step.op,
                ))  # fmt: skip
    return tuple(found)


def is_term(trail: Trail, cut: Step) -> bool:
    """Whether what an operation gives is only ever added to the rest: multiplied with nothing that depends on a trained
    tensor, no index, no condition. A mask or weight beside a live path is meant to have no gradient, and so is what
    ``stop_gradient`` is written around."""
    if cut.op == "StopGradient":
        return False
    dependent, needed = trail.dependent, trail.needed
    flowing = {id(t) for t in cut.outputs}  # the term alone
    joined: set[int] = set()  # the term with what it was added to
    for step in trail.steps[trail.steps.index(cut) + 1:]:
        entering = {id(t) for t in step.inputs}
        if not entering & (flowing | joined) or not any(id(t) in needed for t in step.outputs):
            continue
        alone = not any(id(t) in dependent and id(t) not in flowing for t in step.inputs)
        if step.op == "StopGradient" or (entering & flowing and not alone and step.op not in SUMS):
            return False
        (flowing if alone else joined).update(id(t) for t in step.outputs)
    return True


def unused_results(trail: Trail) -> Iterator[Step]:
    """Operations whose results nothing takes: a clip as a statement. Only such that a trained tensor enters."""
    dependent = trail.dependent
    taken = {id(t) for s in trail.steps for t in s.inputs} | {id(t) for t in _flat(trail.value)}
    for step in trail.steps:
        used = any(id(t) in taken for t in step.outputs)
        if not used and step.op not in OF_THE_SHAPE and any(id(t) in dependent for t in step.inputs):
            yield step


# -- operands at their singular points


@dataclass(frozen=True)
class Operand:
    """What enters an operation that is not finite everywhere, and the number it fails at."""

    tensor: Any
    target: float
    step: Step


SINGULAR: dict[str, tuple[int, float]] = {  # operation -> which input, the number it fails at
    "Log": (0, 0.0), "Log1p": (0, -1.0), "Xlogy": (1, 0.0), "Xlog1py": (1, -1.0), "Sqrt": (0, 0.0), "Rsqrt": (0, 0.0),
    "RealDiv": (1, 0.0), "Div": (1, 0.0), "Reciprocal": (0, 0.0), "Inv": (0, 0.0), "Pow": (0, 0.0), "Exp": (0, 89.0),
    "Expm1": (0, 89.0), "Cosh": (0, 90.0), "Sinh": (0, 90.0), "Acos": (0, 1.0), "Asin": (0, 1.0), "Acosh": (0, 1.0),
    "Atanh": (0, 1.0), "EuclideanNorm": (0, 0.0),
}  # fmt: skip
SATURATING = ("Sigmoid", "Softmax", "Tanh")


def operands(trail: Trail) -> list[Operand]:
    """What enters the singular operations, in the order they ran."""
    found = []
    for step in trail.steps:
        known = SINGULAR.get(step.op)
        if known and step.row and _floating(step.inputs[known[0]]):
            found.append(Operand(step.inputs[known[0]], known[1], step))
    return found


def saturations(trail: Trail, tensor: Any) -> list[Any]:
    """The inputs of sigmoid, softmax and tanh that a tensor is computed from: where they go far out, it saturates."""
    wanted = {id(tensor)}
    found = []
    for step in reversed(trail.steps):
        if any(id(t) in wanted for t in step.outputs):
            wanted |= {id(t) for t in step.inputs}
            if step.op in SATURATING:
                found.append(step.inputs[0])
    return found


def distance(operand: Operand) -> float:
    """How near an operand is to the number it fails at."""
    numbers = _array(operand.tensor).astype("float64")
    numbers = np.abs(numbers - operand.target)
    return float(np.min(numbers[np.isfinite(numbers)], initial=np.inf))
