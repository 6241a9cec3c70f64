"""Which sums a loss that Keras calls is told of (info): those over the batch, not those over features."""

from __future__ import annotations

import inspect
from pathlib import Path

import keras
import pytest

from losslint.check import check_paths
from losslint.config import Settings
from losslint.findings import Severity
from losslint.project.fits import FITTING, WEIGHTS
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
    "return tf.reduce_mean(tf.square(y_true - (y_pred - tf.reduce_mean(y_pred, axis=0))), axis=-1)",
    "p = y_pred - tf.reduce_mean(y_pred, axis=0)\n    return 1.0 - tf.reduce_mean(p * y_true) / tf.math.reduce_std(p)",
    "return tf.abs(y_true - y_pred)[:, 0] + tf.reduce_mean(tf.nn.relu(1.0 - tf.math.reduce_variance(y_pred, axis=0)))",
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


MODELS = """
import keras
import tensorflow as tf
from keras import ops
from xgboost import XGBRegressor

def total_loss(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred))

def rows_loss(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)

def net(loss=None):
    model = keras.Sequential([keras.layers.Dense(1)])
    if loss is not None:
        model.compile("sgd", loss=loss)
    return model

def total_net():
    model = net()
    model.compile("sgd", loss=total_loss)
    return model

model = net()
model.compile("sgd", loss=total_loss)
"""


def weighted(text: str) -> bool:
    return "LL402" in {f.code for f in check(MODELS + text)}


@pytest.mark.parametrize("text", [
    "model.fit(x, y, sample_weight=w)",
    "model.fit(x, y, 32, 5, 1, None, 0.0, None, True, None, w)",
    "model.train_on_batch(x, y, w)",
    "options = {'epochs': 3, 'sample_weight': w}\nmodel.fit(x, y, **options)",
    "data = tf.data.Dataset.from_tensor_slices((x, y, w)).batch(8)\nmodel.fit(data)",
    "def train(x, y, w):\n    model.fit(x, y, sample_weight=w)",
    "def train(x, y, w=None):\n    model.fit(x, y, sample_weight=w)\ntrain(1, 2, w=3)",
    "other = total_net()\nother.fit(x, y, class_weight={0: 1.0, 1: 2.0})",
    "def train(m, x, y, w):\n    m.fit(x, y, sample_weight=w)\ntrain(model, 1, 2, 3)",
    "class T:\n    def build(self):\n        self.net = net()\n        self.net.compile('sgd', loss=total_loss)\n"
    "    def fit(self, x, y, w):\n        self.net.fit(x, y, sample_weight=w)",
])
def test_weights_that_reach_the_loss(text: str) -> None:
    assert weighted(text)


@pytest.mark.parametrize("text", [
    "model.fit(x, y)\nXGBRegressor().fit(x, y, sample_weight=w)",
    "def trees(model, x, y, w):\n    model.fit(x, y, sample_weight=w)",
    "other = net()\nother.compile('sgd', loss=rows_loss)\nother.fit(x, y, sample_weight=w)",
    "model = net()\nmodel.compile('sgd', loss=rows_loss)\nmodel.fit(x, y, sample_weight=w)",
    "model.fit(x, y)\nmodel.compile('sgd', loss=rows_loss)\nmodel.fit(x, y, sample_weight=w)",
    "a, b = net(total_loss), net(rows_loss)\nb.fit(x, y, sample_weight=w)",
    "class W:\n    def fit(self, x, y, sample_weight=None):\n        model.fit(x, y, sample_weight=sample_weight)",
    "model.fit(tf.data.Dataset.from_tensor_slices((x, y, w)).map(lambda x, y, w: (x, y)))",
    "model.fit(tf.data.Dataset.from_tensor_slices((x, y)))",
    "options = {'epochs': 3}\nmodel.fit(x, y, **options)",
])
def test_weights_that_do_not_reach_the_loss(text: str) -> None:
    assert not weighted(text)


@pytest.mark.parametrize("method", ["fit", "train_on_batch", "evaluate"])
def test_positions_of_the_weights(method: str) -> None:
    names = [*inspect.signature(getattr(keras.Model, method)).parameters][1:]
    positions = tuple(names.index(name) if name in names else None for name in WEIGHTS)
    assert FITTING[method] == positions


PICKED = """
import dataclasses
import jax
import jax.numpy as jnp

@dataclasses.dataclass(frozen=True)
class Config:
    axis: int = 0

def class_loss(params, x, labels, cfg=Config()):
    logp = jax.nn.log_softmax(x @ params, axis=cfg.axis)  # here
    return -jnp.mean(jnp.take_along_axis(logp, labels[:, None], axis=1))

gradient = jax.grad(class_loss)
"""

SUMMED = """
import torch
from torch import nn

class Pooling(nn.Module):
    def __init__(self, axis=0):
        super().__init__()
        self.energy = nn.Linear(16, 1)
        self.axis = axis

    def forward(self, h):
        weights = torch.softmax(self.energy(h).squeeze(-1), dim=self.axis)  # here
        return torch.einsum("bn,bnd->bd", weights, h)

pooling = Pooling()
nn.functional.mse_loss(pooling(torch.randn(8, 12, 16)), torch.randn(8, 16)).backward()
"""


@pytest.mark.parametrize("text", [PICKED, SUMMED])
def test_a_softmax_along_the_batch_of_one_distribution_a_sample_is_an_info(text: str) -> None:
    rows = {finding.start.row: finding.severity for finding in check(text) if finding.code == "LL402"}
    assert rows == {next(row for row, line in enumerate(text.split("\n"), 1) if "# here" in line): Severity.INFO}


@pytest.mark.parametrize("text", [
    PICKED.replace("axis: int = 0", "axis: int = -1"),
    PICKED.replace("labels[:, None]", "jnp.arange(len(x))[:, None]"),
    SUMMED.replace("axis=0", "axis=1"),
    SUMMED.replace("bn,bnd->bd", "kn,nd->kd"),
    SUMMED.replace("bn,bnd->bd", "bn,bnd->nd"),
])
def test_a_softmax_along_another_axis_or_of_pairs_or_slots_is_clean(text: str) -> None:
    assert "LL402" not in {finding.code for finding in check(text)}
