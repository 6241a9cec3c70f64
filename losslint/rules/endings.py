"""What a value that a loss computes with ends in: the activation of a model, an operation, or the prediction as it is."""

from __future__ import annotations

import ast
import re

from losslint.facts.shape import stacked
from losslint.graph.keras_models import argument
from losslint.graph.nodes import Kind, Node
from losslint.graph.source import AstSource
from losslint.graph.values import Const, External, Value
from losslint.ops.moves import SAME_NUMBERS
from losslint.ops.table import lookup
from losslint.project.heads import Head
from losslint.project.index import argument as argument_of
from losslint.rules.base import Loss

SQUASHING = ("sigmoid", "softmax")
LOGARITHMS = ("log_softmax", "log_sigmoid", "log")
EXPONENTIATED = {"log_softmax": "softmax", "log_sigmoid": "sigmoid"}
KEEPS_SCALE = (*SAME_NUMBERS, "clip")  # what was a logit still is one
TAKES_ACTIVATION = {"keras.layers.Dense()": 1, "keras.layers.Activation()": 0}
KERAS_LAYERS = tuple(f"keras.layers.{kind}" for kind in SQUASHING)
RECEIVED = re.compile(r"keras\.(models\.)?(Model|Functional)\(\)$")  # made of inputs and outputs
CHANGED = re.compile(r"(?<!self)\.activation *=(?!=)")  # of a layer, after the model was built
LINEAR = re.compile(r"torch\.nn\.(Linear|Bilinear|Conv\d?d)\(\)$")


def ending(loss: Loss, value: Value | None, depth: int = 5) -> tuple[Node, str] | None:
    """The operation or layer that a value is the output of, and the activation that it is or ends in: ``linear`` for none.
    None where that is not known."""
    if not isinstance(value, Node) or not depth:
        return None
    if value.op in (*SQUASHING, *LOGARITHMS):
        return value, value.op
    if value.op == "exp" and (before := ending(loss, value.inputs.get("x"), depth - 1)) is not None and (
            before[1] in EXPONENTIATED):
        return value, EXPONENTIATED[before[1]]
    if value.op == "layer":
        head = head_called(loss, value)
        model = None if CHANGED.search(value.source.module.text) else value.detail.get("object")
        activation = head.activation if head is not None else activation_of(model)
        return (value, activation) if activation else None
    return ending(loss, value.inputs.get("x"), depth - 1) if value.op in KEEPS_SCALE else None


def mixture(value: Value | None, depth: int = 8) -> tuple[Node, float] | None:
    """The sigmoid or softmax that a value is a mixture of, by means, maxima and sums, and the sum of its weights."""
    if not isinstance(value, Node) or not depth:
        return None
    if value.op in SQUASHING:
        return value, 1.0
    found, other = (mixture(value.inputs.get(name), depth - 1) for name in ("x", "y"))
    match value.op, value.inputs.get("x"), value.inputs.get("y"):
        case "add", _, _ if found is not None and other is not None:
            return found[0], found[1] + other[1]
        case "mul", Const(value=float() | int() as weight), _ if other is not None and weight > 0.0:
            return other[0], other[1] * weight
        case ("mul" | "div") as op, _, Const(value=float() | int() as weight) if found is not None and weight > 0.0:
            return found[0], found[1] * weight if op == "mul" else found[1] / weight
    return found if value.op in (*KEEPS_SCALE, "mean", "max", "min") else None


def shown(head: Head) -> str:
    """A last layer as written, with the activation that it has where that stands elsewhere: ``Dense(n, activation=act)``."""
    given = argument_of(head.at, 1, "activation") if isinstance(head.at, ast.Call) else None
    text = AstSource(head.module, head.at).text
    return f"{text} ({given.id} is {head.activation} here)" if isinstance(given, ast.Name) else text


def head_called(loss: Loss, value: Node) -> Head | None:
    """The head of a model that the loss calls, where it is handed that."""
    model = value.inputs.get("function") if value.op == "layer" else None
    return loss.site.given.get(model.name) if isinstance(model, Node) and model.op == "param" else None


def unscaled(value: Value | None, depth: int = 6) -> Value | None:
    """A value before it was scaled by a number, cast or detached."""
    while isinstance(value, Node) and depth and value.op in (*KEEPS_SCALE, "div", "mul", "stop_gradient"):
        factor = value.inputs.get("y")
        weighed = isinstance(factor, Node) and factor.kind is Kind.TENSOR
        value, depth = None if weighed else value.inputs.get("x"), depth - 1
    return value


def activation_of(model: Value | None) -> str:
    """The activation that a model or layer ends in; "" where it is not known."""
    if not isinstance(model, External):
        return ""
    if RECEIVED.search(model.name):
        last = argument(model, 1, "outputs")
        return squashed_by(last) if isinstance(last, Node) else ""
    layers = stacked(model)
    if layers:
        return activation_of(layers[-1])
    position = next((at for kind, at in TAKES_ACTIVATION.items() if model.name.endswith(kind)), None)
    given = argument(model, position, "activation") if position is not None else model.kwargs.get("activation")
    if (named := name_of(given)) in SQUASHING:
        return named
    if (own := name_of(model)) in (*SQUASHING, *LOGARITHMS):
        return own
    if (kind := model.name.removeprefix("tensorflow.").removesuffix("()").lower()) in KERAS_LAYERS:
        return kind.rpartition(".")[2]
    return "linear" if LINEAR.search(model.name) else ""


def squashed_by(output: Node) -> str:
    """The activation of the layer, or the operation, that an output of a Functional model comes from."""
    if output.op in (*SQUASHING, *LOGARITHMS):
        return output.op
    if output.op == "layer":
        return activation_of(output.detail.get("object"))
    before = output.inputs.get("x") if output.op in KEEPS_SCALE else None
    return squashed_by(before) if isinstance(before, Node) else ""


def name_of(activation: Value | None) -> str:
    """The operation that an activation is, given by its name, as a function or as a layer."""
    if isinstance(activation, Const):
        return str(activation.value)
    api = lookup(activation.name) if isinstance(activation, External) else None
    return api.operation.name if api is not None else ""


def is_prediction(value: Value | None, depth: int = 5) -> bool:
    """Whether a value is the prediction as it comes in."""
    if not isinstance(value, Node) or not depth:
        return False
    return value.op == "param" or (value.op in KEEPS_SCALE and is_prediction(value.inputs.get("x"), depth - 1))
