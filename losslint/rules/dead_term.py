"""LL112."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.gradient import ESCAPES, SILENT_IN_JAX, Cause, Cut, GradientFacts
from losslint.findings import Severity
from losslint.graph.nodes import Kind, Node, nodes_in
from losslint.graph.values import Const, Value
from losslint.ops.moves import SAME_NUMBERS
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem, Rule, framework_name
from losslint.rules.detached import RECORD_IT

DISTANCES = ("sub", "squared_difference", "mse", "mae", "huber", "cosine_vectors", "cosine_similarity", "kl_divergence")
LINEAR = (*SAME_NUMBERS, "mean", "sum", "neg", "add_n", "stack", "concat", "python.sum")


class DeadTerm(Rule):
    """A term of the loss has no gradient, or one that is always zero, while another term trains.

    What it does: takes the returned sum apart and finds terms that depend on the prediction but pass no derivative on:
    ``mse + 0.1 * mean(round(p))``, a histogram or sign term. Label-only terms, explicit ``stop_gradient`` and
    straight-through estimators are left alone, unless both sides of a distance are detached, or the one that training
    could move: the teacher's side is the one to detach. A penalty on the weights of a model is such a term, too, once
    nothing of it reaches them: ``mse + 0.1 * sum(p.abs().sum().item() for p in model.parameters())``.

    Why it is bad: training runs without a word, and the term does nothing, whatever its weight.

    Use instead: a differentiable stand-in for the term, or drop it.

    Confirmed by: the gradient of the loss is the same with the term and without it; of a penalty, that the loss changes
    with the weights in another way than their gradient says.
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
        """
import torch
from torch import nn

def lasso_loss(pred, target, model, strength=1e-3):
    l1 = 0.0
    for p in model.parameters():
        l1 += p.abs().sum().item()  # expect: LL112
    return nn.functional.mse_loss(pred, target) + strength * l1

class RidgeLoss(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pred, target):
        l2 = sum(p.detach().pow(2).sum() for p in self.model.parameters())  # expect: LL112
        return nn.functional.mse_loss(pred, target) + 1e-3 * l2
""",
        """
import torch
from torch import nn

def vector_loss(pred, target, model, strength=1e-3):
    weights = nn.utils.parameters_to_vector(model.parameters()).detach().numpy()  # expect: LL112
    return nn.functional.mse_loss(pred, target) + strength * float(abs(weights).sum())

def state_loss(pred, target, model, strength=1e-3):
    l1 = sum(w.abs().sum() for w in model.state_dict().values())  # expect: LL112
    return nn.functional.mse_loss(pred, target) + strength * l1
""",
    )
    GOOD = (
        """
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment

class SetCriterion(torch.nn.Module):
    def forward(self, logits, boxes, targets):
        with torch.no_grad():
            cost = torch.cdist(boxes, targets["boxes"]) - logits.softmax(-1)[:, targets["labels"]]
        rows, cols = linear_sum_assignment(cost.cpu().numpy())
        box_loss = F.l1_loss(boxes[rows], targets["boxes"][cols])
        return F.cross_entropy(logits[rows], targets["labels"][cols]) + box_loss
""",
        """
import tensorflow as tf

def commitment_loss(y_true, y_pred):
    code = tf.round(y_pred)
    return tf.reduce_mean(tf.square(y_true - y_pred)) + 0.25 * tf.reduce_mean(tf.square(y_pred - code))
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        for facts, term in dead_terms(loss):
            yield from self.problems(loss, facts, term)

    def problems(self, loss: Loss, facts: GradientFacts, term: Node) -> Iterator[Problem]:
        cuts = facts.decisive_cuts(term)
        if any(cut.cause in ESCAPES and raises(loss, cut.node) for cut in cuts):
            return  # it does not even run: LL101 to LL103 say so
        if all(is_weight(loss, root) for root in facts.reach(term)) and not sees_data(loss, facts, term):
            yield from self.penalties(cuts, framework_name(loss))
            return
        if all(cut.cause is Cause.COMPARE and selects_elsewhere(loss, cut.node, term) for cut in cuts):
            return
        if any(cut.cause is Cause.DETACH for cut in facts.cuts(term)) and not detaches_too_much(loss, facts, term):
            return  # it was said on purpose
        for cut in cuts:
            if cut.node.op == "python.predict":
                continue  # LL103 says so
            slope = "a slope of 0 everywhere" if cut.cause is Cause.ZERO else "no gradient"
            instead = cut.node.operation.instead if cut.node.operation is not None else "-"
            if cut.cause is Cause.GRADIENT:
                instead = RECORD_IT
            if cut.cause in ESCAPES:
                instead = "keep the tensor: without the conversion the term is trained"
            if cut.cause is Cause.DETACH:
                instead = "detach the target alone: what shall come closer to it stays attached"
            text, whole = cut.node.source.text, term.source.text
            subject = f"{text} has {slope}, so the term {whole}" if text != whole else f"the term {text} has {slope}: it"
            yield Problem(
                cut.node.source,
                f"{subject} adds to the loss but never to the training: nothing warns of it",
                instead if instead != "-" else "use a differentiable stand-in, or move the term to metrics=",
                related=(term.source,),
            )

    def penalties(self, cuts: list[Cut], framework: str) -> Iterator[Problem]:
        """A term of weights alone: cut off from them it is a number that nothing changes, whatever cuts it."""
        for cut in cuts:
            escapes, stops = cut.cause in ESCAPES, cut.cause is Cause.DETACH
            keep = "keep the tensor" if escapes else "do not detach it" if stops else "use something that has a slope"
            if cut.node.name.endswith("state_dict"):
                keep = "take the weights from parameters(), state_dict() gives detached ones"
            yield Problem(
                cut.node.source,
                f"{cut.node.source.text} cuts the penalty off from the weights: it is added to the printed loss, and no "
                "weight feels it",
                f"{keep}: a penalty trains as long as every step from the weight to the loss is an operation of "
                f"{framework}",
            )


def dead_terms(loss: Loss) -> Iterator[tuple[GradientFacts, Node]]:
    """The terms that are cut off, of what trains otherwise, with the facts of the result that they are a part of."""
    for value, target in loss.results:
        facts = loss.gradient_at(target)
        if target.how == "add_loss" and facts.is_cut(value):
            yield from ((facts, term) for term in nodes_in(value))
        if not facts.live(value):
            continue
        facts = facts.with_weights
        for root in nodes_in(value):
            terms = list(terms_of(facts, root))
            if len(terms) > 1 and any(facts.live(term) for term in terms):
                yield from ((facts, term) for term in terms if facts.is_cut(term) and not feels_another_input(facts, term))


def raises(loss: Loss, node: Node) -> bool:
    """Whether leaving the framework raises here."""
    if loss.site.framework == "jax":
        return node.op not in SILENT_IN_JAX
    return loss.graph_severity(node) is Severity.ERROR


def compared(facts: GradientFacts, term: Node) -> Iterator[tuple[Node, Node]]:
    """The two sides of each distance that a term measures."""
    for node in facts.cone(term):
        if node.op in DISTANCES:
            match [node.inputs[name] for name in ("x", "y", "y_true", "y_pred") if name in node.inputs]:
                case [Node() as x, Node() as y]:
                    yield x, y


def detaches_too_much(loss: Loss, facts: GradientFacts, term: Node) -> bool:
    """Whether a term measures how far two values are apart of which none can move, and one is meant to: both are detached,
    or one is, and the other is what a model computes whose variables no gradient is asked for."""
    if any(loss.gradient_at(target).live(term) for target in loss.graph.targets):
        return False

    def stays(side: Node) -> bool:
        other = facts.trains_model and not facts.reach(side) and any(n.op == "layer" for n in facts.cone(side))
        return is_detached(facts, side) or other

    return any(
        stays(x) and stays(y) and (is_detached(facts, x) or is_detached(facts, y)) for x, y in compared(facts, term))


def is_detached(facts: GradientFacts, value: Node) -> bool:
    return any(node.op == "stop_gradient" and not node.context.no_grad for node in facts.cone(value))


def feels_another_input(facts: GradientFacts, term: Node) -> bool:
    """Whether a term is differentiable in a tensor that is no label: beside ``logits``, ``boxes`` may well be predicted."""
    roots = (facts.graph.nodes[index] for index in facts.flows[term.index].live)
    return not facts.differentiated and any(
        root.op == "param" and root.role is Role.TENSOR and root.kind is Kind.TENSOR for root in roots)


def is_weight(loss: Loss, root: int) -> bool:
    """Whether a root is what a model is trained by, and not something that it returns."""
    node = loss.nodes[root]
    return node.op == "weight" or (node.role is not Role.PREDICTION and node.name in loss.site.differentiated)


def sees_data(loss: Loss, facts: GradientFacts, term: Node) -> bool:
    """Whether a term is computed from a batch, too, or by a function that is not known: what JAX differentiates by is the
    model or a point, not only weights."""
    return any(
        (node.op == "unknown" and loss.site.framework == "jax")
        or (isinstance(function := node.inputs.get("function"), Node) and function.op == "param")
        or (node.op == "param" and node.name not in loss.site.differentiated
            and node.role in (Role.LABEL, Role.TENSOR, Role.UNKNOWN)) for node in facts.cone(term))


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


def _partial_sums(node: Node) -> set[int]:
    """What a sum was on its way to what it is."""
    found: set[int] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if current.index not in found:
            found.add(current.index)
            if current.op in ("add", "sub", "phi"):
                stack += [v for side in ("x", "y") if isinstance(v := current.inputs.get(side), Node)]
    return found


def _summands(facts: GradientFacts, node: Node) -> list[Value] | None:
    """The parts that ``node`` is a linear combination of; None for a term."""
    inputs = node.inputs
    if node.op == "phi":
        before, after = (inputs.get(side) for side in ("x", "y"))
        for old, new in ((before, after), (after, before)):
            if isinstance(old, Node) and isinstance(new, Node) and old.index in _partial_sums(new):
                return [new]  # after a loop that adds to it: what it was before, or more
        return None
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
