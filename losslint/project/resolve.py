"""Which code an expression stands for: ``partial(focal, gamma=2.0)``, ``self.loss_fn``, ``{"a": DiceLoss()}``."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass

from losslint.project import names
from losslint.project.index import Function, Index, Scope, argument, defaults, dotted_root, last_name, parameters
from losslint.project.module import Module

MAX_STEPS = 12  # names followed from one expression to the code it stands for
MAX_TARGETS = 200  # pieces of code one expression may stand for

_BUILTINS = frozenset(dir(builtins))
# Calls that return the function they are given, or one that computes the same.
_TRANSPARENT = names.words(
    "partial function jit pmap vmap wraps checkpoint remat script do_not_convert custom_gradient staticmethod "
    "filter_jit compile update_wrapper",
)


@dataclass(frozen=True)
class Target:
    """Code that an expression stands for: a node of this file, or a dotted name of another one."""

    node: Function | ast.ClassDef | None = None
    dotted: str = ""
    built_by: ast.Call | None = None
    called: bool = False  # the expression is the result of calling it, not the function itself


class Resolver:
    """Follows names, attributes, containers, partials, factories and parameters to code."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.index: Index = module.index
        self._returned: dict[Function, list[Target]] = {}

    def targets(self, expression: ast.AST, scope: Scope) -> list[Target]:
        """Code that an expression may stand for, without repetition."""
        found: dict[tuple[ast.AST | None, str, ast.Call | None], Target] = {}
        for target in self._targets(expression, scope, None, set(), MAX_STEPS):
            found.setdefault((target.node, target.dotted, target.built_by), target)
            if len(found) >= MAX_TARGETS:
                break
        return list(found.values())

    def returned(self, function: Function) -> list[Target]:
        """Functions, classes and instances that a factory returns; empty for a function that returns values."""
        if function not in self._returned:
            self._returned[function] = []  # cuts recursion
            values = [function.body] if isinstance(function, ast.Lambda) else self.index.returns.get(function, [])
            self._returned[function] = [target for value in values for target in self._made(value, function)]
        return self._returned[function]

    def _made(self, value: ast.expr, function: Function) -> list[Target]:
        """Code in one returned value; a function beside a value is a custom gradient, not what a factory makes."""
        parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]
        found = [[t for t in self.targets(part, function) if not t.called and t.node is not None] for part in parts]
        return [target for targets in found for target in targets] if all(found) else []

    def _targets(
        self, node: ast.AST, scope: Scope, built_by: ast.Call | None, seen: set[ast.AST], steps: int,
    ) -> Iterator[Target]:
        if node in seen or steps == 0:
            return
        seen.add(node)
        steps -= 1
        match node:
            case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield Target(node, built_by=built_by)
            case ast.Name():
                yield from self._name(node.id, scope, built_by, seen, steps)
            case ast.Attribute():
                yield from self._attribute(node, scope, built_by, seen, steps)
            case ast.Call():
                yield from self._call(node, scope, seen, steps)
            case ast.Dict():
                for value in node.values:  # two parts may be made by one factory
                    yield from self._targets(value, scope, built_by, {*seen}, steps)
            case ast.List() | ast.Tuple() | ast.Set():
                for element in node.elts:
                    yield from self._targets(element, scope, built_by, {*seen}, steps)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                yield from self._targets(node.elt, scope, built_by, seen, steps)
            case ast.DictComp():
                yield from self._targets(node.value, scope, built_by, seen, steps)
            case ast.IfExp():
                yield from self._targets(node.body, scope, built_by, seen, steps)
                yield from self._targets(node.orelse, scope, built_by, seen, steps)
            case ast.BoolOp():
                for value in node.values:
                    yield from self._targets(value, scope, built_by, seen, steps)
            case ast.Subscript(slice=ast.Constant(value=str() as key)):
                found = self._targets(node.value, scope, built_by, seen, steps)
                yield from (target for target in found if self._stands_under(target.node, key))
            case ast.Subscript() | ast.Starred() | ast.NamedExpr():
                yield from self._targets(node.value, scope, built_by, seen, steps)
            case ast.BinOp(op=ast.Add() | ast.BitOr() | ast.Mult()):
                yield from self._targets(node.left, scope, built_by, seen, steps)
                yield from self._targets(node.right, scope, built_by, seen, steps)

    def _stands_under(self, node: ast.AST | None, key: str) -> bool:
        """Whether code may be what a dictionary has under a key: it does not stand beside the entry of that key."""
        holder = self.index.parents.get(node) if node is not None else None
        if not isinstance(holder, ast.Dict):
            return True
        keys = [k.value if isinstance(k, ast.Constant) else None for k in holder.keys]
        return key not in keys or any(k == key and value is node for k, value in zip(keys, holder.values, strict=True))

    def _name(
        self, name: str, scope: Scope, built_by: ast.Call | None, seen: set[ast.AST], steps: int,
    ) -> Iterator[Target]:
        values, home = self.index.lookup(name, scope)
        for value in values:
            part = place(value, name, self.index)
            if part is None:
                yield from self._targets(value, home, built_by, seen, steps)
            else:
                yield from self._part(*part, home, seen, steps)
        if values:
            return
        if isinstance(home, Function):
            yield from self._passed(home, name, seen, steps)
        elif name in self.module.imports:
            yield Target(dotted=self.module.imports[name], built_by=built_by)
        elif name not in _BUILTINS:
            yield from (Target(dotted=f"{star}.{name}", built_by=built_by) for star in self.module.star_imports)

    def _part(
        self, call: ast.Call, position: int, scope: Scope, seen: set[ast.AST], steps: int,
    ) -> Iterator[Target]:
        """What a name stands for that takes one part of what a function returns."""
        for maker in self._targets(call.func, scope, None, {*seen}, steps):
            values = [] if maker.node is None else self.index.returns.get(maker.node, [])
            parts = [v.elts[position] for v in values if isinstance(v, ast.Tuple) and position < len(v.elts)]
            if isinstance(maker.node, ast.ClassDef) or not parts or len(parts) < len(values):
                yield from self._targets(call, scope, None, seen, steps)
                return
            for part in parts:
                found = self._targets(part, self.index.scope(part), None, seen, steps)
                yield from (Target(t.node, t.dotted, call) for t in found if not t.called)

    def _passed(self, function: Function, name: str, seen: set[ast.AST], steps: int) -> Iterator[Target]:
        """What a parameter may stand for: its default, and what callers in this file pass."""
        if (default := defaults(function).get(name)) is not None:
            yield from self._targets(default, self.index.scope(function), None, seen, steps)
        for call, value in self.passed(function, name):
            yield from self._targets(value, self.index.scope(call), None, seen, steps)

    def passed(self, function: Function, name: str) -> list[tuple[ast.Call, ast.expr]]:
        """Calls in this file by the function's name, with what they pass for one of its parameters."""
        order = [a.arg for a in parameters(function)]
        if isinstance(function, ast.Lambda) or name not in order:
            return []
        home = self.index.scope(function)
        called = home.name if isinstance(home, ast.ClassDef) and function.name == "__init__" else function.name
        position = order.index(name)
        if isinstance(home, ast.ClassDef) and order[0] in {"self", "cls"}:
            position -= 1
        calls = self.index.calls_by_name.get(called, []) if position >= 0 else []
        if not isinstance(home, ast.ClassDef):
            calls = [call for call in calls if isinstance(call.func, ast.Name)]  # model.fit(..) is not fit(..)
        given = [(call, argument(call, position, name)) for call in calls[:MAX_TARGETS]]
        return [(call, value) for call, value in given if value is not None]

    def received(self, function: ast.FunctionDef, name: str) -> list[ast.expr]:
        """What a parameter is in the calls of this file by the function's name: what they pass, or its default."""
        calls = [c for c in self.index.calls_by_name.get(function.name, []) if isinstance(c.func, ast.Name)]
        if any(isinstance(given, ast.Starred) for c in calls for given in c.args) or any(
                word.arg is None for c in calls for word in c.keywords):
            return []
        passed, default = self.passed(function, name), defaults(function).get(name)
        left_out = default is not None and len(passed) < len(calls)
        return [*(value for _, value in passed), *([default] if default is not None and left_out else [])]

    def _attribute(
        self, node: ast.Attribute, scope: Scope, built_by: ast.Call | None, seen: set[ast.AST], steps: int,
    ) -> Iterator[Target]:
        base = node.value
        if isinstance(base, ast.Name) and base.id in {"self", "cls", "_self"}:
            if (home := self.index.class_around(node)) is not None:
                yield from self._member(home, node.attr, built_by, seen, steps)
            return
        values = self.index.lookup(base.id, scope)[0] if isinstance(base, ast.Name) else [base]
        for value in values:
            if isinstance(value, (ast.ClassDef, ast.Call)):
                for target in list(self._targets(value, scope, None, seen, steps)):
                    if isinstance(target.node, ast.ClassDef):
                        yield from self._member(target.node, node.attr, target.built_by, seen, steps)
        if values and isinstance(base, ast.Name):
            return
        dotted = self.module.dotted(node)
        if dotted is not None and dotted.partition(".")[0] not in {"self", "cls"}:
            root = dotted_root(node)
            if root in self.module.imports:
                yield Target(dotted=dotted, built_by=built_by)

    def _member(
        self, home: ast.ClassDef, name: str, built_by: ast.Call | None, seen: set[ast.AST], steps: int,
    ) -> Iterator[Target]:
        for value in self.index.attributes.get(home, {}).get(name, []):
            if value in self.index.parents:
                yield from self._targets(value, self.index.scope(value), built_by, seen, steps)
        for bound in self.index.bound.get(home, {}).get(name, []):
            if not is_property(bound):
                yield from self._targets(bound, home, built_by, seen, steps)

    def _call(self, node: ast.Call, scope: Scope, seen: set[ast.AST], steps: int) -> Iterator[Target]:
        name = last_name(node.func)
        if name in _TRANSPARENT and node.args:
            yield from self._targets(node.args[0], scope, node if name == "partial" else None, seen, steps)
            return
        if isinstance(node.func, ast.Call):
            outer = node.func
            if last_name(outer.func) == "Lambda" and outer.args:  # keras.layers.Lambda(yolo_loss)([...])
                yield from self._targets(outer.args[0], scope, None, seen, steps)
                return
            if last_name(outer.func) in _TRANSPARENT and node.args:  # tf.function(jit_compile=True)(f)
                yield from self._targets(node.args[0], scope, None, seen, steps)
                return
        if name in {"dict", "list", "tuple", "values", "items", "zip", "enumerate"}:
            for value in (*node.args, *(k.value for k in node.keywords)):
                yield from self._targets(value, scope, None, seen, steps)
            if isinstance(node.func, ast.Attribute):
                yield from self._targets(node.func.value, scope, None, seen, steps)
            return
        for target in self._targets(node.func, scope, None, seen, steps):
            if isinstance(target.node, ast.ClassDef):
                instance = target.built_by is not None  # calling an instance gives a value, calling a class an instance
                yield Target(target.node, built_by=target.built_by or node, called=instance)
            elif target.node is not None:
                if made := self.returned(target.node):
                    yield from (Target(inner.node, built_by=node) for inner in made)
                else:
                    yield Target(target.node, built_by=node, called=True)
            else:
                yield Target(dotted=target.dotted, built_by=node, called=True)


def place(value: ast.AST, name: str, index: Index) -> tuple[ast.Call, int] | None:
    """The call, and which part of what it returns a name takes: ``model, loss = build()``."""
    assigned = index.parents.get(value)
    if not isinstance(value, ast.Call) or not isinstance(assigned, ast.Assign) or assigned.value is not value:
        return None
    target = assigned.targets[0]
    names_of = [e.id if isinstance(e, ast.Name) else "" for e in target.elts] if isinstance(target, ast.Tuple) else []
    return (value, names_of.index(name)) if name in names_of else None


def is_property(node: ast.AST) -> bool:
    """Whether reading the attribute calls the function."""
    decorators = (last_name(d).lower() for d in getattr(node, "decorator_list", []))
    return any("property" in name or name in {"define_scope", "lazy"} for name in decorators)


def resolver(module: Module) -> Resolver:
    """The module's one resolver."""
    found = module.notes.get("resolver")
    if not isinstance(found, Resolver):
        found = module.notes["resolver"] = Resolver(module)
    return found
