"""What JAX says about one loss: ways to run it, each giving a complaint or ""."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Case = Callable[[], str]
Loss = Callable[..., Any]


def of(loss: Loss, *given: Any, jit: bool = False) -> Case:
    """Run a loss and its gradient with respect to its first argument, under ``jax.jit`` where that is meant."""

    def run() -> str:
        arguments = jax.tree.map(jnp.asarray, given, is_leaf=lambda x: isinstance(x, (list, float)))
        try:
            slope = jax.value_and_grad(lambda *a: jnp.sum(loss(*a)))
            value, gradient = (jax.jit(slope) if jit else slope)(*arguments)
        except Exception as error:
            return f"raises {type(error).__name__}"
        leaves = jax.tree.leaves(gradient)
        if not np.isfinite(value) or not all(np.isfinite(leaf).all() for leaf in leaves):
            return "not finite"
        return "" if any(np.any(np.asarray(leaf)) for leaf in leaves) else "zero gradient"

    return run


def differs(loss: Loss, prediction: Any, *rest: Any) -> Case:
    """Compare the gradient with central differences."""

    def run() -> str:
        at = np.asarray(prediction, "float32")
        slope = np.asarray(jax.grad(lambda p: jnp.sum(loss(p, *rest)))(jnp.asarray(at)))
        numeric = np.zeros_like(at)
        for i in np.ndindex(at.shape):
            nudge = np.zeros_like(at)
            nudge[i] = 1e-2
            up, down = (float(jnp.sum(loss(jnp.asarray(at + s * nudge), *rest))) for s in (1, -1))
            numeric[i] = (up - down) / 2e-2
        return "" if np.allclose(slope, numeric, rtol=2e-2, atol=2e-3) else "wrong gradient"

    return run
