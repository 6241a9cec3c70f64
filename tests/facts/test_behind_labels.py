"""Where a label fails too, what fails of the prediction is found all the same. TensorFlow is asked."""

from __future__ import annotations

import textwrap

import pytest

from losslint.findings import Severity
from tests.expectations import check

UNIT = "b = y_pred / tf.norm(y_pred, axis=-1, keepdims=True)\nreturn 1.0 - tf.reduce_sum(a * b, -1)"
FAILS = {  # where y_pred is 0, whatever y_true is
    "the norm of the label": f"a = y_true / tf.norm(y_true, axis=-1, keepdims=True)\n{UNIT}",
    "two of the label":
        f"a = y_true / tf.norm(y_true, axis=-1, keepdims=True) / tf.reduce_sum(y_true, -1, keepdims=True)\n{UNIT}",
    "its logarithm":
        "gap = tf.math.log(y_true) - tf.math.log(tf.maximum(y_pred, 0.1))\n"
        "return tf.square(gap) * y_true / tf.sqrt(tf.reduce_sum(y_pred ** 2, -1, keepdims=True))",
}
FINE = {
    "a norm that is kept off 0":
        "a = y_true / tf.norm(y_true, axis=-1, keepdims=True)\n"
        "b = y_pred / tf.sqrt(tf.reduce_sum(y_pred ** 2, -1, keepdims=True) + 1e-6)\n"
        "return 1.0 - tf.reduce_sum(a * b, -1)",
    "l2_normalize": "a = y_true / tf.norm(y_true, axis=-1, keepdims=True)\n"
                    "return 1.0 - tf.reduce_sum(a * tf.nn.l2_normalize(y_pred, -1), -1)",
    "a share of the label": "a = y_true / tf.reduce_sum(y_true, -1, keepdims=True)\n"
                            "return -tf.reduce_sum(a * tf.nn.log_softmax(y_pred), -1)",
    "a root of what the label divides": "return tf.sqrt(1.0 + tf.square((y_true - y_pred) / y_true))",
    "a root of what its logarithm enters": "return tf.sqrt(1.0 + tf.square(tf.math.log(y_true) - tf.nn.softplus(y_pred)))",
}  # fmt: skip


def source(body: str) -> str:
    return f"import tensorflow as tf\n\ndef my_loss(y_true, y_pred):\n{textwrap.indent(body, '    ')}\n"


def every(*tables: dict[str, str]) -> list[object]:
    return [pytest.param(body, id=name) for table in tables for name, body in table.items()]


@pytest.mark.parametrize("body", every(FAILS))
def test_the_prediction_is_blamed_as_well(body: str) -> None:
    hazards = [finding for finding in check(source(body)) if finding.code.startswith("LL3")]
    warned = [finding.message for finding in hazards if finding.severity >= Severity.WARNING]
    assert len(warned) == 1
    assert "exactly 0 for y_pred = 0" in warned[0]
    assert any("y_true" in finding.message for finding in hazards if finding.severity is Severity.INFO)


@pytest.mark.parametrize("body", every(FINE))
def test_the_label_alone_is_blamed(body: str) -> None:
    hazards = [finding for finding in check(source(body)) if finding.code.startswith("LL3")]
    assert hazards
    assert all(finding.severity is Severity.INFO and "y_true" in finding.message for finding in hazards)


@pytest.mark.parametrize("body", every(FAILS, FINE))
def test_tensorflow_bears_it_out(body: str) -> None:
    tf = pytest.importorskip("tensorflow")
    names: dict[str, object] = {}
    exec(source(body), names)
    labels, prediction = tf.constant([[0.5, 1.0]]), tf.zeros([1, 2])
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        loss = names["my_loss"](labels, prediction)  # type: ignore[operator]
    finite = bool(tf.reduce_all(tf.math.is_finite(tape.gradient(loss, prediction))))
    assert finite is (body in FINE.values())
