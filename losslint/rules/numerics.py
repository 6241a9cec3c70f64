"""What the numerical rules share: which rule a hazard belongs to, how severe it is, and how its point reads."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace

import libcst as cst

from losslint.facts.constants import plain_number
from losslint.facts.differences import is_centred, is_difference
from losslint.facts.float32 import f32
from losslint.facts.gradient import ROOTS as STARTS
from losslint.facts.hazards import GAMMAS, OTHERS, Hazard, number_of, pole_of
from losslint.facts.inputs import LARGE
from losslint.facts.precision import FLOAT32
from losslint.facts.rewrites import Match
from losslint.facts.sorts import is_network
from losslint.facts.step import averages
from losslint.findings import Severity
from losslint.graph.nodes import Node, below, nodes_in
from losslint.graph.source import MAX_QUOTED
from losslint.graph.values import Const, Instance, Value
from losslint.graph.written import argument, in_place, number_text, one_line, operand_text
from losslint.ops.moves import SAME_NUMBERS
from losslint.project import names
from losslint.project.fed import fed_with_bounded, fed_with_directions
from losslint.project.heads import OWN
from losslint.project.index import keyword, last_name
from losslint.project.modes import Mode
from losslint.project.module import Module
from losslint.project.resolve import resolver
from losslint.project.roles import Role
from losslint.rules.base import Loss, Problem

UNSETTLED = (*STARTS, "python.predict")  # what may be another number in each step
LOGS = ("log", "log2", "log10", "log1p", "xlogy", "xlog1py")
EXPONENTIALS = ("exp", "expm1", "cosh", "sinh")
ROOTS = ("sqrt", "rsqrt", "norm", "euclidean_norm", "std", "pow")
DIVISIONS = ("div", "xdivy", "reciprocal", "mean")
KEEPS_POSITIVE = (*SAME_NUMBERS, "item", "add", "mul", "div", "sum", "mean", "square", "sqrt", "pow", "exp", "maximum",
                  "clip")  # fmt: skip
INVERSES = ("acos", "asin", "atanh", "acosh", "atan2", "erfinv")
SATURATING = ("sigmoid", "softmax")
DEAD = ("relu",)  # heads that give whole rows of zeros
REPEATING = ("concat", "concatenate", "cat", "stack", "hstack", "vstack", "tile", "repeat", "repeat_interleave")
FORMS = ("LL301", "LL302", "LL303", "LL304")  # hazards that a stable form can mend
OVERFLOW, SPREAD = 88.7, 25.0  # an exponent, and how far scores of one row are apart now and then
IN_HALF = ("LL301", "LL303", "LL304", "LL306")  # of which float16 is to blame where it loses their epsilon
GUARDED = ("LL301", "LL303", "LL304", "LL305")  # and those that a guard can be meant for
UNDER_XLA = " under XLA (jit_compile, which Keras 3 turns on where there is a GPU); without XLA it is fine"
NO_NAN = ("tensorflow", "keras")  # have divide_no_nan
FROM_ONE = ("1e-6", "1e-3", "1e-2")  # in float32, float16 and bfloat16
HALF_BOUND, HALF_DIVISOR = "1e-3", "1e-2"  # the slope at a divisor d is 1 / d ** 2
CONDITIONS = {
    "exact": " for {}: the same function, and finite there",
    "rounds": " for {}: the same function, with all its digits",
    "labels": " for {}: the same for labels that sum to 1, and finite there",
    "one-hot": " for {}: the same for one-hot labels, and finite there",
    "guard": "",
}


def rule_of(hazard: Hazard) -> str:
    """The code of the rule that names a hazard best; "" when none does."""
    op = hazard.node.op
    if hazard.masked and op in (*LOGS, *EXPONENTIALS, *ROOTS, *DIVISIONS, *INVERSES):
        return "LL305"
    if hazard.operand_value < pole_of(op) and op in (*LOGS, "sqrt", "rsqrt", "pow"):
        return "LL307"
    if op in LOGS:
        return "LL306" if hazard.graph_only or has_lost_epsilon(hazard.operand) else "LL301"
    if op in EXPONENTIALS:
        return "LL302"
    if op in ROOTS:
        return "LL303"
    if op in DIVISIONS or averages(hazard.node):
        return "LL304"
    if op in GAMMAS:
        return "LL307"
    if op not in INVERSES:
        return ""
    return "LL306" if abs(hazard.operand_value) == 1.0 and has_lost_epsilon(hazard.operand) else "LL307"


def named(loss: Loss) -> Iterator[tuple[str, Hazard]]:
    """The hazards of a loss with the rule that speaks of each: one a place, and one for all that one stable form mends."""
    seen: set[tuple[str, int]] = set()
    for hazard in sorted(loss.hazards, key=lambda hazard: severity(loss, hazard), reverse=True):
        code = rule_of(hazard)
        if code in IN_HALF and loss.is_half(hazard.operand) and has_lost_epsilon(hazard.operand):
            code = "LL310"
        form = stable_form(loss, hazard) if code in FORMS else None
        causes = {(code, id(hazard.node.source.node))}
        causes |= {("", id(form.root))} if form is not None and form.rewrite.exact else set()
        if code and not causes & seen and not is_setting(loss, hazard):
            seen |= causes
            yield "LL309" if code in GUARDED and misplaced_guard(loss, hazard) is not None else code, hazard


def hazards_of(loss: Loss, code: str) -> Iterator[Hazard]:
    """The hazards of a loss that one rule speaks of."""
    return (hazard for name, hazard in named(loss) if name == code)


def is_setting(loss: Loss, hazard: Hazard) -> bool:
    """Whether an operand is made of settings alone: it is the same in every step, and would fail in the first."""
    operand = hazard.operand
    if operand is None:
        return hazard.node.op in DIVISIONS and isinstance(hazard.node.inputs.get("y"), Const)
    roots = (node for node in below([operand]) if node.op in UNSETTLED or node.family in ("sample", "variable"))
    return all(is_given(node) for node in roots)


def is_given(root: Node) -> bool:
    """Whether a value is a setting, or a number of things that the caller has counted: ``self.scale``, ``num_boxes``."""
    if root.op == "attribute":
        return isinstance(root.inputs.get("x"), Instance)
    counted = root.role is Role.UNKNOWN and names.parts(root.name)[:1] and names.parts(root.name)[0] in names.COUNT_STARTS
    return root.op == "param" and (root.role in (None, Role.CONFIG) or bool(counted))


def stable_form(loss: Loss, hazard: Hazard) -> Match | None:
    """The term around a hazard that another form computes without it."""
    return loss.stable_forms.get(hazard.node.index)


def instead(loss: Loss, hazard: Hazard, otherwise: str) -> str:
    """The stable form of what the code computes, in the words of its framework; ``otherwise`` where there is none."""
    form = stable_form(loss, hazard)
    if form is not None and loss.is_half(hazard.operand):
        form = replace(form, epsilon=float(HALF_BOUND))
    return advised(loss, form) if form is not None else otherwise


def advised(loss: Loss, form: Match) -> str:
    """What to write for a term, and when it is the same."""
    told = CONDITIONS["rounds" if form.rewrite.rounds else form.rewrite.kind].format(form.root.source.text)
    operands, kept = form.operands(loss.spelling), form.keep(loss.spelling)
    code = in_place(form.root.source, form.form(loss.spelling))
    written = f"write {code}{told}{f' (with {operands})' if operands else ''}"
    return f"keep {kept}, then {written}" if kept else written


def at_least(loss: Loss, code: str, bound: str) -> str:
    """An expression with a lower bound: the ``maximum`` of PyTorch takes tensors only."""
    return f"torch.clamp({code}, min={bound})" if loss.spelling == "torch" else f"tf.maximum({code}, {bound})"


def bound_of(loss: Loss, operand: Node | None, usual: str = "1e-7") -> str:
    """A lower bound that a float16 holds too, where it has to, and the inverse of it."""
    return HALF_BOUND if loss.is_half(operand) else usual


def bound_of_log(loss: Loss, hazard: Hazard) -> str:
    """A lower bound for what a logarithm is taken of."""
    return f"-1.0 + {step_from_one(loss, hazard.operand)}" if pole_of(hazard.node.op) else bound_of(loss, hazard.operand)


def step_from_one(loss: Loss, operand: Node | None) -> str:
    """The distance from 1 that a bound needs so that it is another number than 1, in the precision it is computed in."""
    precision = loss.gradient.precisions[operand.index] if operand is not None else FLOAT32
    return next(step for step in FROM_ONE if precision.round(1.0 - float(step)) < 1.0 < precision.round(1.0 + float(step)))


def inside(loss: Loss, hazard: Hazard) -> str:
    """An operand that is kept to the inside of the domain of an inverse function."""
    step = step_from_one(loss, hazard.operand)
    if hazard.node.op == "acosh":
        return around(loss, hazard, lambda code: at_least(loss, code, f"1.0 + {step}"))
    return around(loss, hazard, lambda code: f"tf.clip_by_value({code}, -1.0 + {step}, 1.0 - {step})")


def off_zero(loss: Loss, node: Node, divisor: Node) -> str:
    """A divisor that is kept away from 0, on the side that it is on."""
    code, bound = written_operand(node, divisor, too_long=text(divisor)), HALF_DIVISOR if loss.is_half(divisor) else "1e-7"
    if loss.is_never_negative(divisor):
        return with_name(loss, code, 2 * MAX_QUOTED, lambda code: at_least(loss, code, bound))
    return with_name(loss, code, MAX_QUOTED // 2, lambda code: f"tf.where(tf.abs({code}) < {bound}, {bound}, {code})")


def at_most(loss: Loss, code: str, bound: str) -> str:
    """An expression with an upper bound."""
    return f"torch.clamp({code}, max={bound})" if loss.spelling == "torch" else f"tf.minimum({code}, {bound})"


def misplaced_guard(loss: Loss, hazard: Hazard) -> Node | None:
    """The epsilon, bound or mask that was meant to keep a hazard away and comes too late, or stands in the numerator."""
    node = hazard.node
    if node.op not in (*LOGS, *ROOTS, "div", "reciprocal"):
        return None
    numerator = node.inputs.get("x") if node.op == "div" else None
    if isinstance(numerator, Node) and has_epsilon(numerator, largest=1.0):
        return numerator
    stack = [node]
    while stack:
        for user in loss.users(stack.pop()):
            if has_epsilon(user) or user.op in ("clip", "nan_to_num") or (
                    user.op == "multiply_no_nan" and user.inputs.get("x") is node):
                return user
            stack += [user] if user.op in SAME_NUMBERS else []
    return None


def has_epsilon(node: Node, largest: float = 1e-3) -> bool:
    """``x + eps`` and ``maximum(x, eps)``."""
    numbers = (plain_number(node.inputs.get(name)) for name in ("x", "y")) if node.op in ("add", "maximum") else ()
    return any(number is not None and 0.0 < number <= largest for number in numbers)


def severity(loss: Loss, hazard: Hazard) -> Severity:
    """Warning for what training plausibly meets, info for data contracts and extreme inputs."""
    if hazard.start is not None:
        return Severity.WARNING
    if hazard.flat and not may_be_off(loss.site.module):
        return Severity.INFO
    if hazard.xla_only or is_contract(loss, hazard) or takes_no_label(loss, hazard) or (
            is_row_sum(hazard.node) and loss.head not in DEAD):
        return Severity.INFO
    if (loss.head == OWN and is_of_output(hazard.operand)) or (not loss.head and is_scale(loss, hazard)):
        return Severity.INFO  # the model makes it what it is
    if is_bounded_by_callers(loss, hazard):
        return Severity.INFO
    if is_length_of_output(loss, hazard):
        return Severity.INFO  # what a model gives is hardly ever exactly 0 everywhere in a row
    if hazard.large and not large_is_plausible(loss, hazard):
        return Severity.INFO
    if hazard.graph_only and hazard.node.context.mode is Mode.GRAPH:
        return Severity.ERROR
    return Severity.WARNING


def may_be_off(module: Module) -> bool:
    """Whether a file builds layers that end in a ReLU: where all of their units are off, a model is flat."""
    calls = module.index.calls
    told = (keyword(call, "activation") for call in calls)
    return any(last_name(call.func).lower() == "relu" for call in calls) or any(
        isinstance(value, ast.Constant) and value.value == "relu" for value in told)


def is_length_of_output(loss: Loss, hazard: Hazard) -> bool:
    """Whether what fails is ``norm(v) + 1e-8`` of what a model gives, where nothing speaks for rows of zeros."""
    operand = filled(hazard.operand)
    return (hazard.node.op in ("norm", "euclidean_norm") and operand is not None and loss.head not in DEAD
            and (operand.op == "layer" or is_network(operand) or is_output(operand))
            and not any(operand.index in facts.inputs.padded for facts in loss.evaluated)
            and misplaced_guard(loss, hazard) is not None)


def filled(node: Node | None) -> Node | None:
    """What is not a number other than 0 of a choice, ``where(mask, v, 1.0)``: that number makes no row of zeros."""
    sides = [node.inputs.get(name) for name in ("x", "y")] if node is not None and node.op == "where" else []
    rest = [side for side in sides if isinstance(side, Node)]
    return filled(rest[0]) if len(rest) == 1 < len(sides) and any(map(plain_number, sides)) else node


def is_output(node: Node | None) -> bool:
    """Whether a value is a part of what the model gives, as it is."""
    while node is not None and node.op in (*SAME_NUMBERS, "item", "split", "unstack", "gather", "slice"):
        inner = node.inputs.get("x")
        node = inner if isinstance(inner, Node) else None
    return node is not None and node.op == "param" and node.role is not Role.LABEL


def is_of_output(operand: Node | None) -> bool:
    """Whether a value is made of parts of what the model gives alone, by what keeps positive numbers positive."""
    stack = [operand] if operand is not None else []
    cone: dict[int, Node] = {}
    while stack:
        node = stack.pop()
        if node.index not in cone and not is_output(node):
            cone[node.index] = node
            stack += [inner for _, inner in node.operands()]
    return operand is not None and all(node.op in KEEPS_POSITIVE for node in cone.values())


def is_contract(loss: Loss, hazard: Hazard) -> bool:
    """Whether the data keep a hazard away: labels alone decide it, and in any batch. That two of them are alike is not in
    the data, unless callers hand each label several times, as for two views of a sample."""
    return hazard.label_only and not asks_for_it(loss, hazard) and not (hazard.of_pairs and not any(
        isinstance(call, ast.Call) and last_name(call.func) in REPEATING
        for given in _handed_labels(loss) for call in ast.walk(given)))


def asks_for_it(loss: Loss, hazard: Hazard) -> bool:
    """Whether a loss itself asks for labels that make an operand fail: ``where(count > 0, total / count, 0.0)``."""
    by = hazard.discarded.by if hazard.discarded is not None else None
    test = by.inputs.get("condition") if by is not None and by.op == "where" else None
    return isinstance(test, Node) and hazard.operand is not None and hazard.operand in loss.gradient.cone(test)


def takes_no_label(loss: Loss, hazard: Hazard) -> bool:
    """Whether a sum over labels times what is kept above 0 is 0: only a row without a label makes it so."""
    product = hazard.operand.inputs.get("x") if hazard.operand is not None and hazard.operand.op == "sum" else None
    if not isinstance(product, Node) or product.op != "mul":
        return False
    pair = [operand for _, operand in product.operands()]
    return len(pair) == 2 and any(
        label.role is Role.LABEL and all(facts.ranges.of(other).low > 0.0 for facts in loss.evaluated)
        for label, other in (pair, pair[::-1]))


def _handed_labels(loss: Loss) -> Iterator[ast.expr]:
    """What calls in the file pass for the labels, by name or as they are."""
    find, function = resolver(loss.site.module), loss.site.node
    if not isinstance(function, ast.FunctionDef):
        return
    for label in (node.name for node in loss.graph.params.values() if node.role is Role.LABEL):
        for call, given in find.passed(function, label):
            yield given
            if isinstance(given, ast.Name):
                yield from (v for v in find.index.lookup(given.id, find.index.scope(call))[0] if isinstance(v, ast.expr))


def is_scale(loss: Loss, hazard: Hazard) -> bool:
    """Whether what fails is one column of an output that is divided by, or an exponent: a model that gives several things
    keeps such a one positive, or within bounds."""
    column = number_of(hazard.operand)
    if column is None or not column[1]:
        return False
    divisors = (node.inputs.get("y") for node in loss.nodes if node.op == "div")
    divided_by = (number_of(divisor) for divisor in divisors if isinstance(divisor, Node))
    return hazard.node.op in (*DIVISIONS, *EXPONENTIALS) or (hazard.node.op in LOGS and column in divided_by)


def is_row_sum(node: Node) -> bool:
    """``p / sum(p)``: 0 only for a row of zeros, which hardly any model gives but one that ends in ``relu``."""
    divisor, divided = node.inputs.get("y"), node.inputs.get("x")
    for _ in range(3):
        if isinstance(divisor, Node) and divisor.op in SAME_NUMBERS:
            divisor = divisor.inputs.get("x")
    return node.op == "div" and isinstance(divisor, Node) and divisor.op == "sum" and divisor.inputs.get("x") is divided


def large_is_plausible(loss: Loss, hazard: Hazard) -> bool:
    """Magnitudes of 100 matter where a label enters the exponent, a condition guards against them in vain, or an exact
    stable form exists that would not overflow; not where the callers hand over vectors of length 1."""
    if is_of_directions(loss, hazard):
        return False
    if hazard.masked or (hazard.node.op in LOGS and reaches(hazard.operand, (*SATURATING, "tanh", "exp"), 4)):
        return True
    if hazard.node.op == "div" and reaches(hazard.operand, SATURATING) and logarithm_of(loss, hazard.node) is not None:
        return True
    if hazard.node.op not in EXPONENTIALS or spread(hazard) > SPREAD or reaches(hazard.operand, ("max", "stop_gradient")):
        return False
    if (form := stable_form(loss, hazard)) is not None and form.rewrite.exact:
        return True
    labels = {n.index for n in loss.graph.params.values() if n.role is Role.LABEL}
    if any(entering.index in labels for entering in entering_directly(hazard.node)):
        return True
    return any(
        later.op in ("log", "log1p") or (later.op == "div" and user.op in ("add", "sum"))
        for user in users_past_moves(loss, hazard.node) for later in (user, *users_past_moves(loss, user)))


def is_of_directions(loss: Loss, hazard: Hazard) -> bool:
    """Whether all that is trained comes into an operation by parameters that the callers normalise."""
    return is_fed(loss, hazard, fed_with_directions)


def is_bounded_by_callers(loss: Loss, hazard: Hazard) -> bool:
    """Whether all that is trained comes into a logarithm or quotient by parameters that the callers keep off 0 and 1."""
    return hazard.node.op in (*LOGS, *DIVISIONS) and not loss.site.compiled and is_fed(loss, hazard, fed_with_bounded)


def is_fed(
    loss: Loss, hazard: Hazard, how: Callable[[ast.FunctionDef, ast.ClassDef | None, Module], set[str]]
) -> bool:
    """Whether the parameters by which what is trained comes into an operation are all given something by each caller."""
    site = loss.site
    if not isinstance(site.node, ast.FunctionDef):
        return False
    entering = {n.name for n in below([hazard.node]) if n.op == "param" and loss.gradient.reach(n)}
    return bool(entering) and entering <= how(site.node, site.class_node, site.module)


def spread(hazard: Hazard) -> float:
    """How far two predictions of a row are apart where the exponential of a multiple of their difference overflows; 0 for
    any other exponential."""
    return LARGE * OVERFLOW / abs(hazard.operand_value) if OTHERS in hazard.at and hazard.operand_value else 0.0


def logarithm_of(loss: Loss, quotient: Node) -> Node | None:
    """The logarithm that is taken of a quotient, wherever it was moved before."""
    return next((user for user in users_past_moves(loss, quotient) if user.op in LOGS), None)


def users_past_moves(loss: Loss, node: Node) -> Iterator[Node]:
    """What computes with a value, wherever it was moved before."""
    for user in loss.users(node):
        if user.op == "item" or user.op in SAME_NUMBERS:
            yield from users_past_moves(loss, user)
        else:
            yield user


def entering_directly(node: Node) -> Iterator[Node]:
    """What a value is computed from, up to the outputs of layers: behind those nothing of the inputs' size is left."""
    seen: set[int] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if current.index not in seen:
            seen.add(current.index)
            yield current
            if current.family != "layer" and not is_network(current):
                stack += [operand for _, operand in current.operands()]


def has_lost_epsilon(operand: Node | None) -> bool:
    """Whether a small constant was meant to keep the operand off zero: ``1 - p + 1e-10``, ``clip(p, 1e-8, 1 - 1e-8)``."""
    node, turned = operand, False
    for _ in range(4):
        if node is None or node.op == "phi":
            return False  # the side that fails has none
        for name in ("x", "y") if turned else ("x", "y", "low"):  # of 1 - clip(p, 1e-8, 1) the upper bound is to blame
            number = plain_number(node.inputs.get(name))
            if number is not None and (0.0 < number < 1e-3 or (number != 1.0 and f32(number) == 1.0)):
                return True
        if node.op == "clip" and (high := plain_number(node.inputs.get("high"))) is not None and 0.999 < high < 1.0:
            return True
        turned ^= node.op == "sub" and isinstance(node.inputs.get("x"), Const)
        node = next((o for name, o in node.operands() if name in ("x", "y")), None)
    return False


def reaches(value: Value | None, ops: tuple[str, ...], depth: int = 3) -> bool:
    """Whether a value is one of some operations, directly or through ``1 - x`` and the like."""
    if value is None or not depth:
        return False
    return any(n.op in ops or any(reaches(o, ops, depth - 1) for _, o in n.operands()) for n in nodes_in(value))


def point_of(loss: Loss, hazard: Hazard) -> str:
    """The input that shows a hazard: ``y_true = 0.4, y_pred = 0.4``."""
    known = {node.name for node in loss.graph.params.values()}
    shown = hazard.at
    if any(name.partition("[")[0] in known for name in hazard.at):
        shown = {name: value for name, value in hazard.at.items() if name.partition("[")[0] in known | {OTHERS}}
    return ", ".join(f"{name} = {number_text(value)}" for name, value in list(shown.items())[:3]) or "some inputs"


def is_zero(loss: Loss, hazard: Hazard) -> str:
    """Which operand is 0, and where: ``p is exactly 0 for logits = -100``."""
    pole = f"{pole_of(hazard.node.op):g}"
    if place := place_of(loss, hazard):
        return f"{operand_of(hazard)} is exactly {pole} {place}"
    if hazard.flat:
        return f"{operand_of(hazard)} is exactly 0 where the model is flat (its ReLUs are all off, or its last layer is 0)"
    flat = hazard.operand is not None and any(
        n.op in ("std", "var") or is_difference(n) or is_centred(n) for n in loss.gradient.cone(hazard.operand))
    if not hazard.at or text(hazard.operand) in hazard.at:  # it is what was set to 0
        return f"{operand_of(hazard)} can be exactly {pole}"
    if hazard.label_only and (classes := next((name for name in hazard.at if name in one_hots(loss)), "")):
        return f"{operand_of(hazard)} is exactly {pole} for a class that {classes} has no sample of"
    return f"{operand_of(hazard)} is exactly {pole} for {point_of(loss, hazard)}{' everywhere' if flat else ''}"


def one_hots(loss: Loss) -> set[str]:
    return {node.source.assigned or node.source.text for node in loss.nodes if node.op == "one_hot"}


def place_of(loss: Loss, hazard: Hazard) -> str:
    """Where a hazard is met, if not at a point: in the first step, where a covariance is negative, where two vectors meet;
    else empty."""
    if hazard.start is not None:
        source = hazard.start
        file = "" if source.module is loss.site.module else f" of {source.module.path.name}"
        return f"in the first step, as {source.text} in line {source.row}{file} makes it"
    if hazard.opposed is not None:
        return f"where the covariance {hazard.opposed.source.assigned or text(hazard.opposed)} is negative"
    return where_met(hazard) if hazard.met is not None else ""


def where_met(hazard: Hazard) -> str:
    """Where two vectors meet: ``where a and b are the same``."""
    assert hazard.met is not None
    if not hazard.met:
        return "where the two rotations are the same"
    same = "point the same way" if hazard.operand_value > 0.0 else "point opposite ways"
    alike = same if hazard.node.op in INVERSES else "are the same"
    return f"where {' and '.join(node.source.assigned or text(node) for node in hazard.met)} {alike}"


def effect(hazard: Hazard) -> str:
    """What becomes of the training step."""
    if hazard.value:
        return "the loss is not finite"
    return "the loss is finite, but its gradient is NaN or inf, and one step turns every weight into NaN"


def problem(loss: Loss, hazard: Hazard, message: str, instead: str) -> Problem:
    """A finding for a hazard, with the rows its operand comes from."""
    related = (hazard.operand.source,) if hazard.operand is not None else ()
    return Problem(
        hazard.node.source, message, instead, severity(loss, hazard), related=related, example=example_of(loss, hazard))


def example_of(loss: Loss, hazard: Hazard) -> tuple[tuple[str, float], ...]:
    """The numbers of whole arguments that show a hazard; nothing where it takes different ones in one tensor."""
    known = {node.name for node in loss.graph.params.values()}
    return tuple(hazard.at.items()) if hazard.at.keys() <= known and hazard.met is None else ()


def text(node: Node | None) -> str:
    return node.source.text.rstrip(", ") if node is not None else "its operand"


def operand_of(hazard: Hazard) -> str:
    """The operand for a message: what it is computed by, or its name where that says more than it."""
    operand = hazard.operand
    code = operand.source.node if operand is not None else None
    if operand is not None and operand.op == "param" and text(operand) != operand.name:
        return operand_text(hazard.node, operand)  # one of *args
    if operand is not None and operand.family == "variable":
        return operand_text(hazard.node, operand)  # its name, not how it was made
    if operand is None or (isinstance(code, cst.BaseExpression) and not isinstance(code, (cst.Tuple, cst.List))):
        return text(operand)
    return operand_text(hazard.node, operand)


def around(loss: Loss, hazard: Hazard, form: Callable[[str], str]) -> str:
    """A form of the operand, as the operation is given it."""
    operand = hazard.operand
    code = written_operand(hazard.node, operand, too_long=text(operand)) if operand is not None else text(operand)
    return with_name(loss, code, MAX_QUOTED, form)


def with_name(loss: Loss, code: str, most: int, form: Callable[[str], str]) -> str:
    """A form of an expression; of a name for it, which the file does not have, where it is too long to be in it."""
    if len(code) <= most and not code.endswith(" ...") and _is_expression(code):
        return form(code)
    taken = {n.id for n in loss.site.module.nodes if isinstance(n, ast.Name)} | {
        n.arg for n in loss.site.module.nodes if isinstance(n, ast.arg)}
    name = next((name for name in "duvwabc" if name not in taken), "operand")
    return f"{form(name)}, with {name} = {code}"


def written_operand(node: Node, operand: Node, too_long: str) -> str:
    """The whole of an operand for a help text; something else where that is too long."""
    name = next((name for name, inner in node.operands() if inner is operand), "")
    part = argument(node, name)
    code = one_line(node.source, part) if part is not None else one_line(operand.source, operand.source.node)
    return code if 0 < len(code) <= 2 * MAX_QUOTED else too_long


def _is_expression(code: str) -> bool:
    try:
        ast.parse(code, mode="eval")
    except SyntaxError:
        return False
    return True
