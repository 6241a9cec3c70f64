"""A witness in words and as code. Imports no framework: it is printed by the main process."""

from __future__ import annotations

import math
from collections.abc import Mapping

from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.tiers import numbers

LONG = 120  # characters of an error
MOST_NUMBERS = 8  # in a sentence
REPEATED = 3  # items that are written once, in code


OF_THE_INPUTS = (Outcome.BAD_VALUE, Outcome.BAD_GRADIENT, Outcome.FINE)


def sentence(seen: Observation) -> str:
    """``y_true=[1.], logits=[-88.] -> loss inf, gradient [nan]``; what happens with any inputs is told without them."""
    inputs = ", ".join(f"{name}={compact(value)}" for name, value in seen.inputs.items())
    if seen.grown:
        return ", ".join(f"{what} {factor:g} times as large" for what, factor in seen.grown.items()) + f" -> {effect(seen)}"
    corner = seen.outcome is Outcome.ZERO_GRADIENT and seen.detail
    return f"{inputs} -> {effect(seen)}" if inputs and (corner or seen.outcome in OF_THE_INPUTS) else effect(seen)


def seen_in(seen: Observation) -> str:
    """What was seen, with its mode: ``in fit: y_true=[1.], ... -> loss inf, gradient [nan]``."""
    return f"in {MODES.get(seen.mode, seen.mode)}: {sentence(seen)}"


MODES = {"eager": "eager code", "autograph": "tf.function", "graph": "graph mode", "xla": "XLA", "jit": "jax.jit",
         "load": "the import"}  # fmt: skip


ASKED = "the gradient that is asked for is None"
DETAILED = (Outcome.WRONG_GRADIENT, Outcome.JUMP, Outcome.FROZEN, Outcome.CONTRACT, Outcome.HOLDS)  # the detail says it all


def effect(seen: Observation) -> str:
    """What a run gave."""
    if seen.outcome is Outcome.RAISES or (seen.error and seen.loss is None):
        return shortened(seen.error)
    if seen.outcome in DETAILED and seen.detail:
        return seen.detail
    through = f", lost in {seen.operation}" if seen.operation else ""
    if seen.outcome is Outcome.NO_GRADIENT:
        return ASKED if seen.operation == "gradient" else f"gradient None{through}"
    if seen.outcome is Outcome.ZERO_GRADIENT and not seen.detail:
        return f"gradient 0 everywhere{through}"
    if seen.outcome is Outcome.DEAD_TERM:
        return seen.detail or f"{seen.operation} passes no gradient on"
    if seen.outcome is Outcome.UNUSED:
        return f"nothing uses the result of {seen.operation}"
    loss = "" if seen.loss is None else f"loss {compact(seen.loss)}, "
    if seen.gradient is None and seen.outcome is Outcome.BAD_GRADIENT:  # of the weights of a step, which nobody lists
        return f"{loss}a gradient of the weights that is not finite"
    if seen.gradient is None and loss:
        return loss.rstrip(", ")
    return f"{loss}gradient {gradient(seen.gradient)}"


def shortened(error: str) -> str:
    """The first sentence of a long message; TensorFlow's go on with advice."""
    first, stop, _ = error.partition(". ")
    return first + stop.strip() if len(error) > LONG and stop else error[: 2 * LONG]


def gradient(value: object) -> str:
    """A gradient: the numbers of the one input that has them, else each by name."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            return compact(next(iter(value.values())))
        return ", ".join(f"{name}={compact(inner)}" for name, inner in value.items())
    return compact(value)


def compact(value: object) -> str:
    """Numbers as NumPy prints them: ``[1., -88.]``; more than a few are cut short."""
    shape = _shape(value)
    if math.prod(shape) <= MOST_NUMBERS:
        return _brackets(value, [MOST_NUMBERS])
    different = set(map(_number, numbers(value)))
    text = f"{different.pop()} everywhere," if len(different) == 1 else _brackets(value, [MOST_NUMBERS])
    return f"{text} of shape {shape}"


def _brackets(value: object, left: list[int]) -> str:
    if not isinstance(value, (list, tuple)):
        left[0] -= 1
        return _number(value)
    parts = []
    for item in value:
        if left[0] <= 0:
            parts.append("...")
            break
        parts.append(_brackets(item, left))
    return f"[{', '.join(parts)}]"


def _number(value: object) -> str:
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    text = f"{value:.6g}"
    return text if "e" in text or "." in text else f"{text}."


def _shape(value: object) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)):
        return ()
    return (len(value), *(_shape(value[0]) if value else ()))


# -- code


def code(seen: Observation) -> str:
    """The inputs as assignments that can be pasted into a script which imports TensorFlow as ``tf``."""
    return "\n".join(f"{name} = {constant(seen, name)}" for name in seen.inputs)


def constant(seen: Observation, name: str) -> str:
    """``tf.constant([[1.0]], tf.float32)``"""
    return f"tf.constant({literal(seen.inputs[name])}, tf.{seen.dtypes.get(name, 'float32')})"


def literal(value: object) -> str:
    """A nested list of numbers as a Python expression; NaN and infinity have no literal of their own."""
    if isinstance(value, (list, tuple)):
        items = list(map(literal, value))
        alike = len(items) > REPEATED and len(set(items)) == 1
        return f"[{items[0]}] * {len(items)}" if alike else f"[{', '.join(items)}]"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)
