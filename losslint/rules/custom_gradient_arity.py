"""LL512."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.graph.expressions import may_be_several
from losslint.graph.nodes import Kind, Node
from losslint.graph.values import Const, Seq, Value
from losslint.rules.base import Loss, Problem, Rule


class CustomGradientArity(Rule):
    """The gradient function of a custom gradient returns the wrong number of gradients, or a placeholder.

    What it does: compares what the gradient function of a ``tf.custom_gradient``, a ``torch.autograd.Function`` or a
    ``jax.custom_vjp`` returns with the tensors the function takes.

    Why it is bad: ``expected to return 2 gradients, but returned 1 instead``, ``returned an incorrect number of
    gradients``; ``...`` is not a gradient; None for the prediction trains nothing.

    Use instead: one gradient for each tensor argument, in order, of its shape; None only for labels.

    Confirmed by: running the loss (raises, or gradient None).
    """

    code = "LL512"
    name = "custom-gradient-arity"
    BAD = (
        """
import tensorflow as tf

@tf.custom_gradient
def scaled_loss(y_true, y_pred):
    def grad(upstream):
        return upstream * 2.0 * (y_pred - y_true)  # expect: LL512
    return tf.reduce_sum(tf.square(y_pred - y_true)), grad
""",
        """
import tensorflow as tf

@tf.custom_gradient
def planned_loss(y_true, y_pred):
    def grad(upstream):
        derivative = ...
        return None, derivative  # expect: LL512
    return tf.reduce_sum(tf.square(y_pred - y_true)), grad
""",
    )
    GOOD = (
        """
import tensorflow as tf

@tf.custom_gradient
def scaled_loss(y_true, y_pred):
    def grad(upstream):
        return None, upstream * 2.0 * (y_pred - y_true)
    return tf.reduce_sum(tf.square(y_pred - y_true)), grad
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for custom in loss.graph.custom:
            gradients = custom.gradients
            given: list[Value] = list(gradients.items) if isinstance(gradients, Seq) else [gradients]
            if isinstance(gradients, Seq) and gradients.open:
                continue
            if any(isinstance(g, Const) and g.value is ... for g in given):
                yield Problem(
                    custom.returned,
                    f"the gradient of {custom.name} is a placeholder (...)",
                    "derive it, or drop the custom gradient: autodiff is exact",
                )
            elif all(isinstance(g, Const) and g.value is None for g in given):
                yield Problem(
                    custom.returned,
                    f"the gradient of {custom.name} is None for every argument: it trains nothing",
                    "return one gradient for each tensor argument",
                )
            elif custom.arguments is not None and missing(loss, given, custom.arguments):
                yield Problem(
                    custom.returned,
                    f"{custom.name} takes {custom.arguments} arguments, but its gradient function returns {len(given)}",
                    "return one gradient for each tensor argument, in order (None for labels)",
                )


def missing(loss: Loss, given: list[Value], arguments: int) -> bool:
    """Whether the number of gradients is wrong. PyTorch takes None beyond what it needs; an unknown one may be several."""
    if loss.site.framework == "torch":
        extra = given[arguments:]
        given = given[:arguments] if all(isinstance(g, Const) and g.value is None for g in extra) else given
    only = given[0] if len(given) == 1 else None
    several = isinstance(only, Node) and (only.kind is not Kind.TENSOR or may_be_several(only))
    return len(given) != arguments and not nested(given) and not several


def nested(values: list[Value]) -> bool:
    """``return grads, variable_grads``: gradients of variables come as a list of their own."""
    return any(isinstance(v, Seq) for v in values)
