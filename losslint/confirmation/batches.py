"""The batch that a ``training_step`` is handed: what its model takes, and labels that fit what it returns."""

from __future__ import annotations

from losslint.confirmation.cut import CannotCut
from losslint.confirmation.program import TensorSpec
from losslint.confirmation.shapes import BATCH, Shape, input_shape, last_width
from losslint.confirmation.specs import Inputs, contents
from losslint.facts.gradient import is_part_of_a_batch
from losslint.graph.values import Const
from losslint.project.index import Function, parameters
from losslint.rules.base import Loss

BY_CLASS = ("cross_entropy", "nll_loss", "sparse_softmax_cross_entropy_with_logits", "one_hot")
UNKNOWN_WIDTH = 3


def batch_of(loss: Loss, function: Function) -> Inputs:
    """The inputs of a training step whose batch is taken apart by position or key; numbers for the labels come as one column
    for each output, one number a sample, or one column.

    Raises:
        CannotCut: the batch is not taken apart, or the width of what the model takes is not seen.
    """
    home = loss.site.class_node
    names = [a.arg for a in parameters(function)][1:]
    keys = contents(loss.site, names[0]) if names else ()
    width = input_shape(home, loss.site.module) if home is not None else None
    if home is None or not keys or width is None:
        raise CannotCut("what its batch holds is not to be seen")
    taken, labels = _uses(loss, names[0])
    outputs = last_width(home, loss.site.module) or UNKNOWN_WIDTH
    shapes: tuple[Shape, ...] = ((BATCH, outputs), (BATCH,), (BATCH, 1))
    ladder = []
    for shape in shapes:
        given: list[TensorSpec] = []
        for key in keys:
            name = f"{names[0]}_{key}"
            if key in taken:
                given.append(TensorSpec(name, (BATCH, *width), role="tensor"))
            elif key in labels:
                given.append(TensorSpec(name, (BATCH,), "int64", "class", "label", classes=outputs))
            else:
                given.append(TensorSpec(name, shape, role="label"))
        ladder.append(tuple(given))
    return Inputs(tuple(dict.fromkeys(ladder)), ("the batch is made up, as wide as the layers of the model",),
                  {names[0]: [(key,) for key in keys]})


def _uses(loss: Loss, batch: str) -> tuple[set[object], set[object]]:
    """The parts of a batch that a model is called with, and those that number classes."""
    parts: dict[int, object] = {}
    taken, labels = set[object](), set[object]()
    for node in loss.nodes:
        index = node.inputs.get("index")
        if node.op == "item" and node.inputs.get("x") is loss.graph.params.get(batch) and isinstance(index, Const):
            parts[node.index] = index.value
            continue
        for name, operand in node.operands():
            part = parts.get(operand.index)
            if part is None:
                continue
            if is_part_of_a_batch(node):
                parts[node.index] = part
            elif node.op == "layer":
                taken.add(part)
            elif node.op in BY_CLASS and name != "y_pred":
                labels.add(part)
    return taken, labels
