"""The inputs of a loss: what its code asks for, what its file states, what the user says."""

from __future__ import annotations

from pathlib import Path

import pytest

from losslint.check import check_paths
from losslint.cli import main
from losslint.config import ConfigError, Settings
from losslint.confirmation.program import TensorSpec
from losslint.confirmation.stated import check_entries
from losslint.confirmation.written import parse_spec
from tests.confirm.programs import code, program_in

TF = "import tensorflow as tf\n"


def first(tmp_path: Path, body: str, signature: str = "y_true, y_pred", name: str = "a_loss") -> dict[str, TensorSpec]:
    """The specs of the first rung of a loss with this body."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    program = program_in(tmp_path, TF + f"def {name}({signature}):\n{lines}", name)
    return {spec.name: spec for spec in program.inputs[0]}


@pytest.mark.parametrize(("body", "shape"), [
    ("return tf.reduce_mean(y_true - y_pred)", (8, 3)),
    ("return tf.reduce_mean(y_true - y_pred[:, 4])", (8, 5)),
    ("return tf.reduce_mean(y_true - y_pred[..., 2:6])", (8, 6)),
    ("return tf.reduce_mean(tf.abs(y_true - y_pred), axis=[1, 2, 3])", (4, 8, 8, 2)),
    ("return tf.reduce_mean(tf.abs(y_true - y_pred), axis=2)", (4, 5, 3)),
    ("return tf.reduce_mean(tf.transpose(y_true - y_pred, [0, 2, 1]))", (4, 5, 3)),
    ("a, b = tf.split(y_pred, 2, axis=-1)\nreturn tf.reduce_mean(y_true - a * b)", (8, 4)),
    ("return tf.reduce_mean(y_true) - tf.reduce_mean(tf.reshape(y_pred, (-1, 4, 2)))", (8, 8)),
    ("return tf.reduce_mean(tf.constant([0.1, 0.2, 0.3, 0.4]) * y_true * tf.math.log(y_pred))", (8, 4)),
    ("return tf.reduce_mean(tf.square(y_true - y_pred) * [1.0, 2.0])", (8, 2)),
    ("return tf.reduce_mean(tf.square(y_true - y_pred) * tf.constant(2.0))", (8, 3)),
    ("return 1.0 - tf.reduce_mean(tf.image.ssim(y_true, y_pred, 1.0))", (2, 16, 16, 3)),
    ("return tf.reduce_mean(y_true) - tf.reduce_mean(tf.math.top_k(y_pred, 5).values)", (8, 5)),
    ("if y_pred.shape[-1] != 4:\n    raise ValueError\nreturn tf.reduce_mean(y_true - y_pred)", (8, 4)),
])
def test_shapes_come_from_the_code(tmp_path: Path, body: str, shape: tuple[int, ...]) -> None:
    assert first(tmp_path, body)["y_pred"].shape == shape


@pytest.mark.parametrize(("body", "label", "prediction"), [
    ("return tf.reduce_mean(tf.square(y_true - y_pred))", "real", "real"),
    ("return -tf.reduce_mean(y_true * tf.math.log(y_pred + 1e-7))", "binary", "probability"),
    ("return tf.reduce_mean(tf.abs(y_true - tf.sigmoid(y_pred)))", "binary", "logits"),
    ("return tf.reduce_mean(tf.keras.losses.categorical_crossentropy(y_true, y_pred))", "onehot", "simplex"),
    ("return tf.reduce_mean(tf.keras.losses.binary_crossentropy(y_true, y_pred, from_logits=True))", "binary", "logits"),
])
def test_ranges_come_from_the_code(tmp_path: Path, body: str, label: str, prediction: str) -> None:
    specs = first(tmp_path, body)
    assert (specs["y_true"].values, specs["y_pred"].values) == (label, prediction)
    assert (specs["y_true"].role, specs["y_pred"].role) == ("label", "prediction")


def test_class_numbers_are_integers_below_the_depth(tmp_path: Path) -> None:
    specs = first(tmp_path, "return tf.reduce_mean(tf.square(tf.one_hot(y_true, 5) - y_pred))")
    assert specs["y_true"] == TensorSpec("y_true", (8,), "int32", "class", "label", classes=5)
    assert specs["y_pred"].shape == (8, 5)


def test_the_ladder_holds_common_shapes_once(tmp_path: Path) -> None:
    text = TF + "def a_loss(y_true, y_pred):\n    return tf.reduce_mean(y_true - y_pred)\n"
    program = program_in(tmp_path, text, "a_loss")
    shapes = [rung[1].shape for rung in program.inputs]
    assert shapes[:5] == [(8, 3), (8, 1), (8,), (4, 8, 8, 2), (4, 5, 3)]
    assert len(program.inputs) == len(set(program.inputs)) == 9
    assert [(a.shape, b.shape) for a, b in program.inputs if a.shape != b.shape] == [((8,), (8, 8))]


def test_shapes_that_the_file_states_come_first(tmp_path: Path) -> None:
    program = program_in(tmp_path, TF + """import numpy as np
critic = tf.keras.Sequential([tf.keras.Input((6,)), tf.keras.layers.Dense(2)])
def fitted_loss(y_true, y_pred):
    return tf.reduce_mean(y_true - y_pred)
def critic_loss(samples, target):
    return tf.reduce_mean(critic(samples) - target)
model.compile(loss=fitted_loss)
model.fit(np.random.rand(20, 7), np.random.rand(20, 4).astype("float32"))
""", "fitted_loss")
    assert program.inputs[0][1].shape == (8, 4)
    program = program_in(tmp_path, (tmp_path / "losses.py").read_text(), "critic_loss")
    assert [(s.name, s.shape) for s in program.inputs[0]] == [("samples", (8, 6)), ("target", (8, 2))]


def test_a_model_says_what_it_takes_whatever_the_argument_is_called(tmp_path: Path) -> None:
    step = """
def a_step(images, labels):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(labels - model(images)))
    return tape.gradient(loss, model.trainable_variables)
"""
    model = "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])"
    shapes = [{s.name: s.shape for s in rung} for rung in program_in(tmp_path, TF + model + step, "a_step").inputs]
    assert shapes[0] == {"images": (8, 4), "labels": (8, 3)}
    model = "model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(3)])"
    program = program_in(tmp_path, TF + model + step, "a_step")
    assert all(len(s.shape) == 4 for rung in program.inputs for s in rung if s.name == "images")


def test_lists_and_dictionaries_are_put_together(tmp_path: Path) -> None:
    program = program_in(tmp_path, TF + """
def total_loss(outputs, parts):
    mean, spread, skew = outputs
    return tf.reduce_mean(mean * spread * skew - parts["size"])
""", "total_loss")
    assert [s.name for s in program.inputs[0]] == ["outputs_0", "outputs_1", "outputs_2", "parts_size"]
    assert code(program).endswith(
        "lambda outputs_0, outputs_1, outputs_2, parts_size: "
        "total_loss(outputs=[outputs_0, outputs_1, outputs_2], parts={'size': parts_size})")


def test_a_comment_an_annotation_and_a_signature_decide(tmp_path: Path) -> None:
    text = TF + """
# losslint: inputs y_true=int32[8] in [0, 9], y_pred=float32[8, 10] probability
def told_loss(y_true, y_pred):
    return tf.reduce_mean(y_pred) - tf.reduce_mean(y_true)
def typed_loss(y_true: Float[Tensor, "batch 10"], y_pred: Float[Tensor, "batch 10"]):
    return tf.reduce_mean(y_true - y_pred)
@tf.function(input_signature=[tf.TensorSpec([None, 7], tf.float32), tf.TensorSpec(shape=[None, 7], dtype=tf.float64)])
def signed_loss(y_true, y_pred):
    return tf.reduce_mean(y_true - y_pred)
"""
    told = program_in(tmp_path, text, "told_loss").inputs[0]
    assert told == (
        TensorSpec("y_true", (8,), "int32", "class", "label", classes=10, low=0.0, high=9.0),
        TensorSpec("y_pred", (8, 10), "float32", "probability", "prediction"))
    assert [s.shape for s in program_in(tmp_path, text, "typed_loss").inputs[0]] == [(8, 10), (8, 10)]
    assert [(s.shape, s.dtype) for s in program_in(tmp_path, text, "signed_loss").inputs[0]] == [
        ((8, 7), "float32"), ((8, 7), "float64")]


def test_the_configuration_decides_over_all(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, inputs={
        "losses.py::told_loss": {"y_pred": "float32[4, 10] in [0, 1]"},
        "losses.py::make.inner": {"gamma": 3.5, "y_true": "int32[4] in [0, 2]"},
        "elsewhere.py::told_loss": {"y_true": "float64[1]"}})
    text = TF + """
# losslint: inputs y_pred=float32[8, 10]
def told_loss(y_true, y_pred):
    return tf.reduce_mean(y_pred) - tf.reduce_mean(y_true)
def make(gamma):
    def inner(y_true, y_pred):
        return gamma * tf.reduce_mean(y_pred) - tf.reduce_mean(y_true)
    return inner
model.compile(loss=make(gamma=1.0))
"""
    told = program_in(tmp_path, text, "told_loss", settings)
    assert told.inputs[0][1] == TensorSpec("y_pred", (4, 10), role="prediction", low=0.0, high=1.0)
    assert told.inputs[0][0].dtype == "float32"
    made = program_in(tmp_path, text, "make.inner", settings)
    assert code(made).endswith("= make(gamma=3.5)")
    assert made.inputs[0][0].classes == 3


@pytest.mark.parametrize(("text", "message"), [
    ("float32", "is no input; write it like"),
    ("float32[8, n]", "is no input; write it like"),
    ("float32[8] lovely", "unknown kind of values 'lovely'"),
    ("float32[8] in [low, 1]", "must be two numbers"),
])
def test_what_is_no_input_says_so(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        parse_spec(text)


def test_it_is_the_same_every_time(tmp_path: Path) -> None:
    text = TF + "def a_loss(y_true, y_pred):\n    return tf.reduce_mean(tf.math.log(y_pred[:, 3]) - y_true)\n"
    assert program_in(tmp_path, text, "a_loss").inputs == program_in(tmp_path, text, "a_loss").inputs


def test_labels_that_are_compared_with_each_other_are_groups(tmp_path: Path) -> None:
    specs = first(tmp_path, """y_true = tf.reshape(y_true, [-1, 1])
same = tf.cast(tf.equal(y_true, tf.transpose(y_true)), tf.float32)
distances = tf.norm(y_pred[:, None] - y_pred[None, :] + 1e-3, axis=-1)
return tf.reduce_sum(same * distances) / tf.reduce_sum(same)""")
    assert (specs["y_true"].shape, specs["y_true"].values) == ((8,), "class")
    assert specs["y_pred"].shape == (8, 3)
    columns = first(tmp_path, "return tf.reduce_sum(tf.cast(tf.equal(y_true, tf.transpose(y_true)), tf.float32) * y_pred)")
    assert columns["y_true"].shape == (8, 1)


def test_what_comes_after_the_width_of_a_label_is_as_wide_again(tmp_path: Path) -> None:
    last = first(tmp_path, "n = tf.shape(y_true)[-1]\nreturn tf.reduce_mean(y_true - y_pred[..., :n] * y_pred[..., n:])")
    assert (last["y_true"].shape, last["y_pred"].shape) == ((8, 3), (8, 6))
    second = first(tmp_path, "n = y_true.shape[1]\nreturn tf.reduce_mean(y_true - y_pred[:, :n] * y_pred[:, n:])")
    assert (second["y_true"].shape, second["y_pred"].shape) == ((8, 3), (8, 6))
    own = first(tmp_path, "n = tf.shape(y_pred)[-1] // 2\nreturn tf.reduce_mean(y_true - y_pred[..., n:])")
    assert (own["y_true"].shape, own["y_pred"].shape) == ((8, 2), (8, 4))


def test_what_a_matrix_is_multiplied_by_has_as_many_rows_as_that_has_columns(tmp_path: Path) -> None:
    text = "import jax\nimport jax.numpy as jnp\n\ndef mse(params, x, y):\n    return jnp.mean((x @ params - y) ** 2)\n"
    text += "\nslope = jax.grad(mse)\n"
    specs = {spec.name: spec.shape for spec in program_in(tmp_path, text, "mse").inputs[0]}
    assert specs == {"params": (3, 3), "x": (8, 3), "y": (8, 3)}
    both = first(tmp_path, "return tf.reduce_mean(tf.matmul(y_true, y_pred, transpose_b=True))")
    assert both["y_pred"].shape == both["y_true"].shape


def test_labels_that_positions_are_compared_with_number_classes(tmp_path: Path) -> None:
    specs = first(tmp_path, "return tf.reduce_mean(tf.cast(tf.argmax(y_pred, -1) != y_true, tf.float32))")
    assert (specs["y_true"].shape, specs["y_true"].dtype, specs["y_true"].values) == ((8,), "int64", "class")


def test_what_a_logarithm_is_taken_of_is_guessed_to_be_a_probability(tmp_path: Path) -> None:
    assert first(tmp_path, "return -tf.reduce_mean(y_true * tf.math.log(y_pred))")["y_pred"].guessed
    known = first(tmp_path, "return tf.reduce_mean(tf.keras.losses.categorical_crossentropy(y_true, y_pred))")
    assert not known["y_pred"].guessed


@pytest.mark.parametrize(("told", "body", "shapes"), [
    ("y_pred=float32[4, 2] in [0.5, 1]", "return -tf.reduce_mean(y_true * tf.math.log(y_pred))", [(4, 2), (4, 2)]),
    ("y_pred=float32[6, 5]",
     "return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred))", [(6,), (6, 5)]),
    ("y_true=int32[6] in [0, 9]",
     "return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred))", [(6,), (6, 10)]),
    ("y_pred=float32[4, 6]",
     "n = tf.shape(y_true)[-1]\nreturn tf.reduce_mean(y_true - y_pred[..., :n] * y_pred[..., n:])", [(4, 3), (4, 6)]),
    ("y_true=float32[7, 32, 32, 1]", "return tf.reduce_mean(y_true * y_pred)", [(7, 32, 32, 1)] * 2),
    ("y_true=float32[5]", "return tf.reduce_mean(tf.square(y_true - y_pred[:, 4]))", [(5,), (5, 5)]),
])
def test_what_is_not_told_follows_what_is(tmp_path: Path, told: str, body: str, shapes: list[tuple[int, ...]]) -> None:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    text = TF + f"def a_loss(y_true, y_pred):  # losslint: inputs {told}\n{lines}"
    assert [spec.shape for spec in program_in(tmp_path, text, "a_loss").inputs[0]] == shapes


def test_a_told_weight_says_nothing_of_the_batch_but_a_told_prediction_does(tmp_path: Path) -> None:
    text = TF + """
def weighted_loss(y_true, y_pred, weights):  # losslint: inputs weights=float32[3]
    return tf.reduce_mean(weights * tf.square(y_true - y_pred))
def sampled_loss(y_true, y_pred, sample_weight):  # losslint: inputs y_pred=float32[5, 2] simplex
    return tf.reduce_mean(sample_weight * tf.keras.losses.categorical_crossentropy(y_true, y_pred))
"""
    assert [s.shape for s in program_in(tmp_path, text, "weighted_loss").inputs[0]] == [(8, 3), (8, 3), (3,)]
    label, _, weight = program_in(tmp_path, text, "sampled_loss").inputs[0]
    assert (label.shape, label.values, weight.shape) == ((5, 2), "onehot", (5,))


@pytest.mark.parametrize(("place", "argument", "error"), [
    ("losses.py::dice_los", "y_pred", "there is no loss dice_los in losses.py; did you mean 'dice_loss'?"),
    ("losses.py::dice_loss", "y_predd", "there is no argument y_predd; did you mean 'y_pred'?"),
    ("losses.py::make.inner", "gama", "there is no argument gama; did you mean 'gamma'?"),
    ("loses.py::dice_loss", "y_pred", "there is no file loses.py below"),
    ("other/losses.py::dice_loss", "y_pred", "there is no file other/losses.py below"),
    ("losses.py::dice_loss", "y_pred", ""),
    ("losses.py::make.inner", "gamma", ""),
    ("losses.py::Dice", "smooth", ""),
    ("losses.py::Dice.call", "y_true", ""),
    ("unchecked.py::any_loss", "y_pred", ""),
    ("below.py::any_loss", "y_pred", ""),
])
def test_configured_inputs_must_be_for_what_there_is(tmp_path: Path, place: str, argument: str, error: str) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("unchecked.py", "deep/below.py"):
        (tmp_path / name).touch()
    file = tmp_path / "losses.py"
    file.write_text(TF + """
def dice_loss(y_true, y_pred):
    return tf.reduce_mean(y_true * y_pred)
def make(gamma):
    def inner(y_true, y_pred):
        return gamma * tf.reduce_mean(y_pred - y_true)
    return inner
class Dice(tf.keras.losses.Loss):
    def __init__(self, smooth):
        super().__init__()
        self.smooth = smooth
    def call(self, y_true, y_pred):
        return tf.reduce_mean(y_true * y_pred) + self.smooth
model.compile(loss=make(gamma=1.0))
""")
    settings = Settings(root=tmp_path, source=tmp_path / "losslint.toml", inputs={place: {argument: 1.0}})
    losses = check_paths([file], settings).losses
    if not error:
        check_entries(settings, losses, [file])
        return
    with pytest.raises(ConfigError) as told:
        check_entries(settings, losses, [file])
    assert str(told.value).startswith(f"{tmp_path / 'losslint.toml'}: inputs: {place!r}: {error}")


def test_a_run_says_which_configured_inputs_are_for_nothing(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "losses.py").write_text(TF + "def a_loss(y_true, y_pred):\n    return tf.reduce_mean(y_true - y_pred)\n")
    (tmp_path / "losslint.toml").write_text('[inputs."losses.py::b_loss"]\ny_pred = "float32[8]"\n')
    assert main(["check", "--confirm", "."]) == 2
    assert capsys.readouterr().err == (
        f"losslint: {tmp_path / 'losslint.toml'}: inputs: 'losses.py::b_loss': there is no loss b_loss in losses.py; "
        "did you mean 'a_loss'?\n")


@pytest.mark.parametrize(("body", "marks"), [
    ("return tf.reduce_mean(tf.cast(tf.not_equal(y_true, -1), tf.float32) * y_pred)", (-1.0,)),
    ("return tf.reduce_mean(tf.cast(tf.cast(tf.reshape(y_true, [-1]), tf.int32) == 255, tf.float32) * y_pred)", (255.0,)),
    ("return tf.reduce_mean(tf.cast(y_true >= 0, tf.float32) * y_pred)", (-1.0,)),
    ("return tf.reduce_mean(tf.cast(20 > y_true, tf.float32) * y_pred)", (20.0,)),
    ("return tf.reduce_mean(tf.cast(y_true > 0.5, tf.float32) * y_pred)", ()),
    ("return tf.reduce_mean(tf.cast(y_true < 1, tf.float32) * y_pred)", ()),
    ("return tf.reduce_mean(tf.where(tf.equal(y_true, 1.0), 0.2, 0.8) * y_true * tf.nn.log_softmax(y_pred))", (1.0,)),
    ("w = tf.where(tf.equal(y_true, 1), 0.2, 0.8)\n"
     "return tf.reduce_mean(w) * tf.reduce_mean(tf.keras.losses.categorical_crossentropy(y_true, y_pred))", ()),
])
def test_labels_may_hold_what_the_loss_singles_out(tmp_path: Path, body: str, marks: tuple[float, ...]) -> None:
    specs = first(tmp_path, body)
    assert (specs["y_true"].marks, specs["y_pred"].marks) == (marks, ())
