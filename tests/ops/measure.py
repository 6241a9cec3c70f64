"""Measures what the operation tables claim: calls each API under a tape and looks where a gradient arrives.

``python -m tests.ops.measure`` prints the differences to ``measured.tsv``; ``--write`` writes that file anew;
``--only tf.math.log keras.ops.log`` prints, or with ``--write`` replaces, the rows of a few names. A few operations
abort the process, so the calls run in a child process that is started again after the name that killed it.
"""

from __future__ import annotations

import argparse
import inspect
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losslint.ops.table import Api, apis

if TYPE_CHECKING:
    from tests.ops.arguments import Scene

MEASURED = Path(__file__).with_name("measured.tsv")
FRAMEWORKS = ("tensorflow", "keras", "numpy")
SILENT_FAMILIES = {"object", "scope", "dtype", "missing", "data", "python", "symbolic", "print", "assert", "state"}
SECONDS = 90  # for one name

# best first: one scene may show a zero where another shows a gradient
ORDER = ("FLOWS", "NAN", "ZERO", "LOOKUP", "RAISES", "NONE", "NONFLOAT", "LEAVES")


@dataclass
class Row:
    """What was measured for one API."""

    name: str
    inputs: dict[str, str] = field(default_factory=dict)  # canonical input -> FLOWS | NAN | ZERO | NONE | LOOKUP | ...
    result: str = ""  # dtype of the first output
    scene: str = ""
    problem: str = ""

    def line(self) -> str:
        inputs = " ".join(f"{name}={status}" for name, status in sorted(self.inputs.items()))
        inputs = inputs or ("no-float-input" if self.result else "not-probed")
        return "\t".join([self.name, inputs, self.result, self.scene, self.problem]).rstrip("\t")


def read() -> dict[str, Row]:
    """The committed measurements."""
    rows: dict[str, Row] = {}
    for line in MEASURED.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            row = parse(line)
            rows[row.name] = row
    return rows


def parse(line: str) -> Row:
    name, inputs, result, scene, problem = (*line.split("\t"), "", "", "")[:5]
    pairs = [(word.partition("=")[0], word.partition("=")[2]) for word in inputs.split() if "=" in word]
    return Row(name, dict(pairs), result, scene, problem)


def candidates() -> Iterator[Api]:
    """The APIs a measurement is tried for."""
    for framework in FRAMEWORKS:
        for api in apis(framework).values():
            skipped = api.name.endswith("*") or api.note in ("Keras 2", "NumPy 1") or "Tensor." in api.name
            skipped |= "Variable." in api.name or "ndarray." in api.name or "()." in api.name
            skipped |= api.name.startswith(("keras.applications", "keras.datasets", "keras.Model", "keras.models"))
            skipped |= api.operation.name == "number"
            if not skipped and api.operation.family not in SILENT_FAMILIES:
                yield api


# -- the child: one name after the other


def _resolve(api: Api) -> Callable[..., Any]:
    """The function behind a table name; for ``X()`` an object made by X."""
    import keras
    import numpy
    import tensorflow as tf

    roots: dict[str, tuple[Any, ...]] = {
        "tf": (tf, tf.compat.v1), "keras": (keras, tf.keras), "np": (numpy,),
    }  # fmt: skip
    root, *path = api.name.removesuffix("()").split(".")
    for start in roots[root]:
        found = start
        for part in path:
            found = getattr(found, part, None)
        if found is not None:
            function: Callable[..., Any] = _make(api.name, found) if api.name.endswith("()") else found
            return function
    raise AttributeError(f"{api.name} does not exist")


CONSTRUCTOR: dict[str, dict[str, Any]] = {
    "Activation": {"activation": "tanh"},
    "AlphaDropout": {"rate": 0.1},
    "Dense": {"units": 2},
    "Dice": {"axis": None},
    "Dropout": {"rate": 0.1},
    "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 2},
    "Embedding": {"input_dim": 4, "output_dim": 2},
    "GaussianDropout": {"rate": 0.1},
    "GaussianNoise": {"stddev": 0.1},
    "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "L1L2": {"l1": 0.1, "l2": 0.1},
    "Lambda": {"function": lambda x: 2.0 * x},
    "MeanIoU": {"num_classes": 4},
    "OneHotIoU": {"num_classes": 4, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 4},
    "Permute": {"dims": [1]},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "RepeatVector": {"n": 2},
    "Rescaling": {"scale": 2.0},
    "Reshape": {"target_shape": [-1]},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "l1_l2": {"l1": 0.1, "l2": 0.1},
}


def _make(name: str, cls: Any) -> Any:
    short = name.removesuffix("()").rpartition(".")[2]
    options = dict(CONSTRUCTOR.get(short, {}))
    if ".layers." in name and short not in CONSTRUCTOR:
        options = _guess_options(short)
    return cls(**options)


def _guess_options(short: str) -> dict[str, Any]:
    if "Conv" in short:
        return {"kernel_size": 3} if "Depthwise" in short else {"filters": 2, "kernel_size": 3}
    if short in ("GRU", "LSTM", "SimpleRNN"):
        return {"units": 2}
    if "Adaptive" in short:
        return {"output_size": 2}
    if "Pool" in short and "Global" not in short:
        return {"pool_size": 2}
    if short.startswith("SpatialDropout"):
        return {"rate": 0.1}
    if short.startswith("Random"):
        return {"factor": 0.1}
    return {}


class Missing(Exception):
    """No scene has a value for a parameter."""


ALIASES = {"x1": "x", "x2": "y", "a1": "x", "a2": "y", "t_list": "x", "ar1": "x", "ar2": "y"}


def _call(api: Api, function: Callable[..., Any], scene: Scene, optional: bool) -> tuple[Any, dict[str, Any]]:
    """The result, and the arguments by canonical name."""
    keywords = {keyword: canonical for canonical, keyword in api.parameters if canonical != "_"}
    parameters = _parameters(api, function)
    variadic = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    used: dict[str, Any] = {}
    for parameter in parameters:
        canonical = keywords.get(parameter.name, ALIASES.get(parameter.name, parameter.name))
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            if "x" not in used:
                used |= {"x": scene.values["x"], "y": scene.values["y"]}
                args += [scene.values["x"], scene.values["y"]]
            continue
        required = parameter.default is parameter.empty
        if not required and canonical not in scene.chosen and not (optional and canonical in _optional_inputs(api)):
            continue
        if canonical not in scene.values:
            if required:
                raise Missing(canonical)
            continue
        used[canonical] = value = scene.values[canonical]
        if parameter.kind is parameter.POSITIONAL_ONLY or (variadic and parameter.kind is not parameter.KEYWORD_ONLY):
            args.append(value)
        else:
            kwargs[parameter.name] = value
    return function(*args, **kwargs), used


def _parameters(api: Api, function: Callable[..., Any]) -> list[inspect.Parameter]:
    """What the function takes; the first inputs of the table when Python cannot tell."""
    names = [canonical for canonical, _ in api.parameters if canonical in ("x", "y", "y_true", "y_pred", "values")][:2]
    if not api.name.endswith("()"):
        try:
            return list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            pass
    return [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]


OPTIONAL = frozenset(
    {"x", "y", "weights", "sample_weight", "mean", "stddev", "minval", "maxval", "low", "high", "alpha", "beta", "offset",
     "scale", "initializer", "frequency_weights", "on_value", "off_value", "constant_values"}
)  # fmt: skip


def _optional_inputs(api: Api) -> frozenset[str]:
    return OPTIONAL | api.operation.flows


def _measure(api: Api) -> Row:
    """One API in the scenes that fit, the best answer for each input."""
    from tests.ops.arguments import scenes

    row = Row(api.name)
    try:
        function = _resolve(api)
    except Exception as error:
        row.problem = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:90]
        return row
    if not callable(function):
        row.problem = "not callable"
        return row
    for scene in scenes(api):
        for optional in (True, False):
            try:
                statuses, result = _probe(api, function, scene, optional)
            except Missing as error:
                row.problem = row.problem or f"no value for {error}"
                return row
            except Exception as error:
                if not row.inputs and not row.problem:
                    row.problem = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:90]
                continue
            if not statuses and not row.inputs:
                row.result, row.scene, row.problem = result, scene.name, ""
            if row.inputs and row.result != result:
                continue  # complex or double where float32 was fine
            for name, status in statuses.items():
                if name not in row.inputs or ORDER.index(status) < ORDER.index(row.inputs[name]):
                    row.inputs[name] = status
                    row.scene, row.result = scene.name, result
            if statuses:
                row.problem = ""
                break
        if row.inputs and all(status in ("FLOWS", "NONFLOAT", "LEAVES") for status in row.inputs.values()):
            break
    return row


def _probe(api: Api, function: Callable[..., Any], scene: Scene, optional: bool) -> tuple[dict[str, str], str]:
    import tensorflow as tf

    for values in (scene.common, scene.chosen):
        for name, value in values.items():
            values[name] = _own(value)
    sources = {name: _floating(value) for name, value in scene.values.items()}
    with tf.GradientTape(persistent=True) as tape:
        for tensors in sources.values():
            for tensor in tensors:
                tape.watch(tensor)
        result, used = _call(api, function, scene, optional)
        leaves = [v for v in tf.nest.flatten(result, expand_composites=True) if tf.is_tensor(v)]
        outputs = [_real(v) for v in leaves if _is_float(v)]
        weighted = [tf.reduce_sum(v * _weights(v)) for v in outputs]
    inputs = {name: sources[name] for name in used if sources.get(name)}
    if not leaves:
        return dict.fromkeys(inputs, "LEAVES"), type(result).__name__
    dtype = leaves[0].dtype.name
    if not outputs:
        return dict.fromkeys(inputs, "NONFLOAT"), dtype
    statuses = {}
    for name, tensors in inputs.items():
        found = [_status(tape, target, tensor) for target in weighted for tensor in tensors]
        statuses[name] = min(found, key=ORDER.index)
    return statuses, dtype


def _own(value: Any) -> Any:
    """A copy, so that two parameters never share a tensor."""
    import tensorflow as tf

    if isinstance(value, (list, tuple)):
        return type(value)([_own(item) for item in value])
    return tf.identity(value) if isinstance(value, tf.Tensor) else value


def _floating(value: Any) -> list[Any]:
    """The float tensors of an argument; of a sparse tensor its values."""
    import tensorflow as tf

    parts: list[Any] = tf.nest.flatten(value) if isinstance(value, (list, tuple)) else [value]
    leaves = [leaf.values if isinstance(leaf, tf.SparseTensor) else leaf for leaf in parts]
    return [leaf for leaf in leaves if isinstance(leaf, tf.Tensor) and _is_float(leaf)]


def _is_float(value: Any) -> bool:
    return bool(value.dtype.is_floating or value.dtype.is_complex)


def _real(value: Any) -> Any:
    import tensorflow as tf

    return tf.math.real(value) + 0.5 * tf.math.imag(value) if value.dtype.is_complex else value


def _weights(value: Any) -> Any:
    """Different for each place, so that a sum that is constant does not look like a zero gradient."""
    import numpy as np

    return np.random.RandomState(3).uniform(0.5, 1.5, value.shape).astype(value.dtype.as_numpy_dtype)


def _status(tape: Any, target: Any, source: Any) -> str:
    import numpy as np
    import tensorflow as tf

    try:
        gradient = tape.gradient(target, source)
    except LookupError:
        return "LOOKUP"
    except Exception:
        return "RAISES"
    if gradient is None:
        return "NONE"
    numbers = np.asarray(tf.convert_to_tensor(gradient))
    if np.any(np.isfinite(numbers) & (numbers != 0)):
        return "FLOWS"
    return "ZERO" if np.all(numbers == 0) else "NAN"


def _child(names: Sequence[str]) -> None:
    """Measure names given on standard input, one line out for each: ``> name`` before, the row after."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # operations print
    known = {api.name: api for framework in FRAMEWORKS for api in apis(framework).values()}
    for name in names:
        print(f"> {name}", file=out, flush=True)
        print(_measure(known[name]).line(), file=out, flush=True)


# -- the parent


def measure(names: Sequence[str]) -> dict[str, Row]:
    """Measure names in child processes."""
    rows: dict[str, Row] = {}
    waiting = list(names)
    while waiting:
        current = ""
        command = [sys.executable, "-m", "tests.ops.measure", "--child"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        ) as child:
            assert child.stdin is not None
            child.stdin.write("\n".join(waiting).encode())
            child.stdin.close()
            for line in _lines(child):
                if line.startswith("> "):
                    current = line[2:]
                elif line:
                    row = parse(line)
                    rows[row.name] = row
                    current = ""
            child.kill()
        if current:
            rows[current] = Row(current, problem="the process ended")
            waiting = waiting[waiting.index(current) + 1 :]
        elif waiting[-1] in rows:
            break
        else:
            raise RuntimeError("the measuring process could not start")
    return rows


def _lines(child: subprocess.Popen[bytes]) -> Iterator[str]:
    """Lines of a child until it ends or says nothing for too long."""
    assert child.stdout is not None
    buffer = b""
    while select.select([child.stdout], [], [], SECONDS)[0]:
        chunk = os.read(child.stdout.fileno(), 65536)
        if not chunk:
            return
        buffer += chunk
        *complete, buffer = buffer.split(b"\n")
        yield from (line.decode() for line in complete)


def versions() -> str:
    """The installed versions, as the header of the file names them."""
    from importlib.metadata import version

    return f"TensorFlow {version('tensorflow')}, Keras {version('keras')}, NumPy {version('numpy')}"


def write(rows: dict[str, Row]) -> None:
    """Replace the committed measurements."""
    head = f"# Measured with {versions()}\n# name\tgradient by input\tresult\targuments\tproblem\n"
    MEASURED.write_text(head + "".join(rows[name].line() + "\n" for name in rows), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write measured.tsv")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="measure these names and print the rows")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(sys.stdin.read().split())
        return
    rows = measure(options.only or [api.name for api in candidates()])
    if options.write:
        write((read() if options.only else {}) | rows)
    elif options.only:
        print("\n".join(row.line() for row in rows.values()))
    else:
        known = read()
        for name, row in rows.items():
            if name not in known or known[name].inputs != row.inputs:
                print(row.line())


if __name__ == "__main__":
    main()
