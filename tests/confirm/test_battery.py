"""Losses with known faults, from the main process through server and child and back: what is seen, where, in which mode."""

from __future__ import annotations

import ast
import os
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from losslint.confirmation import client
from losslint.confirmation.client import ConfirmError, Options
from losslint.confirmation.limits import Limits
from losslint.confirmation.observation import Evidence, Observation, Outcome
from losslint.confirmation.program import ENTRY, Claim, Program, TensorSpec

pytest.importorskip("tensorflow")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")]

LABEL = TensorSpec("y_true", (8, 3), role="label", values="probability")
PREDICTION = TensorSpec("y_pred", (8, 3), role="prediction", values="probability")
SOURCE = '''
import numpy as np
from losslint.confirmation.smallest import fitting
import tensorflow as tf

def squared(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)

def logarithm(y_true, y_pred):
    return -tf.reduce_mean(y_true * tf.math.log(y_pred))

def rounded(y_true, y_pred):
    return tf.reduce_mean(y_true - tf.round(y_pred))

def foreign(y_true, y_pred):
    return tf.reduce_mean(np.square(y_true - y_pred))

def product_with_float(y_true, y_pred):
    mean = tf.reduce_mean(tf.square(y_true - y_pred))
    return mean * float(mean)

def threshold(y_true, y_pred):
    return tf.where(
        y_pred > 0.5, tf.square(y_true - y_pred), 1.0 + tf.square(y_true - y_pred))

def huber(y_true, y_pred):
    error = tf.abs(y_true - y_pred)
    return tf.where(error < 0.3, 0.5 * error ** 2, 0.3 * error - 0.045)

def straight_through(y_true, y_pred):
    return tf.square(y_true - (y_pred + tf.stop_gradient(tf.round(y_pred) - y_pred)))

def half_a_gradient(y_true, y_pred):
    @tf.custom_gradient
    def square(x):
        return x * x, lambda dy: dy * x
    return tf.reduce_mean(square(y_true - y_pred))

def reversed_gradient(y_true, y_pred):
    @tf.custom_gradient
    def reverse(x):
        return tf.identity(x), lambda dy: -dy
    return tf.reduce_mean(tf.square(y_true - reverse(y_pred)))

def noisy(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred)) * np.random.uniform(1.0, 2.0)

def fresh_noise(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred)) * tf.random.uniform([], 1.0, 2.0)

def per_sample_index(y_true, y_pred):
    return tf.square(y_true[0] - y_pred[0])

def pair(y_true, y_pred):
    return tf.square(y_true - y_pred), tf.abs(y_true - y_pred)

def squeezed(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - tf.squeeze(y_pred)))

def column(y_true, y_pred):
    return tf.reduce_mean(tf.square(tf.squeeze(y_true) - tf.squeeze(y_pred)))

class Annealed(tf.keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.weight = 0.5

    def call(self, y_true, y_pred):
        return self.weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)

annealed = Annealed()
w, unused = tf.Variable([[0.5], [0.2]]), tf.Variable(1.0)

def good_step(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(x @ w))
    w.assign_sub(tape.gradient(loss, w))

def step_without_gradient(x):
    with tf.GradientTape() as tape:
        y = x @ w
    loss = tf.reduce_mean(tf.square(y))
    tape.gradient(loss, [w])

def step_with_a_part(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(x @ w))
    tape.gradient(loss, [w, unused])

optimizer = tf.keras.optimizers.SGD(0.1)

def step_that_applies_nothing(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.floor(x @ w))
    optimizer.apply_gradients(zip(tape.gradient(loss, [w]), [w]))

traced_step_that_applies_nothing = tf.function(step_that_applies_nothing)

left, right = tf.Variable([[0.5], [0.2]]), tf.Variable([[0.1], [0.3]])

def step_with_the_gradients_of_another(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(x @ left + tf.stop_gradient(x @ right)))
    clipped = [tf.clip_by_norm(g, 1.0) for g in tape.gradient(loss, [left])]
    optimizer.apply_gradients(zip(clipped, [right]))  # another

def step_with_its_own_gradients(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(x @ left - x @ right))
    clipped, _ = tf.clip_by_global_norm([0.5 * g for g in tape.gradient(loss, [left, right])], 1.0)
    optimizer.apply_gradients(zip(clipped, [left, right]))

def penalty_of_nothing(x):
    with tf.GradientTape() as tape:
        score = tf.reduce_sum(x ** 2)
    slope = tape.gradient(score, x)  # nothing
    return tf.reduce_mean(slope ** 2)

class OwnStep(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = tf.keras.Sequential([tf.keras.Input((5,)), tf.keras.layers.Dense(1)])

    def call(self, x):
        return self.inner(x)

    def train_step(self, data):
        x, _ = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self(x))
        slope = tape.gradient(loss, x)  # own step
        return {"loss": loss * slope}

def own_step():
    model = OwnStep()
    model.compile("sgd")
    return fitting(model)

def compiled(loss):
    model = tf.keras.Sequential([tf.keras.layers.Dense(3)])
    model.compile(optimizer="sgd", loss=loss)
    return model, {"x": np.ones((10, 2), "float32"), "y": np.ones((10, 3), "float32")}

def good_model():
    return compiled(squared)

def model_without_gradient():
    return compiled(rounded)
'''


def row(text: str) -> int:
    return next(number for number, line in enumerate(SOURCE.splitlines(), 1) if text in line)


def program(entry: str, *claims: Claim, kind: str = "loss", source: str = SOURCE,
            inputs: tuple[tuple[TensorSpec, ...], ...] = ((LABEL, PREDICTION),)) -> Program:
    tree = ast.parse(textwrap.dedent(source) + f"\n{ENTRY} = {entry}\n")
    return Program(Path("known.py"), entry, tree, kind, inputs, called_by_keras=kind == "loss", claims=claims)


def column(spec: TensorSpec) -> TensorSpec:
    return replace(spec, shape=(8, 1))


X = ((TensorSpec("x", (4, 2)),),)
COLUMNS = ((column(LABEL), column(PREDICTION)),)
TOO_NARROW = tuple(replace(spec, shape=(8,)) for spec in (LABEL, PREDICTION))
PROGRAMS = [
    *(program(name) for name in (
        "squared", "logarithm", "rounded", "foreign", "product_with_float", "threshold", "huber", "straight_through",
        "half_a_gradient", "reversed_gradient",
    )),
    program("noisy", Claim("LL207", row("np.random"), row("np.random"), ("graph",), "np.random.uniform(1.0, 2.0)")),
    program("fresh_noise", Claim("LL207", 1, 1, ("graph",), "tf.random.uniform([], 1.0, 2.0)")),
    program("annealed", Claim("LL207", row("self.weight *"), row("self.weight *"), ("graph",), "self.weight")),
    program("per_sample_index", Claim("LL411", row("y_pred[0]"), row("y_pred[0]"))),
    program("pair", Claim("LL404", row("tf.abs(y_true"), row("tf.abs(y_true")), Claim("LL402", 1, 1)),
    program("squeezed", Claim("LL401", row("y_true - tf.squeeze"), row("y_true - tf.squeeze")), inputs=COLUMNS),
    program("column", Claim("LL401", 1, 1), Claim("LL402", row("tf.squeeze(y_true)"), 1), inputs=COLUMNS),
    program("lambda y_true, y_pred: tf.reduce_mean(y_pred, axis=1)", inputs=(TOO_NARROW, (LABEL, PREDICTION))),
    program("lambda y_true, y_pred: tf.reduce_mean(y_pred, axis=2)"),
    *(program(name, kind="step", inputs=X) for name in ("good_step", "step_without_gradient", "step_with_a_part")),
    *(program(name, kind="step", inputs=X) for name in ("step_that_applies_nothing", "traced_step_that_applies_nothing")),
    *(program(name, Claim("LL504", row("# another"), row("# another")), kind="step", inputs=X)
      for name in ("step_with_the_gradients_of_another", "step_with_its_own_gradients")),
    program("penalty_of_nothing", kind="function", inputs=X),
    *(program(name, kind="model", inputs=((),)) for name in ("good_model", "model_without_gradient", "own_step")),
    program("squared", Claim("LL301", 1, 1, ("fit", "xla", "autograph"))),
]


@pytest.fixture(scope="module")
def evidence() -> dict[tuple[str, int], Evidence]:
    """What was seen of all programs, by name and number of claims: one server runs them."""
    return {(done.name, len(done.claims)): seen for done, seen in client.run(PROGRAMS, Options(2))}


def outcomes(seen: Evidence) -> dict[str, set[Outcome]]:
    found: dict[str, set[Outcome]] = {}
    for one in seen.observations:
        found.setdefault(one.mode, set()).add(one.outcome)
    return found


def only(seen: Evidence, outcome: Outcome) -> Observation:
    found, = (one for one in seen.observations if one.outcome is outcome)
    return found


@pytest.mark.parametrize("name", ["squared", "huber", "straight_through", "reversed_gradient"])
def test_a_good_loss_is_fine_everywhere(evidence: dict[tuple[str, int], Evidence], name: str) -> None:
    seen = evidence[name, 0]
    assert set.union(*outcomes(seen).values()) == {Outcome.FINE}, seen
    assert outcomes(seen).keys() >= {"eager", "graph"}
    assert all(row(f"def {name}") < number < row(f"def {name}") + 7 for one in seen.observations for number in one.rows)


def test_differences_are_only_compared_where_they_mean_something(evidence: dict[tuple[str, int], Evidence]) -> None:
    compared = {name for (name, _), seen in evidence.items() if "differences" in outcomes(seen)}
    assert compared >= {"squared", "huber", "logarithm", "threshold"}
    assert not compared & {"straight_through", "reversed_gradient"}


@pytest.mark.parametrize(("name", "outcome", "text"), [
    ("logarithm", Outcome.BAD_VALUE, "tf.math.log(y_pred)"),
    ("foreign", Outcome.RAISES, "np.square"),
    ("threshold", Outcome.JUMP, "y_pred > 0.5"),
])
def test_faults_are_placed(evidence: dict[tuple[str, int], Evidence], name: str, outcome: Outcome, text: str) -> None:
    assert only(evidence[name, 0], outcome).row == row(text)


def test_what_any_inputs_show_is_shown_by_one_sample(evidence: dict[tuple[str, int], Evidence]) -> None:
    for seen in evidence["rounded", 0].observations:
        assert {name: len(np.asarray(rows)) for name, rows in seen.inputs.items()} == {"y_true": 1, "y_pred": 1}, seen


def test_a_cut_is_seen_in_both_modes(evidence: dict[tuple[str, int], Evidence]) -> None:
    found = [(o.outcome, o.mode, o.row, o.operation) for o in evidence["rounded", 0].observations]
    assert found == [(Outcome.NO_GRADIENT, mode, row("tf.round(y_pred))"), "Round") for mode in ("eager", "graph")]


@pytest.mark.parametrize("name", ["product_with_float", "half_a_gradient"])
def test_half_of_the_gradient_is_wrong(evidence: dict[tuple[str, int], Evidence], name: str) -> None:
    detail = only(evidence[name, 0], Outcome.WRONG_GRADIENT).detail
    analytic, slope = (float(part.rpartition(" ")[2]) for part in detail.split(","))
    assert slope == pytest.approx(2 * analytic, rel=1e-3)


@pytest.mark.parametrize(("name", "text"), [("noisy", "np.random"), ("annealed", "self.weight *")])
def test_what_is_frozen_at_trace(evidence: dict[tuple[str, int], Evidence], name: str, text: str) -> None:
    assert only(evidence[name, 1], Outcome.FROZEN).row == row(text)
    assert Outcome.FROZEN not in set.union(*outcomes(evidence["fresh_noise", 1]).values())


@pytest.mark.parametrize(("name", "claims", "text", "says"), [
    ("per_sample_index", 1, "y_pred[0]", "only samples 0 of 8"),
    ("pair", 2, "tf.abs(y_true", "a tuple of 2"),
    ("squeezed", 1, "y_true - tf.squeeze", "every prediction with every label"),
    ("column", 2, "tf.squeeze(y_true)", "one number"),
])
def test_contracts(evidence: dict[tuple[str, int], Evidence], name: str, claims: int, text: str, says: str) -> None:
    seen = only(evidence[name, claims], Outcome.CONTRACT)
    assert (seen.row, says in seen.detail) == (row(text), True), seen


def test_the_ladder_is_climbed_for_shapes_only(evidence: dict[tuple[str, int], Evidence]) -> None:
    up = evidence["lambda y_true, y_pred: tf.reduce_mean(y_pred, axis=1)", 0]
    assert outcomes(up)["eager"] == {Outcome.FINE}
    nowhere, = evidence["lambda y_true, y_pred: tf.reduce_mean(y_pred, axis=2)", 0].observations
    assert (nowhere.outcome, nowhere.detail) == (Outcome.NOT_RUN, "no shapes were found that it accepts")


def test_steps(evidence: dict[tuple[str, int], Evidence]) -> None:
    good, = evidence["good_step", 0].observations
    without, = evidence["step_without_gradient", 0].observations
    part, = evidence["step_with_a_part", 0].observations
    assert (good.outcome, good.row) == (Outcome.FINE, row("w.assign_sub"))
    assert (without.outcome, without.row) == (Outcome.NO_GRADIENT, 0)  # lost nowhere: it was never on the tape
    assert (part.outcome, part.row) == (Outcome.FINE, row("tape.gradient(loss, [w, unused])"))
    assert part.detail.startswith("no gradient to Variable")


@pytest.mark.parametrize("name", ["step_that_applies_nothing", "traced_step_that_applies_nothing"])
def test_steps_whose_optimizer_gets_nothing(name: str, evidence: dict[tuple[str, int], Evidence]) -> None:
    """The place is where the gradient is lost, not where the optimizer complains."""
    (cut,) = evidence[name, 0].observations
    assert (cut.outcome, cut.row, cut.operation) == (Outcome.NO_GRADIENT, row("tf.floor(x @ w)"), "Floor")


def test_gradients_that_go_to_other_variables(evidence: dict[tuple[str, int], Evidence]) -> None:
    """What is clipped or scaled is still the gradient of its variable."""
    fine, wrong = evidence["step_with_the_gradients_of_another", 1].observations
    assert (fine.outcome, wrong.outcome, wrong.row) == (Outcome.FINE, Outcome.CONTRACT, row("# another"))
    assert " is moved by the gradient of " in wrong.detail
    assert [o.outcome for o in evidence["step_with_its_own_gradients", 1].observations] == [Outcome.FINE]


@pytest.mark.parametrize(("name", "mode", "text"), [
    ("penalty_of_nothing", "eager", "# nothing"), ("own_step", "fit", "# own step")])
def test_a_missing_gradient_is_seen_where_it_is_asked_for(
    name: str, mode: str, text: str, evidence: dict[tuple[str, int], Evidence],
) -> None:
    """The row that uses the None raises."""
    seen = [o for o in evidence[name, 0].observations if o.mode == mode]
    assert [(o.outcome, o.row) for o in seen] == [
        (Outcome.RAISES, row(text) + 1), (Outcome.NO_GRADIENT, row(text))]


def test_models(evidence: dict[tuple[str, int], Evidence]) -> None:
    good, = evidence["good_model", 0].observations
    without, = evidence["model_without_gradient", 0].observations
    assert (good.outcome, good.mode) == (Outcome.FINE, "fit")
    assert (without.outcome, without.mode) == (Outcome.NO_GRADIENT, "fit")


def test_modes_that_a_claim_names_are_run(evidence: dict[tuple[str, int], Evidence]) -> None:
    assert outcomes(evidence["squared", 1]).keys() >= {"eager", "graph", "fit", "xla", "autograph"}


def test_the_device_is_named(evidence: dict[tuple[str, int], Evidence]) -> None:
    assert {seen.device for seen in evidence.values()} <= {"cpu", "gpu:0"}
    with pytest.raises(ConfirmError, match="gpu:7 was asked for"):
        list(client.run(PROGRAMS[:1], Options(device="gpu:7")))


def hostile(*bodies: str) -> list[Sequence[Observation]]:
    """What is seen of losses with these bodies, in their order."""
    sources = [f"import os\nimport tensorflow as tf\ndef loss(y_true, y_pred):\n    {body}\n" for body in bodies]
    programs = [replace(program("loss", source=source), name=str(n)) for n, source in enumerate(sources)]
    found = {p.name: seen.observations for p, seen in client.run(programs, Options(2, limits=Limits(seconds=15.0)))}
    return [found[str(n)] for n in range(len(bodies))]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_losses_that_attack_their_process() -> None:
    loop, memory, left, thread, fine = hostile(
        "while True: pass", "return tf.reduce_sum(tf.ones([1 << 30, 10]) * y_pred[0, 0])", "os._exit(7)",
        "import threading; threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start(); return y_pred",
        "return y_pred",
    )
    assert loop[-1].outcome is Outcome.TIMEOUT
    assert [o.outcome for o in memory] == [Outcome.OUT_OF_MEMORY]
    assert (left[-1].outcome, left[-1].error) == (Outcome.CRASHED, "the process left with exit code 7")
    assert thread[0].outcome is Outcome.FINE
    assert {o.outcome for o in fine} == {Outcome.FINE}


def test_a_framework_that_does_not_import_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tensorflow.py").write_text("raise ImportError('libfoo.so: cannot open shared object file')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(client, "environment", lambda device: {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path.cwd()}"})
    with pytest.raises(ConfirmError, match=r"TensorFlow cannot be imported: ImportError: libfoo.so"):
        list(client.run(PROGRAMS[:1], Options()))
