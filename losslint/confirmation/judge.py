"""What the evidence says of the findings: confirmed, refuted, or open, and what only running showed.

Runs in the main process and imports no framework. A finding is *confirmed* by an outcome that its rule names, at its row
and in a mode it speaks of. It is *refuted* only where what it claims was looked for in every such mode, with inputs that
reach the row, and did not occur. Everything else stays *unconfirmed*, with the reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from losslint.confirmation.failures import NO_SHAPES, only_about_shapes
from losslint.confirmation.frameworks import modes_in
from losslint.confirmation.observation import REVERSED, Evidence, Observation, Outcome, Searched
from losslint.confirmation.places import nested
from losslint.confirmation.program import Claim, NotSliced, Program, TensorSpec
from losslint.confirmation.proofs import (
    MISMATCH,
    NUMBERS,
    PROOFS,
    Proof,
    is_of_the_operation,
    is_spoken_of,
    is_spoken_of_elsewhere,
    proof_for,
)
from losslint.confirmation.tiers import Tier, numbers, tier
from losslint.confirmation.words import MODES, seen_in, sentence, shortened
from losslint.findings import Finding, Location, LossRef, Severity
from losslint.notices import SEEN

LEAVES_UNSEEN = ("LL101", "LL103")  # NumPy takes values without a word: no operation is seen to lose the gradient
SURROUNDINGS = ("AssertionError", "ModuleNotFoundError", "ImportError", "NameError", "OSError", "FileNotFoundError",
                "PermissionError")
UNMADE = re.compile(r"name '(\w+)' is not defined|cannot import name '(\w+)'|module '.*' has no attribute '(\w+)'")
NO_ARGUMENT = re.compile(r"'Namespace' object has no attribute '(\w+)'")
THRESHOLDS = ("Greater", "GreaterEqual", "Less", "LessEqual", "Select", "SelectV2", "Round", "Floor", "Ceil", "Sign", "Cast",
              "gt", "ge", "lt", "le", "where", "select_n", "round", "floor", "ceil", "sign")  # fmt: skip
FILLS = ("gather",)  # JAX makes NaN of what lies beyond an axis: the index was made up
STANDS_IN = re.compile(r"__contains__: unsupported operand|string indexing")  # an array where a dictionary is wanted
STOPS = ("StopGradient", "stop_gradient", "detach", "no_grad")
CONFIRMED, REFUTED, UNCONFIRMED = "confirmed", "refuted", "unconfirmed"
OF_A_CLAIM = (Outcome.CONTRACT, Outcome.FROZEN)  # measured for one claim, whose row they carry
ENDED = (Outcome.NOT_RUN, Outcome.CRASHED, Outcome.TIMEOUT, Outcome.OUT_OF_MEMORY)
COMPILED = ("graph", "fit", "xla", "jit")
WHATEVER = "whatever is predicted"
UNFINISHED = "the loss could not be run to its end"


def judge(
    findings: Sequence[Finding], program: Program, evidence: Evidence, loss: LossRef | None = None
) -> list[Finding]:  # fmt: skip
    """The findings of one loss with their verdicts, and after them what only running showed (LL901 to LL907)."""
    case = Case(tuple(findings), program, evidence, loss)
    return [*(replace(f, verdict=case.verdict(f)) for f in findings), *case.unexplained()]


def not_run(findings: Iterable[Finding], reason: str | NotSliced) -> list[Finding]:
    """The findings of a loss that could not be run, all unconfirmed."""
    why = reason.reason if isinstance(reason, NotSliced) else reason
    return [replace(f, verdict=_verdict(UNCONFIRMED, why)) for f in findings]


def proof_of(finding: Finding, evidence: Evidence) -> Observation | None:
    """The observation that a judged finding was confirmed by; None where it was not."""
    shown = (seen for seen in evidence.observations if _verdict(CONFIRMED, seen_in(seen), seen) == finding.verdict)
    return next(shown, None)


def _verdict(status: str, reason: str, seen: Observation | None = None, seconds: float = 0.0) -> dict[str, Any]:
    return {
        "status": status, "reason": reason, "mode": seen.mode if seen else None,
        "witness": dict(seen.inputs) if seen else None, "loss": seen.loss if seen else None,
        "gradient": seen.gradient if seen else None, "seconds": round(seen.seconds if seen else seconds, 3),
    }  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One loss: what was found, what was run, what was seen."""

    findings: tuple[Finding, ...]
    program: Program
    evidence: Evidence
    loss: LossRef | None

    # -- verdicts

    def verdict(self, finding: Finding) -> Mapping[str, Any]:
        proof = proof_for(finding)
        if proof is None:
            return _verdict(UNCONFIRMED, "it says nothing that running could show")
        claim = self.claim(finding)
        fitting = [
            seen for seen in self.told
            if seen.outcome in proof.outcomes and speaks_of(claim, seen.mode) and not is_about_surroundings(seen)
            and (seen.outcome not in OF_A_CLAIM or self.is_at(finding, seen)) and is_spoken_of(finding.code, seen)
            and (not proof.anywhere or is_of_the_operation(finding.code, finding.span, seen))
        ]  # fmt: skip
        shown = self.shown(finding, proof, fitting)
        if shown is not None:
            return _verdict(CONFIRMED, seen_in(shown), shown)
        refutation = self.denial(finding) or self.refutation(finding, proof, claim)
        if refutation and not fitting:
            return _verdict(REFUTED, refutation, seconds=self.evidence.seconds)
        return _verdict(UNCONFIRMED, self.doubt(finding, fitting), seconds=self.evidence.seconds)

    @cached_property
    def told(self) -> list[Observation]:
        """The observations that prove something: with inputs that are given first, then the likeliest, plain runs before
        compiled ones."""
        usable = [
            seen for seen in self.evidence.observations
            if (seen.given or (seen.plausible and self.tier(seen) is not Tier.NEVER)) and not asked_for_nothing(seen)
        ]  # fmt: skip
        return sorted(usable, key=lambda seen: (not seen.given, self.tier(seen), seen.mode != "eager"))

    def tier(self, seen: Observation) -> Tier:
        """How far out the inputs of an observation lie."""
        return tier(seen.inputs, self.program.marks)

    def claim(self, finding: Finding) -> Claim | None:
        mine = (c for c in self.program.claims if c.code == finding.code and c.row == finding.start.row)
        return next((c for c in mine if nested(c.span, finding.span)), None)

    def shown(self, finding: Finding, proof: Proof, fitting: Sequence[Observation]) -> Observation | None:
        """The observation that shows what a finding says: at its rows, else one that no other finding accounts for."""
        here = [seen for seen in fitting if self.is_at(finding, seen)]
        if here:
            return here[0]
        rivals = [f for f in self.findings if f is not finding and set(proof.outcomes) & set(_outcomes(f.code))]
        for seen in fitting:
            if seen.row and (not proof.anywhere or any(self.is_at(f, seen) for f in rivals)):
                continue
            if proof.anywhere and not is_spoken_of_elsewhere(finding.code, seen):
                continue
            unseen = finding.code in LEAVES_UNSEEN and seen.outcome is Outcome.NO_GRADIENT and _ran(seen, finding)
            if proof.anywhere or not rivals or unseen:
                return seen
        return None

    def is_at(self, finding: Finding, seen: Observation) -> bool:
        """Whether something happened in the expression of a finding, in an operation that it may speak of."""
        elsewhere = not seen.row or Path(seen.path or self.program.path) != finding.path
        if elsewhere or not is_of_the_operation(finding.code, finding.span, seen):
            return False
        if finding.start.row <= seen.row <= finding.end.row:
            return nested(finding.span, seen.span)
        return seen.row in finding.related_rows

    def denial(self, finding: Finding) -> str:
        """What was measured for a finding and says that it does not hold."""
        held = (seen for seen in self.told if seen.outcome is Outcome.HOLDS and seen.operation == finding.code)
        return next((seen_in(seen) for seen in held if self.is_at(finding, seen)), "")

    def refutation(self, finding: Finding, proof: Proof, claim: Claim | None) -> str:
        """Why a finding does not hold; "" when that is not known."""
        if not proof.refuted_in or finding.path != self.program.path or finding.severity is Severity.INFO:
            return ""  # what an info claims is extreme, or about something else than the prediction
        if self.program.untrained:
            return ""  # other weights may bring it about
        if proof.outcomes == NUMBERS:
            return self.searched_in_vain(finding, claim)
        modes = claim.modes if claim is not None and claim.modes else modes_in(self.program.framework, proof.refuted_in)
        for mode in modes:
            runs = [seen for seen in self.told if seen.mode == mode]
            fine = [s for s in runs if s.outcome is Outcome.FINE and not s.detail and _ran(s, finding)]
            if not fine or any(s.outcome is Outcome.RAISES or s.outcome in ENDED for s in runs):
                return ""
        return f"the row ran and the gradient arrived ({', '.join(modes)})"

    def searched(self, finding: Finding) -> list[Searched]:
        return [s for s in self.evidence.searched if s.row == finding.start.row and nested(s.span, finding.span)]

    def searched_in_vain(self, finding: Finding, claim: Claim | None) -> str:
        """A number that stays finite: the search must have reached the row in every mode that is claimed, XLA included
        where none is named."""
        rows = self.searched(finding)
        modes = claim.modes if claim is not None and claim.modes else modes_in(
            self.program.framework, ("eager", "graph", "xla"))
        wanted = {"graph" if mode in ("fit", "autograph") else mode for mode in modes}
        reached = {s.mode for s in rows if s.reached}
        anything = any(seen.outcome in NUMBERS and not seen.row for seen in self.told)
        if not wanted <= reached or anything:
            return ""
        most = max(s.inputs for s in rows)
        return f"{most} inputs reach the row and all is finite ({', '.join(sorted(wanted))}){_nearest(rows)}"

    def doubt(self, finding: Finding, fitting: Sequence[Observation]) -> str:
        """Why a finding is neither confirmed nor refuted."""
        ended = next((seen for seen in self.evidence.observations if seen.outcome in ENDED), None)
        if ended is not None:
            reason = left_out(self.program, ended.error) or ended.error or ended.detail or ended.outcome.value
            return not_fitting(self.program, ended) or f"{UNFINISHED}: {shortened(reason)}"
        if fitting:
            seen = fitting[0]
            here = finding.start.row <= seen.row <= finding.end.row
            where = f"in row {seen.row}" if seen.row else "in a row that is not known"
            where = f"in another expression of {where.removeprefix('in ')}" if seen.row and here else where
            if seen.outcome is Outcome.RAISES:
                missing = left_out(self.program, seen.error)
                return f"{UNFINISHED}: {missing}" if missing else (
                    f"the loss raises {where} ({seen.mode}): {shortened(seen.error)}")
            return f"{seen.outcome.value} was seen ({seen.mode}), but {where}"
        raised = next((s for s in self.told if s.outcome is Outcome.RAISES and s.mode in ("eager", "fit")), None)
        if raised is not None:
            missing = left_out(self.program, raised.error)
            return f"{UNFINISHED}: {missing}" if missing else (
                f"the loss raises with the inputs tried: {shortened(raised.error)}")
        rows = self.searched(finding)
        if rows and not any(s.reached for s in rows):
            return "the row does not run with the inputs tried"
        if rows:
            return f"no witness among {max(s.inputs for s in rows)} inputs{_nearest(rows)}"
        if not self.evidence.observations:
            return "nothing was run"
        if any(seen.rows and not _ran(seen, finding) for seen in self.told):
            return "the expression is not evaluated with the inputs tried"
        ran = ", ".join(dict.fromkeys(MODES.get(seen.mode, seen.mode) for seen in self.evidence.observations))
        made_up = f"; made up was {', '.join(self.program.assumed)}" if self.program.assumed else ""
        return f"no run shows it or rules it out ({ran}){made_up}"

    # -- what only running showed

    def unexplained(self) -> list[Finding]:
        """New findings, one for each outcome and row that no finding of the loss accounts for."""
        found: dict[tuple[str, int, str], Finding] = {}
        for seen in self.told:
            code = self.code_for(seen)
            if code and not self.explained(seen):
                found.setdefault((code, seen.row, seen.path), self.new(code, seen))
        return list(found.values())

    def explained(self, seen: Observation) -> bool:
        """Whether a finding already says what was seen: of numbers at the same row, of a derivative of a training step at
        one of the places where that is lost, of everything else in the loss."""
        speaking = [f for f in self.findings if seen.outcome in _outcomes(f.code)]
        if seen.outcome in NUMBERS and seen.row:
            return any(self.is_at(f, seen) for f in self.findings if f in speaking or f.code == MISMATCH)
        if self.program.kind == "step" and seen.row and not seen.error:
            same = [one for one in self.told if one.outcome is seen.outcome and one.detail == seen.detail]
            return any(PROOFS[f.code].anywhere or self.is_at(f, one) for f in speaking for one in same)
        return bool(speaking)

    def code_for(self, seen: Observation) -> str:
        """The code of what was seen; "" when it proves nothing about the loss itself. Choosing the best match or the
        hardest example makes a loss jump as well, and is meant to: only thresholds are told."""
        fine = [s for s in self.told if s.outcome is Outcome.FINE and s.mode == seen.mode]
        if seen.outcome is Outcome.ZERO_GRADIENT and seen.detail:
            return ""  # at a corner, not at points in general position
        if seen.outcome in (Outcome.NO_GRADIENT, Outcome.ZERO_GRADIENT):
            is_zero = seen.loss is not None and not any(numbers(seen.loss))
            others = self.program.untrained or self.program.calls_models  # are trained, and not what was differentiated to
            is_meant = seen.operation in STOPS or is_zero or others or self.is_of_one_class(seen)
            if (fine and not seen.given) or is_meant:
                return ""  # fine elsewhere, or on purpose: stopped, or a loss that is 0 as some outputs ask for
            return "LL901" if seen.outcome is Outcome.NO_GRADIENT else "LL903"
        if seen.outcome in NUMBERS:
            return "LL902" if seen.given or (seen.operation not in FILLS and self.is_ordinary(seen)) else ""
        if seen.outcome is Outcome.RAISES:
            if seen.given:
                return "LL906"
            eager = any(s.mode == "eager" and s.outcome not in (*ENDED, Outcome.RAISES) for s in self.told)
            traced = self.program.called_by_keras and not self.program.run_eagerly
            graph = traced and seen.mode in ("graph", "fit") and seen.row
            said = only_about_shapes(seen) or is_about_surroundings(seen)
            return "LL906" if eager and graph and not said else ""
        if seen.outcome is Outcome.JUMP:
            return "LL905" if seen.operation in THRESHOLDS else ""
        if seen.operation == REVERSED:
            return ""
        return {Outcome.WRONG_GRADIENT: "LL904", Outcome.CONTRACT: "LL907"}.get(seen.outcome, "")

    def is_of_one_class(self, seen: Observation) -> bool:
        """Whether the gradient is 0 in predictions of a single column: rows that are normalised are constant there."""
        roles = {s.name: s.role for rung in self.program.inputs for s in rung}
        rows = [value for name, value in seen.inputs.items() if roles.get(name) == "prediction"]
        return seen.outcome is Outcome.ZERO_GRADIENT and any(_width(value) == 1 for value in rows)

    def is_ordinary(self, seen: Observation) -> bool:
        """Whether training meets these inputs for sure: nothing far out, and where nothing is known of a prediction only
        numbers that every head gives. An exact 0 is not among them: linear heads never give it."""
        kinds = {s.name: s for rung in self.program.inputs for s in rung}
        unknown = {n: v for n, v in seen.inputs.items() if _is_unknown(kinds.get(n))}
        return self.tier(seen) is Tier.TRAINING and all(0.0 < abs(x) <= 2.0 for x in numbers(unknown))

    def new(self, code: str, seen: Observation) -> Finding:
        """A finding of its own, placed where it happens."""
        severity, message, instead = _words(code, seen)
        path = Path(seen.path) if seen.path else self.program.path
        start, end = self.span(seen)
        return Finding(
            code, SEEN[code].name, severity, message, instead, path, start, end, self.reference(start),
            verdict=_verdict(CONFIRMED, seen_in(seen), seen),
        )  # fmt: skip

    def reference(self, start: Location) -> LossRef:
        known = next((f.loss for f in self.findings if f.loss is not None), None)
        return self.loss or known or LossRef(self.program.name, "function", start.row)

    def span(self, seen: Observation) -> tuple[Location, Location]:
        """The code where it was seen; where only its row is known the outermost expression of that, where nothing is known
        the loss's name."""
        if seen.span:
            row, column, end_row, end_column = seen.span
            return Location(row, column), Location(end_row, end_column)
        trees = {str(m.path): m.tree for m in self.program.modules} | {str(self.program.path): self.program.tree}
        tree = trees.get(seen.path or str(self.program.path), self.program.tree)
        row = seen.row or (self.loss.row if self.loss is not None else 0)
        nodes = [n for n in ast.walk(tree) if isinstance(n, (ast.expr, ast.stmt)) and n.lineno == row]
        if not nodes:
            start = Location(max(row, 1), 1)
            return start, replace(start, column=2)
        expressions = [n for n in nodes if isinstance(n, (ast.Call, ast.BinOp))] or nodes
        node = max(expressions, key=lambda n: ((n.end_lineno or row) == row, (n.end_col_offset or 0) - n.col_offset))
        end_column = (node.end_col_offset or node.col_offset + 1) if node.end_lineno == row else node.col_offset + 1
        return Location(row, node.col_offset + 1), Location(row, end_column + 1)


def not_fitting(program: Program, seen: Observation) -> str:
    """That no shapes were found which a loss accepts, and whether they were stated; "" where that is not what was seen."""
    if seen.detail != NO_SHAPES:
        return ""
    specs = [spec for spec in program.inputs[0] if spec.name in program.stated]
    stated = ", ".join(f"{spec.name}={spec.dtype}[{', '.join(map(str, spec.shape))}]" for spec in specs)
    what = NO_SHAPES if not specs else (
        f"the stated inputs do not fit: {stated}" if len(specs) == len(program.inputs[0])
        else f"no shapes were found that go with the stated {stated}")
    return f"{what}: {shortened(seen.error)}"


def left_out(program: Program, error: str) -> str:
    """What is missing only because a loss is run apart from its script: a statement of its file, the command line, its
    data; "" when it is nothing of that."""
    unmade = UNMADE.search(error)
    name = next(filter(None, unmade.groups()), "") if unmade else ""
    note = next((note for note in program.notes if note.startswith(f"{name} is not run: ")), "")
    if note and name:
        return note
    if (asked := NO_ARGUMENT.search(error)) is not None:
        return f"{asked[1]} has to be given on the command line, which is empty here"
    return f"its files are not in the scratch folder: {error}" if error.startswith("FileNotFoundError") else ""


def speaks_of(claim: Claim | None, mode: str) -> bool:
    """Whether a claim is about a mode; compiled modes stand for each other."""
    if claim is None or not claim.modes:
        return True
    return mode in claim.modes or (mode in COMPILED and any(m in COMPILED for m in claim.modes))


def is_about_surroundings(seen: Observation) -> bool:
    """Whether an exception is about what is installed, or about the inputs that were made up."""
    kinds = seen.error.split(":")[:2]  # a graph says UnknownError: ModuleNotFoundError: ...
    return seen.outcome is Outcome.RAISES and (
        any(kind.strip() in SURROUNDINGS for kind in kinds) or STANDS_IN.search(seen.error) is not None)


def asked_for_nothing(seen: Observation) -> bool:
    """Whether there was no input that a derivative could be taken to."""
    return seen.outcome is Outcome.NO_GRADIENT and seen.gradient == {}


def _ran(seen: Observation, finding: Finding) -> bool:
    here = any(finding.start.row <= row <= finding.end.row for row in seen.rows)
    return here and finding.span not in seen.idle


def _outcomes(code: str) -> tuple[Outcome, ...]:
    proof = PROOFS.get(code)
    return proof.outcomes if proof is not None else ()


def _nearest(rows: Sequence[Searched]) -> str:
    near = [s.nearest for s in rows if s.nearest is not None]
    if near and min(near) == 0.0:
        return "; the operand reached the value where it fails, and all stayed finite"
    return f"; none brings the operand closer than {min(near):.2g} to the value where it fails" if near else ""


def _is_unknown(spec: TensorSpec | None) -> bool:
    if spec is None:
        return True
    anything = spec.values == "real" and spec.low is None and spec.high is None
    return spec.role in ("prediction", "tensor") and (anything or spec.guessed)


def _width(value: object) -> int:
    """The size of the last axis of nested lists."""
    while isinstance(value, list) and value and isinstance(value[0], list):
        value = value[0]
    return len(value) if isinstance(value, list) else 0


def _words(code: str, seen: Observation) -> tuple[Severity, str, str]:
    """Severity, message and help of what only running showed."""
    operation = seen.operation or "this loss"
    witness = sentence(seen)
    usual = SEEN[code].severity
    if code == "LL901":
        return (
            usual,
            f"no gradient gets through {operation}: {witness}",
            "compute the loss from differentiable operations of the framework up to the prediction",
        )
    if code == "LL902":
        labels = seen.detail.endswith(WHATEVER)
        return (
            Severity.INFO if labels else usual,
            f"{operation} is not finite here{', whatever is predicted' if labels else ''}: {witness} ({seen.mode})",
            f"keep the operand of {operation} away from where it is singular, before the operation",
        )
    if code == "LL903":
        return (
            usual,
            f"the gradient is zero at ordinary inputs ({operation}), so that nothing is learnt",
            "use a smooth form that still has a slope there",
        )
    if code == "LL904":
        return (
            usual,
            f"the gradient is not the slope of the loss: {seen.detail or witness}",
            "keep what depends on the prediction a tensor; write tf.stop_gradient around what is meant to be constant",
        )
    if code == "LL905":
        return (
            usual, f"the loss jumps: {seen.detail or witness}",
            "let both sides agree at the switch, or blend them",
        )
    if code == "LL906" and seen.given:
        return (
            usual, f"raises with the inputs that are given: {seen.error}", "give inputs that it takes, or mend the loss",
        )
    if code == "LL906":
        return (
            usual,
            f"raises where the loss is compiled ({seen.mode}): {seen.error}",
            "use tensor operations here; eager runs accept what a traced loss cannot",
        )
    if seen.given:
        return (
            Severity.ERROR, seen.detail,
            "give labels and predictions of one shape, and predictions as floating-point numbers",
        )
    return (usual, f"Keras expects something else of a loss: {seen.detail or witness}",
            "return one loss for each sample, and leave the reduction to Keras")  # fmt: skip
