"""LL408."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from losslint.facts.constants import plain_number
from losslint.facts.gradient import GradientFacts, models_of
from losslint.facts.point import Cone, Point
from losslint.facts.variables import variable_of
from losslint.findings import Severity
from losslint.graph.nodes import Node, nodes_in
from losslint.graph.values import Const, Value
from losslint.ops.moves import SAME_NUMBERS
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule

# (label, a prediction that fits it, one that does not)
SAMPLES = ((1.0, 0.95, 0.05), (1.0, 0.7, 0.3), (0.0, 0.05, 0.95), (0.0, 0.3, 0.7))
UNIT = ("l2_normalize",)
SIMILARITIES = ("cosine_vectors", "ssim", "ssim_multiscale", "psnr")  # larger for what is more alike
PICKS = ("diagonal", "gather", "take_along_axis", "gather_nd")
NAMED = re.compile(r"loss|nll|cost", re.I)
PASSES = ("mean", "sum", *SAME_NUMBERS)


class WrongDirection(Rule):
    """What is minimised is a similarity: the better the prediction, the larger the loss.

    What it does: finds losses that compare label and prediction by an overlap (a quotient of their products and sums:
    Dice, IoU, Tversky, F-measures) or by a weighted logarithm, evaluates them, and speaks up where a fitting prediction
    costs at least as much as a wrong one everywhere; and the mean of a cosine similarity that is minimised as it is, also
    of one written as the sum of products of two unit vectors, or of what two models return (SimSiam, BYOL), of SSIM and
    PSNR, and of the log-probabilities of the right classes. In PPO's clipped objective it finds an entropy bonus with the
    wrong sign. A cross-entropy one of whose two logarithms has the wrong sign, and the mean of ``label - prediction``
    without a square, are warnings.

    Why it is bad: training makes the prediction worse. Where the score is a metric elsewhere, and ``1 - score`` the loss,
    the wrong one was passed.

    Use instead: ``1 - score``, or ``-score``.

    Confirmed by: the loss of a perfect prediction against that of a wrong one.
    """

    code = "LL408"
    name = "wrong-direction"
    severity = Severity.INFO
    BAD = (
        """
import tensorflow as tf

def dice_coef(y_true, y_pred, smooth=1.0):
    overlap = tf.reduce_sum(y_true * y_pred)
    return (2.0 * overlap + smooth) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) + smooth)  # expect: LL408

model = tf.keras.Sequential([tf.keras.layers.Dense(1, activation="sigmoid")])
model.compile(loss=dice_coef)
""",
        """
import tensorflow as tf

def likelihood(y_true, y_pred):
    return tf.reduce_mean(y_true * tf.math.log(y_pred + 1e-3), axis=-1)  # expect: LL408

model = tf.keras.Sequential([tf.keras.layers.Dense(3, activation="softmax")])
model.compile(loss=likelihood)
""",
        """
import tensorflow as tf

def alignment(y_true, y_pred):
    y_true, y_pred = tf.math.l2_normalize(y_true, axis=-1), tf.math.l2_normalize(y_pred, axis=-1, epsilon=1e-6)
    return tf.reduce_sum(y_true * y_pred, axis=-1)  # expect: LL408

model = tf.keras.Sequential([tf.keras.layers.Dense(3)])
model.compile(loss=alignment)
""",
    )
    GOOD = (
        """
import jax
import jax.numpy as jnp

def contrastive_loss(params, x, y):
    return -jnp.mean(jnp.diagonal(jax.nn.log_softmax((x @ params) @ y.T, axis=1)))

def log_likelihood(params, x, y):
    return jnp.mean(jnp.diagonal(jax.nn.log_softmax((x @ params) @ y.T, axis=1)))

def margin_loss(params, x, y):
    log_probs = jax.nn.log_softmax((x @ params) @ y.T, axis=1)
    return jnp.mean(log_probs) - jnp.mean(jnp.diagonal(log_probs))

def weighted_loss(params, x, y, advantage):
    return jnp.mean(advantage * jnp.diagonal(jax.nn.log_softmax((x @ params) @ y.T, axis=1)))

for loss in (contrastive_loss, log_likelihood, margin_loss, weighted_loss):
    step = jax.grad(loss)
""",
        """
import tensorflow as tf

def parts(y_true, y_pred):
    advantage, old, action = y_true[:, 0], y_true[:, 1:4], y_true[:, 4:]
    ratio = tf.reduce_sum(action * y_pred, axis=-1) / (tf.reduce_sum(action * old, axis=-1) + 1e-6)
    surrogate = tf.minimum(ratio * advantage, tf.clip_by_value(ratio, 0.8, 1.2) * advantage)
    return surrogate, tf.reduce_sum(y_pred * tf.math.log(y_pred + 1e-6), axis=-1)

def bonus_loss(y_true, y_pred):
    surrogate, negative_entropy = parts(y_true, y_pred)
    return -tf.reduce_mean(surrogate - 0.02 * negative_entropy)

def outside_loss(y_true, y_pred):
    surrogate, negative_entropy = parts(y_true, y_pred)
    return -tf.reduce_mean(surrogate) + 0.02 * tf.reduce_mean(negative_entropy)

def negated_loss(y_true, y_pred):
    surrogate, negative_entropy = parts(y_true, y_pred)
    return -tf.reduce_mean(surrogate + 0.02 * -negative_entropy)

def coefficient_loss(y_true, y_pred):
    surrogate, negative_entropy = parts(y_true, y_pred)
    return -tf.reduce_mean(surrogate + -0.02 * negative_entropy)

def certain_loss(y_true, y_pred):
    _, negative_entropy = parts(y_true, y_pred)
    return tf.keras.losses.categorical_crossentropy(y_true[:, 4:], y_pred) - 0.02 * negative_entropy

for loss in (bonus_loss, outside_loss, negated_loss, coefficient_loss, certain_loss):
    tf.keras.Sequential([tf.keras.layers.Dense(3, activation="softmax")]).compile(loss=loss)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if not loss.site.certain or loss.graph.gaps:
            return
        yield from agreements(loss)
        if len(loss.results) != 1:
            return
        value, _ = loss.results[0]
        if not isinstance(value, Node) or not loss.gradient.live(value):
            return
        yield from punished_entropy(value)
        yield from signed_error(loss, value)
        if is_similarity(value) or is_log_likelihood(loss, value) or (compares(loss, value) and grows_with_fit(loss, value)):
            yield Problem(
                value.source,
                f"{value.source.text} is larger the better the prediction is, and it is minimised",
                "return 1 - score, or -score",
            )
        elif is_cross_entropy(value) and (label := turned_for(loss, value)) is not None:
            yield Problem(
                value.source,
                f"where the label is {label:g}, {value.source.text} falls as the prediction goes wrong: one of the two "
                "logarithms has the wrong sign",
                "-(y * log(p) + (1 - y) * log(1 - p)) has one sign for both",
                Severity.WARNING,
            )


def signed_error(loss: Loss, value: Node) -> Iterator[Problem]:
    """The mean of ``label - prediction``, by a function that calls itself a loss. (What a critic returns for real and for
    made samples is averaged first.)"""
    for _ in range(12):
        x, y = value.inputs.get("x"), value.inputs.get("y")
        if value.op == "sub" and isinstance(x, Node) and isinstance(y, Node):
            roles = {side.role for side in (x, y) if side.op == "param"}
            if roles == {Role.LABEL, Role.PREDICTION} and NAMED.search(loss.site.qualname):
                yield Problem(
                    value.source,
                    f"{value.source.text} is signed: the loss goes on falling as the predictions "
                    f"{'fall' if x.role is Role.PREDICTION else 'grow'}, whatever the labels are",
                    "take its size: the square, or the absolute value",
                    Severity.WARNING,
                )
            return
        if value.op not in ("neg", *PASSES) or not isinstance(x, Node):
            return
        value = x


def punished_entropy(value: Node) -> Iterator[Problem]:
    """PPO's clipped objective with the sum of ``p * log(p)``, which is minus the entropy, where the bonus should be."""
    terms = [*signed_terms(value)]
    if not any(sign < 0 and is_clipped_objective(term) for term, sign in terms):
        return
    for term, sign in terms:
        if sign < 0 and is_negative_entropy(term):
            yield Problem(
                term.source,
                f"{term.source.text} sums up to minus the entropy, and with this sign the loss grows with the entropy: the "
                "policy is rewarded for being certain",
                "write the bonus with -p * log(p): subtract the entropy from the loss",
            )


def signed_terms(value: Value | None, sign: int = 1, depth: int = 12) -> Iterator[tuple[Node, int]]:
    """What a value adds up, through means, sums and known factors, each with its sign."""
    if not isinstance(value, Node) or not depth:
        return
    x, y = value.inputs.get("x"), value.inputs.get("y")
    if value.op in ("add", "sub"):
        yield from signed_terms(x, sign, depth - 1)
        yield from signed_terms(y, sign if value.op == "add" else -sign, depth - 1)
    elif value.op == "neg" or value.op in PASSES:
        yield from signed_terms(x, -sign if value.op == "neg" else sign, depth - 1)
    elif (scale := scaled_by(value)) is not None:
        yield from signed_terms(x if plain_number(x) is None else y, sign if scale > 0 else -sign, depth - 1)
    else:
        yield value, sign


def scaled_by(value: Node) -> float | None:
    """The known number that a value multiplies or divides another one by."""
    x, y = (plain_number(value.inputs.get(side)) for side in ("x", "y"))
    return x if value.op == "mul" and x is not None else y if value.op in ("mul", "div") else None


def is_clipped_objective(term: Node) -> bool:
    """``minimum(ratio * advantage, clip(ratio, ..) * advantage)``."""
    sides = [side for side in (term.inputs.get("x"), term.inputs.get("y")) if isinstance(side, Node) and side.op == "mul"]
    factors = (side.inputs.get(name) for side in sides for name in ("x", "y"))
    return term.op == "minimum" and len(sides) == 2 and any(isinstance(f, Node) and f.op == "clip" for f in factors)


def is_negative_entropy(term: Node) -> bool:
    """``p * log(p)``, with or without a small number in the logarithm."""
    if term.op != "mul":
        return False
    for p, log in ((term.inputs.get("x"), term.inputs.get("y")), (term.inputs.get("y"), term.inputs.get("x"))):
        inside = log.inputs.get("x") if isinstance(log, Node) and log.op == "log" else None
        guarded = inside.inputs.get("x") if isinstance(inside, Node) and inside.op in ("add", "clip", "maximum") else None
        if isinstance(p, Node) and (inside is p or guarded is p):
            return True
    return False


def is_log_likelihood(loss: Loss, value: Node) -> bool:
    """The log-probabilities of what was picked, added up as they are, by a function that calls itself a loss: what JAX
    differentiates may as well be climbed."""
    terms = [*signed_terms(value)]
    named = NAMED.search(loss.site.qualname) is not None
    return named and bool(terms) and all(sign > 0 and is_picked(term) for term, sign in terms)


def is_picked(term: Value | None, depth: int = 12) -> bool:
    """One entry of each row of ``log_softmax``, through sums and divisions by a count."""
    for _ in range(depth):
        if not isinstance(term, Node):
            return False
        if term.op in PICKS:
            while isinstance(term, Node) and (term.op in PICKS or term.op in SAME_NUMBERS):
                term = term.inputs.get("x")
            return isinstance(term, Node) and term.op == "log_softmax"
        counted = term.op == "div" and is_number(term.inputs.get("y"))
        term = term.inputs.get("x") if counted or term.op in PASSES else None
    return False


def is_number(value: Value | None) -> bool:
    """Whether a value is a number that is known, or a size."""
    return isinstance(value, Const) or (isinstance(value, Node) and (value.family == "shape" or value.op == "static_dim"))


def is_similarity(value: Value | None, depth: int = 5) -> bool:
    """How alike two vectors or images are, or the mean of it. (The loss that Keras calls cosine similarity has the sign
    turned.)"""
    if not isinstance(value, Node) or not depth:
        return False
    product = value.inputs.get("x")
    if value.op == "sum" and isinstance(product, Node) and product.op == "mul" and is_label_by_prediction(product):
        return True  # by hand: the sum of products of unit vectors
    passes = value.op in PASSES
    return value.op in SIMILARITIES or (passes and is_similarity(value.inputs.get("x"), depth - 1))


def agreements(loss: Loss) -> Iterator[Problem]:
    """Training steps that minimise nothing but how alike the outputs of models are, as in SimSiam, beside penalties on
    weights: what else a step may want with less of it needs something to weigh it against."""
    for value, target in loss.results if not loss.site.is_function else ():
        facts = loss.gradient_at(target)
        by_models = models_of(target.sources) if target.sources is not None else target.how == "backward"
        trained = {loss.nodes[index].op for index in facts.live(value)}
        if not by_models or not isinstance(value, Node) or not trained <= {"layer", "weight", "attribute"}:
            continue
        if any(node.name.endswith("requires_grad_") for node in facts.cone(value)):
            continue  # an attack wants what it does to the input to be unlike
        terms = [(term, sign) for term, sign in signed_terms(value) if any(n.op == "layer" for n in facts.cone(term))]
        if terms and all(sign > 0 and compares_outputs(facts, term) for term, sign in terms):
            text = terms[0][0].source.text
            yield Problem(
                terms[0][0].source,
                f"{text} is larger the more alike the two outputs are, and it is minimised (row {value.source.row}): they "
                "are pushed apart",
                "minimise 1 - similarity, or -similarity",
                related=(value.source,),
            )


def compares_outputs(facts: GradientFacts, term: Node) -> bool:
    """Whether a term is the cosine of two outputs of models, one of which stays as it is: what the other shall become."""
    sides = [side for name in ("x", "y") if isinstance(side := term.inputs.get(name), Node)]
    by_hand = term.op == "mul" and all(side.op in UNIT for side in sides)
    if len(sides) != 2 or not (by_hand or term.op == "cosine_vectors"):
        return False
    of_models = all(any(n.op == "layer" for n in facts.cone(side)) for side in sides)
    return of_models and sum(bool(facts.live(side)) for side in sides) == 1


def is_label_by_prediction(product: Node) -> bool:
    """Whether a product is that of the label's unit vector and the prediction's."""
    roles = []
    for side in (product.inputs.get("x"), product.inputs.get("y")):
        if not isinstance(side, Node) or side.op not in UNIT:
            return False
        source = side.inputs.get("x")
        while isinstance(source, Node) and source.op in SAME_NUMBERS:
            source = source.inputs.get("x")
        roles.append(source.role if isinstance(source, Node) else None)
    return sorted(map(str, roles)) == sorted(map(str, (Role.LABEL, Role.PREDICTION)))


def compares(loss: Loss, value: Node) -> bool:
    """Whether an overlap of label and prediction lies on the way: a quotient with both in either part, or the logarithm
    of one weighted by the other."""
    labels = {n.index for n in loss.graph.params.values() if n.role is Role.LABEL}

    def sides(part: Value | None) -> tuple[bool, bool]:
        cone = {n.index for node in nodes_in(part) for n in loss.gradient.cone(node)} if part is not None else set()
        return bool(cone & labels), bool(part is not None and loss.gradient.live(part))

    for node in loss.gradient.cone(value):
        x, y = node.inputs.get("x"), node.inputs.get("y")
        if node.op == "div" and sides(x) == sides(y) == (True, True):
            return True
        logs = any(isinstance(side, Node) and side.op == "log" for side in (x, y))
        if node.op == "mul" and logs and {sides(x), sides(y)} == {(True, False), (False, True)}:
            return True
    return False


def grows_with_fit(loss: Loss, value: Node) -> bool:
    """Whether a fitting prediction costs no less than a wrong one at every sample, and more at one."""
    most = 0.0
    for _, gain in gains_of(loss, value):
        if not gain >= 0.0:
            return False  # most losses end here
        most = max(most, gain)
    return most > 0.0


def turned_for(loss: Loss, value: Node) -> float | None:
    """The label of two for which alone a fitting prediction costs more than a wrong one."""
    gains = [*gains_of(loss, value)]
    if any(math.isnan(gain) for _, gain in gains):
        return None
    turned = {label for label, gain in gains if gain > 0.0}
    kept = {label for label, gain in gains if gain < 0.0}
    return turned.pop() if len(turned) == len(kept) == 1 and turned != kept else None


def is_cross_entropy(value: Node) -> bool:
    """Whether a value adds up weighted logarithms and nothing else."""
    terms = [term for term, _ in signed_terms(value)]
    return len(terms) > 1 and all(map(is_weighted_logarithm, terms))


def is_weighted_logarithm(term: Value | None, depth: int = 6) -> bool:
    """A logarithm times something: one term of a cross-entropy that is written out."""
    if not isinstance(term, Node) or term.op not in ("mul", "neg") or not depth:
        return False
    sides = [side for side in (term.inputs.get("x"), term.inputs.get("y")) if isinstance(side, Node)]
    return any(side.op == "log" or is_weighted_logarithm(side, depth - 1) for side in sides)


def gains_of(loss: Loss, value: Node) -> Iterator[tuple[float, float]]:
    """The label of each sample, and what a fitting prediction costs more than a wrong one; NaN where it is not known."""
    variables: dict[Role, list[Node]] = {Role.LABEL: [], Role.PREDICTION: []}
    for node in loss.graph.params.values():
        if node.role in variables:
            variables[node.role].append(node)
    if any(len(found) != 1 for found in variables.values()):
        return
    label, prediction = (variable_of(variables[role][0]) for role in (Role.LABEL, Role.PREDICTION))
    if label is None or prediction is None:
        return
    cone = Cone.of(loss.gradient, value)
    for y, fits, fails in SAMPLES:
        good, bad = (Point(cone, {label: y, prediction: p}) for p in (fits, fails))
        yield y, math.nan if good.opaque or bad.opaque else good(value) - bad(value)
