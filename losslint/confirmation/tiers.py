"""How far out a set of inputs lies: a witness that no training meets proves nothing."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping

SATURATED = 50.0  # a sigmoid is exactly 1 from 16.7; exp overflows and softmax underflows only from 87
ABSURD = 1000.0
SUBNORMAL = 1e-30


class Tier(enum.IntEnum):
    """Who meets such inputs."""

    TRAINING = 0  # any training run: perfect predictions, saturated outputs, empty masks
    LATE = 1  # logits of 100, probabilities of 1e-38: late in training or after an unlucky step
    NEVER = 2


def numbers(value: object) -> Iterator[float]:
    """All numbers of nested lists and mappings."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, (bool, int, float)):
        yield float(value)


def tier(inputs: Mapping[str, object], marks: Collection[float] = ()) -> Tier:
    """The tier of inputs given as nested lists of numbers; ``marks`` are numbers that the loss itself speaks of."""
    sizes = [abs(number) for value in inputs.values() for number in numbers(value)
             if number and number == number and number not in marks]
    return tier_between(min(sizes, default=1.0), max(sizes, default=1.0))


def tier_between(least: float, largest: float) -> Tier:
    """The tier of numbers by the sizes of the least one that is not 0 and of the largest."""
    if largest > ABSURD:
        return Tier.NEVER
    return Tier.LATE if largest > SATURATED or least < SUBNORMAL else Tier.TRAINING
