"""What a loss says of a prediction that agrees with its label, and what becomes of it when its arguments change places:
whether it has the right direction (LL408), is given what it expects (LL406), in the right order (LL403).
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from losslint.confirmation.failures import one_line
from losslint.confirmation.frameworks.base import Array, Inputs
from losslint.confirmation.load import loaded_again
from losslint.confirmation.observation import CHEAPER, Observation, Outcome
from losslint.confirmation.probes import Loss, numbers, told
from losslint.confirmation.program import Claim, Program, TensorSpec
from losslint.confirmation.values import DISCRETE, generic, perfect
from losslint.confirmation.words import compact

SWAPPED = "LL403"
FAR = 20.0  # a logit whose sigmoid is exactly 0 or 1 in float32
FLOOR = 0.1  # of what a wrong prediction costs; what a perfect one costs of a loss that gets what it expects is far less
ALMOST = 0.02  # away from a perfect probability
REST = 1e-4  # relative difference of two sums of the same numbers

Run = Callable[[Any, Inputs], Array]
Cost = Callable[[Inputs], Array]


def wrong_direction(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], claim: Claim) -> Observation | None:
    """A perfect prediction that costs more than wrong ones do."""
    pair = _pair(specs)
    right = None if pair is None else perfect(pair[0], inputs[pair[0].name], pair[1])
    if pair is None or right is None:
        return None
    name = pair[1].name
    for nearly in dict.fromkeys((0.0, ALMOST if _is_share(right) else 0.0)):  # the logarithm of exactly 0 tells nothing
        good = np.clip(right, nearly, 1.0 - nearly) if nearly else right
        best = loss.value({**inputs, name: good})
        costs = [loss.value({**inputs, name: wrong}).mean() for wrong in _wrong(good)]
        if not np.isfinite([best.mean(), *costs]).all():
            continue
        if best.mean() <= max(costs):
            return None
        detail = (f"{'an almost' if nearly else 'a'} perfect {name} costs {compact(float(best.mean()))}, a wrong one "
                  f"{compact(float(min(costs)))}: what is minimised grows as the prediction gets better")
        return _contract({**inputs, name: good}, best, claim, detail)
    return None


def squashed_twice(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], claim: Claim) -> Observation | None:
    """A perfect prediction that goes on costing much of what a wrong one does: logits far out, where the loss has an
    activation of its own before it, else the probabilities 0 and 1, where the model has."""
    pair = _pair(specs)
    if pair is None:
        return None
    label, name = pair[0], pair[1].name
    if label.values not in DISCRETE:
        label = replace(label, values="binary")
        inputs = {**inputs, **generic([label])}
    share = perfect(label, inputs[label.name], replace(pair[1], values="probability"))
    if share is None:
        return None
    for make, what in ((_logits, f"{name} of {FAR:g} and {-FAR:g} that agrees with the label"), (_same, "y_pred = y_true")):
        best = loss.value({**inputs, name: make(share)})
        worst = loss.value({**inputs, name: make(_wrong(share)[0])}).mean()
        if np.isfinite([best.mean(), worst]).all() and best.mean() > FLOOR * worst > 0.0:
            detail = (f"{what} still costs {compact(float(best.mean()))} (the opposite {compact(float(worst))}): the "
                      "activation is applied twice")
            return _contract({**inputs, name: make(share)}, best, claim, detail)
    return None


def is_not_symmetric(loss: Loss, inputs: Inputs, specs: Sequence[TensorSpec], claim: Claim) -> Observation | None:
    """Labels and predictions that give another loss once they are exchanged, where the claim is about the parameters."""
    names = list(inputs)
    if _call(claim.expression) is not None or len(names) != 2:
        return None
    labels = [spec.name for spec in specs if spec.role == "label"] or names
    label, prediction = inputs[labels[0]], next(inputs[name] for name in names if name != labels[0])
    passed, named = ({names[0]: one, names[1]: other} for one, other in ((label, prediction), (prediction, label)))
    here, there = loss.value(passed), loss.value(named)
    if _alike(here, there):
        return None
    detail = (f"labels passed for {names[0]} and predictions for {names[1]}, as Keras does, give "
              f"{compact(float(here.mean()))}, the other way round {compact(float(there.mean()))}")
    return _contract(passed, here, claim, detail)


def exchanged(program: Program, run: Run, claims: Sequence[Claim]) -> Iterator[Observation]:
    """``CONTRACT`` for each claim that a call gets its arguments in the wrong order: with the two exchanged the same program
    runs at all, or costs least where the prediction is what the label says, and as it stands it does not. That the two
    differ says nothing: the reverse of a divergence may be meant. ``run`` gives the value of a loaded entry for some inputs.
    """
    for claim in claims:
        mended = _with_exchanged(program, claim) if claim.code == SWAPPED else None
        if mended is None:
            continue
        for specs in program.inputs:
            inputs = generic(specs, program.seed)
            try:
                right = run(loaded_again(mended), inputs)
            except Exception:  # of the user's code: another rung
                continue
            told_right = f"with the two exchanged {compact(float(right.mean()))}"
            try:
                wrong = run(loaded_again(program), inputs)
            except Exception as error:
                yield _contract(inputs, None, claim, f"{one_line(error)}; {told_right}")
            else:
                pair = _pair(specs)
                if pair is not None and not _alike(wrong, right):
                    written, mended_cost = (partial(run, loaded_again(one)) for one in (program, mended))
                    yield from _asks_for_another(written, mended_cost, pair, inputs, claim)
            break


def _asks_for_another(
    written: Cost, mended: Cost, pair: tuple[TensorSpec, TensorSpec], inputs: Inputs, claim: Claim,
) -> Iterator[Observation]:
    """Labels for which a prediction that agrees with them is not the cheapest, though it is with the arguments exchanged."""
    label, spec = pair
    if label.shape != spec.shape or spec.values == "logits":
        return
    soft = replace(spec, name=label.name, values="simplex" if spec.values == "simplex" else "probability")
    known = generic([soft], seed=11)[label.name]  # no corner: there all may cost nothing
    known = known if spec.values == "simplex" else np.round(known, 2)
    inputs = {**inputs, label.name: known}
    equal = {**inputs, spec.name: known.astype(spec.dtype)}
    others = [{**inputs, spec.name: other.astype(spec.dtype)} for other in _apart(known, spec)]
    (cost, *rest), (right, *wrong) = ([float(run(one).mean()) for one in (equal, *others)] for run in (written, mended))
    if np.isfinite([cost, *rest, right, *wrong]).all() and right < min(wrong) and min(rest) < cost - REST * abs(cost):
        detail = (f"{spec.name} that equals {label.name} costs {compact(cost)}, another {compact(min(rest))}; with the two "
                  "exchanged the equal one costs least")
        cheapest = others[rest.index(min(rest))]
        yield replace(_contract(cheapest, written(cheapest), claim, detail), operation=CHEAPER)


def _apart(known: Array, spec: TensorSpec) -> Iterator[Array]:
    """Predictions that are clearly not the label."""
    if spec.values == "simplex":
        yield np.roll(known, 1, -1)
        yield _rows_of_one(known ** 4)
        yield _rows_of_one(known ** 0.25)
    else:
        yield from (share * known for share in (0.5, 0.9))
        yield 1.0 - known
        yield np.where(known > 0.5, 1.0 - ALMOST, ALMOST)
        if spec.values not in ("probability", "image", "unit"):
            yield from (share * known for share in (1.1, 2.0))


def _rows_of_one(shares: Array) -> Array:
    return np.asarray(shares / shares.sum(-1, keepdims=True))


def _with_exchanged(program: Program, claim: Claim) -> Program | None:
    """The program with the first two arguments of the claim's call exchanged; None where there is no such call."""
    wanted = _call(claim.expression)
    tree = copy.deepcopy(program.tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and wanted is not None and node.lineno == claim.row and (
                ast.unparse(node) == ast.unparse(wanted)):
            if len(node.args) > 1:
                node.args[:2] = reversed(node.args[:2])
            else:
                first, second = node.keywords[:2]
                first.value, second.value = second.value, first.value
            return replace(program, tree=tree)
    return None


def _call(expression: str) -> ast.Call | None:
    """An expression that is a call of two arguments given alike."""
    try:
        call = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(call, ast.Call) or any(isinstance(a, ast.Starred) for a in call.args):
        return None
    return call if len(call.args) > 1 or (not call.args and len(call.keywords) > 1) else None


def _pair(specs: Sequence[TensorSpec]) -> tuple[TensorSpec, TensorSpec] | None:
    """The label and the prediction, where there is one of each."""
    labels = [spec for spec in specs if spec.role == "label"]
    predictions = [spec for spec in specs if spec.role == "prediction"]
    return (labels[0], predictions[0]) if len(labels) == len(predictions) == 1 else None


def _wrong(right: Array) -> list[Array]:
    """Predictions as far from a perfect one as its range allows."""
    return [(1.0 - right if _is_share(right) else -right).astype(right.dtype)]


def _is_share(numbers: Array) -> bool:
    return bool(((numbers >= 0) & (numbers <= 1)).all())


def _logits(share: Array) -> Array:
    return np.where(share > 0.5, FAR, -FAR).astype(share.dtype)


def _same(share: Array) -> Array:
    return share


def _alike(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=REST, equal_nan=True))


def _contract(inputs: Inputs, value: Array | None, claim: Claim, detail: str) -> Observation:
    return Observation(Outcome.CONTRACT, "eager", **told(inputs), loss=None if value is None else numbers(value),
                       **claim.at, detail=detail)
