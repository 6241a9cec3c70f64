"""Witnesses as text and as scripts; the scripts are run."""

from __future__ import annotations

import ast
import contextlib
import io
import subprocess
import sys
from pathlib import Path

import pytest

from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.program import ModuleSlice, Program, TensorSpec
from losslint.confirmation.repro import script
from losslint.confirmation.words import code, compact, literal, sentence

SPECS = (
    TensorSpec("y_true", (1, 1), values="binary", role="label"),
    TensorSpec("y_pred", (1, 1), values="probability", role="prediction"),
)
LOG = """from __future__ import annotations
import tensorflow as tf

def log_loss(y_true, y_pred):
    return -tf.reduce_mean(y_true * tf.math.log(y_pred))

__losslint_entry__ = log_loss
"""
FOLDED = LOG.replace("y_true * tf.math.log(y_pred)", "(1.0 - y_true) * tf.math.log(1.0 - y_pred + 1e-10)")
INF = float("inf")


def seen(mode: str = "eager", label: float = 1.0, prediction: float = 0.0) -> Observation:
    return Observation(
        Outcome.BAD_VALUE, mode, {"y_true": [[label]], "y_pred": [[prediction]]}, {"y_true": "float32", "y_pred": "float32"},
        loss=INF, gradient={"y_pred": [[-INF]]}, row=5, operation="Log",
    )  # fmt: skip


def program(text: str, kind: str = "loss", **other: object) -> Program:
    return Program(Path("losses.py"), "log_loss", ast.parse(text), kind, (SPECS,), **other)  # type: ignore[arg-type]


def run(text: str) -> str:
    """What a script prints."""
    out = io.StringIO()
    finders, before = list(sys.meta_path), set(sys.modules)
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(text, "repro.py", "exec"), {"__name__": "__main__"})
    finally:
        sys.meta_path[:] = finders
        for name in sys.modules.keys() - before:
            if name.partition(".")[0] == "shop":
                del sys.modules[name]
    return out.getvalue()


# -- words


def test_sentence() -> None:
    told = Observation(Outcome.BAD_VALUE, "fit", {"y_true": [1.0], "logits": [-88.0]}, loss=INF, gradient=[float("nan")])
    assert sentence(told) == "y_true=[1.], logits=[-88.] -> loss inf, gradient [nan]"
    assert sentence(seen()) == "y_true=[[1.]], y_pred=[[0.]] -> loss inf, gradient [[-inf]]"


def test_other_outcomes() -> None:
    raised = Observation(Outcome.RAISES, "graph", {"x": [1.0]}, error="TypeError: no")
    assert sentence(raised) == "TypeError: no"
    lost = Observation(Outcome.NO_GRADIENT, "eager", {"x": [0.5]}, loss=2.0, gradient={"x": None}, operation="Round")
    assert sentence(lost) == "gradient None, lost in Round"


def test_long_arrays_are_cut() -> None:
    rows = [[0.1, 0.1, 0.2, 0.1, 0.1]] * 4
    assert compact(rows) == "[[0.1, 0.1, 0.2, 0.1, 0.1], [0.1, 0.1, 0.2, ...], ...] of shape (4, 5)"


def test_an_array_of_one_number_is_that_number() -> None:
    assert compact([[0.1] * 5] * 4) == "0.1 everywhere, of shape (4, 5)"
    assert literal([[0.1] * 5] * 4) == "[[0.1] * 5] * 4"
    assert literal([[0.1, 0.2]] * 2) == "[[0.1, 0.2], [0.1, 0.2]]"


def test_literals() -> None:
    assert literal([1.0, float("nan"), [True, 3]]) == '[1.0, float("nan"), [True, 3]]'


def test_code_can_be_pasted() -> None:
    tf = pytest.importorskip("tensorflow")
    space: dict[str, object] = {"tf": tf}
    exec(code(seen()), space)
    assert space["y_true"].numpy().tolist() == [[1.0]]  # type: ignore[attr-defined]
    assert space["y_pred"].dtype == tf.float32  # type: ignore[attr-defined]


# -- scripts


def test_eager() -> None:
    pytest.importorskip("tensorflow")
    assert run(script(program(LOG), seen())) == "loss inf\ngradient to y_pred [[-inf]]\n"


def test_folding_needs_the_graph() -> None:
    pytest.importorskip("tensorflow")
    for mode, finite in (("graph", False), ("eager", True), ("xla", False)):
        printed = run(script(program(FOLDED), seen(mode, 0.0, 1.0)))
        assert ("loss inf" not in printed) is finite, (mode, printed)


def test_function_is_called_by_name() -> None:
    pytest.importorskip("tensorflow")
    swapped = LOG.replace("y_true, y_pred", "y_pred, y_true", 1)
    assert run(script(program(swapped, "function"), seen())) == "loss inf\ngradient to y_pred [[-inf]]\n"


def test_exception_is_reproduced() -> None:
    pytest.importorskip("tensorflow")
    text = LOG.replace("    return", "    if tf.reduce_mean(y_pred) > 2.0:\n        return y_pred\n    return")
    raised = Observation(
        Outcome.RAISES, "graph", seen().inputs, seen().dtypes, row=5, error="OperatorNotAllowedInGraphError: x"
    )
    with pytest.raises(Exception, match="symbolic"):
        run(script(program(text), raised))


@pytest.mark.slow
def test_fit() -> None:
    pytest.importorskip("tensorflow")
    fit = Observation(
        Outcome.BAD_VALUE, "fit", {"y_true": [[1.0]] * 4, "y_pred": [[0.0]] * 4},
        {"y_true": "float32", "y_pred": "float32"}, loss=INF,
    )  # fmt: skip
    assert "nan" in run(script(program(LOG), fit)).splitlines()[-1]


def test_other_files_of_the_project() -> None:
    pytest.importorskip("tensorflow")
    text = "from .parts.logs import negative_log\n" + LOG.replace("-tf.reduce_mean(y_true * tf.math.log(y_pred))",
                                                                 "negative_log(y_true, y_pred)")  # fmt: skip
    text = text.replace("from __future__ import annotations\n", "")
    logs = """import tensorflow as tf
from ..base import mean

def negative_log(t, p):
    return -mean(t * tf.math.log(p))
"""
    base = "import tensorflow as tf\n\ndef mean(x):\n    return tf.reduce_mean(x)\n"
    modules = (
        ModuleSlice("shop.parts.logs", Path("shop/parts/logs.py"), ast.parse(logs)),
        ModuleSlice("shop.base", Path("shop/base.py"), ast.parse(base)),
    )
    printed = run(script(program(text, module="shop.losses", modules=modules), seen()))
    assert printed == "loss inf\ngradient to y_pred [[-inf]]\n"


@pytest.mark.slow
def test_a_process_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    path = tmp_path / "repro.py"
    path.write_text(script(program(FOLDED), seen("graph", 0.0, 1.0)))
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "loss inf\ngradient to y_pred [[inf]]\n"


STEP = """import tensorflow as tf

w = tf.Variable([0.0])

def step(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.math.log(w * x))
    w.assign_sub(tape.gradient(loss, [w])[0])

__losslint_entry__ = step
"""


@pytest.mark.slow
def test_a_step_shows_what_its_tape_gives(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    path = tmp_path / "repro.py"
    bad = Observation(Outcome.BAD_VALUE, "eager", {"x": [2.0]}, {"x": "float32"}, loss=-float("inf"), row=7)
    path.write_text(script(program(STEP, kind="step"), bad))
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "loss -inf gradients [[inf]]" in done.stderr


COMPARED = """import random

import tensorflow as tf

def drawn_loss(y_true, y_pred):
    return random.uniform(1.0, 2.0) * tf.reduce_mean(tf.square(y_true - y_pred) * float(tf.reduce_mean(y_pred)))

__losslint_entry__ = drawn_loss
"""


@pytest.mark.parametrize(("code", "outcome", "told"), [
    ("LL109", Outcome.WRONG_GRADIENT, ("slope by the gradient", "slope by central differences")),
    ("LL403", Outcome.CONTRACT, ("as Keras passes them:", "exchanged:")),
    ("LL408", Outcome.CONTRACT, ("a perfect prediction costs", "the opposite costs")),
    ("LL402", Outcome.CONTRACT, ("result", "1 samples")),
    ("LL401", Outcome.CONTRACT, ("y_true (1, 1) y_pred (1, 1)", "with y_pred of shape (B,)")),
])  # fmt: skip
def test_what_was_compared_is_printed(code: str, outcome: Outcome, told: tuple[str, ...]) -> None:
    pytest.importorskip("tensorflow")
    said = run(script(program(COMPARED), Observation(
        outcome, "eager", {"y_true": [[1.0]], "y_pred": [[0.25]]}, {"y_true": "float32", "y_pred": "float32"}, loss=0.2,
    ), code))
    assert all(text in said for text in told), said


def test_a_traced_draw_stays_beside_an_eager_one() -> None:
    pytest.importorskip("tensorflow")
    text = COMPARED.replace(" * float(tf.reduce_mean(y_pred))", "")
    frozen = Observation(Outcome.FROZEN, "graph", {"y_true": [[1.0]], "y_pred": [[0.25]]}, operation="a new draw")
    traced, eager = run(script(program(text), frozen, "LL207")).splitlines()
    assert len(set(traced.split(":")[1].split())) == 1
    assert len(set(eager.split(":")[1].split())) == 3
