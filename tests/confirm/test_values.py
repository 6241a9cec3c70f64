"""Inputs keep their contract, points in general position lie in general position."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from losslint.confirmation.program import TensorSpec
from losslint.confirmation.tiers import Tier, tier
from losslint.confirmation.values import corpus, fits, generic, project, rows_of

KINDS = ("real", "logits", "probability", "simplex", "binary", "onehot", "class", "positive", "nonnegative", "unit", "mask",
         "weight", "image", "integer", "constant")  # fmt: skip
SHAPES = ((4, 3), (8,), (2, 5, 5, 2), (4, 1), ())


def spec(kind: str, shape: tuple[int, ...] = (4, 3), **given: object) -> TensorSpec:
    return TensorSpec("x", shape, values=kind, classes=3, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "shape"), list(itertools.product(KINDS, SHAPES)))
def test_generic_keeps_the_contract(kind: str, shape: tuple[int, ...]) -> None:
    if kind in ("onehot", "simplex") and (not shape or shape[-1] < 2):
        pytest.skip("needs classes")
    for seed in range(5):
        array = generic([spec(kind, shape)], seed)["x"]
        assert array.shape == shape
        assert array.dtype == np.float32
        assert fits(spec(kind, shape), array)


@pytest.mark.parametrize("kind", ["real", "logits", "probability", "positive", "unit", "weight", "image"])
def test_generic_has_no_ties_and_no_kinks(kind: str) -> None:
    for seed in range(5):
        numbers = generic([spec(kind, (8, 4))], seed)["x"].ravel()
        assert len(np.unique(numbers)) == numbers.size
        assert not np.any(np.isin(numbers, (0.0, 0.5, 1.0, -1.0)))


def test_generic_is_deterministic() -> None:
    pair = [spec("real"), TensorSpec("y", (4, 3), values="binary")]
    assert all(np.array_equal(generic(pair, 3)[n], generic(pair, 3)[n]) for n in ("x", "y"))
    assert not np.array_equal(generic(pair, 3)["x"], generic(pair, 4)["x"])


def test_more_than_one_class() -> None:
    for kind in ("binary", "mask", "class", "onehot"):
        numbers = generic([spec(kind)])["x"]
        assert len(np.unique(numbers.argmax(-1) if kind == "onehot" else numbers)) > 1


def test_bounds_of_a_spec() -> None:
    narrow = spec("real", low=2.0, high=3.0)
    assert fits(narrow, generic([narrow])["x"])
    assert np.array_equal(project(narrow, np.array([0.0, 2.5, 9.0])), [2.0, 2.5, 3.0])


LABELS, PREDICTIONS = ("onehot", "binary", "class", "probability", "simplex"), ("probability", "logits", "real", "simplex")


@pytest.mark.parametrize(("label", "prediction"), list(itertools.product(LABELS, PREDICTIONS)))
def test_corpus(label: str, prediction: str) -> None:
    specs = (
        TensorSpec("y_true", (4,) if label == "class" else (4, 3), values=label, role="label", classes=3),
        TensorSpec("y_pred", (4, 3), values=prediction, role="prediction"),
    )
    cases = list(corpus(specs))
    assert len(cases) > 4
    assert cases[0].what == "a perfect prediction" or label == "class" or prediction == "simplex"
    for case in cases:
        assert all(fits(s, case.inputs[s.name]) for s in specs), case.what
        assert tier({n: a.tolist() for n, a in case.inputs.items()}) is not Tier.NEVER
    keys = [b"".join(a.tobytes() for a in case.inputs.values()) for case in cases]
    assert len(set(keys)) == len(keys)


def test_corpus_empties_the_mask_and_joins_embeddings() -> None:
    specs = (
        TensorSpec("anchor", (4, 3)), TensorSpec("other", (4, 3)),
        TensorSpec("mask", (4,), values="mask", role="weight"),
    )  # fmt: skip
    cases = {case.what: case.inputs for case in corpus(specs)}
    assert not np.any(cases["mask all zero"]["mask"])
    equal = cases["anchor equals other"]
    assert np.array_equal(equal["anchor"], equal["other"])


def test_tiers() -> None:
    assert tier({"x": [[0.0, 20.0]]}) is Tier.TRAINING
    assert tier({"x": [0.5], "y": [[-110.0]]}) is Tier.LATE
    assert tier({"x": 1e-38}) is Tier.LATE
    assert tier({"x": [-9999.0, 1.0]}) is Tier.NEVER
    assert tier({"x": [-9999.0, 1.0]}, {-9999.0}) is Tier.TRAINING
    assert tier({"x": [1e20]}) is Tier.NEVER
    assert tier({"x": [float("inf")]}) is Tier.NEVER
    assert tier({"y": [float("nan")]}) is Tier.TRAINING  # a label that is missing


def test_one_row() -> None:
    specs = (spec("real"), TensorSpec("y", (4,)))
    one = rows_of(specs, {"x": np.zeros((4, 3)), "y": np.arange(4.0)}, 2)
    assert one is not None
    assert one["x"].shape == (1, 3)
    assert one["y"].tolist() == [2.0]
    assert rows_of((spec("real"), TensorSpec("y", (5,))), {"x": np.zeros((4, 3)), "y": np.zeros(5)}, 0) is None


@pytest.mark.parametrize("shape", [(8, 3), (1, 1), (2, 8, 8, 3)])
def test_numbers_are_short_and_no_two_tensors_agree(shape: tuple[int, ...]) -> None:
    specs = [TensorSpec("y_true", shape), TensorSpec("y_pred", shape), TensorSpec("weight", shape)]
    for seed in range(20):
        one, two, three = (array.astype(str) for array in generic(specs, seed).values())
        assert max(map(len, one.ravel())) <= len("-1.") + (3 if one.size < 100 else 6)
        assert not (one == two).any()
        assert not (two == three).any()


def test_rounded_shares_still_sum_to_one() -> None:
    for classes in (2, 3, 10, 1000):
        shares = generic([TensorSpec("p", (8, classes), values="simplex")])["p"]
        assert (shares > 0.0).all()
        assert np.allclose(shares.sum(-1), 1.0, atol=1e-5)
