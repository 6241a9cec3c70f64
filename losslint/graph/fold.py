"""Python values known while tracing: named constants and functions of numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from losslint.graph.values import Const, External, Value
from losslint.ops.table import canonical_name

FLOAT32_EPS = 2.0**-23
MAX_POWER = 64  # `2 ** 10**9` must not hang the linter
MAX_LENGTH = 10_000  # nor `"a" * 10**9`

NAMED: dict[str, object] = {
    "np.pi": math.pi, "np.e": math.e, "np.inf": math.inf, "np.Inf": math.inf, "np.nan": math.nan,
    "np.NINF": -math.inf, "np.newaxis": None, "np.euler_gamma": 0.5772156649015329, "tf.newaxis": None,
    "math.pi": math.pi, "math.e": math.e, "math.inf": math.inf, "math.nan": math.nan, "math.tau": math.tau,
    "sys.float_info.epsilon": 2.0**-52, "sys.float_info.min": 2.2250738585072014e-308,
    "sys.float_info.max": 1.7976931348623157e308, "sys.maxsize": 2**63 - 1, "typing.TYPE_CHECKING": False,
    "np.float32.eps": FLOAT32_EPS, "jnp.pi": math.pi, "jnp.inf": math.inf, "torch.pi": math.pi, "torch.inf": math.inf,
}  # fmt: skip

FINFO = {
    "float16": {"eps": 2.0**-10, "tiny": 2.0**-14, "max": 65504.0, "min": -65504.0, "smallest_normal": 2.0**-14},
    "bfloat16": {"eps": 2.0**-7, "tiny": 2.0**-126, "max": 3.3895e38, "min": -3.3895e38, "smallest_normal": 2.0**-126},
    "float32": {
        "eps": FLOAT32_EPS, "tiny": 2.0**-126, "max": 3.4028234663852886e38, "min": -3.4028234663852886e38,
        "smallest_normal": 2.0**-126,
    },
    "float64": {
        "eps": 2.0**-52, "tiny": 2.0**-1022, "max": 1.7976931348623157e308, "min": -1.7976931348623157e308,
        "smallest_normal": 2.0**-1022,
    },
}  # fmt: skip

CALLS: dict[str, Callable[..., object]] = {
    "keras.backend.epsilon": lambda: 1e-7,
    "keras.config.epsilon": lambda: 1e-7,
    "keras.backend.floatx": lambda: "float32",
    "keras.config.floatx": lambda: "float32",
    "keras.backend.image_data_format": lambda: "channels_last",
    "keras.config.image_data_format": lambda: "channels_last",
}
for _name in ("log", "exp", "sqrt", "sin", "cos", "tan", "tanh", "floor", "ceil", "log2", "log10", "log1p", "expm1"):
    CALLS[f"math.{_name}"] = CALLS[f"np.{_name}"] = getattr(math, _name)
CALLS |= {
    "math.pow": operator.pow, "np.power": operator.pow, "np.abs": abs, "np.absolute": abs, "np.square": lambda x: x * x,
    "np.maximum": max, "np.minimum": min, "np.float32": float, "np.float64": float, "np.float16": float,
    "np.int32": int, "np.int64": int, "np.isinf": math.isinf, "np.isnan": math.isnan, "np.isfinite": math.isfinite,
    "math.isinf": math.isinf, "math.isnan": math.isnan, "math.fabs": abs, "math.prod": math.prod,
}  # fmt: skip

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "pow": operator.pow,
    "floordiv": operator.floordiv, "mod": operator.mod, "and": operator.and_, "or": operator.or_,
    "xor": operator.xor, "lshift": operator.lshift, "rshift": operator.rshift,
    "equal": operator.eq, "not_equal": operator.ne, "less": operator.lt, "less_equal": operator.le,
    "greater": operator.gt, "greater_equal": operator.ge,
}  # fmt: skip


def named_constant(dotted: str) -> Const | None:
    """``np.pi``, ``math.inf``, ``np.newaxis`` ... by absolute dotted name."""
    name = canonical_name(dotted)
    return Const(NAMED[name]) if name in NAMED else None


def finfo_attribute(argument: Value | None, attribute: str) -> Const | None:
    """``np.finfo(np.float32).eps``; an unknown dtype counts as float32, the default of the frameworks."""
    word = argument.name if isinstance(argument, External) else getattr(argument, "value", "float32")
    dtype = str(word).rpartition(".")[2]
    value = FINFO.get(dtype, FINFO["float64" if dtype in ("float", "double") else "float32"]).get(attribute)
    return None if value is None else Const(value)


def call(dotted: str, args: list[Value], kwargs: dict[str, Value]) -> Const | None:
    """The result of a known function of known numbers, else None."""
    function = CALLS.get(canonical_name(dotted))
    if function is None or kwargs or not all(isinstance(a, Const) for a in args):
        return None
    try:
        return Const(function(*(a.value for a in args if isinstance(a, Const))))
    except (TypeError, ValueError, ArithmeticError):
        return None


def binary(op: str, left: Const, right: Const) -> Const | None:
    """``left op right`` on known values; None where Python would raise or the result would be huge."""
    a, b = left.value, right.value
    if op not in BINARY:
        return None
    if op in ("pow", "lshift") and isinstance(b, (int, float)) and abs(b) > MAX_POWER:
        return None
    if op == "mul" and any(isinstance(x, (str, bytes, tuple)) for x in (a, b)):
        lengths = [x if isinstance(x, int) else len(x) for x in (a, b) if isinstance(x, (int, str, bytes, tuple))]
        if math.prod(lengths) > MAX_LENGTH:
            return None
    try:
        return Const(BINARY[op](a, b))
    except (TypeError, ValueError, ArithmeticError, MemoryError):
        return None


def dtype_kind(name: str) -> str | None:
    """``float32`` -> ``float``, ``uint8`` -> ``int``, ``tf.bool`` -> ``bool`` ...; None for what is no dtype."""
    word = name.rpartition(".")[2].rstrip("_")
    for prefix, kind in _DTYPES:
        if word.startswith(prefix):
            return kind
    return None


_DTYPES = (
    ("float", "float"), ("bfloat", "float"), ("half", "float"), ("double", "float"), ("single", "float"),
    ("int", "int"), ("uint", "int"), ("long", "int"), ("short", "int"), ("bool", "bool"), ("complex", "complex"),
    ("string", "string"), ("str", "string"),
)  # fmt: skip
