"""The recorder names row and operation, and leaves masks alone."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from losslint.confirmation.failures import UserFiles
from losslint.confirmation.locate import births, dead_terms, place, ran, record, slope_births, value_births
from losslint.confirmation.observation import Outcome
from losslint.confirmation.probes import Loss, observe
from losslint.confirmation.program import Claim
from losslint.confirmation.values import generic
from tests.confirm.known import HERE, specs

PATH = HERE / "cuts.py"
ROWS = PATH.read_text().splitlines()
PAIR = specs("binary", "probability")
NOTHING = (Outcome.NO_GRADIENT, Outcome.ZERO_GRADIENT)
MARK = re.compile(r"# (stops|dead|unused): (\w+)")


def loss(name: str) -> Loss:
    return Loss(getattr(importlib.import_module("tests.confirm.cuts"), name), UserFiles(PATH, HERE))


def marked(name: str, kind: str) -> tuple[int, str]:
    """Row and operation of the mark in a loss, or in the helper above it."""
    start = next(i for i, row in enumerate(ROWS) if row.startswith(f"def {name}("))
    end = next((i for i in range(start + 1, len(ROWS)) if ROWS[i].startswith("def ")), len(ROWS))
    near = [*range(start, end), *range(start - 4, start)]
    return next((i + 1, m[2]) for i in near if (m := MARK.search(ROWS[i])) and m[1] == kind)


@pytest.mark.parametrize("name", ["rounded", "thresholded", "chosen", "signed", "counted", "ranked", "detached",
                                  "through_a_helper", "left_by_numpy", "left_by_float"])  # fmt: skip
def test_where_the_gradient_stops(name: str) -> None:
    seen = observe(loss(name), generic(PAIR), PAIR, "eager")
    assert seen.outcome in NOTHING
    placed = place(loss(name), PAIR, seen)
    assert marked(name, "stops") in [(o.row, o.operation) for o in placed]
    assert all(o.path == "" and o.outcome is seen.outcome for o in placed)


def test_weights_that_start_at_zero_do_not_hide_where_the_gradient_stops() -> None:
    import tensorflow as tf

    def loss_of_classes(y_true: Any, y_pred: Any) -> Any:
        scores = tf.matmul(y_pred, tf.zeros([3, 3]))
        return tf.reduce_mean(tf.cast(tf.argmax(scores, 1), tf.float32))

    entry = Loss(loss_of_classes, UserFiles(Path(__file__)))
    placed = place(entry, PAIR, observe(entry, generic(PAIR), PAIR, "eager"))
    assert [o.operation for o in placed] == ["ArgMax"]


@pytest.mark.parametrize("name", ["dead_round", "dead_count", "dead_sign"])
def test_dead_terms(name: str) -> None:
    row, operation = marked(name, "dead")
    found = dead_terms(loss(name), PAIR, generic(PAIR), [Claim("LL112", row, row)])
    assert [(o.outcome, o.row, o.operation) for o in found] == [(Outcome.DEAD_TERM, row, operation)]


@pytest.mark.parametrize("name", ["mask", "branch", "straight_through", "index"])
def test_masks_are_no_dead_terms(name: str) -> None:
    claims = [Claim("LL112", i, i) for i, row in enumerate(ROWS, 1) if "# asked" in row]
    assert not [o for o in dead_terms(loss(name), PAIR, generic(PAIR), claims) if o.outcome is Outcome.DEAD_TERM]


def test_unused_result() -> None:
    row, _ = marked("clip_as_statement", "unused")
    found = dead_terms(loss("clip_as_statement"), PAIR, generic(PAIR), [Claim("LL111", row, row)])
    assert [(o.outcome, o.row) for o in found] == [(Outcome.UNUSED, row)]


def test_rows_that_ran() -> None:
    start = next(i for i, row in enumerate(ROWS, 1) if row.startswith("def branch("))
    assert ran(loss("branch"), PAIR, generic(PAIR), ()) == ((start + 1, start + 2), ())


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python keeps no columns before 3.11")
def test_what_did_not_run_in_a_row_that_did() -> None:
    row, text = next((i, text) for i, text in enumerate(ROWS, 1) if "for w in NO_WEIGHTS" in text)
    span = (row, text.index("w.numpy()") + 1, row, text.index("w.numpy()") + 10)
    whole = (row, text.index("sum(") + 1, row, len(text) + 1)
    claims = [Claim("LL102", row, row, span=span), Claim("LL204", row, row, span=whole)]
    rows, idle = ran(loss("of_no_weights"), PAIR, generic(PAIR), claims)
    assert row in rows
    assert idle == (span,)


def test_two_operations_of_a_row() -> None:
    inputs = {"y_true": np.zeros((4, 3), np.float32), "y_pred": np.ones((4, 3), np.float32)}
    born, = births(record(loss("two_logs"), PAIR, inputs))
    text = ROWS[born.row - 1]
    assert born.op == "Log"
    if sys.version_info >= (3, 11):
        assert text[born.span[1] - 1:born.span[3] - 1] == "tf.math.log(1 - y_pred)"


def test_a_loss_that_raises() -> None:
    def raises(y_true: object, y_pred: object) -> object:
        raise ValueError("no")

    trail = record(Loss(raises, UserFiles(PATH)), PAIR, generic(PAIR))
    assert trail.error == "ValueError: no"
    assert not value_births(trail)
    assert not slope_births(trail)


def test_nothing_stays_patched() -> None:
    """``float`` and ``numpy`` of tensors are the framework's own again after a run."""
    import tensorflow as tf

    tensor = tf.constant(1.0)
    before = {name: getattr(type(tensor), name) for name in ("numpy", "__float__", "__array__")}
    record(loss("left_by_float"), PAIR, generic(PAIR))
    assert {name: getattr(type(tensor), name) for name in before} == before
