"""A softmax along the batch, where what is done with it afterwards says that each sample has a row of its own."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.shape import is_number
from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.graph.values import Const, Value
from losslint.ops.moves import SAME_NUMBERS
from losslint.rules.base import Loss, Problem

NORMALISED = ("softmax", "log_softmax")


def normalised_over_batch(loss: Loss) -> Iterator[Problem]:
    """Scores that sum to 1 over the samples, and are used as if they did so for each sample."""
    normalised = [node for node in loss.nodes if node.op in NORMALISED and node.index in loss.relevant]
    for scores in normalised:
        twins = (node for node in normalised if node is not scores and node.inputs.get("x") is scores.inputs.get("x"))
        if not is_number(scores.inputs.get("axis"), 0) or any(twins):
            continue  # a loss that uses both axes compares pairs
        for user in loss.users(scores):
            if picks_by_row(user, scores) or sums_each_row(user, scores):
                yield Problem(
                    scores.source,
                    f"{scores.source.text} works along axis 0, the batch, but {user.source.text} takes it for one "
                    "distribution a sample: what a sample gets depends on the others of its batch",
                    "work along the axis of the classes or places (axis=-1)",
                    Severity.INFO,
                    related=(user.source,),
                )


def picks_by_row(user: Node, scores: Node) -> bool:
    """Whether the label of each sample picks one column of its row."""
    by_row = user.op == "take_along_axis" and any(is_number(user.inputs.get("axis"), axis) for axis in (1, -1))
    return by_row and user.inputs.get("x") is scores and are_data(user.inputs.get("indices"))


def are_data(labels: Value | None, depth: int = 6) -> bool:
    """Whether labels come in with the batch, and are no positions that were counted."""
    while isinstance(labels, Node) and depth and labels.op in (*SAME_NUMBERS, "expand_dims", "item"):
        labels, depth = labels.inputs.get("x"), depth - 1
    return isinstance(labels, Node) and labels.op == "param"


def sums_each_row(user: Node, scores: Node) -> bool:
    """Whether a product sums over another axis, for each index of axis 0 by itself: ``einsum("bn,bnd->bd", scores, h)``."""
    equation = user.inputs.get("equation")
    if user.op != "einsum" or not isinstance(equation, Const) or not isinstance(equation.value, str):
        return False
    operands, _, result = equation.value.replace(" ", "").partition("->")
    letters, others = operands.partition(",")[::2]
    if user.inputs.get("y") is scores:
        letters, others = others, letters
    elif user.inputs.get("x") is not scores:
        return False
    batch = letters[:1]
    return batch.isalpha() and batch in result and batch in others and any(letter not in result for letter in letters[1:])
