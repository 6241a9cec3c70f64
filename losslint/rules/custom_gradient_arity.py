"""LL512."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.shape import is_none, is_true
from losslint.graph.indexing import may_be_several
from losslint.graph.nodes import CustomGradient, Kind, Node
from losslint.graph.values import Const, Seq, Value
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.nothing_passed import gives_nothing, is_stop

VARIABLES = ("tf.Variable", "keras.Variable")


class CustomGradientArity(Rule):
    """The gradient function of a custom gradient returns the wrong number of gradients, or a placeholder.

    What it does: compares what the gradient function of a ``tf.custom_gradient``, a ``torch.autograd.Function`` or a
    ``jax.custom_vjp`` returns with the tensors the function takes, and what it takes with those that the function returns;
    looks whether there is such a function at all, whether a forward rule of JAX returns its value first, and for a
    parameter ``variables`` where the function uses some.

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
        """
import tensorflow as tf

@tf.custom_gradient
def turned_error(y_true, y_pred):
    def grad(upstream):
        return upstream * 2.0 * (y_pred - y_true), None  # expect: LL512
    return tf.square(y_pred - y_true), grad

def turned_loss(y_true, y_pred):
    return tf.reduce_mean(turned_error(y_true, y_pred), axis=-1)

gain = tf.Variable(2.0)

@tf.custom_gradient
def amplified(x):
    def grad(upstream):  # expect: LL512
        return upstream * gain
    return x * gain, grad

def amplified_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - amplified(y_pred)), axis=-1)
""",
    )
    GOOD = (
        """
import jax
import jax.numpy as jnp

@jax.custom_vjp
def bounded(x, bound):
    return x

bounded.defvjp(lambda x, bound: (x, bound), lambda bound, upstream: (jnp.clip(upstream, -bound, bound), None))

@jax.custom_vjp
def softened(x):
    return jnp.logaddexp(x, 0.0)

softened.defvjp(lambda x: (softened(x), (x,)), lambda saved, upstream: (upstream * jax.nn.sigmoid(saved[0]),))

@jax.custom_vjp
def kept(x):
    return jnp.exp(x)

def kept_forward(x):
    value = kept(x)
    return value, value

kept.defvjp(kept_forward, lambda value, upstream: (upstream * value,))

def margin_loss(params, x, y):
    return jnp.mean(softened(bounded(x @ params, 1.0) * -y)) + jnp.mean(kept(-(x @ params)))

slope = jax.grad(margin_loss)
""",
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
        for name, returned in loss.graph.without_gradient:
            yield Problem(
                returned,
                f"{name} has a custom gradient, but returns {returned.text} and no gradient function: training "
                "raises",
                "return the value and a function: def grad(upstream): ..., then return value, grad",
            )
        for name, returned in loss.graph.exchanged:
            yield Problem(
                returned,
                f"the forward rule of {name} returns what is saved for the slope first: JAX takes {returned.text} for "
                "(value, saved), and the loss becomes what was to be saved, or raises",
                f"return the value first: return {name}(...), (saved, ...)",
            )
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
            elif custom.outputs is not None and custom.upstreams is not None and custom.outputs not in custom.upstreams:
                yield Problem(
                    custom.returned,
                    f"{custom.name} returns {counted(custom.outputs, 'tensor')}, but its gradient function takes another "
                    "number of upstream gradients: TypeError",
                    "give the gradient function one parameter for each tensor that is returned",
                )
            elif all(isinstance(g, Const) and g.value is None for g in given):
                yield Problem(
                    custom.returned,
                    f"the gradient of {custom.name} is None for every argument: it trains nothing",
                    "return one gradient for each tensor argument",
                )
            elif custom.countable and missing(loss, given, len(custom.given)):
                yield Problem(
                    custom.returned,
                    f"{custom.name} is given {counted(len(custom.given), 'argument')}, but its gradient function returns "
                    f"{counted(len(given), 'gradient')}",
                    "return one for each argument, in order: None for labels, and for what is no tensor",
                )
            elif gives_nothing(custom) and not is_stop(custom):
                yield Problem(
                    custom.returned,
                    f"the gradient of {custom.name} is 0 for every argument: nothing is trained through it",
                    "derive it, or return the upstream gradient as it is; where none is meant to pass, stop it without a "
                    "custom gradient",
                )
            elif (cut := cut_argument(loss, custom, given)) is not None:
                yield Problem(
                    custom.returned,
                    f"the gradient of {custom.name} is None for the argument that {loss.root_of(cut)} enters, and goes to "
                    "another: it trains nothing",
                    "return the gradients in the order of the arguments, None for labels",
                )
            elif (variable := own_variable(loss, custom)) is not None:
                yield Problem(
                    custom.defined or custom.returned,
                    f"{custom.name} uses the variable of row {variable.source.row}, but its gradient function takes no "
                    "`variables`: TypeError",
                    "def grad(upstream, variables=None), which returns (gradients, gradients of the variables)",
                    related=(custom.call,),
                )


def counted(number: int, what: str) -> str:
    return f"one {what}" if number == 1 else f"{number} {what}s"


def cut_argument(loss: Loss, custom: CustomGradient, given: list[Value]) -> Node | None:
    """An argument that the prediction enters and that gets None, while another, such as a label, gets a gradient."""
    pairs = [(a, g) for a, g in zip(custom.given, given, strict=False) if isinstance(a, Node)]
    if any(a.kind is not Kind.TENSOR and is_none(g) and loss.gradient.live(a) for a, g in pairs):
        return None  # it may be an object, such as the operator that is applied
    trained = [(a, g) for a, g in pairs if loss.gradient.live(a)]
    others = [g for a, g in pairs if not loss.gradient.live(a)]
    if not custom.countable or not all(is_none(g) for _, g in trained) or all(map(is_none, others)):
        return None
    return next((a for a, _ in trained), None)


def own_variable(loss: Loss, custom: CustomGradient) -> Node | None:
    """A trainable variable that a function of TensorFlow uses without being given it."""
    if loss.site.framework != "tensorflow" or custom.takes_variables or custom.value is None:
        return None
    known = {node.index for value in (*custom.given, *custom.named.values()) for node in loss.gradient.cone(value)}
    used = (node for node in loss.gradient.cone(custom.value) if node.index not in known)
    return next((node for node in used if node.name in VARIABLES and not is_fixed(node)), None)


def is_fixed(variable: Node) -> bool:
    """Whether a variable is, or may be, one that is not trained."""
    trainable = variable.inputs.get("trainable")
    return trainable is not None and not is_true(trainable)


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
