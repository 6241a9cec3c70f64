"""TensorFlow and Keras: importing this module imports TensorFlow. The modes:

* ``eager``: under ``tf.GradientTape``;
* ``graph``: ``tf.function`` without AutoGraph and, where Keras calls the loss, with an unknown batch size, as Keras 3
  ``fit`` traces it;
* ``autograph``: ``tf.function`` as users write it;
* ``xla``: ``graph`` with ``jit_compile=True``;
* ``fit``: ``Model.fit`` over two full batches and a partial one, of a model that passes the predictions through.

The recorder rests on ``tensorflow.python.framework.op_callbacks``, which TensorFlow's own debugger uses (present in 2.15
and 2.21).
"""

from __future__ import annotations

import contextlib
import gc
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from losslint.confirmation.failures import UserFiles, one_line
from losslint.confirmation.frameworks.base import (
    Array,
    Call,
    DeviceMissing,
    Framework,
    Inputs,
    Measured,
    Tensors,
    Traits,
)
from losslint.confirmation.observation import Observation
from losslint.confirmation.penalties import Weighed
from losslint.confirmation.places import Place, nearest
from losslint.confirmation.probes import Loss, NotForFit
from losslint.confirmation.program import Program
from losslint.confirmation.trail import Step, Trail

OPERATIONS = "operations"  # of the loss itself, among what is traced of it
MANY = 100  # operations that Python takes longer for than a graph
MOST_STEPS = 4000  # operations; beyond that a loss is a whole network, and the search for a place takes too long
ESCAPES = ("numpy", "__array__", "__float__", "__int__", "__index__", "__bool__", "_numpy")
HALF = ("float16", "bfloat16")
FOR_NORMALISED_LABELS = ("SoftmaxCrossEntropyWithLogits",)  # its gradient holds where each row of labels sums to 1
STEPPED = (
    "Round", "Floor", "Ceil", "Rint", "Sign", "Cast", "Greater", "GreaterEqual", "Less", "LessEqual", "ArgMax", "ArgMin",
    "FloorDiv", "FloorMod", "Equal", "NotEqual", "TopKV2", "Bucketize", "If", "StatelessIf", "While", "StatelessWhile",
    "Unique", "HistogramFixedWidth", "ResizeNearestNeighbor", "PyFunc", "EagerPyFunc",
)
STAY_FINITE = {
    "Const", "Placeholder", "Identity", "NoOp", "ReadVariableOp", "StopGradient", "ZerosLike", "OnesLike", "Fill", "Range",
    "Add", "AddV2", "AddN", "Sub", "Mul", "Neg", "Square", "SquaredDifference", "Abs", "DivNoNan", "MatMul", "BatchMatMulV2",
    "BiasAdd", "Sum", "Mean", "Max", "Min", "Maximum", "Minimum", "ClipByValue", "Cumsum", "Sigmoid", "Tanh", "Relu",
    "Softmax", "LogSoftmax", "Softplus", "Sin", "Cos", "Round", "Floor", "Ceil", "Rint", "Sign", "Cast", "Greater",
    "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual", "LogicalAnd", "LogicalOr", "LogicalNot", "Select", "SelectV2",
    "ArgMax", "ArgMin", "OneHot", "TopKV2", "Shape", "Size", "Rank", "Reshape", "StridedSlice", "Slice", "Pack", "Unpack",
    "ConcatV2", "ExpandDims", "Squeeze", "Transpose", "Tile", "Split", "SplitV", "ReverseV2", "Pad", "BroadcastTo",
}  # with its derivative, for numbers up to some hundreds; of Prod that of a shape
FLAT = ("Round", "Floor", "Ceil", "Rint", "Sign", "Cast", "Greater", "GreaterEqual", "Less", "LessEqual", "ArgMax")


class TensorFlow(Framework):
    """TensorFlow with Keras 2 or 3."""

    modes = ("eager", "graph", "autograph", "xla", "fit")
    usual = ("graph",)
    anywhere = ("xla",)  # where(x > 0, sqrt(x), 0.) fails there only
    casts_labels = int(tf.keras.__version__.partition(".")[0]) >= 3  # Keras 3 hands a loss float32, whatever the data

    singular: ClassVar = {
        "Log": (0, 0.0), "Log1p": (0, -1.0), "Xlogy": (1, 0.0), "Xlog1py": (1, -1.0), "Sqrt": (0, 0.0), "Rsqrt": (0, 0.0),
        "RealDiv": (1, 0.0), "Div": (1, 0.0), "Xdivy": (1, 0.0), "Reciprocal": (0, 0.0), "Inv": (0, 0.0), "Pow": (0, 0.0),
        "Exp": (0, 89.0),
        "Expm1": (0, 89.0), "Cosh": (0, 90.0), "Sinh": (0, 90.0), "Acos": (0, 1.0), "Asin": (0, 1.0), "Acosh": (0, 1.0),
        "Atanh": (0, 1.0), "EuclideanNorm": (0, 0.0),
    }  # fmt: skip
    saturating = ("Sigmoid", "Softmax", "Tanh")
    sums = ("AddV2", "Add", "AddN", "Sub")
    of_the_shape = ("Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike")
    stops = ("StopGradient", "PreventGradient")
    selects = ("Where", "Unique", "UniqueV2", "DynamicPartition", "NonMaxSuppressionV5", "PyFunc", "EagerPyFunc")

    def prepare(self, seed: int, device: str) -> str:
        self.seed(seed)
        found = [] if device == "cpu" else tf.config.list_physical_devices("GPU")
        if device.startswith("gpu:") and not found:
            raise DeviceMissing(f"{device} was asked for, but TensorFlow sees no GPU; use --device auto or cpu")
        return "gpu:0" if found else "cpu"

    def seed(self, seed: int) -> None:
        tf.keras.utils.set_random_seed(seed)  # Python's and NumPy's as well; it takes as long as a dozen operations

    def tensors(self, arrays: Inputs) -> Tensors:
        return {name: tf.constant(array, dtype=array.dtype) for name, array in arrays.items()}

    def tensor(self, result: Any) -> Any:
        """A list or tuple is stacked, as Keras does."""
        return tf.convert_to_tensor(result)

    def refusal(self, result: Any) -> str:
        several = isinstance(result, (list, tuple))
        return f"the result is a {type(result).__name__} of {len(result)}, which Keras averages" if several else ""

    def is_tensor(self, value: object) -> bool:
        return bool(tf.is_tensor(value))

    def is_floating(self, value: Any) -> bool:
        return bool(getattr(getattr(value, "dtype", None), "is_floating", False))

    def array(self, tensor: Any) -> Array:
        found = tf.convert_to_tensor(tensor)
        return np.asarray(found.numpy() if found.dtype == tf.bfloat16 else found)  # NumPy takes no single bfloat16

    def like(self, numbers: Array, tensor: Any) -> Any:
        return tf.constant(numbers.reshape(tensor.shape), tensor.dtype)

    def value_and_gradient(self, call: Call, tensors: Tensors, sources: Sequence[str]) -> Measured:
        """What a tape gives, in eager code and while tracing."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([tensors[name] for name in sources])
            value = tf.convert_to_tensor(call(tensors))
        found = tape.gradient(value, [tensors[name] for name in sources])
        return value, {name: None if g is None else tf.convert_to_tensor(g) for name, g in zip(sources, found, strict=True)}

    def measure(self, loss: Loss, arrays: Inputs, sources: Sequence[str], mode: str) -> Measured:
        if mode == "fit":
            return fitted(loss, arrays, sources)
        if mode == "eager":
            return self.value_and_gradient(loss, self.tensors(arrays), sources)
        value, found = traced_step(loss, arrays, sources, mode)(self.tensors(arrays))
        return value, {name: found.get(name) for name in sources}

    def compiled(self, loss: Loss, arrays: Inputs) -> Callable[[], Array]:
        step = traced_step(loss, arrays, (), "graph")
        return lambda: np.asarray(step(self.tensors(arrays))[0])

    def traits(self, loss: Loss, arrays: Inputs) -> Traits | None:
        """By the graph of the traced loss; a function called in it may hide some steps."""
        operations = loss.traced.get(OPERATIONS) or _operations(loss, arrays)
        if operations is None:
            return None
        jumps = any(operation.type in STEPPED or "Call" in operation.type for operation in operations)
        differs = any(_meant_to_differ(operation) for operation in operations)
        loops = any("While" in operation.type for operation in operations)
        finite = all(_stays_finite(operation) for operation in operations)
        return Traits(differs, jumps, finite, loops or len(operations) > MANY)

    def record(self, loss: Loss, tensors: Tensors, trained: Sequence[str]) -> Trail:
        """``tf.function`` helpers run as plain Python. Every floating output is watched as it is born, so that there are
        derivatives on both sides of a cut."""
        trail = Trail(self, [tensors[name] for name in trained])
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

    def weighed(self, loss: Loss, tensors: Tensors) -> Weighed:
        trail = self.record(loss, tensors, ())
        reads = [step for step in trail.steps if step.op == "ReadVariableOp"]
        read = {id(step.inputs[0]) for step in reads}
        trainable = (v for v in gc.get_objects() if issubclass(type(v), tf.Variable) and v.trainable)
        variables = [v for v in trainable if id(v.handle) in read]
        handles = {id(variable.handle) for variable in variables}
        trail.trained = [t for step in reads if id(step.inputs[0]) in handles for t in step.outputs]

        def scaled(factor: float) -> float:
            before = [variable.numpy() for variable in variables]
            for variable, number in zip(variables, before, strict=True):
                variable.assign(number * factor)
            try:
                return float(loss.framework.array(loss(tensors)).sum())
            finally:
                for variable, number in zip(variables, before, strict=True):
                    variable.assign(number)

        return Weighed(trail, scaled)

    def derivatives(self, trail: Trail, target: Any, sources: Sequence[Any], upstream: Any) -> list[Array | None]:
        try:
            found = trail.tape.gradient(target, list(sources), output_gradients=upstream)
        except (LookupError, ValueError, TypeError, AttributeError):
            return [None] * len(sources)
        return [None if g is None else self.array(g) for g in found]

    def unanswered(self, loss: Loss, arrays: Inputs) -> Iterator[Observation]:
        from losslint.confirmation.frameworks import tensorflow_steps

        return tensorflow_steps.unanswered(lambda: loss.result(arrays), loss.files, "eager")

    def steps(self, program: Program, entry: Callable[..., Any], files: UserFiles) -> Iterator[Observation]:
        from losslint.confirmation.frameworks import tensorflow_steps

        return tensorflow_steps.seen_in(program, entry, files)

    def fit(self, program: Program, entry: Callable[[], Any], files: UserFiles) -> Iterator[Observation]:
        from losslint.confirmation.frameworks import tensorflow_fits, tensorflow_heads

        yield from tensorflow_fits.fit(program, entry, files)
        yield from tensorflow_heads.heads(entry, program.claims)


FRAMEWORK = TensorFlow()


# -- traced runs


def traced_step(loss: Loss, arrays: Inputs, sources: Sequence[str], mode: str) -> Callable[[Tensors], Measured]:
    """The traced step for inputs of these shapes, traced only once."""
    free_batch = mode == "graph" and (loss.called_by_keras or loss.kind == "loss")
    signature = {name: _signature(array, free_batch) for name, array in arrays.items()}
    key = (mode, tuple((name, tuple(spec.shape), spec.dtype) for name, spec in signature.items()))
    if key not in loss.traced:
        entry = tf.function(loss.entry) if mode == "autograph" else loss.entry

        def call(given: Tensors) -> Any:
            result = loss.apply(entry, given)
            if entry is loss.entry:  # else it is a call of another graph
                loss.traced[OPERATIONS] = _inside(tf.compat.v1.get_default_graph())
            return result

        def step(tensors: Tensors) -> Measured:
            value, found = FRAMEWORK.value_and_gradient(call, tensors, sources)
            return value, {name: gradient for name, gradient in found.items() if gradient is not None}

        loss.traced[key] = tf.function(
            step, autograph=False, input_signature=[signature], jit_compile=True if mode == "xla" else None,
        )
    found: Callable[[Tensors], Measured] = loss.traced[key]
    return found


def _signature(array: Array, free_batch: bool) -> Any:
    shape = [None, *array.shape[1:]] if free_batch and array.ndim else list(array.shape)
    return tf.TensorSpec(shape, array.dtype)


class PassThrough(tf.keras.layers.Layer):  # type: ignore[misc]
    """Adds a weight that stays 0, so that the loss gets the predictions exactly, and its gradient can be read."""

    def build(self, shape: Any) -> None:
        self.shift = self.add_weight(shape=tuple(shape[1:]), initializer="zeros", name="shift")

    def call(self, inputs: Any) -> Any:
        return inputs + self.shift


class Recording(tf.keras.optimizers.SGD):  # type: ignore[misc]
    """Sums the gradients it is given and moves nothing."""

    def build(self, variables: Any) -> None:
        super().build(variables)
        self.sums = [tf.Variable(tf.zeros(tuple(variable.shape)), trainable=False) for variable in variables]

    def update_step(self, gradient: Any, variable: Any, *_: Any) -> None:
        self.sums[0].assign_add(tf.convert_to_tensor(gradient))


def fitted(loss: Loss, arrays: Inputs, sources: Sequence[str]) -> Measured:
    """Value and gradient as ``Model.fit`` gets them."""
    labels, predictions = _keras_pair(loss, arrays)
    batch = len(predictions)
    partial = max(1, batch // 2)
    x, y = (np.concatenate([array, array, array[:partial]]) for array in (predictions, labels))
    given = tf.keras.Input(shape=predictions.shape[1:], dtype=str(predictions.dtype))
    model = tf.keras.Model(given, PassThrough()(given))
    optimizer = Recording()
    model.compile(optimizer=optimizer, loss=loss.entry, jit_compile=False)
    history = model.fit(x, y, batch_size=batch, epochs=1, shuffle=False, verbose=0)
    return tf.constant(history.history["loss"][0]), dict.fromkeys(sources, optimizer.sums[0])


def _keras_pair(loss: Loss, arrays: Inputs) -> tuple[Array, Array]:
    """Labels and predictions, as Keras passes them by position.

    Raises:
        NotForFit: it is not called by ``fit`` with a batch of both.
    """
    values = list(arrays.values())
    if loss.kind != "loss" or len(values) != 2 or not all(value.ndim for value in values):
        raise NotForFit("fit calls a loss with a batch of labels and one of predictions")
    return values[0], values[1]


# -- what a loss is built of


def _operations(loss: Loss, inputs: Inputs) -> list[Any] | None:
    """The operations of the traced loss, those of inner functions included; None where it cannot be traced."""
    signature = {name: tf.TensorSpec(array.shape, array.dtype) for name, array in inputs.items()}
    try:
        graph = tf.function(lambda tensors: loss(tensors), autograph=False).get_concrete_function(signature).graph
    except Exception:  # of the user's code; the modes have told it
        return None
    return _inside(graph)


def _inside(graph: Any) -> list[Any]:
    """The operations of a graph and of the functions that it calls."""
    inner = [function.graph for function in graph._functions.values() if getattr(function, "graph", None) is not None]
    return [operation for one in (graph, *inner) for operation in one.get_operations()]


def _stays_finite(operation: Any) -> bool:
    """Whether an operation has no singular point; a product of few sizes is as good as one."""
    return operation.type in STAY_FINITE or (operation.type == "Prod" and operation.outputs[0].dtype.is_integer)


def _meant_to_differ(operation: Any) -> bool:
    """Whether an operation stops a gradient, casts to half precision, or is a custom gradient around an identity or a
    flat function: there the derivative is not that of the value, on purpose."""
    return bool(
        operation.type in (*FRAMEWORK.stops, *FOR_NORMALISED_LABELS) or operation.type.startswith("FakeQuant")
        or (operation.type == "Cast" and operation.outputs[0].dtype.name in HALF)
        or (operation.type == "IdentityN" and _straight_through(operation))
    )


def _straight_through(operation: Any) -> bool:
    """Whether a custom gradient (an IdentityN over results and arguments) replaces that of an identity or of steps."""
    tensors = {tensor.ref() for tensor in operation.inputs}
    inside: set[str] = set()
    for tensor in operation.inputs:
        inside |= _between(tensor, tensors - {tensor.ref()})
    inside -= {"Identity", "IdentityN"}
    return not inside or any(name in FLAT for name in inside)


def _between(result: Any, arguments: set[Any]) -> set[str]:
    """Types of the operations from a custom function's arguments to a result; empty where it does not depend on them."""
    known: dict[Any, bool] = dict.fromkeys(arguments, True)
    found: set[str] = set()

    def reaches(tensor: Any) -> bool:
        key = tensor.ref()
        if key not in known:
            hits = [reaches(source) for source in tensor.op.inputs]  # all of them: each may add to what is found
            known[key] = any(hits)
            if known[key]:
                found.add(tensor.op.type)
        return known[key]

    reaches(result)
    return found


# -- the recorder


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
            if self.trail.tape is not None and FRAMEWORK.is_floating(output):
                self.trail.tape.watch(output)
        self.trail.steps.append(Step(name, list(inputs), list(outputs), *nearest(sys._getframe(1), self.owns)))

    def _patch(self) -> None:
        """Watch values leave the framework: ``t.numpy()``, ``float(t)``, ``np.array(t)`` where NumPy asks politely."""
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
            path, row, span = nearest(frame, self.owns)
            if near and row:
                self.trail.escapes.append((Place(path, row, name.strip("_"), span), tensor))
            return original(tensor, *args, **kwargs)

        return leave


@contextlib.contextmanager
def noted(files: UserFiles, watched: bool = False) -> Iterator[Trail]:
    """The eager operations that run meanwhile, under whatever tapes the user's code has; ``watched`` by another one."""
    trail = Trail(FRAMEWORK)
    with contextlib.ExitStack() as stack:
        if watched:
            trail.tape = stack.enter_context(tf.GradientTape(persistent=True))
        stack.enter_context(_Recorder(trail, files))
        yield trail
