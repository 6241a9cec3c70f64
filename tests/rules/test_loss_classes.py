"""What the call of a ``Loss`` subclass gets: where a file shows its shapes they are followed, and Keras bears them out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.expectations import check

TEXT = """
import keras
import numpy as np
from keras import layers, ops

SEEN = []

class Gap(keras.losses.Loss):
    def call(self, y_true, y_pred):
        gap = y_true - {prediction}
        SEEN.append(ops.shape(gap))
        return ops.mean(ops.square(gap), axis=-1)

class Column(keras.Model):
    def __init__(self):
        super().__init__()
        self.head = layers.Dense(1)

    def call(self, x):
        return self.head(x)

def flat():
    inputs = keras.Input((4,))
    return keras.Model(inputs, ops.squeeze(layers.Dense(1)(inputs), axis=-1))

other = np.squeeze(np.zeros((3, 1)))
model = {model}
model.compile("sgd", loss=Gap())
model.fit(np.zeros((8, 4)), np.zeros({labels}), batch_size=8, verbose=0)
"""
DENSE = "keras.Sequential([layers.Dense(1)])"
FLATTENED = "keras.Sequential([keras.Input((4,)), layers.Flatten(), layers.Dense(1)])"
WIDE = "keras.Sequential([layers.Dense(2)])"
ROW = "keras.Sequential([layers.Dense(1), layers.Reshape(())])"


@pytest.mark.parametrize(("model", "prediction", "labels"), [
    (DENSE, "y_pred", (8, 1)), (DENSE, "y_pred", (8,)), (DENSE, "y_pred[:, 0]", (8, 1)), (DENSE, "y_pred[:, 0]", (8,)),
    (DENSE, "ops.squeeze(y_pred, axis=-1)", (8, 1)), (DENSE, "y_pred[:, :1]", (8, 1)),
    (FLATTENED, "y_pred[:, 0]", (8, 1)), (FLATTENED, "ops.squeeze(y_pred, axis=-1)", (8,)),
    ("Column()", "y_pred[:, 0]", (8, 1)), ("Column()", "y_pred", (8,)),
    (WIDE, "y_pred[:, 1]", (8, 1)), (WIDE, "y_pred[:, 1]", (8,)), (WIDE, "y_pred[:, 1:]", (8, 1)),
    (ROW, "y_pred", (8,)), ("flat()", "y_pred", (8,)),
])
def test_shapes_of_a_difference(model: str, prediction: str, labels: tuple[int, ...]) -> None:
    text = TEXT.format(model=model, prediction=prediction, labels=labels)
    scope: dict[str, Any] = {}
    exec(text.replace("loss=Gap()", "loss=Gap(), run_eagerly=True"), scope)
    crossed = tuple(scope["SEEN"][-1]) == (8, 8)
    assert ("LL401" in {f.code for f in check(text)}) == crossed
