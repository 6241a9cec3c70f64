"""Compiled Keras models: ``compile`` and ``fit`` of the file, replayed. Their weights must move."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from losslint.confirmation import locate
from losslint.confirmation.failures import UserFiles, failure, uses_none
from losslint.confirmation.frameworks.tensorflow import FRAMEWORK, noted
from losslint.confirmation.frameworks.tensorflow_steps import (
    LARGER,
    amount,
    applied,
    born_at,
    eagerly,
    lost,
    unanswered,
    watched_tapes,
)
from losslint.confirmation.load import loaded_again
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.places import Place
from losslint.confirmation.program import Program
from losslint.confirmation.witness import BAD, NUMERICAL

PARTLY = "Gradients do not exist"  # how a warning of Keras begins
LOGARITHMIC = ("LL301", "LL306")  # claims about numbers that come as near to 0 as a saturated last layer brings them
HEAVIER = (5.0, -5.0, 50.0, -50.0)  # times the weights of a new model
DATA, WEIGHTS = "x", "weights"


def fit(program: Program, entry: Callable[[], Any], files: UserFiles) -> Iterator[Observation]:
    """What ``fit`` makes of a model, and what it makes of one that is further on, as far as that is claimed."""
    yield from replayed(entry, files)
    yield from saturated(program, files)


def saturated(program: Program, files: UserFiles) -> Iterator[Observation]:
    """Claimed numbers that are not finite once last layers saturate: those of a new model by features that nobody scaled,
    those of a trained one by its weights, which may as well have the other sign."""
    left = [claim for claim in program.claims if claim.code in NUMERICAL]
    for what, factor in (*((DATA, factor) for factor in (1.0, *LARGER)), *((WEIGHTS, factor) for factor in HEAVIER)):
        asked = [claim for claim in left if what == DATA or claim.code in LOGARITHMIC]
        for seen in not_finite(program, files, what, factor) if asked else ():
            proven = [claim for claim in asked if not seen.path and claim.covers(place_of(seen))]
            left = [claim for claim in left if claim not in proven]
            if proven:
                yield seen


def place_of(seen: Observation) -> Place:
    """Where something was seen."""
    return Place(seen.path, seen.row, seen.operation, seen.span)


def not_finite(program: Program, files: UserFiles, what: str, factor: float) -> list[Observation]:
    """Where one batch gives numbers that are not finite, with the data or the weights multiplied. Nothing is moved by it:
    weights that are NaN say nothing of what is computed next."""
    with contextlib.suppress(Exception), eagerly(), applied(moving=False):  # of the user's code, which has run once
        with watched_tapes(lambda _: True) as derivatives, noted(files, watched=True) as trail:
            _fit_once(loaded_again(program), {what: factor})
        return [
            dataclasses.replace(seen, mode="fit", grown={what: factor} if factor != 1.0 else {})
            for derivative in derivatives if (amounts := amount(derivative, files)).outcome in BAD
            for seen in born_at(amounts, derivative, trail, files)]
    return []


def replayed(entry: Callable[[], Any], files: UserFiles) -> Iterator[Observation]:
    """Replay ``compile`` and ``fit``: two full batches and a partial one. What moves says how it went. Where a weight has no
    gradient, a batch is taken once more, eagerly, to see in which rows it is lost."""
    seen = fitted(entry, files)
    partly = seen.outcome is Outcome.FINE and seen.detail.startswith(PARTLY)
    if seen.outcome is not Outcome.NO_GRADIENT and not partly:
        yield seen
        if uses_none(seen):
            yield from unanswered(lambda: _fit_once(entry), files, "fit")
        return
    places: list[Place] = []
    with contextlib.suppress(Exception), eagerly():  # of the user's code, which has run once
        noting = watched_tapes(lambda _: True), noted(files, watched=True), contextlib.suppress(ValueError)
        with noting[0] as derivatives, noting[1] as trail, noting[2]:  # it has no gradients, again
            _fit_once(entry)
        places = lost(derivatives[0], trail)
    if partly:
        places = [place for place in places if place.operation not in FRAMEWORK.stops]
        yield from locate.at_each(dataclasses.replace(seen, outcome=Outcome.NO_GRADIENT), places, files) or (seen,)
    else:
        nowhere = dataclasses.replace(seen, row=0, span=(), path="", operation="")
        yield from locate.at_each(seen, places, files) or (nowhere,)


def _fit_once(entry: Callable[[], Any], grown: Mapping[str, float] | None = None) -> None:
    """One batch, in eager code; the data or the weights multiplied as ``grown`` says."""
    model, data = entry()
    factors = {DATA: 1.0, WEIGHTS: 1.0} | dict(grown or {})
    x = tf.nest.map_structure(lambda array: _times(array, factors[DATA]), data["x"])
    for weight in model.trainable_variables if factors[WEIGHTS] != 1.0 else ():
        weight.assign(factors[WEIGHTS] * weight)
    model.run_eagerly = True
    model.fit(**{**data, "x": x}, batch_size=_length(x), epochs=1, verbose=0)


def fitted(entry: Callable[[], Any], files: UserFiles) -> Observation:
    """What ``fit`` gives."""
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model, data = entry()
            batch = max(1, 2 * _length(data["x"]) // 5)
            before: list[Any] | None = None
            if model.built:
                before = [np.array(weight) for weight in model.trainable_variables]
            history = model.fit(**data, batch_size=batch, epochs=1, shuffle=False, verbose=0)
    except Exception as error:
        return dataclasses.replace(failure(error, files), mode="fit")
    losses = history.history.get("loss", [])
    after = [np.array(weight) for weight in model.trainable_variables]
    unmoved = _unmoved(model.trainable_variables, before, after)
    if not np.isfinite(np.asarray(losses, np.float64)).all():
        outcome = Outcome.BAD_VALUE
    elif not all(np.isfinite(array).all() for array in after):
        outcome = Outcome.BAD_GRADIENT
    elif before and len(unmoved) == len(after):
        outcome = Outcome.ZERO_GRADIENT
    else:
        outcome = Outcome.FINE
    missing = [str(one.message) for one in said if PARTLY in str(one.message)]
    detail = missing[0].partition(" when ")[0] if missing else f"did not move: {', '.join(unmoved)}" if unmoved else ""
    return Observation(outcome, "fit", loss=losses[-1] if losses else None, detail=detail[:300])


def _times(array: Any, factor: float) -> Any:
    """Numbers multiplied; positions stay what they are."""
    return array * array.dtype.type(factor) if np.asarray(array).dtype.kind == "f" else array


def _length(data: Any) -> int:
    return len(tf.nest.flatten(data)[0])


def _unmoved(variables: Sequence[Any], before: Sequence[Any] | None, after: Sequence[Any]) -> list[str]:
    """Names of the trained weights that are what they were."""
    if before is None or len(before) != len(after):
        return []
    pairs = zip(variables, before, after, strict=True)
    return [str(getattr(variable, "path", variable.name)) for variable, old, new in pairs if np.array_equal(old, new)]
