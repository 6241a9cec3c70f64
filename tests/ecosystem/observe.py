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
    """The functions and classes ``names`` (``f`` or ``Class.f``) of a package's file, run without the rest of it: for
    packages that as a whole no longer import. ``given`` are the globals they use.

    Raises:
        LookupError: the file does not have them, or has several of a name.
    """
    root = next(folder for folder in map(Path, sys.path) if (folder / path).is_file())
    defined = list(definitions(ast.parse((root / path).read_text(encoding="utf-8"), path)))
    wanted = []
    for name in names:
        found = [node for dotted, node in defined if f".{dotted}".endswith(f".{name}")]
        if len(found) != 1:
            raise LookupError(f"{path} has {len(found)} {name}")
        found[0].decorator_list = []  # registrations, type checks, tf.function: none of them computes anything
        wanted += found
    lazy = ast.parse("from __future__ import annotations").body
    exec(compile(ast.Module([*lazy, *wanted], type_ignores=[]), path, "exec"), given)
    return given


def definitions(node: ast.AST, around: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """(dotted name, definition) of all functions and classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            yield around + child.name, child
            yield from definitions(child, f"{around}{child.name}.")
        else:
            yield from definitions(child, around)
