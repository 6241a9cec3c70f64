"""The floating-point formats a loss is computed in, and which node is computed in which."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

from losslint.facts.float32 import INF, f32, kept_small
from losslint.graph.nodes import Graph, Node
from losslint.graph.values import Const, External, Value


class Precision(NamedTuple):
    """A floating-point format, as the rounding of a number to it."""

    name: str
    round: Callable[[float], float]
    folded: bool = False  # whether graph mode moves the constants of ``(1 - p) + c`` together: measured, not in halves


def f16(x: float) -> float:
    """``x`` rounded to float16. Its subnormals are kept: the kernels compute in float32."""
    try:
        (rounded,) = struct.unpack("e", struct.pack("e", x))
    except OverflowError:
        return math.copysign(INF, x)
    return float(rounded)


def bf16(x: float) -> float:
    """``x`` rounded to bfloat16: the upper half of a float32, nearest, ties to even."""
    x = f32(x)
    if not math.isfinite(x):
        return x
    (bits,) = struct.unpack("I", struct.pack("f", x))
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    return float(struct.unpack("f", struct.pack("I", bits))[0])


FLOAT32 = Precision("float32", f32, folded=True)
FLOAT32_OF_TORCH = Precision("float32", kept_small, folded=True)
FLOAT16 = Precision("float16", f16)
BFLOAT16 = Precision("bfloat16", bf16)
FLOAT64 = Precision("float64", float, folded=True)  # what Python itself computes in
PRECISIONS = {
    "float32": FLOAT32, "float": FLOAT32, "float64": FLOAT64, "double": FLOAT64, "float16": FLOAT16, "half": FLOAT16,
    "bfloat16": BFLOAT16,
}  # fmt: skip
CASTS = ("cast", "convert_to_tensor", "constant", "tensor")


def precisions(graph: Graph) -> Mapping[int, Precision]:
    """The precision that each node of a graph is computed in, by index: that of its operands, or what a cast says."""
    single = FLOAT32_OF_TORCH if graph.framework == "torch" else FLOAT32
    known = PRECISIONS | dict.fromkeys(("float32", "float"), single)
    usual = known.get(graph.floatx, single)
    found: dict[int, Precision] = {}
    for node in graph.nodes:
        dtype = node.inputs.get("dtype")
        given = next((p for _, o in node.operands() if (p := found.get(o.index, usual)) is not usual), usual)
        if node.op == "to_float":  # tf.to_double(x), x.half()
            found[node.index] = known.get(node.name.rpartition(".")[2].removeprefix("to_"), usual)
        elif node.op in CASTS and isinstance(dtype, Node):  # x.dtype
            found[node.index] = next((found.get(o.index, usual) for _, o in dtype.operands()), usual)
        elif node.op in CASTS and dtype is not None:
            found[node.index] = known.get(_dtype_name(dtype), usual if node.op == "cast" else given)
        else:
            found[node.index] = given
    return found


def _dtype_name(dtype: Value | None) -> str:
    name = dtype.name if isinstance(dtype, External) else str(dtype.value) if isinstance(dtype, Const) else ""
    return name.rpartition(".")[2]
