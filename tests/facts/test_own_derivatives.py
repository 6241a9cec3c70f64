"""LL513 speaks of the gradients that are not derivatives, and of no other: surrogates, reversals and bounds are meant."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import tensorflow as tf

from tests.expectations import check, expected

FILES = sorted((Path(__file__).parent / "own_derivatives").glob("*.py"))
CODE = "LL513"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_found_is_what_the_lines_say(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    rows = {finding.start.row for finding in check(text) if finding.code == CODE}
    assert rows == {row for row, code in expected(text) if code == CODE}


@pytest.mark.parametrize("name", ["log1pexp_bad", "cosine_bad", "bce_logits_bad", "quantile_smooth"])
def test_what_is_found_differs_from_differences(name: str) -> None:
    spec = importlib.util.spec_from_file_location("wrong", Path(__file__).parent / "own_derivatives" / "wrong.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function, place = getattr(module, name), tf.constant([0.3, -0.6, 1.3])
    labelled = name in ("bce_logits_bad", "quantile_smooth")
    by_place = (lambda x: function(tf.constant([0.45, 0.8, 0.1]), x)) if labelled else function
    (theory,), (numeric,) = tf.test.compute_gradient(by_place, [place], delta=1e-2)
    assert abs(theory - numeric).max() > 0.1
