"""``losslint --confirm`` and ``losslint repro`` from end to end, and how verdicts of several runs become one."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import losslint
from losslint import cli
from losslint.check import check_paths
from losslint.config import Settings
from losslint.confirmation import client, unrun, verdicts
from losslint.confirmation.observation import Evidence, Observation, Outcome
from losslint.confirmation.program import NotSliced, Program
from losslint.findings import Finding, Location, Severity
from tests.expectations import expected

needs_tensorflow = pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed")

LOSSES = """\
import keras
import numpy as np
import tensorflow as tf


def log_loss(y_true, y_pred):
    return -tf.reduce_mean(y_true * tf.math.log(y_pred))


def numpy_loss(y_true, y_pred):
    return tf.convert_to_tensor(np.mean(np.square(y_true - y_pred)), tf.float32)


def guarded(y_true, y_pred):
    return -tf.reduce_mean(y_true * tf.math.log(tf.maximum(y_pred, 1e-7)), axis=-1)


model = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
model.compile("sgd", loss=log_loss)
model.compile("sgd", loss=numpy_loss)
model.compile("sgd", loss=guarded)
"""
INF = float("inf")
FIXTURES = Path(__file__).parents[2] / "fixtures"
WITNESS = Observation(
    Outcome.BAD_VALUE, "eager", {"y_true": [[1.0]], "y_pred": [[0.0]]}, {"y_true": "float32", "y_pred": "float32"},
    loss=INF, gradient={"y_pred": [[-INF]]}, row=7, operation="Log",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "losses.py").write_text(LOSSES)
    (tmp_path / "losslint.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def losslint_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    home = str(Path(losslint.__file__).parents[1])
    return subprocess.run([sys.executable, "-m", "losslint", *arguments], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": home, "NO_COLOR": "1"}, timeout=900)


# -- the whole


@needs_tensorflow
def test_findings_carry_verdicts(folder: Path) -> None:
    done = losslint_process("--confirm", "--output-format", "json", "losses.py")
    found = {(f["code"], f["location"]["row"]): f["verdict"] for f in json.loads(done.stdout)}
    assert done.returncode == 1
    log = found["LL301", 7]
    assert (log["status"], log["mode"], set(log["witness"])) == ("confirmed", "eager", {"y_true", "y_pred"})
    assert log["repro"] == "losses.py::log_loss --code LL301"
    numpy = {verdict["status"] for (code, row), verdict in found.items() if row == 11}
    assert numpy == {"confirmed"}
    assert not [row for code, row in found if row == 15]


@needs_tensorflow
def test_a_repeated_failure_fails(folder: Path) -> None:
    script = losslint_process("repro", "losses.py::log_loss", "--code", "LL301")
    assert script.returncode == 0, script.stderr
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(script.stdout, "repro.py", "exec"), {"__name__": "__main__"})
    assert "nan" in said.getvalue()
    nothing = losslint_process("repro", "losses.py::log_loss", "--code", "LL2")
    assert (nothing.returncode, nothing.stderr.count("\n")) == (2, 1)


def test_a_missing_framework_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["--confirm", "losses.py"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "pip install 'losslint[confirm]'" in err


@pytest.mark.parametrize(("arguments", "told"), [
    (["repro", "losses.py"], "FILE::LOSS"), (["repro", "nowhere.py::loss"], "FILE::LOSS"),
    (["repro", "losses.py::log_los"], "did you mean 'log_loss'?"), (["--jobs", "2", "losses.py"], "need --confirm"),
    (["--confirm", "--device", "tpu", "losses.py"], "auto, cpu or gpu:0"),
])  # fmt: skip
def test_what_cannot_be_done_is_said(arguments: list[str], told: str, folder: Path, capsys: Any) -> None:
    assert cli.main(arguments) == 2
    assert told in capsys.readouterr().err


# -- the joints, without a framework


def with_evidence(monkeypatch: pytest.MonkeyPatch, *seen: Observation, searched: Any = ()) -> list[Program]:
    """Let every program see the same; the programs that were run."""
    ran: list[Program] = []

    def run(programs: Iterator[Program], *_: object) -> Iterator[tuple[Program, Evidence]]:
        for program in programs:
            ran.append(program)
            here = [replace(one, row=one.row if program.name == "log_loss" else 0) for one in seen]
            yield program, Evidence(tuple(here) if program.name == "log_loss" else ())

    monkeypatch.setattr(client, "run", run)
    return ran


def judged(paths: list[Path]) -> list[Finding]:
    report = check_paths(paths, Settings(), keep_losses=True)
    return verdicts.with_verdicts([(Settings(), report)])[0].findings


def test_every_loss_is_run_those_with_findings_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = with_evidence(monkeypatch, WITNESS)
    found = judged([Path("losses.py")])
    assert [program.name for program in ran] == ["log_loss", "numpy_loss", "guarded"]
    assert all(program.path.is_absolute() for program in ran)
    assert {f.code: f.status for f in found if f.start.row == 7} == {"LL301": "confirmed"}
    assert {f.path for f in found} == {Path("losses.py")}


def test_claims_name_the_expression_and_the_way_of_tracing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = LOSSES.replace("-tf.reduce_mean(y_true * tf.math.log(y_pred))", "y_pred if y_pred > 0 else y_true")
    (tmp_path / "losses.py").write_text(text)
    ran = with_evidence(monkeypatch)
    judged([tmp_path / "losses.py"])
    claim = next(claim for program in ran for claim in program.claims if claim.code == "LL201")
    assert (claim.row, claim.modes, claim.expression) == (7, ("graph",), "y_pred > 0")


def test_what_only_running_shows_is_added(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_evidence(monkeypatch, replace(WITNESS, row=19))
    new = [f for f in judged([Path("losses.py")]) if f.code.startswith("LL9")]
    assert [(f.code, f.status, f.path) for f in new] == [("LL902", "confirmed", Path("losses.py"))]


STEP = """

class Own(keras.Model):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(data)))
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return {"loss": loss}
"""


def test_a_step_that_a_replay_runs_is_judged_for_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss is run with the model that it is compiled with; what fails in another loss of that model is told there."""
    (folder / "losses.py").write_text(LOSSES + STEP)
    lost = Observation(Outcome.NO_GRADIENT, "fit", row=len((LOSSES + STEP).splitlines()))
    report = check_paths([Path("losses.py")], Settings(), keep_losses=True)
    trials = {trial.loss.site.qualname: trial for trial in verdicts.trials_of(report, Settings())}
    found = Finding("LL901", "no-gradient", Severity.ERROR, "", "", Path("losses.py").absolute(),
                    Location(lost.row, 9), Location(lost.row, 20), verdict={"status": "confirmed"})
    replay = Program(Path("losses.py"), "guarded", ast.Module([], []), "model", ())
    trials["guarded"].judged.append(verdicts.Judged(replay, [found]))
    codes = {f.code for f in verdicts.judged_report(report, list(trials.values())).findings}
    assert "Own.train_step" in trials
    assert "LL901" not in codes
    trials["guarded"].judged[-1] = verdicts.Judged(replace(replay, kind="loss"), [found])
    assert "LL901" in {f.code for f in verdicts.judged_report(report, list(trials.values())).findings}


RAISED = Observation(Outcome.RAISES, "eager", error="AttributeError: module 'tensorflow' has no attribute 'sqare'")


@pytest.mark.parametrize(("seen", "code", "reason"), [
    (Observation(Outcome.TIMEOUT, "eager", error="still running after 20 s"), "LL005", "still running after 20 s"),
    (Observation(Outcome.CRASHED, "eager", error="SIGSEGV"), "LL005", "SIGSEGV"),
    (RAISED, "LL005", RAISED.error),
    (replace(RAISED, error="NameError: name 'beta' is not defined"), "LL005", "NameError: name 'beta' is not defined"),
    (replace(RAISED, error="ModuleNotFoundError: No module named 'x'"), "LL006", "ModuleNotFoundError: No module named 'x'"),
    (Observation(Outcome.NOT_RUN, "eager", error="ValueError: rank", detail="no shapes were found that it accepts"), "LL006",
     "no shapes were found that it accepts: ValueError: rank"),
])  # fmt: skip
def test_a_loss_that_gives_no_value_is_told(
    seen: Observation, code: str, reason: str, folder: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    (folder / "losses.py").write_text(LOSSES.replace("tf.math.log(y_pred)", "y_pred"))
    with_evidence(monkeypatch, seen)
    (found,) = [f for f in judged([Path("losses.py")]) if f.loss is not None and f.loss.name == "log_loss"]
    assert (found.code, found.severity, found.message, found.start.row) == (code, Severity.INFO, reason, 6)
    with_evidence(monkeypatch, seen, replace(seen, outcome=Outcome.FINE, mode="graph"))
    assert not [f for f in judged([Path("losses.py")]) if f.loss is not None and f.loss.name == "log_loss"]


@pytest.mark.parametrize(("error", "code"), [
    ("TypeError: GAN.compile() got an unexpected keyword argument 'optimizer'", "LL006"),
    ("ValueError: Arguments `target` and `output` must have the same shape.", "LL006"),
    ("AttributeError: 'GAN' object has no attribute 'critic'", "LL005"),
])
def test_what_does_not_fit_a_model_that_is_made_up_is_no_fault_of_it(error: str, code: str) -> None:
    seen = Observation(Outcome.RAISES, "fit", error=error)
    replay = Program(Path("losses.py"), "GAN.train_step", ast.Module([], []), "model", ())
    assert unrun.reason(replay, seen)[0].code == code
    if code == "LL006" and error.startswith("TypeError"):
        assert unrun.reason(replace(replay, kind="loss"), seen)[0].code == "LL005"


def test_what_fails_with_made_up_settings_is_no_fault_of_the_loss() -> None:
    made = Program(Path("losses.py"), "loss", ast.Module([], []), "loss", (), assumed=("weight = 0.1",))
    notice, reason = unrun.reason(made, RAISED)
    assert (notice.code, reason) == ("LL006", f"it fails with what is made up for it, weight = 0.1: {RAISED.error}")
    assert unrun.reason(made, replace(RAISED, outcome=Outcome.CRASHED))[0].code == "LL005"
    floats = replace(RAISED, error="TypeError: Indexer must have integer or boolean type, got indexer with type float32")
    assert unrun.reason(replace(made, assumed=()), floats)[0].code == "LL006"
    assert unrun.reason(replace(made, assumed=(), stated=frozenset({"y_true"})), floats)[0].code == "LL005"


STEPS = """\
import tensorflow as tf

model = tf.keras.Sequential([tf.keras.layers.Conv2D(2, 3), tf.keras.layers.Flatten(),
                             tf.keras.layers.Dense(4, activation="softmax")])
optimizer = tf.keras.optimizers.SGD()


def train_step(images, labels):
    with tf.GradientTape() as tape:
        probs = model(images, training=True)
        loss = -tf.reduce_mean(tf.reduce_sum(tf.one_hot(labels, 4) * tf.math.log({operand}), -1))
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
"""


@pytest.mark.slow
@needs_tensorflow
def test_a_step_runs_with_a_new_model_for_each_shape_until_its_last_layer_saturates(folder: Path) -> None:
    (folder / "losses.py").write_text(STEPS.format(operand="probs"))
    (found,) = json.loads(losslint_process("--confirm", "--isolated", "--output-format", "json", "losses.py").stdout)
    assert (found["code"], found["verdict"]["status"], found["verdict"]["mode"]) == ("LL301", "confirmed", "eager")
    assert "gradient None" not in found["verdict"]["reason"]
    (folder / "losses.py").write_text(STEPS.format(operand="tf.maximum(probs, 1e-7)"))
    assert json.loads(losslint_process("--confirm", "--isolated", "--output-format", "json", "losses.py").stdout) == []


GAN = """\
import tensorflow as tf
from tensorflow import keras


class GAN(keras.Model):
    def __init__(self):
        super().__init__()
        head = keras.layers.Dense(1, activation="sigmoid")
        self.critic = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8), head])
        self.maker = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="tanh")])

    def train_step(self, real):
        noise = tf.random.normal((tf.shape(real)[0], 3))
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(tf.math.log(self.critic(self.maker(noise))))
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, self.maker.trainable_weights), self.maker.trainable_weights))
        return {"loss": loss}


gan = GAN()
gan.build((None, 2))
gan.compile(optimizer="sgd")
"""


@pytest.mark.slow
@needs_tensorflow
def test_the_weights_of_a_model_with_a_step_of_its_own_saturate_its_last_layer(folder: Path) -> None:
    (folder / "losses.py").write_text(GAN)
    (found,) = json.loads(losslint_process("--confirm", "--isolated", "--output-format", "json", "losses.py").stdout)
    assert (found["code"], found["verdict"]["status"], found["verdict"]["mode"]) == ("LL301", "confirmed", "fit")
    assert found["verdict"]["reason"].startswith("in fit: weights ")
    assert found["verdict"]["reason"].endswith("times as large -> loss inf")


NARROW = """\
import tensorflow as tf


def band_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true[:, :, LOW:] - y_pred[:, :, LOW:]))
"""


@pytest.mark.slow
@needs_tensorflow
def test_made_up_inputs_that_are_too_narrow_prove_nothing(folder: Path) -> None:
    (folder / "losses.py").write_text(NARROW + "\n\nLOW = int(\"64\")\n")
    assert json.loads(losslint_process("--confirm", "--isolated", "--output-format", "json", "losses.py").stdout) == []


def test_a_finding_with_its_verdict_says_enough(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_evidence(monkeypatch, Observation(Outcome.CRASHED, "eager", error="SIGSEGV"))
    (found,) = [f for f in judged([Path("losses.py")]) if f.loss is not None and f.loss.name == "log_loss"]
    assert (found.code, found.status) == ("LL301", "unconfirmed")


def test_what_cannot_be_cut_out_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_evidence(monkeypatch)
    why = NotSliced(Path("losses.py"), "", "it is odd")
    monkeypatch.setattr(verdicts, "program_of", lambda *_: why)
    found = {f.loss.name: f.message for f in judged([Path("losses.py")]) if f.code == "LL006" and f.loss is not None}
    assert found == {"guarded": "it is odd"}


def verdict(status: str) -> dict[str, Any]:
    return {"status": status, "reason": status}


@pytest.mark.parametrize(("known", "other", "together"), [
    ("refuted", "confirmed", "confirmed"), ("confirmed", "refuted", "confirmed"), ("unconfirmed", "refuted", "unconfirmed"),
    ("refuted", "unconfirmed", "unconfirmed"), ("refuted", "refuted", "refuted"), ("unconfirmed", "confirmed", "confirmed"),
])  # fmt: skip
def test_a_helper_of_two_losses_is_refuted_by_both_or_not(known: str, other: str, together: str) -> None:
    assert verdicts.joined(verdict(known), verdict(other))["status"] == together


# -- frameworks that are not installed

TORCH = "import torch\n\ndef place_loss(y_pred, y_true):\n    return (torch.argmax(y_pred, -1) - y_true).abs().mean()\n"


@pytest.mark.parametrize("others", [True, False])
def test_losses_of_a_missing_framework_stay_unconfirmed(
    others: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(programs: object, options: client.Options, progress: object) -> Iterator[tuple[Program, Evidence]]:
        if options.framework == "torch":
            raise client.FrameworkMissing("torch")
        yield from ()

    monkeypatch.setattr(client, "run", run)
    (tmp_path / "torch_losses.py").write_text(TORCH)
    if others:
        (tmp_path / "keras_losses.py").write_text(LOSSES)
    checks = [(Settings(), check_paths([tmp_path], Settings(), keep_losses=True))]
    if not others:
        with pytest.raises(client.FrameworkMissing, match=r"PyTorch is not installed for .* -m pip install torch"):
            verdicts.with_verdicts(checks)
        return
    (report,) = verdicts.with_verdicts(checks)
    (found,) = [finding for finding in report.findings if finding.path.name == "torch_losses.py"]
    assert found.verdict is not None
    assert (found.status, found.verdict["reason"]) == ("unconfirmed", "PyTorch is not installed (pip install torch)")


# -- the fixtures


def verdicts_in(folder: Path) -> dict[Path, dict[tuple[int, str], str]]:
    """Row and code of each warning and error -> its verdict, by file."""
    done = losslint_process("--confirm", "--isolated", "--output-format", "json", "--severity", "warning", str(folder))
    assert done.returncode == 1, done.stderr
    found: dict[Path, dict[tuple[int, str], str]] = {path: {} for path in sorted(folder.rglob("*.py"))}
    for one in json.loads(done.stdout):
        found[Path(one["filename"])][one["location"]["row"], one["code"]] = one["verdict"]["status"]
    return found


@pytest.mark.slow
@needs_tensorflow
def test_what_tutorials_are_marked_with_is_confirmed() -> None:
    for path, found in verdicts_in(FIXTURES / "tutorials").items():
        runs = not path.stem.endswith("_torch") or find_spec("torch") is not None
        status = "confirmed" if runs else "unconfirmed"
        assert found == dict.fromkeys(expected(path.read_text(encoding="utf-8")), status), path


@pytest.mark.slow
@needs_tensorflow
def test_nothing_is_confirmed_that_is_not_marked_and_nothing_marked_is_refuted() -> None:
    for path, found in verdicts_in(FIXTURES).items():
        marked = expected(path.read_text(encoding="utf-8"))
        assert {place for place, status in found.items() if status == "confirmed"} <= marked, path
        assert not {place for place, status in found.items() if status == "refuted"} & marked, path
