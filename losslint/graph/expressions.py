"""Evaluation of expressions: one small function a kind, in a table."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import libcst as cst

from losslint.graph import fold
from losslint.graph.attributes import attribute
from losslint.graph.indexing import is_key, may_be_several, may_be_several_too, subscript
from losslint.graph.nodes import Kind, Node, nodes_in
from losslint.graph.scope import Env
from losslint.graph.tracer import Frame, Tracer, join_kinds, kind_of, with_context
from losslint.graph.values import (
    NONE,
    NOTHING,
    UNBOUND,
    Bound,
    Choice,
    ClassValue,
    Const,
    External,
    Func,
    Instance,
    Map,
    Method,
    ModuleValue,
    Partial,
    Seq,
    Tape,
    Value,
)
from losslint.project.modes import Mode

MAX_RANGE = 64  # items of a range() that are listed one by one
Evaluator = Callable[[Tracer, Frame, Any], Value]
EXPRESSIONS: dict[type[cst.CSTNode], Evaluator] = {}

BINARY = {
    "Add": "add", "Subtract": "sub", "Multiply": "mul", "Divide": "div", "Power": "pow", "FloorDivide": "floordiv",
    "Modulo": "mod", "MatrixMultiply": "matmul", "BitAnd": "and", "BitOr": "or", "BitXor": "xor",
    "LeftShift": "lshift", "RightShift": "rshift",
}  # fmt: skip
COMPARISONS = {
    cst.Equal: "equal", cst.NotEqual: "not_equal", cst.LessThan: "less", cst.LessThanEqual: "less_equal",
    cst.GreaterThan: "greater", cst.GreaterThanEqual: "greater_equal",
}  # fmt: skip


def evaluates(*types: type[cst.CSTNode]) -> Callable[[Evaluator], Evaluator]:
    """Register the evaluator of a kind of expression."""

    def register(function: Evaluator) -> Evaluator:
        for kind in types:
            EXPRESSIONS[kind] = function
        return function

    return register


def evaluate(t: Tracer, frame: Frame, node: cst.BaseExpression) -> Value:
    """The value of an expression."""
    t.tick()
    evaluator = EXPRESSIONS.get(type(node))
    return evaluator(t, frame, node) if evaluator else t.unknown(frame, node, "losslint does not follow this syntax")


# -- literals


@evaluates(cst.Integer, cst.Float, cst.Imaginary, cst.SimpleString, cst.ConcatenatedString)
def _literal(t: Tracer, frame: Frame, node: cst.Integer | cst.SimpleString | cst.ConcatenatedString) -> Value:
    try:
        if isinstance(node, cst.ConcatenatedString):
            for part in (node.left, node.right):
                evaluate(t, frame, part)
            return Const(node.evaluated_value)
        return Const(_written(node.value))
    except Exception:  # a literal Python cannot evaluate (huge integers, odd escapes)
        return t.node(frame, "python.object", {}, node, Kind.PYTHON)


@lru_cache(1024)
def _written(literal: str) -> object:
    return ast.literal_eval(literal)  # compiles the text; the same few numbers stand everywhere


@evaluates(cst.Ellipsis)
def _ellipsis(t: Tracer, frame: Frame, node: cst.Ellipsis) -> Value:
    return Const(...)


@evaluates(cst.FormattedString)
def _formatted(t: Tracer, frame: Frame, node: cst.FormattedString) -> Value:
    for part in node.parts:
        if isinstance(part, cst.FormattedStringExpression):
            value = evaluate(t, frame, part.expression)
            if (
                part.format_spec
                and isinstance(value, Node)
                and value.kind is Kind.TENSOR
                and t.framework == "tensorflow"
            ):
                t.node(frame, "python.str", {"x": value}, part.expression, Kind.PYTHON, name="a format specification")
    return t.node(frame, "python.format", {}, node, Kind.PYTHON)


@evaluates(cst.Tuple, cst.List, cst.Set)
def _sequence(t: Tracer, frame: Frame, node: cst.Tuple | cst.List | cst.Set) -> Value:
    listed = Seq([], "tuple" if isinstance(node, cst.Tuple) else "list")
    for element in node.elements:
        value = evaluate(t, frame, element.value)
        starred = isinstance(element, cst.StarredElement)
        listed.extend(iterate(t, frame, value, element.value, "unpacking") if starred else Seq([value]))
    return listed


@evaluates(cst.Dict)
def _dict(t: Tracer, frame: Frame, node: cst.Dict) -> Value:
    result = Map({})
    for element in node.elements:
        value = evaluate(t, frame, element.value)
        if isinstance(element, cst.StarredDictElement):
            if isinstance(value, Map):
                result.items.update(value.items)
            result.open = result.open or not isinstance(value, Map) or value.open
            continue
        key = evaluate(t, frame, element.key)  # type: ignore[attr-defined]
        if isinstance(key, Const) and is_key(key.value):
            result.items[key.value] = value
        else:
            result.items[f"<{len(result.items)}>"] = value
            result.open = True
    return result


# -- names


@evaluates(cst.Name)
def _name(t: Tracer, frame: Frame, node: cst.Name) -> Value:
    value = frame.env.lookup(node.value)
    if value is not UNBOUND:
        if isinstance(value, (Const, Node)) and frame.context.mode is not Mode.EAGER and (
                frame.env.is_global(node.value)):
            t.graph.plain_reads.append((frame.source(node), node.value))
        return value
    if node.value in ("True", "False", "None"):
        return Const({"True": True, "False": False, "None": None}[node.value])
    if node.value in PYTHON_BUILTINS:
        return External(f"builtins.{node.value}")
    return t.unknown(frame, node, f"{node.value} is not defined here")


PYTHON_BUILTINS = frozenset(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)


@evaluates(cst.Attribute)
def _attribute(t: Tracer, frame: Frame, node: cst.Attribute) -> Value:
    return attribute(t, frame, evaluate(t, frame, node.value), node.attr.value, node)


@evaluates(cst.NamedExpr)
def _walrus(t: Tracer, frame: Frame, node: cst.NamedExpr) -> Value:
    value = evaluate(t, frame, node.value)
    if isinstance(node.target, cst.Name):
        frame.env.bind(node.target.value, value)
    return value


@evaluates(cst.Lambda)
def _lambda(t: Tracer, frame: Frame, node: cst.Lambda) -> Value:
    function = Func(frame.unit, node, frame.env, "<lambda>")
    t.functions.append(function)
    return function


@evaluates(cst.Await, cst.Yield, cst.From)
def _yield(t: Tracer, frame: Frame, node: cst.Yield) -> Value:
    if isinstance(node, cst.Yield) and node.value is not None:
        inner = node.value.item if isinstance(node.value, cst.From) else node.value
        evaluate(t, frame, inner)
    return t.unknown(frame, node, "a generator's or coroutine's value")


# -- operators


@evaluates(cst.BinaryOperation)
def _binary(t: Tracer, frame: Frame, node: cst.BinaryOperation) -> Value:
    left, right = evaluate(t, frame, node.left), evaluate(t, frame, node.right)
    return binary(t, frame, type(node.operator).__name__, left, right, node)


NUMBER_FORMAT = re.compile(r"%[-+ #0]*[\d*]*(?:\.[\d*]+)?[diouxXeEfFgG]")  # "%.4f" needs the number, "%s" does not

def binary(t: Tracer, frame: Frame, operator: str, left: Value, right: Value, at: cst.CSTNode) -> Value:
    """``left <operator> right``."""
    op = BINARY[operator]
    if isinstance(left, Const) and isinstance(right, Const) and (known := fold.binary(op, left, right)):
        return known
    if op == "or" and isinstance(left, Map) and isinstance(right, Map):
        return Map({**left.items, **right.items}, open=left.open or right.open)
    if op == "or" and (isinstance(left, Map) or isinstance(right, Map)):
        return t.unknown(frame, at, "a merge with a mapping that is not known", {"x": left, "y": right})
    if op == "add" and (first := _listed(t, frame, left, at)) is not None and (
            second := _listed(t, frame, right, at)) is not None:
        joined = first.of([*first.items])
        joined.extend(second)
        return joined
    if isinstance(left, Seq) and op == "mul" and isinstance(right, (Const, Node)) and kind_of(right) is Kind.PYTHON:
        count = right.value if isinstance(right, Const) else None
        if isinstance(count, int) and 0 <= count * len(left.items) <= MAX_RANGE:
            return Seq(left.items * count, left.kind, open=left.open)
        return Seq(left.items, left.kind, open=True)
    if isinstance(left, Const) and isinstance(left.value, str):
        if op == "mod" and NUMBER_FORMAT.search(left.value):
            t.node(frame, "python.str", {"x": right}, at, Kind.PYTHON, name="a format specification")
        return t.node(frame, "python.format", {}, at, Kind.PYTHON)
    if any(side == NONE and side is not NOTHING for side in (left, right)):
        return t.unknown(frame, at, "what was None is computed with: it is assigned elsewhere", {"x": left, "y": right})
    if op in ("and", "or", "xor"):
        op = f"logical_{op}"
    kind = _arithmetic_kind(left, right)
    joins = op == "add" and any(is_listed(a) and may_be_list(b) for a, b in ((left, right), (right, left)))
    if joins:
        kind = Kind.UNKNOWN  # two lists, or a list and a tensor
    if op == "matmul" and kind is Kind.UNKNOWN and t.framework != "tensorflow":
        kind = Kind.TENSOR  # x @ params["w"]
    dtype = "bool" if op.startswith("logical") else arithmetic_dtype(left, right, op)
    result = t.node(frame, op, {"x": left, "y": right}, at, kind, dtype=dtype)
    if joins:
        result.detail["tuple"] = True
    return result


def is_listed(value: Value) -> bool:
    """A list, or what one was joined with."""
    return isinstance(value, Seq) or (isinstance(value, Node) and value.op == "add" and bool(value.detail.get("tuple")))


def may_be_list(value: Value) -> bool:
    return kind_of(value) is Kind.UNKNOWN or (isinstance(value, Node) and may_be_several(value))


def _listed(t: Tracer, frame: Frame, value: Value, at: cst.CSTNode) -> Seq | None:
    """A list, also the weights of a model; None for another value."""
    if isinstance(value, Seq):
        return value
    if t.framework == "tensorflow" and isinstance(value, (External, Node)) and value.name.rpartition(".")[2] in WEIGHTS and (
            isinstance(value, External) or value.op in ("attribute", "variable")):
        return Seq([t.node(frame, "weight", {}, at, Kind.TENSOR, dtype="float", of=value)], open=True)
    return None


def _arithmetic_kind(left: Value, right: Value) -> Kind:
    return join_kinds([kind_of(left), kind_of(right)])


def arithmetic_dtype(left: Value, right: Value, op: str = "") -> str | None:
    """The dtype of an arithmetic result: that of a tensor operand, float for a division."""
    dtypes = [v.dtype for v in (left, right) if isinstance(v, Node) and v.kind is not Kind.PYTHON]
    if "complex" in dtypes:
        return "complex"
    if "float" in dtypes or op == "div":
        return "float"
    return dtypes[0] if dtypes else None


@evaluates(cst.UnaryOperation)
def _unary(t: Tracer, frame: Frame, node: cst.UnaryOperation) -> Value:
    if isinstance(node.operator, cst.Not):
        value = condition(t, frame, node.expression, "not")
        known = truth(value)
        return Const(not known) if known is not None else t.node(frame, "python.not", {"x": value}, node, Kind.PYTHON)
    value = evaluate(t, frame, node.expression)
    if isinstance(value, Const) and isinstance(value.value, (int, float, complex)):
        if isinstance(node.operator, cst.Minus):
            return Const(-value.value)
        if isinstance(node.operator, cst.Plus):
            return value
        if isinstance(value.value, int):
            return Const(~value.value)
    if isinstance(node.operator, cst.Plus):
        return value
    op = "neg" if isinstance(node.operator, cst.Minus) else "logical_not"
    return t.node(frame, op, {"x": value}, node, dtype=value.dtype if isinstance(value, Node) else None)


@evaluates(cst.BooleanOperation)
def _boolean(t: Tracer, frame: Frame, node: cst.BooleanOperation) -> Value:
    word = "and" if isinstance(node.operator, cst.And) else "or"
    left = condition(t, frame, node.left, word)
    known = truth(left)
    if known is not None:
        return left if known is (word == "or") else evaluate(t, frame, node.right)
    right = perhaps(t, frame, node.right, left)
    holds, fails = (left, right) if word == "or" else (right, left)
    joined = t.join(frame, holds, fails, node, left) if is_test(left) else t.join(frame, left, right, node)
    if isinstance(joined, Node):
        joined.detail["boolean"] = True
    return joined


def is_test(value: Value) -> bool:
    """Whether a value is true or false, and not one of which ``or`` takes the first that holds anything."""
    return isinstance(value, Node) and (value.family == "compare" or bool(value.detail.get("boolean")))


@evaluates(cst.Comparison)
def _comparison(t: Tracer, frame: Frame, node: cst.Comparison) -> Value:
    left = evaluate(t, frame, node.left)
    result: Value = Const(True)
    for position, target in enumerate(node.comparisons):
        right = evaluate(t, frame, target.comparator)
        result = compare(t, frame, target.operator, left, right, node)
        last = position == len(node.comparisons) - 1
        if not last:
            ask_truth(t, frame, result, node, "chained comparison")
        if truth(result) is False:
            return result
        left = right
    if len(node.comparisons) > 1 and isinstance(result, Node):
        result.detail["boolean"] = True
    return result


def compare(t: Tracer, frame: Frame, operator: cst.BaseCompOp, left: Value, right: Value, at: cst.CSTNode) -> Value:
    """One comparison; identity and membership are decided where the values allow it."""
    if isinstance(operator, (cst.Is, cst.IsNot, cst.Equal, cst.NotEqual)):
        same = _identical(left, right, identity=isinstance(operator, (cst.Is, cst.IsNot)))
        if same is not None:
            return Const(same is isinstance(operator, (cst.Is, cst.Equal)))
    if isinstance(operator, (cst.Is, cst.IsNot)):
        return t.node(frame, "python.object", {}, at, Kind.PYTHON)
    if isinstance(operator, (cst.In, cst.NotIn)):
        return _contains(t, frame, operator, left, right, at)
    op = COMPARISONS[type(operator)]
    if isinstance(left, Const) and isinstance(right, Const):
        return fold.binary(op, left, right) or t.node(frame, "python.object", {}, at, Kind.PYTHON)
    if any(isinstance(side, Const) and isinstance(side.value, str) for side in (left, right)):
        return t.node(frame, "python.object", {}, at, Kind.PYTHON)  # a setting, whatever it is called
    return t.node(frame, op, {"x": left, "y": right}, at, _arithmetic_kind(left, right), dtype="bool")


def _identical(left: Value, right: Value, *, identity: bool) -> bool | None:
    """Whether two values are the same (``is``), or ``==`` for None; None when that is not known."""
    if isinstance(left, Const) and isinstance(right, Const):
        if identity:
            return left.value is right.value or (left.value == right.value and type(left.value) is type(right.value))
        return None
    for a, b in ((left, right), (right, left)):
        if isinstance(a, Const) and a.value is None:
            if isinstance(b, Node):
                return False if b.kind in (Kind.TENSOR, Kind.ARRAY, Kind.SYMBOLIC) and b.op != "phi" else None
            return False if not isinstance(b, (Choice, Method)) else None
    if isinstance(left, (Func, ClassValue, External)) and isinstance(right, (Func, ClassValue, External)):
        if isinstance(left, External) and isinstance(right, External):
            return left.name == right.name
        return left is right
    return None


def _contains(t: Tracer, frame: Frame, operator: cst.BaseCompOp, left: Value, right: Value, at: cst.CSTNode) -> Value:
    positive = isinstance(operator, cst.In)
    if isinstance(left, Const):
        if isinstance(right, Seq) and not right.open and all(isinstance(i, Const) for i in right.items):
            return Const((left.value in [i.value for i in right.items if isinstance(i, Const)]) is positive)
        if isinstance(right, Map) and not right.open and is_key(left.value):
            return Const((left.value in right.items) is positive)
        if isinstance(right, Const) and isinstance(right.value, str) and isinstance(left.value, str):
            return Const((left.value in right.value) is positive)
    searched = (isinstance(left, Node) and left.kind is Kind.TENSOR) or (
        isinstance(left, Const) and isinstance(left.value, (int, float))
    )
    if searched and isinstance(right, Node) and right.kind is Kind.TENSOR and not may_be_several(right):
        return t.node(frame, "python.contains", {"x": right, "item": left}, at, Kind.PYTHON)
    return t.node(frame, "python.object", {}, at, Kind.PYTHON)


@evaluates(cst.IfExp)
def _conditional(t: Tracer, frame: Frame, node: cst.IfExp) -> Value:
    test = condition(t, frame, node.test, "conditional expression")
    known = truth(test)
    if known is not None:
        return evaluate(t, frame, node.body if known else node.orelse)
    return t.join(frame, perhaps(t, frame, node.body, test), perhaps(t, frame, node.orelse, test), node, test)


def perhaps(t: Tracer, frame: Frame, node: cst.BaseExpression, test: Value) -> Value:
    """Evaluate what an undecided test chooses, which may be a question about the configuration: as behind an ``if``."""
    context = frame.context
    if kind_of(test) is not Kind.TENSOR:
        frame.context = with_context(frame, guarded=True)
    value = evaluate(t, frame, node)
    frame.context = context
    return value


def truth(value: Value) -> bool | None:
    """The truth of a value where it is known."""
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Seq):
        return bool(value.items) if not value.open or value.items else None
    if isinstance(value, Map):
        return bool(value.items) if not value.open or value.items else None
    if isinstance(value, (Func, ClassValue, Instance, Bound, Partial, ModuleValue, Tape)):
        return True
    if isinstance(value, External) and not value.name.endswith("()"):
        return True
    return None


def condition(t: Tracer, frame: Frame, node: cst.BaseExpression, how: str) -> Value:
    """Evaluate an expression whose truth Python asks for, and note it when that is a tensor's."""
    value = evaluate(t, frame, node)
    ask_truth(t, frame, value, node, how)
    return value


def ask_truth(t: Tracer, frame: Frame, value: Value, at: cst.CSTNode, how: str) -> None:
    if isinstance(value, Node) and value.kind in (Kind.TENSOR, Kind.SYMBOLIC):
        t.node(frame, "python.bool", {"x": value}, at, Kind.PYTHON, how=how)


# -- indexing


@evaluates(cst.Subscript)
def _subscript(t: Tracer, frame: Frame, node: cst.Subscript) -> Value:
    return subscript(t, frame, evaluate(t, frame, node.value), index_value(t, frame, node), node)


def index_value(t: Tracer, frame: Frame, node: cst.Subscript) -> Value:
    """The index of a subscript: a value, ``Seq`` of kind ``slice`` for ``a:b:c``, ``Seq`` of kind ``index`` for several."""
    parts = [_index_part(t, frame, element.slice) for element in node.slice]
    return parts[0] if len(parts) == 1 else Seq(parts, "index")


def _index_part(t: Tracer, frame: Frame, part: cst.BaseSlice) -> Value:
    if isinstance(part, cst.Slice):
        ends = [evaluate(t, frame, e) if e is not None else NONE for e in (part.lower, part.upper, part.step)]
        return Seq(ends, "slice")
    assert isinstance(part, cst.Index)
    return evaluate(t, frame, part.value)


# -- loops inside expressions


@evaluates(cst.ListComp, cst.GeneratorExp, cst.SetComp, cst.DictComp)
def _comprehension(
    t: Tracer, frame: Frame, node: cst.ListComp | cst.GeneratorExp | cst.SetComp | cst.DictComp
) -> Value:
    from losslint.graph.statements import assign

    listed = Seq([])
    items = listed.items

    def level(clause: cst.CompFor) -> None:
        iterable = iterate(t, frame, evaluate(t, frame, clause.iter), clause.iter, "comprehension")
        listed.open, listed.mixed = listed.open or iterable.open, listed.mixed or iterable.mixed
        for item in iterable.items[:MAX_RANGE]:
            assign(t, frame, clause.target, item)
            decided = True
            for guard in clause.ifs:
                known = truth(condition(t, frame, guard.test, "comprehension condition"))
                if known is False:
                    break
                decided = decided and known is True
            else:
                listed.open = listed.open or not decided
                if clause.inner_for_in is not None:
                    level(clause.inner_for_in)
                elif isinstance(node, cst.DictComp):
                    items.append(Seq([evaluate(t, frame, node.key), evaluate(t, frame, node.value)], "tuple"))
                else:
                    items.append(evaluate(t, frame, node.elt))

    outer = frame.env
    frame.env = Env(outer)
    try:
        level(node.for_in)
    finally:
        frame.env = outer
    if isinstance(node, cst.DictComp):
        pairs = [i.items for i in items if isinstance(i, Seq)]
        known = {k.value: v for k, v in pairs if isinstance(k, Const) and is_key(k.value)}
        rest = {f"<{n}>": v for n, (k, v) in enumerate(pairs) if not isinstance(k, Const)}
        return Map({**known, **rest}, open=listed.open or bool(rest))
    return listed


WEIGHTS = ("trainable_variables", "trainable_weights", "variables", "weights")  # of Keras models and layers


def iterate(t: Tracer, frame: Frame, value: Value, at: cst.CSTNode, how: str) -> Seq:
    """The items a ``for`` goes through; iterating over a tensor is noted."""
    if value is NOTHING:
        return Seq([t.misused(frame, at, "unpacked" if how == "unpacking" else "iterated over")], open=True)
    match value:
        case Seq():
            return value.of([*value.items])
        case Map():
            return Seq([Const(k) for k in value.items], open=value.open)
        case Const(value=str() | tuple() | range() as known):
            return Seq([Const(c) for c in list(known)[:MAX_RANGE]], open=len(known) > MAX_RANGE)
        case Node(kind=Kind.TENSOR | Kind.SYMBOLIC) if not may_be_several(value):
            t.node(frame, "python.iter", {"x": value}, at, Kind.PYTHON, how=how)
            return Seq([subscript(t, frame, value, t.node(frame, "python.object", {}, at, Kind.PYTHON), at)], open=True)
        case External() | Node(op="attribute" | "variable") if (weights := _listed(t, frame, value, at)) is not None:
            return weights
        case External(name="torch.utils.data.DataLoader()", args=parts, attributes={"dataset": External(altered=False)}) if (
                not value.altered):
            rows = Seq([Const(None), t.node(frame, "python.object", {}, at, Kind.PYTHON), Const(None)], "slice")
            batch = [subscript(t, frame, part, rows, at) for part in parts]
            return Seq([Seq(batch, "list")], open=True)
        case Node(kind=Kind.ARRAY):
            return Seq([t.node(frame, "item", {"x": value}, at, Kind.ARRAY)], open=True)
        case Node():
            item = t.node(frame, "item", {"x": value}, at, value.kind, dtype=value.dtype)
            return Seq([may_be_several_too(item, value)], open=True)
    item = t.unknown(
        frame, at, "the items of this iterable are not known", {"x": value} if any(nodes_in(value)) else {}
    )
    return Seq([item], open=True)


@evaluates(cst.Call)
def _call(t: Tracer, frame: Frame, node: cst.Call) -> Value:
    from losslint.graph.calls import evaluate_call

    return evaluate_call(t, frame, node)
