"""The shapes of the arguments that Keras hands to a loss."""

from __future__ import annotations

import ast

from losslint.facts.shape import BATCH, Shape
from losslint.graph.nodes import Kind, Node
from losslint.project.index import last_name
from losslint.project.labels import label_shape
from losslint.project.modes import Mode
from losslint.project.roles import Role
from losslint.rules.base import Loss


def as_keras_gives(loss: Loss) -> dict[int, Shape]:
    """The arguments as Keras hands them to a function: one row a sample each, labels of shape (B,) expanded to (B, 1).
    A ``Loss`` subclass gets the labels of Keras 3 as they are."""
    if loss.site.mode is not Mode.GRAPH or not loss.called_by_keras:
        return {}
    given = [n for n in loss.graph.params.values() if n.role in (Role.LABEL, Role.PREDICTION) and n.kind is Kind.TENSOR]
    if loss.site.kind == "method":
        return as_fitted(loss, given)
    return {n.index: (BATCH, n.name) for n in given}


def as_fitted(loss: Loss, given: list[Node]) -> dict[int, Shape]:
    """The arguments of a ``Loss`` subclass, where the file shows its labels, and the last layer of each model it trains."""
    heads, labels = loss.site.heads, label_shape(loss.site.module)
    widths = {head.units if isinstance(head.at, ast.Call) and last_name(head.at.func) == "Dense" else None for head in heads}
    width = widths.pop() if len(widths) == 1 and len(heads) == len(loss.site.fitted) else None
    if loss.keras_version < 3 or width is None or not labels or len(labels) > 2:
        return {}
    rows: dict[Role, Shape] = {Role.LABEL: (BATCH, *labels[1:]), Role.PREDICTION: (BATCH, width)}
    return {n.index: rows[n.role] for n in given if n.role in rows}
