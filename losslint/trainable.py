"""Losses under test in people's own suites: ``losslint.confirm`` and ``losslint.assert_trainable``.

Both run in the caller's process, which has the framework: that of the tensors that are given, else the one that the code
of the loss uses. The file of the loss is checked first, so that what is claimed of it is looked for, and so that inputs
which are not given can be inferred.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losslint.findings import Finding, LossRef, Severity

if TYPE_CHECKING:
    from losslint.check import Checked
    from losslint.confirmation.observation import Evidence, Observation
    from losslint.confirmation.probes import Loss
    from losslint.confirmation.program import Program, TensorSpec

ROWS = 8  # of an axis that is left open
ROLES = ("prediction", "label", "weight")
KERAS_NAMES = ("y_true", "y_pred")
CALLED = ("call", "forward", "__call__")  # what holds the code of an object that is called


def assert_trainable(loss: Callable[..., Any], /, **inputs: Any) -> None:
    """Fail where a loss has no usable gradient: None, zero, wrong, not finite, or raising where ``fit`` traces it; where
    no run of it gave any; and where it compares every prediction with every label of shapes that are given.

    It runs in the caller's process, without a limit of time or memory, and seeds the random generators: a loss that never
    returns never fails, which only a time limit of the test runner or ``losslint --confirm`` ends.

    Args:
        loss: a function, a ``keras.losses.Loss`` or a ``torch.nn.Module``.
        **inputs: what it is called with, by name; see `confirm`.

    Raises:
        AssertionError: a failure was seen; the message names the inputs that show it, or why there is no gradient.
        ImportError: the framework is not installed.
        TypeError: an input is none of the forms that `confirm` takes, or none of the loss; the loss is a class.
        ValueError: a text is no input.
    """
    __tracebackhide__ = True
    found, evidence = _judged(loss, inputs)
    failures = [finding for finding in found if finding.status == "confirmed" and finding.severity > Severity.INFO]
    name = getattr(loss, "__qualname__", type(loss).__qualname__)
    name = _code_of(loss).name if name == "<lambda>" else name
    if failures:
        raise AssertionError("\n".join([f"{name} cannot be trained with:", *map(_told, failures)]))
    if (why := _without_gradient(evidence)) is not None:
        raise AssertionError(f"{name} was not seen to be trainable: {why}")


def confirm(loss: Callable[..., Any], /, **inputs: Any) -> list[Finding]:
    """Run a loss with its gradient, eagerly and as its framework compiles it, and search for inputs that break it.

    Args:
        loss: a function, a ``keras.losses.Loss`` or a ``torch.nn.Module``.
        **inputs: what it is called with, by name, each as a shape ``(8, 3)``, a text ``"float32[8, 3] in [0, 1]"``, a
            ``tf.TensorSpec``, or an array or tensor. These are tried first, as they are, and are an example: numbers of
            the same shape, dtype and kind (labels of 0 and 1, shares, probabilities, any numbers) are tried after them,
            those that break the loss among them; ``"float32[8, 3] in [0.1, 0.9]"`` keeps them in a range. A dtype is
            kept, but for the float64 and int64 that NumPy makes of plain numbers, which Keras casts.
            Without any, they are inferred from the code of the loss.

    Returns:
        What the check of its file found in the loss, and what only running showed (LL901 to LL907); ``verdict`` says
        of each whether it is confirmed, refuted or unconfirmed, with the inputs that show it.

    Raises:
        ImportError: the framework is not installed.
        TypeError: an input is none of these, the loss takes none of that name, it needs another one, or it is a class.
        ValueError: a text is no input, or none is given and none can be inferred.
    """
    return _judged(loss, inputs)[0]


def _judged(loss: Callable[..., Any], inputs: Mapping[str, Any]) -> tuple[list[Finding], Evidence]:
    """The findings of a loss with their verdicts, and what was seen."""
    from losslint.confirmation.judge import judge

    code = _code_of(loss)
    handed = _handed(loss, code)
    inputs = {handed.get(name, name): given for name, given in inputs.items()}
    if inputs:
        _compare_names(loss, code, inputs)
    checked = _checked(code, named=not handed)
    program = _program(code, checked, inputs, _framework_of(checked, inputs), by_keras=bool(handed))
    evidence = _evidence(loss, program, inputs)
    findings = () if checked is None else checked.findings
    reference = LossRef(program.name, "function", code.row)
    return judge(findings, program, evidence, reference), evidence


def _without_gradient(evidence: Evidence) -> str | None:
    """What the first run ended in, where none gave a gradient, or what it gave in place of one loss; None where one did."""
    from losslint.confirmation.observation import Outcome

    seen = evidence.observations
    for one in seen:
        if one.outcome is Outcome.CONTRACT and not one.row:
            return one.detail
    if any(one.outcome in (Outcome.FINE, Outcome.JUMP) for one in seen):
        return None
    return next((one.error or f"{one.outcome.value} ({one.mode})" for one in seen), "nothing was run")


@dataclass(frozen=True)
class Code:
    """Where the code of a loss stands."""

    path: Path
    name: str
    row: int
    function: Any


def _code_of(loss: Callable[..., Any]) -> Code:
    """The function that calling a loss runs."""
    function: Any = loss
    if isinstance(loss, type):
        raise TypeError(f"{loss.__qualname__} is a class: pass an instance of it, {loss.__qualname__}(...)")
    if isinstance(loss, str):
        raise TypeError(f"{loss!r} is the name of a loss: pass the loss, keras.losses.get({loss!r})")
    if not callable(loss):
        raise TypeError(f"{loss!r} is no loss: pass a function, a keras.losses.Loss or a torch.nn.Module")
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(getattr(function, "python_function", function))
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        function = next(getattr(type(function), name) for name in CALLED if hasattr(type(function), name))
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        raise TypeError(f"{loss!r} is no function with code in Python")
    path, row = Path(code.co_filename), code.co_firstlineno
    name = function.__qualname__.replace(".<locals>", "")
    return Code(path, _bound_name(path, row) or name if name == "<lambda>" else name, row, function)


def _bound_name(path: Path, row: int) -> str:
    """The name that a lambda at the top of a file is bound to; "" where it has none."""
    import ast

    from losslint.project.decisions import lambda_names

    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
    names = [name for statement in tree.body if isinstance(value := getattr(statement, "value", None), ast.Lambda)
             and value.lineno == row for name in lambda_names(statement)]
    return names[0] if len(names) == 1 else ""


def _handed(loss: Callable[..., Any], code: Code) -> dict[str, str]:
    """What a ``keras.losses.Loss`` is called with -> its own name in a ``call`` that names both otherwise: by position."""
    own = [name for name in inspect.signature(code.function).parameters if name != "self"]
    taken = list(inspect.signature(type(loss).__call__).parameters)[1:3] if code.function.__name__ == "call" else []
    return dict(zip(taken, own, strict=False)) if taken == list(KERAS_NAMES) and own[:2] != taken else {}


def _compare_names(loss: Callable[..., Any], code: Code, inputs: Mapping[str, Any]) -> None:
    """Raise where inputs are not those that a loss takes; what ``functools.partial`` binds may be left out."""
    taken = dict(inspect.signature(loss if isinstance(loss, functools.partial) else code.function).parameters)
    taken.pop("self", None)
    several = [name for name, one in taken.items() if one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
    needed = [name for name, one in taken.items() if one.default is one.empty and name not in several]
    unknown = [name for name in inputs if name not in taken and not several]
    lacking = [name for name in needed if name not in inputs]
    names = f"its arguments are {', '.join(taken)}"
    if unknown:
        raise TypeError(f"{code.name} takes no {', '.join(unknown)}; {names}")
    if lacking:
        raise TypeError(f"{code.name} needs {', '.join(lacking)} as well; {names}")


def _framework_of(checked: Checked | None, inputs: Mapping[str, Any]) -> str:
    """The framework that a loss is run with: that of its tensors, else of its code; it is imported.

    Raises:
        ImportError: it is not installed.
    """
    from losslint.confirmation.client import FrameworkMissing
    from losslint.confirmation.frameworks import DESCRIPTIONS

    homes = [type(given).__module__.partition(".")[0] for given in inputs.values()]
    given = [home.removesuffix("lib") for home in homes if home.removesuffix("lib") in DESCRIPTIONS]  # jaxlib
    name = given[0] if given else checked.loss.site.framework if checked is not None else "tensorflow"
    try:
        importlib.import_module(DESCRIPTIONS[name].preloaded[0])
    except ImportError as error:
        raise ImportError(str(FrameworkMissing(name))) from error
    return name


def _checked(code: Code, *, named: bool) -> Checked | None:
    """The loss as the check of its file sees it, with what is found there; None where there is no such file. ``named``: by
    its name alone it is a loss; the ``call`` of a Keras loss is one by its class, which says what its arguments are."""
    from losslint import config
    from losslint.check import check_paths
    from losslint.session import CODES

    if not code.path.is_file():
        return None
    ((settings, paths),) = config.resolve([code.path], CODES)
    if named:
        settings = replace(settings, loss_functions=(*settings.loss_functions, f"*{code.name}"))
    for checked in check_paths(paths, settings, keep_losses=True).checked:
        node: Any = checked.loss.site.node
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        if code.row in (first, node.lineno):
            adjusted = [found for finding in checked.findings if (found := settings.adjust(finding)) is not None]
            return replace(checked, findings=tuple(adjusted))
    return None


def _program(code: Code, checked: Checked | None, inputs: Mapping[str, Any], framework: str, by_keras: bool) -> Program:
    """What is run: the caller's own function, with the inputs that are given. ``by_keras``: it is called by Keras in any
    case, by position."""
    import ast

    from losslint.confirmation.program import Program
    from losslint.confirmation.specs import inputs_of
    from losslint.confirmation.verdicts import claim_of

    inferred = () if checked is None else inputs_of(checked.loss).ladder
    known = {spec.name: spec for spec in (inferred[0] if inferred else ())}
    ladder = (tuple(_spec(name, given, known.get(name)) for name, given in inputs.items()),) if inputs else inferred
    if by_keras and inputs:
        order = list(inspect.signature(code.function).parameters)
        ladder = (tuple(sorted(ladder[0], key=lambda spec: order.index(spec.name))),)
    if not ladder or not ladder[0]:
        raise ValueError("the inputs of the loss cannot be inferred: give them by name, such as y_pred=(8, 3)")
    is_pair = framework == "tensorflow" and len(ladder[0]) == 2
    by_keras = is_pair and (by_keras or (checked.loss.called_by_keras if checked else _is_named_as_by_keras(code)))
    claims = [] if checked is None else [claim_of(f, checked.loss) for f in checked.findings if f.path == code.path]
    text = code.path.read_text(encoding="utf-8") if code.path.is_file() else ""
    return Program(
        path=code.path, name=code.name, tree=ast.parse(text), kind="loss" if by_keras else "function", inputs=ladder,
        called_by_keras=by_keras, claims=tuple(dict.fromkeys(claims)), framework=framework,
        stated=frozenset(spec.name for spec in ladder[0] if spec.name in inputs and _states_dtype(inputs[spec.name], spec)),
    )  # fmt: skip


def _is_named_as_by_keras(code: Code) -> bool:
    """Whether a function takes labels and predictions under the names that Keras has for them."""
    return [name for name in inspect.signature(code.function).parameters if name != "self"] == list(KERAS_NAMES)


def _spec(name: str, given: Any, known: TensorSpec | None) -> TensorSpec:
    """What is known of one input, by what is given for it and by what the code of the loss says of it."""
    from losslint.confirmation.program import TensorSpec
    from losslint.confirmation.written import parse_spec
    from losslint.project.roles import role_by_name

    role = role_by_name(name).value
    usual = known or TensorSpec(name, (), role=role if role in ROLES else "tensor")
    if isinstance(given, str):
        written = parse_spec(given)
        closed = written.values == "real" and (written.low, written.high) == (0.0, 1.0)
        return replace(written, name=name, role=usual.role, values="probability" if closed else written.values)
    if isinstance(given, (tuple, list)) and all(size is None or isinstance(size, int) for size in given):
        return replace(usual, shape=tuple(ROWS if size is None else size for size in given))
    if hasattr(given, "shape") and hasattr(given, "dtype") and not hasattr(given, "__array__"):
        dtype = getattr(given.dtype, "name", str(given.dtype))
        return replace(usual, shape=tuple(ROWS if size is None else size for size in given.shape), dtype=dtype)
    if hasattr(given, "__array__"):
        return _like(usual, _array(given))
    raise TypeError(f"{name}={given!r}: give a shape, a text such as 'float32[8, 3] in [0, 1]', an array or a tensor")


def _states_dtype(given: Any, spec: TensorSpec) -> bool:
    """Whether a dtype is meant: a shape has none, and NumPy makes 64 bits of whatever nobody gives one, which for labels
    ``fit`` takes and casts. A prediction of integers has no gradient, wherever they come from."""
    if isinstance(given, (tuple, list)):
        return False
    is_usual = type(given).__module__ == "numpy" and spec.dtype in ("float64", "int64")
    return not is_usual or (spec.role == "prediction" and not spec.is_floating)


def _array(given: Any) -> Any:
    """The numbers of an array or tensor; PyTorch hands out none of what it differentiates."""
    import numpy as np

    return np.asarray(given.detach() if hasattr(given, "detach") else given)


def _like(usual: TensorSpec, array: Any) -> TensorSpec:
    """The kind of numbers that an array holds."""
    from losslint.confirmation.values import fits

    spec = replace(usual, shape=array.shape, dtype=str(array.dtype))
    if array.dtype.kind in "iu":
        return replace(spec, values="class", classes=max(int(array.max(initial=0)) + 1, 2))
    kinds = ("onehot", "binary", "simplex", "probability") if spec.role == "label" else (
        spec.values, "simplex", "probability")
    fitting = [kind for kind in kinds if array.ndim and fits(replace(spec, values=kind), array)]
    return replace(spec, values=fitting[0] if fitting else "real")


def _evidence(loss: Callable[..., Any], program: Program, inputs: Mapping[str, Any]) -> Evidence:
    """What is seen: with the arrays that are given, then with others."""
    from losslint.confirmation import contract, frameworks, locate, probes, wire
    from losslint.confirmation.battery import Battery
    from losslint.confirmation.failures import UserFiles, between_shapes
    from losslint.confirmation.observation import Outcome
    from losslint.confirmation.values import generic

    lines: list[bytes] = []
    report = wire.Report(lines.append)
    files = UserFiles(program.path, program.path.parent)
    run = probes.Loss(loss, files, program.kind, program.called_by_keras, frameworks.load(program.framework),
                      stated=program.stated)
    specs = program.inputs[0]
    own = {name: _array(given) for name, given in inputs.items() if hasattr(given, "__array__")}
    if inputs:
        seen = replace(probes.observe(run, generic(specs) | own, specs, "eager"), given=True)
        if own and seen.outcome is not Outcome.ZERO_GRADIENT:
            for one in locate.place(run, specs, seen) if seen.outcome in locate.PLACED else (seen,):
                report.saw(one)
        elif between_shapes(seen):  # what is drawn for a shape may raise by its numbers
            report.saw(seen)
        with contextlib.suppress(Exception):  # of the user's code, for columns
            for one in contract.as_given(run, run.prepared(generic(specs) | own), specs):
                report.saw(one)
    for one in _parts(run, generic(specs) | own, program):
        report.saw(one)
    Battery(program, run, report, generic(specs) | own if own else None).run()
    return wire.evidence([line.decode() for line in lines], None, 0.0)


def _parts(run: Loss, arrays: Mapping[str, Any], program: Program) -> Iterator[Observation]:
    """That a loss which Keras calls gives several."""
    from losslint.confirmation.observation import Observation, Outcome

    with contextlib.suppress(Exception):  # of the user's code, for arrays of the first shape
        detail = run.framework.refusal(run.result(run.prepared(arrays))) if program.called_by_keras else ""
        if detail:
            yield Observation(Outcome.CONTRACT, "eager", detail=detail)


def _told(finding: Finding) -> str:
    from losslint.report import verdict

    place = f"{finding.path}:{finding.start.row}:{finding.start.column}"
    return f"  {place}: {finding.code} [{finding.name}] {finding.message}\n    {verdict(finding)}"
