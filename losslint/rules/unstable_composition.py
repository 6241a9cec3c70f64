"""LL308."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from losslint.facts.precision import FLOAT64
from losslint.facts.rewrites import Match
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.rules.base import Loss, Problem, Rule
from losslint.rules.numerics import advised, stable_form

LOST = 2.0**-25  # half of the smallest number that 1 - x notices in float32


class UnstableComposition(Rule):
    """Two operations that lose the number between them, where one stable operation does both.

    What it does: finds the forms of a table (``log(softmax(z))``, ``log(prod(p))``, ``mean(x²) - mean(x)²`` ...) in the
    traced loss, through variables and helpers. Where such a form overflows or is log(0) at a plausible input, LL301 or
    LL302 say so, with the stable form in their help; this rule says the rest: a product that underflows (warning), a
    guard that keeps the form finite but starves its gradient, digits that are lost (info).

    Why it is bad: ``log(sigmoid(z) + 1e-7)`` is -16.1 at most, and its gradient at z = -20 is 0.02 instead of 1;
    ``log(1 + x)`` is 0 below x = 6e-8; a product of six probabilities of 1e-7 is 0, and its log -inf.

    Use instead: what the help says, e.g. ``tf.math.log_sigmoid(z)``, ``tf.math.log1p(x)``,
    ``tf.reduce_sum(tf.math.log(p))``.

    Confirmed by: the value and gradient at that input; of a guard that caps, a gradient of 0 for a totally wrong prediction.
    """

    code = "LL308"
    name = "unstable-composition"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def likelihood_loss(y_true, y_pred):
    p = tf.clip_by_value(y_pred * y_true, 1e-7, 1.0)
    return -tf.reduce_mean(tf.math.log(tf.reduce_prod(p, axis=-1)))  # expect: LL308
""",
    )
    GOOD = (
        """
import tensorflow as tf

def likelihood_loss(y_true, y_pred):
    p = tf.clip_by_value(y_pred * y_true, 1e-7, 1.0)
    return -tf.reduce_mean(tf.reduce_sum(tf.math.log(p), axis=-1))

def logistic_loss(labels, logits):
    return tf.reduce_mean(tf.maximum(logits, 0.0) - labels * logits + tf.math.log1p(tf.exp(-tf.abs(logits))))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        forms = [form for hazard in loss.hazards if (form := stable_form(loss, hazard)) is not None]
        blamed = {hazard.node.index for hazard in loss.hazards}.union(*(form.nodes for form in forms))
        for match in largest(match for match in loss.terms if match.rewrite.kind == "exact"):
            if loss.gradient.live(match.root) and not match.nodes & blamed:
                yield from said(loss, match)
        for match in largest(match for match in loss.guarded_terms if not match.rewrite.rounds):
            if loss.gradient.live(match.root) and not match.nodes & blamed:
                yield starved(loss, match)


def largest(found: Iterable[Match]) -> list[Match]:
    """Of the matches of one operation the one that explains most."""
    best: dict[int, Match] = {}
    for match in found:
        known = best.setdefault(match.root.index, match)
        if len(match.nodes) > len(known.nodes):
            best[match.root.index] = match
    return list(best.values())


def said(loss: Loss, match: Match) -> Iterator[Problem]:
    """Digits that are lost, and products that underflow: what no single element shows."""
    x = match.bound["x"].value
    smallest = min(map(abs, loss.reached(x)), default=1.0) if isinstance(x, Node) else 1.0
    written = match.root.source.text
    if any(loss.nodes[index].op == "prod" for index in match.nodes) and smallest < 0.1:
        message = f"{written}: a product of many small factors underflows to 0 in float32, and its log is -inf"
        yield Problem(match.root.source, message, advised(loss, match), Severity.WARNING)
    elif match.rewrite.rounds and (smallest < LOST or len(match.nodes) > 2) and not is_double(loss, match):
        message = f"{written} loses its digits in float32, as for {match.rewrite.fails_at}"
        yield Problem(match.root.source, message, advised(loss, match), Severity.INFO)


def is_double(loss: Loss, match: Match) -> bool:
    """Whether a term is computed in float64, which keeps these digits."""
    return all(loss.gradient.precisions[index] is FLOAT64 for index in match.nodes)


def starved(loss: Loss, match: Match) -> Problem:
    """A guard inside of a logarithm that an exact form does not need."""
    message = (f"the guard in {match.root.source.text} keeps it finite and caps it: a totally wrong prediction gets next "
               "to no gradient")
    return Problem(match.root.source, message, advised(loss, match), Severity.INFO)
