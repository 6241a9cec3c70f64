"""What a loss is called with: shapes, types and ranges, from how it uses its arguments and from what the user says.

The result is a ladder: alternatives, the likeliest first, of which a run takes the first that the loss accepts.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from losslint.config import Settings, relative_to
from losslint.confirmation.arguments import expression, number_for, object_for
from losslint.confirmation.cut import located
from losslint.confirmation.program import TensorSpec
from losslint.confirmation.shapes import Shape, fitted_labels, model_shapes
from losslint.confirmation.written import SPEC, parse_spec
from losslint.graph.handed import handed_module
from losslint.graph.nodes import Graph, Node
from losslint.graph.trace import structured_names
from losslint.graph.values import Const, Seq, Value
from losslint.project import names
from losslint.project.heads import Head, head_of
from losslint.project.index import Function, argument, defaults, last_name, parameters, walk
from losslint.project.roles import Role, is_literal
from losslint.project.sites import Site
from losslint.rules.base import Loss

Ladder = tuple[tuple[TensorSpec, ...], ...]

LADDER: tuple[Shape, ...] = ((8, 3), (8, 1), (8,), (4, 8, 8, 2), (4, 5, 3), (4, 8, 8, 1), (8, 8), (2, 16, 16, 3))
IMAGES: tuple[Shape, ...] = ((2, 16, 16, 3), (2, 16, 16, 1), (1, 32, 32, 3), (1, 192, 192, 3))
MAX_RUNGS = 10

TRAINED = (Role.PREDICTION, Role.TENSOR)
TENSORS = (Role.PREDICTION, Role.LABEL, Role.WEIGHT, Role.TENSOR)
SQUASHES = ("sigmoid", "softmax", "log_softmax", "log_sigmoid", "softplus", "sparsemax")
LOGIT_LOSSES = ("sigmoid_cross_entropy_with_logits", "weighted_cross_entropy_with_logits",
                "softmax_cross_entropy_with_logits", "sparse_softmax_cross_entropy_with_logits")
SPARSE = ("sparse_categorical_crossentropy", "sparse_softmax_cross_entropy_with_logits", "nll_loss")
LOGS = ("log", "log1p", "log2", "log10", "xlogy", "xlog1py", "logit", "entr")
IMAGE_FAMILY = ("ssim", "ssim_multiscale", "psnr", "image_gradients", "total_variation", "sobel_edges", "resize",
                "rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb", "rgb_to_yuv", "conv", "max_pool", "avg_pool",
                "extract_patches", "gaussian_blur", "adjust_hue", "adjust_contrast", "adjust_saturation", "resize_area")
MOVES = ("cast", "clip", "reshape", "expand_dims", "squeeze", "transpose", "item", "flatten", "batch_flatten")
ALIKE = (*MOVES, "identity", "to_float", "to_int", "convert_to_tensor", "stop_gradient", "maximum", "minimum", "add", "sub",
         "clip_low", "clip_high", "ensure_shape")
REDUCES = ("reduce", "index")
HEADS = {"linear": "real", "sigmoid": "probability", "softmax": "simplex", "relu": "nonnegative", "tanh": "unit"}
DIVISORS = names.words("normalizer normaliser denominator scale temperature temp tau")  # nobody passes a 0 for them
CLASSIFIES = names.words(
    "dice iou jaccard tversky focal crossentropy entropy bce cce ce f1 fbeta lovasz hinge auc precision recall")


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
    groups: bool = False  # compared with each other: which rows belong together
    rest_of: dict[int, str] = field(default_factory=dict)  # axis -> the argument that only its first part is as long as
    image: bool = False
    missing: bool = False  # tested for NaN


@dataclass(frozen=True)
class Inputs:
    """The ladder, and how its arrays reach the loss."""

    ladder: Ladder
    notes: tuple[str, ...] = ()
    containers: Mapping[str, tuple[object, ...]] = field(default_factory=dict)  # argument -> keys or positions

    @property
    def names(self) -> list[str]:
        """The arguments that the arrays fill."""
        inner = {f"{name}_{key}": name for name, keys in self.containers.items() for key in keys}
        return list(dict.fromkeys(inner.get(spec.name, spec.name) for spec in self.ladder[0]))

    @property
    def wrapped(self) -> bool:
        return bool(self.containers)

    def wrap(self, target: ast.expr, known: Mapping[str, ast.expr], function: Function) -> ast.expr:
        """A lambda that puts arrays into the lists and dictionaries which the loss takes."""
        passed: list[ast.keyword] = [ast.keyword(name, value) for name, value in known.items()]
        for name in self.names:
            keys = self.containers.get(name)
            if keys is None:
                text = name
            elif all(isinstance(key, int) for key in keys):
                text = f"[{', '.join(f'{name}_{key}' for key in keys)}]"
            else:
                text = "{" + ", ".join(f"{key!r}: {name}_{key}" for key in keys) + "}"
            passed.append(ast.keyword(name, expression(text, function)))
        order = ", ".join(spec.name for spec in self.ladder[0])
        made = expression(f"lambda {order}: None", function)
        assert isinstance(made, ast.Lambda)
        made.body = located(ast.Call(target, [], passed), function)
        return made


def inputs_of(loss: Loss, settings: Settings | None = None, without: Iterable[str] = ()) -> Inputs:
    """The inputs of a loss that is called with its tensors (of a training step: with its data).

    ``without`` are arguments that are known already.
    """
    site = loss.site
    function = site.node
    assert isinstance(function, Function)
    roles = {name: role for name, role in tensor_roles(site).items() if name not in set(without)}
    told = overrides(site, function, settings)
    roles |= {name: roles.get(name, site.roles.get(name, Role.TENSOR)) for name in told}
    order = [a.arg for a in parameters(function) if a.arg in roles]
    containers = {name: keys for name in order if name not in told and (keys := contents(site, name))}
    demands = demands_of(loss.graph, order)
    for name in order:
        by_name(demands[name], name, roles[name], site)
    ladder: list[tuple[TensorSpec, ...]] = []
    head = head_of(site.module) if "compile(" in site.reason else None
    taken, others = model_shapes(site)
    stated = [*others, *fitted_labels(site.module)]
    for rung in rungs(demands, roles, order, stated, channels_first=site.framework == "torch"):
        rung = {name: replace(spec, shape=taken.get(name, spec.shape)) for name, spec in rung.items()}
        specs: list[TensorSpec] = []
        for name in order:
            spec = replace(told.get(name) or rung[name], name=name, role=spec_role(roles[name]))
            spec = of_framework(spec, site)
            spec = spec if name in told else as_given_by(head, spec)
            keys = containers.get(name, ())
            specs += [spec] if not keys else [replace(spec, name=f"{name}_{key}") for key in keys]
        if tuple(specs) not in ladder:
            ladder.append(tuple(specs))
    notes = tuple(f"{name} as told: {', '.join(str(n) for n in spec.shape)} {spec.dtype}" for name, spec in told.items())
    return Inputs(tuple(ladder[:MAX_RUNGS]) or ((),), notes, containers)


def as_given_by(head: Head | None, spec: TensorSpec) -> TensorSpec:
    """A prediction with the numbers that the last layer of the model gives, whatever the loss would like them to be; where
    it applies an activation itself, it gets what it is made for."""
    values = HEADS.get(head.activation) if head is not None else None
    if values is None or spec.role != "prediction" or spec.values == "logits" or spec.dtype != "float32":
        return spec
    return spec if values == "simplex" and spec.shape[-1:] in ((), (1,)) else replace(spec, values=values)


def of_framework(spec: TensorSpec, site: Site) -> TensorSpec:
    """PyTorch looks up by 64 bits alone; JAX differentiates what ``jax.grad`` is told to, the first argument by default."""
    if site.framework == "torch" and spec.dtype == "int32":
        return replace(spec, dtype="int64")
    if site.differentiated and spec.name not in site.differentiated and spec.role in ("prediction", "tensor"):
        return replace(spec, role="label")
    return spec


def spec_role(role: Role) -> str:
    return {Role.PREDICTION: "prediction", Role.LABEL: "label", Role.WEIGHT: "weight"}.get(role, "tensor")


def tensor_roles(site: Site) -> dict[str, Role]:
    """The parameters that tensors are passed for."""
    function = site.node
    assert isinstance(function, Function)
    with_default = defaults(function)
    found: dict[str, Role] = {}
    method = isinstance(site.module.index.scope(function), ast.ClassDef) and not any(
        last_name(d) == "staticmethod" for d in getattr(function, "decorator_list", []))
    for position, parameter in enumerate(parameters(function)):
        name = parameter.arg
        if position == 0 and method:
            continue
        role = site.roles.get(name, Role.UNKNOWN)
        default = with_default.get(name)
        optional = default is not None and not (
            role in (Role.PREDICTION, Role.LABEL) and isinstance(default, ast.Constant) and default.value is None)
        if optional or role is Role.CONFIG or handed_module(site.module, name) is not None:
            continue
        if role in TENSORS and object_for(name, set(names.parts(name)), function) is None:
            found[name] = role
        elif role is Role.UNKNOWN and is_data(name, function):
            found[name] = Role.TENSOR
    return found


def is_data(name: str, function: Function) -> bool:
    """Whether a parameter that nothing is known of is a tensor: no object, no setting."""
    split = set(names.parts(name))
    return object_for(name, split, function) is None and number_for(name, split) is None


# what the code asks for ----------------------------------------------------------------------------------------------


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
        if _keeps_shape(node):
            shapes = frozenset(n for o in operands.values() for n in same_shape.get(o.index, ()))
            if shapes:
                same_shape[node.index] = shapes
        if node.op == "phi":  # one of several
            either = [same_values.get(o.index, frozenset()) for name, o in operands.items() if name != "condition"]
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
        if node.op in ("equal", "not_equal") and len(operands) == 2:
            for name in frozenset.intersection(*(same_values.get(o.index, frozenset()) for o in operands.values())):
                demands[name].groups = True
    return demands


def _split_at(node: Node, same_shape: Mapping[int, frozenset[str]]) -> dict[int, str]:
    """Axis -> argument, of an index such as ``p[..., n:]`` with ``n = tf.shape(y)[-1]``: what comes after the first n."""
    found: dict[int, str] = {}
    for axis, part in _by_axis(node.inputs.get("index")) if node.op == "item" else ():
        start = part.items[0] if isinstance(part, Seq) and part.kind == "slice" else None
        if isinstance(start, Node) and (whole := _measured(start)) is not None:
            for name in same_shape.get(whole.index, ()):
                found[axis] = name
    return found


def _measured(node: Node) -> Node | None:
    """The tensor that one dimension was taken of."""
    if node.op in ("static_dim", "dim"):
        return dict(node.operands()).get("x")
    shape = dict(node.operands()).get("x") if node.op == "item" else None
    return dict(shape.operands()).get("x") if shape is not None and shape.op in ("shape", "static_shape") else None


def _keeps_shape(node: Node) -> bool:
    if node.op in ("top_k", "all", "any", "crelu", "glu", "ravel", "diff", "add_n"):
        return False
    return node.op in ("phi", "print_identity") or node.family in (
        "elementwise", "round", "compare", "sign", "cast", "detach")


def _keeps_values(node: Node, operands: dict[str, Node]) -> Node | None:
    """The operand whose range the result shares, more or less."""
    if node.op in ALIKE and len(operands) == 1:
        return next(iter(operands.values()))
    return operands.get("x") if node.op in MOVES else None


def number(value: Value | None) -> object:
    return value.value if isinstance(value, Const) else None


def numbers(value: Value | None) -> list[int] | None:
    """Integers given one by one or in a list."""
    if isinstance(value, Const):
        return [value.value] if isinstance(value.value, int) and not isinstance(value.value, bool) else None
    if isinstance(value, Seq) and value.kind in ("list", "tuple") and all(isinstance(number(v), int) for v in value.items):
        return [v.value for v in value.items]  # type: ignore[attr-defined]
    return None


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
    elif node.op == "matmul":
        demand.rank = max(demand.rank, 2)
    elif node.op in ("categorical_crossentropy", *SPARSE, "softmax_cross_entropy_with_logits") and operand == "y_pred":
        demand.rank = max(demand.rank, 2)
        demand.sizes[-1] = max(demand.sizes.get(-1, 0), 2)
    elif node.op == "static_dim" or node.op == "dim":
        for axis in numbers(node.inputs.get("axis")) or []:
            demand.rank = max(demand.rank, axis + 1 if axis >= 0 else -axis)


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
    parts = list(_by_axis(index))
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


def _by_axis(index: Value | None) -> Iterator[tuple[int, Value]]:
    """Each part of an index with the axis that it is for; nothing where a tensor is the index."""
    parts = list(index.items) if isinstance(index, Seq) and index.kind == "index" else [index]
    parts = [part for part in parts if not (isinstance(part, Const) and part.value is None)]
    if any(isinstance(part, Node) or part is None for part in parts):
        return
    dots = next((i for i, part in enumerate(parts) if isinstance(part, Const) and part.value is Ellipsis), None)
    for position, part in enumerate(parts):
        if position != dots and part is not None:
            yield (position if dots is None or position < dots else position - len(parts)), part


def _ask_values(demand: Demand, node: Node, operand: str) -> None:
    logits = number(node.inputs.get("from_logits"))
    demand.missing |= node.op in ("is_nan", "is_finite")
    if node.op in IMAGE_FAMILY and operand in ("x", "y"):
        demand.image = True
    if node.op in SQUASHES or (node.op in LOGIT_LOSSES and operand == "y_pred") or logits is True:
        demand.values = "logits" if operand != "y_true" else demand.values
    elif node.op in ("categorical_crossentropy", "sparse_categorical_crossentropy") and operand == "y_pred":
        demand.values = demand.values or "simplex"
    elif node.op in ("binary_crossentropy", "binary_focal_crossentropy", "kl_divergence", *LOGS):
        demand.values = demand.values or "probability"
    elif node.op == "assert" and ("non_negative" in node.name or "positive" in node.name):
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


def by_name(demand: Demand, name: str, role: Role, site: Site) -> None:
    """What the names of an argument and of its loss add where the code asks for nothing."""
    split = set(names.parts(name))
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
    elif split & {"img", "image", "images", "photo", "imgs"} and role is not Role.LABEL and demand.rank < 2:
        demand.exactly = 4
    if role is Role.PREDICTION and not demand.values and about & CLASSIFIES:
        demand.values = "probability"


# the ladder ----------------------------------------------------------------------------------------------------------


def rungs(
    demands: Mapping[str, Demand], roles: Mapping[str, Role], order: list[str], stated: Iterable[Shape] = (),
    channels_first: bool = False,
) -> Iterator[dict[str, TensorSpec]]:
    """The specs of each rung by argument; shapes that the file states come first."""
    if not order:
        yield {}
        return
    main = [n for n in order if not (
        demands[n].labels or demands[n].groups or demands[n].exactly == 1 or roles[n] is Role.WEIGHT)] or order
    wanted = merged([demands[n] for n in main])
    bases = (*stated, *(IMAGES if wanted.image else LADDER))
    if channels_first:
        bases = tuple((s[0], s[-1], *s[1:-1]) if len(s) > 3 else s for s in bases)
    classes = max((demands[n].classes for n in order), default=0)
    found: list[Shape] = []
    for base in bases:
        if (shape := fitted(base, wanted, classes)) is not None and shape not in found:
            found.append(shape)
    if wanted.rank in (3, 5) or wanted.exactly in (3, 5):
        rank = wanted.exactly or wanted.rank
        middle = fitted((4, *(5,) * (rank - 2), 3), wanted, classes)
        found = ([middle] if middle else []) + [s for s in found if s != middle]
    rows = {n: demands[n].row for n in order if demands[n].row}
    if rows:
        width = max(rows.values())
        first = next(iter(stated), (8, width))
        for other in dict.fromkeys([first, (8, width)]):
            yield {n: spec_for(n, (8, rows[n]) if n in rows else other, demands[n], roles[n], "") for n in order}
    prediction = next((demands[n].values for n in main if roles[n] in TRAINED and demands[n].values), "")
    for shape in found[:MAX_RUNGS]:
        rung = {name: spec_for(name, shape, demands[name], roles[name], prediction) for name in order}
        rung = {name: lengthened(spec, demands[name], rung) for name, spec in rung.items()}
        yield rung
        labels = [n for n in order if roles[n] is Role.LABEL and not demands[n].labels]
        if shape == (8, 8) and labels and len(order) == 2:  # numbers of groups against embeddings or similarities
            yield rung | {n: TensorSpec(n, (8,), "float32", "class", classes=4) for n in labels}
        if any(demands[n].labels and roles[n] is Role.LABEL for n in order) and len(shape) == 2:
            yield {n: replace(s, shape=(*s.shape, 1)) if demands[n].labels and len(s.shape) == 1 else s
                   for n, s in rung.items()}


def lengthened(spec: TensorSpec, demand: Demand, rung: Mapping[str, TensorSpec]) -> TensorSpec:
    """A tensor of which only the first part is as long as another one: a mean and a scale for each number of a label."""
    shape = list(spec.shape)
    for axis, other in demand.rest_of.items():
        like = rung[other].shape
        if -len(like) <= axis < len(like) and len(like) == len(shape):
            shape[axis] = 2 * like[axis]
    return replace(spec, shape=tuple(shape))


def merged(demands: Iterable[Demand]) -> Demand:
    """What several arguments ask of the shape that they share."""
    whole = Demand()
    for demand in demands:
        whole.rank = max(whole.rank, demand.rank)
        whole.exactly = demand.exactly or whole.exactly
        whole.image |= demand.image
        whole.fixed |= demand.fixed
        for axis, least in demand.sizes.items():
            whole.sizes[axis] = max(whole.sizes.get(axis, 0), least)
    return whole


def fitted(base: Shape, demand: Demand, classes: int) -> Shape | None:
    """A shape of the ladder made to fit; None where its rank does not."""
    rank = len(base)
    if rank < demand.rank or (demand.exactly and rank != demand.exactly):
        return None
    shape = list(base)
    for axis, least in demand.sizes.items():
        if -rank <= axis < rank:
            shape[axis] = max(shape[axis], least)
    if classes and rank > 1:
        shape[-1] = max(classes, demand.sizes.get(-1, 0))
    for axis, size in demand.fixed.items():
        if -rank <= axis < rank and axis != 0:
            shape[axis] = size
    return tuple(shape)


def spec_for(name: str, shape: Shape, demand: Demand, role: Role, prediction: str) -> TensorSpec:
    """One argument on a rung whose predictions have ``shape``."""
    if demand.labels:
        inner = (shape[0],) if demand.exactly == 1 else shape[:-1] if len(shape) > 1 else shape
        classes = demand.classes or (shape[-1] if len(shape) > 1 else 3)
        return TensorSpec(name, inner, "int32", "class", classes=classes)
    if demand.groups and role is Role.LABEL:
        return TensorSpec(name, (shape[0], 1)[:max(demand.rank, 1)], "float32", "class", classes=shape[0])
    if demand.exactly == 1:
        return TensorSpec(name, shape[:1], values=demand.values or "real")
    if role is Role.WEIGHT:
        mask = "mask" in names.parts(name)
        return TensorSpec(name, shape if mask else shape[:1], values="mask" if mask else "weight")
    values = demand.values or "real"
    if role is Role.LABEL:
        kinds = {"logits": "binary", "probability": "binary", "simplex": "onehot"}
        values = kinds.get(prediction, demand.values or "real")
        if values == "binary" and demand.values == "probability" and prediction != "logits":
            values = "probability"
    if role is Role.LABEL and demand.values == "positive":
        values = "positive"
    if role is Role.PREDICTION and values == "nonnegative":
        values = "real"
    missing = demand.missing and role is Role.LABEL
    return TensorSpec(name, shape, values=values, classes=demand.classes, missing=missing)


# containers ----------------------------------------------------------------------------------------------------------


def mapped_over(site: Site, name: str) -> bool:
    """``a, b = map(f, outputs)``"""
    return any(
        isinstance(n, ast.Call) and last_name(n.func) == "map" and len(n.args) == 2 and isinstance(n.args[1], ast.Name)
        and n.args[1].id == name for n in walk(site.node))


def contents(site: Site, name: str) -> tuple[object, ...]:
    """The keys of an argument that is a dictionary, the positions of one that is a list; nothing for a tensor."""
    if name not in structured_names(site) and not mapped_over(site, name):
        return ()
    keys: dict[str, None] = {}
    count = 0
    for node in walk(site.node):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=found), _]) if found == name:
                return ()  # it takes either
            case ast.Subscript(value=ast.Name(id=found), slice=ast.Constant(value=str(key))) if found == name:
                keys[key] = None
            case ast.Call(func=ast.Attribute(value=ast.Name(id=found), attr="get"), args=[ast.Constant(value=str(key)), *_]
                          ) if found == name:
                keys[key] = None
            case ast.Assign(targets=[ast.Tuple(elts=elements)], value=ast.Name(id=found)) if found == name:
                count = max(count, len(elements))
            case ast.Assign(targets=[ast.Tuple(elts=elements)], value=ast.Call(
                    func=ast.Name(id="map"), args=[_, ast.Name(id=found)])) if found == name:
                count = max(count, len(elements))
            case ast.Subscript(value=ast.Name(id=found), slice=ast.Constant(value=int(position))) if found == name:
                count = max(count, position + 1)
    if any(not key.isidentifier() for key in keys):
        return ()
    return tuple(keys) if keys else tuple(range(count or 2))


# what the user says --------------------------------------------------------------------------------------------------

COMMENT = re.compile(r"#\s*losslint:\s*inputs\s+(?P<rest>.*)")
ASSIGNED = re.compile(rf"(?P<name>\w+)\s*=(?P<spec>{SPEC.pattern.replace('?P<', '?P<_')})(?:,|$)")
JAXTYPING = {"Float": "float32", "Float16": "float16", "Float32": "float32", "Float64": "float64", "BFloat16": "bfloat16",
             "Int": "int32", "Int32": "int32", "Int64": "int64", "Integer": "int32", "Bool": "bool", "Num": "float32",
             "Real": "float32", "Inexact": "float32", "UInt8": "uint8", "Shaped": "float32"}


def overrides(site: Site, function: Function, settings: Settings | None) -> dict[str, TensorSpec]:
    """What annotations, a comment on the loss and the configuration say; the later of these wins."""
    found = annotated(function, site)
    found |= commented(site, function)
    for key, value in configured(site, settings).items():
        if isinstance(value, str):
            found[key] = parse_spec(value)
    return found


def configured(site: Site, settings: Settings | None) -> dict[str, object]:
    """What ``[tool.losslint.inputs."path.py::name"]`` says of a loss: strings are tensors, all else are its settings."""
    found: dict[str, object] = {}
    for place, table in settings.inputs.items() if settings is not None else ():
        file, _, name = place.rpartition("::")
        here = relative_to(site.module.path, settings.root) if settings is not None else ""
        if name in (site.qualname, site.qualname.rpartition(".")[0]) and file in (here, site.module.path.name):
            found |= table
    return found


def commented(site: Site, function: Function) -> dict[str, TensorSpec]:
    """``# losslint: inputs y_true=int32[8] in [0, 9]`` on the header of the loss or of its class, or on the line above."""
    if "losslint:" not in site.module.text:
        return {}
    found: dict[str, TensorSpec] = {}
    for node in (site.class_node, function):
        if node is None:
            continue
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        body = node.body
        last = max(node.lineno, body[0].lineno - 1) if isinstance(body, list) else node.lineno
        for row in range(first - 1, last + 1):
            if (match := COMMENT.search(site.module.comments.get(row, ""))) is not None:
                for part in ASSIGNED.finditer(match["rest"]):
                    try:
                        found[part["name"]] = parse_spec(part["spec"])
                    except ValueError:
                        continue
    return found


def annotated(function: Function, site: Site) -> dict[str, TensorSpec]:
    """``Float[Tensor, "batch 10"]`` and ``tf.TensorSpec([None, 10], tf.float32)``, on arguments or as input_signature."""
    found: dict[str, TensorSpec] = {}
    for parameter in parameters(function):
        annotation = parameter.annotation
        if isinstance(annotation, ast.Call) and (spec := tensor_spec(annotation)) is not None:
            found[parameter.arg] = spec
        match annotation:
            case ast.Subscript(value=ast.Name(id=kind) | ast.Attribute(attr=kind),
                               slice=ast.Tuple(elts=[_, ast.Constant(value=str(dims))])) if kind in JAXTYPING:
                if (shape := named_shape(dims)) is not None:
                    values = "integer" if "Int" in kind else "binary" if kind == "Bool" else "real"
                    found[parameter.arg] = TensorSpec("", shape, JAXTYPING[kind], values)
    method = isinstance(site.module.index.scope(function), ast.ClassDef)
    for decorator in getattr(function, "decorator_list", []):
        for keyword in getattr(decorator, "keywords", []):
            if keyword.arg == "input_signature" and isinstance(keyword.value, (ast.List, ast.Tuple)):
                for parameter, given in zip(parameters(function)[int(method):], keyword.value.elts, strict=False):
                    if isinstance(given, ast.Call) and (spec := tensor_spec(given)) is not None:
                        found[parameter.arg] = spec
    return found


def tensor_spec(call: ast.Call) -> TensorSpec | None:
    """A ``tf.TensorSpec(shape, dtype)`` with unknown dimensions filled in."""
    if last_name(call.func) != "TensorSpec":
        return None
    given = [*call.args, *(k.value for k in sorted(call.keywords, key=lambda k: k.arg != "shape"))]
    try:
        dimensions = ast.literal_eval(given[0]) if given else None
    except ValueError:
        return None
    if not isinstance(dimensions, (list, tuple)):
        return None
    dtype = last_name(given[1]) if len(given) > 1 else "float32"
    sizes = [8, 3, 3, 3, 3]
    shape = tuple(d if isinstance(d, int) else sizes[min(i, 4)] for i, d in enumerate(dimensions))
    return TensorSpec("", shape, dtype or "float32", "integer" if "int" in dtype else "real")


def named_shape(dims: str) -> Shape | None:
    """``"batch 10"``: numbers as they are, names by a size each."""
    sizes = iter((8, 3, 4, 5, 6, 7))
    known: dict[str, int] = {}
    shape: list[int] = []
    for part in dims.replace(",", " ").split():
        part = part.rpartition("=")[2].lstrip("#")
        if part.isdigit():
            shape.append(int(part))
        elif part.isidentifier():
            if part not in known:
                known[part] = 8 if part in ("b", "batch", "batch_size", "n", "N", "B") else next(
                    s for s in sizes if s != 8)
            shape.append(known[part])
        else:
            return None  # "..." or an expression
    return tuple(shape)

