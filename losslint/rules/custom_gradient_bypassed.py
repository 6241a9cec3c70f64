"""LL514."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.graph.nodes import nodes_in
from losslint.rules.base import Loss, Problem, Rule


class CustomGradientBypassed(Rule):
    """A function with a custom gradient is called with keyword arguments.

    What it does: finds calls of ``tf.custom_gradient`` functions that name a tensor of the prediction or, where the loss
    runs in graph mode, any argument.

    Why it is bad: TensorFlow looks for tensors among the positional arguments only. In eager mode it ignores the custom
    gradient of the others, silently; in graph mode every keyword raises ``ValueError``.

    Use instead: pass the tensors by position.

    Confirmed by: the gradient equals the automatic one.
    """

    code = "LL514"
    name = "custom-gradient-bypassed"
    BAD = (
        """
import tensorflow as tf

@tf.custom_gradient
def halved_square(target, output):
    def grad(upstream):
        return None, upstream * (output - target)
    return 0.5 * tf.square(output - target), grad

def adversarial_loss(y_true, y_pred):
    return tf.reduce_mean(halved_square(target=y_true, output=y_pred))  # expect: LL514

def half_named_loss(y_true, y_pred):
    return tf.reduce_mean(halved_square(y_true, output=y_pred))  # expect: LL514

@tf.custom_gradient
def rounded(x):
    return tf.round(x), lambda upstream: upstream

def whole_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - rounded(x=y_pred)), axis=-1)  # expect: LL514

@tf.custom_gradient
def scaled_gradient(x, factor=1.0):
    def grad(upstream):
        return upstream * factor
    return tf.identity(x), grad

def slowed_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - scaled_gradient(y_pred, factor=0.1)), axis=-1)  # expect: LL514

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile("adam", loss=slowed_loss)
""",
    )
    GOOD = (
        """
import tensorflow as tf

@tf.custom_gradient
def halved_square(target, output):
    def grad(upstream):
        return None, upstream * (output - target)
    return 0.5 * tf.square(output - target), grad

def adversarial_loss(y_true, y_pred):
    return tf.reduce_mean(halved_square(y_true, y_pred))

@tf.custom_gradient
def slowed(x, factor=1.0):
    def grad(upstream):
        return upstream * factor
    return tf.identity(x), grad

def step(model, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - slowed(model(x), factor=0.1)))
    return tape.gradient(loss, model.trainable_variables)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for custom in loss.graph.custom:
            named = [name for name, value in custom.named.items() if any(map(loss.gradient.live, nodes_in(value)))]
            if custom.named and not custom.given:
                yield Problem(
                    custom.call,
                    f"{custom.name} is called with keyword arguments only: TensorFlow raises ValueError in graph mode, and "
                    "ignores its custom gradient in eager mode, silently",
                    "pass the tensors by position",
                )
            elif named:
                yield Problem(
                    custom.call,
                    f"{custom.name} is given {named[0]} by keyword: TensorFlow raises ValueError in graph mode, and takes "
                    "the gradient to it by autodiff in eager mode, silently",
                    "pass the tensors by position",
                )
            elif custom.named and (severity := loss.graph_severity(custom.upstream)) is not None:
                yield Problem(
                    custom.call,
                    f"{custom.name} is given {next(iter(custom.named))} by keyword: a function with a custom gradient takes "
                    "keywords in eager mode only, with gradients for what is passed by position, and raises ValueError in "
                    "graph mode",
                    "pass it by position, or bind it in a function around the custom gradient",
                    severity,
                )
