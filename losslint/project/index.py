"""What stands where in one file: functions, classes, calls, and the values that names are bound to.

One pass over the nodes of a file; everything that looks for losses afterwards is a dictionary look-up.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Scope = ast.Module | ast.ClassDef | FunctionNode | ast.Lambda

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_SCOPES = (ast.Module, ast.ClassDef, *_FUNCTIONS)
_GROWS = {"append", "add", "insert", "extend", "setdefault", "update"}  # methods that put a value into a container


class Index:
    """The names of a file by scope, and its calls by the last part of what is called."""

    def __init__(self, tree: ast.Module, nodes: list[ast.AST], parents: dict[ast.AST, ast.AST]) -> None:
        self.tree = tree
        self.parents = parents
        self.functions: list[Function] = []
        self.calls: list[ast.Call] = []
        self.calls_by_name: dict[str, list[ast.Call]] = {}
        self.withs: list[ast.With | ast.AsyncWith] = []
        self.assignments: list[ast.Assign | ast.AnnAssign] = []
        self.bound: dict[Scope, dict[str, list[ast.AST]]] = {}
        self.attributes: dict[ast.ClassDef, dict[str, list[ast.expr]]] = {}
        self.returns: dict[Scope, list[ast.expr]] = {}
        self._scopes: dict[ast.AST, Scope] = {}
        enter: dict[type[ast.AST], Callable[[Any], None]] = {
            ast.Call: self._call, ast.FunctionDef: self._definition, ast.AsyncFunctionDef: self._definition,
            ast.Lambda: self.functions.append, ast.ClassDef: self._definition, ast.Assign: self._assign,
            ast.AnnAssign: self._update, ast.AugAssign: self._update, ast.NamedExpr: self._update, ast.For: self._for,
            ast.AsyncFor: self._for, ast.With: self._with, ast.AsyncWith: self._with, ast.Return: self._return,
        }  # fmt: skip
        for node in nodes:
            if (handler := enter.get(node.__class__)) is not None:
                handler(node)

    def _call(self, node: ast.Call) -> None:
        self.calls.append(node)
        if name := last_name(node.func):
            self.calls_by_name.setdefault(name, []).append(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _GROWS and node.args:
            self._bind(node.func.value, node.args[-1], node)

    def _definition(self, node: FunctionNode | ast.ClassDef) -> None:
        if not isinstance(node, ast.ClassDef):
            self.functions.append(node)
        self._name(node.name, node, node)

    def _assign(self, node: ast.Assign) -> None:
        self.assignments.append(node)
        for target in node.targets:
            self._bind(target, node.value, node)

    def _update(self, node: ast.AnnAssign | ast.AugAssign | ast.NamedExpr) -> None:
        if node.value is not None:
            if isinstance(node, ast.AnnAssign):
                self.assignments.append(node)
            self._bind(node.target, node.value, node)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        for value in _rounds(node):
            self._bind(node.target, value, node)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        self.withs.append(node)
        for item in node.items:
            if item.optional_vars is not None:
                self._bind(item.optional_vars, item.context_expr, node)

    def _return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.returns.setdefault(self.scope(node), []).append(node.value)

    def _name(self, name: str, value: ast.AST, at: ast.AST) -> None:
        self.bound.setdefault(self.scope(at), {}).setdefault(name, []).append(value)

    def _bind(self, target: ast.expr, value: ast.expr, at: ast.AST) -> None:
        match target:
            case ast.Name():
                self._name(target.id, value, at)
            case ast.Tuple() | ast.List():
                paired = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
                for position, element in enumerate(target.elts):
                    self._bind(element, value.elts[position] if paired else value, at)  # type: ignore[attr-defined]
            case ast.Starred() | ast.Subscript():
                self._bind(target.value, value, at)
            case ast.Attribute(value=ast.Name(id="self" | "cls" | "_self")):
                home = next((a for a in self.ancestors(at) if isinstance(a, ast.ClassDef)), None)
                if home is not None:
                    self.attributes.setdefault(home, {}).setdefault(target.attr, []).append(value)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around ``node``, innermost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def scope(self, node: ast.AST) -> Scope:
        """The function, lambda, class or module that ``node`` stands in."""
        passed: list[ast.AST] = []
        found = self._scopes.get(node)
        while found is None:
            passed.append(node)
            node = self.parents.get(node, self.tree)
            found = node if isinstance(node, _SCOPES) else self._scopes.get(node)
        for inner in passed:
            self._scopes[inner] = found
        return found

    def function_around(self, node: ast.AST) -> Function | None:
        """The innermost function or lambda around ``node``; None at module or class level."""
        return next((a for a in self.ancestors(node) if isinstance(a, _FUNCTIONS)), None)

    def def_around(self, node: ast.AST) -> FunctionNode | None:
        """The innermost ``def`` around ``node``, looking through lambdas."""
        return next((a for a in self.ancestors(node) if isinstance(a, (ast.FunctionDef, ast.AsyncFunctionDef))), None)

    def class_around(self, node: ast.AST) -> ast.ClassDef | None:
        """The class whose ``self`` is visible at ``node``, also from a closure in a method."""
        return next((a for a in self.ancestors(node) if isinstance(a, ast.ClassDef)), None)

    def lookup(self, name: str, scope: Scope) -> tuple[list[ast.AST], Scope]:
        """What ``name`` may stand for in ``scope``: definitions and assigned expressions, and the scope that binds it.

        A parameter gives an empty list and its function.
        """
        inner = True
        while True:
            if inner or not isinstance(scope, ast.ClassDef):
                if found := self.bound.get(scope, {}).get(name):
                    return found, scope
                if isinstance(scope, _FUNCTIONS) and name in parameter_names(scope):
                    return [], scope
            if isinstance(scope, ast.Module):
                return [], scope
            scope, inner = self.scope(scope), False


def _rounds(loop: ast.For | ast.AsyncFor) -> list[ast.expr]:
    """What each round of a loop binds where several names take the parts of written tuples, else what it runs over."""
    listed = loop.iter.elts if isinstance(loop.iter, (ast.Tuple, ast.List)) else []
    parts = isinstance(loop.target, (ast.Tuple, ast.List)) and all(isinstance(e, (ast.Tuple, ast.List)) for e in listed)
    return listed if parts and listed else [loop.iter]


WORDS = frozenset(["ctx", "op", "ops", "id", "attr", "arg", "kind", "type_comment", "level", "module", "asname"])


@cache
def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields of a kind of node that may hold nodes."""
    return () if kind in (ast.Name, ast.Constant) else tuple(field for field in kind._fields if field not in WORDS)


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below ``node`` in source order, without contexts and operators; ast's own takes longer."""
    found: list[ast.AST] = []
    for field in _fields(type(node)):  # type: ignore[arg-type]  # classes have a hash
        value = getattr(node, field, None)
        if isinstance(value, list):
            found += [child for child in value if isinstance(child, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def walk(*roots: ast.AST) -> Iterator[ast.AST]:
    """Every node under the roots and they themselves, in no order, as ``ast.walk`` but twice as fast."""
    stack = list(roots)
    while stack:
        node = stack.pop()
        yield node
        stack += children(node)


def body_of(function: Function) -> list[ast.AST]:
    """What a function or lambda executes, without decorators and defaults."""
    return [*function.body] if isinstance(function.body, list) else [function.body]


def last_name(node: ast.expr) -> str:
    """The last part of what is called: ``compile`` for ``model.compile``; empty if it has no name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def dotted_root(node: ast.expr) -> str:
    """The first name of an attribute chain."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def parameters(function: Function) -> list[ast.arg]:
    """Every named parameter that a caller can fill, in order, without ``*args`` and ``**kwargs``."""
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def required(function: Function) -> list[ast.arg]:
    """The parameters that a caller must fill by position."""
    positional = [*function.args.posonlyargs, *function.args.args]
    return positional[: len(positional) - len(function.args.defaults)]


def parameter_names(function: Function) -> set[str]:
    """Names that a function's signature binds, ``*args`` and ``**kwargs`` included."""
    names = {a.arg for a in parameters(function)}
    names.update(a.arg for a in (function.args.vararg, function.args.kwarg) if a is not None)
    return names


def defaults(function: Function) -> dict[str, ast.expr]:
    """Parameter -> its default value."""
    positional = [*function.args.posonlyargs, *function.args.args]
    given = function.args.defaults
    found = {a.arg: d for a, d in zip(positional[len(positional) - len(given):], given, strict=True)}
    found.update({a.arg: d for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d})
    return found


def keyword(call: ast.Call, *names: str) -> ast.expr | None:
    """The value of the first of these keyword arguments."""
    return next((k.value for k in call.keywords if k.arg in names), None)


def argument(call: ast.Call, position: int, *names: str) -> ast.expr | None:
    """The argument given by one of the names or at the position."""
    if (value := keyword(call, *names)) is not None:
        return value
    if position < len(call.args) and not any(isinstance(a, ast.Starred) for a in call.args[:position + 1]):
        return call.args[position]
    return None
