"""Verdicts from evidence: plain data in, plain data out, no framework."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from losslint.confirmation import contract
from losslint.confirmation.judge import judge, not_run
from losslint.confirmation.observation import REVERSED, Evidence, Observation, Outcome, Searched
from losslint.confirmation.program import Claim, NotSliced, Program, TensorSpec
from losslint.confirmation.proofs import PROOFS
from losslint.findings import Finding, Location, LossRef, Severity
from losslint.rules import catalogue

PATH = Path("losses.py")
TEXT = """import tensorflow as tf

def log_loss(y_true, y_pred):
    p = tf.clip_by_value(y_pred, 0.0, 1.0)
    logs = tf.math.log(p)
    return -tf.reduce_mean(y_true * logs)

__losslint_entry__ = log_loss
"""
SPECS = (
    TensorSpec("y_true", (4, 3), values="binary", role="label"),
    TensorSpec("y_pred", (4, 3), values="probability", role="prediction"),
)
PROGRAM = Program(PATH, "log_loss", ast.parse(TEXT), "loss", (SPECS,), called_by_keras=True)
LOSS = LossRef("log_loss", "function", 3)
WITNESS = Observation(
    Outcome.BAD_VALUE, "eager", {"y_true": [[1.0]], "y_pred": [[0.0]]}, loss=float("inf"),
    gradient={"y_pred": [[float("-inf")]]}, row=5, operation="Log",
)  # fmt: skip
FINE = Observation(Outcome.FINE, "eager", {"y_true": [[1.0]], "y_pred": [[0.3]]}, loss=1.2, rows=(4, 5, 6))


def finding(code: str, row: int = 5, severity: Severity = Severity.WARNING, **other: Any) -> Finding:
    name = catalogue()[code].name
    return Finding(code, name, severity, "", "", PATH, Location(row, 5), Location(row, 25), LOSS, **other)


def one(found: Finding, *seen: Observation, searched: tuple[Searched, ...] = (), claims: tuple[Claim, ...] = ()) -> Any:
    program = replace(PROGRAM, claims=claims)
    first, *_ = judge([found], program, Evidence(seen, searched, seconds=0.5))
    assert first.verdict is not None
    assert first.verdict.keys() == {"status", "reason", "mode", "witness", "loss", "gradient", "seconds"}
    return first.verdict


def codes(*seen: Observation, findings: tuple[Finding, ...] = (), program: Program = PROGRAM) -> list[str]:
    return [f.code for f in judge(findings, program, Evidence(seen), LOSS) if f.code.startswith("LL9")]


def everywhere(row: int, **other: Any) -> tuple[Searched, ...]:
    return tuple(Searched(row, mode, **{"reached": True, "inputs": 40, **other}) for mode in ("eager", "graph", "xla"))


# -- the table


def test_every_rule_has_a_proof() -> None:
    shown = {code for code, rule in catalogue().items() if "Confirmed by: nothing" not in rule.documentation}
    assert shown <= set(PROOFS)
    for code, proof in PROOFS.items():
        assert proof.outcomes, code


def test_rules_say_how_they_are_confirmed() -> None:
    assert all("Confirmed by:" in rule.documentation for rule in catalogue().values())


def test_no_framework_is_imported() -> None:
    """Judging happens in the main process."""
    import subprocess

    modules = ("judge", "repro", "verdicts", "client")
    look = "".join(f"import losslint.confirmation.{name}\n" for name in modules)
    look += "import sys; print({'tensorflow', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# -- confirmed


def test_confirmed_at_its_row() -> None:
    verdict = one(finding("LL301"), FINE, WITNESS)
    assert verdict["status"] == "confirmed"
    assert verdict["witness"] == WITNESS.inputs
    assert verdict["reason"] == "in eager code: y_true=[[1.]], y_pred=[[0.]] -> loss inf, gradient [[-inf]]"
    assert verdict["mode"] == "eager"
    assert verdict["loss"] == float("inf")


def test_the_plainest_witness_is_shown() -> None:
    late = replace(WITNESS, inputs={"y_true": [[1.0]], "y_pred": [[1e-38]]})
    assert one(finding("LL301"), late, WITNESS)["witness"] == WITNESS.inputs


def test_a_related_row_counts() -> None:
    assert one(finding("LL301", row=6, related_rows=(5,)), WITNESS)["status"] == "confirmed"


def test_another_row_does_not() -> None:
    verdict = one(finding("LL301", row=4), WITNESS)
    assert verdict["status"] == "unconfirmed"
    assert verdict["reason"] == "bad value was seen (eager), but in row 5"


def test_another_file_does_not() -> None:
    assert one(finding("LL301"), replace(WITNESS, path="other.py"))["status"] == "unconfirmed"


def test_another_expression_of_the_row_does_not() -> None:
    """y * log(p) + (1 - y) * log(1 - p): what breaks one says nothing of the other."""
    other = replace(WITNESS, span=(5, 30, 5, 41))
    verdict = one(finding("LL301"), other)
    assert verdict["status"] == "unconfirmed"
    assert verdict["reason"] == "bad value was seen (eager), but in another expression of row 5"
    for span in ((5, 5, 5, 25), (5, 8, 5, 20), (5, 1, 5, 60)):  # itself, a part of it, what it is part of
        assert one(finding("LL301"), replace(WITNESS, span=span, operation="Mul"))["status"] == "confirmed"
    assert codes(other, findings=(finding("LL301"),)) == ["LL902"]


def test_what_was_not_evaluated_is_not_refuted() -> None:
    runs = [replace(FINE, mode=mode) for mode in ("eager", "graph")]
    found = finding("LL102")
    assert one(found, *runs)["status"] == "refuted"
    verdict = one(found, *(replace(seen, idle=(found.span,)) for seen in runs))
    assert verdict["status"] == "unconfirmed"
    assert verdict["reason"] == "the expression is not evaluated with the inputs tried"


@pytest.mark.parametrize(("code", "error"), [
    ("LL108", "RuntimeError: Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."),
    ("LL105", "RuntimeError: selected index k out of range"),
    ("LL102", "AttributeError: module 'tensorflow' has no attribute 'sqare'"),
    ("LL404", "InvalidArgumentError: indices[0] = 7 is not in [0, 4)"),
    ("LL503", "ValueError: Shapes (3,) and (4,) are incompatible"),
    ("LL209", "ValueError: Input 0 of layer dense is not compatible: expected axis -1 to have value 8, got (2, 4)"),
    ("LL406", "TypeError: Array.__contains__: unsupported operand type <class 'str'>."),
])
def test_an_exception_about_something_else_proves_nothing(code: str, error: str) -> None:
    anywhere = PROOFS[code].anywhere
    raised = Observation(Outcome.RAISES, "eager", FINE.inputs, row=6 if anywhere else 5, error=error)
    assert one(finding(code), raised)["status"] == "unconfirmed"


def test_an_exception_proves_the_finding_that_it_is_raised_at_and_all_others_where_it_is_at_none() -> None:
    error = "ValueError: A KerasTensor cannot be used as input to a TensorFlow function."
    raised = Observation(Outcome.RAISES, "eager", FINE.inputs, row=5, span=(5, 30, 5, 41), error=error)
    found = judge([finding("LL209"), replace(finding("LL209"), start=Location(5, 30), end=Location(5, 41))], PROGRAM,
                  Evidence((raised,)))
    assert [f.status for f in found] == ["unconfirmed", "confirmed"]
    assert found[0].verdict is not None
    assert found[0].verdict["reason"].startswith("the loss raises in another expression of row 5 (eager)")
    nowhere = replace(raised, row=9, span=())
    assert [f.status for f in judge([finding("LL209")], PROGRAM, Evidence((nowhere,)))] == ["confirmed"]


@pytest.mark.parametrize(("operation", "status"), [("custom_jvp_call", "confirmed"), ("round", "unconfirmed")])
def test_only_a_rule_by_tangents_gives_zero_when_it_leaves_them_out(operation: str, status: str) -> None:
    flat = Observation(Outcome.ZERO_GRADIENT, "eager", FINE.inputs, row=6, operation=operation)
    assert one(finding("LL511"), flat)["status"] == status


def test_extreme_inputs_prove_nothing() -> None:
    for seen in (replace(WITNESS, plausible=False), replace(WITNESS, inputs={"y_pred": [1e20]})):
        assert one(finding("LL301"), seen)["status"] == "unconfirmed"
        assert codes(seen) == []


def test_a_mode_that_is_not_claimed_proves_nothing() -> None:
    claims = (Claim("LL306", 5, 5, ("graph",)),)
    assert one(finding("LL306"), WITNESS, claims=claims)["status"] == "unconfirmed"
    assert one(finding("LL306"), replace(WITNESS, mode="fit"), claims=claims)["status"] == "confirmed"


def test_no_place_is_enough_for_a_single_claim() -> None:
    lost = Observation(Outcome.NO_GRADIENT, "eager", FINE.inputs, loss=1.0)
    assert one(finding("LL105"), lost)["status"] == "confirmed"
    both = judge([finding("LL105"), finding("LL106", row=6)], PROGRAM, Evidence((lost,)))
    assert [f.verdict["status"] for f in both if f.verdict] == ["unconfirmed", "unconfirmed"]


def test_what_numpy_takes_without_a_word() -> None:
    """The gradient is gone and no operation lost it: each NumPy call that ran says why."""
    lost = Observation(Outcome.NO_GRADIENT, "eager", FINE.inputs, loss=1.0, rows=(4, 5, 6))
    found = judge([finding("LL101"), finding("LL101", row=6)], PROGRAM, Evidence((lost,)))
    assert [f.verdict["status"] for f in found if f.verdict] == ["confirmed", "confirmed"]
    found = judge([finding("LL101"), finding("LL105", row=6)], PROGRAM, Evidence((replace(lost, row=6),)))
    assert [f.verdict["status"] for f in found if f.verdict] == ["unconfirmed", "confirmed"]


def test_the_batch_size_may_fail_further_down() -> None:
    raised = Observation(Outcome.RAISES, "graph", FINE.inputs, row=6, error="TypeError: 'NoneType'")
    assert one(finding("LL205", row=4), FINE, raised)["status"] == "confirmed"
    found = judge([finding("LL205", row=4), finding("LL201", row=6)], PROGRAM, Evidence((FINE, raised)))
    assert [f.verdict["status"] for f in found if f.verdict] == ["unconfirmed", "confirmed"]


def test_an_index_that_was_made_up_proves_nothing() -> None:
    filled = replace(WITNESS, inputs={"y_true": [[1.0]], "y_pred": [[0.3]]}, loss=float("nan"))
    assert codes(filled) == ["LL902"]
    assert codes(replace(filled, operation="gather")) == []
    assert codes(replace(filled, operation="gather", given=True)) == ["LL902"]


def test_surroundings_prove_nothing() -> None:
    for error in ("ModuleNotFoundError: No module named 'scipy'", "AssertionError: labels must be scaled"):
        raised = Observation(Outcome.RAISES, "eager", FINE.inputs, row=5, error=error)
        assert one(finding("LL103"), raised)["status"] == "unconfirmed"
        assert codes(FINE, replace(raised, mode="graph")) == []


@pytest.mark.parametrize(("code", "operation", "status"), [
    ("LL304", "Acos", "unconfirmed"), ("LL304", "Log", "unconfirmed"), ("LL304", "RealDiv", "confirmed"),
    ("LL301", "RealDiv", "unconfirmed"), ("LL301", "Log", "confirmed"), ("LL307", "Acos", "confirmed"),
    ("LL304", "Exp", "unconfirmed"), ("LL302", "RealDiv", "unconfirmed"), ("LL302", "Exp", "confirmed"),
    ("LL302", "Square", "confirmed"), ("LL301", "Cosh", "unconfirmed"),
])  # fmt: skip
def test_another_operation_of_the_row_proves_nothing(code: str, operation: str, status: str) -> None:
    assert one(finding(code), replace(WITNESS, operation=operation))["status"] == status


@pytest.mark.parametrize(
    ("code", "operation"), [("LL304", "RealDiv"), ("LL301", "Log"), ("LL302", "Exp"), ("LL303", "Sqrt")])
def test_an_operation_of_its_kind_within_it_proves_nothing(code: str, operation: str) -> None:
    """a / b / c: that b is 0 says nothing of c."""
    seen = replace(WITNESS, operation=operation)
    assert one(finding(code), replace(seen, span=(5, 5, 5, 25)))["status"] == "confirmed"
    for span in ((5, 5, 5, 15), (5, 1, 5, 60)):
        assert one(finding(code), replace(seen, span=span))["status"] == "unconfirmed"
    assert one(finding(code, related_rows=(6,)), replace(seen, row=6, span=(6, 5, 6, 9)))["status"] == "confirmed"


@pytest.mark.parametrize(("error", "status"), [
    ("RuntimeError: selected index k out of range", "unconfirmed"),
    ("InvalidArgumentError: cannot compute NotEqual as input #1 was expected to be a int64 tensor but is a float tensor",
     "unconfirmed"),
    ("TypeError: grad requires real- or complex-valued inputs (input dtype that is a sub-dtype of np.inexact), got int32.",
     "confirmed"),
    ("NotImplementedError: the derivative for 'histc' is not implemented.", "confirmed"),
])  # fmt: skip
def test_only_exceptions_about_the_gradient_prove_that_there_is_none(error: str, status: str) -> None:
    raised = Observation(Outcome.RAISES, "eager", FINE.inputs, row=5, error=error)
    assert one(finding("LL105"), raised)["status"] == status


@pytest.mark.parametrize("error", [
    "NotImplementedError: Cannot convert a symbolic tf.Tensor to a numpy array.",
    "RuntimeError: Can't call numpy() on Tensor that requires grad.",
])  # fmt: skip
def test_a_value_that_cannot_leave_the_framework_proves_that_it_would(error: str) -> None:
    raised = Observation(Outcome.RAISES, "eager", FINE.inputs, row=5, error=error)
    assert one(finding("LL101"), raised)["status"] == "confirmed"


# -- refuted


def test_refuted_after_a_search_in_every_mode() -> None:
    verdict = one(finding("LL301"), FINE, searched=everywhere(5, nearest=1e-7))
    assert verdict["status"] == "refuted"
    assert verdict["reason"] == (
        "40 inputs reach the row and all is finite (eager, graph, xla); none brings the operand closer than 1e-07 to the "
        "value where it fails"
    )
    found = judge([finding("LL301")], PROGRAM, Evidence((FINE,), everywhere(5)))
    assert found[0].refuted


@pytest.mark.parametrize(
    "searched",
    [
        (),
        everywhere(5, reached=False),
        everywhere(6),
        everywhere(5)[:2],  # not under XLA
    ],
)
def test_not_refuted(searched: tuple[Searched, ...]) -> None:
    assert one(finding("LL301"), FINE, searched=searched)["status"] == "unconfirmed"


def test_a_failure_without_a_place_refutes_nothing() -> None:
    nowhere = replace(WITNESS, row=0, mode="graph")
    rival = finding("LL304", row=6)
    found = judge([finding("LL301"), rival], PROGRAM, Evidence((FINE, nowhere), everywhere(5)))
    assert not found[0].refuted


def test_info_findings_are_not_refuted() -> None:
    """They are about inputs that the search does not go to."""
    found = finding("LL302", severity=Severity.INFO)
    assert one(found, FINE, searched=everywhere(5))["status"] == "unconfirmed"


def test_gradient_refuted_only_where_the_row_ran() -> None:
    assert one(finding("LL105"), FINE)["status"] == "refuted"
    assert one(finding("LL105"), replace(FINE, rows=(4, 6)))["status"] == "unconfirmed"
    assert one(finding("LL105"), replace(FINE, detail="no gradient to sigma"))["status"] == "unconfirmed"
    assert one(finding("LL201"), FINE)["status"] == "unconfirmed"  # eager code says nothing about tracing
    assert one(finding("LL201"), replace(FINE, mode="graph"))["status"] == "refuted"


# -- reasons


def test_an_exception_that_did_not_come_is_refuted_only_where_the_row_ran() -> None:
    program = replace(PROGRAM, framework="torch", called_by_keras=False)
    elsewhere, raises = replace(FINE, rows=(4, 6)), Observation(Outcome.RAISES, "eager", error="RuntimeError: mean()", row=4)
    seen = [((FINE,), "refuted"), ((elsewhere,), "unconfirmed"), ((FINE, raises), "unconfirmed"), ((), "unconfirmed")]
    for observations, status in seen:
        (judged,) = [f for f in judge([finding("LL407")], program, Evidence(observations)) if f.code == "LL407"]
        assert judged.verdict is not None
        assert judged.verdict["status"] == status


def test_labels_that_keras_casts_are_not_refuted_by_a_call_of_the_loss_alone() -> None:
    graph = replace(FINE, mode="graph")
    assert one(finding("LL407"), FINE, graph)["status"] == "unconfirmed"
    assert one(finding("LL407"), FINE, graph, replace(FINE, mode="fit"))["status"] == "refuted"


def test_reasons() -> None:
    crashed = Observation(Outcome.CRASHED, "eager", error="killed by signal 11")
    assert "killed by signal 11" in one(finding("LL301"), crashed)["reason"]
    assert "does not run" in one(finding("LL301"), FINE, searched=everywhere(5, reached=False))["reason"]
    raised = Observation(Outcome.RAISES, "eager", error="ValueError: no")
    assert "ValueError: no" in one(finding("LL301"), raised)["reason"]
    assert one(finding("LL301"))["reason"] == "nothing was run"
    (only,) = not_run([finding("LL301")], NotSliced(PATH, "log_loss", "it is made at run time"))
    assert only.verdict is not None
    assert only.verdict["reason"] == "it is made at run time"


@pytest.mark.parametrize(("error", "reason"), [
    ("NameError: name 'W' is not defined", "W is not run: line 4 reads data (np.load)"),
    ("ImportError: cannot import name 'W' from 'settings'", "W is not run: line 4 reads data (np.load)"),
    ("NameError: name 'V' is not defined", "NameError: name 'V' is not defined"),
    ("AttributeError: 'Namespace' object has no attribute 'alpha'",
     "alpha has to be given on the command line, which is empty here"),
    ("FileNotFoundError: [Errno 2] No such file or directory: 'w.json'", "its files are not in the scratch folder: "),
])  # fmt: skip
def test_what_is_left_out_of_a_loss_is_the_reason(error: str, reason: str) -> None:
    program = replace(PROGRAM, notes=("W is not run: line 4 reads data (np.load)",))
    for outcome in (Outcome.RAISES, Outcome.NOT_RUN):
        (only,) = judge([finding("LL301")], program, Evidence((Observation(outcome, "eager", error=error),)))
        assert only.verdict is not None
        raises = outcome is Outcome.RAISES and reason == error
        assert ("raises with the inputs tried" if raises else "not be run to its end") in only.verdict["reason"]
        assert f": {reason}" in only.verdict["reason"]


@pytest.mark.parametrize(("operation", "undefined", "status"), [
    ("Log", True, "confirmed"), ("Log", False, "unconfirmed"), ("Acos", False, "confirmed"),
])
def test_a_logarithm_of_0_says_nothing_of_negative_numbers(operation: str, undefined: bool, status: str) -> None:
    seen = replace(WITNESS, operation=operation, undefined=undefined)
    assert one(finding("LL307"), seen)["status"] == status
    assert codes(seen, findings=(finding("LL307"),)) == []


# -- what only running shows


def test_new_finding_at_its_row() -> None:
    new = judge([], PROGRAM, Evidence((FINE, WITNESS)), LOSS)[0]
    assert (new.code, new.severity, new.start, new.end) == ("LL902", Severity.WARNING, Location(5, 12), Location(5, 26))
    assert new.loss == LOSS
    assert new.verdict is not None
    assert new.verdict["status"] == "confirmed"


def test_explained_failures_are_not_said_twice() -> None:
    assert codes(WITNESS, findings=(finding("LL301"),)) == []
    assert codes(WITNESS, findings=(finding("LL304", row=6),)) == ["LL902"]
    lost = Observation(Outcome.NO_GRADIENT, "eager", FINE.inputs, loss=1.0, row=6)
    assert codes(lost) == ["LL901"]
    assert codes(lost, findings=(finding("LL101", row=4),)) == []


def test_nothing_to_differentiate() -> None:
    """Where all inputs are labels and weights, a missing gradient means nothing."""
    assert codes(Observation(Outcome.NO_GRADIENT, "eager", FINE.inputs, gradient={})) == []


def test_deliberate_and_accidental() -> None:
    stopped = Observation(Outcome.NO_GRADIENT, "eager", FINE.inputs, row=6, operation="StopGradient")
    assert codes(stopped) == []
    zero = Observation(Outcome.ZERO_GRADIENT, "eager", FINE.inputs)
    assert codes(replace(zero, loss=0.0)) == []  # a loss that is 0 on purpose
    zero = replace(zero, loss=0.7)
    assert codes(zero) == []  # a softmax over one column is constant
    zero = replace(zero, inputs={"y_true": [[1.0, 0.0]], "y_pred": [[0.3, 0.7]]})
    assert codes(zero) == ["LL903"]
    assert codes(zero, FINE) == []  # zero at one point only


def test_only_thresholds_are_jumps() -> None:
    jump = Observation(Outcome.JUMP, "eager", FINE.inputs, loss=1.0, row=6, operation="GreaterEqual")
    assert codes(jump) == ["LL905"]
    assert codes(replace(jump, operation="ArgMax")) == []


def test_labels_alone_are_info() -> None:
    alone = replace(WITNESS, detail="y_true all zero; whatever is predicted")
    assert judge([], PROGRAM, Evidence((alone,)), LOSS)[0].severity is Severity.INFO


def test_late_inputs_are_no_new_finding() -> None:
    assert codes(replace(WITNESS, inputs={"y_true": [[1.0]], "y_pred": [[1e-38]]})) == []


def test_unknown_predictions_only_fail_at_common_numbers() -> None:
    open_specs = (SPECS[0], replace(SPECS[1], values="real"))
    program = replace(PROGRAM, inputs=(open_specs,))
    for prediction, expected in ((1.0, ["LL902"]), (-20.0, []), (0.0, [])):
        assert codes(replace(WITNESS, inputs={"y_true": [[1.0]], "y_pred": [[prediction]]}), program=program) == expected


def test_raises_only_where_keras_compiles_it() -> None:
    error = "OperatorNotAllowedInGraphError: Using a symbolic `tf.Tensor` as a Python `bool` is not allowed."
    raised = Observation(Outcome.RAISES, "graph", FINE.inputs, row=5, error=error)
    assert codes(FINE, raised) == ["LL906"]
    assert codes(FINE, raised, program=replace(PROGRAM, run_eagerly=True)) == []
    assert codes(raised) == []  # the inputs may be wrong
    assert codes(FINE, raised, program=replace(PROGRAM, called_by_keras=False)) == []
    shapes = replace(raised, error="InvalidArgumentError: Incompatible shapes: [4,3] vs. [4,2]")
    assert codes(FINE, shapes) == []
    assert codes(FINE, raised, findings=(finding("LL201", row=4),)) == []


def test_crashes_are_no_findings() -> None:
    for outcome in (Outcome.CRASHED, Outcome.TIMEOUT, Outcome.NOT_RUN, Outcome.OUT_OF_MEMORY, Outcome.FINE):
        assert codes(Observation(outcome, "eager")) == []


def test_one_finding_a_place() -> None:
    assert codes(WITNESS, replace(WITNESS, mode="graph")) == ["LL902"]
    assert len(codes(WITNESS, replace(WITNESS, row=6))) == 2


# -- steps


def test_each_derivative_of_a_step_is_explained_on_its_own() -> None:
    step = replace(PROGRAM, kind="step")
    first = Observation(Outcome.NO_GRADIENT, "eager", row=4, operation="Round", detail="no gradient to w")
    mask = replace(first, row=5, operation="Greater")
    second = replace(first, row=6, operation="Floor", detail="no gradient to v")
    known = finding("LL105", 4)
    assert codes(first, mask, findings=(known,), program=step) == []
    assert codes(first, mask, second, findings=(known,), program=step) == ["LL901"]
    assert codes(second, findings=(finding("LL501", 9),), program=step) == []  # it speaks of the whole step


@pytest.mark.parametrize("code", ["LL401", "LL403", "LL404", "LL406", "LL408", "LL411"])
def test_what_is_measured_for_one_claim_confirms_no_other(code: str) -> None:
    seen = Observation(Outcome.CONTRACT, "eager", {"y_true": [[1.0]]}, row=4, detail="a scalar")
    assert one(finding(code, 5), seen)["status"] == "unconfirmed"
    assert one(finding(code, 4), seen)["status"] == "confirmed"


def test_a_gradient_that_is_turned_round_is_meant() -> None:
    seen = Observation(Outcome.WRONG_GRADIENT, "eager", {"y_true": [[1.0]]}, detail="another slope")
    assert codes(seen) == ["LL904"]
    assert codes(replace(seen, operation=REVERSED)) == []


def test_a_number_that_calls_change_themselves_is_no_draw() -> None:
    class Counted:
        count = 0

        def __call__(self) -> int:
            self.count += 1
            return self.count

    entry, claim = Counted(), Claim("LL207", 1, 1, expression="self.count += 1")
    entry.count = 3
    [seen] = contract.unchanged(entry, {}, [claim], entry, lambda: 1)
    assert seen.detail == "after count went from 3 to 5 the traced step does the same, eager code something else"
