"""Losses with known truth: each faulty one gets a witness at its row and in its mode, no clean one gets any."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from losslint.confirmation import proofs
from losslint.confirmation.failures import UserFiles
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.program import Claim
from losslint.confirmation.tiers import Tier, numbers, tier
from losslint.confirmation.values import fits
from tests.confirm.known import HERE, Known, known, specs
from tests.confirm.programs import program_in

pytest.importorskip("tensorflow")

from losslint.confirmation.locate import arrays
from losslint.confirmation.probes import Loss, observe
from losslint.confirmation.values import generic
from losslint.confirmation.witness import search, settled, shaped

FAULTY = {loss.name: loss for loss in known("faulty")}
CLEAN = {loss.name: loss for loss in known("clean")}
QUICK = ("log_of_prediction", "folded_epsilon", "distance", "masked_mean", "where_log", "pole", "through_a_helper",
         "traced_distance", "exponent_of_error")  # fmt: skip
QUICK_CLEAN = ("log_of_clipped", "epsilon_of_a_shared_difference", "dice_rows", "softmax_logits", "xlogy")


def witnesses(loss: Known, claims: list[Claim] | None = None) -> tuple[Observation, ...]:
    return search(loss.loss, loss.specs, loss.claims() if claims is None else claims)[0]


def check_faulty(loss: Known) -> None:
    found = witnesses(loss)
    for row, mode in loss.rows.items():
        seen = next(o for o in found if o.row == row and o.mode == mode)
        inputs = arrays(seen, loss.specs)
        assert tier(seen.inputs) is not Tier.NEVER
        assert all(fits(shaped(s, inputs[s.name]), inputs[s.name]) for s in loss.specs), "the contract is kept"
        again = observe(loss.loss, inputs, loss.specs, mode)  # anew, uninstrumented
        assert again.outcome is seen.outcome
        bad = again.loss if again.outcome is Outcome.BAD_VALUE else again.gradient
        assert not all(map(math.isfinite, numbers(bad)))


@pytest.mark.parametrize("name", QUICK)
def test_faulty(name: str) -> None:
    check_faulty(FAULTY[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FAULTY.keys() - set(QUICK)))
def test_all_faulty(name: str) -> None:
    check_faulty(FAULTY[name])


@pytest.mark.parametrize("name", QUICK_CLEAN)
def test_clean(name: str) -> None:
    loss = CLEAN[name]
    found, vain = search(loss.loss, loss.specs, loss.claims())
    assert not found
    assert {s.row for s in vain} == set(loss.rows)
    assert {s.mode for s in vain} == {"eager", "graph", "xla"}
    assert all(s.reached and s.inputs > 10 for s in vain)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CLEAN.keys() - set(QUICK_CLEAN)))
def test_all_clean(name: str) -> None:
    test_clean(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CLEAN))
def test_clean_without_claims(name: str) -> None:
    assert not witnesses(CLEAN[name], [])


MASKED = """import tensorflow as tf
def a_loss(y_true, y_pred):
    mask = tf.cast({0}, tf.float32)
    return tf.reduce_sum(mask * tf.square(y_true - y_pred)) / {1}
"""


def found_in(tmp_path: Path, test: str, divisor: str, example: tuple[tuple[str, float], ...] = ()) -> list[Observation]:
    """What a search finds in a masked mean, with the inputs that its code asks for."""
    text = MASKED.format(test, divisor)
    program = program_in(tmp_path, text, "a_loss")
    namespace: dict[str, Any] = {}
    exec(compile(text, str(program.path), "exec"), namespace)
    loss = Loss(namespace["a_loss"], UserFiles(program.path, tmp_path), "loss")
    return [*search(loss, program.inputs[0], [Claim("LL304", 4, 4, example=example)])[0]]


CAPPED = """import tensorflow as tf
def a_loss(y_true, logits):
    p = tf.sigmoid(logits)
    return -tf.reduce_mean(y_true * tf.math.log(p + {0}) + (1 - y_true) * tf.math.log(1 - p + {0}))
"""


def test_a_guard_that_caps_a_logarithm_is_shown_by_a_gradient_of_zero(tmp_path: Path) -> None:
    """Not by the epsilon that graphs round away, which is another finding."""
    text = CAPPED.format("1e-8")
    program = program_in(tmp_path, text, "a_loss")
    namespace: dict[str, Any] = {}
    exec(compile(text, str(program.path), "exec"), namespace)
    loss = Loss(namespace["a_loss"], UserFiles(program.path, tmp_path), "loss")
    found, _ = search(loss, program.inputs[0], [Claim("LL308", 4, 4)])
    shown = [seen for seen in found if seen.outcome in proofs.STARVED.outcomes]
    assert [(seen.row, any(numbers(seen.loss)), any(numbers(seen.gradient))) for seen in shown] == [(4, True, False)]


@pytest.mark.parametrize(("test", "label"), [
    ("tf.not_equal(y_true, -1.0)", -1.0), ("y_true >= 0.0", -1.0), ("y_true > -9999.0", -9999.0), ("y_true < 20.0", 20.0),
    ("-7.0 != y_true", -7.0),
])
def test_the_numbers_that_labels_are_compared_with_are_tried(tmp_path: Path, test: str, label: float) -> None:
    seen = found_in(tmp_path, test, "tf.reduce_sum(mask)")[0]
    assert (seen.row, seen.inputs["y_true"], seen.plausible) == (4, [[label]], True)
    assert not found_in(tmp_path, test, "(tf.reduce_sum(mask) + 1.0)")


def test_the_inputs_that_a_finding_names_are_tried_first(tmp_path: Path) -> None:
    seen = found_in(tmp_path, "tf.abs(y_true - 0.625) > 1e-3", "tf.reduce_sum(mask)", (("y_true", 0.625),))[0]
    assert seen.inputs["y_true"] == [[0.625]]
    assert seen.detail.startswith("the inputs that the finding names")


SHARES = """import tensorflow as tf
def a_loss(y_true, y_pred):
    return -tf.reduce_mean(tf.reduce_sum(y_true * tf.math.log(tf.nn.softmax(y_pred)), -1))
"""


def test_labels_of_shares_hold_a_class(tmp_path: Path) -> None:
    program = program_in(tmp_path, SHARES, "a_loss")
    namespace: dict[str, Any] = {}
    exec(compile(SHARES, str(program.path), "exec"), namespace)
    loss = Loss(namespace["a_loss"], UserFiles(program.path, tmp_path), "loss")
    seen = search(loss, program.inputs[0], [Claim("LL301", 3, 3)])[0][0]
    assert seen.inputs["y_true"] == [[1.0, 0.0, 0.0]]


def test_enough_losses() -> None:
    assert len(FAULTY) >= 40
    assert len(CLEAN) >= 40


def test_witness_is_small() -> None:
    seen = witnesses(FAULTY["distance"])[0]
    assert seen.inputs == {"y_true": [[1.0]], "y_pred": [[1.0]]}
    assert seen.loss == 0.0
    assert seen.operation == "Sqrt"


def test_folded_epsilon_is_fine_in_eager_code() -> None:
    loss = FAULTY["folded_epsilon"]
    seen = witnesses(loss)[0]
    assert seen.mode == "graph"
    assert observe(loss.loss, arrays(seen, loss.specs), loss.specs, "eager").outcome is Outcome.FINE


def test_labels_alone() -> None:
    """A failure that no prediction can mend says so."""
    assert "whatever is predicted" in witnesses(FAULTY["relative_error"])[0].detail
    assert "whatever is predicted" not in witnesses(FAULTY["distance"])[0].detail


def test_settled() -> None:
    """A loss that takes the logarithm of a bare prediction is not made for negative ones."""
    import tensorflow as tf

    def logs(y_true: Any, y_pred: Any) -> Any:
        return tf.reduce_mean(tf.math.log(y_pred + 0.1))

    assert settled(Loss(logs, UserFiles(HERE)), specs("real", "real"))[1].values == "nonnegative"
    assert settled(CLEAN["huber"].loss, specs("real", "real"))[1].values == "real"


def test_nothing_to_search() -> None:
    """A row that does not run is not searched: nothing may be refuted there."""
    loss = CLEAN["huber"]
    found, vain = search(loss.loss, loss.specs, [Claim("LL301", 1, 1)])
    assert not found
    assert not any(s.reached for s in vain)


def test_gradient_killed_by_a_clip() -> None:
    loss = CLEAN["log_of_clipped"]
    (row,) = loss.rows  # of the logarithm; the clip stands above it
    found, _ = search(loss.loss, loss.specs, [Claim("LL311", row - 1, row - 1), Claim("LL311", row, row)])
    assert [(o.outcome, o.row) for o in found] == [(Outcome.ZERO_GRADIENT, row - 1)]
    unclipped = CLEAN["log_with_epsilon"]
    assert not search(unclipped.loss, unclipped.specs, [Claim("LL311", 10, 10)])[0]


def test_a_minimum_is_no_clip() -> None:
    """At y_true=1, y_pred=0 the gradient is 0 as the loss is least there; at y_true=0, y_pred=30 the clip is why."""
    import tensorflow as tf

    def poisson(y_true: Any, y_pred: Any) -> Any:
        bounded = tf.clip_by_value(y_pred, -20.0, 20.0)
        return tf.reduce_mean(tf.exp(bounded) - y_true * y_pred, axis=-1)

    row = poisson.__code__.co_firstlineno + 1
    claims = [Claim("LL311", row, row), Claim("LL311", row + 1, row + 1)]
    found, _ = search(Loss(poisson, UserFiles(Path(__file__))), specs("real", "real"), claims)
    (killed,) = (seen for seen in found if seen.outcome is Outcome.ZERO_GRADIENT)
    assert (killed.row, set(numbers(killed.inputs["y_pred"]))) == (row, {30.0})


def test_what_cannot_fail_is_not_searched() -> None:
    """Without a singular operation there is no corner to look into; with one there may be."""

    def stays_finite(loss: Any) -> bool:
        inputs = loss.loss.prepared(generic(loss.specs))
        traits = loss.loss.framework.traits(loss.loss, inputs)
        return traits is not None and bool(traits.stays_finite)

    assert not [name for name, loss in FAULTY.items() if stays_finite(loss)]
    assert all(stays_finite(CLEAN[name]) for name in ("mean_square", "absolute", "hinge", "quantile"))
