"""LL311."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.constants import plain_number
from losslint.findings import Severity
from losslint.graph.nodes import Node, nodes_in
from losslint.ops.moves import SAME_NUMBERS
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule

ELEMENTS = (*SAME_NUMBERS, "item")  # the elements themselves, or some of them
AFFINE = ("add", "sub", "mul")
BOUNDED = ("sigmoid", "softmax")


class GradientKilledByClip(Rule):
    """Predictions outside of the bounds of a clip get a gradient of exactly 0.

    What it does: finds a prediction, its sigmoid or softmax, or data that a model's output is added to, which is clipped to
    two numbers before the loss is taken, and an error that is clipped before it is squared.

    Why it is bad: a totally wrong prediction (a linear output of 1.7 under ``clip(y_pred, 0., 1.)``, a probability of
    exactly 0 under ``clip(p, 1e-7, 1. - 1e-7)``) is never pulled back.

    Use instead: the loss on logits, ``tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=z)``; a bounded
    activation as the model's last layer; or no clip at all where the loss is finite without it.

    Confirmed by: the gradient at a prediction outside of the bounds (exactly 0).
    """

    code = "LL311"
    name = "gradient-killed-by-clip"
    severity = Severity.INFO
    BAD = (
        """
import tensorflow as tf

def bounded_loss(y_true, y_pred):
    p = tf.clip_by_value(y_pred, 0.0, 1.0)  # expect: LL311
    return tf.reduce_mean(tf.square(y_true - p), axis=-1)
""",
        """
import tensorflow as tf

def cross_entropy(y_true, logits):
    p = tf.clip_by_value(tf.sigmoid(logits), 1e-4, 1.0 - 1e-4)  # expect: LL311
    return -tf.reduce_mean(y_true * tf.math.log(p) + (1.0 - y_true) * tf.math.log(1.0 - p))
""",
        """
import tensorflow as tf

def capped_loss(y_true, y_pred):
    error = tf.clip_by_value(y_pred - y_true, -1.0, 1.0)  # expect: LL311
    return tf.reduce_mean(tf.square(error), axis=-1)
""",
    )
    GOOD = (
        """
import tensorflow as tf

def huber_by_hand_loss(y_true, y_pred):
    error = y_pred - y_true
    inner = tf.clip_by_value(error, -1.0, 1.0)
    return tf.reduce_mean(0.5 * tf.square(inner) + tf.abs(error - inner), axis=-1)
""",
        """
import tensorflow as tf

def surrogate_loss(y_true, y_pred):
    ratio = y_pred / (tf.abs(y_true) + 1.0)
    return -tf.reduce_mean(tf.minimum(ratio, tf.clip_by_value(ratio, 0.8, 1.2)))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for node in loss.nodes:
            low, high = (plain_number(node.inputs.get(bound)) for bound in ("low", "high"))
            clipped = node.inputs.get("x")
            if node.op != "clip" or low is None or high is None or not isinstance(clipped, Node):
                continue
            if node.index not in loss.relevant or not loss.gradient.live(clipped):
                continue
            if is_error(clipped) and is_only_way(loss, node):
                yield Problem(
                    node.source,
                    f"{clipped.source.text} outside [{low:.7g}, {high:.7g}] is clipped, and its gradient is exactly 0 "
                    "there: the worst predictions are never corrected",
                    "use the Huber loss, which goes on as a straight line outside",
                )
            if not is_output(clipped) and not is_residual(loss, node, clipped):
                continue
            outside = "at 0 or 1" if is_bounded(clipped) or loss.head in BOUNDED else f"outside [{low:.7g}, {high:.7g}]"
            yield Problem(
                node.source,
                f"{clipped.source.text} {outside} is clipped, and its gradient is exactly 0 there: a prediction that far "
                "off is never corrected",
                "take the loss on logits, or bound the prediction by its activation",
            )


def is_error(value: Node) -> bool:
    """Whether a value is a prediction minus something."""
    sides = [value.inputs.get("x"), value.inputs.get("y")] if value.op == "sub" else []
    return any(isinstance(side, Node) and side.role is not Role.LABEL and is_output(side) for side in sides)


def is_residual(loss: Loss, clip: Node, value: Node, depth: int = 4) -> bool:
    """Whether a value is what a model returns, scaled by a number or added to data: ``blend + 2 * net(x) - 1``, as long as
    it is not handed to a model again."""
    if value.op not in AFFINE or is_error(value) or any(user.op == "layer" for user in loss.users(clip)):
        return False
    for _ in range(depth):
        sides = [value.inputs.get("x"), value.inputs.get("y")]
        trained = [side for side in sides if isinstance(side, Node) and loss.gradient.live(side)]
        plain = value.op in ("add", "sub") or any(plain_number(side) is not None for side in sides)
        if value.op not in AFFINE or len(trained) != 1 or not plain:
            break
        value = trained[0]
    return value.op == "layer"


def is_only_way(loss: Loss, node: Node) -> bool:
    """Whether no prediction reaches the result but through one operation."""
    stack, seen = [n for value, _ in loss.results for n in nodes_in(value)], {node.index}
    while stack:
        current = stack.pop()
        if current.index not in seen and loss.gradient.live(current):
            seen.add(current.index)
            if not current.inputs:
                return False
            stack += [operand for _, operand in current.operands()]
    return True


def is_output(value: Node, depth: int = 6) -> bool:
    """Whether a value is the prediction, or its sigmoid or softmax, element by element."""
    if value.op in ("param", "layer"):
        return True
    inner = value.inputs.get("x")
    return depth > 0 and value.op in (*ELEMENTS, *BOUNDED) and isinstance(inner, Node) and is_output(inner, depth - 1)


def is_bounded(value: Node, depth: int = 6) -> bool:
    """Whether a sigmoid or softmax keeps a value in [0, 1]."""
    inner = value.inputs.get("x")
    if value.op in BOUNDED:
        return True
    return depth > 0 and value.op in ELEMENTS and isinstance(inner, Node) and is_bounded(inner, depth - 1)
