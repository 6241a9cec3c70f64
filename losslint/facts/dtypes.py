"""The dtype of each TensorFlow tensor of a graph, as far as the code says it.

TensorFlow converts Python numbers and NumPy arrays to the dtype of the tensor they meet, and no tensor to that of another.
Measured with TensorFlow 2.21, in eager code and in graphs.
"""

from __future__ import annotations

from losslint.facts.array_dtypes import array_dtype
from losslint.facts.gradient import GradientFacts
from losslint.facts.shape import is_absent
from losslint.graph.nodes import Kind, Node
from losslint.graph.values import Const, External, Seq, Value
from losslint.ops.moves import MAKES_TENSOR
from losslint.project.roles import Role

FLOAT = "float"  # of a precision that is not known
UNLESS_TOLD = {
    "shape": "int32", "size": "int32", "rank": "int32", "argmax": "int64", "argmin": "int64", "count_nonzero": "int64",
    "argsort": "int32", "one_hot": "float32", "zeros": "float32", "ones": "float32", "eye": "float32",
}  # fmt: skip
DATA = ("x", "y", "values")  # the inputs whose dtype the result has
KEEPS = ("same", "float")  # results of operations, as the table names them
TOLD_BY = ("dtype", "out_type", "output_type")


def dtypes(gradient: GradientFacts, keras: str = "") -> dict[int, str]:
    """Dtype by node, ``int32`` or ``FLOAT`` say; nodes of which it is not known are left out.

    ``keras``: what Keras casts label and prediction to before it calls the loss; "" where something else calls it.
    """
    found: dict[int, str] = {}
    arrays: dict[int, str] = {}
    for node in gradient.graph.nodes:
        if node.kind is Kind.ARRAY:
            arrays[node.index] = array_dtype(node, arrays)
        elif node.kind is Kind.TENSOR and (dtype := _dtype(node, found, gradient, keras) or _of_array(node, arrays)):
            found[node.index] = dtype
    return found


def _of_array(node: Node, arrays: dict[int, str]) -> str:
    """The dtype of the tensor that a function of TensorFlow makes of one array alone."""
    given = [arrays.get(operand.index, "") for name, operand in node.operands() if name in DATA]
    alone = len(given) == 1 and node.framework == "tensorflow" and "dtype" not in node.inputs
    keeps = alone and node.operation is not None and node.operation.result in KEEPS and "y" not in node.inputs
    return given[0] if keeps and not _raises(node, given[0]) else ""


def differ(a: str, b: str) -> bool:
    """Whether two dtypes are certainly two."""
    return a != b and not (FLOAT in (a, b) and is_float(a) and is_float(b))


def is_float(dtype: str) -> bool:
    return "float" in dtype


def _dtype(node: Node, found: dict[int, str], gradient: GradientFacts, keras: str) -> str:
    if node.op == "param":
        if keras and node.role in (Role.PREDICTION, Role.LABEL):
            return keras
        return FLOAT if node.role is Role.PREDICTION and node.index in gradient.trained else ""
    if node.op in ("layer", "weight", "to_float"):
        return FLOAT
    told = next((node.inputs[name] for name in TOLD_BY if not is_absent(node.inputs.get(name))), None)
    if told is not None:
        return _name(told, found)
    if node.operation is not None and node.operation.result == "bool":
        return "bool"
    if node.framework not in ("", "tensorflow"):
        return ""
    if node.op in UNLESS_TOLD:
        return UNLESS_TOLD[node.op]
    if node.op in MAKES_TENSOR and not isinstance(node.inputs.get("x"), Node):
        return _written(node.inputs.get("x"))
    if node.op != "item" and (node.operation is None or node.operation.result not in KEEPS):
        return ""
    return _common(node, found)


def _common(node: Node, found: dict[int, str]) -> str:
    """The dtype that the tensors share which an operation takes."""
    tensors = [operand for name, operand in node.operands() if name in DATA and operand.kind in (Kind.TENSOR, Kind.UNKNOWN)]
    given = [found.get(tensor.index, "") for tensor in tensors]
    if not given or "" in given:
        return ""
    if node.op == "div" and not any(map(is_float, given)):
        return "float64"
    if len(set(given)) == 1:
        return "" if _raises(node, given[0]) else given[0]
    return FLOAT if all(map(is_float, given)) else ""


def _raises(node: Node, dtype: str) -> bool:
    """Whether an operation on tensors of one dtype gives nothing: a mean of booleans, an integer times 0.5."""
    fractions = any(isinstance(value, Const) and isinstance(value.value, float) for value in node.inputs.values())
    return (dtype == "bool" and node.family == "reduce") or (fractions and not is_float(dtype))


def _name(dtype: Value, found: dict[int, str]) -> str:
    """``tf.int32``, ``"int32"``, and ``x.dtype``."""
    if isinstance(dtype, Node):
        return next((found.get(operand.index, "") for _, operand in dtype.operands()), "") if dtype.op == "dtype_of" else ""
    name = dtype.name if isinstance(dtype, External) else dtype.value if isinstance(dtype, Const) else ""
    last = name.rpartition(".")[2] if isinstance(name, str) else ""
    return last if last[-1:].isdigit() or last == "bool" else ""


def _written(value: Value | None) -> str:
    """What TensorFlow makes of a number, or of a list of them."""
    numbers = _numbers(value)
    if not numbers or None in numbers:
        return ""
    if all(isinstance(number, bool) for number in numbers):
        return "bool"
    return "int32" if all(isinstance(number, int) for number in numbers) else "float32"


def _numbers(value: Value | None) -> list[bool | int | float | None]:
    if isinstance(value, Const):
        return [value.value if isinstance(value.value, (bool, int, float)) else None]
    if isinstance(value, Seq) and not value.open:
        return [number for item in value.items for number in _numbers(item)]
    return [None]
