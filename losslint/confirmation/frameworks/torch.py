"""PyTorch: importing this module imports it. The one mode is ``eager``: ``torch.autograd`` over a plain call.

The recorder is a ``TorchFunctionMode``: it sees each call of PyTorch as the user wrote it, ``F.mse_loss`` as one.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from types import FrameType
from typing import Any, ClassVar

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from losslint.confirmation.failures import UserFiles, one_line
from losslint.confirmation.frameworks.base import (
    Array,
    Call,
    DeviceMissing,
    Framework,
    Inputs,
    Measured,
    Tensors,
    Traits,
    first_result,
)
from losslint.confirmation.observation import Observation
from losslint.confirmation.penalties import Weighed
from losslint.confirmation.places import Place, nearest
from losslint.confirmation.probes import Loss
from losslint.confirmation.program import Program
from losslint.confirmation.trail import Step, Trail, flat

MOST_STEPS = 4000
ESCAPES = ("item", "numpy", "tolist", "__array__", "__float__", "__int__", "__bool__", "__index__", "__complex__")
PROPERTIES = ("data", "T", "mT", "H", "mH", "real", "imag")  # read as an operation is called
STEPPED = (
    "round", "floor", "ceil", "trunc", "fix", "sign", "sgn", "gt", "ge", "lt", "le", "eq", "ne", "argmax", "argmin", "long",
    "int", "bool", "topk", "sort", "argsort", "floor_divide", "heaviside", "bucketize", "searchsorted", "unique", "histc",
    "nonzero", "count_nonzero", "remainder", "fmod", "isclose",
)
COMPARED = {"__gt__": "gt", "__ge__": "ge", "__lt__": "lt", "__le__": "le", "__eq__": "eq", "__ne__": "ne"}
FLAT = ("round", "floor", "ceil", "trunc", "sign", "gt", "ge", "lt", "le", "argmax", "heaviside", "float", "to", "type_as")
IDENTITIES = ("clone", "view_as", "view", "contiguous", "detach", "alias")


class Torch(Framework):
    """PyTorch."""

    modes = ("eager",)
    usual = ()

    singular: ClassVar = {
        "log": (0, 0.0), "log2": (0, 0.0), "log10": (0, 0.0), "log1p": (0, -1.0), "xlogy": (1, 0.0), "sqrt": (0, 0.0),
        "rsqrt": (0, 0.0), "div": (1, 0.0), "true_divide": (1, 0.0), "divide": (1, 0.0), "truediv": (1, 0.0),
        "rtruediv": (0, 0.0), "rdiv": (0, 0.0), "reciprocal": (0, 0.0), "pow": (0, 0.0), "exp": (0, 89.0),
        "expm1": (0, 89.0), "cosh": (0, 90.0), "sinh": (0, 90.0), "acos": (0, 1.0), "arccos": (0, 1.0), "asin": (0, 1.0),
        "arcsin": (0, 1.0), "acosh": (0, 1.0), "atanh": (0, 1.0), "logit": (0, 0.0), "binary_cross_entropy": (0, 0.0),
    }  # fmt: skip
    saturating = ("sigmoid", "softmax", "tanh")
    sums = ("add", "radd", "iadd", "sub", "rsub", "isub", "stack", "cat")
    of_the_shape = ("shape", "ones_like", "zeros_like", "new_zeros", "new_ones", "full_like", "empty_like", "rand_like",
                    "randn_like", "new_full")
    stops = ("detach", "detach_", "data", "no_grad")

    def prepare(self, seed: int, device: str) -> str:
        self.seed(seed)
        torch.set_num_threads(1)
        found = device != "cpu" and torch.cuda.is_available()
        if device.startswith("gpu:") and not found:
            raise DeviceMissing(f"{device} was asked for, but PyTorch sees no GPU; use --device auto or cpu")
        if found:
            torch.set_default_device("cuda:0")
        return "gpu:0" if found else "cpu"

    def seed(self, seed: int) -> None:
        super().seed(seed)
        torch.manual_seed(seed)

    def tensors(self, arrays: Inputs) -> Tensors:
        return {name: torch.tensor(array) for name, array in arrays.items()}

    def tensor(self, result: Any) -> Any:
        """Of a tuple or dictionary, the loss in it; a plain number has no gradient, as it has no ``backward``."""
        return torch.as_tensor(first_result(result))

    def is_tensor(self, value: object) -> bool:
        return isinstance(value, torch.Tensor)

    def is_floating(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor) and value.is_floating_point()

    def array(self, tensor: Any) -> Array:
        found = torch.as_tensor(tensor).detach().cpu()
        return np.asarray((found.float() if found.dtype == torch.bfloat16 else found).resolve_conj().numpy())

    def like(self, numbers: Array, tensor: Any) -> Any:
        return torch.as_tensor(numbers.reshape(tuple(tensor.shape)), dtype=tensor.dtype)

    def value_and_gradient(self, call: Call, tensors: Tensors, sources: Sequence[str]) -> Measured:
        """What ``loss.sum().backward()`` gives. The loss gets results of operations, as it does in training: a leaf could
        not be changed in place."""
        leaves = {name: tensors[name].detach().requires_grad_() for name in sources}
        value = self.tensor(call({**tensors, **{name: leaf.clone() for name, leaf in leaves.items()}}))
        found: Sequence[Any] = [None] * len(leaves)
        if value.requires_grad and leaves:
            found = torch.autograd.grad(value.sum(), list(leaves.values()), allow_unused=True)
        return value, dict(zip(leaves, found, strict=True))

    def measure(self, loss: Loss, arrays: Inputs, sources: Sequence[str], mode: str) -> Measured:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.value_and_gradient(loss, self.tensors(arrays), sources)

    def compiled(self, loss: Loss, arrays: Inputs) -> None:
        return None

    def traits(self, loss: Loss, arrays: Inputs) -> Traits | None:
        """By a recorded run."""
        tensors = {
            name: tensor.requires_grad_().clone() if tensor.is_floating_point() else tensor
            for name, tensor in self.tensors(arrays).items()}
        recorder = Recorder(Trail(self, list(tensors.values())), loss.files)
        try:
            with recorder:
                loss(tensors)
        except Exception:  # of the user's code; the modes have told it
            return None
        names = {step.op for step in recorder.trail.steps}
        half = any(getattr(t, "dtype", None) in (torch.float16, torch.bfloat16)
                   for step in recorder.trail.steps for t in step.outputs)
        straight = any(not set(inside) - set(IDENTITIES) or set(inside) & set(FLAT) for inside in recorder.inside.values())
        return Traits(half or straight or not names.isdisjoint(self.stops), not names.isdisjoint(STEPPED))

    def record(self, loss: Loss, tensors: Tensors, trained: Sequence[str]) -> Trail:
        aliases = {name: tensors[name].detach().requires_grad_().clone() for name in trained}
        trail = Trail(self, list(aliases.values()))
        try:
            with warnings.catch_warnings(), Recorder(trail, loss.files):
                warnings.simplefilter("ignore")
                trail.value = first_result(loss({**tensors, **aliases}))
        except Exception as error:
            trail.error = one_line(error)
        return trail

    def weighed(self, loss: Loss, tensors: Tensors) -> Weighed:
        trail = Trail(self)
        try:
            with warnings.catch_warnings(), Recorder(trail, loss.files, leaves=True):
                warnings.simplefilter("ignore")
                trail.value = first_result(loss(tensors))
        except Exception as error:
            trail.error = one_line(error)
        return Weighed(trail, lambda factor: self.scaled(factor, lambda: loss(tensors)))

    def scaled(self, factor: float, run: Callable[[], Any]) -> float:
        """What a run gives once all weights that it uses are multiplied by a factor."""
        with warnings.catch_warnings(), Scaling(factor):
            warnings.simplefilter("ignore")
            return float(self.array(self.tensor(run())).sum())

    def derivatives(self, trail: Trail, target: Any, sources: Sequence[Any], upstream: Any) -> list[Array | None]:
        targets = [t for t in flat(target) if isinstance(t, torch.Tensor)]
        given = flat(upstream) if upstream is not None else [torch.ones_like(t) for t in targets]
        pairs = [(t, g) for t, g in zip(targets, given, strict=True) if t.requires_grad]
        wanted = [s for s in sources if isinstance(s, torch.Tensor) and s.requires_grad]
        if not pairs or not wanted:
            return [None] * len(sources)
        try:
            found = torch.autograd.grad(
                [t for t, _ in pairs], wanted, [g for _, g in pairs], retain_graph=True, allow_unused=True)
        except RuntimeError:  # something was changed in place
            return [None] * len(sources)
        by_id = {id(s): g for s, g in zip(wanted, found, strict=True)}
        return [None if (g := by_id.get(id(s))) is None else self.array(g) for s in sources]

    def steps(self, program: Program, entry: Callable[..., Any], files: UserFiles) -> Iterator[Observation]:
        from losslint.confirmation.frameworks import torch_steps

        return torch_steps.seen_in(program, entry, files)


FRAMEWORK = Torch()


class Scaling(TorchFunctionMode):  # type: ignore[misc]
    """While it is entered, each leaf that wants a gradient is multiplied by a factor where it is first used; again once it
    was filled, and none that is made on the way."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.before: dict[int, tuple[Any, Any]] = {}
        self.made: dict[int, Any] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        used = {id(t): t for t in tensors_in([args, kwargs]) if t.is_leaf and t.requires_grad}
        for key in used.keys() - self.before.keys() - self.made.keys():
            self.before[key] = (used[key], used[key].detach().clone())
            used[key].data = used[key].detach() * self.factor
        result = func(*args, **kwargs)
        for leaf in tensors_in([result]):
            if id(leaf) in used:
                self.before.pop(id(leaf), None)  # uniform_ and the like
            elif leaf.is_leaf and leaf.requires_grad:
                self.made[id(leaf)] = leaf
        return result

    def __exit__(self, *details: Any) -> None:
        super().__exit__(*details)
        for leaf, numbers in self.before.values():
            leaf.data = numbers


class Recorder(TorchFunctionMode):  # type: ignore[misc]
    """Notes calls of PyTorch and escapes while it is entered.

    Where an operation cuts a derivative, its result is watched from there on, so that there are derivatives on both sides.
    With ``leaves``, every leaf that an operation takes and that wants a gradient counts as trained.
    """

    def __init__(self, trail: Trail, files: UserFiles, leaves: bool = False) -> None:
        super().__init__()
        self.trail, self.leaves = trail, leaves
        self.owns = cache(files.owns)
        self.dependent = {id(t) for t in trail.trained}
        self.inside: dict[str, list[str]] = {}  # custom function -> what its forward calls
        self.within: list[str] | None = None
        self.watched: set[int] = set()  # ids of results that want a derivative for our sake alone

    def __enter__(self) -> Any:
        self.apply = torch.autograd.Function.__dict__["apply"]
        recorder, original = self, self.apply.__func__

        def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
            return recorder.custom(cls.__name__, lambda: original(cls, *args, **kwargs), args)

        torch.autograd.Function.apply = classmethod(apply)
        return super().__enter__()

    def __exit__(self, *details: Any) -> None:
        super().__exit__(*details)
        torch.autograd.Function.apply = self.apply

    def custom(self, name: str, call: Callable[[], Any], args: Iterable[Any]) -> Any:
        """A ``torch.autograd.Function``: one operation, whatever its forward calls."""
        if self.within is not None:
            return call()
        self.within = self.inside.setdefault(name, [])
        try:
            result = call()
        finally:
            self.within = None
        return self.note(name, list(tensors_in(args)), result, sys._getframe(2))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = name_of(func)
        if self.within is not None:
            self.within.append(name)
            return func(*args, **kwargs)
        entering = list(tensors_in([args, kwargs]))
        if getattr(func, "__name__", "") in ESCAPES:
            self.escape(name, args[0], sys._getframe(1))
            given = args[0].detach() if id(args[0]) in self.watched else args[0]
            return func(given, *args[1:], **kwargs)
        result = func(*args, **kwargs)
        if name in ("get", "set") or next(tensors_in([result]), None) is None or len(self.trail.steps) > MOST_STEPS:
            return result
        return self.note(name, entering, result, sys._getframe(1))

    def escape(self, name: str, tensor: Any, frame: FrameType) -> None:
        """A value leaves PyTorch; conditions are about numbers anyway."""
        path, row, span = nearest(frame, self.owns)
        if row and tensor.dtype != torch.bool:
            self.trail.escapes.append((Place(path, row, name, span), tensor))

    def note(self, name: str, entering: list[Any], result: Any, frame: FrameType) -> Any:
        """Keep one operation; its result, watched where it would not be."""
        if self.leaves:
            for t in entering:
                if t.is_leaf and t.requires_grad and id(t) not in self.dependent and id(t) not in self.watched:
                    self.trail.trained.append(t)
                    self.dependent.add(id(t))
        flows = name not in Torch.of_the_shape and any(id(t) in self.dependent for t in entering)
        if flows:
            result = self.watch(result)
        outputs = list(tensors_in([result]))
        if flows:
            self.dependent |= {id(t) for t in outputs}
        cut = flows and not torch.is_grad_enabled()
        self.trail.steps.append(Step("no_grad" if cut else name, entering, outputs, *nearest(frame, self.owns)))
        return result

    def watch(self, result: Any) -> Any:
        """The result, with what no derivative would reach as the start of new ones."""
        if isinstance(result, (tuple, list)):
            return type(result)([self.watch(part) for part in result])
        if not isinstance(result, torch.Tensor) or not result.is_floating_point() or result.requires_grad:
            return result
        with torch.enable_grad(), torch._C.DisableTorchFunction():
            fresh = result.detach().requires_grad_()
            again = fresh.view_as(fresh)
        self.watched.add(id(again))
        return again


def name_of(func: Any) -> str:
    """``log`` for ``torch.log`` and ``Tensor.log``, ``gt`` for ``>``, ``data`` for the attribute."""
    name = getattr(func, "__name__", "") or type(func).__name__
    if name == "__get__":
        read = getattr(getattr(func, "__self__", None), "__name__", "")
        return read if read in PROPERTIES else "get"
    return COMPARED.get(name, name.strip("_"))


def tensors_in(value: Any) -> Iterator[Any]:
    """The tensors in nested lists, tuples and dictionaries."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))
