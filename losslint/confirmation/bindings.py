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
import tensorflow as tf

from losslint.confirmation.observation import Observation, Outcome
from losslint.confirmation.probes import Inputs, Loss, differentiated, numbers, tensors_of, told
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
        before = np.asarray(tf.convert_to_tensor(loss(tensors_of(inputs))))
        for other in (now - 1, 0 * now, now * 2 + 1):
            put(other)
            with contextlib.suppress(Exception):  # of the user's code: not every number is an index
                after = np.asarray(tf.convert_to_tensor(loss(tensors_of(inputs))))
                if not np.array_equal(before, after):
                    detail = f"{name} is read when the loss is called: {name} = {other!r} afterwards changes its result"
                    for claim in wanted:
                        yield Observation(Outcome.CONTRACT, "eager", **told(inputs), loss=numbers(after), row=claim.row,
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
    tensors = tensors_of(inputs)
    sources = {name: tensors[name] for name in differentiated(inputs, specs)}
    once, thrice = (_gradient(partial(_scaled, loss, tensors, factor), sources) for factor in (1.0, 3.0))
    for name in sources:
        if once[name] is not None and not _same(3.0 * once[name], thrice[name]):
            detail = f"the gradient to {name} is {_listed(once[name])} of the loss, {_listed(thrice[name])} of 3 * loss"
            for claim in wanted:
                yield Observation(Outcome.WRONG_GRADIENT, "eager", row=claim.row, detail=detail, **told(inputs))
            return


def bypassed(entry: Any, run: Callable[[], object], claims: Sequence[Claim]) -> Iterator[Observation]:
    """``WRONG_GRADIENT`` for each claim that a custom gradient is not used: the same call by position gives another.

    ``run`` calls the entry; the functions in question are those that the claims' calls name in its module.
    """
    space = getattr(entry, "__globals__", {})
    for claim in claims:
        name = _callee(claim.expression) if claim.code == BYPASSED else ""
        original = space.get(name)
        if not callable(original):
            continue
        seen: list[Observation] = []
        space[name] = _comparing(original, claim, seen)
        try:
            run()
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


def _comparing(original: Callable[..., Any], claim: Claim, seen: list[Observation]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if not args and kwargs:
            with contextlib.suppress(TypeError, ValueError, AttributeError):  # no signature, or a tensor of a graph
                seen.extend(_compared(original, kwargs, claim))
        return original(*args, **kwargs)

    return call


def _compared(original: Callable[..., Any], given: dict[str, Any], claim: Claim) -> Iterator[Observation]:
    ordered = {name: given[name] for name in inspect.signature(original).parameters if name in given}
    sources = {name: tf.convert_to_tensor(value) for name, value in ordered.items() if tf.is_tensor(value)}
    arguments = {**ordered, **sources}
    keywords = _gradient(partial(original, **arguments), sources)
    positions = _gradient(partial(original, *arguments.values()), sources)
    for name in sources:
        one, other = keywords[name], positions[name]
        if not _same(one, other):
            detail = (f"the gradient to {name} is {_listed(one)} with keywords, {_listed(other)} by position: "
                      "the custom gradient is not used")
            yield Observation(Outcome.WRONG_GRADIENT, "eager", row=claim.row, operation="custom_gradient", detail=detail,
                              **told({name: np.asarray(value) for name, value in sources.items()}))
            return


def _scaled(loss: Loss, tensors: dict[str, Any], factor: float) -> Any:
    return factor * tf.convert_to_tensor(loss(tensors))


def _gradient(call: Callable[[], Any], sources: dict[str, Any]) -> dict[str, Any]:
    with tf.GradientTape() as tape:
        tape.watch(list(sources.values()))
        value = call()
    return {name: None if g is None else np.asarray(g) for name, g in tape.gradient(value, sources).items()}


def _same(one: Any, other: Any) -> bool:
    return one is other if one is None or other is None else bool(np.allclose(one, other))


def _listed(gradient: Any) -> str:
    return "None" if gradient is None else compact(numbers(gradient))
