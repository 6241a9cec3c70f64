"""Which outcome of a run proves which rule. A rule's docstring says the same in words under "Confirmed by:"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from losslint.confirmation.observation import Observation
from losslint.confirmation.observation import Outcome as O
from losslint.confirmation.places import Span
from losslint.findings import Finding, Severity


@dataclass(frozen=True)
class Proof:
    """``outcomes`` show what the rule claims. ``refuted_in`` are the modes that must all be fine before the claim is
    refuted; none: running cannot refute it. ``anywhere``: the rule speaks of the loss as a whole, so that the row where
    a run failed need not be the finding's."""

    outcomes: tuple[O, ...]
    refuted_in: tuple[str, ...] = ()
    anywhere: bool = False


NOTHING = (O.NO_GRADIENT, O.ZERO_GRADIENT)
NUMBERS = (O.BAD_VALUE, O.BAD_GRADIENT)
BOTH = ("eager", "graph")

LEAVES = Proof((*NOTHING, O.RAISES, O.WRONG_GRADIENT), BOTH)  # the value leaves the framework
CUTS = Proof((*NOTHING, O.RAISES), ("eager",))
TRACES = Proof((O.RAISES,), ("graph",))
FAILS = Proof((O.RAISES,), anywhere=True)
NUMERIC = Proof(NUMBERS, BOTH)
SLOPE = Proof((O.BAD_GRADIENT,), BOTH)  # of a value that is finite
WIDE = Proof(NUMBERS)  # it takes larger numbers, more of them, or of another sign, than the inferred inputs have
CONTRACT = Proof((O.CONTRACT,))

PROOFS: dict[str, Proof] = {
    "LL101": LEAVES, "LL102": LEAVES, "LL103": LEAVES, "LL104": replace(LEAVES, refuted_in=(*BOTH, "fit")),
    "LL105": CUTS, "LL106": CUTS, "LL107": Proof((O.ZERO_GRADIENT,), ("eager",)), "LL108": CUTS,
    "LL109": Proof((O.WRONG_GRADIENT, O.RAISES)), "LL110": Proof(NOTHING, ("eager",), anywhere=True),
    "LL111": Proof((O.UNUSED,)), "LL112": Proof((O.DEAD_TERM, O.WRONG_GRADIENT, O.RAISES)), "LL113": Proof((O.JUMP,)),
    "LL114": Proof(NOTHING),
    "LL201": TRACES, "LL202": TRACES, "LL203": TRACES, "LL204": TRACES, "LL206": replace(TRACES, anywhere=True),
    "LL205": Proof((O.RAISES,), ("fit",), anywhere=True), "LL207": Proof((O.FROZEN,)),
    "LL208": Proof((O.RAISES, *NOTHING), ("graph",), anywhere=True), "LL209": FAILS,
    "LL210": Proof((O.FROZEN, O.CONTRACT), anywhere=True),
    "LL301": NUMERIC, "LL302": WIDE, "LL303": NUMERIC, "LL304": NUMERIC, "LL305": SLOPE, "LL306": NUMERIC,
    "LL307": WIDE, "LL308": WIDE, "LL309": NUMERIC, "LL310": NUMERIC, "LL311": Proof((O.ZERO_GRADIENT,)), "LL312": WIDE,
    "LL401": CONTRACT, "LL402": CONTRACT, "LL403": CONTRACT,
    "LL404": Proof((O.RAISES, O.CONTRACT, O.NO_GRADIENT), anywhere=True),
    "LL405": FAILS, "LL406": Proof((O.CONTRACT, O.RAISES, O.ZERO_GRADIENT)),
    "LL407": Proof((O.RAISES,), (*BOTH, "fit")), "LL408": CONTRACT, "LL409": Proof((O.RAISES,), BOTH),
    "LL411": Proof((O.CONTRACT, O.ZERO_GRADIENT), anywhere=True),
    "LL501": Proof(NOTHING, anywhere=True), "LL502": Proof(NOTHING, anywhere=True), "LL503": FAILS,
    "LL504": Proof((O.RAISES, O.CONTRACT, *NOTHING), anywhere=True),
    "LL511": Proof((O.WRONG_GRADIENT, O.ZERO_GRADIENT), anywhere=True),
    "LL512": Proof((O.RAISES, *NOTHING), anywhere=True),
    "LL513": Proof((O.WRONG_GRADIENT, O.ZERO_GRADIENT), anywhere=True),
    "LL514": Proof((O.RAISES, O.WRONG_GRADIENT, O.CONTRACT), anywhere=True),
}  # fmt: skip

STARVED = Proof((O.ZERO_GRADIENT,))  # what LL308 says of a guard: it caps the loss, and makes nothing that is not finite
QUIET = {"LL308": STARVED}  # of an info, where its rule says two things

SHOWN = {  # what only running shows, and by which outcome
    "LL901": (O.NO_GRADIENT,), "LL902": NUMBERS, "LL903": (O.ZERO_GRADIENT,), "LL904": (O.WRONG_GRADIENT,),
    "LL905": (O.JUMP,), "LL906": (O.RAISES,), "LL907": (O.CONTRACT,),
}  # fmt: skip


def proof_for(finding: Finding) -> Proof | None:
    """What proves a finding; None where running proves nothing."""
    quiet = QUIET.get(finding.code) if finding.severity is Severity.INFO else None
    return quiet or PROOFS.get(finding.code)


LOGARITHMS = ("log", "log1p", "log2", "log10", "xlogy", "xlog1py")
ROOTS = ("sqrt", "euclideannorm")
QUOTIENTS = ("realdiv", "div", "true_divide", "divide", "truediv", "rtruediv", "rdiv")
ARCS = ("acos", "arccos", "asin", "arcsin", "acosh", "atanh")
OF_POSITIVE = (*LOGARITHMS, "sqrt", "rsqrt", "pow")
OUTSIDE, REMOVED, MISMATCH, UPSTREAM = "LL307", "LL409", "LL406", "LL511"
JVP = ("custom_jvp_call", "custom_jvp_call_p")  # whose tangents, left out, have no transpose
EXPONENTIALS = ("exp", "exp2", "expm1", "cosh", "sinh")
OWN = {"LL301": LOGARITHMS, "LL302": EXPONENTIALS, "LL303": ROOTS, "LL304": QUOTIENTS}
OF_ANOTHER = {
    "LL301": (*ROOTS, *QUOTIENTS, *ARCS, *EXPONENTIALS), "LL302": (*LOGARITHMS, *ROOTS, *QUOTIENTS, *ARCS),
    "LL303": (*LOGARITHMS, *EXPONENTIALS), "LL304": (*LOGARITHMS, *ROOTS, *ARCS, *EXPONENTIALS),
}  # fmt: skip

LEAVING = (
    r"numpy|convert|[Ss]ymbolic|abstract array|[Tt]rac(?:er|ing)|grad|[Cc]oncret|item\(|item assignment|immutable|__array__"
    r"|KerasTensor|None values|not iterable|iterating|truth value|OperatorNotAllowed|NotImplemented|has no attribute"
    r"|only (?:integer|length-1|size-1|0-dim)|must be real number|expected Tensor|must be Tensor|not a Tensor"
)
WITHOUT_DERIVATIVE = r"[Dd]ifferentia|[Dd]erivative|[Gg]radient|grad requires|grad_fn|JVP|VJP"
RAISED = {  # what an exception says that a rule speaks of; those of rules that are not here prove them where they stand
    **dict.fromkeys(("LL101", "LL102", "LL103"), LEAVING), "LL104": f"{LEAVING}|unknown rank",
    **dict.fromkeys(("LL105", "LL106", "LL108"), WITHOUT_DERIVATIVE),
    "LL112": f"{LEAVING}|{WITHOUT_DERIVATIVE}",
}
RAISED_ELSEWHERE = {  # the same, where another place raises than the one that a rule names
    "LL205": r"None|[Uu]nknown|[Ss]hape|[Ii]ncompatible|[Dd]imension|\brank\b|\bsize|elements|[Rr]eshape",
    "LL206": r"inplace operation",
    "LL208": r"[Vv]ariable|singleton",
    "LL209": r"KerasTensor|[Ss]ymbolic|out of scope|[Gg]raph|captured|[Ii]ncompatible shapes|broadcast|must be equal",
    "LL404": r"None|tuple|dict|\blist\b|\bstr|convert|iterable|unpack|has no attribute|unsupported operand|scalar",
    "LL405": r"argument|callable|None|[Uu]nknown|[Uu]nexpected|interpret|structure|string|\bkeys?\b|length|number of"
             r"|has no attribute",
    "LL503": r"persistent|second time",
    "LL504": r"None|[Vv]ariable|[Gg]radient|iterable|unpack|\bzip|recogni|shape|pairs?\b",
    "LL512": r"[Gg]radient|[Dd]erivative|vjp|jvp|backward|argument|custom|Ellipsis|unsupported type",
    "LL514": r"expected to return \d+ gradients|supports keywords",
}
MISSPELT = re.compile(r"^AttributeError: (?:partially initialized )?module ")


def is_of_the_operation(code: str, span: Span, seen: Observation) -> bool:
    """Whether the operation that failed may be the one that a code speaks of in an expression: the quotient in a row says
    nothing of the logarithm in it, and that of ``a / b`` nothing of the second divisor in ``a / b / c``."""
    if code == UPSTREAM and seen.outcome is O.ZERO_GRADIENT:
        return seen.operation in JVP
    if seen.outcome not in NUMBERS:
        return True
    operation = seen.operation.lower()
    if operation in OF_ANOTHER.get(code, ()):
        return False
    is_same_row = bool(span and seen.span) and span[0] <= seen.row <= span[2]
    return operation not in OWN.get(code, ()) or not is_same_row or seen.span == span


def is_spoken_of(code: str, seen: Observation) -> bool:
    """Whether an exception is one that a rule speaks of: what the framework says of shapes, types and indices is about the
    inputs that were made up, and a name that a module does not have is another mistake. Or a number: a logarithm of 0 says
    nothing of one of a negative number."""
    if code == OUTSIDE and seen.outcome in NUMBERS and seen.operation.lower() in OF_POSITIVE:
        return seen.undefined
    if seen.outcome is not O.RAISES:
        return True
    if MISSPELT.match(seen.error):
        return code == REMOVED
    return code not in RAISED or re.search(RAISED[code], seen.error) is not None


def is_spoken_of_elsewhere(code: str, seen: Observation) -> bool:
    """The same for an exception that is raised somewhere else in the loss."""
    said = RAISED_ELSEWHERE.get(code, "")
    return seen.outcome is not O.RAISES or (bool(said) and re.search(said, seen.error) is not None)
