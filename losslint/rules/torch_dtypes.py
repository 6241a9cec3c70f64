"""What PyTorch refuses to compute with for its dtype (LL407)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from losslint.facts.array_dtypes import DOUBLE
from losslint.facts.dtypes import FLOAT
from losslint.facts.shape import ShapeFacts, keeps_shape, stacked
from losslint.facts.torch_dtypes import FLOATING, INT64, ORDER, SINGLE, torch_dtypes
from losslint.graph.nodes import Node, may_be_key, nodes_in
from losslint.graph.values import NONE, External, Value
from losslint.graph.written import operand_text, uncast
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
PROBABILITIES = Demand("y_true", FLOATING, "a target of floating-point numbers", "{}.float()")
NUMBERS = Demand("x", FLOATING, "floating-point numbers", "{}.float()")
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
    "mae": (Demand("y_true", (*FLOATING, *ORDER[1:]), NO_BOOLEANS, "{}.float()"),),
    "cdist": (NUMBERS, replace(NUMBERS, input="y")),
    **dict.fromkeys(["mean", "std", "var", "norm", "normalize_vectors", "quantile"], (NUMBERS,)),
    **dict.fromkeys(["softmax", "log_softmax", "softplus"], (replace(NUMBERS, raises="NotImplementedError"),)),
    **dict.fromkeys(["neg", "abs"], (Demand("x", (*FLOATING, *ORDER[1:]), NO_BOOLEANS, "{}.float()"),)),
    "sub": tuple(Demand(side, (*FLOATING, *ORDER[1:]), NO_BOOLEANS, "{}.float(), or ~{} for 1 - {}") for side in ("x", "y")),
}  # fmt: skip
MOVES = ("move", "gather", "detach")
OTHER_WEIGHTS = re.compile(  # ways to give a model weights that are not float32
    r"set_default_(?:dtype|tensor_type)|autocast|\.(?:double|half|bfloat16|type)\(|\.to\([^)]*(?:dtype|float64|double|float16)")
OF_FLOATS = tuple(f"torch.nn.{kind}" for kind in ("Linear", "Conv", "LSTM", "GRU", "RNN", "BatchNorm", "LayerNorm"))
MATRICES = ("matmul", "dot", "matvec")
SCATTERS = ("scatter", "scatter_add", "scatter_reduce", "index_add", "index_copy")
OF_ONE_DTYPE = ("binary_crossentropy", "huber")  # where they go back
OF_BITS = tuple(Demand(side, ORDER, "booleans or integers", "{}.bool()", "an error") for side in ("x", "y"))
OPERATORS = dict.fromkeys(["logical_and", "logical_or", "logical_not"], OF_BITS)  # written &, | and ~


def refused(loss: Loss) -> Iterator[Problem]:
    """Operations on tensors of a dtype that they do not take."""
    default = FLOAT if OTHER_WEIGHTS.search(loss.site.module.text) else SINGLE
    dtypes, shapes = torch_dtypes(loss.gradient, default), ShapeFacts(loss.graph)
    for node in loss.nodes:
        if node.framework not in ("", "torch") or node.context.tried or node.context.guarded:
            continue
        for demand in (*demands(node, dtypes, shapes), *asked_by_partner(node, dtypes)):
            for given in nodes_in(node.inputs.get(demand.input, NONE)):
                dtype = dtypes.get(given.index, "")
                if dtype and dtype not in demand.accepts:
                    text = operand_text(node, given)
                    yield Problem(
                        node.source,
                        f"{node.source.text} needs {demand.needs}, and {text} is {dtype}: {demand.raises}",
                        demand.instead.replace("{}", before_dot(uncast(text))),
                    )


def demands(node: Node, dtypes: dict[int, str], shapes: ShapeFacts) -> tuple[Demand, ...]:
    """What an operation asks of its inputs."""
    if node.op in OPERATORS and node.api is None:
        return tuple(each for each in OPERATORS[node.op] if not is_given(node.inputs.get(each.input)))
    if node.op == "cross_entropy":
        return demanded_by_cross_entropy(node, dtypes, shapes)
    if is_smooth_l1(node) or may_be_key(node) or "dtype" in node.inputs:
        return ()
    return DEMANDS.get(node.op, ())


def is_smooth_l1(node: Node) -> bool:
    """Whether a Huber loss is the one that promotes what it is given."""
    return node.op == "huber" and "huber" not in node.name.lower()


def asked_by_partner(node: Node, dtypes: dict[int, str]) -> Iterator[Demand]:
    """What an operation asks for because of what it is done with: the weights of a layer, the other matrix."""
    model = node.detail.get("object")
    if node.op == "layer" and isinstance(model, External):
        layer = first_layer(model)
        if layer.startswith(OF_FLOATS) and dtypes.get(node.index) == SINGLE:
            yield Demand("arg0", (FLOAT, SINGLE), f"float32, as the weights of {layer.rpartition('.')[2]} are", "{}.float()")
        elif layer == "torch.nn.Embedding":
            yield Demand("arg0", ("int32", INT64), "integers, the rows of nn.Embedding", "{}.long()")
    elif node.op in MATRICES:
        for side, other in (("y", "x"), ("x", "y")):
            if is_float_beside_other(node.inputs.get(other), node.inputs.get(side), dtypes):
                yield Demand(side, (FLOAT, SINGLE), "two matrices of one dtype", "{}.float()")
    elif node.op == "scatter_update" and node.name.rpartition(".")[2].rstrip("_") in SCATTERS:
        if is_float_beside_other(node.inputs.get("x"), node.inputs.get("updates"), dtypes):
            yield Demand("updates", (FLOAT, SINGLE), "what it puts in to be floating-point numbers too", "{}.float()")
    elif node.op in OF_ONE_DTYPE and not is_smooth_l1(node) and is_single(node.inputs.get("y_pred"), dtypes):
        yield Demand("y_true", (FLOAT, SINGLE, *ORDER), "a target of the dtype of the prediction, float32", "{}.float()")


def is_float_beside_other(one: Value | None, other: Value | None, dtypes: dict[int, str]) -> bool:
    """Whether of two tensors one is floating-point, and the other certainly is of another dtype."""
    if not isinstance(one, Node) or not isinstance(other, Node):
        return False
    first, second = dtypes.get(one.index), dtypes.get(other.index)
    return (first in (FLOAT, SINGLE) and second in ORDER) or (first, second) == (SINGLE, DOUBLE)


def is_single(value: Value | None, dtypes: dict[int, str]) -> bool:
    return isinstance(value, Node) and dtypes.get(value.index) == SINGLE


def first_layer(model: External) -> str:
    """The name of the layer that a model's input arrives at, past those that take any number."""
    layers = [layer for layer in stacked(model) if isinstance(layer, External) and not passes_on(layer)]
    first = first_layer(layers[0]) if layers else model.name.removesuffix("()")
    return first if "dtype" not in model.kwargs else ""


def passes_on(layer: External) -> bool:
    return keeps_shape(layer) or layer.name == "torch.nn.Flatten()"


def is_given(value: Value | None) -> bool:
    """Whether a loss is given a value, or part of it: that a prediction is a floating-point number is assumed, and its bits
    say otherwise."""
    return isinstance(value, Node) and (value.op == "param" or (
        (value.op in ("phi", "item") or value.family in MOVES) and any(map(is_given, map(value.inputs.get, ("x", "y"))))))


def demanded_by_cross_entropy(node: Node, dtypes: dict[int, str], shapes: ShapeFacts) -> tuple[Demand, ...]:
    """A target of as many axes as the prediction holds probabilities, one of fewer axes classes."""
    target = node.inputs.get("y_true")
    wanted, given = shapes(node.inputs.get("y_pred")), shapes(target)
    if isinstance(target, Node) and target.op == "one_hot":
        return (Demand("y_true", FLOATING, "classes, or probabilities as floating-point numbers", "{}.float()"),)
    if wanted is not None and given is not None and len(given) < len(wanted):
        return (CLASSES,)
    return (replace(CLASSES, accepts=(*CLASSES.accepts, *FLOATING)),)


def before_dot(code: str) -> str:
    """An expression as what a method is called on: in brackets where it needs them."""
    try:
        whole = ast.parse(code, mode="eval").body
    except SyntaxError:  # shortened
        return code
    bracketed = whole.col_offset > 0
    return code if bracketed or isinstance(whole, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)) else f"({code})"
