"""Optax: its loss functions, sliced out of their file, as they need nothing but JAX."""

from __future__ import annotations

import types
import typing

import jax
import jax.numpy as jnp

from tests.ecosystem import observe

LOSSES = observe.sliced(
    "optax/losses/_regression.py", "cosine_similarity", jax=jax, jnp=jnp, Union=typing.Union,
    utils=types.SimpleNamespace(check_subdtype=lambda *_: None),
)


def prediction_of_zeros() -> list[str]:
    return observe.jax(lambda p: 1.0 - LOSSES["cosine_similarity"](p, jnp.ones(3)), [0.0, 0.0, 0.0])
