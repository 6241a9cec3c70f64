"""TensorFlow Similarity: the function of the loss, with the masks and the squared distance of its algebra."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.ecosystem.observe import eager, sliced

MASKS = sliced("tensorflow_similarity/algebra.py", "build_masks", tf=tf)["build_masks"]
LOSS = sliced("tensorflow_similarity/losses/softnn_loss.py", "soft_nn_loss", tf=tf, build_masks=MASKS)["soft_nn_loss"]


def _squared_distance(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.square(a[:, None] - b[None]), -1)


def far_embeddings() -> list[str]:
    labels = np.array([1, 1])
    return eager(lambda e: LOSS(labels, e, labels, e, _squared_distance, 1.0), [[0.0], [20.0]])
