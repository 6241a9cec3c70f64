"""The last layers of a TensorFlow 1 graph: what they compute is an argument of the cost, as their first weights say little
about what trained ones bring about."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from losslint.confirmation.demands import LOGIT_LOSSES, SQUASHES
from losslint.confirmation.program import TensorSpec
from losslint.confirmation.scopes import free_names
from losslint.facts.sorts import is_network
from losslint.graph.nodes import Node
from losslint.graph.source import Source
from losslint.project.module import bound_names
from losslint.rules.base import Loss

MOST_LAYERS = 3

Span = tuple[int, int, int | None, int | None]


@dataclass(frozen=True)
class Layer:
    """A product with weights: where the file says it, the name of the argument that stands for it, and what takes it."""

    text: str
    span: Span
    name: str
    users: frozenset[str]  # operations


def last_layers(loss: Loss) -> list[Layer]:
    """The products with weights that a cost ends in; nothing where there are many, or where they are not at its top."""
    networks = [node for node in loss.nodes if is_network(node)]
    inner = {below for node in networks for below in below_of(node)}
    last = [node for node in networks if node.index not in inner]
    sources = {node.index: outermost(node, loss) for node in last}
    if not 0 < len({span_of(source) for source in sources.values()}) == len(last) <= MOST_LAYERS:
        return []
    free = [name for name in ("logits", "other_logits", "third_logits", "outputs", "others", "thirds")
            if name not in loss.site.module.bindings]
    return [
        Layer(source.text, span_of(source), name, frozenset(user.op for user in loss.users(node)))
        for node, source, name in zip(last, sources.values(), free, strict=False)
    ]  # fmt: skip


def outermost(node: Node, loss: Loss) -> Source:
    """The expression of a node, or the call of the helper that returns it as it is."""
    source = node.source
    users = [user.source for user in loss.users(node)]
    while source.via is not None and all(source.via not in calls_to(user) for user in users):
        source = source.via
    return source


def calls_to(source: Source) -> list[Source]:
    """The calls that led to some code."""
    return list(source.route)[1:]


def span_of(source: Source) -> Span:
    start, end = source.span
    return (start.row, start.column - 1, end.row, end.column - 1)


def below_of(node: Node) -> set[int]:
    """What a node is computed from."""
    found: set[int] = set()
    stack = [operand for _, operand in node.operands()]
    while stack:
        current = stack.pop()
        if current.index not in found:
            found.add(current.index)
            stack += [operand for _, operand in current.operands()]
    return found


# -- in the code


class _Named(ast.NodeTransformer):
    """Code with names in place of some expressions of the file."""

    def __init__(self, names: dict[Span, str]) -> None:
        self.names = names

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr):
            name = self.names.get((node.lineno, node.col_offset, node.end_lineno, node.end_col_offset))
            if name is not None:
                return ast.copy_location(ast.Name(name, ast.Load()), node)
        return self.generic_visit(node)


def with_arguments_for(layers: Sequence[Layer], statement: ast.stmt) -> ast.stmt:
    """A statement with a name for each layer."""
    named: ast.stmt = _Named({layer.span: layer.name for layer in layers}).visit(statement)
    return named


def live(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements that the last one needs."""
    found: list[ast.stmt] = []
    needed: set[str] = set()
    for statement in reversed(statements):
        if not found or needed & set(bound_names(statement)):
            found.insert(0, statement)
            needed |= free_names(statement)
    return found


# -- what they give


def outputs_of(layers: Sequence[Layer], others: Sequence[TensorSpec]) -> dict[str, TensorSpec]:
    """The outputs of layers, as wide as the label beside them, and what that label holds."""
    label = next((spec for spec in others if spec.values == "real"), None)
    shape = label.shape if label is not None else (8, 2)
    squashed = [layer for layer in layers if not layer.users.isdisjoint((*SQUASHES, *LOGIT_LOSSES))]
    found = {
        layer.name: TensorSpec(layer.name, shape, values="logits" if layer in squashed else "real", role="prediction")
        for layer in layers
    }
    if label is not None and squashed:
        shares = shape[-1:] > (1,) and any("softmax" in op for op in squashed[0].users)
        found[label.name] = replace(label, values="onehot" if shares else "binary", role="label")
    return found
