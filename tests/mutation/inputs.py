"""What the losses are run on: labels and predictions of the kind a loss is made for, and the corners training meets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Pair = tuple[Any, Any]

BATCH, CLASSES = 6, 3


def probes(kind: str) -> dict[str, Pair]:
    """Name of the probe -> (label, prediction), float32 (integer labels of ``sparse``: int32).

    Raises:
        KeyError: there is no such kind.
    """
    make, corners = KINDS[kind]
    y_true, y_pred = make(np.random.default_rng(7))
    pairs = {"typical": (y_true, y_pred)} | corners(y_true, y_pred)
    return {name: (t, np.asarray(p, "float32")) for name, (t, p) in pairs.items()}


# -- typical


def _uniform(rng: Any, *shape: int) -> Any:
    return rng.uniform(0.05, 0.95, shape).astype("float32")


def _normal(rng: Any, *shape: int) -> Any:
    return rng.normal(size=shape).astype("float32")


def _softmax(z: Any) -> Any:
    e = np.exp(z - z.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def _classes(rng: Any, count: int = BATCH) -> Any:
    return rng.permutation(np.arange(count) % CLASSES)


def _onehot(rng: Any, count: int = BATCH) -> Any:
    return np.eye(CLASSES, dtype="float32")[_classes(rng, count)]


def _binary(rng: Any, *shape: int) -> Any:
    return (rng.uniform(size=shape) > 0.5).astype("float32")


def _unit(z: Any) -> Any:
    return (z / np.linalg.norm(z, axis=-1, keepdims=True)).astype("float32")


def _boxes(rng: Any) -> Any:
    """Corners (y0, x0, y1, x1) that overlap."""
    low = rng.uniform(0.0, 0.4, (BATCH, 4, 2))
    return np.concatenate([low, low + rng.uniform(0.2, 0.5, (BATCH, 4, 2))], -1).astype("float32")


# -- corners


def _of_probabilities(y_true: Any, y_pred: Any) -> dict[str, Pair]:
    zeros, ones = np.zeros_like(y_pred), np.ones_like(y_pred)
    return {
        "all zero": (y_true, zeros), "all one": (y_true, ones), "halves": (y_true, 0.5 * ones),
        **({"perfect": (y_true, y_true), "wrong": (y_true, 1.0 - y_true), "empty label": (0.0 * y_true, y_pred),
            "empty both": (0.0 * y_true, zeros)} if y_true.shape == y_pred.shape else {}),
    }  # fmt: skip


def _of_logits(y_true: Any, y_pred: Any) -> dict[str, Pair]:
    ones = np.ones_like(y_pred)
    return {
        "zero": (y_true, 0.0 * ones), "high": (y_true, 100.0 * ones), "low": (y_true, -100.0 * ones),
        "spread": (y_true, 50.0 * y_pred),
        **({"certain": (y_true, 200.0 * y_true - 100.0), "wrong": (y_true, 100.0 - 200.0 * y_true),
            "empty label": (0.0 * y_true, y_pred)} if y_true.shape == y_pred.shape else {}),
    }  # fmt: skip


def _of_numbers(y_true: Any, y_pred: Any) -> dict[str, Pair]:
    zeros = np.zeros_like(y_pred)
    return {
        "all zero": (y_true, zeros), "constant": (y_true, zeros + 0.3), "far off": (y_true, 30.0 * y_pred),
        **({"perfect": (y_true, y_true), "label zero": (0.0 * y_true, y_pred), "both zero": (0.0 * y_true, zeros)}
           if y_true.shape == y_pred.shape else {}),
    }  # fmt: skip


def _of_embeddings(y_true: Any, y_pred: Any) -> dict[str, Pair]:
    return {"collapsed": (y_true, np.zeros_like(y_pred) + y_pred[:1]), "all zero": (y_true, np.zeros_like(y_pred))}


Corners = Callable[[Any, Any], dict[str, Pair]]

KINDS: dict[str, tuple[Callable[[Any], Pair], Corners]] = {
    "rows": (lambda r: (_uniform(r, BATCH, CLASSES), _uniform(r, BATCH, CLASSES)), _of_numbers),
    "real": (lambda r: (_normal(r, BATCH, CLASSES), _normal(r, BATCH, CLASSES)), _of_numbers),
    "column": (lambda r: (_uniform(r, BATCH, 1), _uniform(r, BATCH, 1)), _of_numbers),
    "distances": (lambda r: (_binary(r, BATCH), _uniform(r, BATCH)), _of_probabilities),
    "binary": (lambda r: (_binary(r, BATCH, CLASSES), _uniform(r, BATCH, CLASSES)), _of_probabilities),
    "binary column": (lambda r: (_binary(r, BATCH, 1), _uniform(r, BATCH, 1)), _of_probabilities),
    "binary logits": (lambda r: (_binary(r, BATCH, CLASSES), _normal(r, BATCH, CLASSES)), _of_logits),
    "signs": (lambda r: (2.0 * _binary(r, BATCH, CLASSES) - 1.0, _normal(r, BATCH, CLASSES)), _of_numbers),
    "onehot": (lambda r: (_onehot(r), _softmax(_normal(r, BATCH, CLASSES))), _of_probabilities),
    "onehot logits": (lambda r: (_onehot(r), _normal(r, BATCH, CLASSES)), _of_logits),
    "sparse": (lambda r: (_classes(r).astype("float32"), _softmax(_normal(r, BATCH, CLASSES))), _of_probabilities),
    "sparse logits": (lambda r: (_classes(r).astype("float32"), _normal(r, BATCH, CLASSES)), _of_logits),
    "embeddings": (lambda r: (_classes(r).astype("float32"), _unit(_normal(r, BATCH, 4))), _of_embeddings),
    "two views": (lambda r: (_unit(_normal(r, BATCH, 4)), _unit(_normal(r, BATCH, 4))), _of_embeddings),
    "similarities": (lambda r: (_classes(r).astype("float32"), _normal(r, BATCH, BATCH)), _of_numbers),
    "mask": (lambda r: (_binary(r, 2, 6, 6, 1), _uniform(r, 2, 6, 6, 1)), _of_probabilities),
    "masks": (
        lambda r: (_onehot(r, 72).reshape(2, 6, 6, CLASSES), _softmax(_normal(r, 2, 6, 6, CLASSES))),
        _of_probabilities,
    ),
    "mask logits": (lambda r: (_binary(r, 2, 6, 6, 1), _normal(r, 2, 6, 6, 1)), _of_logits),
    "masks logits": (lambda r: (_onehot(r, 72).reshape(2, 6, 6, CLASSES), _normal(r, 2, 6, 6, CLASSES)), _of_logits),
    "images": (lambda r: (_uniform(r, 2, 6, 6, 3), _uniform(r, 2, 6, 6, 3)), _of_numbers),
    "mean and scale": (lambda r: (_uniform(r, 2, 6, 6, 2), _uniform(r, 2, 6, 6, 4)), _of_numbers),
    "boxes": (lambda r: (_boxes(r), _boxes(r)), _of_numbers),
    "box": (lambda r: (_boxes(r)[:, 0], _boxes(r)[:, 0]), _of_numbers),
    "lists": (lambda r: (_binary(r, BATCH, 5), _normal(r, BATCH, 5)), _of_numbers),
    "sequence": (lambda r: (_uniform(r, 4, 5, 2), _uniform(r, 4, 5, 2)), _of_numbers),
    "tokens": (lambda r: (r.integers(0, 4, (4, 5)).astype("float32"), _normal(r, 4, 5, 4)), _of_logits),
}
