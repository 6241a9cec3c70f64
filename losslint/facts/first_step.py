"""What is exactly 0 in the first step of training: what a layer gives whose weights start at 0, a variable made of zeros.

Nothing is said of a file that fills weights from somewhere else, by ``load_weights`` or ``assign``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from losslint.facts.constants import plain_number
from losslint.facts.sorts import NETWORK_OPS
from losslint.graph.keras_models import argument, is_sequential, layers_of
from losslint.graph.nodes import Graph, Node, carrier
from losslint.graph.source import Source
from losslint.graph.values import Const, External, Seq, Value
from losslint.ops.moves import SAME_NUMBERS
from losslint.project.zero_start import BIASES, KEEPS_ZERO, KERNELS, is_zeros, refills

LINEAR = ("Linear", "Conv1d", "Conv2d", "Conv3d")  # of PyTorch
ACTIVATIONS = ("ReLU", "LeakyReLU", "Tanh", "ELU", "GELU", "SiLU")  # layers of their own, which give 0 for 0
MOVES = ("Flatten", "Reshape", "Permute", "Dropout", "Identity", "Unflatten")
SUMS = (*SAME_NUMBERS, "item", "sum", "mean", "neg", "transpose")  # linear in what they are given
PRODUCTS = (*NETWORK_OPS, "mul")
MAX_STEPS = 6


def zero_starts(graph: Graph, trained: Collection[int]) -> dict[int, Source]:
    """The nodes that are 0 in the first step -> the code that makes them so: trained ones, and what is linear in them."""
    found: dict[int, Source] = {}
    for node in graph.nodes:
        known = node.index in trained or node.op == "gradient"
        start = _start(graph, node) if known else _product(node, found)
        if start is not None and not refills(start.module):
            found[node.index] = start
    return found


def _product(node: Node, zeros: Mapping[int, Source]) -> Source | None:
    """What makes a product 0 or, as all that it is made of is 0, a sum."""
    starts = [zeros.get(operand.index) for _, operand in node.operands()] if zeros else []
    if node.op in PRODUCTS or (node.op in SUMS and len(starts) == 1):
        return next(filter(None, starts), None)
    return starts[0] if node.op in ("add", "sub") and len(starts) == 2 and all(starts) else None


def _start(graph: Graph, node: Node) -> Source | None:
    if node.op == "layer":
        return _output(graph, node.detail.get("object"), MAX_STEPS)
    if node.op == "gradient":
        return _slope(graph, node)
    trains = node.inputs.get("trainable")
    if not _is_made_of_zeros(node) or (isinstance(trains, Const) and not trains.value):
        return None
    return node.source if not _filled(graph, node) else None


def _is_made_of_zeros(variable: Node) -> bool:
    """Whether a node is a variable whose value starts at 0; ``add_weight`` of a layer makes one as well."""
    function, initializer = variable.inputs.get("function"), variable.inputs.get("initializer")
    if isinstance(function, Node) and function.name == "add_weight":
        return initializer is not None and _fills_with_zeros(initializer)
    made = variable.inputs.get("initial_value", variable.inputs.get("x")) if variable.family == "variable" else None
    return plain_number(made) == 0.0 or (isinstance(made, Node) and made.op in ("zeros", "zeros_like"))


def _output(graph: Graph, model: Value | None, steps: int) -> Source | None:
    """What makes all that a model gives 0."""
    if not isinstance(model, External) or not steps:
        return None
    kind = _kind(model)
    if is_sequential(model):
        layers = layers_of(model) if "keras" in model.name else Seq([*model.args])
        return _last(graph, layers.items, steps) if layers is not None else None
    if kind in ("Model", "Functional"):
        outputs = argument(model, 1, "outputs")
        return _start(graph, outputs) if isinstance(outputs, Node) and outputs.op == "layer" else None
    if not _keeps_zero(model):
        return None
    start = _kernel(graph, model)
    return start if start is not None and _has_no_bias(graph, model) else None


def _last(graph: Graph, layers: list[Value], steps: int) -> Source | None:
    """The output of layers one after the other."""
    for layer in reversed(layers):
        if not isinstance(layer, External):
            return None
        kind = _kind(layer)
        if kind not in (*MOVES, *ACTIVATIONS) and not (kind == "Activation" and _keeps_zero(layer)):
            return _output(graph, layer, steps - 1)
    return None


def _slope(graph: Graph, gradient: Node) -> Source | None:
    """What makes the gradient of a model's output to its input 0: a last kernel of zeros, whatever follows it."""
    x, sources = gradient.inputs.get("x"), gradient.inputs.get("sources")
    while isinstance(x, Node) and x.op in SUMS:
        x = carrier(x)
    if not isinstance(x, Node) or x.op != "layer" or not isinstance(sources, Node) or (
            sources.op == "weight" or sources.family == "variable"):
        return None
    layer = x.detail.get("object")
    while isinstance(layer, External) and is_sequential(layer):
        layers = layers_of(layer) if "keras" in layer.name else Seq([*layer.args])
        layer = layers.items[-1] if layers is not None and layers.items else None
    return _kernel(graph, layer) if isinstance(layer, External) else None


def _kernel(graph: Graph, layer: External) -> Source | None:
    """What makes the kernel of a layer 0."""
    given = [layer.kwargs[name] for name in KERNELS if name in layer.kwargs]
    if given:
        return layer.made if all(map(_fills_with_zeros, given)) else None
    return _filled_with_zeros(graph, layer, "weight") if _kind(layer) in LINEAR else None


def _has_no_bias(graph: Graph, layer: External) -> bool:
    if _kind(layer) not in LINEAR:
        return all(_fills_with_zeros(layer.kwargs[name]) for name in BIASES if name in layer.kwargs)
    has = layer.kwargs.get("bias", layer.args[2] if _kind(layer) == "Linear" and len(layer.args) > 2 else None)
    without = isinstance(has, Const) and not has.value
    return without or _filled_with_zeros(graph, layer, "bias") is not None


def _kind(made: External) -> str:
    return made.name.removesuffix("()").rpartition(".")[2]


def _keeps_zero(layer: External) -> bool:
    given = layer.kwargs.get("activation")
    if given is None and _kind(layer) in ("Dense", "Activation"):
        given = argument(layer, _kind(layer) == "Dense", "activation")
    name = given.value if isinstance(given, Const) else _kind(given) if isinstance(given, External) else ""
    return given is None or name is None or name in KEEPS_ZERO


def _fills_with_zeros(initializer: Value) -> bool:
    match initializer:
        case Const(value=str(name)):
            return is_zeros(name)
        case External():
            return is_zeros(_kind(initializer), plain_number(argument(initializer, 0, "value")))
    return False


def _filled_with_zeros(graph: Graph, layer: External, name: str) -> Source | None:
    """The last code that fills a weight of a layer, if it does so with zeros."""
    weights = [n for n in graph.nodes if n.op == "weight" and n.detail.get("layer") is layer and n.name == name]
    filled = [assign for weight in weights for assign in _filled(graph, weight)]
    last = max(filled, key=lambda node: node.index, default=None)
    if last is None or (isinstance(ref := last.inputs["ref"], Node) and ref.op == "item"):
        return None  # a part of it
    number = plain_number(last.inputs.get("x", last.inputs.get("arg1")))
    zero = last.name.endswith(("zeros_", "zero_")) or (last.name.endswith(("constant_", "fill_")) and number == 0.0)
    return last.source if zero else None


def _filled(graph: Graph, weight: Node) -> list[Node]:
    """What is filled in place: the weight as it is, or its data."""
    found = []
    for node in graph.nodes:
        ref = node.inputs.get("ref") if node.op == "assign" else None
        while isinstance(ref, Node) and ref.op in ("stop_gradient", "item"):
            ref = carrier(ref)
        if ref is weight:
            found.append(node)
    return found
