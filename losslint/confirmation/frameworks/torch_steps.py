"""Whole training steps of PyTorch: what arrives in the parameters when the user's own code asks for the gradients."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch

from losslint.confirmation import locate, steps
from losslint.confirmation.failures import UserFiles, failure, only_about_shapes, unless_about_shapes
from losslint.confirmation.frameworks.base import Array, Inputs, is_finite
from losslint.confirmation.frameworks.torch import FRAMEWORK, Recorder
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.penalties import Weighed, unfelt
from losslint.confirmation.probes import numbers, told
from losslint.confirmation.program import Program
from losslint.confirmation.trail import Trail
from losslint.confirmation.values import generic


@dataclasses.dataclass(frozen=True)
class Derivative:
    """One ``backward`` or ``autograd.grad`` of the user's code: of what, and what arrived."""

    target: Any
    gradients: tuple[Array | None, ...]


def seen_in(program: Program, entry: Callable[..., Any], files: UserFiles) -> Iterator[Observation]:
    """What is seen of a training step."""
    for specs in program.inputs:
        inputs = generic(specs, program.seed)
        seen, index = step(entry, inputs, files)
        if not only_about_shapes(seen):
            break
    seen = unless_about_shapes(seen)
    if seen.outcome not in (*locate.PLACED, Outcome.FINE):
        yield seen
        return
    trail = recorded(entry, inputs, files, index)
    places = [place for place in locate.places(trail, seen.outcome) if place.row]
    yield from locate.at_each(seen, places, files) or (seen,)
    if seen.outcome is Outcome.FINE:
        yield from steps.claimed(trail, program.claims, files)
        again = Weighed(trail, lambda factor: FRAMEWORK.scaled(
            factor, lambda: recorded(entry, inputs, files, index).value))
        yield from unfelt(again, program.claims, files)


def step(entry: Callable[..., Any], inputs: Inputs, files: UserFiles) -> tuple[Observation, int]:
    """Take one step; the first derivative that went wrong says how it went. With it, which one that is."""
    with noted_derivatives(files) as derivatives, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        error = None
        torch.manual_seed(0)
        try:
            entry(**FRAMEWORK.tensors(inputs))
        except Exception as raised:
            error = raised
    seen = [judged(one) for one in derivatives]
    wrong = [index for index, one in enumerate(seen) if one.outcome is not Outcome.FINE]
    if error is not None and not wrong:
        return dataclasses.replace(failure(error, files), mode="eager", **told(inputs)), len(seen)
    if not seen:
        return Observation(Outcome.NOT_RUN, "eager", **told(inputs), error="the step differentiates nothing"), 0
    first = next(iter(wrong), 0)
    return dataclasses.replace(seen[first], **told(inputs)), first


def judged(derivative: Derivative) -> Observation:
    """What one derivative amounts to: parameters of other models may be left out, all of them may not."""
    found = [g for g in derivative.gradients if g is not None]
    value = FRAMEWORK.array(derivative.target)
    if not is_finite(value):
        outcome = Outcome.BAD_VALUE
    elif not found:
        outcome = Outcome.NO_GRADIENT
    elif not all(is_finite(g) for g in found):
        outcome = Outcome.BAD_GRADIENT
    elif not any(g.any() for g in found):
        outcome = Outcome.ZERO_GRADIENT
    else:
        outcome = Outcome.FINE
    bad = next((g for g in found if not is_finite(g)), None)
    return Observation(outcome, "eager", loss=numbers(value), gradient=None if bad is None else numbers(bad))


@contextlib.contextmanager
def noted_derivatives(files: UserFiles) -> Iterator[list[Derivative]]:
    """Notes what ``backward`` and ``torch.autograd.grad`` give where the user's own code calls them."""
    found: list[Derivative] = []
    backward, grad = torch.Tensor.backward, torch.autograd.grad

    def noting_backward(tensor: Any, *args: Any, **kwargs: Any) -> None:
        if not files.owns(sys._getframe(1).f_code.co_filename):
            backward(tensor, *args, **kwargs)
            return
        leaves = trained(tensor)
        before = [leaf.grad for leaf in leaves]
        for leaf in leaves:
            leaf.grad = None
        if not tensor.requires_grad:
            found.append(Derivative(tensor, (None,) * len(leaves)))
        backward(tensor, *args, **kwargs)  # raises there
        found.append(Derivative(tensor.detach(), tuple(map(_numbers_of, leaves))))
        for leaf, old in zip(leaves, before, strict=True):
            if old is not None:
                leaf.grad = old if leaf.grad is None else leaf.grad + old

    def noting_grad(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        given = grad(outputs, inputs, *args, **kwargs)
        if files.owns(sys._getframe(1).f_code.co_filename) and isinstance(outputs, torch.Tensor):
            found.append(Derivative(outputs.detach(), tuple(None if g is None else FRAMEWORK.array(g) for g in given)))
        return given

    torch.Tensor.backward, torch.autograd.grad = noting_backward, noting_grad
    try:
        yield found
    finally:
        torch.Tensor.backward, torch.autograd.grad = backward, grad


def _numbers_of(leaf: Any) -> Array | None:
    return None if leaf.grad is None else FRAMEWORK.array(leaf.grad)


def trained(target: Any) -> list[Any]:
    """The leaves that a step may train: all parameters of this process, else all tensors that want a gradient. The loss
    itself is none, even where it was wrapped anew to want one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        leaves = [t for t in gc.get_objects() if is_tensor(t) and t.is_leaf and t.requires_grad and t is not target]
    return [t for t in leaves if isinstance(t, torch.nn.Parameter)] or leaves


def is_tensor(value: object) -> bool:
    return issubclass(type(value), torch.Tensor)  # without the __class__ of proxies


class Reached(BaseException):
    """The derivative in question is asked for; nothing behind it needs to run."""


def recorded(entry: Callable[..., Any], inputs: Inputs, files: UserFiles, index: int) -> Trail:
    """The step, taken again with everything noted up to the derivative of that index: the row that asks for the gradients
    is no place where they are lost."""
    trail = Trail(FRAMEWORK)
    with target_kept(trail, files, index), contextlib.suppress(Exception, Reached), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        with Recorder(trail, files, leaves=True):
            entry(**FRAMEWORK.tensors(inputs))
    return trail


@contextlib.contextmanager
def target_kept(trail: Trail, files: UserFiles, index: int) -> Iterator[None]:
    """Ends the step where the derivative of that index is asked for, with what it is of as the value of the trail."""
    backward, grad = torch.Tensor.backward, torch.autograd.grad
    count = 0

    def keep(target: Any) -> None:
        nonlocal count
        if files.owns(sys._getframe(2).f_code.co_filename):
            if count == index:
                trail.value = target
                raise Reached
            count += 1

    def keeping_backward(tensor: Any, *args: Any, **kwargs: Any) -> None:
        keep(tensor)
        backward(tensor, *args, **kwargs)

    def keeping_grad(outputs: Any, *args: Any, **kwargs: Any) -> Any:
        keep(outputs)
        return grad(outputs, *args, **kwargs)

    torch.Tensor.backward, torch.autograd.grad = keeping_backward, keeping_grad
    try:
        yield
    finally:
        torch.Tensor.backward, torch.autograd.grad = backward, grad
