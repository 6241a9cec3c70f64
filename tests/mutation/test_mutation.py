"""The mutation run's own parts, without TensorFlow and without the network."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from losslint.rules import catalogue
from tests.mutation.corpus import Subject, corpus, cut
from tests.mutation.excerpt import excerpt
from tests.mutation.inputs import KINDS, probes
from tests.mutation.mutators import MUTATORS, mutants
from tests.mutation.running import Outcome
from tests.mutation.study import Verdict, cases, effects, findings

LOSS = """import tensorflow as tf


def loss(y_true, y_pred):
    {body}
"""

# mutator -> (the body of a loss, what it becomes)
CHANGES = {
    "numpy-twin": ("return tf.math.log(y_true)", "return np.log(y_true)"),
    "numpy-method-on-factor": ("return 2.0 * y_true", "return 2.0 * y_true.numpy()"),
    "float-on-term": ("return 1.0 + y_true", "return 1.0 + float(y_true)"),
    "math-function": ("return tf.exp(y_true)", "return math.exp(y_true)"),
    "numpy-function": ("return tf.exp(y_true)", "return tf.numpy_function(np.exp, [y_true], tf.float32)"),
    "py-function": ("return tf.exp(y_true)", "return tf.py_function(lambda v: np.exp(v), [y_true], tf.float32)"),
    "array-method": ("return tf.reduce_mean(y_true, axis=-1)", "return y_true.mean(axis=-1)"),
    "logged": ("loss = tf.abs(y_true); return loss", "loss = tf.abs(y_true); print(loss.numpy()); return loss"),
    "formatted": ("loss = f(y_true); return loss", 'loss = f(y_true); print(f"{loss:.3f}"); return loss'),
    "prediction-rounded": ("return f(y_pred)", "return f(tf.round(y_pred))"),
    "prediction-thresholded": ("return f(y_pred)", 'return f(tf.cast(y_pred > 0.5, "float32"))'),
    "prediction-argmaxed": ("return f(y_pred)", 'return f(tf.cast(tf.expand_dims(tf.argmax(y_pred, -1), -1), "float32"))'),
    "prediction-to-integer": ("return f(y_pred)", 'return f(tf.cast(y_pred, "int32"))'),
    "prediction-detached": ("return f(y_pred)", "return f(tf.stop_gradient(y_pred))"),
    "result-detached": ("return f(y_pred)", "return tf.stop_gradient(f(y_pred))"),
    "prediction-as-constant": ("return f(y_pred)", "return f(tf.constant(y_pred))"),
    "label-for-prediction": ("return f(y_pred, y_true, y_pred=y_pred)", "return f(y_true, y_true, y_pred=y_true)"),
    "one-prediction-replaced": ("return y_pred * f(y_pred)", "return y_true * f(y_pred)"),
    "tensor-if": ("return tf.maximum(y_true, 0.0)", "return (y_true if y_true > 0.0 else 0.0)"),
    "early-return": ("return f(y_true)", "if tf.reduce_sum(y_true) == 0: return 0.0\n    return f(y_true)"),
    "asserted": ("x = f(y_true); return x", "x = f(y_true); assert tf.reduce_all(x >= 0); return x"),
    "python-bool": ("return f((y_true > 0) & m)", "return f(((y_true > 0) and m))"),
    "python-builtin": ("return tf.reduce_sum(y_true, axis=-1)", "return sum(y_true)"),
    "python-loop": ("return tf.reduce_sum(y_true)", "return tf.reduce_sum([v for v in y_true])"),
    "length-of-tensor": ("return f(tf.shape(y_true)[0])", "return f(len(y_true))"),
    "static-batch": ("return f(tf.shape(y_true)[0])", "return f(y_true.shape[0])"),
    "item-assigned": ("x = f(y_true); return x", "x = f(y_true); x[0] = 0.0; return x"),
    "variable": ("x = f(y_true); return x", "x = tf.Variable(f(y_true)); return x"),
    "return-dropped": ("return f(y_true)", "(f(y_true))"),
    "result-discarded": ("x = f(x); return x", "f(x); return x"),
    "axis-dropped": ("return tf.reduce_mean(y_true, axis=-1)", "return tf.reduce_mean(y_true)"),
    "epsilon-removed": ("return f(y_true + 1e-7)", "return f(y_true)"),
    "epsilon-too-small": ("return f(y_true + EPSILON)", "return f(y_true + 1e-50)"),
    "guard-moved": ("return tf.math.log(y_true + 1e-7)", "return (tf.math.log(y_true) + 1e-7)"),
    "clip-dropped": ("return f(tf.clip_by_value(y_true, 0.1, 0.9))", "return f(y_true)"),
    "activation-dropped": ("return f(tf.nn.sigmoid(y_true))", "return f(y_true)"),
    "logits-flag-flipped": ("return f(y_true, from_logits=True)", "return f(y_true, from_logits=False)"),
    "single-guard": (
        "return tf.math.divide_no_nan(a, b)", "return tf.where(b != 0, a / b, tf.zeros_like(a))"),
    "unguarded-division": ("return tf.math.divide_no_nan(a, b)", "return (a / b)"),
    "stable-form-unfolded": ("return tf.nn.softplus(a)", "return tf.math.log(1.0 + tf.exp(a))"),
    "root-of-square": ("return tf.abs(a)", "return tf.sqrt(tf.square(a))"),
}  # fmt: skip


def test_every_mutator_is_shown() -> None:
    assert set(CHANGES) == set(MUTATORS)


@pytest.mark.parametrize("name", CHANGES)
def test_a_mutator_makes_its_change_and_nothing_else(name: str) -> None:
    before, after = (LOSS.format(body=body) for body in CHANGES[name])
    made = [m.text for m in mutants(before) if m.mutator == name]
    assert after in [text.replace("import numpy as np\n", "").replace("import math\n", "") for text in made]


@pytest.mark.parametrize("name", CHANGES)
def test_mutants_are_python_and_differ(name: str) -> None:
    text = LOSS.format(body=CHANGES[name][0])
    made = [m.text for m in mutants(text)]
    assert len({text, *made}) == len(made) + 1
    for mutant in made:
        ast.parse(mutant)


def test_a_change_brings_the_import_it_needs() -> None:
    text = "from __future__ import annotations\n" + LOSS.format(body="'np.exp'; return tf.exp(y_true)")
    [twin] = [m.text for m in mutants(text) if m.mutator == "numpy-twin"]
    assert twin.startswith("from __future__ import annotations\nimport numpy as np\n")
    assert not any("import numpy" in m.text for m in mutants(text) if m.mutator == "return-dropped")


def test_the_rows_that_use_a_loss_and_its_configuration_stay() -> None:
    body = "def get_config(self):\n    return {'a': 1 + eps}\n\n\ndef train_it(model):\n    return 1 + eps\n"
    assert list(mutants(body)) == []


@pytest.mark.parametrize("name", MUTATORS)
def test_the_codes_of_a_mutator_are_rules(name: str) -> None:
    assert MUTATORS[name].codes <= set(catalogue())


# -- the corpus


def test_an_excerpt_holds_what_the_loss_needs_and_no_more() -> None:
    text = (
        "import os, tensorflow as tf\nfrom math import pi\nEPS = 1e-7\nOTHER = 2\n\n\n"
        "def helper(x):\n    return x + EPS\n\n\n"
        "@decorated\ndef loss(y_true, y_pred):\n    return helper(y_pred)\n\n\ndef unused():\n    return os, pi\n"
    )
    kept = excerpt(text, ["loss"])
    assert "import tensorflow as tf\n" in kept
    assert "@decorated\ndef loss" in kept
    assert "EPS = 1e-7" in kept
    assert not {"os", "pi", "OTHER", "unused"} & set(kept.replace("(", " ").replace(",", " ").split())


def test_an_excerpt_of_a_name_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        excerpt("x = 1\n", ["loss"])


def test_a_cut_loss_is_used() -> None:
    text = "def loss(y_true, y_pred, w):\n    return y_pred\n"
    assert 'model.compile("adam", loss=lambda a, b: loss(a, b, K))' in cut(text, "lambda a, b: loss(a, b, K)")
    assert cut(text, "lambda a, b: loss(a, b, K)").startswith("from tensorflow.keras import backend as K")


def test_the_corpus_is_large_enough_and_names_known_inputs() -> None:
    told = corpus()
    losses = [loss for package in told.values() for loss in package["losses"]]
    assert len(told) >= 12
    assert len(losses) >= 60
    assert {inputs for _, _, inputs in losses} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_probes_have_one_shape(kind: str) -> None:
    pairs = probes(kind)
    assert len({(t.shape, p.shape) for t, p in pairs.values()}) == 1
    assert all(p.dtype == np.float32 for _, p in pairs.values())


# -- the verdict

FINE = Outcome("", {"typical": "ok", "perfect": "ok"}, (6,), 0.0)


@pytest.mark.parametrize(("outcome", "seen"), [
    (FINE, ()),
    (Outcome("TypeError: no"), ("raises",)),
    (Outcome("NameError: the mutator's own slip"), ()),
    (replace(FINE, probes={"typical": "none", "perfect": "none"}), ("none",)),
    (replace(FINE, probes={"typical": "zero", "perfect": "zero"}), ("zero",)),
    (replace(FINE, probes={"typical": "ok", "perfect": "zero"}), ()),
    (replace(FINE, probes={"typical": "ok", "perfect": "not finite"}), ("not finite",)),
    (replace(FINE, gap=0.5), ("wrong",)),
    (replace(FINE, shape=()), ("shape",)),
])  # fmt: skip
def test_effects(outcome: Outcome, seen: tuple[str, ...]) -> None:
    assert effects(FINE, outcome) == seen


def test_what_the_loss_did_itself_is_no_effect() -> None:
    weak = Outcome("", {"typical": "ok", "perfect": "not finite"}, (), 0.3)
    assert effects(weak, replace(weak, gap=0.9)) == ()
    assert effects(Outcome("raises"), Outcome("raises")) == ()


def subject(text: str) -> Subject:
    return Subject("mine", Path("losses.py"), "losses", "loss", "rows", cut(text, "loss"))


def test_cases_are_the_same_for_the_same_seed() -> None:
    one = subject(LOSS.format(body="x = y_pred - y_true; return tf.square(x) + tf.abs(y_pred) * y_pred"))
    first, again, other = (list(cases([one], 1, seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert max(sum(c.mutant.mutator == name for c in first) for name in MUTATORS) == 1


def test_a_found_mutant() -> None:
    one = subject(LOSS.format(body="return tf.square(y_pred - y_true)"))
    [twin] = [c for c in cases([one], 1, 1) if c.mutant.mutator == "numpy-twin"]
    said = findings((str(one.path), twin.mutant.text))["loud"]
    assert "LL101" in said
    assert not findings((str(one.path), one.text))["loud"]
    assert Verdict(twin, ("raises",), "", tuple(said)).found
    assert not Verdict(twin, ("raises",), "", ("LL404",)).found
    changed = ["-    return tf.square(y_pred - y_true)", "+    return np.square(y_pred - y_true)"]
    assert twin.diff == ["+import numpy as np", *changed]
