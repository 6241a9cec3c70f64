"""The floating-point formats a loss is computed in, and which node is computed in which."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from losslint.facts.float32 import INF, f32
from losslint.graph.nodes import Node
from losslint.graph.values import Const, External, Value


class Precision(NamedTuple):
    """A floating-point format, as the rounding of a number to it."""

    name: str
    round: Callable[[float], float]


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


FLOAT32 = Precision("float32", f32)
FLOAT16 = Precision("float16", f16)
BFLOAT16 = Precision("bfloat16", bf16)
HALVES = {"float16": FLOAT16, "half": FLOAT16, "bfloat16": BFLOAT16}


def halves_among(nodes: Iterable[Node]) -> Mapping[int, Precision]:
    """The nodes, in execution order, that casts leave with half of the digits, by index; all others have float32."""
    found: dict[int, Precision] = {}
    for node in nodes:
        if node.op == "cast":
            precision = HALVES.get(_dtype_name(node.inputs.get("dtype")))
        else:
            precision = next((found[o.index] for _, o in node.operands() if o.index in found), None)
        if precision is not None:
            found[node.index] = precision
    return found


def _dtype_name(dtype: Value | None) -> str:
    name = dtype.name if isinstance(dtype, External) else str(dtype.value) if isinstance(dtype, Const) else ""
    return name.rpartition(".")[2]
