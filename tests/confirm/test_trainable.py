"""The functions for other people's test-suites, on losses of this file."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losslint
from tests.readme import block

tf = pytest.importorskip("tensorflow")
PROBABILITIES = "float32[8, 3] in [0, 1]"


def squared(y_true: Any, y_pred: Any) -> Any:
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)


def logarithm(y_true: Any, y_pred: Any) -> Any:
    return -tf.reduce_mean(y_true * tf.math.log(y_pred), axis=-1)


def rounded(y_true: Any, y_pred: Any) -> Any:
    return tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)), axis=-1)


def branching(y_true: Any, y_pred: Any) -> Any:
    if tf.reduce_mean(y_pred) > 0.0:
        return squared(y_true, y_pred)
    return 2.0 * squared(y_true, y_pred)


def hinge(scores: Any, signs: Any, margin: float = 1.0) -> Any:
    return tf.reduce_mean(tf.maximum(margin - scores * signs, 0.0))


def overlap(y_true: Any, y_pred: Any) -> Any:
    """One minus the intersection over the union of boxes, given by their corners."""
    low = tf.maximum(y_true[..., :2], y_pred[..., :2])
    high = tf.minimum(y_true[..., 2:], y_pred[..., 2:])
    shared = tf.reduce_prod(tf.maximum(high - low, 0.0), -1)
    areas = [tf.reduce_prod(y[..., 2:] - y[..., :2], -1) for y in (y_true, y_pred)]
    return 1.0 - tf.math.divide_no_nan(shared, areas[0] + areas[1] - shared)


def far_away(y_true: Any, y_pred: Any) -> Any:
    return tf.reduce_mean(tf.nn.relu(y_pred - 90.0) + 1.0 + 0.0 * y_true)


def exponential(y_true: Any, y_pred: Any) -> Any:
    return tf.reduce_mean(y_true + tf.exp(y_pred - 1100.0))


rounded_once = lambda y_true, y_pred: tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)))  # noqa: E731
squared_once = lambda y_true, y_pred: tf.reduce_mean(tf.square(y_true - y_pred))  # noqa: E731


def both(y_true: Any, y_pred: Any) -> Any:
    return tf.reduce_mean(squared(y_true, y_pred)), tf.reduce_mean(tf.abs(y_pred))


class Absolute(tf.keras.losses.Loss):  # type: ignore[misc, name-defined]
    def call(self, t: Any, p: Any) -> Any:
        return tf.reduce_mean(tf.abs(t - p), axis=-1)


class Rounded(tf.keras.losses.Loss):  # type: ignore[misc, name-defined]
    def call(self, t: Any, p: Any) -> Any:
        return tf.reduce_mean(tf.abs(t - tf.round(p)), axis=-1)


class Scaled(tf.keras.losses.Loss):  # type: ignore[misc, name-defined]
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.factor * squared(y_true, y_pred)


@pytest.mark.parametrize("inputs", [
    {}, {"y_true": (8, 3), "y_pred": (8, 3)}, {"y_true": (None, 3), "y_pred": (None, 3)},
    {"y_true": PROBABILITIES, "y_pred": PROBABILITIES},
    {"y_true": tf.TensorSpec((None, 3)), "y_pred": tf.TensorSpec((None, 3))},
    {"y_true": tf.zeros((4, 2)), "y_pred": np.ones((4, 2), "float32")},
])  # fmt: skip
def test_what_trains_passes(inputs: dict[str, Any]) -> None:
    losslint.assert_trainable(squared, **inputs)


def test_objects_and_bound_arguments_pass() -> None:
    losslint.assert_trainable(Scaled(2.0), y_true=(8, 3), y_pred=(8, 3))
    losslint.assert_trainable(functools.partial(hinge, margin=0.5), scores=(8,), signs=np.ones(8, "float32"))


@pytest.mark.parametrize("inputs", [{}, {"y_pred": (8, 3), "y_true": (8, 3)}, {"t": PROBABILITIES, "p": PROBABILITIES}])
def test_a_keras_loss_is_called_by_position(inputs: dict[str, Any]) -> None:
    losslint.assert_trainable(Absolute(), **inputs)
    with pytest.raises(AssertionError, match=r"Rounded cannot be trained with"):
        losslint.assert_trainable(Rounded(), **inputs)


@pytest.mark.parametrize(("loss", "told"), [
    ("mse", r"pass the loss, keras\.losses\.get\('mse'\)"), (3, "3 is no loss: pass a function"),
])  # fmt: skip
def test_what_is_no_loss_is_said(loss: Any, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        losslint.assert_trainable(loss, y_true=(8, 3), y_pred=(8, 3))


def test_inputs_of_a_lambda_with_a_name_are_inferred() -> None:
    losslint.assert_trainable(squared_once)
    with pytest.raises(AssertionError, match=r"rounded_once cannot be trained with"):
        losslint.assert_trainable(rounded_once)
    with pytest.raises(ValueError, match=r"give them by name"):
        losslint.assert_trainable(lambda y_true, y_pred: squared(y_true, y_pred))


@pytest.mark.parametrize("inputs", [{}, {"y_true": (8, 3), "y_pred": (8, 3)}])
def test_several_losses_are_none_for_keras(inputs: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=r"the result is a tuple of 2, which Keras averages"):
        losslint.assert_trainable(both, **inputs)


@pytest.mark.parametrize(("loss", "told"), [
    (logarithm, "y_pred=[[0.]]"), (rounded, "lost in Round"), (branching, "OperatorNotAllowedInGraphError"),
])  # fmt: skip
def test_what_does_not_train_fails_with_its_witness(loss: Any, told: str) -> None:
    with pytest.raises(AssertionError) as failed:
        losslint.assert_trainable(loss, y_true=PROBABILITIES, y_pred=PROBABILITIES)
    text = str(failed.value)
    assert text.startswith(f"{loss.__name__} cannot be trained with:\n")
    assert told in text
    assert "confirmed in " in text


@pytest.mark.parametrize("inputs", [
    {}, {"y_true": (8, 4), "y_pred": (8, 4)},
    {"y_true": np.array([[0.0, 0.0, 2.0, 2.0]], "float32"), "y_pred": np.array([[1.0, 1.0, 3.0, 3.0]], "float32")},
])  # fmt: skip
def test_boxes_that_miss_each_other_prove_nothing(inputs: dict[str, Any]) -> None:
    """Random corners are no boxes, and random boxes share nothing: both have a gradient of zero."""
    assert not [finding.code for finding in losslint.confirm(overlap, **inputs)]


def test_the_arrays_that_are_given_decide_whether_anything_is_learnt() -> None:
    label = np.zeros((4, 2), "float32")
    losslint.assert_trainable(far_away, y_true=label, y_pred=label + 95.0)
    with pytest.raises(AssertionError, match=r"the gradient is zero at ordinary inputs"):
        losslint.assert_trainable(far_away, y_true=label, y_pred=label + 30.0)
    zero, = (found for found in losslint.confirm(far_away, y_true=label, y_pred=label + 30.0) if found.code == "LL903")
    assert zero.verdict is not None
    assert zero.verdict["witness"]["y_pred"] == (label + 30.0).tolist()


def test_arrays_prove_what_they_show_however_far_out_they_are() -> None:
    label = np.zeros((4, 2), "float32")
    losslint.assert_trainable(exponential, y_true=label, y_pred=label + 1110.0)
    with pytest.raises(AssertionError, match=r"y_pred=\[\[2000\., 2000\.\]"):
        losslint.assert_trainable(exponential, y_true=label, y_pred=label + 2000.0)


@pytest.mark.parametrize("inputs", [
    {"y_true": (8, 3), "y_pred": (8, 5)}, {"y_true": np.ones((8, 3), "float32"), "y_pred": np.ones((8, 5), "float32")},
    {"y_true": np.ones((8, 3), "float64"), "y_pred": "float32[8, 5]"},
])  # fmt: skip
def test_inputs_that_raise_fail(inputs: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=r"LL906 \[raises\] raises with the inputs that are given: "):
        losslint.assert_trainable(squared, **inputs)


def refusing(y_true: Any, y_pred: Any) -> Any:
    raise ValueError(f"never {y_pred - y_true}")


def unreturned(y_true: Any, y_pred: Any) -> Any:
    squared(y_true, y_pred)


def constant(y_true: Any, y_pred: Any) -> Any:
    return 0.0


@pytest.mark.parametrize("inputs", [{}, {"y_true": (8, 3), "y_pred": (8, 3)}])
@pytest.mark.parametrize(("loss", "why"), [
    (refusing, "ValueError: never "), (unreturned, "ValueError: Attempt to convert a value [(]None[)]"),
    (constant, "no gradient [(]eager[)]"),
])  # fmt: skip
def test_a_loss_that_no_run_gives_a_gradient_of_does_not_pass(loss: Any, why: str, inputs: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=f"{loss.__name__} was not seen to be trainable: {why}"):
        losslint.assert_trainable(loss, **inputs)


def test_code_without_a_file_is_run_all_the_same() -> None:
    space: dict[str, Any] = {"tf": tf}
    exec("def made(y_true, y_pred):\n    return -tf.reduce_mean(y_true * tf.math.log(y_pred))", space)
    found = losslint.confirm(space["made"], y_true=PROBABILITIES, y_pred=PROBABILITIES)
    assert [finding.code for finding in found if finding.status == "confirmed"] == ["LL902"]
    losslint.assert_trainable(space["made"], y_true=PROBABILITIES, y_pred="float32[8, 3] in [0.1, 0.9]")


@pytest.mark.parametrize(("inputs", "error"), [
    ({"y_true": (8, 3), "y_pred": object()}, TypeError), ({"y_true": (8, 3), "y_pred": "eight"}, ValueError),
])  # fmt: skip
def test_what_is_no_input_is_said(inputs: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=r"float32\[8, "):
        losslint.confirm(squared, **inputs)


@pytest.mark.parametrize(("names", "message"), [
    (("y_tru", "y_pred"), r"^squared takes no y_tru; its arguments are y_true, y_pred$"),
    (("y_pred",), r"^squared needs y_true as well; its arguments are y_true, y_pred$"),
])  # fmt: skip
def test_inputs_that_are_not_those_of_the_loss_are_said(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        losslint.assert_trainable(squared, **dict.fromkeys(names, (8, 3)))
    losslint.assert_trainable(lambda **tensors: squared(**tensors), y_true=(8, 3), y_pred=(8, 3))


def pairwise(y_true: Any, y_pred: Any) -> Any:
    """Every prediction against every other one, as it is meant."""
    scores, labels = (tf.reshape(y, [-1]) for y in (y_pred, y_true))
    gaps, orders = scores[:, None] - scores, tf.sign(labels[:, None] - labels)
    return tf.reduce_mean(tf.nn.softplus(-orders * gaps))


def flattened(y_true: Any, y_pred: Any) -> Any:
    return tf.reduce_mean(tf.square(tf.reshape(y_true, [-1, 1]) - tf.reshape(y_pred, [-1, 1])))


@pytest.mark.parametrize("inputs", [
    {"y_true": (8,), "y_pred": (8, 1)}, {"y_true": (8, 1), "y_pred": (8,)},
    {"y_true": tf.constant([1.0, 2.0, 3.0]), "y_pred": tf.constant([[1.0], [2.0], [3.0]])},
])  # fmt: skip
def test_a_column_beside_a_row_fails(inputs: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=r"Sub compares every prediction with every label"):
        losslint.assert_trainable(squared_once, **inputs)


@pytest.mark.parametrize("loss", [pairwise, flattened, tf.keras.losses.MeanSquaredError()])
def test_a_loss_that_takes_a_column_beside_a_row_passes(loss: Any) -> None:
    losslint.assert_trainable(loss, y_true=(8,), y_pred=(8, 1))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_predictions_of_integers_fail(dtype: str) -> None:
    with pytest.raises(AssertionError, match=f"y_pred is {dtype}, which has no gradient"):
        losslint.assert_trainable(squared, y_true=tf.ones((3, 2), dtype), y_pred=np.zeros((3, 2), dtype))


def test_a_class_is_no_loss() -> None:
    with pytest.raises(TypeError, match=r"^Own is a class: pass an instance of it, Own\(\.\.\.\)$"):
        losslint.assert_trainable(type("Own", (), {"__call__": squared}))


def test_the_tensors_that_are_given_decide_the_framework() -> None:
    torch = pytest.importorskip("torch")

    def torch_log(y_pred: Any, y_true: Any) -> Any:
        return -(y_true * y_pred.log()).mean()

    with pytest.raises(AssertionError, match=r"confirmed in eager code: y_pred="):
        losslint.assert_trainable(torch_log, y_pred=PROBABILITIES, y_true=torch.rand(8, 3))
    prediction = torch.rand(4, 2, requires_grad=True)
    losslint.assert_trainable(torch.nn.MSELoss(), input=prediction, target=torch.rand(4, 2))


def test_without_tensorflow_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImportError, match=r"pip install 'losslint\[confirm\]'"):
        losslint.confirm(squared)


def test_the_example_of_the_readme_fails_as_it_says(tmp_path: Path) -> None:
    path = tmp_path / "test_losses.py"
    path.write_text(block("python", "assert_trainable"))
    spec = importlib.util.spec_from_file_location("readme_example", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.test_smooth_dice_trains()
    with pytest.raises(AssertionError, match="dice cannot be trained"):
        module.test_dice_trains()
