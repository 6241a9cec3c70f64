"""Stable forms of what a loss computes: ``log(softmax(z))`` is ``log_softmax(z)``, wherever its two halves stand.

``ops/rewrites.tsv`` holds pairs of terms. A term is matched against the graph, so that variables, helpers and casts
between its parts do not matter, and written with the names of the loss's framework around the user's own operands.
"""

from __future__ import annotations

import ast
import copy
import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import libcst as cst

from losslint.facts.constants import plain_number
from losslint.facts.label_rows import are_one_hot, sum_to_one
from losslint.facts.rewrite_table import Rewrite, by_root, letters_of, name_of, operation_of, parts_of
from losslint.graph.nodes import Node, below, in_order
from losslint.graph.source import MAX_QUOTED, Source, walk
from losslint.graph.values import Const, Seq, Value, indices, is_whole_axis
from losslint.graph.written import argument, on_a_branch, one_line, plain, rebound, replaced
from losslint.ops.moves import RESHAPES, UNCHANGED
from losslint.ops.table import lookup

FRAMEWORKS = ("tensorflow", "keras", "torch", "jax")
ABSENT = Const(None)
LAST = ("softmax", "log_softmax", "softmax_cross_entropy_with_logits")  # work along the last axis unless told otherwise
COMMUTATIVE = ("add", "mul")
MOVES = (*RESHAPES, "item", "gather", "boolean_mask", "transpose", "diagonal")  # elements to other places, or some of them
ELEMENTWISE = frozenset(["log", "log1p", "exp", "sqrt", "square", "div", "add", "sub", "mul", "neg", "sigmoid", "cosh"])
ALSO = {"pow": ("square", "sqrt", "rsqrt"), "mul": ("square", "neg"), "reciprocal": ("div",)}  # what an operation can be
IGNORED = frozenset({"name", "dtype"})
EACH_ITS_OWN = ("layer", "sample", "state", "variable")  # families whose operations give something else each time
CALLED_ONCE = ("layer", "unknown", "variable", "weight")  # and operations
ASSUMED = {"labels": sum_to_one, "one-hot": are_one_hot}  # of the y of a rewrite, by its kind
KEEPDIMS = "k"  # the letter for whether a reduction keeps its axis
EPSILON, TINY = "e", 1e-12  # the letter for what is added under a root, and what it mostly stands for


@dataclass(frozen=True)
class Place:
    """A value and where it stands: as which input of which node."""

    value: Value | None
    holder: Node | None = None
    name: str = ""


@dataclass(frozen=True)
class Move:
    """An operation between the parts of a term that takes values to other places."""

    node: Node
    around: ast.expr  # the part of the term that it is applied to

    @property
    def restores(self) -> bool:
        """Whether it gives back the axis that a reduction dropped, so that the result is divided row by row."""
        reduced = self.node.inputs.get("x")
        if not isinstance(reduced, Node) or reduced.family != "reduce" or _is_given(reduced.inputs.get("keepdims")):
            return False
        axis = reduced.inputs.get("axis")
        if not isinstance(axis, Const):
            return False
        if self.node.op == "item":
            return axis.value in _new_axis(self.node.inputs.get("index"))
        return self.node.op == "expand_dims" and same(axis, self.node.inputs.get("axis"))


@dataclass(frozen=True)
class Match:
    """A term of the table found in a graph."""

    rewrite: Rewrite
    root: Node
    nodes: frozenset[int] = frozenset()  # the operations that the term consists of
    bound: Mapping[str, Place] = field(default_factory=dict)
    guarded: bool = False  # an epsilon or clip stands between its parts
    moves: tuple[Move, ...] = ()  # what takes the values between its parts to other places, from the outside
    epsilon: float = TINY

    def form(self, framework: str) -> str:
        """The stable form as its user would write it; "" where the framework has none, or it cannot be written."""
        term = self._term(framework)
        if term is None:
            return ""
        written = plain(_Writer(self, framework).visit(copy.deepcopy(term)))  # visiting changes a tree
        outside = [move for move in self.moves if not move.restores and not self._letter(move)]
        apart = any(letters_of(move.around) != letters_of(self.rewrite.written) for move in outside)
        if apart or not all(map(self._can_be_written, self.moves)):
            return ""
        form = _moved(written, outside)
        return form if not outside or len(form) <= 2 * MAX_QUOTED else ""

    def moved(self, letter: str, code: str) -> str:
        """An operand, moved as the code moves what it computes of it: ``tf.linalg.diag_part(z)`` for that of its exp."""
        return _moved(code, [move for move in self.moves if self._letter(move) == letter])

    @property
    def restores(self) -> bool:
        """Whether the code gives back the axis that a reduction dropped, as the reduction of the form is to do itself."""
        return any(move.restores for move in self.moves)

    def _letter(self, move: Move) -> str:
        """The operand that may be moved instead of its exponential, as the term has it nowhere else; "" for none."""
        part, written = move.around, self.rewrite.written
        if not isinstance(part, ast.Call) or letters_of(part) != 1 or letters_of(part) == letters_of(written):
            return ""
        places = [n.id for n in ast.walk(written) if isinstance(n, ast.Name)]
        letter = part.args[0].id if isinstance(part.args[0], ast.Name) and operation_of(part) in ELEMENTWISE else ""
        return letter if places.count(letter) == 1 else ""

    def _can_be_written(self, move: Move) -> bool:
        """Whether a move means the same at the place of the root."""
        source = move.node.source
        return move.restores or not (
            argument(move.node, "x") is None or _scope(move.node) != _scope(self.root)
            or rebound(source, source.node, self.root.source) or on_a_branch(source, self.root.source))

    def _term(self, framework: str) -> ast.expr | None:
        """The form with letters for its operands; None where the framework has none, or defaults that are not known here."""
        term = self.rewrite.write.get(framework)
        return None if term is None or (framework in self.rewrite.own and not self._binds_all(term)) else term

    def kept(self, framework: str) -> dict[str, str]:
        """Letters of the form whose operand is to be held by a variable, and its name: a layer that is called once more
        makes other weights or drops other units, and a sample that is drawn once more is another one."""
        term = self._term(framework)
        assert term is not None
        counts = Counter(name.id for name in ast.walk(term) if isinstance(name, ast.Name))
        found: dict[str, str] = {}
        for letter, place in self.bound.items():
            if counts[letter] and _is_another(place, self.root, again=counts[letter] > 1):
                found[letter] = _new_name(place, found.values())
        return found

    def keep(self, framework: str) -> str:
        """Which operands are to be held by variables: ``z = model(x) in line 3``."""
        return " and ".join(f"{name} = {_at_line(self.bound[letter], self.root)}"
                            for letter, name in self.kept(framework).items())

    def _binds_all(self, term: ast.expr) -> bool:
        keywords = (n.value.id for n in ast.walk(term) if isinstance(n, ast.keyword) and isinstance(n.value, ast.Name))
        return all(_is_given(self.bound[letter].value) for letter in keywords if letter != EPSILON)

    def operands(self, framework: str) -> str:
        """What the letters of the form stand for that were not written out in it, and which of its operands are to be
        read at another line, as their names hold something else where the form is written."""
        bound = {name: place for name, place in self.bound.items() if name not in self.kept(framework)}
        letters = [
            f"{name} = {place.value.source.text}" for name, place in bound.items()
            if isinstance(place.value, Node) and len(_code(place, self.root)) > MAX_QUOTED]
        places = [bound[name] for name in sorted(bound)]
        return ", ".join(dict.fromkeys([*letters, *filter(None, (_elsewhere(place, self.root) for place in places))]))


# -- finding


def matches(nodes: list[Node]) -> Iterator[Match]:
    """The terms of the table among some nodes, those that an epsilon guards too."""
    present = _operations_below(nodes)
    for node in nodes:
        for op in _read_as(node):
            for rewrite in by_root().get(op, ()):
                if not rewrite.operations <= present[node.index]:
                    continue
                found = _matched(rewrite.written, Place(node), Match(rewrite, node))
                if found is not None and _holds(found):
                    yield found


def _holds(found: Match) -> bool:
    """Whether labels are what the rewrite takes them for."""
    assumed = ASSUMED.get(found.rewrite.kind)
    return assumed is None or assumed(found.bound["y"].value)


def _operations_below(nodes: Iterable[Node]) -> dict[int, set[str]]:
    """Node -> the operations of it and of all that it is computed from; the same for what these nodes stand on."""
    found: dict[int, set[str]] = {}
    for node in in_order(nodes):
        found[node.index] = {*_read_as(node)}.union(*(found[operand.index] for _, operand in node.operands()))
    return found


def _read_as(node: Node) -> tuple[str, ...]:
    """The operations that a node may be read as."""
    return (node.op, *ALSO.get(node.op, ()))


def _matched(term: ast.expr, place: Place, found: Match, holder: str = "") -> Match | None:
    """``found`` with what a term binds where it fits a value; None where it does not."""
    if isinstance(term, ast.Name):
        known = found.bound.get(term.id)
        if known is None:
            return replace(found, bound={**found.bound, term.id: place})
        return found if same(known.value, place.value) else None
    if isinstance(term, ast.Constant):
        return found if _number(place.value) == term.value else None
    op = operation_of(term)
    value = place.value
    while isinstance(value, Node) and _operands(value, op) is None:
        inner = value.inputs.get("x")
        if holder in ("div", "log") and (unguarded := _guarded(value)) is not None:
            inner, found = unguarded, replace(found, guarded=found.guarded or holder == "log")
        elif value.op in MOVES and holder in ELEMENTWISE:
            found = replace(found, moves=(*found.moves, Move(value, term)))
        elif value.op not in UNCHANGED:
            return None
        value = inner
    if not isinstance(value, Node):
        return None
    return _operands_matched(term, value, op, replace(found, nodes=found.nodes | {value.index}))


def _operands_matched(term: ast.expr, node: Node, op: str, found: Match) -> Match | None:
    places, wanted = _operands(node, op), parts_of(term)
    if places is None or not wanted.keys() >= {n for n, p in places.items() if _is_given(p.value)}:
        return None
    for order in (("x", "y"), ("y", "x")) if op in COMMUTATIVE else (("x", "y"),):
        now: Match | None = found
        for name, child in wanted.items():
            if now is not None:
                held = {"x": order[0], "y": order[1]}.get(name, name)
                now = _matched(child, places.get(held, Place(_default(op, name))), now, op)
        if now is not None:
            return now
    return None


def _operands(node: Node, op: str) -> dict[str, Place] | None:
    """The operands of a node as an operation; None when it is another one."""
    if node.op != op and node.op not in ("pow", "mul", "reciprocal"):
        return None
    inputs = {name: Place(value, node, name) for name, value in node.inputs.items() if name not in IGNORED}
    if node.op == op:
        if op == "norm" and _is_euclidean(node):
            inputs.pop("ord", None)
        return inputs if node.framework not in ("numpy", "python") else None
    exponent = plain_number(node.inputs.get("y")) if _is_number(argument(node, "y")) else None
    if node.op == "pow" and exponent is not None and exponent == {"square": 2.0, "sqrt": 0.5, "rsqrt": -0.5}.get(op):
        return {"x": inputs["x"]}
    if op == "square" and node.op == "mul" and same(node.inputs["x"], node.inputs["y"]):
        return {"x": inputs["x"]}
    if op == "neg" and node.op == "mul":
        other = next((o for n, o in (("x", "y"), ("y", "x")) if plain_number(node.inputs[n]) == -1.0), "")
        return {"x": inputs[other]} if other else None
    if op == "div" and node.op == "reciprocal":
        return {"x": Place(Const(1.0)), "y": inputs["x"]}
    return None


def _is_euclidean(node: Node) -> bool:
    """Whether a norm is the root of a sum of squares; ``ord=2`` is another one for matrices."""
    order, axis = node.inputs.get("ord"), node.inputs.get("axis")
    if not isinstance(order, Const):
        return order is None
    along_one = isinstance(axis, Const) and axis.value is not None
    return order.value in (None, "euclidean", "fro") or (order.value == 2 and along_one)


def _is_number(code: cst.CSTNode | None) -> bool:
    """Whether an expression is written without a name: a setting that happens to be 0.5 may be another number."""
    return code is not None and not any(isinstance(part, cst.Name) for part in walk(code))


def _new_axis(index: Value | None) -> tuple[int, ...]:
    """The axis that an index adds behind all others, as it may be called: (1, -1) for ``[:, None]``; none for another."""
    *before, last = indices(index)
    if not (isinstance(last, Const) and last.value is None):
        return ()
    if len(before) == 1 and isinstance(before[0], Const) and before[0].value is ...:
        return (-1,)
    return (len(before), -1) if before and all(map(is_whole_axis, before)) else ()


def _is_given(value: Value | None) -> bool:
    return value is not None and not (isinstance(value, Const) and (value.value is None or value.value is False))


def _default(op: str, name: str) -> Value:
    return Const(-1) if name == "axis" and op in LAST else ABSENT


def _number(value: Value | None) -> float | None:
    if isinstance(value, Node) and value.op in ("ones_like", "ones"):
        return 1.0
    return plain_number(value)


def _guarded(node: Node) -> Value | None:
    """What ``x + eps`` and ``maximum(x, eps)`` keep from 0."""
    for name, other in (("x", "y"), ("y", "x")):
        number = plain_number(node.inputs.get(name)) if node.op in ("add", "maximum") else None
        if number is not None and 0.0 < number < 1e-2:
            return node.inputs[other]
    return None


def same(a: Value | None, b: Value | None, depth: int = 12) -> bool:
    """Whether two values are the same number: one node, or the same operation on the same operands."""
    if a is b:
        return True
    if isinstance(a, Const) and isinstance(b, Const):
        return a.value == b.value
    if isinstance(a, Seq) and isinstance(b, Seq):
        return len(a.items) == len(b.items) and all(map(same, a.items, b.items))
    if not (isinstance(a, Node) and isinstance(b, Node)) or not depth or a.op != b.op or a.inputs.keys() != b.inputs.keys():
        return False
    if not a.inputs or a.family in ("sample", "layer", "state") or a.op in (
            "param", "layer", "unknown", "variable", "weight") or (a.op == "attribute" and a.name != b.name):
        return False
    return all(same(value, b.inputs[name], depth - 1) for name, value in a.inputs.items())


# -- writing


class _Writer(ast.NodeTransformer):
    """Puts the user's operands and the framework's names into a term."""

    def __init__(self, match: Match, framework: str) -> None:
        self.match = match
        self.framework = framework
        self.kept = match.kept(framework)

    def visit_Name(self, name: ast.Name) -> ast.expr:
        if name.id == KEEPDIMS and self.match.restores:
            return ast.Constant(True)
        if name.id == EPSILON:
            return ast.Constant(self.match.epsilon)
        place = self.match.bound.get(name.id)
        if place is None:
            return name  # of a framework
        code = self.kept.get(name.id) or _code(place, self.match.root)
        return ast.parse(self.match.moved(name.id, code if len(code) <= MAX_QUOTED else name.id), mode="eval").body

    def visit_Call(self, call: ast.Call) -> ast.expr:
        arguments = [self.visit(argument) for argument in call.args]
        keywords = [keyword for keyword in call.keywords if not self._is_default(call, keyword)]
        if not isinstance(call.func, ast.Name):
            return ast.Call(call.func, arguments, [ast.keyword(k.arg, self.visit(k.value)) for k in keywords])
        name = name_of(self.framework, call.func.id)
        api = lookup(name)
        spelled: dict[str, str] = {}
        for canonical, keyword in api.parameters if api is not None else ():
            spelled.setdefault(canonical, keyword)
        function = ast.parse(name, mode="eval").body
        given = [ast.keyword(spelled.get(k.arg or "", k.arg), self.visit(k.value)) for k in keywords]
        return ast.Call(function, arguments, given)

    def visit_UnaryOp(self, term: ast.UnaryOp) -> ast.expr:
        operand = self.visit(term.operand)
        return operand.operand if isinstance(operand, ast.UnaryOp) and isinstance(operand.op, ast.USub) else (
            ast.UnaryOp(term.op, operand))

    def _is_default(self, call: ast.Call, keyword: ast.keyword) -> bool:
        if isinstance(keyword.value, ast.Name) and keyword.value.id == KEEPDIMS and self.match.restores:
            return False
        place = self.match.bound.get(keyword.value.id) if isinstance(keyword.value, ast.Name) else None
        if place is None or _is_given(place.value) is False:
            return place is not None
        last = isinstance(place.value, Const) and place.value.value == -1
        return last and self.framework != "torch" and isinstance(call.func, ast.Name) and call.func.id in LAST


def _moved(form: str, moves: list[Move]) -> str:
    """Code with its values moved as those of the file are: ``tf.gather(tf.nn.log_softmax(z), i)``."""
    for move in reversed(moves):
        inner = argument(move.node, "x")
        assert inner is not None
        form = replaced(move.node.source, inner, form)
    return form


def _code(place: Place, root: Node) -> str:
    """The text of an operand: as it is written in the scope of ``root`` where it is, else where it is computed."""
    value = place.value
    if isinstance(value, Const):
        return repr(value.value)
    if isinstance(value, Seq) and all(isinstance(item, Const) for item in value.items):
        return repr([item.value for item in value.items if isinstance(item, Const)])
    source, node = _written(place, root)
    return _parsable(source, node, place.name) if source is not None and node is not None else place.name


def _written(place: Place, root: Node) -> tuple[Source | None, cst.CSTNode | None]:
    """Where the text of an operand stands: an expression, and the code that it is a part of."""
    value, holder = place.value, place.holder
    if holder is not None and _scope(holder) == _scope(root):
        written = argument(holder, place.name)
        if written is not None:
            return holder.source, written
    return (value.source, value.source.node) if isinstance(value, Node) else (None, None)


def _elsewhere(place: Place, root: Node) -> str:
    """Which line an operand is to be read at, where its text means something else, or nothing, at ``root``."""
    source, node = _written(place, root)
    if source is None or node is None or not isinstance(place.value, Node):
        return ""
    seen = _scope(place.value) == _scope(root) or source is not place.value.source
    branch = seen and on_a_branch(source, root.source)
    if seen and not branch and not rebound(source, node, root.source):
        return ""
    if source is place.value.source and place.holder is not None and _scope(place.holder) == _scope(place.value):
        source = place.holder.source  # what computes with it says more than what it is computed by
    file = "" if source.module is root.source.module else f" of {source.module.path.name}"
    side = ", on that branch only" if branch else ""
    return f"{_parsable(source, node, place.name)} as it enters line {source.row}{file}{side}"


def _is_another(place: Place, root: Node, *, again: bool) -> bool:
    """Whether an operand calls what gives something else each time, and the form would call it once more; ``again``: the
    form has it twice."""
    source, code = _written(place, root)
    if source is None or code is None or not isinstance(place.value, Node):
        return False
    replaces = any(part is code for part in walk(root.source.node))  # the text that is there goes
    if replaces and not again:
        return False
    calls = {id(part) for part in walk(code) if isinstance(part, cst.Call)}
    return any(
        (node.family in EACH_ITS_OWN or node.op in CALLED_ONCE) and any(id(s.node) in calls for s in node.source.route)
        for node in (below([place.value]) if calls else ()))


def _new_name(place: Place, taken: Collection[str]) -> str:
    """A name for an operand that the file does not have yet: of what is computed from it, where that has one."""
    holder = place.holder
    of = holder.source.assigned.rpartition(".")[2] if holder is not None else ""
    text = holder.source.module.text if holder is not None else ""
    tried = itertools.chain([f"z_{of}" if of else "z"], (f"z{number}" for number in itertools.count(1)))
    return next(name for name in tried if name not in taken and not re.search(rf"\b{name}\b", text))


def _at_line(place: Place, root: Node) -> str:
    """The text of an operand and where it stands."""
    source, node = _written(place, root)
    if source is None or node is None:
        return place.name
    file = "" if source.module is root.source.module else f" of {source.module.path.name}"
    return f"{source.unit.text(node)} in line {source.unit.span(node)[0].row}{file}"


def _parsable(source: Source, node: cst.CSTNode, name: str) -> str:
    """The text of an expression on one line; ``name`` for what is none."""
    return one_line(source, node) or name


def _scope(node: Node) -> tuple[object, object]:
    return node.source.unit.module, node.source.via.node if node.source.via is not None else None
