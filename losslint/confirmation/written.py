"""Inputs as users write them, in settings and in comments: ``float32[8, 10] in [0, 1]``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from losslint.confirmation.program import TensorSpec

SPEC = re.compile(
    r"\s*(?P<dtype>u?int(?:8|16|32|64)|float(?:16|32|64)|bfloat16|bool)\s*\[(?P<shape>[^\]]*)\]"
    r"(?:\s+in\s*\[\s*(?P<low>[^,\]]+),\s*(?P<high>[^\]]+)\])?(?:\s+(?P<values>[a-z]+))?\s*")
PART = re.compile(r"(?:[^,\[\]]|\[[^\]]*\]?|\])+")  # up to a comma outside of brackets
NAMED = re.compile(r"\s*(?P<name>[^\W\d]\w*)\s*=(?P<spec>.*)", re.DOTALL)
EXAMPLE = "write it like 'float32[8, 10] in [0, 1]', 'float32[8, 1] binary' for zeros and ones, or 'int32[8] class'"
VALUES = (
    "real", "logits", "probability", "simplex", "binary", "onehot", "class", "positive", "nonnegative", "unit", "mask",
    "weight", "image", "integer", "constant",
)  # fmt: skip


def parse_spec(text: str) -> TensorSpec:
    """``float32[8, 10] in [0, 1]``, ``int32[8] in [0, 9]``, ``float32[8, 10] simplex``; the result has no name yet.

    Raises:
        ValueError: it is something else; the message says what is expected.
    """
    match = SPEC.fullmatch(text)
    shape = match and [part.strip() for part in match["shape"].split(",") if part.strip()]
    if match is None or shape is None or not all(part.isdecimal() for part in shape):
        raise ValueError(f"{text.strip()!r} is no input; {EXAMPLE}")
    values = match["values"]
    if values is not None and values not in VALUES:
        raise ValueError(f"unknown kind of values {values!r} in {text!r}; one of {', '.join(VALUES)}")
    try:
        low, high = (None if match[end] is None else float(match[end]) for end in ("low", "high"))
    except ValueError:
        raise ValueError(f"the range in {text!r} must be two numbers") from None
    if low is not None and high is not None and not -inf < low <= high < inf:
        raise ValueError(f"the range in {text!r} must be two finite numbers, the lower one first")
    whole = match["dtype"].startswith(("int", "uint"))
    classes = int(high) + 1 if whole and high is not None and (low or 0) >= 0 else 0
    default = "class" if classes else "integer" if whole else "binary" if match["dtype"] == "bool" else "real"
    return TensorSpec("", tuple(int(part) for part in shape), match["dtype"], values or default,
                      classes=classes, low=low, high=high)


@dataclass(frozen=True)
class Written:
    """One part of a comment, ``y_pred=float32[8, 10]``, and where in the text it begins; an error in place of a spec that
    cannot be read."""

    text: str
    start: int
    name: str = ""
    spec: TensorSpec | None = None
    error: str = ""


def parse_parts(text: str) -> Iterator[Written]:
    """What stands behind ``# losslint: inputs``: ``y_true=int32[8] in [0, 9], y_pred=float32[8, 10]``."""
    for part in PART.finditer(text):
        bare = part.group().strip()
        start = part.start() + len(part.group()) - len(part.group().lstrip())
        named = NAMED.fullmatch(bare)
        if named is None:
            yield Written(bare, start, error=f"{bare!r} names no argument; write y_pred=float32[8, 10] in [0, 1]")
            continue
        try:
            yield Written(bare, start, named["name"], parse_spec(named["spec"]))
        except ValueError as error:
            yield Written(bare, start, named["name"], error=str(error))
