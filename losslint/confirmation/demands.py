"""What the code of a loss asks of its arguments: how many axes and columns, which numbers."""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from losslint.confirmation.arguments import CLASSES
from losslint.confirmation.axes import by_axis, keeps_shape, measured, number, numbers
from losslint.confirmation.parts import Part, parts_met
from losslint.facts.constants import plain_number
from losslint.graph.nodes import Graph, Node
from losslint.graph.values import Const, Seq, Value
from losslint.ops.moves import MAKES_TENSOR, RESHAPES
from losslint.project import names
from losslint.project.index import argument, last_name
from losslint.project.roles import Role, is_literal
from losslint.project.sites import Site

SQUASHES = ("sigmoid", "softmax", "log_softmax", "log_sigmoid", "softplus", "sparsemax")
LOGIT_LOSSES = ("sigmoid_cross_entropy_with_logits", "weighted_cross_entropy_with_logits",
                "softmax_cross_entropy_with_logits", "sparse_softmax_cross_entropy_with_logits")
SPARSE = ("sparse_categorical_crossentropy", "sparse_softmax_cross_entropy_with_logits", "nll_loss")
LOGS = ("log", "log1p", "log2", "log10", "xlogy", "xlog1py", "logit", "entr")
IMAGE_FAMILY = ("ssim", "ssim_multiscale", "psnr", "image_gradients", "total_variation", "sobel_edges", "resize",
                "rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb", "rgb_to_yuv", "conv", "max_pool", "avg_pool",
                "extract_patches", "gaussian_blur", "adjust_hue", "adjust_contrast", "adjust_saturation", "resize_area")
MOVES = ("cast", "clip", *RESHAPES, "transpose", "item", "boolean_mask")
ALIKE = (*MOVES, "identity", "to_float", "to_int", "to_bool", "convert_to_tensor", "stop_gradient", "maximum", "minimum",
         "add", "sub", "ensure_shape")
MIRRORED = {"equal": "equal", "not_equal": "not_equal", "greater": "less", "greater_equal": "less_equal",
            "less": "greater", "less_equal": "greater_equal"}
REDUCES = ("reduce", "index")
DIVISORS = names.words("normalizer normaliser denominator scale temperature temp tau")  # nobody passes a 0 for them
CLASSIFIES = names.words(
    "dice iou jaccard tversky focal crossentropy entropy bce cce ce f1 fbeta lovasz auc precision recall")


@dataclass
class Demand:
    """What the code asks of one argument."""

    rank: int = 0  # at least
    exactly: int | None = None
    sizes: dict[int, int] = field(default_factory=dict)  # axis (negative: from the end) -> at least
    fixed: dict[int, int] = field(default_factory=dict)  # axis -> exactly
    row: int = 0  # numbers in one row, where rows are reshaped
    values: str = ""
    classes: int = 0
    labels: bool = False  # used as class numbers or positions
    index: bool = False  # picks from another argument, as a class number or a mask does
    wide: bool = False  # compared with positions that the framework found, which have 64 bits
    counts: bool = False  # its numbers are made whole ones of Python
    groups: bool = False  # compared with each other: which rows belong together
    factor_of: str = ""  # the argument that it is multiplied with, from the right
    rows: int = 0  # it has, as what it is multiplied with is made up with so many columns
    rest_of: dict[int, str] = field(default_factory=dict)  # axis -> the argument that only its first part is as long as
    beside: Part | None = None  # the part of another argument that it is computed with
    image: bool = False
    missing: bool = False  # tested for NaN
    guessed: bool = False  # its values are, from a logarithm
    marks: set[float] = field(default_factory=set)  # numbers that a comparison singles out, such as an ignored label


def demands_of(graph: Graph, order: list[str]) -> dict[str, Demand]:
    """What the operations of a graph ask of the arguments."""
    demands = {name: Demand() for name in order}
    same_shape: dict[int, frozenset[str]] = {}
    same_values: dict[int, frozenset[str]] = {}
    for node in graph.nodes:
        if node.op == "param":
            if node.name in demands:
                same_shape[node.index] = same_values[node.index] = frozenset({node.name})
            continue
        operands = dict(node.operands())
        if keeps_shape(node):
            shapes = frozenset(n for o in operands.values() for n in same_shape.get(o.index, ()))
            if shapes:
                same_shape[node.index] = shapes
        if node.op in ("phi", "where"):  # one of several; what holds no argument is a filler
            either = [same_values.get(o.index, frozenset()) for name, o in operands.items() if name != "condition"]
            either = [names for names in either if names or node.op == "phi"]
            same_values[node.index] = frozenset.intersection(*either) if either else frozenset()
        elif (source := _keeps_values(node, operands)) is not None and source.index in same_values:
            same_values[node.index] = same_values[source.index]
        for given, operand in operands.items():
            for name in same_shape.get(operand.index, ()):
                _ask_shape(demands[name], node, given)
                for axis, other in _split_at(node, same_shape).items():
                    if other != name:
                        demands[name].rest_of[axis] = other
            for name in same_values.get(operand.index, ()):
                _ask_values(demands[name], node, given)
        if _is_product(node):
            left, right = (same_shape.get(operands[side].index, ()) if side in operands else () for side in ("x", "y"))
            for name, other in zip(right, left, strict=False):
                demands[name].factor_of = other if other != name else ""
            if "x" in operands and operands["x"].op == "param" and not left:
                for name in right:
                    demands[name].rows = CLASSES
        if node.op in ("python.int", "python.float"):
            _ask_number(demands, node, same_shape)
        if node.op in ("equal", "not_equal") and len(operands) == 2:
            _ask_positions(demands, operands.values(), same_values)
            for name in frozenset.intersection(*(same_values.get(o.index, frozenset()) for o in operands.values())):
                demands[name].groups = True
    met = parts_met(graph, same_shape)
    for name, part in met.beside.items():
        demands[name].beside = part
    for (name, axis), size in met.wide.items():
        demands[name].fixed.setdefault(axis, size)
    for condition, truth in graph.required:
        if (condition.op, truth) in (("equal", True), ("not_equal", False)):
            _ask_size(demands, condition, same_shape)
    return demands


def _ask_size(demands: dict[str, Demand], condition: Node, same_shape: Mapping[int, frozenset[str]]) -> None:
    """``if y_pred.shape[-1] != 4: raise ValueError``"""
    for side, other in (("x", "y"), ("y", "x")):
        length, size = condition.inputs.get(side), number(condition.inputs.get(other))
        whole = measured(length) if isinstance(length, Node) else None
        axis = length.detail.get("axis") if isinstance(length, Node) else None
        if whole is not None and isinstance(axis, int) and isinstance(size, int) and axis != 0:
            for name in same_shape.get(whole.index, ()):
                demands[name].fixed[axis] = size
                demands[name].rank = max(demands[name].rank, axis + 1 if axis > 0 else -axis)


def _ask_number(demands: dict[str, Demand], node: Node, same_shape: Mapping[int, frozenset[str]]) -> None:
    """``int(t) for t in y_true``: one number for each sample, which of two classes it is in where it is a whole one."""
    item = node.inputs.get("x")
    index = item.inputs.get("index") if isinstance(item, Node) and item.op == "item" else None
    whole = item.inputs.get("x") if isinstance(item, Node) else None
    is_one = isinstance(number(index), int) or (isinstance(index, Node) and index.op == "python.object")
    if isinstance(whole, Node) and is_one:
        for name in same_shape.get(whole.index, ()):
            demands[name].exactly = 1
            demands[name].counts |= node.op == "python.int"


def _ask_positions(demands: dict[str, Demand], operands: Collection[Node], same: Mapping[int, frozenset[str]]) -> None:
    """``tf.argmax(p, -1) == y`` compares numbers of classes."""
    if any(operand.op in ("argmax", "argmin") for operand in operands):
        for name in frozenset[str]().union(*(same.get(operand.index, ()) for operand in operands)):
            demands[name].labels = demands[name].wide = True


def _is_product(node: Node) -> bool:
    """``x @ w``, neither transposed."""
    return node.op in ("matmul", "dot") and node.inputs.keys() == {"x", "y"}


def is_factor(graph: Graph, name: str) -> bool:
    """Whether an argument is multiplied with a matrix as it is: weights in one array, whatever they are called."""
    weights = graph.params.get(name)
    return weights is not None and any(_is_product(node) and weights in node.inputs.values() for node in graph.nodes)


def asks_probabilities(graph: Graph) -> bool:
    """Whether the logarithm of what a model gives is taken: then it gives probabilities."""
    given: set[int] = set()
    for node in graph.nodes:
        operands = dict(node.operands())
        source = _keeps_values(node, operands)
        if node.op == "layer" or (source is not None and source.index in given):
            given.add(node.index)
        elif node.op in LOGS and any(operand.index in given for operand in operands.values()):
            return True
    return False


def _split_at(node: Node, same_shape: Mapping[int, frozenset[str]]) -> dict[int, str]:
    """Axis -> argument, of an index such as ``p[..., n:]`` with ``n = tf.shape(y)[-1]``: what comes after the first n."""
    found: dict[int, str] = {}
    for axis, part in by_axis(node.inputs.get("index")) if node.op == "item" else ():
        start = part.items[0] if isinstance(part, Seq) and part.kind == "slice" else None
        if isinstance(start, Node) and (whole := measured(start)) is not None:
            for name in same_shape.get(whole.index, ()):
                found[axis] = name
    return found


def _keeps_values(node: Node, operands: dict[str, Node]) -> Node | None:
    """The operand whose range the result shares, more or less."""
    if node.op in ALIKE and len(operands) == 1:
        return next(iter(operands.values()))
    return operands.get("x") if node.op in MOVES else None


def _ask_shape(demand: Demand, node: Node, operand: str) -> None:
    if node.op == "item" and operand == "x":
        _ask_index(demand, node.inputs.get("index"))
    elif node.family in REDUCES or node.op in ("softmax", "log_softmax", "l2_normalize", "concat", "cumsum", "sort"):
        for axis in numbers(node.inputs.get("axis")) or []:
            demand.rank = max(demand.rank, axis + 1 if axis >= 0 else -axis)
    elif node.op == "unstack" and operand == "x":
        _ask_unstacked(demand, node)
    elif node.op == "split" and operand == "x":
        _ask_split(demand, node)
    elif node.op == "transpose":
        demand.rank = max(demand.rank, 2)
        if (perm := numbers(node.inputs.get("perm") or node.inputs.get("axes"))) and len(perm) > 1:
            demand.exactly = len(perm)
    elif node.op == "reshape" and operand == "x":
        shape = numbers(node.inputs.get("shape")) or []
        if len(shape) > 2 and shape[0] == -1 and min(shape[1:]) > 0:
            demand.row = math.prod(shape[1:])
        elif len(shape) > 1 and shape[-1] > 1:
            demand.fixed.setdefault(-1, shape[-1])
    elif node.op in ("top_k", "kthvalue") and operand == "x":
        (k,), (axis,) = numbers(node.inputs.get("k")) or [1], numbers(node.inputs.get("axis")) or [-1]
        demand.rank = max(demand.rank, axis + 1 if axis >= 0 else -axis)
        demand.sizes[axis] = max(demand.sizes.get(axis, 0), k)
    elif node.op == "matmul":
        demand.rank = max(demand.rank, 2)
    elif node.op in ("mul", "div", "add", "sub") and (width := listed(node.inputs.get("y" if operand == "x" else "x"))):
        demand.fixed.setdefault(-1, width)
    elif node.op in ("categorical_crossentropy", *SPARSE, "softmax_cross_entropy_with_logits") and operand == "y_pred":
        demand.rank = max(demand.rank, 2)
        demand.sizes[-1] = max(demand.sizes.get(-1, 0), 2)
    elif node.op == "static_dim" and isinstance(read := node.detail.get("axis"), int):
        demand.rank = max(demand.rank, read + 1 if read >= 0 else -read)


def listed(value: Value | None) -> int:
    """How many numbers a constant list holds, where it is more than one: class weights, quantiles."""
    while isinstance(value, Node) and value.op in MAKES_TENSOR:
        value = next((value.inputs[name] for name in ("value", "x") if name in value.inputs), None)
    numbers = isinstance(value, Seq) and value.kind in ("list", "tuple") and all(
        isinstance(number(item), (int, float)) for item in value.items)
    return len(value.items) if numbers and isinstance(value, Seq) and len(value.items) > 1 else 0


def _ask_unstacked(demand: Demand, node: Node) -> None:
    """``a, b, c = tf.unstack(t, axis=-1)``: as many parts as there are names."""
    for statement in node.source.module.nodes:
        match statement:
            case ast.Assign(targets=[ast.Tuple(elts=elements)], value=ast.Call() as call) if (
                    statement.lineno == node.source.row and last_name(call.func) == "unstack"):
                given = argument(call, 2 if "ops" not in ast.unparse(call.func) else 1, "axis")
                axis = ast.literal_eval(given) if given is not None and is_literal(given) else 0
                if isinstance(axis, int) and axis != 0:
                    demand.rank = max(demand.rank, axis + 1 if axis > 0 else -axis)
                    demand.fixed[axis] = len(elements)
                return


def _ask_split(demand: Demand, node: Node) -> None:
    axis = (numbers(node.inputs.get("axis")) or [0])[0]
    parts = node.inputs.get("sections")
    sizes = numbers(parts)
    if axis == 0 or sizes is None:
        return
    demand.rank = max(demand.rank, axis + 1 if axis > 0 else -axis)
    if isinstance(parts, Const):
        demand.fixed[axis] = 2 * sizes[0]
    elif all(size > 0 for size in sizes):
        demand.fixed[axis] = sum(sizes)


def _ask_index(demand: Demand, index: Value | None) -> None:
    """``t[:, 3]`` asks for rank 2 and four columns, ``t[..., :4]`` for four of the last axis."""
    parts = list(by_axis(index))
    demand.rank = max(demand.rank, len(parts))
    for axis, part in parts:
        least = 0
        if isinstance(part, Const) and isinstance(part.value, int) and not isinstance(part.value, bool):
            least = part.value + 1 if part.value >= 0 else -part.value
        elif isinstance(part, Seq) and part.kind == "slice":
            ends = [number(end) for end in part.items[:2]]
            least = max([end + 1 if i == 0 else end for i, end in enumerate(ends) if isinstance(end, int) and end >= 0]
                        + [1 - end for end in ends if isinstance(end, int) and end < 0], default=0)
        if least and axis != 0:
            demand.sizes[axis] = max(demand.sizes.get(axis, 0), least)


def _ask_values(demand: Demand, node: Node, operand: str) -> None:
    logits = number(node.inputs.get("from_logits"))
    demand.missing |= node.op in ("is_nan", "is_finite")
    demand.marks |= singled_out(node, operand)
    if node.op in IMAGE_FAMILY and operand in ("x", "y"):
        demand.image = True
    if node.op in SQUASHES or (node.op in LOGIT_LOSSES and operand == "y_pred") or logits is True:
        demand.values = "logits" if operand != "y_true" else demand.values
    elif node.op in ("categorical_crossentropy", "sparse_categorical_crossentropy") and operand == "y_pred":
        demand.values = demand.values or "simplex"
    elif node.op in ("binary_crossentropy", "binary_focal_crossentropy", "kl_divergence", *LOGS):
        demand.guessed |= node.op in LOGS and not demand.values
        demand.values = demand.values or "probability"
    elif node.op in ("assert_positive", "assert_non_negative"):
        demand.values = demand.values or "positive"
    elif node.op in ("acos", "asin", "atanh"):
        demand.values = demand.values or "unit"
    elif node.op in ("sqrt", "rsqrt") and operand == "x":
        demand.values = demand.values or "nonnegative"
    if node.op == "one_hot":
        demand.labels = True
        depth = number(node.inputs.get("depth"))
        demand.classes = depth if isinstance(depth, int) and depth > 0 else demand.classes
    elif (node.op in SPARSE and operand == "y_true") or (
            node.op in ("gather", "take_along_axis", "embedding_lookup") and operand == "indices") or (
            node.op == "sequence_mask" and operand == "x"):
        demand.labels = True
    demand.index |= node.op == "item" and operand.startswith("index")


def singled_out(node: Node, operand: str) -> set[float]:
    """The number that a comparison takes out: ``y == -1``, ``y != 255``; of those that ask for more or less, only where no
    usual label lies beyond: ``y >= 0``, ``y < 20``."""
    other = {"x": "y", "y": "x"}.get(operand)
    number = plain_number(node.inputs.get(other)) if other is not None and node.op in MIRRORED else None
    if number is None:
        return set()
    op = node.op if operand == "x" else MIRRORED[node.op]
    match op:
        case "equal" | "not_equal":
            return {number}
        case "greater" if number < 0:
            return {number}
        case "greater_equal" if -1 < number <= 0:
            return {number - 1.0}
        case "less" if number > 1:
            return {number}
        case "less_equal" if number > 1:
            return {number + 1.0}
    return set()


def by_name(demand: Demand, name: str, role: Role, site: Site, *, shaped: bool = False) -> None:
    """What the names of an argument and of its loss add where the code asks for nothing. ``shaped``: the model that takes
    the argument says how many axes it has, whatever it is called."""
    split = set(names.parts(name))
    demand.labels |= demand.index and role is not Role.WEIGHT and "mask" not in split
    about = set(names.parts(site.qualname)) | set(names.parts(site.qualname.replace("_", "")))
    if "logits" in split or "logit" in split:
        demand.values = "logits"
    elif split & {"prob", "probs", "probabilities", "proba", "probas"}:
        demand.values = demand.values or "probability"
    elif split & {"actions", "action", "ids", "indices", "index", "tokens"} and role is not Role.PREDICTION:
        demand.labels = True
    elif split & {"advantage", "advantages", "reward", "rewards", "returns", "done", "dones", "discounts"}:
        demand.exactly = 1
    elif split & DIVISORS and role is Role.TENSOR:
        demand.values = "positive"
    elif split & names.SIZE_WORDS:
        demand.labels, demand.classes, demand.exactly = True, 4, 1
    elif split & {"img", "image", "images", "photo", "imgs"} and role is not Role.LABEL and demand.rank < 2 and not shaped:
        demand.exactly = 4
    if role is Role.PREDICTION and not demand.values and about & CLASSIFIES:
        demand.values = "probability"
