"""A softmax over one number, and a loss of classes that is given one (LL406)."""

from __future__ import annotations

from collections.abc import Iterator

from losslint.facts.shape import ShapeFacts, axes_of
from losslint.graph.nodes import Node
from losslint.graph.source import AstSource, Source
from losslint.graph.values import Value
from losslint.project.heads import Head
from losslint.rules.base import Loss, Problem
from losslint.rules.endings import activation_of, is_prediction, shown

BY_NUMBER = ("sparse_categorical_crossentropy", "sparse_softmax_cross_entropy_with_logits", "cross_entropy")
OF_CLASSES = ("categorical_crossentropy", "categorical_focal_crossentropy", "softmax_cross_entropy_with_logits", *BY_NUMBER)
FOR_TWO = {
    "tensorflow": "a sigmoid and binary_crossentropy",
    "torch": "binary_cross_entropy_with_logits (BCEWithLogitsLoss)",
    "jax": "optax.sigmoid_binary_cross_entropy",
}


def of_one_class(loss: Loss) -> Iterator[Problem]:
    """What has no choice: one number that is a share of itself."""
    shapes = ShapeFacts(loss.graph)
    for node in loss.nodes:
        given = node.inputs.get("y_pred") if node.family == "loss" and node.index in loss.relevant else None
        if isinstance(given, Node) and (shapes(given) or ())[-1:] == (1,):
            if is_softmax(given, shapes):
                yield always_one(loss, given.source, given.source.text)
            elif node.op in OF_CLASSES and given.op == "layer":
                yield no_choice(loss, node.op, node.source, given.source)
    head = head_of_one(loss)
    if head is None:
        return
    layer = AstSource(head.module, head.at)
    if head.activation == "softmax":
        yield always_one(loss, layer, shown(head))
    else:
        for node in loss.nodes:
            if node.op in OF_CLASSES and is_prediction(node.inputs.get("y_pred")):
                at = AstSource(loss.site.module, loss.site.node) if loss.site.kind == "builtin" else node.source
                yield no_choice(loss, node.op, at, layer)


def head_of_one(loss: Loss) -> Head | None:
    """The last layer of one of the models that are compiled with a loss, where it gives one number."""
    return next((head for head in loss.site.heads if head.units == 1), None)


def is_softmax(value: Node, shapes: ShapeFacts) -> bool:
    """Whether a value is a softmax along its last axis."""
    if value.op == "layer":
        return activation_of(value.detail.get("object")) == "softmax"
    shape, axis = shapes(value.inputs.get("x")), value.inputs.get("axis")
    return value.op == "softmax" and shape is not None and (axis is None or is_last(axis, len(shape)))


def is_last(axis: Value, rank: int) -> bool:
    return axes_of(axis, rank) == {rank - 1}


def always_one(loss: Loss, layer: Source | AstSource, text: str) -> Problem:
    """A softmax over one number."""
    return Problem(
        layer,
        f"{text} is a softmax over one number, which is 1 whatever that is: the model predicts 1 for every input",
        f"for two classes use {FOR_TWO[loss.site.framework]}; a softmax needs an output for each class, and a number that "
        "is to be predicted no activation",
    )


def no_choice(loss: Loss, op: str, at: Source | AstSource, layer: Source | AstSource) -> Problem:
    """A loss of classes that is given a number for one."""
    what = "is 0, or fails for labels other than 0" if op in BY_NUMBER else "cannot tell right from wrong"
    return Problem(
        at,
        f"{at.text} compares the shares of classes, but {layer.text} gives one number, whose share is always 1: the loss "
        f"{what}",
        f"for two classes use {FOR_TWO[loss.site.framework]}, else an output for each class",
        related=(layer,),
    )
