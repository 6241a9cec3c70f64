"""LL514."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.rules.base import Loss, Problem, Rule


class CustomGradientBypassed(Rule):
    """A function with a custom gradient is called with keyword arguments only.

    What it does: finds calls of ``tf.custom_gradient`` functions without a positional argument.

    Why it is bad: TensorFlow then sees no tensor among the arguments and ignores the custom gradient, silently.

    Use instead: pass the tensors by position.

    Confirmed by: the gradient equals the automatic one.
    """

    code = "LL514"
    name = "custom-gradient-bypassed"
    BAD = (
        """
import tensorflow as tf

@tf.custom_gradient
def reversed_error(target, output):
    def grad(upstream):
        return None, -upstream * (output - target)
    return 0.5 * tf.square(output - target), grad

def adversarial_loss(y_true, y_pred):
    return tf.reduce_mean(reversed_error(target=y_true, output=y_pred))  # expect: LL514
""",
    )
    GOOD = (
        """
import tensorflow as tf

@tf.custom_gradient
def reversed_error(target, output):
    def grad(upstream):
        return None, -upstream * (output - target)
    return 0.5 * tf.square(output - target), grad

def adversarial_loss(y_true, y_pred):
    return tf.reduce_mean(reversed_error(y_true, y_pred))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for custom in loss.graph.custom:
            if custom.by_keyword:
                yield Problem(
                    custom.call,
                    f"{custom.name} is called with keyword arguments only: TensorFlow ignores its custom gradient, silently",
                    "pass the tensors by position",
                )
