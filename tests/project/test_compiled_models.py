"""Models that are compiled with a loss: what is said of the loss and the last layer is what Keras does with the two."""

from __future__ import annotations

import re
import warnings
from typing import Any

import keras
import numpy as np
import pytest

from losslint.ops.table import identifiers
from tests.expectations import check

HEADER = """
import keras
import tensorflow as tf
from keras import layers, losses

def wrapped(y_true, y_pred):
    return losses.binary_crossentropy(y_true, y_pred)

def clipped(y_true, y_pred):
    return losses.binary_crossentropy(y_true, tf.clip_by_value(y_pred, 1e-6, 1.0), from_logits=True)

def squashed(y_true, y_pred):
    return losses.binary_crossentropy(y_true, keras.ops.sigmoid(y_pred))

class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.head = layers.Dense(1)

    def call(self, x):
        return self.head(x)

def build(activation_layer=False):
    model = keras.Sequential()
    model.add(keras.Input((2,)))
    model.add(layers.Dense(1))
    if activation_layer:
        model.add(layers.Activation("sigmoid"))
    return model

def functional():
    x = inputs = keras.Input((2,))
    x = layers.Dense(1)(x)
    x = layers.Activation("sigmoid")(x)
    return keras.Model(inputs, x)

def kept():
    x = inputs = keras.Input((2,))
    x = layers.Dense(1, activation="sigmoid")(x)
    return keras.Model(inputs, layers.Activation("linear", dtype="float32")(x))

def three(y_true, y_pred, scale):
    return scale * keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

def one(y_pred):
    return keras.ops.mean(keras.ops.square(y_pred), axis=-1)

def factory(scale):
    def scaled_loss(y_true, y_pred):
        return three(y_true, y_pred, scale)

class Scaled(losses.Loss):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def call(self, y_true, y_pred):
        return three(y_true, y_pred, self.scale)
"""

SIGMOID = 'keras.Sequential([layers.Dense(1, activation="sigmoid")])'
LINEAR = "keras.Sequential([layers.Dense(1)])"


def told(model: str, loss: str) -> set[str]:
    """The codes of the last line, where the model is compiled."""
    text = f'{HEADER}\nmodel = {model}\nmodel.compile("sgd", loss={loss})\n'
    return {f.code for f in check(text)} & {"LL105", "LL405", "LL406"}


def trained(model: str, loss: str, output: float, label: float) -> tuple[float, float, list[str]]:
    """The loss of a sample, how far one step moves the last bias, and what Keras warns of.

    ``output`` is what the layer gives before its activation.
    """
    scope: dict[str, Any] = {}
    exec(HEADER, scope)
    made = eval(model, scope)
    x = np.zeros((2, 2), "float32")
    made(x)
    *_, bias = made.weights
    bias.assign(np.full(bias.shape, output, "float32"))
    made.compile("sgd", loss=eval(loss, scope))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = float(made.train_on_batch(x, np.full((2, 1), label, "float32")))
    return value, float(abs(bias.numpy() - output).max()), [str(one.message) for one in caught]


@pytest.mark.parametrize(("model", "loss"), [
    (LINEAR, "'binary_crossentropy'"),
    (LINEAR, "losses.BinaryCrossentropy()"),
    ("Net()", "'bce'"),
    (LINEAR, "losses.binary_crossentropy"),
    (LINEAR, "losses.get('binary_crossentropy')"),
    (LINEAR, "losses.get(identifier=losses.BinaryCrossentropy())"),
    (LINEAR, "losses.deserialize('binary_crossentropy')"),
])
def test_logits_taken_for_probabilities_stop_training(model: str, loss: str) -> None:
    assert told(model, loss) == {"LL406"}
    assert trained(model, loss, 3.0, 0.0)[1] == 0.0  # as wrong as can be, and nothing moves


def test_focal_losses_expect_probabilities_too() -> None:
    assert told(LINEAR, "losses.BinaryFocalCrossentropy") == {"LL406"}
    assert trained(LINEAR, "losses.BinaryFocalCrossentropy(gamma=1.0)", 3.0, 1.0)[0] < 0.0


def test_own_wrapper_of_a_builtin() -> None:
    assert told("Net()", "wrapped") == {"LL406"}
    assert trained("Net()", "wrapped", 3.0, 0.0)[1] == 0.0


@pytest.mark.parametrize(("model", "loss"), [
    (SIGMOID, "clipped"),
    (SIGMOID, "squashed"),
    ("functional()", "squashed"),
    (SIGMOID, "losses.BinaryFocalCrossentropy(from_logits=True, gamma=0.0)"),
])
def test_squashed_twice_has_a_floor(model: str, loss: str) -> None:
    assert told(model, loss) == {"LL406"}
    assert trained(model, loss, 20.0, 1.0)[0] > 0.3


@pytest.mark.parametrize(("model", "loss"), [
    (SIGMOID, "losses.BinaryCrossentropy(from_logits=True)"),
    ("functional()", "losses.BinaryCrossentropy(from_logits=True)"),
])
def test_keras_takes_logits_back_and_warns(model: str, loss: str) -> None:
    assert told(model, loss) == {"LL406"}
    value, _, warned = trained(model, loss, 20.0, 1.0)
    assert value < 1e-6
    assert any("received `from_logits=True`" in text for text in warned)


@pytest.mark.parametrize(("model", "loss"), [
    (LINEAR, "losses.BinaryCrossentropy(from_logits=True)"),
    ("Net()", "losses.BinaryFocalCrossentropy(from_logits=True)"),
    (SIGMOID, "'binary_crossentropy'"),
    ("functional()", "wrapped"),
    ("kept()", "losses.BinaryCrossentropy()"),
    ("build(activation_layer=True)", "'binary_crossentropy'"),
    (LINEAR, "squashed"),
    (LINEAR, "lambda y, p: three(y, p, 2.0)"),
    (LINEAR, "'Huber'"),
    (LINEAR, "['mse']"),
    (LINEAR, "losses.get('mse')"),
    (LINEAR, "losses.get('m' + 'se')"),
    (LINEAR, "[losses.deserialize({'class_name': 'Huber', 'config': {}})]"),
])
def test_what_fits_is_left_alone(model: str, loss: str) -> None:
    assert told(model, loss) == set()
    value, moved, warned = trained(model, loss, 0.5, 0.0)
    assert np.isfinite(value)
    assert moved > 0
    assert not any("from_logits" in text for text in warned)


@pytest.mark.parametrize("loss", [
    "'mean_sqared_error'", "'three'", "three", "one", "factory(2.0)", "Scaled", "['mea']", "'logcosh'",
])
def test_losses_that_keras_cannot_call(loss: str) -> None:
    assert told(LINEAR, loss) == {"LL405"}
    with pytest.raises((ValueError, TypeError)):
        trained(LINEAR, loss, 0.5, 0.0)


@pytest.mark.parametrize("model", [
    "keras.models.load_model('a.keras')", "keras.applications.ResNet50(weights=None)", "unknown()",
    "keras.Sequential([layers.Dense(1, **settings)])", "keras.Sequential([layers.Dense(1, activation=settings['last'])])",
    "keras.Sequential([layers.Dense(4), keras.applications.VGG16()])", "keras.Sequential(stack)",
    "keras.Sequential([Dense(1)])",
])
def test_models_that_are_not_understood(model: str) -> None:
    text = f"from .layers import Dense\n{HEADER}\nmodel = {model}\nmodel.compile('sgd', loss=losses.BinaryCrossentropy())\n"
    assert not {f.code for f in check(text)} & {"LL405", "LL406"}


@pytest.mark.parametrize("change", [
    "model.add(layers.Activation('sigmoid'))", "model.layers[-1].activation = keras.activations.sigmoid",
    "if flag:\n    model.add(layers.Activation('sigmoid'))", "model = finished(model)", "add_head(model)",
])
def test_models_that_are_changed(change: str) -> None:
    helper = "def add_head(model):\n    model.add(layers.Activation('sigmoid'))\n"
    text = f'{HEADER}\n{helper}\nmodel = {LINEAR}\n{change}\nmodel.compile("sgd", loss="binary_crossentropy")\n'
    assert "LL406" not in {f.code for f in check(text)}


def test_names_of_losses() -> None:
    """The table is what ``keras.losses.get`` takes."""
    for text, name in identifiers().items():
        found = keras.losses.get(text)
        assert name.rpartition(".")[2] in (getattr(found, "__name__", ""), type(found).__name__), text
    public = {name for name in dir(keras.losses) if re.fullmatch(r"[a-z_]+", name)} - {"deserialize", "get", "serialize"}
    for name in public - identifiers().keys():
        with pytest.raises(ValueError, match="Could not interpret"):
            keras.losses.get(name)
