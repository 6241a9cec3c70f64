"""What is known of shapes: a forward pass over the graph with symbolic dimensions.

A shape is a tuple of dimensions, or None where the rank is not known. A dimension is a number, a symbol (``BATCH``, the
features of one argument), or None. What comes in unknown goes out unknown, but for two things code states itself: what
is squeezed in its last axis was (B, 1), and a layer is applied to rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from losslint.graph.nodes import Graph, Kind, Node
from losslint.graph.values import Const, External, Seq, Value, indices
from losslint.ops.moves import UNCHANGED
from losslint.ops.table import lookup
from losslint.project.labels import BATCH

Dim = int | str | None
Shape = tuple[Dim, ...]
REDUCTIONS = ("sum", "mean", "max", "min", "prod", "norm", "logsumexp", "std", "var", "all", "any")
KEEPS_SHAPE = (*UNCHANGED, "to_int", "to_bool", "to_float", "stop_gradient", "tensor", "zeros_like", "ones_like",
               "full_like", "random_like")  # fmt: skip
FILLED = ("random", "random_discrete", "zeros", "ones", "fill", "numpy_random")
GRIDS = ("jax.lax.broadcasted_iota", "tf.ragged.range", "tf.experimental.numpy.diag_indices")  # ranges of other ranks
COUNTS = ("size", "rank", "static_dim", "static_rank", "python.len", "python_len")  # one number each
POINTWISE_LOSSES = ("mse", "mae", "huber", "binary_crossentropy", "sigmoid_cross_entropy_with_logits")
# Functions whose result has no last axis: of (B, C) they make (B,), of (B, H, W, C) they make (B, H, W).
REDUCE_LAST = ("keras.losses.", "keras.metrics.", "tf.nn.softmax_cross_entropy_with_logits")
POINTWISE_FAMILIES = ("elementwise", "compare", "sign", "round")
WIDTHS = ("units", "out_features", "features", "output_size")  # what frameworks call the width of a layer
NOT_POINTWISE = ("top_k", "crelu", "glu", "diff", "normalize", "identity_n", "sort", "polyval", "add_n",
                 "test")


class ShapeFacts:
    """The shapes of one graph. ``given``: those of parameters, by index."""

    def __init__(self, graph: Graph, given: Mapping[int, Shape] | None = None) -> None:
        self._graph = graph
        self._given = given or {}

    def __call__(self, value: Value | None) -> Shape | None:
        """The shape of a value."""
        if isinstance(value, Const):
            return () if isinstance(value.value, (int, float)) else None
        return self._shapes[value.index] if isinstance(value, Node) else None

    def spread(self, a: Value | None, b: Value | None) -> bool:
        """Whether element-wise work on (B,) and (B, 1) makes every row meet every other: (B, B)."""
        return spreads(self(a), self(b)) or spreads(self(b), self(a))

    @cached_property
    def _shapes(self) -> list[Shape | None]:
        shapes: list[Shape | None] = []
        self.__dict__["_shapes"] = shapes  # operands come before their users: what is asked for is there
        for node in self._graph.nodes:
            shapes.append(self._given[node.index] if node.index in self._given else self._shape(node))
        return shapes

    def _shape(self, node: Node) -> Shape | None:
        if node.op in COUNTS:
            return ()
        if node.kind is Kind.PYTHON:
            return None
        if node.op in _RULES:
            return _RULES[node.op](self, node)
        if node.op in REDUCTIONS:
            return self._reduced(node)
        if node.family == "loss":
            return self._loss(node)
        if node.family in POINTWISE_FAMILIES and node.op not in NOT_POINTWISE:
            return broadcast([self(v) for k, v in node.inputs.items() if k in ("x", "y", "condition")])
        return self(node.inputs.get("x")) if node.op in KEEPS_SHAPE else None

    def _reduced(self, node: Node) -> Shape | None:
        axis, keeps = node.inputs.get("axis"), is_true(node.inputs.get("keepdims"))
        if axis is None or is_none(axis):
            return () if not keeps else None
        shape = self(node.inputs.get("x"))
        axes = axes_of(axis, len(shape)) if shape is not None else None
        if shape is None or axes is None:
            return None
        if keeps:
            return tuple(1 if i in axes else d for i, d in enumerate(shape))
        return tuple(d for i, d in enumerate(shape) if i not in axes)

    def _loss(self, node: Node) -> Shape | None:
        """PyTorch's losses and the objects of Keras reduce to a number, unless they are told not to; the functions of Keras
        reduce the last axis."""
        how = node.told("reduction")
        given = [self(node.inputs.get("y_pred")), self(node.inputs.get("y_true"))]
        if node.framework not in ("keras", "torch") or (node.framework == "keras" and not node.name.endswith("()")):
            whole = broadcast(given) if node.name.startswith(REDUCE_LAST) and not node.op.startswith("sparse") else None
            return whole[:-1] if whole and "axis" not in node.inputs else None
        if how is None or (isinstance(how, Const) and how.value in ("mean", "sum", "sum_over_batch_size")):
            return ()
        return broadcast(given) if node.framework == "torch" and node.op in POINTWISE_LOSSES else None

    def _split(self, node: Node) -> Shape | None:
        """One of the parts."""
        shape, sections = self(node.inputs.get("x")), node.inputs.get("sections")
        axes = axes_of(node.inputs.get("axis"), len(shape)) if shape is not None else None
        if shape is None or axes is None or len(axes) != 1:
            return None
        (at,) = axes
        widths = set(sizes(sections) or ()) if isinstance(sections, Seq) and node.framework == "tensorflow" else set()
        return (*shape[:at], widths.pop() if len(widths) == 1 else part(shape[at]), *shape[at + 1:])

    def _phi(self, node: Node) -> Shape | None:
        first, second = self(node.inputs.get("x")), self(node.inputs.get("y"))
        return first if first == second else None

    def _layer(self, node: Node) -> Shape | None:
        width = units(node.detail.get("object"))
        before = self(node.inputs.get("arg0"))
        if width is None:
            return None
        return (*before[:-1], width) if before else (BATCH, width)

    def _reshaped(self, node: Node) -> Shape | None:
        target = node.inputs.get("shape")
        extra = [v for k, v in node.inputs.items() if k.startswith("arg")]
        wanted = sizes(target if isinstance(target, Seq) else Seq([v for v in (target, *extra) if v is not None]))
        if wanted is None or None in wanted:
            return None
        operand = node.inputs.get("x")
        before = self(operand)
        if before is None and isinstance(operand, Node) and operand.family == "linear":
            return None  # a matrix of features against features, say
        rest = before[0] if before and set(before[1:]) <= {1} else BATCH
        return tuple(rest if d == -1 else d for d in wanted)

    def _flattened(self, node: Node) -> Shape | None:
        shape = self(node.inputs.get("x"))
        whole = node.inputs.keys() == {"x"} and (shape is None or all(d == 1 or isinstance(d, str) for d in shape[1:]))
        return (shape[0] if shape else BATCH,) if whole else None

    def _squeezed(self, node: Node) -> Shape | None:
        shape, axis = self(node.inputs.get("x")), node.inputs.get("axis")
        if shape is None:
            return (BATCH,) if is_number(axis, -1) else None
        if axis is None or is_none(axis):
            if None in shape or shape[:1] == (1,):
                return None
            return tuple(d for d in shape if d == BATCH or (isinstance(d, int) and d != 1))
        axes = axes_of(axis, len(shape))
        if axes is None:
            return None
        stays = {i for i in axes if isinstance(shape[i], int) and shape[i] != 1}  # torch leaves it; TensorFlow raises
        return tuple(d for i, d in enumerate(shape) if i not in axes - stays)

    def _expanded(self, node: Node) -> Shape | None:
        shape, axis = self(node.inputs.get("x")), node.inputs.get("axis")
        if shape is None:
            return (BATCH, 1) if is_number(axis, -1, 1) else None
        axes = axes_of(axis, len(shape) + 1)
        if axes is None or len(axes) != 1:
            return None
        (at,) = axes
        return (*shape[:at], 1, *shape[at:])

    def _per_row(self, node: Node) -> Shape | None:
        """One number a sample."""
        shape = self(node.inputs.get("x"))
        return shape[:1] if shape else None

    def _item(self, node: Node) -> Shape | None:
        base, index = node.inputs.get("x"), node.inputs.get("index")
        shape = self(base)
        if shape is None or base is None:
            return None
        return indexed(shape, indices(index))

    def _gathered(self, node: Node) -> Shape | None:
        return self(node.inputs.get("indices"))

    def _unknown(self, node: Node) -> Shape | None:
        """A method of an argument of which nothing is known but what its call says."""
        method, axis = node.inputs.get("function"), node.inputs.get("arg0") or node.inputs.get("dim")
        name = method.name if isinstance(method, Node) and method.op == "attribute" else ""
        if name == "squeeze" and is_number(axis, -1):
            return (BATCH,)
        if (name in ("view", "reshape") and is_number(axis, -1) and "arg1" not in node.inputs) or (
                name in ("flatten", "ravel") and axis is None):
            return (BATCH,)  # labels of (B,) or (B, 1); of more it is longer, and no column either
        return (BATCH, 1) if name == "unsqueeze" and is_number(axis, -1, 1) else None

    def _applied(self, node: Node) -> Shape | None:
        """Rows of numbers, each summed with the weights of a vector."""
        rows = self(node.inputs.get("x"))
        return rows[:1] if node.inputs.keys() == {"x", "y"} and rows is not None and len(rows) == 2 else None

    def _product(self, node: Node) -> Shape | None:
        first, second = self(node.inputs.get("x")), self(node.inputs.get("y"))
        plain = node.inputs.keys() == {"x", "y"}  # nothing is transposed
        if not plain or first is None or second is None or len(first) != 2 or len(second) != 2:
            return None
        return (first[0], second[1])


_RULES: dict[str, Callable[[ShapeFacts, Node], Shape | None]] = {
    "phi": ShapeFacts._phi, "layer": ShapeFacts._layer, "squeeze": ShapeFacts._squeezed,
    "expand_dims": ShapeFacts._expanded, "item": ShapeFacts._item, "reshape": ShapeFacts._reshaped,
    "ravel": ShapeFacts._flattened, "flatten": ShapeFacts._flattened,
    "split": ShapeFacts._split, "take_along_axis": ShapeFacts._gathered, "matmul": ShapeFacts._product,
    "matvec": ShapeFacts._applied,
    "unknown": ShapeFacts._unknown, "total_variation": ShapeFacts._per_row,
    "shape": lambda _, node: None if "y" in node.inputs else (None,),  # as many numbers as there are axes
    "range": lambda _, node: None if node.name in GRIDS else (None,),
    **dict.fromkeys(FILLED, lambda _, node: sizes_given(node)),
}  # fmt: skip


def spreads(row: Shape | None, column: Shape | None) -> bool:
    """Whether a row of the batch meets a column of it, as (B,) meets (B, 1)."""
    if row is None or column is None or len(row) != 1 or len(column) != 2:
        return False
    one = column[1] == 1 or (isinstance(column[1], str) and column[1] != BATCH)
    return one and row[0] == column[0] and row[0] not in (None, 1)


def broadcast(shapes: list[Shape | None]) -> Shape | None:
    """The shape of element-wise work. Beside an unknown operand a lone row survives: it is the last axis in any case."""
    known = [s for s in shapes if s is not None]
    if not known:
        return None
    longest = max(len(s) for s in known)
    padded = [(1,) * (longest - len(s)) + s for s in known]
    result = tuple(merge(column) for column in zip(*padded, strict=True))
    if len(known) < len(shapes):
        return result if len(result) == 1 and result[0] not in (None, 1) else None
    return result


def merge(dims: Iterable[Dim]) -> Dim:
    """One dimension of element-wise work; of the features of two arguments one has as many as the other, or one."""
    larger = {d for d in dims if d != 1}
    if len(larger) < 2:
        return larger.pop() if larger else 1
    sure = {d for d in larger if not part(d)}
    if not sure:
        return " and ".join(sorted(map(str, larger)))
    number = sure.pop()
    return number if isinstance(number, int) and not sure else None


def part(dim: Dim) -> Dim:
    """Some of the features of an argument; None where the dimension is none of features."""
    return f"some of {dim}" if isinstance(dim, str) and dim != BATCH else None


def indexed(shape: Shape, items: Iterable[Value | None]) -> Shape | None:
    """A shape after ``[...]`` with numbers, slices, None and one ellipsis."""
    items = list(items)
    taken = sum(1 for i in items if not is_none(i) and not is_ellipsis(i))
    if taken > len(shape):
        return None
    result: list[Dim] = []
    left = list(shape)
    for item in items:
        if is_none(item):
            result.append(1)
        elif is_ellipsis(item):
            count = len(shape) - taken
            result += left[:count]
            left = left[count:]
        elif isinstance(item, Seq) and item.kind == "slice":
            some = BATCH if len(left) == len(shape) else None
            dim = left.pop(0)
            result.append(sliced(dim, item) or some or part(dim))
        elif isinstance(item, Const) and type(item.value) is int:
            left.pop(0)
        else:
            return None
    return (*result, *left)


def sliced(dim: Dim, part: Seq) -> Dim:
    """One dimension after a slice: ``:`` keeps it, ``:1`` leaves one; None where its size is not known."""
    if all(is_none(end) for end in part.items):
        return dim
    if not all(isinstance(end, Const) for end in part.items):
        return None
    match [end.value for end in part.items if isinstance(end, Const)]:
        case [int() | None as start, int() as stop, None] if 0 <= (start or 0) < stop:
            return stop - (start or 0)
        case [-1, None, None]:
            return 1
    return None


def sizes(shape: Value | None) -> Shape | None:
    """The numbers of a shape argument."""
    if isinstance(shape, Const) and type(shape.value) is int:
        return (shape.value,)
    if not isinstance(shape, Seq) or shape.open or not shape.items:
        return None
    return tuple(v.value if isinstance(v, Const) and type(v.value) is int else None for v in shape.items)


def sizes_given(node: Node) -> Shape | None:
    """The shape that ``ones`` or ``randn`` is asked for."""
    size = node.inputs.get("shape") or node.inputs.get("size")
    if node.framework == "torch" and node.op != "random_discrete" and (size is None or isinstance(size, Const)):
        size = Seq([v for k, v in node.inputs.items() if k in ("shape", "size") or k.startswith("arg")])
        size = size.items[0] if len(size.items) == 1 and isinstance(size.items[0], Seq) else size
    elif node.op == "random_discrete" and node.framework == "torch":
        size = next((v for v in node.inputs.values() if isinstance(v, Seq)), None)
    return sizes(size)


def axes_of(axis: Value | None, rank: int) -> set[int] | None:
    """The axes an argument names; None where they are not known or do not exist."""
    items = axis.items if isinstance(axis, Seq) else [axis]
    numbers = [v.value for v in items if isinstance(v, Const) and type(v.value) is int]
    if len(numbers) < len(items) or any(not -rank <= n < rank for n in numbers):
        return None
    return {n % rank for n in numbers}


def units(model: Value | None) -> int | None:
    """The width of what a layer or model returns, by the layers it was made of; None when that is not known."""
    if not isinstance(model, External) or model.altered:
        return None
    kind = model.name.removesuffix("()").rpartition(".")[2]
    if kind in ("Linear", "LazyLinear", "Dense"):
        at = 1 if kind == "Linear" and not model.name.startswith("haiku") else 0
        named = next((model.kwargs[name] for name in WIDTHS if name in model.kwargs), None)
        given = named or (model.args[at] if len(model.args) > at else None)
        return given.value if isinstance(given, Const) and type(given.value) is int else None
    return units(next((layer for layer in reversed(stacked(model)) if not keeps_shape(layer)), None))


def stacked(model: External) -> list[Value]:
    """The layers of a Sequential model; none when they are not known."""
    if not model.name.endswith("Sequential()") or model.altered:
        return []
    layers = model.attributes.get("layers")
    items = layers.items if isinstance(layers, Seq) else list(model.args)
    return items[0].items if len(items) == 1 and isinstance(items[0], Seq) else items


def keeps_shape(layer: Value) -> bool:
    """Whether a layer is an activation, or one that changes nothing."""
    if not isinstance(layer, External) or layer.altered:
        return False
    kind = layer.name.removesuffix("()").rpartition(".")[2]
    api = lookup(layer.name)
    pointwise = api is not None and api.operation.family == "elementwise" and api.operation.name not in NOT_POINTWISE
    return pointwise or kind in ("Dropout", "Identity", "Activation")


def is_true(value: Value | None) -> bool:
    return isinstance(value, Const) and value.value is True


def is_none(value: Value | None) -> bool:
    return isinstance(value, Const) and value.value is None


def is_absent(value: Value | None) -> bool:
    """Whether an argument is not given, or given as None."""
    return value is None or is_none(value)


def is_ellipsis(value: Value | None) -> bool:
    return isinstance(value, Const) and value.value is ...


def is_number(value: Value | None, *numbers: int) -> bool:
    return isinstance(value, Const) and type(value.value) is int and value.value in numbers
