"""Late loop variables and custom gradients that keywords go past."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from losslint.confirmation.failures import UserFiles
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.program import Claim

tf = pytest.importorskip("tensorflow")

INPUTS = {"y": np.array([[1.0], [2.0]], "float32"), "f": np.array([[0.5], [3.0]], "float32")}
PINBALL = "tf.reduce_mean(tf.maximum(q * (y - f), (q - 1.0) * (y - f)), axis=-1)"
BOOSTED = """
@tf.custom_gradient
def boosted(y, f):
    def grad(up):
        return -100.0 * up * (f - y), 100.0 * up * (f - y)
    return tf.reduce_sum(tf.square(f - y)), grad
def right(y, f):
    return tf.reduce_sum(tf.square(f - y))
"""


def entry(source: str) -> tuple[Any, ast.Module]:
    space: dict[str, Any] = {"tf": tf, "Q": 0.5}
    tree = ast.parse(source)
    exec(compile(tree, "losses.py", "exec"), space)
    return space["entry"], tree


def late(source: str) -> list[Observation]:
    from losslint.confirmation import bindings
    from losslint.confirmation.probes import Loss

    made, tree = entry(source)
    loss = Loss(made, UserFiles(Path("losses.py")))
    return list(bindings.late(loss, INPUTS, [Claim("LL210", 3, 3)], tree))


def test_a_loss_that_reads_the_loop_variable_late() -> None:
    (seen,) = late(f"for q in (0.1, 0.9):\n    entry = lambda y, f: {PINBALL}")
    assert (seen.outcome, seen.row) == (Outcome.CONTRACT, 3)
    assert seen.detail.startswith("q is read when the loss is called")
    (seen,) = late(f"def made():\n    return [lambda y, f: {PINBALL} for q in (0.1, 0.9)]\nentry = made()[-1]")
    assert seen.outcome is Outcome.CONTRACT


@pytest.mark.parametrize("source", [
    f"for q in (0.1, 0.9):\n    entry = lambda y, f, q=q: {PINBALL}",
    f"q = 0.5\nentry = lambda y, f: {PINBALL}",  # a constant, not the variable of a loop
])
def test_a_bound_variable_is_not_late(source: str) -> None:
    assert late(source) == []


@pytest.mark.parametrize(("call", "seen"), [("boosted(y=y, f=f)", 1), ("boosted(y, f)", 0), ("right(y=y, f=f)", 0)])
def test_keywords_go_past_a_custom_gradient(call: str, seen: int) -> None:
    from losslint.confirmation import bindings
    from losslint.confirmation.probes import Loss

    made, _ = entry(f"{BOOSTED}def entry(y, f):\n    return {call}\n")
    loss = Loss(made, UserFiles(Path("losses.py")), kind="function")
    found = list(bindings.bypassed(loss, INPUTS, [Claim("LL514", 9, 9, expression=call)]))
    assert [one.outcome for one in found] == [Outcome.WRONG_GRADIENT] * seen


@pytest.mark.parametrize(("returned", "seen"), [("1.0 - 1.0 / (1.0 + e)", 1), ("up * (1.0 - 1.0 / (1.0 + e))", 0)])
def test_a_custom_gradient_that_leaves_out_what_arrives(returned: str, seen: int) -> None:
    from losslint.confirmation import bindings
    from losslint.confirmation.probes import Loss
    from losslint.confirmation.program import TensorSpec

    made, _ = entry(f"""
@tf.custom_gradient
def entry(f):
    e = tf.exp(f)
    def grad(up):
        return {returned}
    return tf.math.log(1.0 + e), grad
""")
    loss = Loss(made, UserFiles(Path("losses.py")), kind="function")
    given = {"f": INPUTS["f"]}
    found = list(bindings.upstream(loss, given, [TensorSpec("f", (2, 1))], [Claim("LL511", 6, 6)]))
    assert [(one.outcome, one.row) for one in found] == [(Outcome.WRONG_GRADIENT, 6)] * seen
