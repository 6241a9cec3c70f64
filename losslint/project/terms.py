"""What a value that is differentiated is made of: the functions that it is a sum of."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from losslint.project import names
from losslint.project.index import Function, Index, Scope, last_name
from losslint.project.module import Module
from losslint.project.resolve import Target, is_property, resolver
from losslint.project.roles import has_pair, roles_of

MAX_TERMS = 60  # names and operators followed from the value to the functions

_REDUCTIONS = names.words("reduce_mean reduce_sum mean sum add_n nanmean squeeze cast compute_average_loss abs maximum")


def terms(value: ast.expr, scope: Scope, module: Module, without: Iterable[ast.AST] = ()) -> Iterator[Target]:
    """Functions whose results an expression sums, scales or averages; mere factors only if they look like losses.

    ``without``: expressions that are not looked into.
    """
    return _Terms(module, without).terms(value, scope, MAX_TERMS)


def looks_like_loss(node: ast.AST | None) -> bool:
    """Whether a function's name or signature is one of a loss."""
    name = getattr(node, "name", "")
    if names.names_loss(name) or names.has_loss_word(name):
        return True
    return isinstance(node, Function) and has_pair(roles_of(node))


class _Terms:
    """Walks from an expression to the functions; each expression once."""

    def __init__(self, module: Module, without: Iterable[ast.AST]) -> None:
        self.index: Index = module.index
        self.resolver = resolver(module)
        self.seen = {*without}

    def terms(self, node: ast.AST, scope: Scope, steps: int) -> Iterator[Target]:
        """Functions whose results an expression sums, scales or averages."""
        if node in self.seen or steps == 0:
            return
        self.seen.add(node)
        steps -= 1
        match node:
            case ast.Name():
                values, home = self.index.lookup(node.id, scope)
                for value in values:
                    yield from self.terms(value, home, steps)
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
                if (home_class := self.index.class_around(node)) is not None:
                    for value in self.index.attributes.get(home_class, {}).get(attribute, []):
                        yield from self.terms(value, self.index.scope(value), steps)
                    for value in self.index.bound.get(home_class, {}).get(attribute, []):
                        if isinstance(value, ast.FunctionDef) and is_property(value):
                            yield Target(value)
            case ast.BinOp():
                sides = [*self.terms(node.left, scope, steps), *self.terms(node.right, scope, steps)]
                if isinstance(node.op, (ast.Mult, ast.Div)):
                    sides = [side for side in sides if looks_like_loss(side.node)] or sides
                yield from sides
            case ast.UnaryOp():
                yield from self.terms(node.operand, scope, steps)
            case ast.IfExp():
                yield from self.terms(node.body, scope, steps)
                yield from self.terms(node.orelse, scope, steps)
            case ast.List() | ast.Tuple():
                for element in node.elts:
                    yield from self.terms(element, scope, steps)
            case ast.Subscript():
                yield from self.terms(node.value, scope, steps)
            case ast.Call():
                yield from self._called(node, scope, steps)

    def _called(self, node: ast.Call, scope: Scope, steps: int) -> Iterator[Target]:
        if last_name(node.func) in _REDUCTIONS:
            inner = node.args[0] if node.args else None
            if isinstance(node.func, ast.Attribute) and (inner is None or isinstance(inner, ast.Constant)):
                inner = node.func.value
            if inner is not None:
                yield from self.terms(inner, scope, steps)
            return
        for target in self.resolver.targets(node.func, scope):
            if target.called:
                continue
            if isinstance(target.node, ast.ClassDef) and target.built_by is None:
                continue  # builds an object, calls nothing
            yield target
