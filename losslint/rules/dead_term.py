"""LL112."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.gradient import ESCAPES, Cause, GradientFacts
from losslint.findings import Severity
from losslint.graph.nodes import Node, nodes_in
from losslint.graph.values import Const, Value
from losslint.rules.base import Loss, Problem, Rule

LINEAR = ("mean", "sum", "neg", "reshape", "squeeze", "expand_dims", "identity", "convert_to_tensor", "cast", "add_n",
          "stack", "concat", "python.sum")  # fmt: skip


class DeadTerm(Rule):
    """A term of the loss has no gradient, or one that is always zero, while another term trains.

    What it does: takes the returned sum apart and finds terms that depend on the prediction but pass no derivative on:
    ``mse + 0.1 * mean(round(p))``, a histogram or sign term. Label-only terms, explicit ``stop_gradient`` and
    straight-through estimators are left alone.

    Why it is bad: training runs without a word, and the term does nothing, whatever its weight.

    Use instead: a differentiable stand-in for the term, or drop it.

    Confirmed by: the gradient of the loss is the same with the term and without it.
    """

    code = "LL112"
    name = "dead-term"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def sparse_loss(y_true, y_pred):
    mse = tf.reduce_mean(tf.square(y_true - y_pred))
    return mse + 0.1 * tf.reduce_mean(tf.round(y_pred))  # expect: LL112
""",
    )
    GOOD = (
        """
import tensorflow as tf

def commitment_loss(y_true, y_pred):
    code = tf.round(y_pred)
    return tf.reduce_mean(tf.square(y_true - y_pred)) + 0.25 * tf.reduce_mean(tf.square(y_pred - code))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for value, target in loss.results:
            facts = loss.gradient_at(target)
            if target.how == "add_loss" and facts.is_cut(value):
                for term in nodes_in(value):
                    yield from self.problems(loss, facts, term)
            if not facts.live(value):
                continue
            for root in nodes_in(value):
                terms = list(terms_of(facts, root))
                if len(terms) < 2 or not any(facts.live(term) for term in terms):
                    continue
                for term in terms:
                    if facts.is_cut(term):
                        yield from self.problems(loss, facts, term)

    def problems(self, loss: Loss, facts: GradientFacts, term: Node) -> Iterator[Problem]:
        cuts = facts.decisive_cuts(term)
        if any(cut.cause in ESCAPES and loss.graph_severity(cut.node) is Severity.ERROR for cut in cuts):
            return  # it does not even run: LL101 to LL103 say so
        if all(cut.cause is Cause.COMPARE and selects_elsewhere(loss, cut.node, term) for cut in cuts):
            return
        if any(cut.cause is Cause.DETACH for cut in facts.cuts(term)):
            return  # it was said on purpose
        for cut in cuts:
            slope = "a slope of 0 everywhere" if cut.cause is Cause.ZERO else "no gradient"
            instead = cut.node.operation.instead if cut.node.operation is not None else "-"
            if cut.cause in ESCAPES:
                instead = "keep the tensor: without the conversion the term is trained"
            text, whole = cut.node.source.text, term.source.text
            subject = f"{text} has {slope}, so the term {whole}" if text != whole else f"the term {text} has {slope}: it"
            yield Problem(
                cut.node.source,
                f"{subject} adds to the loss but never to the training: nothing warns of it",
                instead if instead != "-" else "use a differentiable stand-in, or move the term to metrics=",
                related=(term.source,),
            )


def selects_elsewhere(loss: Loss, comparison: Node, term: Node) -> bool:
    """Whether a comparison also weighs a live value: the term is the constant side of a branch selector."""
    inside = {n.index for n in loss.gradient.cone(term)}
    others = (node for value, _ in loss.results for node in loss.gradient.cone(value) if node.index not in inside)
    return any(
        node.op in ("mul", "where")
        and loss.gradient.live(node)
        and any(comparison.index == n.index for _, o in node.operands() for n in loss.gradient.cone(o))
        for node in others
    )


def terms_of(facts: GradientFacts, node: Node) -> Iterator[Node]:
    """The terms a value is the (weighted) sum of."""
    seen: set[int] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if current.index in seen:
            continue
        seen.add(current.index)
        parts = _summands(facts, current)
        if parts is None:
            yield current
        else:
            stack += [n for part in parts for n in nodes_in(part)]


def _summands(facts: GradientFacts, node: Node) -> list[Value] | None:
    """The parts that ``node`` is a linear combination of; None for a term."""
    inputs = node.inputs
    if node.op in ("add", "sub"):
        return [inputs[side] for side in ("x", "y") if side in inputs]
    if node.op in LINEAR:
        return [v for k, v in inputs.items() if k in ("x", "values") or k.startswith("arg")]
    if node.op in ("mul", "div"):
        for side, other in (("x", "y"), ("y", "x")):
            scale = inputs.get(other)
            if isinstance(scale, Const) and scale.value == 0:
                return []  # switched off on purpose
            if (
                scale is not None
                and side in inputs
                and not facts.reach(scale)
                and not (node.op == "div" and side == "y")
            ):
                return [inputs[side]]
    return None
