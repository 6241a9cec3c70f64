"""JAX: importing this module imports it, but starts no backend. The modes:

* ``eager``: ``jax.grad`` of a plain call;
* ``jit``: the same under ``jax.jit``.

The recorder reads the jaxpr of the loss, whose equations know their rows, and evaluates it equation by equation, as
JAX's documentation does in "Writing custom Jaxpr interpreters".
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from losslint.confirmation.failures import UserFiles, failure, one_line
from losslint.confirmation.frameworks.base import (
    Array,
    Call,
    DeviceMissing,
    Framework,
    Inputs,
    Measured,
    Tensors,
    Traits,
    first_result,
)
from losslint.confirmation.observation import Observation
from losslint.confirmation.places import UNKNOWN, Place, Spot, span_of
from losslint.confirmation.probes import Loss
from losslint.confirmation.program import Program
from losslint.confirmation.trail import Step, Trail, flat

GRADIENT = jax.value_and_grad  # the original: steps watch what users call
MOST_EQUATIONS = 4000
STEPPED = (
    "round", "floor", "ceil", "sign", "gt", "ge", "lt", "le", "eq", "ne", "argmax", "argmin", "sort", "top_k", "cond",
    "while", "scan", "rem", "pure_callback", "io_callback",
)
FLAT = ("round", "floor", "ceil", "sign", "gt", "ge", "lt", "le", "argmax")
HALF = ("float16", "bfloat16")
ASKED_FOR_A_NUMBER = ("ConcretizationTypeError", "TracerArrayConversionError", "TracerIntegerConversionError")


class Jax(Framework):
    """JAX, with whatever is built on it."""

    modes = ("eager", "jit")
    usual = ("jit",)
    patience = 3.0  # each operation is compiled once for each shape

    singular: ClassVar = {
        "log": (0, 0.0), "log1p": (0, -1.0), "sqrt": (0, 0.0), "rsqrt": (0, 0.0), "div": (1, 0.0), "pow": (0, 0.0),
        "exp": (0, 89.0), "exp2": (0, 128.0), "expm1": (0, 89.0), "cosh": (0, 90.0), "sinh": (0, 90.0), "acos": (0, 1.0),
        "asin": (0, 1.0), "acosh": (0, 1.0), "atanh": (0, 1.0), "atan2": (0, 0.0), "cbrt": (0, 0.0),
    }  # fmt: skip
    saturating = ("logistic", "tanh")
    sums = ("add", "sub", "add_any", "convert_element_type", "reduce_sum", "broadcast_in_dim")
    of_the_shape = ()
    stops = ("stop_gradient",)

    def prepare(self, seed: int, device: str) -> str:
        from losslint.confirmation.frameworks import jax_steps

        self.seed(seed)
        jax.config.update("jax_disable_most_optimizations", True)  # what is run once is not worth compiling well
        jax_steps.watch()
        found = jax.default_backend() if device != "cpu" else "cpu"
        if device.startswith("gpu:") and found != "gpu":
            raise DeviceMissing(f"{device} was asked for, but JAX sees no GPU; use --device auto or cpu")
        return {"gpu": "gpu:0"}.get(found, found)

    def tensors(self, arrays: Inputs) -> Tensors:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without x64 there are 32 bits
            return {name: jnp.asarray(array) for name, array in arrays.items()}

    def tensor(self, result: Any) -> Any:
        """Of a tuple or dictionary, the loss in it: what else ``has_aux`` returns is none."""
        value = first_result(result)
        return jnp.asarray(value) if value is not None else GRADIENT(lambda _: None)(0.0)  # raises, in JAX's own words

    def refusal(self, result: Any) -> str:
        try:
            GRADIENT(lambda _: result)(0.0)
        except TypeError as error:
            return one_line(error)
        return ""

    def is_tensor(self, value: object) -> bool:
        return isinstance(value, jax.Array)

    def is_floating(self, value: Any) -> bool:
        return isinstance(value, jax.Array) and bool(jnp.issubdtype(value.dtype, jnp.floating))

    def array(self, tensor: Any) -> Array:
        return np.asarray(tensor)

    def like(self, numbers: Array, tensor: Any) -> Any:
        return jnp.asarray(numbers.reshape(tensor.shape), tensor.dtype)

    def double_precision(self) -> contextlib.AbstractContextManager[Any]:
        context: contextlib.AbstractContextManager[Any] = jax.enable_x64(True)
        return context

    def value_and_gradient(self, call: Call, tensors: Tensors, sources: Sequence[str]) -> Measured:
        return self.differentiated(call, tensors, sources)(tensors)

    def differentiated(self, call: Call, tensors: Tensors, sources: Sequence[str]) -> Callable[[Tensors], Measured]:
        """What ``jax.grad`` gives of the sum of a loss's elements, with the loss itself."""
        def total(given: Tensors, rest: Tensors) -> Any:
            value = self.tensor(call({name: given.get(name, rest.get(name)) for name in tensors}))
            return value.sum(), value

        def run(everything: Tensors) -> Measured:
            given = {name: everything[name] for name in sources}
            rest = {name: tensor for name, tensor in everything.items() if name not in given}
            if not given:
                return total(given, rest)[1], {}
            (_, value), gradient = GRADIENT(total, has_aux=True)(given, rest)
            return value, gradient

        return run

    def measure(self, loss: Loss, arrays: Inputs, sources: Sequence[str], mode: str) -> Measured:
        tensors = self.tensors(arrays)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if mode == "eager":
                return self.value_and_gradient(loss, tensors, sources)
            key = (mode, tuple(tensors), tuple(sources))
            if key not in loss.traced:
                loss.traced[key] = jax.jit(self.differentiated(loss, tensors, sources))
            measured: Measured = loss.traced[key](tensors)
            return measured

    def compiled(self, loss: Loss, arrays: Inputs) -> Callable[[], Array]:
        step = jax.jit(lambda tensors: self.tensor(loss(tensors)))
        return lambda: np.asarray(step(self.tensors(arrays)))

    def traits(self, loss: Loss, arrays: Inputs) -> Traits | None:
        """By the jaxpr of the loss."""
        tensors = self.tensors(arrays)
        try:
            tape = traced(lambda given: loss(given), tensors, loss.files)
        except Exception:  # of the user's code; the modes have told it
            return None
        names = {name for equation in tape.equations for name in (equation.name, *equation.inside - {"stop_gradient"})}
        half = any(str(equation.parameters.get("new_dtype")) in HALF for equation in tape.equations)
        straight = any(
            equation.name.startswith("custom_") and (not equation.inside or equation.inside & set(FLAT))
            for equation in tape.equations)
        jumps = not names.isdisjoint(STEPPED) or any(_to_whole(equation) for equation in tape.equations)
        return Traits(half or straight or "stop_gradient" in names, jumps)

    def record(self, loss: Loss, tensors: Tensors, trained: Sequence[str]) -> Trail:
        """What is not differentiated is a constant, as under ``jax.grad``. A value that the loss turns into a number of
        Python ends the trace: there the gradient is left behind."""
        return recorded(lambda given: loss({**tensors, **given}), {name: tensors[name] for name in trained}, loss.files)

    def derivatives(self, trail: Trail, target: Any, sources: Sequence[Any], upstream: Any) -> list[Array | None]:
        if trail.tape is None:
            return [None] * len(sources)
        found: list[Array | None] = trail.tape.gradient(flat(target), sources, upstream)
        return found

    def steps(self, program: Program, entry: Callable[..., Any], files: UserFiles) -> Iterator[Observation]:
        from losslint.confirmation.frameworks import jax_steps

        return jax_steps.seen_in(program, entry, files)


FRAMEWORK = Jax()


# -- the recorder


@dataclass(frozen=True)
class Equation:
    """One primitive of a loss. ``inputs`` are numbers of variables, or literals."""

    name: str
    primitive: Any
    parameters: dict[str, Any]
    inputs: list[Any]
    outputs: list[int]
    spot: Spot

    def evaluated(self, numbers: Sequence[Any]) -> list[Any]:
        """Its results."""
        bound = self.primitive.get_bind_params(self.parameters)
        functions, parameters = bound if isinstance(bound, tuple) else ((), bound)  # before JAX 0.10; from then on
        made = self.primitive.bind(*functions, *numbers, **parameters)
        return list(made) if self.primitive.multiple_results else [made]

    @property
    def inside(self) -> set[str]:
        """Primitives of the functions that it calls."""
        return set(_inside(self.parameters))


@dataclass(frozen=True)
class Literal:
    """A number that stands in the code."""

    number: Any


@dataclass
class Tape:
    """The equations of a loss, those of functions under ``jax.jit`` among them, and the numbers they were run on."""

    equations: list[Equation]
    inputs: list[int]  # variables of what is differentiated
    result: Any
    numbers: dict[int, Any]  # variable -> array
    variables: dict[int, int] = field(default_factory=dict)  # id of an array -> its variable

    def put(self, variable: int, array: Any) -> Any:
        """Keep the number of a variable; no two share an object."""
        array = jnp.asarray(array)
        if id(array) in self.variables:
            array = jnp.array(array, copy=True)
        self.numbers[variable] = array
        self.variables[id(array)] = variable
        return array

    def read(self, atom: Any, changed: dict[int, Any] | None = None) -> Any:
        """The number of a variable or literal."""
        return atom.number if isinstance(atom, Literal) else (changed or {}).get(atom, self.numbers[atom])

    def gradient(self, targets: Sequence[Any], sources: Sequence[Any], upstream: Any = None) -> list[Array | None]:
        """Derivatives of recorded numbers to others; None where there is nothing to differentiate."""
        ends = [self.variables[id(t)] for t in targets if id(t) in self.variables and FRAMEWORK.is_floating(t)]
        starts = [self.variables[id(s)] for s in sources if id(s) in self.variables and FRAMEWORK.is_floating(s)]
        if not ends or not starts:
            return [None] * len(sources)
        needed = self.needed(ends)

        def again(shifts: list[Any]) -> list[Any]:
            by_variable = dict(zip(starts, shifts, strict=True))
            changed = {v: self.numbers[v] + shift for v, shift in by_variable.items()}
            for equation in self.equations:
                if needed.isdisjoint(equation.outputs) or not any(
                        not isinstance(atom, Literal) and atom in changed for atom in equation.inputs):
                    continue
                made = equation.evaluated([self.read(atom, changed) for atom in equation.inputs])
                for out, number in zip(equation.outputs, made, strict=True):
                    changed[out] = number + by_variable[out] if out in by_variable else number
            return [changed.get(end, self.numbers[end]) for end in ends]

        _, pull = jax.vjp(again, [jnp.zeros_like(self.numbers[v]) for v in starts])
        given = upstream if isinstance(upstream, list) or upstream is None else [upstream]
        (found,) = pull(given or [jnp.ones_like(self.numbers[end]) for end in ends])
        by_variable = dict(zip(starts, map(np.asarray, found), strict=True))
        return [by_variable[v] if (v := self.variables.get(id(s))) in by_variable else None for s in sources]

    def needed(self, ends: Sequence[int]) -> set[int]:
        """The variables that some are computed from, with these."""
        found = set(ends)
        for equation in reversed(self.equations):
            if not found.isdisjoint(equation.outputs):
                found |= {atom for atom in equation.inputs if not isinstance(atom, Literal)}
        return found


def traced(call: Call, tensors: Tensors, files: UserFiles) -> Tape:
    """The equations of a call; none is evaluated. Exceptions of the user's code pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        closed = jax.make_jaxpr(lambda given: first_result(call(given)))(tensors)
    return Reader(files).read(closed, jax.tree_util.tree_leaves(tensors))


class Reader:
    """Reads a jaxpr into a tape, with what is called in it written out."""

    def __init__(self, files: UserFiles) -> None:
        self.files = files
        self.count = count()
        self.tape = Tape([], [], None, {})

    def read(self, closed: Any, arrays: Sequence[Any]) -> Tape:
        """The tape of a jaxpr on some arrays."""
        self.tape.inputs = [next(self.count) for _ in arrays]
        for variable, array in zip(self.tape.inputs, arrays, strict=True):
            self.tape.put(variable, array)
        (self.tape.result, *_) = self.written_out(closed, self.tape.inputs)
        return self.tape

    def written_out(
        self, closed: Any, arguments: Sequence[Any], name: str = "", at: Spot = UNKNOWN,
    ) -> list[Any]:
        """Append the equations of a jaxpr that is called with some variables: of a compiled function ``name`` that is
        called ``at`` a place. Gives what its results are called then."""
        known = dict(zip(closed.jaxpr.invars, arguments, strict=True))
        for variable, number in zip(closed.jaxpr.constvars, closed.consts, strict=True):
            known[variable] = next(self.count)
            self.tape.put(known[variable], number)

        def atom(given: Any) -> Any:
            return Literal(given.val) if hasattr(given, "val") else known[given]

        for one in closed.jaxpr.eqns:
            inputs = [atom(given) for given in one.invars]
            spot = self.spot(one) if not name or self.is_own(one, name) else at
            if one.primitive.name in ("jit", "pjit"):
                results = self.written_out(one.params["jaxpr"], inputs, one.params["name"], spot)
                known.update(zip(one.outvars, results, strict=True))
                continue
            outputs = [next(self.count) for _ in one.outvars]
            known.update(zip(one.outvars, outputs, strict=True))
            self.tape.equations.append(Equation(self.name(one), one.primitive, one.params, inputs, outputs, spot))
        return [atom(given) for given in closed.jaxpr.outvars]

    def spot(self, equation: Any) -> Spot:
        """The user's innermost frame behind an equation."""
        frames = frames_of(equation)
        index = next((i for i, frame in enumerate(frames) if self.files.owns(frame.file_name)), None)
        if index is None:
            return UNKNOWN
        codes, instructions = equation.source_info.traceback.raw_frames()
        return Spot(frames[index].file_name, frames[index].line_num, span_of(codes[index], instructions[index]))

    def is_own(self, equation: Any, name: str) -> bool:
        """Whether an equation of a compiled function stands in the user's code: those of JAX's own functions are traced
        once, and keep the row of the first call."""
        return any(f.function_name.rpartition(".")[2] == name and self.files.owns(f.file_name) for f in frames_of(equation))

    def name(self, equation: Any) -> str:
        """The primitive; a ``stop_gradient`` that JAX itself writes (into softmax) is an ``identity``."""
        name = str(equation.primitive.name)
        if name != "stop_gradient":
            return name
        callers = (after for frame, after in pairwise(frames_of(equation)) if frame.function_name == name)
        return name if any(self.files.owns(caller.file_name) for caller in callers) else "identity"


def frames_of(equation: Any) -> Sequence[Any]:
    """The frames that an equation was traced in, innermost first."""
    frames: Sequence[Any] = getattr(equation.source_info.traceback, "frames", ())
    return frames


def recorded(call: Call, trained: Tensors, files: UserFiles) -> Trail:
    """One run with everything noted, differentiated to ``trained``."""
    trail = Trail(FRAMEWORK, jax.tree_util.tree_leaves(trained))
    try:
        tape = traced(call, trained, files)
        trail.trained = [tape.numbers[variable] for variable in tape.inputs]
        for equation in tape.equations[:MOST_EQUATIONS]:
            entering = [tape.read(atom) for atom in equation.inputs]
            results = zip(equation.outputs, equation.evaluated(entering), strict=True)
            made = [tape.put(out, number) for out, number in results]
            trail.steps.append(Step(equation.name, entering, made, *equation.spot))
        trail.value = tape.read(tape.result)
        trail.tape = tape
    except Exception as error:
        trail.error = one_line(error)
        seen = failure(error, files)
        if seen.row and type(error).__name__ in ASKED_FOR_A_NUMBER:
            place = Place(seen.path or str(files.path), seen.row, "item", seen.span)
            trail.escapes += [(place, t) for t in trail.trained[:1]]
    return trail


def _inside(parameters: dict[str, Any]) -> Iterator[str]:
    for value in parameters.values():
        inner = getattr(value, "jaxpr", None)
        for one in getattr(inner, "eqns", ()):
            yield str(one.primitive.name)
            yield from _inside(one.params)


def _to_whole(equation: Equation) -> bool:
    kind = equation.parameters.get("new_dtype")
    return kind is not None and not jnp.issubdtype(kind, jnp.inexact)
