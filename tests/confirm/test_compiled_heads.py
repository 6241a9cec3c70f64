"""LL406 of Keras's own losses: what is measured of a compiled model says whether its loss gets what it expects."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, losses

from losslint.check import check_paths
from losslint.config import Settings
from losslint.confirmation import verdicts
from losslint.confirmation.frameworks.tensorflow_heads import compared
from losslint.confirmation.observation import Outcome

pytestmark = pytest.mark.filterwarnings("ignore:.*received `from_logits=True`")  # Keras says so too

TWO_SITES = """\
import keras

linear = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(3)])
linear.compile("adam", loss="sparse_categorical_crossentropy")
squashed = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(3, activation="softmax")])
squashed.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
"""


def measured(width: int, activation: str | None, loss: object, after: layers.Layer | None = None) -> Outcome | None:
    stack = [keras.Input((4,)), layers.Dense(width, activation=activation, kernel_regularizer="l2")]
    model = keras.Sequential([*stack, *([after] if after else [])])
    model.compile("sgd", loss=loss)
    return compared(model, np.ones((2, 4), "float32"))[0]


@pytest.mark.parametrize(("width", "loss"), [
    (1, "binary_crossentropy"), (3, "binary_crossentropy"), (2, "categorical_crossentropy"),
    (4, losses.SparseCategoricalCrossentropy()), (4, losses.sparse_categorical_crossentropy),
    (1, losses.BinaryCrossentropy(label_smoothing=0.1)),
])
def test_logits_taken_for_probabilities(width: int, loss: object) -> None:
    assert measured(width, None, loss) is Outcome.CONTRACT


@pytest.mark.parametrize(("width", "activation", "loss"), [
    (1, "sigmoid", losses.BinaryFocalCrossentropy(from_logits=True)),
    (2, "softmax", losses.CategoricalFocalCrossentropy(from_logits=True)),
    (5, "softmax", losses.CategoricalFocalCrossentropy(from_logits=True, gamma=0.0)),
])
def test_focal_losses_do_not_take_logits_back(width: int, activation: str, loss: object) -> None:
    assert measured(width, activation, loss) is Outcome.CONTRACT


def test_nothing_is_taken_back_behind_a_reshape() -> None:
    assert measured(1, "sigmoid", losses.BinaryCrossentropy(from_logits=True), layers.Reshape((1, 1))) is Outcome.CONTRACT


@pytest.mark.parametrize(("width", "activation", "loss"), [
    (1, "sigmoid", losses.BinaryCrossentropy(from_logits=True)),
    (4, "softmax", losses.SparseCategoricalCrossentropy(from_logits=True)),
    (4, "softmax", losses.CategoricalCrossentropy(from_logits=True)),
    (4, "softmax", losses.CategoricalCrossentropy()),
])
def test_logits_are_taken_back(width: int, activation: str, loss: object) -> None:
    assert measured(width, activation, loss) is Outcome.HOLDS


@pytest.mark.parametrize(("width", "loss"), [
    (1, losses.BinaryCrossentropy(from_logits=True)), (4, losses.SparseCategoricalCrossentropy(from_logits=True)),
    (1, losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2)),
])
def test_logits_that_are_expected_break_nothing(width: int, loss: object) -> None:
    assert measured(width, None, loss) is None


def test_the_verdict_of_a_builtin_loss(tmp_path: Path) -> None:
    path = tmp_path / "models.py"
    path.write_text(TWO_SITES, encoding="utf-8")
    settings = Settings()
    findings = verdicts.with_verdicts([(settings, check_paths([path], settings, keep_losses=True))])[0].findings
    assert [(f.code, f.start.row, f.status) for f in findings] == [("LL406", 4, "confirmed"), ("LL406", 6, "refuted")]
