"""What ``losslint explain`` says: the right names, in plain words, and true under a tape."""

from __future__ import annotations

import json
import re
from functools import cache

import pytest

from losslint.ops.explain import ABSENT, LEAVES, NONE, NOTHING, RAISES, YES, ZERO, explain, named, public_names
from losslint.ops.table import ALL, lookup, operations, preferred
from losslint.report import explanation
from tests.ops import measure
from tests.ops.measure import Row
from tests.ops.test_measured import EXPECTED


@pytest.mark.parametrize(("name", "found"), [
    ("tf.round", "tf.round"), (" tf.round()", "tf.round"), ("keras.losses.Huber()", "keras.losses.Huber()"),
    ("tensorflow.round", "tf.round"), ("keras.ops.round", "keras.ops.round"),
    ("tf.keras.ops.round", "keras.ops.round"), ("K.round", "keras.backend.round"), ("ops.round", "keras.ops.round"),
    ("np.mean", "np.mean"), ("numpy.mean", "np.mean"), ("jnp.where", "jnp.where"), ("torch.clamp", "torch.clamp"),
    ("torch.nn.functional.mse_loss", "torch.F.mse_loss"), ("F.mse_loss", "torch.F.mse_loss"),
    ("tf.Tensor.numpy", "tf.Tensor.numpy"), ("math.log", "math.log"), ("builtins.max", "builtins.max"),
    ("keras.losses.Huber", "keras.losses.Huber()"), ("scipy.special.expit", "scipy.special.expit"),
])  # fmt: skip
def test_spellings(name: str, found: str) -> None:
    assert [known.api.name for known in named(name)] == [found]


@pytest.mark.parametrize(("text", "some"), [
    ("round", {"tf.round", "keras.ops.round", "np.round", "builtins.round", "torch.round", "jnp.round"}),
    ("Tensor.numpy", {"tf.Tensor.numpy", "torch.Tensor.numpy"}), ("huber", {"keras.losses.Huber()", "optax.huber_loss"}),
    ("tf.image", {"tf.image.ssim", "tf.image.adjust_hue"}), ("tf.keras.losses", {"keras.losses.Huber()"}),
    ("torch.nn.functional", {"torch.F.relu"}),
])  # fmt: skip
def test_a_bare_name_or_a_module_lists_what_it_may_mean(text: str, some: set[str]) -> None:
    names = {known.api.name for known in named(text)}
    assert some - {"optax.huber_loss"} <= names
    assert all(re.search(r"round|numpy|huber|^tf\.image\.|^keras\.losses\.|^torch\.F\.", name, re.I) for name in names)


@pytest.mark.parametrize(("name", "guess"), [
    ("tf.rond", "tf.round"), ("tf.redcue_mean", "tf.reduce_mean"), ("argmx", "tf.argmax"),
    ("keras.ops.sofmax", "keras.ops.softmax"),
])  # fmt: skip
def test_unknown_names_suggest_the_nearest(name: str, guess: str) -> None:
    with pytest.raises(LookupError, match=f"did you mean '{re.escape(guess)}'"):
        named(name)


def test_every_public_name_has_a_verdict_and_a_text() -> None:
    known = named(None)
    assert len(known) == len(list(public_names())) > 5000
    for one in known:
        text = explanation.text(one)
        assert text.startswith(f"{one.api.name}: {one.verdict}\n")
        assert max(map(len, text.splitlines())) <= 130, one.api.name
    assert len(explanation.listing(known).splitlines()) == len(known)
    assert len(json.loads(explanation.as_json(known))) == len(known)


@pytest.mark.parametrize(("name", "sentences"), [
    ("tf.round", ["None: `tape.gradient`", "x + tf.stop_gradient(tf.round(x) - x)"]),
    ("keras.ops.round", ["x + keras.ops.stop_gradient(keras.ops.round(x) - x)"]),
    ("torch.round", ["zero gradient", "learns nothing"]), ("tf.sign", ["zero gradient"]),
    ("tf.math.bincount", ["raises LookupError"]),
    ("tf.where", ["flows through x and y.", "Through condition: None."]),
    ("tf.math.log", ["x = 0", "value -infinite, slope infinite", "tf.math.log(tf.maximum(x, 1e-7))"]),
    ("tf.sqrt", ["behind tf.where or a mask of zeros 0 (under XLA NaN)", "but for the points below"]),
    ("np.mean", ["leaves the tape", "in a graph (Keras `fit`, `tf.function`) it raises", "`tf.reduce_mean`"]),
    ("tf.div", ["does not exist", "removed in TensorFlow 2", "`tf.divide`"]),
    ("tf.Tensor.mean", ["does not exist", "tf.reduce_mean(t)"]),
    ("keras.backend.round", ["Only as `tf.keras.backend.round`"]),
    ("builtins.round", ["raises on a tensor", "AttributeError"]),
])  # fmt: skip
def test_texts(name: str, sentences: list[str]) -> None:
    text = " ".join(explanation.text(named(name)[0]).split())
    for sentence in sentences:
        assert sentence in text


GROUPED = ["np.tri", "np.cov", "tf.layers.conv2d", "tf.metrics.auc", "tf.sparse_concat", "np.fft.fft"]


@pytest.mark.parametrize("name", GROUPED)
def test_no_other_function_is_recommended_for_one_of_a_group(name: str) -> None:
    assert named(name)[0].instead == ""


def test_what_is_written_instead_exists() -> None:
    """Every TensorFlow or Keras name in a recommendation, in the spelling of the framework that is explained."""
    unknown = {
        f"{one.api.name}: {name}"
        for one in named(None)
        for text in (one.instead, one.remark, *(point.instead for point in one.points))
        for name in re.findall(r"\b(?:tf|keras)\.[a-z_][\w.]*\w", text)
        if (known := explain(name)) is None or known.verdict == ABSENT
    }
    assert not {line for line in unknown if not line.endswith(("tf.function", "tf.float32"))}


# -- true under a tape: one name for each operation that a tape can measure

MEASURED = [
    name
    for operation in operations()
    for name in [preferred("tensorflow", operation) or preferred("keras", operation)]
    if name in {api.name for api in measure.candidates()} and measure.read().get(name, Row("")).inputs
]


@cache
def measured_now() -> dict[str, Row]:
    pytest.importorskip("tensorflow")
    return measure.measure(MEASURED)


def test_the_sample_is_large_enough() -> None:
    assert len(MEASURED) > 150


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURED)
def test_the_text_is_true(name: str) -> None:
    api = lookup(name)
    assert api is not None
    sentence = " ".join(explanation.text(named(name)[0]).split())
    named_inputs = re.search(r"gradient flows through ([\w, ]+?)\.(?: |$)", sentence)
    through = re.split(r", | and ", named_inputs.group(1)) if named_inputs else []
    everything = "gradient flows through every tensor" in sentence
    for canonical, status in measured_now()[name].inputs.items():
        if {(name, canonical), (api.operation.name, canonical)} & EXPECTED.keys():
            continue
        flows = everything or dict(api.parameters).get(canonical, canonical) in through
        if status in ("FLOWS", "NAN"):
            assert flows, f"{canonical} gets a gradient"
        elif status in ("NONE", "LEAVES"):
            assert not flows or "nothing to differentiate" in sentence, f"{canonical} gets none"
            assert "exactly 0 everywhere" not in sentence
        elif status == "ZERO":
            assert "exactly 0" in sentence
        elif status == "LOOKUP":
            assert "LookupError" in sentence or "an error" in sentence


def test_verdicts_agree_with_every_committed_measurement() -> None:
    wrong = []
    for name, row in measure.read().items():
        known = explain(name)
        assert known is not None, name
        reasons = {(of, given) for of in (name, known.api.operation.name) for given in row.inputs} & EXPECTED.keys()
        if known.verdict == ABSENT or known.api.framework == "numpy" or reasons:
            continue
        named_here = dict(known.api.parameters)
        flowing = {named_here.get(given, given) for given, status in row.inputs.items() if status in ("FLOWS", "NAN")}
        said = flowing <= set(known.flows) or ALL in known.flows
        if not said or (flowing and known.verdict != YES):
            wrong.append(f"{name}: {known.verdict} through {known.flows}, measured {row.inputs}")
        if {*row.inputs.values()} == {"ZERO"} and known.verdict not in (ZERO, YES):
            wrong.append(f"{name}: {known.verdict}, measured zero")
        if {*row.inputs.values()} == {"LOOKUP"} and known.verdict != RAISES:
            wrong.append(f"{name}: {known.verdict}, measured LookupError")
        if {*row.inputs.values()} == {"NONE"} and known.verdict not in (NONE, LEAVES, NOTHING):
            wrong.append(f"{name}: {known.verdict}, measured None")
    assert wrong == []
