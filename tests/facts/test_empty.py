"""A selection without an element: its mean is NaN unless the loss asks how many there are. The frameworks are asked."""

from __future__ import annotations

import math
import textwrap

import pytest

from losslint.findings import Severity
from tests.expectations import check

SELECTED = "sel = tf.boolean_mask(tf.abs(y_true - y_pred), y_true > 0)\n"
PLACES = "at = tf.where(y_true > 0)\nsel = tf.gather_nd(tf.abs(y_true - y_pred), at)\n"
ROWS = "at = tf.where(y_true[:, 0] > 0)[:, 0]\nsel = tf.gather(y_pred, at) - tf.gather(y_true, at)\n"
NAN = {
    "a mask": f"{SELECTED}return tf.reduce_mean(sel)",
    "places": f"{PLACES}return tf.reduce_mean(sel)",
    "rows": f"{ROWS}return tf.reduce_mean(tf.square(sel))",
    "rows of the prediction alone": "at = tf.where(y_true[:, 0] > 0)\nreturn tf.reduce_mean(tf.gather_nd(y_pred, at))",
    "squeezed": "at = tf.squeeze(tf.where(y_true[:, 0] > 0), axis=1)\nreturn tf.reduce_mean(tf.gather(y_pred, at) ** 2)",
    "a product with a weight": f"{SELECTED}return tf.reduce_mean(0.5 * sel)",
    "a sum over how many": f"{SELECTED}return tf.reduce_sum(sel) / tf.cast(tf.size(sel), tf.float32)",
    "the other side of the test": f"{SELECTED}return tf.cond(tf.size(sel) > 3, lambda: 0.0, lambda: tf.reduce_mean(sel))",
    "a test of something else": f"{SELECTED}return tf.cond(tf.size(y_true) > 0, lambda: tf.reduce_mean(sel), lambda: 0.0)",
}
FINE = {
    "cond": f"{SELECTED}return tf.cond(tf.size(sel) > 0, lambda: tf.reduce_mean(sel), lambda: 0.0)",
    "where": f"{SELECTED}return tf.where(tf.size(sel) > 0, tf.reduce_mean(sel), 0.0)",
    "equal": f"{SELECTED}return tf.cond(tf.equal(tf.size(sel), 0), lambda: 0.0, lambda: tf.reduce_mean(sel))",
    "if": f"{SELECTED}if tf.shape(sel)[0] == 0:\n    return 0.0 * tf.reduce_sum(y_pred)\nreturn tf.reduce_mean(sel)",
    "not": f"{SELECTED}if not tf.size(sel) > 0:\n    return 0.0 * tf.reduce_sum(y_pred)\nreturn tf.reduce_mean(sel)",
    "a count that is cast": f"{SELECTED}n = tf.cast(tf.size(sel), tf.float32)\n"
                            "return tf.cond(n > 0.5, lambda: tf.reduce_mean(sel), lambda: 0.0)",
    "at least one": f"{SELECTED}return tf.reduce_sum(sel) / tf.cast(tf.maximum(tf.size(sel), 1), tf.float32)",
    "no quotient of 0": f"{SELECTED}return tf.math.divide_no_nan(tf.reduce_sum(sel), tf.cast(tf.size(sel), tf.float32))",
    "places": f"{PLACES}return tf.cond(tf.size(at) > 0, lambda: tf.reduce_mean(sel), lambda: 0.0)",
    "the rows of places": f"{PLACES}return tf.cond(tf.shape(at)[0] > 0, lambda: tf.reduce_mean(sel), lambda: 0.0)",
    "what is gathered": f"{ROWS}return tf.cond(tf.size(sel) > 0, lambda: tf.reduce_mean(sel ** 2), lambda: 0.0)",
    "a sum": f"{PLACES}return tf.reduce_sum(sel)",
    "joined with others": f"{SELECTED}return tf.reduce_mean(tf.concat([sel, tf.reshape(y_pred, [-1])], 0))",
    "the count of another selection":
        f"{SELECTED}chosen = tf.boolean_mask(y_true, y_true > 0)\n"
        "return tf.cond(tf.size(chosen) > 0, lambda: tf.reduce_mean(sel), lambda: 0.0)",
    "over the columns": "rows = tf.boolean_mask(y_pred, y_true[:, 0] > 0)\n"
                        "return tf.reduce_sum(rows) / tf.cast(tf.shape(rows)[1], tf.float32)",
    "any": f"{SELECTED}some = tf.reduce_any(y_true > 0)\nscale = tf.sqrt(1e-3 + tf.reduce_max(y_pred ** 2))\n"
           "return tf.cond(some, lambda: tf.reduce_mean(sel), lambda: 0.0) + scale",
    "no more than the largest": f"{SELECTED}n = tf.reduce_max(tf.cast(y_true > 0, tf.float32))\n"
                                "return tf.cond(n > 0, lambda: tf.sqrt(1e-3 + tf.reduce_mean(sel)), lambda: 0.0)",
    "scattered back": f"{PLACES}return tf.reduce_mean(tf.tensor_scatter_nd_update(y_pred, at, sel))",
}  # fmt: skip
KNOWN = "known = tf.math.is_finite(y_true)\n"
UNKNOWN = {  # fails where no label of a batch is known; true: the loss says nothing of it
    "a mask": (False, f"{KNOWN}return tf.reduce_mean(tf.abs(tf.boolean_mask(y_true - y_pred, known)))"),
    "a count": (False, f"{KNOWN}m = tf.cast(known, tf.float32)\n"
                       "return tf.reduce_sum(m * (tf.where(known, y_true, 0.0) - y_pred)) / tf.reduce_sum(m)"),
    "a count of one more": (True, f"{KNOWN}m = tf.cast(known, tf.float32)\n"
                            "return tf.reduce_sum(m * (tf.where(known, y_true, 0.0) - y_pred)) / (tf.reduce_sum(m) + 1.0)"),
    "a mean of all": (True, f"{KNOWN}return tf.reduce_mean(tf.where(known, tf.abs(y_pred), 0.0))"),
}  # fmt: skip
CHOSEN = "sel = (pred - target)[target > 0].abs()\n"
TORCH_NAN = {
    "a mask": f"{CHOSEN}return sel.mean()",
    "places": "at = torch.nonzero(target[:, 0] > 0).squeeze(1)\nreturn (pred[at] - target[at]).abs().mean()",
}
TORCH_FINE = {
    "numel": f"{CHOSEN}if sel.numel() == 0:\n    return pred.sum() * 0.0\nreturn sel.mean()",
    "len": f"{CHOSEN}if len(sel) == 0:\n    return pred.sum() * 0.0\nreturn sel.mean()",
    "shape": f"{CHOSEN}return sel.mean() if sel.shape[0] > 0 else pred.sum() * 0.0",
    "size": f"{CHOSEN}return sel.mean() if sel.size(0) else pred.sum() * 0.0",
    "at least one": f"{CHOSEN}return sel.sum() / max(sel.numel(), 1)",
    "places": "at = torch.nonzero(target[:, 0] > 0).squeeze(1)\nif at.numel() == 0:\n    return pred.sum() * 0.0\n"
              "return (pred[at] - target[at]).abs().mean()",
}  # fmt: skip


def text(body: str) -> str:
    return f"import tensorflow as tf\n\n@tf.function\ndef some_loss(y_true, y_pred):\n{textwrap.indent(body, '    ')}\n"


def torch_text(body: str) -> str:
    return f"import torch\n\ndef some_loss(pred, target):\n{textwrap.indent(body, '    ')}\n"


def hazards(code: str) -> list[str]:
    return [finding.code for finding in check(code) if finding.code.startswith("LL3")]


def every(*tables: dict[str, str]) -> list[object]:
    return [pytest.param(body, id=name) for table in tables for name, body in table.items()]


@pytest.mark.parametrize("body", every(NAN))
def test_the_mean_of_nothing(body: str) -> None:
    assert hazards(text(body)) == ["LL304"]


@pytest.mark.parametrize("body", every(FINE))
def test_asked_before(body: str) -> None:
    assert not hazards(text(body))


@pytest.mark.parametrize(("fine", "body"), UNKNOWN.values(), ids=UNKNOWN)
def test_no_label_is_known(fine: bool, body: str) -> None:
    found = [(finding.code, finding.severity) for finding in check(text(body)) if finding.code.startswith("LL3")]
    assert found == ([] if fine else [("LL304", Severity.INFO)])


@pytest.mark.parametrize(("fine", "body"), UNKNOWN.values(), ids=UNKNOWN)
def test_tensorflow_finds_no_known_label(fine: bool, body: str) -> None:
    tf = pytest.importorskip("tensorflow")
    names: dict[str, object] = {}
    exec(text(body), names)
    loss = names["some_loss"](tf.fill([2, 3], math.nan), tf.ones([2, 3]))  # type: ignore[operator]
    assert math.isfinite(float(loss)) is fine


@pytest.mark.parametrize("body", every(TORCH_NAN))
def test_the_mean_of_nothing_in_torch(body: str) -> None:
    assert hazards(torch_text(body)) == ["LL304"]


@pytest.mark.parametrize("body", every(TORCH_FINE))
def test_asked_before_in_torch(body: str) -> None:
    assert not hazards(torch_text(body))


@pytest.mark.parametrize("body", every(NAN, FINE))
def test_tensorflow_bears_it_out(body: str) -> None:
    tf = pytest.importorskip("tensorflow")
    names: dict[str, object] = {}
    exec(text(body).replace("@tf.function\n", ""), names)
    labels, prediction = tf.zeros([2, 3]), tf.constant([[0.1, -0.4, 0.7]] * 2)
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        loss = tf.convert_to_tensor(names["some_loss"](labels, prediction))  # type: ignore[operator]
    slope = tape.gradient(loss, prediction, unconnected_gradients="zero")
    finite = math.isfinite(float(loss)) and bool(tf.reduce_all(tf.math.is_finite(slope)))
    assert finite is (body in FINE.values())


@pytest.mark.parametrize("body", every(TORCH_NAN, TORCH_FINE))
def test_torch_bears_it_out(body: str) -> None:
    torch = pytest.importorskip("torch")
    names: dict[str, object] = {}
    exec(torch_text(body), names)
    prediction = torch.tensor([[0.1, -0.4, 0.7]] * 2, requires_grad=True)
    loss = names["some_loss"](prediction, torch.zeros(2, 3))  # type: ignore[operator]
    assert math.isfinite(loss.item()) is (body in TORCH_FINE.values())
