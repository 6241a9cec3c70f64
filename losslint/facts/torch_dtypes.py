"""The dtype of each PyTorch tensor of a graph, as far as the code says it.

PyTorch promotes what arithmetic puts together and keeps the dtype of what it moves; measured with PyTorch 2.13. Of
floating-point numbers it is told which are certainly float32 and which float64, as NumPy's are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from losslint.facts.array_dtypes import DOUBLE, array_dtype
from losslint.facts.dtypes import FLOAT
from losslint.facts.gradient import GradientFacts
from losslint.facts.shape import is_absent
from losslint.graph.nodes import Kind, Node
from losslint.graph.values import Const, External, Seq, Value
from losslint.ops.table import Operation, lookup
from losslint.project.roles import Role

ORDER = ("bool", "uint8", "int8", "int16", "int32", "int64")  # of two that meet, the later one
INT64 = ORDER[-1]
SINGLE = "float32"
FLOATING = (FLOAT, SINGLE, DOUBLE)
NAMES = {  # of dtypes, of the methods that cast to them, and of the types of tensors
    "long": INT64, "int": "int32", "short": "int16", "char": "int8", "byte": "uint8", "LongTensor": INT64,
    "IntTensor": "int32", "ShortTensor": "int16", "CharTensor": "int8", "ByteTensor": "uint8", "BoolTensor": "bool",
    **{name: name for name in ORDER},
    **dict.fromkeys(["float", "float32", "FloatTensor"], SINGLE),
    **dict.fromkeys(["double", DOUBLE, "DoubleTensor"], DOUBLE),
    **dict.fromkeys(["half", "bfloat16", "float16", "HalfTensor"], FLOAT),
}
OF_PYTHON = {"builtins.float": DOUBLE, "builtins.int": INT64, "builtins.bool": "bool"}  # fmt: skip
INDICES = ("argmax", "argmin", "argsort", "nonzero", "searchsorted", "one_hot", "categorical", "count_nonzero",
           "bucketize")
FLOATS = ("mean", "div", "norm", "std", "var")  # whatever goes in, where it runs at all
UNTOLD = ("random", "layer", "weight")  # floating-point numbers, and no more is known
FILLED = ("torch.zeros", "torch.ones", "torch.eye", "torch.linspace", "torch.empty", "torch.rand", "torch.randn")
TAKES_FLOATS = ("torch.Tensor", "torch.FloatTensor")
DRAWN = ("torch.randint", "torch.randperm")
COUNTED = ("sum", "prod", "cumsum", "cumprod")  # of booleans and integers they make int64
KEEPS = ("move", "gather", "detach", "cast")  # families whose results have the dtype of x
PROMOTES = ("elementwise", "compare", "reduce", "discrete", "round", "sign")
WHOLE = (  # make integers of integers and booleans; whatever else promotes makes floating-point numbers of them
    "phi", "tensor", "fill", "add", "sub", "mul", "neg", "abs", "pow", "mod", "fmod", "square", "maximum", "minimum", "clip",
    "where", "relu", "sort", "diff", "gcd", "bitwise", "logical_and", "logical_or", "logical_not", "max", "min", "median",
    "nan_to_num", "trace", "range", "identity", "convert_to_tensor", "ravel", "rot90", "floordiv", "floor", "ceil", "round",
    "trunc", "sign", *COUNTED,
)  # fmt: skip


@dataclass(frozen=True)
class Done:
    """What PyTorch does at a node."""

    op: str
    operation: Operation | None
    name: str  # without what it stands in: ``long`` for ``torch.Tensor.long``
    inputs: dict[str, Value]
    is_operator: bool

    @property
    def family(self) -> str:
        return self.operation.family if self.operation is not None else ""


def torch_dtypes(gradient: GradientFacts, default: str = FLOAT) -> dict[int, str]:
    """Dtype by node, ``int64`` or ``FLOAT`` say; nodes of which it is not known are left out.

    ``default``: that of the layers of the file, and of what is made of numbers.
    """
    found: dict[int, str] = {}
    for node in gradient.graph.nodes:
        if dtype := _dtype(node, found, gradient, default):
            found[node.index] = dtype
    return found


def _dtype(node: Node, found: dict[int, str], gradient: GradientFacts, default: str) -> str:
    if node.op == "param":
        return FLOAT if node.role is Role.PREDICTION and node.index in gradient.trained else ""
    if node.kind is Kind.ARRAY:
        return array_dtype(node, found)
    done = _done(node)
    if done is None or not (node.kind is Kind.TENSOR or _shows_tensor(done, found)):
        return ""
    if is_absent(done.inputs.get("dtype")) and (node.name in FILLED or isinstance(node.detail.get("object"), External)):
        return default
    return _result(done, node.name, found)


def _shows_tensor(done: Done, found: dict[int, str]) -> bool:
    """Whether only a tensor has the method, takes the dtype, or comes of what is known to be one."""
    if done.name in NAMES or (done.op == "cast" and any(_named(value, found) for value in done.inputs.values())):
        return True
    return any(leaf.index in found for leaf in _leaves(done.inputs) if isinstance(leaf, Node))


def _done(node: Node) -> Done | None:
    """What a node does, also where nothing but the method says that a value is a tensor: ``y.long()``."""
    if node.op != "unknown":
        return Done(node.op, node.operation, node.name.rpartition(".")[2], node.inputs, node.api is None)
    method = node.inputs.get("function")
    if not isinstance(method, Node) or method.op != "attribute":
        return None
    api = lookup(f"torch.Tensor.{method.name}")
    rest = {name: value for name, value in node.inputs.items() if name != "function"}
    if api is None:
        return None
    return Done(api.operation.name, api.operation, method.name, {"x": method.inputs["x"], **rest}, False)


def _result(done: Done, name: str, found: dict[int, str]) -> str:
    if done.op == "cast":
        return _cast(done, found)
    if not is_absent(told := done.inputs.get("dtype")):
        return _named(told, found)
    if done.family in ("cast", "detach") and done.name in NAMES:
        return NAMES[done.name]
    if done.op in INDICES or name in DRAWN:
        return INT64
    if name in TAKES_FLOATS:
        return SINGLE
    if done.op in UNTOLD:
        return FLOAT
    if done.op in FLOATS and "rounding_mode" not in done.inputs:
        return common if (common := _promoted(done, found)) in FLOATING else FLOAT
    is_test = done.operation is not None and done.operation.result == "bool"
    if is_test and not (done.is_operator and done.op.startswith("logical")):  # ~, & and | of integers make integers
        return "bool"
    if done.op in ("item", "zeros_like", "ones_like") or (done.family in KEEPS and done.op != "tensor"):
        return _of(done.inputs.get("x"), found) if not _may_be_part(done) else ""
    if done.op in ("phi", "tensor", "fill") or done.family in PROMOTES:
        common = _promoted(done, found)
        if common not in ORDER:
            return common
        return "" if done.op not in WHOLE or done.name == "float_power" else INT64 if done.op in COUNTED else common
    return ""


def _may_be_part(done: Done) -> bool:
    """Whether a value is taken out of what a model gives, which may be a dictionary or a tuple."""
    x = done.inputs.get("x")
    return done.op == "item" and isinstance(x, Node) and x.op == "layer" and not isinstance(done.inputs.get("index"), Seq)


def _cast(done: Done, found: dict[int, str]) -> str:
    """``y.to(torch.long)``, ``y.to(scores)``, ``y.to(device)``, ``y.type("torch.LongTensor")``."""
    rest = [value for name, value in done.inputs.items() if name != "x"]
    told = next((dtype for value in rest if (dtype := _named(value, found) or _of(value, found))), "")
    return told or (_of(done.inputs.get("x"), found) if all(map(_is_device, rest)) else "")


def _is_device(value: Value) -> bool:
    """Whether a value is a device, by what it is called where it is not known, or a flag beside it."""
    name = value.name if isinstance(value, (Node, External)) else "device"
    return isinstance(value, Const) or name.removesuffix("()").rpartition(".")[2].lower() in ("device", "dev")


def _named(value: Value | None, found: dict[int, str]) -> str:
    """``torch.long``, ``"torch.LongTensor"``, ``x.dtype``."""
    if isinstance(value, Node):
        return _of(value.inputs.get("x"), found) if value.op == "dtype_of" else ""
    name = value.name if isinstance(value, External) else value.value if isinstance(value, Const) else ""
    return OF_PYTHON.get(name) or NAMES.get(name.rpartition(".")[2], "") if isinstance(name, str) else ""


def _of(value: Value | None, found: dict[int, str]) -> str:
    return found.get(value.index, "") if isinstance(value, Node) else ""


def _promoted(done: Done, found: dict[int, str]) -> str:
    """The dtype that an operation computes in: a number counts among tensors by its kind alone."""
    leaves = [*_leaves({name: value for name, value in done.inputs.items() if name not in ("axis", "condition", "shape")})]
    tensors = [_of(leaf, found) for leaf in leaves if not isinstance(leaf, Const)]
    numbers = [leaf.value for leaf in leaves if isinstance(leaf, Const) and leaf.value is not None]
    floats = {dtype for dtype in tensors if dtype in FLOATING}
    if done.op == "phi" and (floats or "" in tensors):  # one or the other
        return (floats.pop() if len(floats) == 1 else FLOAT) if {*tensors} <= {*FLOATING} else ""
    if floats:
        return floats.pop() if len(floats) == 1 and "" not in tensors else FLOAT  # one without axes gives way
    if any(isinstance(number, float) for number in numbers):
        return FLOAT
    if "" in tensors or not all(isinstance(number, (bool, int)) for number in numbers) or not leaves:
        return ""
    largest = max(tensors, key=ORDER.index, default="bool")
    return INT64 if largest == "bool" and not all(isinstance(number, bool) for number in numbers) else largest


def _leaves(inputs: dict[str, Value]) -> Iterator[Value]:
    stack = list(inputs.values())
    while stack:
        value = stack.pop()
        if isinstance(value, Seq) and not value.open:
            stack += value.items
        else:
            yield value
