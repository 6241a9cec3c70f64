"""What evaluating an operation at a point asks of the node alone: found once, for all points."""

from __future__ import annotations

import math
from collections.abc import Mapping

from losslint.facts.constants import folding, plain_number
from losslint.facts.differences import is_difference
from losslint.facts.float32 import FROM_LOGITS, LOSSES, PRIMITIVES, Primitive
from losslint.facts.joined_parts import part_taken
from losslint.facts.precision import Precision
from losslint.facts.shape import is_none
from losslint.facts.variables import variable_of
from losslint.graph.nodes import Graph, Node, below, carrier
from losslint.graph.values import NONE, Const, Seq, Value, indices, is_whole_axis
from losslint.ops.moves import TRANSPOSES

AVERAGED = ("mse", "mae", "huber", "cross_entropy", "nll_loss")


def averages(node: Node) -> bool:
    """Whether a loss is the mean over its elements, as PyTorch's are unless they are told otherwise."""
    return node.op in AVERAGED and node.framework == "torch" and node.told("reduction") is None


BINARY_OPS = frozenset(
    [
        "add", "sub", "mul", "div", "matmul", "dot", "pow", "maximum", "minimum", "squared_difference",
        "divide_no_nan", "multiply_no_nan", "xdivy", "xlogy", "xlog1py", "atan2", "mod", "logaddexp", "greater",
        "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_and", "logical_or", "cosine_vectors",
    ]
)  # fmt: skip


OF_NUMBERS = {"python.max": "maximum", "python.min": "minimum"}  # max(n, 1)


def primitive_of(node: Node) -> tuple[Primitive | None, tuple[str, ...]]:
    """The scalar operation of a node and the names of its operands; (None, ()) when it is none."""
    if node.op in LOSSES:
        given = node.told("from_logits")
        known = given is None or (isinstance(given, Const) and isinstance(given.value, bool))
        if not known or not {"y_true", "y_pred"} <= node.inputs.keys():
            return None, ()
        logits = isinstance(given, Const) and given.value is True and node.op in FROM_LOGITS
        return LOSSES[FROM_LOGITS[node.op] if logits else node.op], ("y_true", "y_pred")
    if node.op in OF_NUMBERS and len(node.inputs) == 2:
        return PRIMITIVES[OF_NUMBERS[node.op]], tuple(node.inputs)
    if node.op in ("std", "var") and _is_random(node):
        return None, ()
    names = ("x", "y") if node.op in BINARY_OPS else ("x",)
    if node.op in ("einsum", "tensordot"):
        factors = tuple(name for name, value in node.inputs.items() if isinstance(value, Node))
        return (PRIMITIVES["matmul"], factors) if len(factors) == 2 else (None, ())
    if node.op == "linear_layer":
        names = ("x", "weight")
        if not is_none(node.inputs.get("bias", NONE)):
            return None, ()
    primitive = PRIMITIVES.get("abs" if node.op == "norm" and not is_root(node) else node.op)
    return (primitive, names) if primitive is not None and all(n in node.inputs for n in names) else (None, ())


def _is_random(node: Node) -> bool:
    """Whether random numbers enter a value: it is the same nowhere."""
    seen, stack = set[int](), [node]
    while stack:
        current = stack.pop()
        if current.family == "sample":
            return True
        if current.index not in seen:
            seen.add(current.index)
            stack += [operand for _, operand in current.operands()]
    return False


def is_root(norm: Node) -> bool:
    """Whether a norm is a root of a sum, with an infinite slope at 0: that of order 1 is a sum, of order inf the largest,
    and of an order that is not known nothing is said."""
    order = norm.inputs.get("ord")
    return order is None or (isinstance(order, Const) and order.value not in (1, math.inf, -math.inf))


# Reductions and moves that give the element where there is but one.
GIVES_THE_ELEMENT = frozenset(
    [
        "mean", "sum", "all", "any", "max", "min", "prod", "reshape", "squeeze", "expand_dims", "identity",
        "convert_to_tensor", "cast", "constant", "cumsum", "cumprod", "transpose", "ensure_shape", "flatten",
        "repeat", "tile", "broadcast_to", "sort", "reverse", "roll", "slice", "gather", "gather_nd", "boolean_mask",
        "top_k", "python.sum", "python.float", "python.item", "python.bool", "python.max", "python.min", "logsumexp",
        "batch_flatten",
        "permute_dimensions", "avg_pool", "max_pool", "segment_sum", "segment_mean", "item", "attribute",
        "array_method", "abs_complex", "moveaxis", "swapaxes", "ravel", "flip", "to_float", "check_numerics",
        "real", "average", "median", "nanmedian", "quantile", "nanquantile", "percentile", "nanmean", "nansum", "print",
        "pad", "custom_gradient", "dropout",
    ]
)  # fmt: skip
def holds_squares(node: Node) -> bool:
    """``diag(x @ x.T)``: the squared lengths of rows, which a point has where it has the product."""
    product = carrier(node) if node.op in ("diag", "diagonal") else None
    if not isinstance(product, Node) or product.op not in ("matmul", "dot"):
        return False
    x, y = product.inputs.get("x"), product.inputs.get("y")
    return isinstance(x, Node) and isinstance(y, Node) and y.op in TRANSPOSES and y.inputs.get("x") is x


SOME_OF = ("diag", "diagonal", "tril", "triu")  # a batch has other elements than those on the diagonal


def passes_on(node: Node) -> bool:
    """Whether an operation on one element gives that element: it only moves, selects or reduces."""
    silent = node.op == "stft" and node.framework == "torch"  # of silence: TensorFlow's abs of a complex 0 has a slope of 0
    return silent or node.op in GIVES_THE_ELEMENT or (
        node.family in ("move", "gather") and (node.op not in SOME_OF or holds_squares(node)))


def is_share(node: Node) -> bool:
    """``p / sum(p)``: one of several shares, where a single element would always be the whole."""
    whole = node.inputs.get("y")
    while isinstance(whole, Node) and whole.op != "sum" and (passes_on(whole) or whole.op == "add"):
        whole = carrier(whole)
    return isinstance(whole, Node) and whole.op == "sum" and carrier(whole) is node.inputs.get("x")


def keeps_rows(node: Node) -> bool:
    """Whether a reduction runs along the last axes alone: of a selection without a row it makes none."""
    axis = node.inputs.get("axis")
    axes = axis.items if isinstance(axis, Seq) else [axis]
    return all(isinstance(a, Const) and isinstance(a.value, int) and a.value not in (False, 0) for a in axes)


def crosses(node: Node) -> bool:
    """Whether each element of a row meets each: ``x[:, :, None] - x[:, None, :]``."""
    x, y = node.inputs.get("x"), node.inputs.get("y")
    if not (isinstance(x, Node) and isinstance(y, Node) and x.inputs.get("x") is y.inputs.get("x")):
        return False
    return {_new_axis(x), _new_axis(y)} in ({1, 2}, {1, -1})


MEETING = {(1, 0), (-1, 0), (2, 1), (-1, 1)}  # new axes of columns, and of the rows that they meet


def faces(node: Node) -> str:
    """The operand that is a row where labels of a batch are compared each with each, as in ``y[:, None] == y[None, :]``;
    empty for any other operation."""
    x, y = node.inputs.get("x"), node.inputs.get("y")
    if node.op not in ("equal", "not_equal") or not (isinstance(x, Node) and isinstance(y, Node)):
        return ""
    if carrier(x) is None or carrier(x) is not carrier(y):
        return ""
    axes = (_new_axis(x), _new_axis(y))
    return "y" if axes in MEETING else "x" if axes[::-1] in MEETING else ""


def takes_from_itself(value: Node) -> bool:
    """Whether a value rests on the differences of each row with each, ``x[:, None] - x[None, :]``, or on their products,
    ``x @ x.T``."""
    return any(map(_meets_itself, below([value])))


def _meets_itself(node: Node) -> bool:
    x, y = node.inputs.get("x"), node.inputs.get("y")
    if not isinstance(x, Node) or not isinstance(y, Node):
        return False
    if node.op in ("matmul", "dot"):
        return x is y or (y.op in TRANSPOSES and carrier(y) is x)
    axes = (_new_axis(x), _new_axis(y))
    return node.op in ("sub", "squared_difference") and carrier(x) is carrier(y) and bool({axes, axes[::-1]} & MEETING)


def compares_rows(node: Node) -> bool:
    """Whether an operation finds which rows of a batch are alike."""
    operands = [operand for _, operand in node.operands()] if node.op in ("equal", "not_equal") else []
    turned = [operand for operand in operands if operand.op == "transpose" and carrier(operand) in operands]
    return bool(turned) or (bool(faces(node)) and 0 in map(_new_axis, operands))


def _new_axis(node: Node) -> int | None:
    """The axis of length 1 that is put into a matrix; None for another operation."""
    if node.op == "expand_dims":
        axis = node.inputs.get("axis")
        return axis.value if isinstance(axis, Const) and isinstance(axis.value, int) else None
    parts = indices(node.inputs.get("index")) if node.op == "item" else []
    new = [place for place, part in enumerate(parts) if isinstance(part, Const) and part.value is None]
    return new[0] if len(new) == 1 and sum(map(is_whole_axis, parts)) == len(parts) - 1 else None


GATHERS = ("gather", "gather_nd", "take_along_axis", "item", "get_item", "select_row")  # as many as there are indices


def sources(node: Node) -> tuple[int, ...]:
    """The operands that hold as many elements as the result of an operation, or as it reduces."""
    operands = node.operands()
    if node.op in (*BINARY_OPS, "where", "stack", "concat", "hstack", "vstack", "dstack", "append"):
        return tuple(operand.index for _, operand in operands)
    indices = [operand.index for name, operand in operands if node.op in GATHERS and name in ("indices", "index")]
    return (*(operand.index for _, operand in operands[:1]), *indices)


def mask(node: Node) -> Value | None:
    """What an operation selects elements by, or finds the places of; None for any other."""
    if node.op == "boolean_mask":
        return node.inputs.get("mask")
    if "size" in node.inputs:
        return None  # jnp.nonzero(mask, size=8)
    if node.op == "nonzero":
        return node.inputs.get("x")
    return node.inputs.get("condition") if node.op == "where" and "x" not in node.inputs else None


def finds(node: Node) -> bool:
    """Whether a value holds the places that a mask holds at, as ``tf.where(mask)[:, 0]`` does."""
    while mask(node) is None and passes_on(node) and isinstance(inner := carrier(node), Node):
        node = inner
    return mask(node) is not None and node.op != "boolean_mask"


def counts(node: Node) -> int:
    """The operand whose elements or rows an operation counts, as ``tf.size(x)``, ``len(x)`` and ``tf.shape(x)[0]`` do; -1
    for any other."""
    x, index = node.inputs.get("x"), node.inputs.get("index")
    if node.op == "item" and isinstance(x, Node) and x.op in ("shape", "static_shape"):
        rows = isinstance(index, Const) and index.value == 0
        x = x.inputs.get("x") if rows else None
    elif node.op not in ("size", "python.len", "python_len") and not (
            node.op == "static_dim" and node.detail.get("axis") == 0):
        return -1
    return x.index if isinstance(x, Node) else -1


def has_rows(node: Node) -> bool:
    """Whether a selection without an element has rows again: ``x[mask].view(batch, -1)``, which are empty."""
    rows = node.inputs.get("shape")
    if isinstance(rows, Seq):
        rows = rows.items[0] if len(rows.items) > 1 else None
    elif "arg2" not in node.inputs:
        return False
    return node.op == "reshape" and (isinstance(rows, Node) or (plain_number(rows) or -1.0) > 0)


class Step:
    """A node with what evaluating it asks of the node alone: found once for all points."""

    def __init__(self, node: Node, precision: Precision, framework: str) -> None:
        self.node, self.index, self.op = node, node.index, node.op
        self.framework = node.framework or framework
        self.round = precision.round
        self.folding = folding(node) if precision.folded else None
        own, part_of = (node.index, ""), variable_of(node)
        self.variables = (own,) if part_of is None or part_of == own else (part_of, own)
        self.sources = sources(node)
        self.counts = counts(node)
        self.mask = mask(node)
        self.reduces_all = node.family == "reduce" and is_none(node.inputs.get("axis", NONE))
        self.keeps_rows = keeps_rows(node)
        self.has_rows = has_rows(node)
        self.averages = averages(node)
        self.passes_on = passes_on(node)
        self.passed = part_taken(node) or carrier(node)
        self.selected = self.averages or self.passes_on or node.op in PRIMITIVES or node.op in ("clip", "where")
        self.primitive, self.names = primitive_of(node)
        values = [node.inputs[name] for name in self.names]
        self.operands = None if any(isinstance(value, Seq) for value in values) else [*map(self._operand, values)]
        self.is_share = node.op == "div" and is_share(node)
        self.is_difference = is_difference(node)
        self.faces = faces(node)
        self.crosses = not self.faces and crosses(node)

    def _operand(self, value: Value) -> tuple[int, float]:
        """The node whose number an operand has, and the number of one that is no node of the cone."""
        if isinstance(value, Node):
            return value.index, 1.0
        if isinstance(value, Const) and isinstance(value.value, (bool, int, float)):
            return -1, self.round(float(value.value))
        return -1, 1.0


class Steps(dict[int, Step]):
    """The steps of one graph, each made when it is first asked for."""

    def __init__(self, graph: Graph, precisions: Mapping[int, Precision]) -> None:
        super().__init__()
        self._graph, self._precisions = graph, precisions

    def __missing__(self, index: int) -> Step:
        node = self._graph.nodes[index]
        self[index] = step = Step(node, self._precisions[index], self._graph.framework)
        return step
