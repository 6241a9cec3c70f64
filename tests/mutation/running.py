"""Run a loss as Keras ``fit`` runs it: traced once for any batch size, then asked for value and gradient.

Keras 3 traces a loss as it stands; for a file that uses Keras 2 (``tf_keras``) AutoGraph rewrites it first.

TensorFlow is imported in the processes of `Runner` only. They are forked from one server that has imported it and never
run an operation, so that a new one costs a fraction of a second, and one that hangs can be killed.
"""

from __future__ import annotations

import importlib.machinery
import linecache
import logging
import multiprocessing
import os
import re
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.mutation.inputs import probes

SECONDS = 30  # for one loss; tracing a deep one takes two
STEP = 1e-2  # of the central differences: float32 values of order one are smooth enough at this width
DIRECTIONS = 3


@dataclass(frozen=True)
class Task:
    """One loss to run: the module's text and name, the expression that is the loss, and its kind of inputs."""

    text: str
    module: str
    loss: str
    inputs: str
    folders: Mapping[str, str] = field(hash=False)  # top-level package -> folder it was unpacked into


@dataclass(frozen=True)
class Outcome:
    """What a loss did: why it raised, or how its gradient was at each probe (``none``, ``zero``, ``not finite``, ``ok``)."""

    raised: str = ""
    probes: Mapping[str, str] = field(default_factory=dict)
    shape: tuple[int, ...] = ()
    gap: float = 0.0  # how far the gradient is from differences of the value, relative to their size


class Runner:
    """A process that runs losses one after the other, replaced when one takes too long or takes the process down."""

    def __init__(self) -> None:
        self.process: BaseProcess | None = None
        self.pipe: Connection | None = None

    def __call__(self, task: Task) -> Outcome:
        pipe = self.pipe or self._start()
        try:
            pipe.send(task)
            if pipe.poll(SECONDS):
                outcome: Outcome = pipe.recv()
                return outcome
            ended = f"took more than {SECONDS} s"
        except (EOFError, OSError):
            ended = "took the process down"
        self.stop()
        return Outcome(raised=ended)

    def _start(self) -> Connection:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tensorflow", "keras", __name__])
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        return self.pipe

    def stop(self) -> None:
        if self.process is not None and self.pipe is not None:
            self.pipe.close()
            self.process.kill()
            self.process.join()
            self.process.close()
        self.process = self.pipe = None


def _serve(pipe: Connection) -> None:
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # not what AutoGraph thinks of a package's code
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), suppress(EOFError, OSError):
        while True:
            pipe.send(run(pipe.recv()))


def run(task: Task) -> Outcome:
    """Trace and run one loss in this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _outcome(_load(task), task.inputs, autograph="tf_keras" in task.text)
        except Exception as error:
            return Outcome(raised=_said(error)[:160])


def _said(error: Exception) -> str:
    """The first line of an error; of one that AutoGraph wraps into a listing of the user's code, the line at its end."""
    first, *rest = str(error).strip().splitlines() or [""]
    if first.startswith("in user code"):
        return next((line.strip() for line in reversed(rest) if re.match(r"\s+\w+(Error|Exception): ", line)), first)
    return f"{type(error).__name__}: {first}"


def _load(task: Task) -> Callable[..., Any]:
    import keras

    if not any(isinstance(finder, _Packages) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Packages(task.folders))
        sys.meta_path.append(_StandIns())
        _bring_back(keras)
    name, text = f"<mutant of {task.module}>", f"{task.text}\n\n__loss__ = {task.loss}\n"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)  # AutoGraph reads it
    module = types.ModuleType(task.module)
    module.__package__ = task.module.rpartition(".")[0]
    exec(compile(text, name, "exec", dont_inherit=True), vars(module))
    loss = module.__loss__
    return loss.call if isinstance(loss, keras.losses.Loss) else loss  # type: ignore[no-any-return]


def _bring_back(keras: Any) -> None:
    """What packages for Keras 2 name, and Keras 3 does without."""
    sys.modules.setdefault("tf_keras", keras)
    same = {"AUTO": "sum_over_batch_size", "SUM_OVER_BATCH_SIZE": "sum_over_batch_size", "SUM": "sum", "NONE": "none"}
    keras.losses.Reduction = types.SimpleNamespace(**same, validate=lambda value: None)


def _outcome(loss: Callable[..., Any], inputs: str, *, autograph: bool) -> Outcome:
    import numpy as np
    import tensorflow as tf

    given = probes(inputs)
    y_true, y_pred = given["typical"]
    signature = tuple(tf.TensorSpec([None, *t.shape[1:]], t.dtype) for t in (y_true, y_pred))
    has_gradient = True

    def step(y_true: Any, y_pred: Any) -> Any:
        nonlocal has_gradient
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = loss(y_true, y_pred)
        gradient = tape.gradient(value, y_pred)
        has_gradient = gradient is not None
        return tf.convert_to_tensor(value), tf.zeros_like(y_pred) if gradient is None else tf.convert_to_tensor(
            gradient
        )

    tf.keras.utils.set_random_seed(3)
    traced = tf.function(step, autograph=autograph, input_signature=signature)
    results = {name: tuple(np.asarray(t) for t in traced(*pair)) for name, pair in given.items()}
    value, gradient = results["typical"]
    states = {name: _state(value, gradient, has_gradient) for name, (value, gradient) in results.items()}
    gap = _gap(lambda p: traced(y_true, p)[0], y_pred, gradient) if states["typical"] == "ok" else 0.0
    return Outcome("", states, value.shape, gap)


def _state(value: Any, gradient: Any, has_gradient: bool) -> str:
    import numpy as np

    if not (np.all(np.isfinite(value)) and np.all(np.isfinite(gradient))):
        return "not finite"
    if not has_gradient:
        return "none"
    return "ok" if np.any(gradient) else "zero"


def _gap(value: Callable[[Any], Any], at: Any, gradient: Any) -> float:
    """The largest difference between slopes along random directions, measured and by the gradient."""
    import numpy as np

    rng = np.random.default_rng(5)
    worst = 0.0
    for _ in range(DIRECTIONS):
        way = rng.normal(size=at.shape).astype("float32")
        way *= np.float32(STEP / np.abs(way).max())
        sides = [np.sum(np.asarray(value(at + sign * way), "float64")) for sign in (1.0, -1.0)]
        measured = (sides[0] - sides[1]) / 2
        told = np.sum(gradient.astype("float64") * way)
        size = np.sum(np.abs(gradient.astype("float64") * way)) + abs(measured) + 1e-9
        worst = max(worst, abs(measured - told) / size)
    return float(worst)


class _Packages(MetaPathFinder):
    """Finds the unpacked packages. Of some no ``__init__`` is run: it would import all of the package."""

    BARE = ("tensorflow_ranking.python", "tensorflow_ranking.python.keras")

    def __init__(self, folders: Mapping[str, str]) -> None:
        self.folders = folders

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        root = name.partition(".")[0]
        if root not in self.folders:
            return None
        if name != root and name not in self.BARE:
            return importlib.machinery.PathFinder.find_spec(name, path)
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(Path(self.folders[root], *name.split(".")))]
        return spec


class _Anything(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class _StandIn(metaclass=_Anything):
    """Stands for any class or decorator of a library that is not installed; as a decorator it changes nothing."""

    def __new__(cls, thing: Any = None, *_: Any, **__: Any) -> Any:
        return thing


class _StandIns(MetaPathFinder):
    """Empty modules for what the packages import and their losses never use."""

    NAMES = (
        "efficientnet", "keras.src.engine", "matplotlib", "pandas", "regex", "scipy", "tensorflow_datasets",
        "tensorflow_probability", "tf_slim", "tqdm", "tree", "typeguard",
    )  # fmt: skip

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if not any(name == known or name.startswith(known + ".") for known in self.NAMES):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        module.__path__ = []
        module.__getattr__ = _Anything.__getattr__.__get__(_StandIn)  # type: ignore[method-assign]
