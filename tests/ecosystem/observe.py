"""What becomes of a loss and its gradient: one run under a framework, told in the words that the reviews use.

The words: ``fine``, ``raises <Error>``, ``NaN loss``, ``infinite loss``, ``no gradient``, ``zero gradient``,
``NaN gradient``, ``infinite gradient``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Loss = Callable[[Any], Any]


def eager(loss: Loss, value: Any) -> list[str]:
    """``loss`` of one float32 tensor, and its gradient, under a TensorFlow tape."""
    import tensorflow as tf

    return observed(lambda: tape(loss, tf.constant(value, tf.float32)))


def traced(loss: Loss, value: Any) -> list[str]:
    """The same in a graph, traced without AutoGraph as Keras 3's ``fit`` does."""
    import tensorflow as tf

    graph = tf.function(lambda tensor: tape(loss, tensor), autograph=False)
    return observed(lambda: graph(tf.constant(value, tf.float32)))


def tape(loss: Loss, tensor: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    with tf.GradientTape() as recording:
        recording.watch(tensor)
        result = tf.reduce_mean(loss(tensor))
    return result, recording.gradient(result, tensor)


def jax(loss: Loss, value: Any) -> list[str]:
    """``loss`` of one float32 array under ``jax.value_and_grad``."""
    from jax import numpy, value_and_grad

    return observed(lambda: value_and_grad(lambda array: numpy.mean(loss(array)))(numpy.asarray(value, "float32")))


def torch(loss: Loss, value: Any) -> list[str]:
    """``loss`` of one float32 tensor under ``backward``."""
    import torch as t

    tensor = t.tensor(value, dtype=t.float32, requires_grad=True)

    def run() -> tuple[Any, Any]:
        result = loss(tensor).mean()
        result.backward()
        return result.detach(), tensor.grad

    return observed(run)


def observed(run: Callable[[], tuple[Any, Any]]) -> list[str]:
    """What a run that gives (loss, gradient) shows, in the words above."""
    try:
        loss, gradient = run()
    except Exception as error:
        return [f"raises {type(error).__name__}"]
    words = [f"{word} loss" for word in spoilt(loss)]
    if gradient is None:
        words.append("no gradient")
    elif not np.any(np.asarray(gradient)):
        words.append("zero gradient")
    else:
        words += [f"{word} gradient" for word in spoilt(gradient)]
    return words or ["fine"]


def spoilt(values: Any) -> Iterator[str]:
    array = np.asarray(values)
    if np.isnan(array).any():
        yield "NaN"
    if np.isinf(array).any():
        yield "infinite"


def sliced(path: str, *names: str, **given: Any) -> dict[str, Any]:
    """The functions and classes ``names`` of a package's file, run without the rest of it: for packages that as a whole
    no longer import. ``given`` are the globals they use."""
    root = next(folder for folder in map(Path, sys.path) if (folder / path).is_file())
    tree = ast.parse((root / path).read_text(encoding="utf-8"), path)
    wanted = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name in names]
    if missing := set(names) - {node.name for node in wanted}:
        raise LookupError(f"{path} has no {', '.join(sorted(missing))}")
    for node in wanted:
        node.decorator_list = []  # registrations, type checks: none of them computes anything
    lazy = ast.parse("from __future__ import annotations").body
    exec(compile(ast.Module([*lazy, *wanted], type_ignores=[]), path, "exec"), given)
    return given
