"""What is written instead, in the spelling of other frameworks than TensorFlow: it runs there, and has a gradient."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest

from losslint.ops.table import apis, operations, respelled

NUMBERS = [[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.1, 0.2, 0.7]]


def forms(framework: str) -> list[tuple[str, str]]:
    """The advice that computes with x or y_pred, for the operations that a framework has."""
    has = {api.operation.name for api in apis(framework).values() if not api.removed}
    return sorted(
        (name, code) for name in has for code in re.findall(r"`([^`]+)`", respelled(operations()[name].instead, framework))
        if {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)} & {"x", "y_pred"})


def torch_gradient(code: str, names: dict[str, Any]) -> Any:
    torch = pytest.importorskip("torch")
    made = {name: torch.tensor(number) for name, number in names.items()}
    x = torch.tensor(NUMBERS, requires_grad=True)
    result = eval(code, {**made, "torch": torch, "x": x, "y_pred": x})
    first = result if torch.is_tensor(result) else result[0]
    (first * torch.rand(first.shape)).sum().backward()
    return x.grad.numpy()


def jax_gradient(code: str, names: dict[str, Any]) -> Any:
    jax, jnp = pytest.importorskip("jax"), pytest.importorskip("jax.numpy")
    made = {name: jnp.array(number) for name, number in names.items()}

    def total(x: Any) -> Any:
        result = eval(code, {**made, "jax": jax, "jnp": jnp, "key": jax.random.PRNGKey(0), "x": x, "y_pred": x})
        first = result[0] if isinstance(result, (tuple, list)) else result
        return (first * jax.random.uniform(jax.random.PRNGKey(0), first.shape)).sum()

    return jax.grad(total)(jnp.array(NUMBERS))


def keras_gradient(code: str, names: dict[str, Any]) -> Any:
    tf, keras = pytest.importorskip("tensorflow"), pytest.importorskip("keras")
    made = {name: tf.constant(number) for name, number in names.items()}
    x = tf.constant(NUMBERS)
    with tf.GradientTape() as tape:
        tape.watch(x)
        result = eval(code, {**made, "keras": keras, "tf": tf, "model": tf.abs, "x": x, "y_pred": x})
        first = result[0] if isinstance(result, (tuple, list)) else result
        total = tf.reduce_sum(first * tf.random.uniform(tf.shape(first), 0.5, 1.5, seed=2))
    return tape.gradient(total, x).numpy()


GRADIENTS = {"torch": torch_gradient, "jax": jax_gradient, "keras": keras_gradient}


@pytest.mark.parametrize(("framework", "name", "code"), [(f, *form) for f in GRADIENTS for form in forms(f)])
def test_advice_has_a_gradient(framework: str, name: str, code: str) -> None:
    np = pytest.importorskip("numpy")
    numbers = {
        "y": np.full((3, 3), 0.4, np.float32), "y_true": np.eye(3, dtype=np.float32),
        "positions": np.arange(3, dtype=np.float32), "centers": np.array([0.1, 0.5, 0.9], np.float32),
        "width": np.float32(0.3), "threshold": np.float32(0.4), "temperature": np.float32(0.5),
        "gumbel": np.array([0.1, -0.2, 0.3], np.float32), "factor": np.float32(1.3), "condition": np.array(NUMBERS) > 0.3,
    }
    assert np.abs(GRADIENTS[framework](code, numbers)).sum() > 0, name
