"""Keras, whole, on TensorFlow; the functions of its JAX and torch backends import beside it."""

from __future__ import annotations

import numpy as np
from keras import losses

from tests.ecosystem.observe import eager


def generalized_at_zero() -> list[str]:
    return eager(lambda p: losses.CategoricalGeneralizedCrossEntropy()(np.array([0, 1]), p), [[0.0, 1.0], [0.5, 0.5]])


def row_of_zeros() -> list[str]:
    return eager(lambda p: losses.CategoricalCrossentropy()(np.array([[0.0, 1.0]]), p), [[0.0, 0.0]])
