"""What is seen of a loss depends on its inputs alone: not on draws, on a counter or on a dtype that nobody stated."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losslint
from losslint.confirmation.failures import UserFiles
from losslint.confirmation.observation import Outcome
from losslint.confirmation.probes import Loss, observe, occurs_again
from losslint.confirmation.program import TensorSpec
from losslint.confirmation.values import generic

tf = pytest.importorskip("tensorflow")
PAIR = (TensorSpec("y_true", (4, 2), role="label"), TensorSpec("y_pred", (4, 2), role="prediction"))


def squared(y_true: Any, y_pred: Any) -> Any:
    return tf.reduce_mean(tf.square(y_true - y_pred))


def mixed(y_true: Any, y_pred: Any) -> Any:
    share = tf.random.uniform([4, 1]) * float(np.random.rand())
    return squared(y_true, share * y_pred) * random.random()


def logarithm(y_true: Any, y_pred: Any) -> Any:
    return -tf.reduce_mean(y_true * tf.math.log(y_pred + 1e-8))


def made(entry: Callable[..., Any]) -> Loss:
    return Loss(entry, UserFiles(Path(__file__)))


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_two_runs_of_what_draws_are_alike(mode: str) -> None:
    loss, inputs = made(mixed), generic(PAIR)
    assert not loss.repeats(inputs)
    first, again = (observe(loss, inputs, PAIR, mode) for _ in range(2))
    assert first.outcome is Outcome.FINE
    assert (first.loss, first.gradient) == (again.loss, again.gradient)


def test_only_what_draws_is_seeded() -> None:
    assert made(squared).repeats(generic(PAIR))


def test_a_failure_that_happens_once_does_not_occur_again() -> None:
    calls: list[Any] = []

    def unlucky(y_true: Any, y_pred: Any) -> Any:
        calls.append(y_pred)
        if len(calls) == 1:
            raise ValueError("bad luck")
        return squared(y_true, y_pred)

    loss = made(unlucky)
    seen = observe(loss, generic(PAIR), PAIR, "eager")
    assert seen.outcome is Outcome.RAISES
    assert not occurs_again(loss, seen, PAIR)


def test_what_always_raises_occurs_again() -> None:
    def refusing(y_true: Any, y_pred: Any) -> Any:
        raise ValueError("never")

    loss = made(refusing)
    assert occurs_again(loss, observe(loss, generic(PAIR), PAIR, "graph"), PAIR)


@pytest.mark.parametrize("inputs", [
    dict.fromkeys(("y_true", "y_pred"), "float16[2, 3] in [0, 1]"),
    {"y_true": tf.ones((2, 3), tf.float16), "y_pred": tf.zeros((2, 3), tf.float16)},
    {"y_true": np.ones((2, 3), "float16"), "y_pred": np.zeros((2, 3), "float16")},
])  # fmt: skip
def test_half_precision_is_run_as_it_is_stated(inputs: dict[str, Any]) -> None:
    """1e-8 is 0 in float16, and nothing in the formula fails in 32 bits."""
    with pytest.raises(AssertionError, match=r"LL902 \[non-finite\] Log is not finite"):
        losslint.assert_trainable(logarithm, **inputs)


def test_other_precisions_pass_where_they_are_finite() -> None:
    for dtype in ("bfloat16", "float64"):  # both hold 1e-8
        losslint.assert_trainable(logarithm, **dict.fromkeys(("y_true", "y_pred"), f"{dtype}[2, 3] in [0, 1]"))


def test_what_numpy_makes_of_plain_numbers_is_cast_as_fit_does() -> None:
    losslint.assert_trainable(squared, y_true=np.array([[0, 1], [1, 0]]), y_pred=np.full((2, 2), 0.5, "float32"))
