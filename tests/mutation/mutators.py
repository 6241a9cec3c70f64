"""The mistakes people make, each as a single change of a loss: one mutant for every place it can be made at.

A mutator looks at one node of the concrete syntax tree and says what may stand there instead. It knows nothing of
tensors: whether a mutant is broken is found out by running it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

from tests.mutation.corpus import with_imports

PREDICTION = re.compile(r"pred|logit|output|^pr$|embedd|^x$|^z_b$|scores")
LABEL = re.compile(r"true|label|target|^gt$|^z_a$")
ABOUT = re.compile(r"^from_|^is_|^use_|rank|shape|dim|num|type|size|axis|weight")  # numbers and flags, not tensors
SMALL = re.compile(r"eps|smooth|^const$|tiny", re.IGNORECASE)
FRAMEWORKS = re.compile(r"tensorflow|keras|\bops\b|\btf\b")
NOT_LOSSES = ("__init__", "get_config", "from_config", "train_it")

NUMBERS = {"LL301", "LL302", "LL303", "LL304", "LL305", "LL306", "LL307", "LL309"}
CUT = "none, zero"
STOPPED = "raises, none, zero, not finite"  # rounding one of two uses is often meant: the rest still trains
NO_SLOPE = {"LL105", "LL106", "LL107", "LL112", "LL113"}

TWINS = {
    "abs": "abs", "add": "add", "ceil": "ceil", "clip": "clip", "clip_by_value": "clip", "concat": "concatenate",
    "concatenate": "concatenate", "cos": "cos", "cumsum": "cumsum", "divide": "divide", "exp": "exp",
    "expand_dims": "expand_dims", "expm1": "expm1", "log": "log", "log1p": "log1p", "logical_and": "logical_and",
    "logical_not": "logical_not", "matmul": "matmul", "max": "max", "maximum": "maximum", "mean": "mean", "min": "min",
    "minimum": "minimum", "multiply": "multiply", "ones_like": "ones_like", "pow": "power", "power": "power",
    "prod": "prod", "reduce_max": "max", "reduce_mean": "mean", "reduce_min": "min", "reduce_prod": "prod",
    "reduce_sum": "sum", "reshape": "reshape", "round": "round", "sign": "sign", "sort": "sort", "sqrt": "sqrt",
    "square": "square", "squeeze": "squeeze", "stack": "stack", "subtract": "subtract", "sum": "sum", "tanh": "tanh",
    "transpose": "transpose", "where": "where", "zeros_like": "zeros_like",
}  # fmt: skip
ELEMENTWISE = ("abs", "exp", "log", "log1p", "sqrt", "square", "tanh")
SUMS = ("reduce_sum", "sum")
MEANS = ("reduce_mean", "mean")
REDUCTIONS = (*SUMS, *MEANS, "reduce_max", "max", "reduce_min", "min", "reduce_logsumexp", "logsumexp")


@dataclass(frozen=True)
class Mutant:
    """One changed text, and the row of the original that was changed."""

    mutator: str
    row: int
    text: str


@dataclass(frozen=True)
class Invocation:
    """A call of the framework: ``tf.reduce_sum(x, axis=-1)`` is prefix ``tf``, op ``reduce_sum`` and its arguments."""

    prefix: str
    op: str
    args: list[str]
    keywords: dict[str, str]

    @property
    def x(self) -> str:
        """The first argument, however it is passed; "" when there is none."""
        return self.args[0] if self.args else next(iter(self.keywords.values()), "")

    def without(self, *names: str) -> str:
        """The arguments after the first, as text, without some keywords; starts with a comma if there are any."""
        rest = [*self.args[1:], *(f"{k}={v}" for k, v in self.keywords.items() if k not in (*names, "name"))]
        if not self.args and rest:
            rest = rest[1:]
        return "".join(", " + part for part in rest)


class Source:
    """A loss's text, its tree, and how the framework is called in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = text.encode()
        wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        self.module = wrapper.module
        self.spans = wrapper.resolve(ByteSpanPositionProvider)
        self.bound = set(re.findall(r"(?:import .*?|as )\b(tf|ops|K|np|math)\b", text))
        self.framework = self.bound & {"tf", "ops", "K"} | set(re.findall(r"^ +(backend) = ", text, re.MULTILINE))
        if "import keras" in text:
            self.framework |= {"keras"}

    @cached_property
    def ns(self) -> str:
        """The name that ``stop_gradient``, ``cast`` and the like are asked of."""
        return next(name for name in ("tf", "ops", "K", "backend") if name in {*self.framework, "backend"})

    def raw(self, node: cst.CSTNode) -> str:
        span = self.spans[node]
        return self.data[span.start : span.start + span.length].decode()

    def code(self, node: cst.CSTNode) -> str:
        """The source of an expression, in parentheses where it needs them."""
        return atom(self.raw(node))

    def row(self, node: cst.CSTNode) -> int:
        return self.data[: self.spans[node].start].count(b"\n") + 1

    def call(self, node: cst.CSTNode) -> Invocation | None:
        """The node as a call of the framework."""
        if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute) or any(a.star for a in node.args):
            return None
        dotted = self.raw(node.func)
        prefix, _, op = dotted.rpartition(".")
        if prefix.partition(".")[0] not in self.framework or "losses" in prefix:
            return None
        keywords = {a.keyword.value: self.raw(a.value) for a in node.args if a.keyword is not None}
        return Invocation(prefix, op, [self.raw(a.value) for a in node.args if a.keyword is None], keywords)


def atom(text: str) -> str:
    """An expression as an operand or before a dot: in parentheses unless it is a name, a call, a number."""
    tree = ast.parse(f"({text})", mode="eval").body
    return text if isinstance(tree, ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.Constant) else f"({text})"


Propose = Callable[[cst.CSTNode, Source], Iterator[str]]


@dataclass(frozen=True)
class Mutator:
    """One kind of mistake, the rules that speak of it, and (if not all) the effects that make it one."""

    name: str
    codes: frozenset[str]
    propose: Propose
    effects: frozenset[str] = frozenset({"raises", "none", "zero", "not finite", "wrong", "shape"})


MUTATORS: dict[str, Mutator] = {}


def mutator(*codes: str | set[str], effects: str = "") -> Callable[[Propose], Propose]:
    """Register a mutator under the name of its function."""

    def register(propose: Propose) -> Propose:
        name = propose.__name__.replace("_", "-")
        known = {c for code in codes for c in ([code] if isinstance(code, str) else code)}
        told = frozenset(effects.split(", ")) if effects else Mutator.effects
        MUTATORS[name] = Mutator(name, frozenset(known), propose, told)
        return propose

    return register


def mutants(text: str) -> Iterator[Mutant]:
    """Every mutant of a loss, those with the same text once."""
    source = Source(text)
    collector = _Places()
    source.module.visit(collector)
    seen = {text}
    for each in MUTATORS.values():
        for node in collector.places:
            for new in each.propose(node, source):
                span = source.spans[node]
                changed = source.data[: span.start] + new.encode() + source.data[span.start + span.length :]
                mutated = with_imports(changed.decode(), _needed(new, source))
                if mutated not in seen and _parses(mutated):
                    seen.add(mutated)
                    yield Mutant(each.name, source.row(node), mutated)


def _needed(new: str, source: Source) -> list[str]:
    """The imports a change brings with it."""
    lines = {"np": "import numpy as np", "math": "import math", "tf": "import tensorflow as tf"}
    return [line for name, line in lines.items() if name not in source.bound and re.search(rf"\b{name}\.", new)]


def _parses(text: str) -> bool:
    try:
        compile(text, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


class _Places(cst.CSTVisitor):
    """The nodes inside of the losses' functions, signatures and docstrings left out."""

    def __init__(self) -> None:
        self.places: list[cst.CSTNode] = []
        self.depth = 0

    def on_visit(self, node: cst.CSTNode) -> bool:
        match node:
            case cst.FunctionDef(name=cst.Name(value=name)) if name in NOT_LOSSES:
                return False
            case cst.Decorator() | cst.Parameters() | cst.Annotation() | cst.Import() | cst.ImportFrom():
                return False
            case cst.AssignTarget() | cst.CompFor() | cst.Attribute(attr=cst.Name(value="dtype" | "shape")):
                return False
        if isinstance(node, cst.BaseExpression | cst.BaseSmallStatement | cst.FunctionDef | cst.Arg) and (
            self.depth or isinstance(node, cst.FunctionDef)
        ):
            self.places.append(node)
        self.depth += isinstance(node, cst.FunctionDef)
        if isinstance(node, cst.Attribute | cst.Arg):  # not the names after a dot or before an equals sign
            node.value.visit(self)
            return False
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.FunctionDef):
            self.depth -= 1


# -- leaving the framework


@mutator("LL101", "LL102", "LL109")
def numpy_twin(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.log(x)`` -> ``np.log(x)``."""
    call = source.call(node)
    if call and (twin := TWINS.get(call.op)):
        yield f"np.{twin}({call.x}{call.without('dtype')})"


@mutator("LL101", "LL102", "LL109")
def numpy_method_on_factor(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``a * b`` -> ``a.numpy() * b``."""
    for left, operator, right in _binary(node, source, cst.Multiply, cst.Divide):
        if not _is_number(right):
            yield f"{left} {operator} {right}.numpy()"
        if not _is_number(left):
            yield f"{left}.numpy() {operator} {right}"


@mutator("LL102", "LL204", "LL109")
def float_on_term(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``a + b`` -> ``a + float(b)``."""
    for left, operator, right in _binary(node, source, cst.Add, cst.Subtract):
        if not _is_number(right):
            yield f"{left} {operator} float({right})"
        if not _is_number(left):
            yield f"float({left}) {operator} {right}"


@mutator("LL103")
def math_function(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.exp(x)`` -> ``math.exp(x)``."""
    call = source.call(node)
    if call and call.op in ("exp", "log", "log1p", "sqrt", "pow", "tanh", "cos", "expm1"):
        yield f"math.{call.op}({call.x}{call.without()})"


@mutator("LL104", "LL112")
def numpy_function(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.log(x)`` -> ``tf.numpy_function(np.log, [x], tf.float32)``."""
    call = source.call(node)
    if call and call.op in ELEMENTWISE:
        yield f"tf.numpy_function(np.{TWINS[call.op]}, [{call.x}], tf.float32)"


@mutator("LL104", "LL112")
def py_function(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.log(x)`` -> ``tf.py_function(lambda v: np.log(v), [x], tf.float32)``."""
    call = source.call(node)
    if call and call.op in ELEMENTWISE:
        yield f"tf.py_function(lambda v: np.{TWINS[call.op]}(v), [{call.x}], tf.float32)"


@mutator("LL206")
def array_method(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.reduce_mean(x, axis=-1)`` -> ``x.mean(axis=-1)``."""
    call = source.call(node)
    if call is None or not call.x or _is_number(call.x):
        return
    method = {"cast": "astype", "reshape": "reshape", "reduce_mean": "mean", "mean": "mean", "reduce_sum": "sum",
              "sum": "sum", "reduce_max": "max", "max": "max"}.get(call.op)  # fmt: skip
    if method:
        yield f"{atom(call.x)}.{method}({call.without()[2:]})"
    if call.op == "transpose" and not call.without():
        yield f"{atom(call.x)}.T"


@mutator("LL102")
def logged(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``loss = ...`` -> ``loss = ...; print(loss.numpy())``."""
    for name, text in _assigned(node, source):
        yield f"{text}; print({name}.numpy())"


@mutator("LL101", "LL102", "LL103")
def formatted(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``loss = ...`` -> ``loss = ...; print(f"{loss:.3f}")``."""
    for name, text in _assigned(node, source):
        yield f'{text}; print(f"{{{name}:.3f}}")'


# -- no gradient


@mutator(NO_SLOPE, effects=STOPPED)
def prediction_rounded(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``y_pred`` -> ``tf.round(y_pred)``."""
    if _is_prediction(node):
        yield f"{source.ns}.round({source.raw(node)})"


@mutator(NO_SLOPE, effects=STOPPED)
def prediction_thresholded(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``y_pred`` -> ``tf.cast(y_pred > 0.5, "float32")``."""
    if _is_prediction(node):
        yield f'{source.ns}.cast({source.raw(node)} > 0.5, "float32")'


@mutator(NO_SLOPE, effects=STOPPED)
def prediction_argmaxed(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``y_pred`` -> ``tf.cast(tf.expand_dims(tf.argmax(y_pred, -1), -1), "float32")``."""
    if _is_prediction(node):
        index = f"{source.ns}.expand_dims({source.ns}.argmax({source.raw(node)}, -1), -1)"
        yield f'{source.ns}.cast({index}, "float32")'


@mutator(NO_SLOPE, "LL407", effects=STOPPED)
def prediction_to_integer(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``y_pred`` -> ``tf.cast(y_pred, "int32")``."""
    if _is_prediction(node):
        yield f'{source.ns}.cast({source.raw(node)}, "int32")'
        yield f'{source.ns}.cast({source.ns}.cast({source.raw(node)}, "int32"), "float32")'


@mutator("LL108", "LL112", effects=CUT)
def prediction_detached(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``y_pred`` -> ``tf.stop_gradient(y_pred)``."""
    if _is_prediction(node):
        yield f"{source.ns}.stop_gradient({source.raw(node)})"


@mutator("LL108", "LL112", effects=CUT)
def result_detached(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``return loss`` -> ``return tf.stop_gradient(loss)``."""
    if isinstance(node, cst.Return) and node.value is not None:
        yield f"return {source.ns}.stop_gradient({source.raw(node.value)})"


@mutator("LL108", "LL101", "LL102")
def prediction_as_constant(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``y_pred`` -> ``tf.constant(y_pred)``, ``np.array(y_pred)``."""
    if _is_prediction(node):
        if "tf" in source.bound:
            yield f"tf.constant({source.raw(node)})"
        yield f"np.array({source.raw(node)})"


@mutator("LL110", "LL108", "LL105", "LL112", effects=CUT)
def label_for_prediction(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """Every ``y_pred`` of a function -> ``y_true``."""
    if isinstance(node, cst.FunctionDef):
        names = [p.name.value for p in node.params.params]
        label, prediction = _first(LABEL, names), _first(PREDICTION, names)
        if label and prediction:
            head, body = _split(node, source)
            yield head + re.sub(rf"(?<![\w.])({prediction})\b(?!\s*=[^=])", label, body)


@mutator("LL110", "LL108", "LL105", "LL112", effects=CUT)
def one_prediction_replaced(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """One ``y_pred`` -> ``y_true``."""
    if _is_prediction(node) and "y_pred" in source.raw(node):
        yield source.raw(node).replace("y_pred", "y_true")


# -- Python where the framework is meant


@mutator("LL201")
def tensor_if(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.maximum(a, b)`` -> ``(a if a > b else b)``, ``tf.where(c, a, b)`` -> ``(a if c else b)``."""
    call = source.call(node)
    if call and call.op in ("maximum", "minimum") and len(call.args) == 2:
        a, b = map(atom, call.args)
        yield f"({a} if {a} {'>' if call.op == 'maximum' else '<'} {b} else {b})"
    if call and call.op in ("where", "switch", "cond") and len(call.args) == 3:
        condition, x, y = map(atom, call.args)
        yield f"({x} if {condition} else {y})"


@mutator("LL201")
def early_return(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``if tf.reduce_sum(y_true) == 0: return 0.0`` at the beginning."""
    if isinstance(node, cst.FunctionDef):
        label = _first(LABEL, [p.name.value for p in node.params.params])
        if label:
            head, body = _split(node, source)
            indent = re.match(r"\s*", body)
            total = "reduce_sum" if source.ns == "tf" else "sum"
            yield f"{head}{indent[0] if indent else ''}if {source.ns}.{total}({label}) == 0: return 0.0{_newline(body)}"


@mutator("LL201")
def asserted(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``loss = ...`` -> ``loss = ...; assert tf.reduce_all(loss >= 0)``."""
    every = "reduce_all" if source.ns == "tf" else "all"
    for name, text in _assigned(node, source):
        yield f"{text}; assert {source.ns}.{every}({name} >= 0)"


@mutator("LL202", "LL201")
def python_bool(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.logical_and(a, b)`` -> ``(a and b)``, ``a & b`` likewise, ``tf.where(c, a, b)`` -> ``(c and a or b)``."""
    call = source.call(node)
    if call and call.op in ("logical_and", "logical_or") and len(call.args) == 2:
        yield f"({atom(call.args[0])} {call.op[8:]} {atom(call.args[1])})"
    if call and call.op == "logical_not":
        yield f"(not {atom(call.x)})"
    if call and call.op == "where" and len(call.args) == 3:
        condition, x, y = map(atom, call.args)
        yield f"({condition} and {x} or {y})"
    for left, operator, right in _binary(node, source, cst.BitAnd, cst.BitOr):
        yield f"({left} {'and' if operator == '&' else 'or'} {right})"


@mutator("LL204", "LL203", "LL201", "LL202")
def python_builtin(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.maximum(a, b)`` -> ``max(a, b)``, ``tf.reduce_sum(x)`` -> ``sum(x)``."""
    call = source.call(node)
    builtins = {"maximum": "max", "minimum": "min", "reduce_max": "max", "reduce_min": "min", "reduce_sum": "sum",
                "sum": "sum", "max": "max", "min": "min", "round": "round"}  # fmt: skip
    if call and call.op in builtins:
        second = f", {call.args[1]}" if call.op in ("maximum", "minimum") and len(call.args) == 2 else ""
        yield f"{builtins[call.op]}({call.x}{second})"


@mutator("LL203", "LL204")
def python_loop(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.reduce_mean(x)`` -> ``tf.reduce_mean([v for v in x])``."""
    call = source.call(node)
    if call and call.op in (*SUMS, *MEANS, "square", "abs") and call.x:
        yield f"{call.prefix}.{call.op}([v for v in {call.x}]{call.without()})"


@mutator("LL204", "LL205")
def length_of_tensor(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.shape(x)[0]`` -> ``len(x)``."""
    for x, index in _dimension(node, source):
        if index == "0":
            yield f"len({x})"


@mutator("LL205")
def static_batch(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.shape(x)[0]`` -> ``x.shape[0]``, ``tf.reduce_mean(x)`` -> ``tf.reduce_sum(x) / x.shape[0]``."""
    for x, index in _dimension(node, source):
        yield f"{atom(x)}.shape[{index}]"
    call = source.call(node)
    if call and call.op in MEANS and call.x:
        total = "reduce_sum" if call.op == "reduce_mean" else "sum"
        yield f"({call.prefix}.{total}({call.x}{call.without()}) / {atom(call.x)}.shape[0])"


@mutator("LL206")
def item_assigned(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``x = ...`` -> ``x = ...; x[0] = 0.0``."""
    for name, text in _assigned(node, source):
        yield f"{text}; {name}[0] = 0.0"


@mutator("LL208", "LL108")
def variable(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``x = y`` -> ``x = tf.Variable(y)``."""
    if "tf" in source.bound:
        for name, text in _assigned(node, source):
            yield f"{name} = tf.Variable({text.partition('=')[2].strip()})"


@mutator("LL404", "LL110", "LL111")
def return_dropped(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``return loss`` -> ``loss``."""
    if isinstance(node, cst.Return) and node.value is not None:
        yield f"({source.raw(node.value)})"


@mutator("LL111", "LL110", NUMBERS, NO_SLOPE)
def result_discarded(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``x = tf.f(x)`` -> ``tf.f(x)``."""
    for name, text in _assigned(node, source):
        value = text.partition("=")[2].strip()
        if re.search(rf"\b{name}\b", value):
            yield value


@mutator("LL402", "LL401", effects="shape")
def axis_dropped(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.reduce_mean(x, axis=-1)`` -> ``tf.reduce_mean(x)``."""
    call = source.call(node)
    if call and call.op in REDUCTIONS and (len(call.args) > 1 or "axis" in call.keywords):
        yield f"{call.prefix}.{call.op}({call.x})"


# -- numbers


@mutator(NUMBERS)
def epsilon_removed(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``x + eps`` -> ``x``, ``tf.maximum(x, eps)`` -> ``x``."""
    for left, _, right in _binary(node, source, cst.Add):
        if _is_small(right):
            yield left
        if _is_small(left):
            yield right
    call = source.call(node)
    if call and call.op == "maximum" and len(call.args) == 2 and _is_small(call.args[1]):
        yield atom(call.args[0])


@mutator(NUMBERS)
def epsilon_too_small(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``x + eps`` -> ``x + 1e-50``."""
    for left, operator, right in _binary(node, source, cst.Add):
        if _is_small(right):
            yield f"{left} {operator} 1e-50"


@mutator(NUMBERS)
def guard_moved(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.log(x + eps)`` -> ``(tf.log(x) + eps)``, ``a / (b + eps)`` -> ``(a / b + eps)``."""
    call = source.call(node)
    if call and call.op in ("log", "sqrt", "rsqrt", "divide") and isinstance(node, cst.Call):
        for left, _, right in _binary(node.args[-1].value, source, cst.Add):
            if _is_small(right):
                first = f"{call.args[0]}, " if call.op == "divide" and len(call.args) > 1 else ""
                yield f"({call.prefix}.{call.op}({first}{left}) + {right})"
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Divide):
        for left, _, right in _binary(node.right, source, cst.Add):
            if _is_small(right):
                yield f"({source.code(node.left)} / {left} + {right})"


@mutator(NUMBERS, "LL406")
def clip_dropped(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.clip_by_value(x, low, high)`` -> ``x``."""
    call = source.call(node)
    if call and call.op in ("clip_by_value", "clip"):
        yield atom(call.x)


@mutator(NUMBERS, "LL406")
def activation_dropped(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.sigmoid(x)`` -> ``x``."""
    call = source.call(node)
    if call and call.op in ("sigmoid", "softmax", "relu", "softplus", "abs", "square"):
        yield atom(call.x)


@mutator(NUMBERS, "LL406")
def logits_flag_flipped(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``from_logits=True`` -> ``from_logits=False``."""
    if isinstance(node, cst.Arg) and node.keyword is not None and node.keyword.value == "from_logits":
        yield f"from_logits={'False' if source.raw(node.value) == 'True' else 'True'}"


@mutator(NUMBERS)
def single_guard(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.math.divide_no_nan(a, b)`` -> ``tf.where(b > 0, a / b, 0.0)``; ``tf.sqrt(x)`` likewise."""
    call = source.call(node)
    if call and call.op == "divide_no_nan" and len(call.args) == 2:
        a, b = map(atom, call.args)
        yield f"{source.ns}.where({b} != 0, {a} / {b}, {source.ns}.zeros_like({a}))"
    if call and call.op in ("sqrt", "log") and source.ns in ("tf", "ops"):
        x, whole = call.x, source.raw(node)
        bare = re.sub(r"\s*\+\s*[\w.]*(?:eps|1e-)[\w.()]*", "", x)
        whole = f"{call.prefix}.{call.op}({bare})"
        yield f"{source.ns}.where({atom(bare)} > 0, {whole}, {source.ns}.zeros_like({bare}))"


@mutator(NUMBERS)
def unguarded_division(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.math.divide_no_nan(a, b)`` -> ``a / b``."""
    call = source.call(node)
    if call and call.op in ("divide_no_nan", "multiply_no_nan") and len(call.args) == 2:
        yield f"({atom(call.args[0])} {'/' if call.op[0] == 'd' else '*'} {atom(call.args[1])})"


@mutator(NUMBERS)
def stable_form_unfolded(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``softplus(x)`` -> ``log(1 + exp(x))``, ``log_softmax(x)`` -> ``log(softmax(x))`` and the like."""
    call = source.call(node)
    if call is None:
        return
    ns, x = source.ns, call.x
    log = "tf.math.log" if ns == "tf" else f"{ns}.log"
    total = "tf.reduce_sum" if ns == "tf" else f"{ns}.sum"
    logits = call.keywords.get("logits", call.args[1] if len(call.args) > 1 else "")
    labels = atom(call.keywords.get("labels", x) or "0")
    if call.op == "softplus":
        yield f"{log}(1.0 + {ns}.exp({x}))"
    elif call.op in ("logsumexp", "reduce_logsumexp"):
        yield f"{log}({total}({ns}.exp({x}){call.without()}))"
    elif call.op in ("log_softmax", "log_sigmoid"):
        yield f"{log}({call.prefix}.{call.op[4:]}({x}{call.without()}))"
    elif call.op == "sigmoid_cross_entropy_with_logits":
        p = f"tf.sigmoid({logits})"
        yield f"-({labels} * {log}({p}) + (1.0 - {labels}) * {log}(1.0 - {p}))"
    elif call.op == "softmax_cross_entropy_with_logits":
        yield f"-tf.reduce_sum({labels} * {log}(tf.nn.softmax({logits})), axis=-1)"


@mutator(NUMBERS)
def root_of_square(node: cst.CSTNode, source: Source) -> Iterator[str]:
    """``tf.abs(x)`` -> ``tf.sqrt(tf.square(x))``, ``l2_normalize(x, axis)`` -> ``x / norm(x, axis)``."""
    call = source.call(node)
    if call and call.op == "abs":
        yield f"{source.ns}.sqrt({source.ns}.square({call.x}))"
    if call and call.op in ("l2_normalize", "normalize") and source.ns in ("tf", "ops"):
        norm = "tf.norm" if source.ns == "tf" else "ops.norm"
        yield f"({atom(call.x)} / {norm}({call.x}, axis=-1, keepdims=True))"


# -- what the mutators share


def _binary(node: cst.CSTNode, source: Source, *operators: type[cst.BaseBinaryOp]) -> Iterator[tuple[str, str, str]]:
    """(left, operator, right) of a binary operation with one of these operators."""
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, operators):
        symbol = cst.Module([]).code_for_node(node.operator).strip()
        yield source.code(node.left), symbol, source.code(node.right)


def _assigned(node: cst.CSTNode, source: Source) -> Iterator[tuple[str, str]]:
    """(name, statement) of ``name = expression``; a plain constant or another name is none."""
    match node:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value):
            if not isinstance(value, cst.BaseNumber | cst.BaseString | cst.Name | cst.BaseList | cst.Lambda):
                yield name, source.raw(node)


def _dimension(node: cst.CSTNode, source: Source) -> Iterator[tuple[str, str]]:
    """(x, i) of ``tf.shape(x)[i]``."""
    if isinstance(node, cst.Subscript) and (call := source.call(node.value)) and call.op == "shape":
        yield call.x, ", ".join(source.raw(element.slice) for element in node.slice)


def _is_prediction(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Name) and bool(PREDICTION.search(node.value)) and not ABOUT.search(node.value)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\(?-?[\d.]+(e-?\d+)?\)?", text) is not None


def _is_small(text: str) -> bool:
    number = re.fullmatch(r"\(?([\d.]+(?:e-?\d+)?)\)?", text)
    return float(number[1]) < 1e-2 if number else bool(SMALL.search(text.rpartition(".")[2]))


def _first(pattern: re.Pattern[str], names: list[str]) -> str:
    return next((name for name in names if pattern.search(name)), "")


def _split(node: cst.FunctionDef, source: Source) -> tuple[str, str]:
    """A function's text up to its first statement after the docstring (and the line break before it), and the rest."""
    text = source.raw(node)
    statements = list(node.body.body)
    if node.get_docstring() is not None and len(statements) > 1:
        statements = statements[1:]
    at = source.spans[statements[0]].start - source.spans[node].start
    data = text.encode()
    at = data.rfind(b"\n", 0, at) + 1
    return data[:at].decode(), data[at:].decode()


def _newline(body: str) -> str:
    return "\n" + body
