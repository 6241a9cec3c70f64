"""What names and arguments are bound to when a loss runs: loop variables that are read too late (LL210), custom
gradients that a call with keywords alone goes past (LL514), or that leave out what arrives from above (LL511).
"""

from __future__ import annotations

import ast
import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import CodeType
from typing import Any

import numpy as np

from losslint.confirmation.frameworks.base import Array, Call, Framework, Inputs, Tensors
from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.probes import Loss, differentiated, numbers, told
from losslint.confirmation.program import Claim, TensorSpec
from losslint.confirmation.words import compact

LATE, BYPASSED, UPSTREAM = "LL210", "LL514", "LL511"
LOOPS = (ast.For, ast.comprehension)


def late(loss: Loss, inputs: Inputs, claims: Sequence[Claim], tree: ast.AST) -> Iterator[Observation]:
    """``CONTRACT`` for each claim that a loss reads a loop variable when it is called: another value of the variable,
    given after the loss was made, changes what it returns."""
    wanted = [claim for claim in claims if claim.code == LATE]
    if not wanted:
        return
    loops = [node.target for node in ast.walk(tree) if isinstance(node, LOOPS)]
    targets = {node.id for loop in loops for node in ast.walk(loop) if isinstance(node, ast.Name)}
    for name, now, put in _numbers_read(loss.entry, targets):
        before = loss.value(inputs)
        for other in (now - 1, 0 * now, now * 2 + 1):
            put(other)
            with contextlib.suppress(Exception):  # of the user's code: not every number is an index
                after = loss.value(inputs)
                if not np.array_equal(before, after):
                    detail = f"{name} is read when the loss is called: {name} = {other!r} afterwards changes its result"
                    for claim in wanted:
                        yield Observation(Outcome.CONTRACT, "eager", **told(inputs), loss=numbers(after), **claim.at,
                                          operation=f"{name} = {other!r}",
                                          detail=detail)
                    put(now)
                    return
        put(now)


def _numbers_read(entry: Any, names: set[str]) -> Iterator[tuple[str, Any, Callable[[Any], None]]]:
    """(name, number, how to change it) of the names that a function looks up outside of itself."""
    code = getattr(entry, "__code__", None)
    if code is None:
        return
    for name, cell in zip(code.co_freevars, entry.__closure__ or (), strict=True):
        if name in names and type(cell.cell_contents) in (int, float):
            yield name, cell.cell_contents, partial(setattr, cell, "cell_contents")
    for name in sorted(names & _looked_up(code)):
        if type(entry.__globals__.get(name)) in (int, float):
            yield name, entry.__globals__[name], partial(entry.__globals__.__setitem__, name)


def _looked_up(code: CodeType) -> set[str]:
    inner = [_looked_up(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


def upstream(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], claims: Sequence[Claim]) -> Iterator[Observation]:
    """``WRONG_GRADIENT`` for each claim that a gradient does not depend on what the loss is multiplied by afterwards."""
    wanted = [claim for claim in claims if claim.code == UPSTREAM]
    if not wanted:
        return
    sources = differentiated(inputs, specs)
    once, thrice = (
        _gradient(loss.framework, partial(_scaled, loss, factor), loss.framework.tensors(inputs), sources)
        for factor in (1.0, 3.0))
    for name, one in once.items():
        if one is not None and not _same(3.0 * one, thrice[name]):
            unmoved = _same(one, thrice[name])
            detail = f"3 * loss gives {name} the gradient {_listed(one)}, and so does the loss" if unmoved else (
                f"the gradient to {name} is {_listed(one)} of the loss, {_listed(thrice[name])} of 3 * loss")
            for claim in wanted:
                yield Observation(Outcome.WRONG_GRADIENT, "eager", **claim.at, detail=detail, **told(inputs))
            return


def bypassed(loss: Loss, inputs: Inputs, claims: Sequence[Claim]) -> Iterator[Observation]:
    """``WRONG_GRADIENT`` for each claim that a custom gradient is not used: the same call by position gives another.

    The functions in question are those that the claims' calls name in the module of the loss, or of the step.
    """
    space = getattr(loss.entry, "__globals__", {})
    for claim in claims:
        name = _callee(claim.expression) if claim.code == BYPASSED else ""
        original = space.get(name)
        if not callable(original):
            continue
        seen: list[Observation] = []
        space[name] = _comparing(loss.framework, original, claim, seen)
        try:
            loss.result(inputs)
        except Exception:  # of the user's code; that it raises was seen before
            seen = []
        finally:
            space[name] = original
        yield from seen[:1]


def _callee(expression: str) -> str:
    try:
        call = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        return ""
    return call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else ""


def _comparing(
    framework: Framework, original: Callable[..., Any], claim: Claim, seen: list[Observation],
) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            with contextlib.suppress(TypeError, ValueError, AttributeError):  # no signature, or a tensor of a graph
                given = inspect.signature(original).bind(*args, **kwargs).arguments
                seen.extend(_compared(framework, original, given, claim))
        return original(*args, **kwargs)

    return call


def _compared(
    framework: Framework, original: Callable[..., Any], given: dict[str, Any], claim: Claim,
) -> Iterator[Observation]:
    ordered = {name: given[name] for name in inspect.signature(original).parameters if name in given}
    sources = {name: framework.tensor(value) for name, value in ordered.items() if framework.is_tensor(value)}
    keywords = _gradient(framework, lambda given: original(**{**ordered, **given}), sources, list(sources))
    positions = _gradient(framework, lambda given: original(*{**ordered, **given}.values()), sources, list(sources))
    for name in sources:
        one, other = keywords[name], positions[name]
        if not _same(one, other):
            detail = (f"the gradient to {name} is {_listed(one)} with keywords, {_listed(other)} by position: "
                      "the custom gradient is not used")
            yield Observation(Outcome.WRONG_GRADIENT, "eager", **claim.at, operation=_callee(claim.expression),
                              detail=detail,
                              **told({name: framework.array(value) for name, value in sources.items()}))
            return


def _scaled(loss: Loss, factor: float, tensors: Tensors) -> Any:
    return factor * loss.framework.tensor(loss(tensors))


def _gradient(framework: Framework, call: Call, tensors: Tensors, sources: Sequence[str]) -> dict[str, Array | None]:
    _, found = framework.value_and_gradient(call, tensors, sources)
    return {name: None if gradient is None else framework.array(gradient) for name, gradient in found.items()}


def _same(one: Any, other: Any) -> bool:
    return one is other if one is None or other is None else bool(np.allclose(one, other))


def _listed(gradient: Any) -> str:
    return "None" if gradient is None else compact(numbers(gradient))
