"""Which sums a loss that Keras calls is told of (info): those over the batch, not those over features."""

from __future__ import annotations

from pathlib import Path

import pytest

from losslint.check import check_paths
from losslint.config import Settings
from tests.expectations import check

LOSS = """
import tensorflow as tf

def batch_loss(y_true, y_pred):
    {body}

tf.keras.Sequential([tf.keras.layers.Dense(4)]).compile(loss=batch_loss)
"""
OVER_BATCH = (
    "return tf.reduce_sum(tf.square(y_true - y_pred))",
    "return tf.reduce_sum(tf.square(y_true - y_pred), axis=0)",
    "return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1) + 0.1 * tf.reduce_sum(tf.abs(y_pred))",
    "return 1.0 - tf.reduce_sum(y_true * tf.math.l2_normalize(y_pred, axis=0), axis=-1)",
)
NOT_OVER_BATCH = (
    "c = tf.matmul(y_true, y_pred, transpose_a=True)\n    return tf.reduce_sum(tf.square(tf.reshape(c, [-1])[:-1]))",
    "return tf.reduce_sum(tf.square(y_true - y_pred), axis=-1)",
    "return tf.reduce_mean(tf.square(y_true - y_pred))",
    "c = tf.matmul(y_true, y_pred, transpose_a=True)\n    return tf.reduce_sum(tf.square(tf.linalg.diag_part(c) - 1.0))",
    "c = tf.matmul(y_true, y_pred, transpose_a=True)\n    return tf.reduce_sum(tf.square(c - tf.linalg.diag(tf.ones(4))))",
)


@pytest.mark.parametrize("body", OVER_BATCH)
def test_work_over_the_batch_is_an_info(body: str) -> None:
    assert [f.severity.value for f in check(LOSS.format(body=body)) if f.code == "LL402"] == ["info"]


@pytest.mark.parametrize("body", NOT_OVER_BATCH)
def test_work_over_features_is_not(body: str) -> None:
    assert [f for f in check(LOSS.format(body=body)) if f.code == "LL402"] == []


@pytest.mark.parametrize(("fit", "found"), [
    ("class_weight={0: 1.0, 1: 5.0}", ["LL402"]), ("sample_weight=weights", ["LL402"]), ("sample_weight=None", []), ("", []),
])
def test_weights_are_passed_in_the_file_that_compiles(tmp_path: Path, fit: str, found: list[str]) -> None:
    (tmp_path / "losses.py").write_text("""
import tensorflow as tf

def mean_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred))
""")
    (tmp_path / "train.py").write_text(f"""
import tensorflow as tf
from losses import mean_loss

model = tf.keras.Sequential([tf.keras.layers.Dense(4)])
model.compile(loss=mean_loss)
model.fit(x, y, {fit})
""")
    report = check_paths([tmp_path], Settings())
    assert [f.code for f in report.findings if f.severity.value == "warning"] == found
