"""What is known of an operation, in plain words: the text of ``losslint explain``."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from losslint.ops.explain import ABSENT, LEAVES, NONE, NOTHING, RAISES, REFUSED, YES, ZERO, Explanation, Point
from losslint.ops.table import ALL, FAMILIES

WIDTH = 100
LABEL = 11
NUMBERS = {"inf": "infinite", "-inf": "-infinite", "nan": "NaN"}
CONSEQUENCES = {
    ("tensorflow", NONE): "None: `tape.gradient` gives None, and where no other path is left Keras `fit` raises "
                          "`No gradients provided for any variable`.",
    ("tensorflow", RAISES): "`tape.gradient` raises LookupError: no gradient is registered for it.",
    ("torch", NONE): "the result has no `grad_fn`; where no other path is left `backward()` raises "
                     "`element 0 of tensors does not require grad`.",
    ("torch", RAISES): "`backward()` raises.",
    ("jax", RAISES): "`jax.grad` raises.",
}  # fmt: skip
GONE = {"TensorFlow 1": "It was removed in TensorFlow 2.", "Keras 2": "It was removed in Keras 3.",
        "NumPy 1": "It was removed in NumPy 2."}
NOTES = {"tf.keras only": "Only as `tf.{name}`: the keras package has no such function in Keras 3.",
         "keras only": "Only in the keras package: tf.keras has no such function in Keras 3."}


def text(explanation: Explanation) -> str:
    """Everything about one name."""
    api = explanation.api
    lines = [f"{api.name}: {explanation.verdict}", f"  {FAMILIES[api.operation.family]}", ""]
    for label, sentence in _paragraphs(explanation):
        lines += textwrap.wrap(sentence, WIDTH, initial_indent=f"{label:<{LABEL}}", subsequent_indent=" " * LABEL,
                               break_long_words=False, break_on_hyphens=False)
    if explanation.points:
        lines += ["", *_table(explanation)]
    return "\n".join(lines).rstrip() + "\n"


def _paragraphs(explanation: Explanation) -> Iterator[tuple[str, str]]:
    api = explanation.api
    if explanation.verdict == ABSENT:
        yield "", GONE.get(api.note) or explanation.remark or "There is no such method or function."
    elif explanation.verdict not in (NOTHING, REFUSED):
        yield "gradient", _gradient(explanation)
        if modes := _modes(explanation):
            yield "modes", modes
    if api.note in NOTES:
        yield "where", NOTES[api.note].format(name=api.name)
    if explanation.remark and explanation.verdict != ABSENT:
        yield "note", explanation.remark
    if explanation.instead:
        yield "instead", explanation.instead


def _gradient(explanation: Explanation) -> str:
    library = "tensorflow" if explanation.api.framework == "keras" else explanation.api.framework
    if explanation.verdict == ZERO:
        return "exactly 0 everywhere: training runs without a word and learns nothing through it."
    if explanation.verdict == LEAVES:
        return "none comes back: the result is computed outside of the framework, from plain numbers."
    if explanation.verdict != YES:
        return CONSEQUENCES.get((library, explanation.verdict), "none comes back.")
    if ALL in explanation.flows:
        return "flows through every tensor that goes in."
    cut = explanation.api.operation.cut
    effect = {"zero": "exactly 0", "raises": "an error"}.get(cut, "None" if library == "tensorflow" else "no gradient")
    rest = f" Through {_listed(explanation.others)}: {effect}." if explanation.others and cut != "-" else ""
    return f"flows through {_listed(explanation.flows)}.{rest}"


def _modes(explanation: Explanation) -> str:
    """Whether it depends on eager code, a graph or XLA, where that is known."""
    if explanation.remark:
        return ""
    if explanation.verdict == LEAVES:
        return "in eager code it runs; in a graph (Keras `fit`, `tf.function`) it raises, for the tensor has no value yet."
    if explanation.api.framework not in ("tensorflow", "keras"):
        return ""
    if explanation.verdict == YES and not explanation.points:
        return "the same in eager code and in a graph."
    differs = any("/" in cell for point in explanation.points for cell in (point.value, point.slope, point.behind_mask))
    return "the same in eager code, in a graph and under XLA" + (", but for the points below." if differs else ".")


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _table(explanation: Explanation) -> Iterator[str]:
    """The points, each with what replaces the operation there."""
    yield "where value or slope is infinite, undefined or zero (TensorFlow, float32):"
    points = explanation.points
    width = max(len(_at(point)) for point in points)
    for point in points:
        yield f"  {_at(point):<{width}}  {', '.join(_effects(point))}"
        if point.instead:
            yield from textwrap.wrap(f"instead: {point.instead}", WIDTH, initial_indent=" " * (width + 4),
                                     subsequent_indent=" " * (width + 4), break_long_words=False, break_on_hyphens=False)


def _at(point: Point) -> str:
    return ", ".join(word.replace(",", ", ").replace("=", " = ") for word in point.at.split())


def _effects(point: Point) -> Iterator[str]:
    if point.value != "-":
        yield f"value {_number(point.value)}"
    if point.slope != "-":
        yield f"slope {_number(point.slope)}"
    if point.behind_mask not in ("-", "0"):
        yield f"behind tf.where or a mask of zeros {_number(point.behind_mask)}"


def _number(cell: str) -> str:
    usual, _, xla = cell.partition("/")
    words = NUMBERS.get(usual, usual)
    return f"{words} (under XLA {NUMBERS.get(xla, xla)})" if xla else words


def listing(explanations: Iterable[Explanation]) -> str:
    """One name a line, with the arguments that a gradient flows through: ``differentiable  tf.where (x, y)``."""
    known = list(explanations)
    width = max((len(one.verdict) for one in known), default=0)
    return "".join(f"{one.verdict:<{width}}  {one.api.name}{_through(one)}\n" for one in known)


def _through(explanation: Explanation) -> str:
    named = ", ".join(name for name in explanation.flows if name != ALL)
    return f" ({named})" if named else ""


def as_json(explanations: Iterable[Explanation]) -> str:
    """The explanations as a list of objects."""
    return json.dumps([_object(e) for e in explanations], indent=2) + "\n"


def _object(explanation: Explanation) -> dict[str, Any]:
    api = explanation.api
    return {
        "name": api.name, "framework": api.framework, "operation": api.operation.name, "family": api.operation.family,
        "verdict": explanation.verdict, "differentiable": explanation.verdict == YES,
        "flows": list(explanation.flows), "result": api.operation.result, "note": api.note or None,
        "remark": explanation.remark or None, "instead": explanation.instead or None,
        "text": "\n".join(f"{label} {sentence}".strip() for label, sentence in _paragraphs(explanation)),
        "points": [_point(point) for point in explanation.points],
    }  # fmt: skip


def _point(point: Point) -> dict[str, Any]:
    numbers = {"value": point.value, "slope": point.slope, "slope_behind_mask": point.behind_mask}
    usual = {key: cell.partition("/")[0] for key, cell in numbers.items()}
    xla = {key: cell.rpartition("/")[2] for key, cell in numbers.items()}
    return {"at": point.at, **usual, "xla": xla, "instead": point.instead or None}
