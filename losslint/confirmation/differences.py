"""The gradient against central differences in float64: finds gradients that are there, and wrong.

Directional derivatives, as they cost two runs each whatever the number of elements. Two step sizes and both sides must
agree with one another first: at a kink or a jump the differences say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.probes import Inputs, Loss, differentiated, numbers, tensors_of, told, value_and_gradient
from losslint.confirmation.program import TensorSpec

DIRECTIONS = 3
STEPS = (1e-4, 3e-5)
SMOOTH = 1e-3  # relative difference of two estimates of one slope, where the loss is smooth
WRONG = 1e-2  # and of the gradient from them, where it is wrong
HALF = ("float16", "bfloat16")
STOPS = ("StopGradient", "PreventGradient")
FOR_NORMALISED_LABELS = ("SoftmaxCrossEntropyWithLogits",)  # its gradient holds where each row of labels sums to 1
STEPPED = (
    "Round", "Floor", "Ceil", "Rint", "Sign", "Cast", "Greater", "GreaterEqual", "Less", "LessEqual", "ArgMax", "ArgMin",
    "FloorDiv", "FloorMod", "Equal", "NotEqual", "TopKV2", "Bucketize", "If", "StatelessIf", "While", "StatelessWhile",
    "Unique", "HistogramFixedWidth", "ResizeNearestNeighbor", "PyFunc", "EagerPyFunc",
)
FLAT = ("Round", "Floor", "Ceil", "Rint", "Sign", "Cast", "Greater", "GreaterEqual", "Less", "LessEqual", "ArgMax")


def compare(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec]) -> Iterator[Observation]:
    """``WRONG_GRADIENT`` with both numbers where the gradient differs from differences; ``FINE`` in mode
    ``differences`` where it was compared and does not; nothing where it cannot be compared: the loss refuses float64,
    or draws random numbers. Not for losses whose gradient is ``meant_to_differ``."""
    arrays = {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in inputs.items()}
    sources = differentiated(arrays, specs)
    try:
        if not sources:
            return
        value, gradient = value_and_gradient(loss, tensors_of(arrays), sources)
        again = _value(loss, arrays)
    except Exception:  # of the user's code, which need not work in float64
        return
    if value.dtype != tf.float64 or float(tf.reduce_sum(value)) != again:
        return
    generator = np.random.default_rng(7)
    compared = False
    for _ in range(DIRECTIONS):
        towards = {name: generator.uniform(0.5, 1.0, arrays[name].shape) * generator.choice([-1.0, 1.0], arrays[name].shape)
                   for name in sources}
        slope = _slope(loss, arrays, towards)
        if slope is None:
            continue
        compared = True
        analytic = sum(float((np.asarray(g) * towards[name]).sum()) for name, g in gradient.items() if g is not None)
        if abs(analytic - slope) > WRONG * max(abs(slope), abs(analytic), 1e-6):
            yield Observation(
                Outcome.WRONG_GRADIENT, "eager", **told(inputs), loss=numbers(value),
                gradient={name: None if g is None else numbers(g) for name, g in gradient.items()},
                detail=f"the gradient gives a slope of {analytic:.6g}, central differences {slope:.6g}",
            )
            return
    if compared:
        yield Observation(Outcome.FINE, "differences")


def _slope(loss: Loss, arrays: Inputs, towards: Inputs) -> float | None:
    """The derivative along a direction, None where the loss is not smooth."""
    here, found = _value(loss, arrays), []
    for size in STEPS:
        try:
            ahead = _value(loss, {**arrays, **{name: arrays[name] + size * step for name, step in towards.items()}})
            behind = _value(loss, {**arrays, **{name: arrays[name] - size * step for name, step in towards.items()}})
        except Exception:  # a step out of the domain
            return None
        found += [(ahead - behind) / (2 * size), (ahead - here) / size, (here - behind) / size]
    central, *_ = found
    scale = max(abs(central), 1e-6)
    curved = 100 * SMOOTH  # one-sided differences are off by half a step times the curvature
    if not np.isfinite(found).all() or abs(found[0] - found[3]) > SMOOTH * scale:
        return None
    return central if abs(found[1] - found[2]) <= curved * scale else None


def _value(loss: Loss, arrays: Inputs) -> float:
    return float(tf.reduce_sum(tf.convert_to_tensor(loss(tensors_of(arrays)))))


def operations(loss: Loss, inputs: Inputs) -> list[Any] | None:
    """The operations of the traced loss, those of inner functions included; None where it cannot be traced."""
    signature = {name: tf.TensorSpec(array.shape, array.dtype) for name, array in inputs.items()}
    try:
        graph = tf.function(lambda tensors: loss(tensors), autograph=False).get_concrete_function(signature).graph
    except Exception:  # of the user's code; the modes have told it
        return None
    inner = [function.graph for function in graph._functions.values() if getattr(function, "graph", None) is not None]
    return [operation for one in (graph, *inner) for operation in one.get_operations()]


def meant_to_differ(operations: Sequence[Any]) -> bool:
    """Whether a stopped gradient, a half-precision cast or a custom gradient around an identity or a flat function lies
    in the loss: there the derivative is not that of the value, on purpose."""
    return any(
        operation.type in (*STOPS, *FOR_NORMALISED_LABELS) or operation.type.startswith("FakeQuant")
        or (operation.type == "Cast" and operation.outputs[0].dtype.name in HALF)
        or (operation.type == "IdentityN" and _straight_through(operation))
        for operation in operations
    )


def may_jump(operations: Sequence[Any]) -> bool:
    """Whether anything in the loss takes steps; a function called in it may hide some."""
    return any(operation.type in STEPPED or "Call" in operation.type for operation in operations)


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
