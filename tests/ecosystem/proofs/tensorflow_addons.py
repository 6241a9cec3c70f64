"""TensorFlow Addons: function by function, as the package needs the Keras of its day; tf.function is left out."""

from __future__ import annotations

import types

import numpy as np
import tensorflow as tf

from tests.ecosystem.observe import eager, sliced

distances = sliced("tensorflow_addons/losses/metric_learning.py", "pairwise_distance", "angular_distance", tf=tf)
metric_learning = types.SimpleNamespace(**{k: distances[k] for k in ("pairwise_distance", "angular_distance")})
lifted = sliced("tensorflow_addons/losses/lifted.py", "lifted_struct_loss", tf=tf, metric_learning=metric_learning)
triplet = sliced(
    "tensorflow_addons/losses/triplet.py",
    *("_masked_maximum", "_masked_minimum", "triplet_semihard_loss"),
    tf=tf,
    metric_learning=metric_learning,
)
npairs = sliced("tensorflow_addons/losses/npairs.py", "npairs_multilabel_loss", tf=tf)
EMBEDDINGS = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], "float32")


def batch_of_one_class() -> list[str]:
    labels = np.array([1, 1, 1])
    return eager(lambda e: lifted["lifted_struct_loss"](labels, e), EMBEDDINGS)


def no_pair_of_a_class() -> list[str]:
    labels = np.array([1, 2, 3])
    return eager(lambda e: triplet["triplet_semihard_loss"](labels, e), EMBEDDINGS)


def no_pair_to_lift() -> list[str]:
    labels = np.array([1, 2, 3])
    return eager(lambda e: lifted["lifted_struct_loss"](labels, e), EMBEDDINGS)


def row_without_labels() -> list[str]:
    labels = np.array([[1, 0], [0, 1], [0, 0]], "float32")
    return eager(lambda s: npairs["npairs_multilabel_loss"](labels, s), EMBEDDINGS @ EMBEDDINGS.T)
