"""Where two vectors meet: their squared distance, written out as ``|a|^2 + |b|^2 - 2 a.b``, is 0 there, and the cosine of
the angle between them is 1. No point of a single element shows either for vectors that are computed from several inputs, nor
that the covariance of two may be negative.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from losslint.facts.constants import plain_number
from losslint.graph.nodes import Node, below, carrier
from losslint.graph.values import Value
from losslint.ops.moves import SAME_NUMBERS

PRODUCTS = ("matmul", "dot", "einsum", "tensordot")  # of each vector with each
ANGLES = ("acos", "asin", "atanh")
BOUNDS = (*SAME_NUMBERS, "clip", "minimum", "maximum", "relu", "abs", "neg")
UNIT = ("l2_normalize", "normalize_vectors")
LENGTHS = ("norm", "euclidean_norm", "sqrt")
AVERAGES = ("mean", "avg_pool", "conv")
SPREAD = 0.0625  # of two values, one of which falls as the other rises
ROOTS = ("param", "layer", "variable", "weight", "attribute", "unknown", "placeholder")
LOST = 1e-6  # beside a product of two lengths
PLACES = (*SAME_NUMBERS, "item", "transpose", "matrix_transpose", "swapaxes", "broadcast_to", "permute_dimensions")


def meetings(nodes: Collection[Node]) -> Mapping[int, tuple[Node, Node]]:
    """Product -> the two tensors of vectors whose squared distances are computed from it."""
    found: dict[int, tuple[Node, Node]] = {}
    if not any(node.op in PRODUCTS for node in nodes):
        return found
    for node in nodes:
        if node.op not in ("add", "sub"):
            continue
        terms = list(_terms(node, 1.0))
        squares = [of for term, factor in terms if factor == 1.0 and (of := _squared(term)) is not None]
        for term, factor in terms:
            pair = [_unmoved(vectors) for vectors in _factors(term)] if term.op in PRODUCTS else []
            if len(pair) == 2 and factor * pair[0][1] * pair[1][1] == -2.0 and all(
                    any(vectors is of for of in squares) for vectors, _ in pair):
                found[term.index] = pair[0][0], pair[1][0]
    return found


def cosines(nodes: Collection[Node]) -> Mapping[int, tuple[Node, ...]]:
    """The cosine of an angle that a loss computes -> the two vectors that it is between; none where it is one of rotations.
    Also the sine is computed of it, as ``sqrt(1 - c * c)``."""
    found: dict[int, tuple[Node, ...]] = {}
    for node in nodes:
        cosine = _unbounded(node.inputs.get("x")) if node.op in (*ANGLES, "sqrt") else None
        if cosine is not None and node.op == "sqrt":
            squares = cosine.inputs.get("y") if cosine.op == "sub" and plain_number(cosine.inputs.get("x")) == 1.0 else None
            pair = _factors(squares) if isinstance(squares, Node) else []
            cosine = _unbounded(pair[0]) if len(pair) == 2 and pair[0] is pair[1] else None
        if cosine is not None and (vectors := _vectors(cosine)) is not None:
            found[cosine.index] = vectors
    return found


def covariances(nodes: Collection[Node]) -> Mapping[int, Mapping[int, float]]:
    """A covariance that a loss computes as ``mean(a * b) - mean(a) * mean(b)`` -> what it is, and the variances beside it,
    where ``a`` falls as ``b`` rises. Without the variances of both nothing is known of its size."""
    pairs: dict[int, list[Node]] = {}
    variances: dict[int, tuple[Node, float]] = {}
    for node in nodes:
        if node.op in ("var", "std") and isinstance(of := carrier(node), Node):
            variances[node.index] = of, SPREAD if node.op == "var" else SPREAD**0.5
        if node.op == "sub" and (pair := _averaged_product(node)) is not None:
            if pair[0] is pair[1]:
                variances[node.index] = pair[0], SPREAD
            elif _roots(pair[0]).isdisjoint(_roots(pair[1])):
                pairs[node.index] = pair
    known = {index: value for index, (_, value) in variances.items()}
    varied = [of for of, _ in variances.values()]
    return {
        index: {index: -SPREAD, **known}
        for index, pair in pairs.items() if all(any(of is one for of in varied) for one in pair)
    }  # fmt: skip


def _roots(value: Node) -> set[int]:
    """What a value is computed from that may be anything."""
    return {node.index for node in below([value]) if node.op in ROOTS}


def _averaged_product(difference: Node) -> list[Node] | None:
    """``a`` and ``b`` of ``mean(a * b) - mean(a) * mean(b)``, the same for a variance; None for anything else."""
    whole, parts = difference.inputs.get("x"), difference.inputs.get("y")
    if not isinstance(whole, Node) or not isinstance(parts, Node) or whole.op not in AVERAGES:
        return None
    product = whole.inputs.get("x")
    pair = _factors(product) if isinstance(product, Node) and product.op not in PRODUCTS else []
    means = [mean.inputs.get("x") for mean in _factors(parts) if parts.op not in PRODUCTS and mean.op == whole.op]
    return pair if len(pair) == 2 and means in (pair, pair[::-1]) else None


def _unbounded(value: Value | None) -> Node | None:
    """A value before it was kept within bounds."""
    while isinstance(value, Node) and value.op in BOUNDS:
        value = next((operand for _, operand in value.operands()), None)
    return value if isinstance(value, Node) else None


def _vectors(cosine: Node) -> tuple[Node, ...] | None:
    """The vectors whose cosine a value is: one is known to be of length 1, or it is divided by both lengths; None for
    anything else."""
    inner = cosine.inputs.get("x")
    if cosine.op in ("div", "mul"):
        less_one = next((o for _, o in cosine.operands() if o.op == "sub" and plain_number(o.inputs.get("y")) == 1.0), None)
        if cosine.op == "div" and less_one is None and isinstance(inner, Node) and _is_product_of_lengths(
                cosine.inputs.get("y")):
            return _factors_summed(inner)
        halved = (2.0 if cosine.op == "div" else 0.5) in (plain_number(v) for v in cosine.inputs.values())
        return () if halved and less_one is not None and _is_trace(_unbounded(less_one.inputs.get("x"))) else None
    pair = _factors_summed(cosine)
    if pair is None or not any(map(_is_unit, pair)) or not all(_is_unit(one) or _may_be_long(one) for one in pair):
        return None
    return pair


def _factors_summed(products: Node) -> tuple[Node, ...] | None:
    """The two vectors of ``sum(a * b)``; None for anything else."""
    inner = products.inputs.get("x")
    product = inner if products.op == "sum" and isinstance(inner, Node) and inner.op == "mul" else products
    pair = _factors(product) if products.op in ("sum", *PRODUCTS) else []
    return tuple(pair) if len(pair) == 2 else None


def _is_product_of_lengths(divisor: Value | None) -> bool:
    """``|a| * |b| + 1e-6``: the small number is lost beside vectors of some length, and a quotient by them is 1."""
    divisor = _without_guard(divisor)
    lengths = _factors(divisor) if isinstance(divisor, Node) and divisor.op == "mul" else []
    return len(lengths) == 2 and all(_measured(length) is not None for length in lengths)


def _without_guard(value: Value | None) -> Value | None:
    """A value before a number was added to it that is lost beside others, or kept it above one."""
    while isinstance(value, Node) and value.op in ("add", "maximum", "clip", *PLACES):
        names = ("x", "y") if value.op in ("add", "maximum") else ("x",)
        small = [plain_number(value.inputs.get(name)) for name in (*names, *(("low", "high") if value.op == "clip" else ()))]
        given = [number for number in small if number is not None]
        if any(not 0.0 <= number <= LOST for number in given) or (value.op in ("add", "maximum") and not given):
            return value
        value = value.inputs.get("y" if small[0] is not None else "x")
    return value


def _measured(length: Value | None) -> Node | None:
    """The vectors that a value is the length of; None where it is none."""
    length = _without_guard(length)
    if not isinstance(length, Node) or length.op not in LENGTHS:
        return None
    if length.op != "sqrt":
        inner = carrier(length)
        return inner if isinstance(inner, Node) else None
    squares = _without_guard(length.inputs.get("x"))
    return _squared(squares) if isinstance(squares, Node) else None


def _is_trace(value: Node | None) -> bool:
    """Whether a value is the trace of a matrix, or of the product of two as the sum of all ``a * b``."""
    if value is None or value.op in ("trace", "einsum"):
        return value is not None
    inner = _unbounded(value.inputs.get("x")) if value.op == "sum" else None
    return inner is not None and (
        inner.op == "diagonal" or (inner.op == "mul" and len([*inner.operands()]) == 2) or _is_trace(inner))


def _is_unit(vectors: Node) -> bool:
    """Whether vectors are of length 1: divided by theirs, or made of sines and cosines."""
    vectors, factor = _unmoved(vectors)
    if vectors.op == "div":
        return factor == 1.0 and _measured(vectors.inputs.get("y")) is not None
    parts = [operand for _, operand in vectors.operands()] if vectors.op in ("stack", "concat") else []
    return factor == 1.0 and (vectors.op in UNIT or (bool(parts) and all(map(_is_trigonometric, parts))))


def _may_be_long(vectors: Node) -> bool:
    """Whether nothing is known of how long vectors are: they are given, or come from a layer, as they are."""
    vectors, factor = _unmoved(vectors)
    return factor == 1.0 and vectors.op not in ("div", "mul", *UNIT)


def _is_trigonometric(value: Node) -> bool:
    value, _ = _unmoved(value)
    return value.op in ("sin", "cos") or (value.op == "mul" and all(map(_is_trigonometric, _factors(value))))


def _terms(value: Value | None, factor: float) -> Iterator[tuple[Node, float]]:
    """What a sum consists of, and by what number each is multiplied."""
    if not isinstance(value, Node):
        return
    value, scale = _unmoved(value)
    factor *= scale
    if value.op in ("add", "sub"):
        yield from _terms(value.inputs.get("x"), factor)
        yield from _terms(value.inputs.get("y"), -factor if value.op == "sub" else factor)
    else:
        yield value, factor


def _unmoved(node: Node) -> tuple[Node, float]:
    """A value before it was moved and multiplied by numbers, and their product."""
    factor = 1.0
    while True:
        numbers = [plain_number(node.inputs.get(name)) for name in ("x", "y")] if node.op == "mul" else []
        number = next((number for number in numbers if number is not None), None)
        other = "y" if numbers and numbers[0] is not None else "x"
        inner = node.inputs.get(other) if node.op in PLACES or node.op == "neg" or number is not None else None
        if not isinstance(inner, Node):
            return node, factor
        factor *= -1.0 if node.op == "neg" else number if number is not None else 1.0
        node = inner


def _squared(node: Node) -> Node | None:
    """The vectors that a node holds the squared lengths of."""
    squares = node.inputs.get("x") if node.op == "sum" else node if node.op == "einsum" else None
    pair = [_unmoved(vectors)[0] for vectors in _factors(squares)] if isinstance(squares, Node) else []
    return pair[0] if len(pair) == 2 and pair[0] is pair[1] else None


def _factors(node: Node) -> list[Node]:
    """What an operation multiplies, a square both times."""
    operands = [operand for _, operand in node.operands()]
    if node.op == "square" or (node.op == "pow" and plain_number(node.inputs.get("y")) == 2.0):
        return operands * 2
    return operands if node.op in ("mul", *PRODUCTS) else []
