"""The work for a loss grows with its length, not with the number of ways through it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from losslint.check import check_source
from losslint.config import Settings

SHORT, LONG = 5, 10  # statements
STEEPEST = 6.0  # work for twice the statements; doubling with each of them would be 32
LOSSES = {
    "tensorflow": """
import tensorflow as tf

def half(a, b):
    return 0.5 * a + 0.5 * b

def my_loss(y_true, y_pred, flag=1):
    e = y_true - y_pred
    a = b = mask = tf.cast(y_true > 0.0, tf.float32)
    {body}
    return tf.reduce_mean(e)
""",
    "torch": """
import torch
import torch.nn.functional as F

def my_loss(pred, target, flag=1):
    e = target - pred
    {body}
    return e.mean()
""",
    "jax": """
import jax
import jax.numpy as jnp

def my_loss(y_pred, y_true):
    e = y_true - y_pred
    {body}
    return jnp.mean(e)

slope = jax.grad(my_loss)
""",
}
LINES = {
    "tensorflow": (
        "e = e * e + e",
        "e = e ** e",
        "e = tf.where(e > 0.0, e, e + 1.0)",
        "e = tf.maximum(e, -e)",
        "e = e if flag else e + e",
        "e = half(e, e) + half(e, e)",
        "e = (e, e)[0] + (e, e)[1]",
        "e = tf.concat([e, e], -1)",
        "e = e / (e + 1.0)",
        "e = tf.math.log(e) - tf.math.log(e + 1.0)",
        "e = tf.sqrt(e * e + e)",
        "e = tf.exp(e) / tf.reduce_sum(tf.exp(e), -1, keepdims=True)",
        "e = tf.nn.softmax(e) * tf.stop_gradient(e)",
        "e = tf.expand_dims(e, -1) - tf.expand_dims(e, 1)",
        "e = tf.gather(e, tf.argmax(e, -1), batch_dims=1) + e",
        "e = tf.cond(flag > 0, lambda: e + e, lambda: e * e)",
        "a, b = a + b, a - b; e = a * b + y_pred",
        "e = e * mask / tf.reduce_sum(mask); mask = mask * mask + mask",
    ),
    "torch": (
        "e = e * e + e",
        "e = torch.where(e > 0, e, e + 1)",
        "e = e[e > 0] + e[e > 0]",
        "e = e.squeeze(-1) - e.squeeze(-1)",
        "e = e.unsqueeze(1) - e.unsqueeze(0)",
        "e = F.mse_loss(e, e, reduction='none') + e",
        "e = F.normalize(e) @ F.normalize(e).t()",
    ),
    "jax": (
        "e = e * e + e",
        "e = jnp.where(e > 0, e, e + 1)",
        "e = e[:, None] - e[None, :]",
        "e = jax.nn.softmax(e) * jnp.log(e)",
        "e = e / jnp.sum(e)",
    ),
}


def work(framework: str, line: str, statements: int) -> int:
    """How many functions are called for a loss that repeats one line."""
    calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    text = LOSSES[framework].format(body="\n    ".join([line] * statements))
    sys.setprofile(count)
    try:
        check_source(text, Path("losses.py"), Settings())
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(("framework", "line"), [(name, line) for name, lines in LINES.items() for line in lines])
def test_twice_the_statements(framework: str, line: str) -> None:
    work(framework, line, 1)  # reads the tables
    assert work(framework, line, LONG) < STEEPEST * work(framework, line, SHORT)
