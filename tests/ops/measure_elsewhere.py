"""Measures what the PyTorch and JAX tables claim: the gradient with respect to the first argument of each function.

``python -m tests.ops.measure_elsewhere`` prints where the installed versions differ from ``measured_elsewhere.tsv``;
``torch`` or ``jax`` as an argument measures one of them, ``--write`` writes what differs into the file. A function is
called with the arguments of ``SHAPES`` until one call has a gradient; what no call fits keeps its row.
"""

from __future__ import annotations

import argparse
import importlib.util
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

MEASURED = Path(__file__).with_name("measured_elsewhere.tsv")
RNG = np.random.default_rng(0)
MATRIX, OTHER = (RNG.uniform(0.1, 0.9, (3, 4)).astype("float32") for _ in range(2))
SQUARE = (lambda a: (a @ a.T + np.eye(4, dtype="float32")))(RNG.uniform(0.1, 0.9, (4, 4)).astype("float32"))
# The first argument and the rest; what starts with a float array is differentiated by it.
SHAPES: tuple[tuple[Any, ...], ...] = (
    (MATRIX,), (MATRIX, OTHER), (MATRIX, 1), (MATRIX, 0), (MATRIX[0],), (MATRIX[0], OTHER[0]), (SQUARE,),
    (SQUARE, SQUARE), (MATRIX, 0.2, 0.8), (MATRIX, (2, 6)), (MATRIX[0], 2), ([MATRIX, OTHER],), (MATRIX, OTHER > 0.5),
    (MATRIX, OTHER, 0.5), (MATRIX, 0, 1), (MATRIX, MATRIX[:, :2], 1, 0, 2),
)  # fmt: skip
ORDER = ("FLOWS", "ZERO", "RAISES", "NONE")  # one call may show a zero where another shows a gradient


def rows() -> dict[str, str]:
    """Name -> what was measured."""
    lines = (line.split("\t") for line in MEASURED.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {line[0]: line[1] for line in lines}


def torch_gradient(function: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """What PyTorch gives for one call. Raises what the call raises."""
    import torch

    def tensor(value: Any) -> Any:
        if isinstance(value, list):
            return [tensor(v) for v in value]
        return torch.tensor(value) if isinstance(value, np.ndarray) else value

    first = tensor(arguments[0])
    leaf = first[0] if isinstance(first, list) else first
    leaf.requires_grad_(True)
    outputs = function(first, *map(tensor, arguments[1:]))
    outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
    floats = [o for o in outputs if isinstance(o, torch.Tensor) and o.requires_grad]
    if not floats:
        return "NONE"
    try:
        weighted = sum((o.abs() if o.is_complex() else o).mul(0.7).square().sum() for o in floats)
        (gradient,) = torch.autograd.grad(weighted, [leaf], allow_unused=True)
    except (RuntimeError, NotImplementedError):
        return "RAISES"
    return "NONE" if gradient is None else "FLOWS" if bool((gradient != 0).any()) else "ZERO"


def jax_gradient(function: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """What JAX gives for one call. Raises what the call raises."""
    import jax
    import jax.numpy as jnp

    def total(first: Any, *rest: Any) -> Any:
        leaves = [x for x in jax.tree.leaves(function(first, *rest)) if hasattr(x, "dtype")]
        return sum(jnp.sum(jnp.abs(0.7 * leaf) ** 2) for leaf in leaves)

    arrays = jax.tree.map(lambda x: jnp.asarray(x) if isinstance(x, np.ndarray) else x, arguments)
    function(*arrays)
    try:
        gradient = jax.tree.leaves(jax.grad(total)(*arrays))
    except Exception:
        return "RAISES"
    return "FLOWS" if any(bool((g != 0).any()) for g in gradient) else "ZERO"


def resolved(name: str) -> Callable[..., Any]:
    """The function behind a name of the tables. Raises AttributeError."""
    root, _, path = name.replace("torch.F.", "torch.nn.functional.").replace("jnp.", "jax.numpy.").partition(".")
    found: Any = importlib.import_module(root)
    for part in path.split("."):
        if not hasattr(found, part):
            importlib.import_module(f"{found.__name__}.{part}")
        found = getattr(found, part)
    assert callable(found)
    return found  # type: ignore[no-any-return]


def measure(name: str) -> str | None:
    """The gradient of one function; None where no call fits it."""
    gradient = torch_gradient if name.startswith("torch.") else jax_gradient
    try:
        function = resolved(name)
    except (AttributeError, ImportError, AssertionError):
        return None
    seen: set[str] = set()
    for arguments in SHAPES:
        try:
            seen.add(gradient(function, arguments))
        except Exception:
            continue
        if "FLOWS" in seen:
            break
    return min(seen, key=ORDER.index, default=None)


def differences(framework: str) -> Iterator[tuple[str, str, str]]:
    """(name, recorded, measured) of what the installed version does otherwise."""
    roots = ("torch.",) if framework == "torch" else ("jax.", "jnp.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, recorded in rows().items():
            if name.startswith(roots) and (found := measure(name)) is not None and found != recorded:
                yield name, recorded, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frameworks", nargs="*", default=["torch", "jax"])
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    changed = {}
    for framework in given.frameworks:
        if importlib.util.find_spec(framework) is None:
            raise SystemExit(f"{framework} is not installed")
        for name, recorded, found in differences(framework):
            print(f"{name}\t{recorded} -> {found}")
            changed[name] = found
    if given.write and changed:
        lines = MEASURED.read_text(encoding="utf-8").splitlines()
        kept = [f"{n}\t{changed[n]}" if (n := line.partition("\t")[0]) in changed else line for line in lines]
        MEASURED.write_text("\n".join(kept) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
