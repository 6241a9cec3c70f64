"""Whole training steps of JAX: what ``jax.grad`` and ``jax.value_and_grad`` give where the user's own code calls them.

They are watched from the start of a child on, as the user's imports may take them by name; nobody notes anything until a
step is taken.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from losslint.confirmation import locate, steps
from losslint.confirmation.failures import UserFiles, failure
from losslint.confirmation.frameworks.base import Array, first_result, is_finite
from losslint.confirmation.frameworks.jax import GRADIENT, recorded
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.penalties import Weighed, unfelt
from losslint.confirmation.probes import numbers
from losslint.confirmation.program import Program
from losslint.confirmation.trail import Trail


@dataclasses.dataclass(frozen=True)
class Derivative:
    """One derivative that the user's code took: of which call, to which of its arguments, and what came."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    positions: tuple[int, ...]
    value: Array
    gradients: list[Array]


COMPILED = jax.jit
_noted: list[Derivative] | None = None


def watch() -> None:
    """Stand in for ``jax.grad`` and ``jax.value_and_grad``, which go on doing what they do, and for ``jax.jit``, which
    compiles nothing while a step is noted: there would be no numbers to see."""
    jax.jit = _jit
    jax.value_and_grad = _watched(with_value=True)
    jax.grad = _watched(with_value=False)


def _jit(fun: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
    if fun is None:
        return functools.partial(_jit, **kwargs)
    compiled = COMPILED(fun, **kwargs)

    @functools.wraps(fun)
    def run(*given: Any, **named: Any) -> Any:
        return (compiled if _noted is None else fun)(*given, **named)

    return run


def _watched(with_value: bool) -> Callable[..., Any]:
    def differentiate(fun: Callable[..., Any], argnums: Any = 0, has_aux: bool = False, *args: Any, **kwargs: Any) -> Any:
        made = GRADIENT(fun, argnums, has_aux, *args, **kwargs)

        @functools.wraps(fun)
        def derivative(*given: Any, **named: Any) -> Any:
            result, gradient = made(*given, **named)
            value = result[0] if has_aux else result
            positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)
            _note(Derivative(fun, given, named, positions, value, jax.tree_util.tree_leaves(gradient)))
            if with_value:
                return result, gradient
            return (gradient, result[1]) if has_aux else gradient

        return derivative

    return differentiate


def _note(seen: Derivative) -> None:
    if _noted is None or any(isinstance(leaf, jax.core.Tracer) for leaf in [seen.value, *seen.gradients]):
        return
    _noted.append(dataclasses.replace(
        seen, value=np.asarray(seen.value), gradients=[np.asarray(leaf) for leaf in seen.gradients]))


@contextlib.contextmanager
def noted() -> Iterator[list[Derivative]]:
    """The derivatives that are taken meanwhile."""
    global _noted
    _noted = []
    try:
        yield _noted
    finally:
        _noted = None


def seen_in(program: Program, entry: Callable[..., Any], files: UserFiles) -> Iterator[Observation]:
    """What is seen of a training step, without ``jax.jit`` and as it stands."""
    with noted() as derivatives, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        error = _taken(entry)
    seen = [judged(one) for one in derivatives]
    wrong = next((index for index, one in enumerate(seen) if one.outcome is not Outcome.FINE), None)
    if wrong is not None:
        yield from placed(seen[wrong], derivatives[wrong], files)
    elif error is not None:
        yield dataclasses.replace(failure(error, files), mode="eager")
    elif seen:
        yield seen[0]
        trail = recorded_again(derivatives[0], files)
        yield from steps.claimed(trail, program.claims, files)
        yield from unfelt(Weighed(trail, functools.partial(scaled, derivatives[0])), program.claims, files)
    else:
        yield Observation(Outcome.NOT_RUN, "eager", error="the step differentiates nothing")
    if error is None and (compiled := _taken(entry)) is not None:
        yield dataclasses.replace(failure(compiled, files), mode="jit")


def _taken(entry: Callable[..., Any]) -> Exception | None:
    try:
        entry()
    except Exception as error:
        return error
    return None


def judged(derivative: Derivative) -> Observation:
    """What one derivative amounts to."""
    if not is_finite(derivative.value):
        outcome = Outcome.BAD_VALUE
    elif not all(is_finite(leaf) for leaf in derivative.gradients):
        outcome = Outcome.BAD_GRADIENT
    elif not any(leaf.any() for leaf in derivative.gradients):
        outcome = Outcome.ZERO_GRADIENT
    else:
        outcome = Outcome.FINE
    bad = next((leaf for leaf in derivative.gradients if not is_finite(leaf)), None)
    return Observation(outcome, "eager", loss=numbers(derivative.value), gradient=None if bad is None else numbers(bad))


def placed(seen: Observation, derivative: Derivative, files: UserFiles) -> tuple[Observation, ...]:
    """A derivative that went wrong, once for each place where it did."""
    places = [place for place in locate.places(recorded_again(derivative, files), seen.outcome) if place.row]
    return locate.at_each(seen, places, files) or (seen,)


def recorded_again(derivative: Derivative, files: UserFiles) -> Trail:
    """The call that was differentiated, with everything noted."""
    return recorded(functools.partial(called, derivative), trained(derivative), files)


def trained(derivative: Derivative) -> dict[str, Any]:
    """The arguments that the derivative was taken to, by position."""
    return {str(position): derivative.args[position] for position in derivative.positions}


def called(derivative: Derivative, given: dict[str, Any]) -> Any:
    """The call that was differentiated, with some of its arguments replaced."""
    args = [given.get(str(position), value) for position, value in enumerate(derivative.args)]
    return derivative.function(*args, **derivative.kwargs)


def scaled(derivative: Derivative, factor: float) -> float:
    """The loss once all that it was differentiated to is multiplied by a factor."""
    given = jax.tree_util.tree_map(lambda leaf: leaf * factor, trained(derivative))
    return float(np.sum(first_result(called(derivative, given))))
