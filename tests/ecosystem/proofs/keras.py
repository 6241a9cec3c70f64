"""Keras, whole, on TensorFlow; the functions of its JAX and torch backends import beside it."""

from __future__ import annotations

import keras
import numpy as np
from keras import losses
from keras.src.legacy import backend as legacy

from tests.ecosystem.observe import eager, jax, torch

ZEROS = [[0.0, 0.0], [0.0, 0.0]]
ONE_HOT = np.array([[1.0, 0.0], [0.0, 1.0]], "float32")


def focal_rows_of_zeros() -> list[str]:
    return eager(lambda p: losses.categorical_focal_crossentropy(ONE_HOT, p), ZEROS)


def generalized_at_zero() -> list[str]:
    return eager(lambda p: losses.CategoricalGeneralizedCrossEntropy()(np.array([0, 1]), p), [[0.0, 1.0], [0.5, 0.5]])


def jax_rows_of_zeros() -> list[str]:
    from keras.src.backend.jax import nn

    return jax(lambda p: nn.categorical_crossentropy(ONE_HOT, p), ZEROS)


def jax_sparse_rows_of_zeros() -> list[str]:
    from keras.src.backend.jax import nn

    return jax(lambda p: nn.sparse_categorical_crossentropy(np.array([0, 1]), p), ZEROS)


def tensorflow_rows_of_zeros() -> list[str]:
    assert keras.backend.backend() == "tensorflow"
    return eager(lambda p: losses.categorical_crossentropy(ONE_HOT, p), ZEROS)


def torch_rows_of_zeros() -> list[str]:
    from keras.src.backend.torch import nn

    return torch(lambda p: nn.categorical_crossentropy(ONE_HOT, p), ZEROS)


def legacy_focal_rows_of_zeros() -> list[str]:
    return eager(lambda p: legacy.categorical_focal_crossentropy(ONE_HOT, p), ZEROS)
