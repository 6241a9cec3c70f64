"""The dtype of NumPy arrays, as far as the code says it: what NumPy draws and fills is float64, unlike PyTorch's tensors."""

from __future__ import annotations

from collections.abc import Mapping

from losslint.facts.shape import is_absent
from losslint.graph.nodes import Node, nodes_in
from losslint.graph.values import Const, External, Seq, Value

DOUBLE = "float64"
NAMES = {  # of NumPy's and Python's types, also in quotes
    "float": DOUBLE, "double": DOUBLE, "f8": DOUBLE, DOUBLE: DOUBLE, "single": "float32", "f4": "float32",
    "int": "int64", "long": "int64", "bool": "bool", "bool_": "bool",
    **{name: name for name in ("float32", "int64", "int32", "int16", "int8", "uint8")},
}  # fmt: skip
DRAWS = {
    **dict.fromkeys(["rand", "randn", "random", "random_sample", "normal", "uniform", "standard_normal", "exponential",
                     "gamma", "beta", "lognormal", "laplace", "multivariate_normal"], DOUBLE),
    **dict.fromkeys(["randint", "integers", "poisson", "binomial"], "int64"),
}  # fmt: skip
FILLS = ("zeros", "ones", "eye", "linspace", "logspace")  # float64 unless told
MOVES = ("hstack", "vstack", "concat", "stack", "expand_dims", "squeeze", "reshape", "ravel", "transpose", "item", "tile",
         "repeat", "flip", "roll")  # fmt: skip
METHODS = ("reshape", "copy", "ravel", "flatten", "squeeze", "transpose", "mean", "std", "sum", "max", "min")


def array_dtype(node: Node, found: Mapping[int, str]) -> str:
    """The dtype of an array, where those of its operands are known; "" where it is not known."""
    if not is_absent(told := node.inputs.get("dtype")):
        return type_named(told)
    if node.op == "array_method":
        return type_named(node.inputs.get("arg0")) if node.name == "astype" else (
            of_data(node, found) if node.name in METHODS else "")
    if node.op == "numpy_random":
        return DRAWS.get(node.name.rpartition(".")[2], "")
    if node.op in FILLS:
        return DOUBLE
    if node.op == "convert_to_tensor" and isinstance(value := node.inputs.get("x"), Seq):
        return DOUBLE if holds_fraction(value) else ""
    if node.op == "attribute":
        return of_data(node, found) if node.name == "T" else ""
    keeps = node.op in (*MOVES, "convert_to_tensor") or node.family in ("elementwise", "reduce", "linear")
    return of_data(node, found) if keeps else ""


def type_named(value: Value | None) -> str:
    """``np.float32``, ``"float32"``, ``float``."""
    name = value.name if isinstance(value, External) else value.value if isinstance(value, Const) else ""
    return NAMES.get(name.rpartition(".")[2], "") if isinstance(name, str) else ""


def of_data(node: Node, found: Mapping[int, str]) -> str:
    """What arrays of one dtype give, alone or beside numbers: of one float64 array float64."""
    dtypes = {found.get(operand.index, "") for value in node.inputs.values() for operand in nodes_in(value)}
    return dtypes.pop() if len(dtypes) == 1 and dtypes <= {DOUBLE, "float32"} else ""


def holds_fraction(value: Value) -> bool:
    """Whether a list of numbers, as it is written, holds one that is no integer."""
    if isinstance(value, Seq):
        return not value.open and any(map(holds_fraction, value.items))
    return isinstance(value, Const) and isinstance(value.value, float)
