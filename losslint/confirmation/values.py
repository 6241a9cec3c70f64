"""Numbers for the tensors of a loss: points in general position, and the corners where losses break.

A value that no training meets proves nothing, so the corners stay at what data sets, sigmoids and untrained networks
really produce; ``losslint.confirmation.tiers`` says how far out a set of inputs lies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losslint.confirmation.program import TensorSpec

Array = NDArray[Any]
Inputs = dict[str, Array]
Corner = tuple[str, Array, bool]  # what it is, its numbers, whether only late training meets it

INTERVALS = {
    "real": (-1.9, 1.9), "logits": (-2.6, 2.6), "probability": (0.04, 0.96), "positive": (0.1, 2.3),
    "nonnegative": (0.1, 2.3), "unit": (-0.95, 0.95), "weight": (0.2, 1.8), "image": (0.04, 0.96),
}  # fmt: skip
DISCRETE = ("binary", "mask", "onehot", "class", "integer")
LEAST_GAP = 0.03  # from zero and from one: nobody's threshold, no kink of relu, abs or hinge
MOST_CASES = 96


@dataclass(frozen=True)
class Case:
    """Inputs, and what is special about them."""

    inputs: Inputs
    what: str


# -- points in general position


def generic(specs: Sequence[TensorSpec], seed: int = 0) -> Inputs:
    """Inputs without ties, zeros, exact ones or kinks: an all-zero gradient there means something.

    Each array has the shape and dtype of its spec; binary, one-hot and class tensors hold more than one class wherever
    they have room for it.
    """
    rng = np.random.default_rng(seed)
    return {spec.name: _generic(spec, rng, index) for index, spec in enumerate(specs)}


def _generic(spec: TensorSpec, rng: np.random.Generator, index: int = 0) -> Array:
    size = int(np.prod(spec.shape, dtype=int))
    if spec.values == "constant":
        return np.full(spec.shape, 1.0 if spec.low is None else spec.low, spec.dtype)
    if spec.values in ("binary", "mask"):
        return rng.permutation(np.arange(size) % 2 == 0).reshape(spec.shape).astype(spec.dtype)
    if spec.values == "onehot":
        return _hot(rng.permutation(np.arange(_rows(spec)) % spec.shape[-1]), spec)
    if spec.values == "class":
        classes = max(min(spec.classes, size // 2), 2)  # most of them more than once
        return rng.permutation(np.arange(size) % classes).reshape(spec.shape).astype(spec.dtype)
    if spec.values == "integer":
        low, high = _interval(spec, (1.0, 9.0))
        return rng.integers(int(low), int(high) + 1, spec.shape).astype(spec.dtype)
    if spec.values == "simplex":
        exponentials = np.exp(rng.uniform(-1.2, 1.2, spec.shape))
        shares = _short(exponentials / exponentials.sum(-1, keepdims=True), 0.03 / max(spec.shape[-1], 1))
        largest = shares.argmax(-1, keepdims=True)
        rest = 1.0 - shares.sum(-1, keepdims=True)  # what rounding has left
        np.put_along_axis(shares, largest, np.take_along_axis(shares, largest, -1) + rest, -1)
        return shares.astype(spec.dtype)
    low, high = _interval(spec, INTERVALS.get(spec.values, INTERVALS["real"]))
    if not spec.is_floating:
        return rng.integers(int(np.ceil(low)), int(max(high, low + 2)) + 1, spec.shape).astype(spec.dtype)
    strata = (rng.permutation(size) + rng.uniform(0.2, 0.8, size)) / max(size, 1)  # no two alike
    numbers = low + (high - low) * strata
    for kink in (0.0, 1.0, -1.0, 0.5):
        near = np.abs(numbers - kink) < LEAST_GAP / 4
        numbers = np.where(near, numbers + np.where(numbers + LEAST_GAP < high, LEAST_GAP, -LEAST_GAP), numbers)
    numbers = _short(numbers, (high - low) / max(size, 1), index)
    return numbers.reshape(spec.shape).astype(spec.dtype)


def _short(numbers: Array, gap: float, index: int = 0) -> Array:
    """Numbers with no more digits than keep those apart that lie ``gap`` apart: a reader can copy them. The last digit
    tells the tensors apart, so that no two of them agree."""
    digits = max(2, int(np.ceil(-np.log10(max(gap, 1e-12)))) + 1)
    return np.round(np.round(numbers, digits) + index % 10 * 10.0 ** -(digits + 1), digits + 1)


def related(specs: Sequence[TensorSpec], inputs: Inputs) -> Iterator[Inputs]:
    """Points in general position that stand in some relation to each other, as real inputs do: drawn together, so that a
    margin is not beyond all of them; predictions near their labels; rows in ascending order, as the corners of a box are;
    and drawn apart, out of a tube around 0."""
    ordered = {name: np.sort(array, axis=-1) if array.ndim else array for name, array in inputs.items()}
    points = (
        scaled(specs, inputs, 1 / 8), _agreed(specs, inputs), ordered, _agreed(specs, ordered), scaled(specs, inputs, 4.0),
    )
    for found in points:
        if all(fits(spec, found[spec.name]) for spec in specs):
            yield found


def scaled(specs: Sequence[TensorSpec], inputs: Inputs, factor: float) -> Inputs:
    """The inputs with what may be any number multiplied."""
    free = {spec.name for spec in specs if spec.values == "real" and spec.is_floating}
    return {name: (array * factor).astype(array.dtype) if name in free else array for name, array in inputs.items()}


def _agreed(specs: Sequence[TensorSpec], inputs: Inputs) -> Inputs:
    """The inputs with each prediction moved most of the way to the label of its shape, or to the first tensor of it."""
    anchors: dict[tuple[int, ...], Array] = {}
    for spec in sorted(specs, key=lambda one: one.role != "label"):
        anchors.setdefault(inputs[spec.name].shape, inputs[spec.name])
    moved = dict(inputs)
    for spec in specs:
        array = inputs[spec.name]
        if spec.role in ("prediction", "tensor") and spec.is_floating:
            anchor = anchors[array.shape].astype("float64")
            moved[spec.name] = (anchor + (array - anchor) / 8).astype(array.dtype)
    return moved


def _interval(spec: TensorSpec, default: tuple[float, float]) -> tuple[float, float]:
    """The interval that generic points come from: the narrower of what is usual and what is allowed."""
    low = default[0] if spec.low is None else float(spec.low)
    high = default[1] if spec.high is None else float(spec.high)
    if spec.low is not None and spec.high is None:
        high = low + (default[1] - default[0])
    if spec.high is not None and spec.low is None:
        low = high - (default[1] - default[0])
    return low, high


def _rows(spec: TensorSpec) -> int:
    return int(np.prod(spec.shape[:-1], dtype=int))


def _hot(classes: Array, spec: TensorSpec) -> Array:
    return np.eye(spec.shape[-1])[classes].reshape(spec.shape).astype(spec.dtype)


# -- what may stand in a tensor


def fits(spec: TensorSpec, array: Array) -> bool:
    """Whether numbers keep the contract of a tensor: labels of a probability loss in [0, 1], one-hot rows, and so on."""
    numbers = np.asarray(array, "float64")
    if spec.missing:
        numbers = numbers[~np.isnan(numbers)]
    if spec.marks:
        if bool(np.isin(numbers, spec.marks).all()):
            return True
        if spec.values not in ("onehot", "simplex"):
            numbers = numbers[~np.isin(numbers, spec.marks)]
    if not np.all(np.isfinite(numbers)):
        return False
    if (spec.low is not None and np.any(numbers < spec.low)) or (spec.high is not None and np.any(numbers > spec.high)):
        return False
    within = {
        "probability": (0.0, 1.0), "simplex": (0.0, 1.0), "binary": (0.0, 1.0), "onehot": (0.0, 1.0), "mask": (0.0, 1.0),
        "unit": (-1.0, 1.0), "positive": (1e-30, np.inf), "nonnegative": (0.0, np.inf), "weight": (0.0, np.inf),
        "class": (0.0, max(spec.classes, 2) - 1.0), "image": (0.0, np.inf),
    }.get(spec.values, (-np.inf, np.inf))  # fmt: skip
    if np.any(numbers < within[0]) or np.any(numbers > within[1]):
        return False
    if spec.values in DISCRETE and np.any(numbers != np.round(numbers)):
        return False
    if spec.values in ("onehot", "simplex") and numbers.size:
        rounding = 1e-2 if array.dtype.itemsize == 2 else 1e-4
        return numbers.shape[-1] > 1 and bool(np.allclose(numbers.sum(-1), 1.0, atol=rounding))
    return True


def project(spec: TensorSpec, array: Array) -> Array:
    """The nearest numbers that the interval of a tensor allows; a step of a search may leave it."""
    low, high = {
        "probability": (0.0, 1.0), "unit": (-1.0, 1.0), "positive": (1e-6, None), "nonnegative": (0.0, None),
        "image": (0.0, 1.0), "weight": (0.0, None),
    }.get(spec.values, (None, None))  # fmt: skip
    low = spec.low if spec.low is not None else low
    high = spec.high if spec.high is not None else high
    if low is None and high is None:
        return array
    return np.clip(array, low, high).astype(array.dtype)


# -- the corners


def named(specs: Sequence[TensorSpec], told: Mapping[str, float], base: Inputs) -> Inputs:
    """The inputs with whole tensors of the numbers that a finding names; {} where these keep no contract."""
    whole = {s.name: np.full(s.shape, told[s.name]).astype(s.dtype) for s in specs if s.name in told}
    return {**base, **whole} if whole and all(fits(s, whole[s.name]) for s in specs if s.name in whole) else {}


def corpus(specs: Sequence[TensorSpec]) -> Iterator[Case]:
    """Inputs that break losses, the likeliest first.

    A perfect prediction comes first, then saturated and constant predictions against ordinary labels, then labels without
    a positive or with a single class, empty masks and equal embeddings, and last what only late training meets: logits of
    100 and probabilities of 1e-38. Every case keeps the contract of its specs.
    """
    base = generic(specs, seed=1)
    seen: set[bytes] = set()
    for count, case in enumerate(_cases(specs, base)):
        key = b"|".join(np.ascontiguousarray(a).tobytes() for a in case.inputs.values())
        if key not in seen and all(fits(spec, case.inputs[spec.name]) for spec in specs):
            seen.add(key)
            yield case
        if count >= MOST_CASES:
            return


def _cases(specs: Sequence[TensorSpec], base: Inputs) -> Iterator[Case]:
    labels = [s for s in specs if s.role == "label"]
    weights = [s for s in specs if s.role == "weight" or s.values == "mask"]
    moved = [s for s in specs if s.role in ("prediction", "tensor") and s not in weights]
    yield from _agreeing(labels, moved, base)
    for spec in labels:
        if spec.missing:
            yield Case(base | {spec.name: _first_number(base[spec.name].copy(), np.nan)}, f"{spec.name} missing once")
    choices = {s.name: [*_marked(s), *_corners(s)] for s in specs}
    early = {name: [c for c in found if not c[2]] for name, found in choices.items()}
    if len(labels) > 1:  # inputs and labels: a model of zeros is right about labels of zeros
        yield Case(base | _all("all zero", (*labels, *moved), early), "all zero")
    for spec in moved:
        for what, array, _ in early[spec.name]:
            yield Case(base | {spec.name: array}, f"{spec.name} {what}")
    for spec in weights:
        yield Case(base | {spec.name: np.zeros(spec.shape, spec.dtype)}, f"{spec.name} all zero")
    for label in labels:
        for said, known, _ in early[label.name]:
            yield Case(base | {label.name: known}, f"{label.name} {said}")
    for label in labels:
        for said, known, _ in early[label.name]:
            for spec in moved:
                for what, array, _ in early[spec.name]:
                    inputs = base | {label.name: known, spec.name: array}
                    yield Case(inputs, f"{label.name} {said}, {spec.name} {what}")
    if len(moved) > 1:
        for what in ("all zero", "all one", "rows alike", "constant"):
            yield Case(base | _all(what, moved, early), f"all {what}")
    for spec in moved:
        for what, array, late in choices[spec.name]:
            if late:
                yield Case(base | {spec.name: array}, f"{spec.name} {what}")
                for label in labels:
                    for said, known, _ in early[label.name][:2]:
                        inputs = base | {label.name: known, spec.name: array}
                        yield Case(inputs, f"{label.name} {said}, {spec.name} {what}")


def _all(what: str, specs: Iterable[TensorSpec], choices: Mapping[str, Sequence[Corner]]) -> Inputs:
    """The same corner of several tensors, of those that have it."""
    return {s.name: array for s in specs for said, array, _ in choices[s.name] if said == what}


def _agreeing(labels: Sequence[TensorSpec], moved: Sequence[TensorSpec], base: Inputs) -> Iterator[Case]:
    """Predictions that equal their label, and tensors of one shape that equal each other."""
    for label in labels:
        for spec in moved:
            right = perfect(label, base[label.name], spec)
            if right is not None:
                yield Case(base | {spec.name: right}, "a perfect prediction")
                if spec.values in ("real", "positive", "nonnegative", "probability") and spec.shape and spec.shape[0] > 1:
                    half = np.array(base[spec.name])
                    half[0] = right[0]
                    yield Case(base | {spec.name: half}, "one perfectly predicted row")
    for index, first in enumerate(moved):
        for second in moved[index + 1:]:
            if first.shape == second.shape:
                yield Case(base | {second.name: base[first.name].astype(second.dtype)}, f"{first.name} equals {second.name}")


def perfect(label: TensorSpec, known: Array, spec: TensorSpec) -> Array | None:
    """The prediction that a label asks for; None when the two have nothing to do with each other."""
    if label.values == "class" and label.shape == spec.shape[:-1]:
        known = np.eye(spec.shape[-1])[np.clip(known.astype(int), 0, spec.shape[-1] - 1)]
    elif label.shape == (*spec.shape, 1) or (*label.shape, 1) == spec.shape:
        known = known.reshape(spec.shape)
    elif label.shape != spec.shape:
        return None
    if spec.values == "logits":
        known = np.where(known > 0.5, 20.0, -20.0)
    return known.astype(spec.dtype)


def _corners(spec: TensorSpec) -> Iterator[Corner]:
    shape, dtype = spec.shape, spec.dtype

    def full(number: float) -> Array:
        return np.full(shape, number, dtype)

    ordinary = _generic(spec, np.random.default_rng(2))
    if spec.values == "constant":
        return
    if spec.values in ("onehot", "simplex"):
        yield "one class", _hot(np.zeros(_rows(spec), int), spec), False
        yield "one-hot", _hot(np.arange(_rows(spec)) % shape[-1], spec), False
        if spec.values == "simplex":
            yield "uniform", full(1.0 / max(shape[-1], 1)), False
        return
    if spec.values == "class":
        yield "one class", full(0.0), False
        if ordinary.size <= spec.classes:
            yield "no two of a class", np.arange(ordinary.size).reshape(shape).astype(dtype), False
        return
    if spec.values in ("binary", "mask"):
        yield "all zero", full(0.0), False
        yield "all one", full(1.0), False
        if len(shape) > 1 and shape[0] > 1:
            yield "one empty row", _first_row(np.ones(shape, dtype), 0.0), False
        return
    if spec.values == "logits":
        yield "saturated at 20", full(20.0), False
        yield "saturated at -20", full(-20.0), False
        yield "all zero", full(0.0), False
        if len(shape) > 1:
            yield "rows alike", np.broadcast_to(ordinary[:1], shape).copy(), False
            yield "gap of 200", _hot(np.arange(_rows(spec)) % shape[-1], spec) * np.asarray(200.0, dtype) - 100, True
        for number in (100.0, -110.0, 89.0):
            yield f"of {number:g}", full(number), True
        return
    if spec.values == "integer":
        yield "all zero", full(0.0), False
        yield "all one", full(1.0), False
        return
    yield "all zero", full(0.0), False
    yield "all one", full(1.0), False
    yield "constant", full(0.5 if spec.values == "probability" else 0.3), False
    if len(shape) > 1:
        yield "rows alike", np.broadcast_to(ordinary[:1], shape).copy(), False
        yield "constant rows", np.broadcast_to(ordinary[..., :1], shape).copy(), False
        yield "one row of zeros", _first_row(ordinary.copy(), 0.0), False
    if ordinary.ndim:
        yield "one zero", _first_number(ordinary.copy(), 0.0), False
        yield "one exact one", _first_number(ordinary.copy(), 1.0), False
    if spec.values in ("real", "unit"):
        yield "all minus one", full(-1.0), False
        yield "negative", -np.abs(ordinary), False
    if spec.values == "probability":
        yield "of 1e-38", full(1e-38), True
    elif spec.values == "real":
        for number in (20.0, -20.0):
            yield f"of {number:g}", full(number), False
        for number in (100.0, -110.0):
            yield f"of {number:g}", full(number), True
    elif spec.values in ("positive", "nonnegative"):
        yield "of 20", full(20.0), False
        yield "of 100", full(100.0), True


def _marked(spec: TensorSpec) -> Iterator[Corner]:
    """Nothing but a number that the loss singles out, where the type can hold it."""
    for mark in spec.marks:
        array = np.full(spec.shape, mark, "float64").astype(spec.dtype)
        if spec.is_floating or np.all(array == mark):
            yield f"all {mark:g}", array, False


def _first_row(array: Array, number: float) -> Array:
    array[0] = number
    return array


def _first_number(array: Array, number: float) -> Array:
    array.flat[0] = number
    return array


# -- fewer numbers


def rows_of(specs: Sequence[TensorSpec], inputs: Mapping[str, Array], row: int, count: int = 1) -> Inputs | None:
    """One row of a batch, or a few from there on; None when the tensors have no common batch that is larger."""
    batches = {inputs[s.name].shape[0] if inputs[s.name].ndim else 0 for s in specs if s.values != "constant"}
    if len(batches) != 1 or max(batches) <= count:
        return None
    return {
        s.name: inputs[s.name] if s.values == "constant" else inputs[s.name][row:row + count] for s in specs
    }  # fmt: skip
