"""One measurement: a loss, called in one mode on one set of inputs, with its gradient.

Runs in the child only: importing this module imports TensorFlow. Nothing is instrumented here, as an instrumented run
may differ from the user's; ``locate.py`` instruments a second one. The modes:

* ``eager``: under ``tf.GradientTape``;
* ``graph``: ``tf.function`` without AutoGraph and, where Keras calls the loss, with an unknown batch size, as Keras 3
  ``fit`` traces it;
* ``autograph``: ``tf.function`` as users write it;
* ``xla``: ``graph`` with ``jit_compile=True``;
* ``fit``: ``Model.fit`` over two full batches and a partial one, of a model that passes the predictions through.
"""

from __future__ import annotations

import dataclasses
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

import numpy as np
import tensorflow as tf

from losslint.confirmation.failures import UserFiles, failure
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.program import TensorSpec

Inputs = Mapping[str, np.ndarray[Any, Any]]
Tensors = dict[str, Any]
Measured = tuple[Any, dict[str, Any]]  # value, gradient by name of input: None where there is none

CASTS_LABELS = int(tf.keras.__version__.partition(".")[0]) >= 3  # Keras 3 hands a loss float32, whatever the data
MOST_READ = 4096  # numbers of an array that anybody reads
DIFFERENTIATED = ("prediction", "tensor")


@dataclass
class Loss:
    """A loss that can be called, and what is traced of it so far.

    ``kind`` is that of the Program: a ``loss`` gets its inputs by position, a ``function`` by name.
    """

    entry: Callable[..., Any]
    files: UserFiles
    kind: str = "loss"
    called_by_keras: bool = False
    steps: dict[object, Callable[[Tensors], Measured]] = field(default_factory=dict)

    def __call__(self, tensors: Mapping[str, Any]) -> Any:
        return self.apply(self.entry, tensors)

    def apply(self, entry: Callable[..., Any], tensors: Mapping[str, Any]) -> Any:
        """Call ``entry`` the way this loss is called."""
        if self.kind == "loss":
            return entry(*tensors.values())
        args, kwargs = by_position(entry, tensors)
        return entry(*args, **kwargs)

    def prepared(self, inputs: Inputs) -> dict[str, np.ndarray[Any, Any]]:
        """The arrays as the loss gets them: Keras 3 casts labels and predictions first."""
        if not (CASTS_LABELS and self.called_by_keras and self.kind == "loss"):
            return dict(inputs)
        return {name: value.astype(np.float32) for name, value in inputs.items()}


def by_position(entry: Callable[..., Any], tensors: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Named tensors as the arguments of a call that passes by position what it can: a ``tf.custom_gradient`` ignores what
    is passed by keyword."""
    try:
        bound = inspect.signature(entry).bind(**tensors)
    except (TypeError, ValueError):  # it has no signature, or another one
        return (), dict(tensors)
    return bound.args, bound.kwargs


def observe(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], mode: str) -> Observation:
    """Call a loss once in one mode, on these inputs, and take its gradient.

    Args:
        loss: what is called.
        inputs: arrays by name, in the order of the loss's arguments.
        specs: what the arrays are; the gradient is taken to the floating ones whose role is prediction or tensor, of
            the sum of the loss's elements, as ``tape.gradient`` does.
        mode: ``eager``, ``graph``, ``autograph``, ``xla`` or ``fit``.

    Returns:
        The outcome ``RAISES``, ``BAD_VALUE``, ``NO_GRADIENT`` (no input has one), ``BAD_GRADIENT``, ``ZERO_GRADIENT``
        (exactly 0 *here*, which is a fault only at generic inputs) or ``FINE``. ``gradient`` maps the names of inputs to
        nested lists, or to None; ``loss`` has the shape the loss returned. Exceptions of the user's code become
        ``RAISES``; ``SystemExit`` and ``KeyboardInterrupt`` pass.
    """
    started = time.perf_counter()
    arrays = loss.prepared(inputs)
    sources = differentiated(arrays, specs)
    try:
        value, gradient = MEASURE[mode](loss, arrays, sources)
        seen = _outcome(value, gradient)
    except Exception as error:
        seen = failure(error, loss.files)
    return dataclasses.replace(seen, mode=mode, **told(arrays), seconds=time.perf_counter() - started)


class Told(TypedDict):
    """Inputs as an observation keeps them."""

    inputs: dict[str, object]
    dtypes: dict[str, str]


def told(arrays: Inputs) -> Told:
    """Arrays as nested lists, with their dtypes."""
    return {
        "inputs": {name: numbers(array) for name, array in arrays.items()},
        "dtypes": {name: str(array.dtype) for name, array in arrays.items()},
    }


def differentiated(arrays: Inputs, specs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """Names of the inputs that the derivative is taken to."""
    roles = {spec.name: spec.role for spec in specs}
    return tuple(
        name for name, array in arrays.items()
        if roles.get(name, "tensor") in DIFFERENTIATED and tf.as_dtype(array.dtype).is_floating
    )


def numbers(value: Any) -> object:
    """Nested lists of the shortest numbers that give the same array again: 0.1, not 0.10000000149011612."""
    array = np.asarray(value)
    if array.dtype.kind == "V" or array.dtype == np.float16:  # bfloat16 has no kind of its own
        array = array.astype(np.float32)
    if array.dtype == np.float32 and 0 < array.size <= MOST_READ:
        array = array.astype(str).astype(np.float64)
    listed: object = array.tolist()
    return listed


def value_and_gradient(call: Callable[[Tensors], Any], tensors: Tensors, sources: Sequence[str]) -> Measured:
    """The loss as a tensor and the gradient of its sum: what a tape gives, in eager code and while tracing.

    A list or tuple is stacked, as Keras does; what cannot be a tensor raises.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([tensors[name] for name in sources])
        value = tf.convert_to_tensor(call(tensors))
    found = tape.gradient(value, [tensors[name] for name in sources])
    return value, {name: None if g is None else tf.convert_to_tensor(g) for name, g in zip(sources, found, strict=True)}


def _eager(loss: Loss, arrays: Inputs, sources: Sequence[str]) -> Measured:
    return value_and_gradient(loss, tensors_of(arrays), sources)


def _traced(mode: str) -> Callable[[Loss, Inputs, Sequence[str]], Measured]:
    def measure(loss: Loss, arrays: Inputs, sources: Sequence[str]) -> Measured:
        value, found = traced_step(loss, arrays, sources, mode)(tensors_of(arrays))
        return value, {name: found.get(name) for name in sources}

    return measure


def traced_step(
    loss: Loss, arrays: Inputs, sources: Sequence[str], mode: str,
) -> Callable[[Tensors], Measured]:
    """The traced step for inputs of these shapes, traced only once."""
    free_batch = mode == "graph" and (loss.called_by_keras or loss.kind == "loss")
    signature = {name: _signature(array, free_batch) for name, array in arrays.items()}
    key = (mode, tuple((name, tuple(spec.shape), spec.dtype) for name, spec in signature.items()))
    if key not in loss.steps:
        entry = tf.function(loss.entry) if mode == "autograph" else loss.entry

        def step(tensors: Tensors) -> Measured:
            value, found = value_and_gradient(lambda given: loss.apply(entry, given), tensors, sources)
            return value, {name: gradient for name, gradient in found.items() if gradient is not None}

        loss.steps[key] = tf.function(
            step, autograph=False, input_signature=[signature], jit_compile=True if mode == "xla" else None,
        )
    return loss.steps[key]


def _signature(array: np.ndarray[Any, Any], free_batch: bool) -> Any:
    shape = [None, *array.shape[1:]] if free_batch and array.ndim else list(array.shape)
    return tf.TensorSpec(shape, array.dtype)


def tensors_of(arrays: Inputs) -> Tensors:
    """The arrays as tensors of the same dtype."""
    return {name: tf.constant(array, dtype=array.dtype) for name, array in arrays.items()}


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


def _fit(loss: Loss, arrays: Inputs, sources: Sequence[str]) -> Measured:
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


def _keras_pair(loss: Loss, arrays: Inputs) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Labels and predictions, as Keras passes them by position.

    Raises:
        NotForFit: it is not called by ``fit`` with a batch of both.
    """
    values = list(arrays.values())
    if loss.kind != "loss" or len(values) != 2 or not all(value.ndim for value in values):
        raise NotForFit("fit calls a loss with a batch of labels and one of predictions")
    return values[0], values[1]


class NotForFit(Exception):
    """The loss has no form that ``Model.fit`` takes."""


MEASURE: dict[str, Callable[[Loss, Inputs, Sequence[str]], Measured]] = {
    "eager": _eager,
    "graph": _traced("graph"),
    "autograph": _traced("autograph"),
    "xla": _traced("xla"),
    "fit": _fit,
}


def _outcome(value: Any, gradient: Mapping[str, Any]) -> Observation:
    """What value and gradient amount to, without mode and inputs."""
    value = np.asarray(value)
    arrays = {name: None if found is None else np.asarray(found) for name, found in gradient.items()}
    found = [array for array in arrays.values() if array is not None]
    if not _finite(value):
        outcome = Outcome.BAD_VALUE
    elif not found:
        outcome = Outcome.NO_GRADIENT
    elif not all(_finite(array) for array in found):
        outcome = Outcome.BAD_GRADIENT
    elif not any(array.any() for array in found):
        outcome = Outcome.ZERO_GRADIENT
    else:
        outcome = Outcome.FINE
    missing = [name for name, array in arrays.items() if array is None]
    return Observation(
        outcome, "", loss=numbers(value),
        gradient={name: None if array is None else numbers(array) for name, array in arrays.items()},
        detail=f"no gradient to {', '.join(missing)}" if missing and found else "",
    )


def _finite(array: np.ndarray[Any, Any]) -> bool:
    return array.dtype.kind not in "fcV" or bool(np.isfinite(array).all())
