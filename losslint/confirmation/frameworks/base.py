"""What the measurements need of a framework; everything else about confirming a loss is the same for all of them."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from losslint.confirmation.failures import UserFiles
    from losslint.confirmation.observation import Observation
    from losslint.confirmation.penalties import Weighed
    from losslint.confirmation.probes import Loss
    from losslint.confirmation.program import Program
    from losslint.confirmation.trail import Trail

Array = NDArray[Any]
Inputs = Mapping[str, Array]
Tensors = dict[str, Any]
Call = Callable[[Tensors], Any]
Measured = tuple[Any, dict[str, Any]]  # value, gradient by name of input: None where there is none


@dataclass(frozen=True)
class Traits:
    """What a loss is built of, as far as its gradient need not be the slope of its value.

    ``meant_to_differ``: a stopped gradient, a half-precision cast or a custom gradient around steps lies in it.
    ``may_jump``: something in it takes steps. ``stays_finite``: none of its operations is singular or overflows anywhere
    near what training meets. ``slow_in_python``: compiled it takes less time, as it has loops or many operations.
    """

    meant_to_differ: bool
    may_jump: bool
    stays_finite: bool = False
    slow_in_python: bool = False


class DeviceMissing(Exception):
    """The device that was asked for is not there; the message is one line."""


class Framework(ABC):
    """One framework. Tensors are its own; arrays are NumPy's. Exceptions of the user's code pass through all of it."""

    modes: ClassVar[tuple[str, ...]]  # that ``measure`` knows, eager first
    usual: ClassVar[tuple[str, ...]]  # of these besides eager: cheap, and they tell the row of what cannot be traced
    anywhere: ClassVar[tuple[str, ...]] = ()  # and those that a number is searched in last, when nothing else shows it
    patience: ClassVar[float] = 1.0  # how many times the usual time a search takes
    casts_labels: ClassVar[bool] = False  # whether Keras hands a loss float32, whatever the data

    singular: ClassVar[Mapping[str, tuple[int, float]]]  # operation -> which input, the number it fails at
    saturating: ClassVar[tuple[str, ...]]
    sums: ClassVar[tuple[str, ...]]  # operations that only ever add
    of_the_shape: ClassVar[tuple[str, ...]]  # take no number of their operand
    stops: ClassVar[tuple[str, ...]]  # cut a gradient on purpose
    selects: ClassVar[tuple[str, ...]] = ()  # leave as much of a tensor as its numbers say; (): no operation tells

    @abstractmethod
    def prepare(self, seed: int, device: str) -> str:
        """Seed what is random, in a fresh process, and name the device that losses run on.

        Raises:
            DeviceMissing: the device that was asked for is not there.
        """

    def seed(self, seed: int) -> None:
        """Seed what the code of a loss may draw from."""
        random.seed(seed)
        np.random.seed(seed)

    # -- tensors

    @abstractmethod
    def tensors(self, arrays: Inputs) -> Tensors:
        """Arrays as tensors of the same dtype."""

    @abstractmethod
    def tensor(self, result: Any) -> Any:
        """What a loss returned as one tensor; what cannot be one raises."""

    def refusal(self, result: Any) -> str:
        """What happens to a result that is not one number where the loss is used; "" where that is fine."""
        return ""

    @abstractmethod
    def is_tensor(self, value: object) -> bool:
        """Whether a value is one of the framework's tensors."""

    @abstractmethod
    def is_floating(self, value: Any) -> bool:
        """Whether a value is a tensor that may have a derivative."""

    @abstractmethod
    def array(self, tensor: Any) -> Array:
        """The numbers of a tensor, or of what can be one."""

    @abstractmethod
    def like(self, numbers: Array, tensor: Any) -> Any:
        """Numbers as a tensor of the shape and dtype of another."""

    def double_precision(self) -> AbstractContextManager[Any]:
        """Where arrays of 64 bits become tensors of 64 bits."""
        return nullcontext()

    # -- runs

    @abstractmethod
    def value_and_gradient(self, call: Call, tensors: Tensors, sources: Sequence[str]) -> Measured:
        """The loss as a tensor and the gradient of the sum of its elements to some of the tensors, in eager code."""

    @abstractmethod
    def measure(self, loss: Loss, arrays: Inputs, sources: Sequence[str], mode: str) -> Measured:
        """The same in one of the modes."""

    @abstractmethod
    def compiled(self, loss: Loss, arrays: Inputs) -> Callable[[], Array] | None:
        """The value as a step gives it that is traced once; None where nothing is traced."""

    @abstractmethod
    def traits(self, loss: Loss, arrays: Inputs) -> Traits | None:
        """What a loss is built of; None where that cannot be told."""

    # -- instrumented runs: they tell the place, never the verdict

    @abstractmethod
    def record(self, loss: Loss, tensors: Tensors, trained: Sequence[str]) -> Trail:
        """One eager run with everything noted. An exception of the loss ends the trail and is kept in ``error``."""

    @abstractmethod
    def derivatives(self, trail: Trail, target: Any, sources: Sequence[Any], upstream: Any) -> list[Array | None]:
        """Derivatives of what was recorded to other things that were; None where there is none."""

    def weighed(self, loss: Loss, tensors: Tensors) -> Weighed | None:
        """The loss as a function of the weights that it reads by itself; None where they are arguments of it."""
        return None

    def unanswered(self, loss: Loss, arrays: Inputs) -> Iterator[Observation]:
        """The derivatives that a loss itself asks for and that are None: what uses them raises, not what asks."""
        return iter(())

    # -- whole training steps

    @abstractmethod
    def steps(self, program: Program, entry: Callable[..., Any], files: UserFiles) -> Iterator[Observation]:
        """What is seen of a program that takes one training step."""

    def fit(self, program: Program, entry: Callable[[], Any], files: UserFiles) -> Iterator[Observation]:
        """What is seen of a compiled model, and what is claimed of it beyond that."""
        raise NotImplementedError("only Keras compiles models")


def is_floating(array: Array) -> bool:
    """Whether an array holds floating numbers; bfloat16 is no kind of NumPy's own."""
    return array.dtype.kind == "f" or array.dtype.name == "bfloat16"


def is_finite(array: Array) -> bool:
    """Whether no number of an array is NaN or infinite."""
    return array.dtype.kind not in "fcV" or bool(np.isfinite(array).all())


def first_result(result: Any) -> Any:
    """The loss in what a function returns: of a tuple or list its first element, of a dictionary its ``loss``."""
    if isinstance(result, Mapping):
        return first_result(result.get("loss", next(iter(result.values()), None)))
    if isinstance(result, (tuple, list)) and result:
        return first_result(result[0])
    return result
