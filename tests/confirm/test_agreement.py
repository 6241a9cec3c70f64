"""What a loss says of predictions that agree with their labels, and of arguments that are exchanged."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tensorflow")

import tensorflow as tf

from losslint.confirmation import agreement
from losslint.confirmation.failures import UserFiles
from losslint.confirmation.probes import Loss
from losslint.confirmation.program import ENTRY, Claim, Program
from losslint.confirmation.values import generic
from tests.confirm.known import specs

CALL = "divergence(y_pred, y_true)"
SOURCE = """
import tensorflow as tf

def divergence(y_true, y_pred):
    return {formula}

def loss(y_true, y_pred):
    return divergence(y_pred, y_true)
"""


def seen_of(formula: str, values: str) -> list[str]:
    """What is said of the call, whose arguments are in the wrong order."""
    tree = ast.parse(textwrap.dedent(SOURCE).format(formula=formula) + f"\n{ENTRY} = loss\n")
    program = Program(Path("losses.py"), "loss", tree, "loss", (specs(values, values),))
    row = next(n.lineno for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n) == CALL)
    claim = Claim("LL403", row, row, expression=CALL)

    def run(entry: Any, inputs: Any) -> Any:
        loss = Loss(entry, UserFiles(program.path))
        return loss.value(inputs)

    return [seen.detail for seen in agreement.exchanged(program, run, [claim])]


@pytest.mark.parametrize(("formula", "values"), [
    ("tf.reduce_mean(-y_true * tf.math.log(y_pred) - (1 - y_true) * tf.math.log(1 - y_pred))", "probability"),
    ("tf.reduce_mean(-tf.reduce_sum(y_true * tf.math.log(y_pred), -1))", "simplex"),
    ("tf.reduce_mean(y_pred - y_true * tf.math.log(tf.abs(y_pred) + 1e-7))", "real"),
])  # fmt: skip
def test_where_the_label_is_not_the_cheapest_prediction(formula: str, values: str) -> None:
    (said,) = seen_of(formula, values)
    assert said.endswith("with the two exchanged the equal one costs least")


@pytest.mark.parametrize(("formula", "values"), [
    ("tf.reduce_mean(tf.reduce_sum(y_true * tf.math.log(y_true / y_pred), -1))", "simplex"),  # the reverse may be meant
    ("tf.reduce_mean(tf.abs(y_true - y_pred) / (tf.abs(y_true) + 1.0))", "real"),
    ("tf.reduce_mean(tf.square(y_true - y_pred))", "real"),
    ("tf.reduce_mean(y_true * tf.maximum(1.0 - y_pred, 0.0))", "real"),
])  # fmt: skip
def test_two_values_that_differ_prove_nothing(formula: str, values: str) -> None:
    assert seen_of(formula, values) == []


@pytest.mark.parametrize(("fails", "said"), [
    (lambda y, p: tf.reduce_mean(tf.reduce_sum(y * tf.math.log(p), -1)), "an almost perfect y_pred"),
    (lambda y, p: tf.reduce_mean(y * p), "a perfect y_pred"),
    (lambda y, p: -tf.reduce_mean(tf.reduce_sum(y * tf.math.log(p), -1)), ""),
    (lambda y, p: tf.reduce_mean(tf.square(y - p)), ""),
])  # fmt: skip
def test_the_direction_of_a_logarithm_is_seen_beside_the_corner(fails: Any, said: str) -> None:
    pair = specs("binary", "probability")
    seen = agreement.wrong_direction(Loss(fails, UserFiles(Path("losses.py"))), generic(pair), pair, Claim("LL408", 1, 1))
    assert (seen.detail.partition(" costs")[0] if seen else "") == said
