"""JAX losses under ``--confirm``: what ``jax.grad`` gives, with and without ``jax.jit``, and where it is lost."""

from __future__ import annotations

import linecache
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
jax = pytest.importorskip("jax")

from losslint.confirmation import frameworks, locate  # noqa: E402
from losslint.confirmation.differences import compare  # noqa: E402
from losslint.confirmation.failures import UserFiles  # noqa: E402
from losslint.confirmation.observation import Observation, Outcome  # noqa: E402
from losslint.confirmation.probes import Loss, observe  # noqa: E402
from losslint.confirmation.program import Claim, TensorSpec  # noqa: E402
from losslint.confirmation.values import generic  # noqa: E402
from losslint.confirmation.witness import search  # noqa: E402
from tests.confirm.test_confirming import FIXTURES, losslint_process, verdicts_in  # noqa: E402
from tests.expectations import expected  # noqa: E402

pytestmark = pytest.mark.frameworks

PATH = Path("measured_jax.py")
SOURCE = '''
import jax
import jax.numpy as jnp
import numpy as np

def squared(y_pred, y_true):
    return jnp.mean((y_pred - y_true) ** 2)

@jax.jit
def helper(x):
    return jnp.round(x)

def rounded(y_pred, y_true):
    return jnp.mean((helper(y_pred) - y_true) ** 2)

def chosen(y_pred, y_true):
    return jnp.mean((jnp.argmax(y_pred, -1) - y_true[:, 0]) ** 2)

def as_item(y_pred, y_true):
    return jnp.mean(y_true) * jnp.mean(y_pred).item() + 0.0 * y_pred.sum()

def by_numpy(y_pred, y_true):
    return jnp.mean(np.square(y_pred - y_true))

def branch(y_pred, y_true):
    if jnp.mean(y_pred) > 100.0:
        return jnp.mean(jnp.abs(y_pred))
    return jnp.mean((y_pred - y_true) ** 2)

def root(y_pred, y_true):
    error = jnp.sum((y_pred - y_true) ** 2, axis=-1)
    return jnp.mean(jnp.sqrt(error))

@jax.custom_vjp
def cube(x):
    return x ** 3

cube.defvjp(lambda x: (x ** 3, x), lambda x, up: (up * x,))

def wrong(y_pred, y_true):
    return jnp.mean(cube(y_pred - y_true))

def stopped(y_pred, y_true):
    return jnp.mean(jax.lax.stop_gradient(y_pred) * y_pred)

def entropy(y_pred, y_true):
    return -jnp.mean(jnp.sum(y_true * jnp.log(jax.nn.softmax(y_pred)), axis=-1))

def with_extras(y_pred, y_true):
    error = (y_pred - y_true) ** 2
    return jnp.mean(error), {"most": jnp.max(error)}
'''
ROWS = SOURCE.splitlines()
SPECS = (TensorSpec("y_pred", (8, 3), role="prediction"), TensorSpec("y_true", (8, 3), role="label"))
SPACE: dict[str, Any] = {}
exec(compile(SOURCE, str(PATH), "exec"), SPACE)
linecache.cache[str(PATH)] = (len(SOURCE), None, SOURCE.splitlines(True), str(PATH))


def loss(name: str) -> Loss:
    return Loss(SPACE[name], UserFiles(PATH), "function", framework=frameworks.load("jax"))


def seen(name: str, mode: str = "eager") -> Observation:
    return observe(loss(name), generic(SPECS), SPECS, mode)


def row_of(text: str) -> int:
    (found,) = [row for row, line in enumerate(ROWS, 1) if text in line]
    return found


@pytest.mark.parametrize("mode", ["eager", "jit"])
@pytest.mark.parametrize("name", ["squared", "root", "with_extras"])
def test_gradients_that_arrive(name: str, mode: str) -> None:
    assert seen(name, mode).outcome is Outcome.FINE


@pytest.mark.parametrize(("name", "row", "operation"), [
    ("rounded", "return jnp.round(x)", "round"), ("chosen", "jnp.argmax(y_pred, -1)", "argmax"),
    ("as_item", ".item()", "item"),
])  # fmt: skip
def test_where_the_gradient_is_lost(name: str, row: str, operation: str) -> None:
    found = seen(name)
    assert found.outcome is Outcome.ZERO_GRADIENT
    assert (row_of(row), operation) in [(one.row, one.operation) for one in locate.place(loss(name), SPECS, found)]


def test_what_raises_where() -> None:
    numpy, plain, compiled = seen("by_numpy"), seen("branch"), seen("branch", "jit")
    assert (numpy.outcome, numpy.row) == (Outcome.RAISES, row_of("np.square(y_pred"))
    assert numpy.error.startswith("TracerArrayConversionError")
    assert plain.outcome is Outcome.FINE
    assert (compiled.outcome, compiled.row) == (Outcome.RAISES, row_of("if jnp.mean(y_pred) > 100.0"))
    assert compiled.error.startswith("TracerBoolConversionError")


def test_a_witness() -> None:
    row = row_of("jnp.sqrt(error)")
    found, _ = search(loss("root"), SPECS, [Claim("LL303", row, row)], seconds=5.0)
    assert [(one.row, one.operation, one.outcome) for one in found] == [(row, "sqrt", Outcome.BAD_GRADIENT)]


def test_differences() -> None:
    outcomes = {name: [one.outcome for one in compare(loss(name), generic(SPECS), SPECS)] for name in ("squared", "wrong")}
    assert outcomes == {"squared": [Outcome.FINE], "wrong": [Outcome.WRONG_GRADIENT]}


def test_a_softmax_is_no_stopped_gradient() -> None:
    meant = {}
    for name in ("squared", "stopped", "entropy"):
        traits = frameworks.load("jax").traits(loss(name), generic(SPECS))
        assert traits is not None
        meant[name] = traits.meant_to_differ
    assert meant == {"squared": False, "stopped": True, "entropy": False}


# -- from end to end


def test_fixtures_carry_verdicts() -> None:
    for path, found in verdicts_in(FIXTURES / "frameworks").items():
        if path.stem.startswith("jax"):
            marked = expected(path.read_text(encoding="utf-8"))
            assert {place for place, status in found.items() if status == "confirmed"} == marked, path


STEP = """\
import jax
import jax.numpy as jnp


def loss(params, x, y):
    hidden = jnp.tanh(x @ params["first"]) @ params["second"]
    return jnp.mean(jnp.linalg.norm(hidden - y, axis=-1))


@jax.jit
def update(params, x, y):
    gradients = jax.grad(loss)(params, x, y)
    return jax.tree.map(lambda p, g: p - 0.1 * g, params, gradients)


params = {"first": jnp.ones((3, 4)), "second": jnp.zeros((4, 2))}
for epoch in range(1000):
    params = update(params, jnp.ones((5, 3)), jnp.zeros((5, 2)))
"""


def test_a_step_of_the_file_and_its_script(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(STEP)
    done = losslint_process("--confirm", "--isolated", "--severity", "info", str(path))
    assert "confirmed in eager code: loss 0., gradient" in done.stdout
    script = tmp_path / "script.py"
    script.write_text(losslint_process("repro", f"{path}::loss").stdout)
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=200)
    assert "nan" in ran.stdout


COMPLETED = """\
import argparse
import sys

import jax
import jax.numpy as jnp

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, default=0.5)
args = parser.parse_args(sys.argv[1:])


@jax.custom_vjp
def product(x, y):
    return x * y


def forward(x, y):
    return x * y, (x, y)


def backward(kept, g):
    return g * kept[1], g * kept[0]


product.defvjp(forward, backward)


def loss(pred, target):
    return -args.alpha * jnp.mean(jnp.log(product(jax.nn.relu(pred), target)))
"""


def test_rules_of_a_custom_gradient_and_settings_are_run(tmp_path: Path) -> None:
    path = tmp_path / "losses.py"
    path.write_text(COMPLETED)
    done = losslint_process("--confirm", "--isolated", str(path))
    assert "LL301" in done.stdout
    assert "confirmed in eager code: pred=[[0.]]" in done.stdout


TREES = """\
import jax.numpy as jnp


def plain_loss(params, x, y):
    return jnp.sqrt(jnp.mean((x @ params - y) ** 2))


def keyed_loss(params, x, y):
    hidden = jnp.tanh(jnp.dot(x, params["hidden"]["w"]) + params["hidden"]["b"])
    return jnp.sqrt(jnp.mean((hidden @ params["out"]["w"] + params["out"]["b"] - y) ** 2))


def paired_loss(params, x, y):
    for w, b in params[:-1]:
        x = jnp.tanh(x @ w + b)
    w, b = params[-1]
    return jnp.sqrt(jnp.mean((x @ w + b - y) ** 2))
"""


def test_parameters_are_arrays_and_trees_of_arrays(tmp_path: Path) -> None:
    (tmp_path / "losses.py").write_text(TREES)
    ((_, found),) = verdicts_in(tmp_path).items()
    rows = {row: "confirmed" for row, line in enumerate(TREES.splitlines(), 1) if "jnp.sqrt" in line}
    assert found == {(row, "LL303"): status for row, status in rows.items()}
