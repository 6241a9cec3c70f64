"""What PyTorch refuses to compute with for its dtype (LL407)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from losslint.facts.dtypes import FLOAT
from losslint.facts.shape import ShapeFacts
from losslint.facts.torch_dtypes import INT64, ORDER, torch_dtypes
from losslint.graph.nodes import Node, nodes_in
from losslint.graph.values import NONE, Value
from losslint.graph.written import operand_text
from losslint.rules.base import Loss, Problem


@dataclass(frozen=True)
class Demand:
    """What an operation asks of the dtype of an input."""

    input: str
    accepts: tuple[str, ...]
    needs: str
    instead: str
    raises: str = "RuntimeError"


CLASSES = Demand("y_true", (INT64, "uint8"), "classes as int64", "{}.long()")
PROBABILITIES = Demand("y_true", (FLOAT,), "a target of floating-point numbers", "{}.float()")
NUMBERS = Demand("x", (FLOAT,), "floating-point numbers", "{}.float()")
NO_BOOLEANS = "numbers, and no booleans"
TRUTH = "booleans"
DEMANDS = {
    "sigmoid_cross_entropy_with_logits": (PROBABILITIES,),
    "binary_crossentropy": (PROBABILITIES,),
    "huber": (PROBABILITIES,),
    "kl_divergence": (PROBABILITIES,),
    "nll_loss": (CLASSES,),
    "one_hot": (Demand("indices", (INT64,), "classes as int64", "{}.long()"),),
    "take_along_axis": (Demand("indices", ("int32", INT64), "indices as int64", "{}.long()"),),
    "item": (Demand("index", ORDER, "integers or booleans", "{}.long(), or {}.bool() where it is a mask", "IndexError"),),
    "where": (Demand("condition", ("bool", "uint8"), TRUTH, "{}.bool()"),),
    "masked_fill": (Demand("mask", ("bool",), TRUTH, "{}.bool()"),),
    **dict.fromkeys(["mean", "std", "var", "norm", "quantile"], (NUMBERS,)),
    **dict.fromkeys(["softmax", "log_softmax", "softplus"], (replace(NUMBERS, raises="NotImplementedError"),)),
    "neg": (Demand("x", (FLOAT, *ORDER[1:]), NO_BOOLEANS, "{}.float()"),),
    "sub": tuple(Demand(side, (FLOAT, *ORDER[1:]), NO_BOOLEANS, "{}.float(), or ~{} for 1 - {}") for side in ("x", "y")),
}  # fmt: skip
CAST = re.compile(r"\.(?:long|int|float|double|bool)\(\)$")  # made superfluous by the one to write instead
OF_BITS = tuple(Demand(side, ORDER, "booleans or integers", "{}.bool()", "an error") for side in ("x", "y"))
OPERATORS = dict.fromkeys(["logical_and", "logical_or", "logical_not"], OF_BITS)  # written &, | and ~


def refused(loss: Loss) -> Iterator[Problem]:
    """Operations on tensors of a dtype that they do not take."""
    dtypes, shapes = torch_dtypes(loss.gradient), ShapeFacts(loss.graph)
    for node in loss.nodes:
        if node.framework not in ("", "torch") or node.context.tried or node.context.guarded:
            continue
        for demand in demands(node, dtypes, shapes):
            for given in nodes_in(node.inputs.get(demand.input, NONE)):
                dtype = dtypes.get(given.index, "")
                if dtype and dtype not in demand.accepts:
                    text = operand_text(node, given)
                    yield Problem(
                        node.source,
                        f"{node.source.text} needs {demand.needs}, and {text} is {dtype}: {demand.raises}",
                        demand.instead.replace("{}", before_dot(CAST.sub("", text))),
                    )


def demands(node: Node, dtypes: dict[int, str], shapes: ShapeFacts) -> tuple[Demand, ...]:
    """What an operation asks of its inputs."""
    if node.op in OPERATORS and node.api is None:
        return tuple(each for each in OPERATORS[node.op] if not is_parameter(node.inputs.get(each.input)))
    if node.op == "cross_entropy":
        return demanded_by_cross_entropy(node, dtypes, shapes)
    smooth = node.op == "huber" and "huber" not in node.name.lower()  # smooth_l1_loss promotes
    return DEMANDS.get(node.op, ()) if not smooth and "dtype" not in node.inputs else ()


def is_parameter(value: Value | None) -> bool:
    """What a loss is given: that a prediction is a floating-point number is assumed, and its bits say otherwise."""
    return isinstance(value, Node) and value.op == "param"


def demanded_by_cross_entropy(node: Node, dtypes: dict[int, str], shapes: ShapeFacts) -> tuple[Demand, ...]:
    """A target of as many axes as the prediction holds probabilities, one of fewer axes classes."""
    target = node.inputs.get("y_true")
    wanted, given = shapes(node.inputs.get("y_pred")), shapes(target)
    if isinstance(target, Node) and target.op == "one_hot":
        return (Demand("y_true", (FLOAT,), "classes, or probabilities as floating-point numbers", "{}.float()"),)
    if wanted is not None and given is not None and len(given) < len(wanted):
        return (CLASSES,)
    return (replace(CLASSES, accepts=(*CLASSES.accepts, FLOAT)),)


def before_dot(code: str) -> str:
    """An expression as what a method is called on: in brackets where it needs them."""
    try:
        whole = ast.parse(code, mode="eval").body
    except SyntaxError:  # shortened
        return code
    bracketed = whole.col_offset > 0
    return code if bracketed or isinstance(whole, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)) else f"({code})"
