"""Runs pickled programs with TensorFlow, each in a forked child: ``python -m tests.confirm.running < programs > results``.

One line of JSON a program: the rung on which the entry returned, or what it raised on each rung and in which rows.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import traceback
from typing import Any

from losslint.confirmation.load import load
from losslint.confirmation.program import ENTRY, Program, TensorSpec

SECONDS = 60


def array(spec: TensorSpec, rng: Any) -> Any:
    """Numbers for one argument."""
    import numpy as np

    if spec.values in ("class", "integer"):
        made = rng.integers(int(spec.low or 0), spec.classes or int(spec.high or 2) + 1, spec.shape)
    elif spec.values in ("binary", "mask", "onehot"):
        made = rng.integers(0, 2, spec.shape)
    elif spec.values in ("real", "logits", "unit"):
        made = rng.normal(size=spec.shape)
    else:
        made = rng.uniform(0.05, 0.95, spec.shape)
    return np.asarray(made).astype(spec.dtype)


def called(entry: Any, program: Program, specs: tuple[TensorSpec, ...]) -> None:
    """Call the entry once, as its kind says."""
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    given = {spec.name: tf.convert_to_tensor(array(spec, rng)) for spec in specs}
    if program.kind == "model":
        model, data = entry()
        model.fit(**data, epochs=1, batch_size=4, verbose=0)
    elif program.kind == "loss":
        entry(*given.values())
    else:
        entry(**given)


def outcome(program: Program) -> dict[str, Any]:
    """What running a program in this process gives."""
    raised: list[dict[str, Any]] = []
    try:
        entry: Any = load(program)[ENTRY]
    except BaseException as error:
        return {"raised": [told(error, program)]}
    for rung, specs in enumerate(program.inputs):
        try:
            called(entry, program, specs)
        except BaseException as error:
            raised.append(told(error, program))
        else:
            return {"rung": rung, "raised": raised}
    return {"raised": raised}


def told(error: BaseException, program: Program) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    rows = [frame.lineno for frame in frames if frame.filename == str(program.path)]
    return {"error": f"{type(error).__name__}: {error}"[:500], "rows": rows}


def forked(program: Program) -> dict[str, Any]:
    """The outcome of a program in a child of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        os.write(writing, json.dumps(outcome(program)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    return json.loads(data) if data else {"raised": [{"error": "the process died", "rows": []}]}


def main() -> None:
    programs = pickle.load(sys.stdin.buffer)  # written by our own test
    import tensorflow  # noqa: F401 - imported once, no operation runs before the forks

    for program in programs:
        print(json.dumps(forked(program)), flush=True)


if __name__ == "__main__":
    main()
