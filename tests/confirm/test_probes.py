"""One measurement per mode: the outcome, the gradient and the row, on losses whose behaviour is known."""

from __future__ import annotations

import linecache
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
tf = pytest.importorskip("tensorflow")

from losslint.confirmation.failures import UserFiles, only_about_shapes  # noqa: E402
from losslint.confirmation.observation import Observation, Outcome  # noqa: E402
from losslint.confirmation.probes import Loss, observe  # noqa: E402
from losslint.confirmation.program import TensorSpec  # noqa: E402

PATH = Path("measured_losses.py")
SOURCE = '''
import numpy as np
import tensorflow as tf

def squared(y_true, y_pred):
    return tf.square(y_true - y_pred)

def numpy_mean(y_true, y_pred):
    return np.mean(np.square(y_true - y_pred))

def branch(y_true, y_pred):
    if tf.reduce_mean(y_pred) > 0.0:
        return tf.reduce_mean(y_pred)
    return tf.reduce_mean(-y_pred)

def rounded(y_true, y_pred):
    return tf.reduce_mean(tf.round(y_pred) - y_true)

def unique(y_true, y_pred):
    return tf.reduce_sum(tf.unique(tf.reshape(y_pred, [-1]))[0])

def folded(y_true, y_pred):
    return -tf.math.log(1.0 - y_pred + 1e-8)

def unrolled(y_true, y_pred):
    return sum(y_pred[i, 0] for i in range(y_pred.shape[0]))

def root(y_true, y_pred):
    return tf.sqrt(tf.reduce_sum(tf.square(y_true - y_pred)))

def masked_root(y_true, y_pred):
    return tf.where(y_pred > 0.0, tf.sqrt(y_pred), 0.0)

def flat(y_true, y_pred):
    return 0.0 * y_pred

def one_hot(y_true, y_pred):
    return tf.one_hot(y_true, 2) * y_pred

def outside(y_true, y_pred):
    return helper(y_pred)

def helper(x):
    return tf.gather(
        x, [0, 9], axis=1)

def nothing(y_true, y_pred):
    tf.square(y_true - y_pred)

def narrow(y_true, y_pred):
    return tf.reduce_sum(y_pred * tf.ones([7]))
'''
SPECS = (TensorSpec("y_true", (3, 2), role="label"), TensorSpec("y_pred", (3, 2), role="prediction"))
LABELS = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], np.float32)
PREDICTIONS = np.array([[0.1, 0.3], [0.7, 0.9], [0.2, 0.4]], np.float32)
ZEROS, ONES = np.zeros((3, 2), np.float32), np.ones((3, 2), np.float32)


def row_of(text: str) -> int:
    return next(row for row, line in enumerate(SOURCE.splitlines(), 1) if text in line)


@pytest.fixture(scope="module")
def losses() -> dict[str, Any]:
    """The functions of ``SOURCE``, with their source where AutoGraph looks for it."""
    linecache.cache[str(PATH)] = (len(SOURCE), None, SOURCE.splitlines(keepends=True), str(PATH))
    namespace: dict[str, Any] = {"__name__": "measured_losses"}
    exec(compile(SOURCE, str(PATH), "exec"), namespace)
    return namespace


def seen(losses: dict[str, Any], name: str, mode: str, y_true: Any = LABELS, y_pred: Any = PREDICTIONS) -> Observation:
    loss = Loss(losses[name], UserFiles(PATH), called_by_keras=True)
    return observe(loss, {"y_true": y_true, "y_pred": y_pred}, SPECS, mode)


@pytest.mark.parametrize(("name", "mode", "outcome", "row"), [
    ("squared", "eager", Outcome.FINE, ""),
    ("squared", "graph", Outcome.FINE, ""),
    ("squared", "autograph", Outcome.FINE, ""),
    ("squared", "xla", Outcome.FINE, ""),
    ("numpy_mean", "eager", Outcome.NO_GRADIENT, ""),
    ("numpy_mean", "graph", Outcome.RAISES, "np.mean"),
    ("numpy_mean", "autograph", Outcome.RAISES, "np.mean"),
    ("branch", "eager", Outcome.FINE, ""),
    ("branch", "autograph", Outcome.FINE, ""),
    ("branch", "graph", Outcome.RAISES, "if tf.reduce_mean"),
    ("rounded", "eager", Outcome.NO_GRADIENT, ""),
    ("rounded", "graph", Outcome.NO_GRADIENT, ""),
    ("unique", "eager", Outcome.NO_GRADIENT, ""),
    ("unrolled", "eager", Outcome.FINE, ""),
    ("unrolled", "graph", Outcome.RAISES, "range(y_pred.shape[0])"),
    ("flat", "eager", Outcome.ZERO_GRADIENT, ""),
    ("one_hot", "graph", Outcome.RAISES, "tf.one_hot"),
    ("outside", "eager", Outcome.RAISES, "return tf.gather("),
    ("outside", "graph", Outcome.RAISES, "return tf.gather("),
    ("nothing", "eager", Outcome.RAISES, ""),
])
def test_outcome_and_row(losses: dict[str, Any], name: str, mode: str, outcome: Outcome, row: str) -> None:
    observed = seen(losses, name, mode)
    assert observed.outcome is outcome, observed
    assert observed.row == (row_of(row) if row else 0), observed
    assert observed.mode == mode
    assert "\n" not in observed.error


def test_value_and_gradient_are_what_the_tape_gives(losses: dict[str, Any]) -> None:
    observed = seen(losses, "squared", "eager")
    np.testing.assert_allclose(observed.loss, (LABELS - PREDICTIONS) ** 2, rtol=1e-6)
    assert isinstance(observed.gradient, dict)
    np.testing.assert_allclose(observed.gradient["y_pred"], 2 * (PREDICTIONS - LABELS), rtol=1e-6)
    assert observed.inputs["y_pred"] == [[0.1, 0.3], [0.7, 0.9], [0.2, 0.4]]
    assert observed.dtypes == {"y_true": "float32", "y_pred": "float32"}


def test_a_perfect_prediction_has_a_value_and_no_gradient(losses: dict[str, Any]) -> None:
    observed = seen(losses, "root", "eager", ONES, ONES)
    assert (observed.outcome, observed.loss) == (Outcome.BAD_GRADIENT, 0.0)


@pytest.mark.parametrize(("mode", "outcome"), [("eager", Outcome.FINE), ("graph", Outcome.BAD_VALUE)])
def test_the_graph_folds_the_epsilon_away(losses: dict[str, Any], mode: str, outcome: Outcome) -> None:
    assert seen(losses, "folded", mode, ONES, ONES).outcome is outcome


@pytest.mark.parametrize(("mode", "outcome"), [("graph", Outcome.ZERO_GRADIENT), ("xla", Outcome.BAD_GRADIENT)])
def test_only_xla_multiplies_zero_with_infinity(losses: dict[str, Any], mode: str, outcome: Outcome) -> None:
    assert seen(losses, "masked_root", mode, ONES, ZEROS).outcome is outcome


def test_operations_are_named(losses: dict[str, Any]) -> None:
    assert seen(losses, "unique", "eager").operation == "Unique"
    assert seen(losses, "outside", "graph").operation == "GatherV2"


def test_keras_3_casts_the_labels(losses: dict[str, Any]) -> None:
    classes = np.array([[1, 0], [0, 1], [1, 1]], np.int32)
    assert seen(losses, "squared", "eager", classes).outcome is Outcome.FINE
    by_hand = Loss(losses["squared"], UserFiles(PATH))
    assert observe(by_hand, {"y_true": classes, "y_pred": PREDICTIONS}, SPECS, "eager").outcome is Outcome.RAISES


def test_errors_about_shapes_are_told_from_others(losses: dict[str, Any]) -> None:
    assert only_about_shapes(seen(losses, "narrow", "eager"))
    assert not only_about_shapes(seen(losses, "numpy_mean", "graph"))
    assert not only_about_shapes(seen(losses, "one_hot", "graph"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "outcome"), [
    ("squared", Outcome.FINE),
    ("numpy_mean", Outcome.RAISES),
    ("branch", Outcome.RAISES),
    ("rounded", Outcome.NO_GRADIENT),
    ("unrolled", Outcome.RAISES),
    ("nothing", Outcome.RAISES),
])
def test_fit(losses: dict[str, Any], name: str, outcome: Outcome) -> None:
    assert seen(losses, name, "fit").outcome is outcome


@pytest.mark.slow
def test_fit_sees_the_folded_epsilon_and_every_batch(losses: dict[str, Any]) -> None:
    assert seen(losses, "folded", "fit", ONES, ONES).outcome is Outcome.BAD_VALUE
    observed = seen(losses, "squared", "fit")
    assert isinstance(observed.gradient, dict)
    of_batch, partial = 2 * (PREDICTIONS - LABELS), 2 * (PREDICTIONS - LABELS)[:1]
    expected = 2 * of_batch.sum(0) / of_batch.size + partial.sum(0) / partial.size
    np.testing.assert_allclose(observed.gradient["y_pred"], expected, rtol=1e-5)
