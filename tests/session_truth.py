"""Runs a TensorFlow 1 script and says which of its losses stop being finite: ``python -m tests.session_truth FILE``.

The losses are what the script gives to ``minimize``, ``compute_gradients`` or ``tf.gradients``. Each is evaluated, with its
gradients, at weights of several sizes, from all zeros to a saturated network, and at feeds of zeros, ones and one-hot rows.
A process of its own, as graph mode cannot be switched off again.
"""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

ROWS = 6
SIZES = (0.0, 0.3, 40.0, 40.0, 200.0, 200.0, 200.0)


def main(path: Path) -> list[bool]:
    """For each loss of the script, in the order in which it hands them over, whether it is finite at all inputs."""
    tf.disable_eager_execution()
    if "compat" not in path.read_text(encoding="utf-8"):
        sys.modules["tensorflow"] = tf  # what it was called then
    losses: list[Any] = []
    compute = tf.train.Optimizer.compute_gradients
    differentiate = tf.gradients

    def compute_gradients(self: Any, loss: Any, *args: Any, **kwargs: Any) -> Any:
        losses.append(loss)
        return compute(self, loss, *args, **kwargs)

    def gradients(ys: Any, *args: Any, **kwargs: Any) -> Any:
        losses.append(ys)
        return differentiate(ys, *args, **kwargs)

    tf.train.Optimizer.compute_gradients = compute_gradients
    tf.gradients = gradients
    runpy.run_path(str(path))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return [is_finite(session, loss, differentiate) for loss in losses]


def is_finite(session: Any, loss: Any, differentiate: Any) -> bool:
    variables = tf.trainable_variables()
    slopes = [slope for slope in differentiate(loss, variables) if slope is not None]
    generator = np.random.default_rng(0)
    for size in SIZES:
        for variable in variables:
            variable.load(size * generator.choice([-1.0, 1.0], variable.shape.as_list()), session)
        for feed in feeds():
            if not all(np.isfinite(number).all() for number in session.run([loss, *slopes], feed)):
                return False
    return True


def feeds() -> Iterator[dict[Any, Any]]:
    """Numbers for the placeholders: all alike, and one 1 a row."""
    placeholders = [op.outputs[0] for op in tf.get_default_graph().get_operations() if op.type == "Placeholder"]
    for fill in (np.zeros, np.ones, one_hot):
        yield {tensor: fill([size or ROWS for size in tensor.shape.as_list()]) for tensor in placeholders}


def one_hot(shape: list[int]) -> Any:
    """A 1 at another place in each row; of a vector every other number."""
    numbers = np.zeros(shape)
    for row, entries in enumerate(numbers.reshape(shape[0], -1)):
        entries[row % len(entries)] = 1.0 if len(entries) > 1 else row % 2
    return numbers


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
