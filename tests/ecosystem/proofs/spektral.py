"""Spektral: the loss of the layer alone, with the package's own modal_dot written out for single graphs."""

from __future__ import annotations

import types

import tensorflow as tf

from tests.ecosystem.observe import eager, sliced


def _modal_dot(a: tf.Tensor, b: tf.Tensor, transpose_a: bool = False) -> tf.Tensor:
    return tf.matmul(a, b, transpose_a=transpose_a)


FILE = "spektral/layers/pooling/mincut_pool.py"
LAYER = sliced(FILE, "orthogonality_loss", tf=tf, ops=types.SimpleNamespace(modal_dot=_modal_dot))


def orthogonal_assignment() -> list[str]:
    layer = types.SimpleNamespace(k=2)
    return eager(lambda s: LAYER["orthogonality_loss"](layer, s), [[1.0, 0.0], [0.0, 1.0]])
