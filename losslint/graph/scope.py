"""Names: local scopes, and the module scope whose names are evaluated only when a loss asks for them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from losslint.graph.source import Unit
from losslint.graph.values import UNBOUND, ClassValue, External, Func, Instance, ModuleValue, Value
from losslint.ops.table import canonical_name
from losslint.project.module import Definition, Module

if TYPE_CHECKING:
    from losslint.graph.tracer import Tracer

DOORS = {"K": ("tensorflow.keras.backend", ("k", "backend")), "tf": ("tensorflow", ("tf", "tensorflow"))}
MAX_BINDINGS = 40  # statements executed to find out what one module-level name holds


class Env:
    """A scope: local names and the scope around it."""

    def __init__(self, parent: Env | None) -> None:
        self.vars: dict[str, Value] = {}
        self.parent = parent
        self.outer: set[str] = set()  # names declared nonlocal or global

    def lookup(self, name: str) -> Value:
        """The value of ``name`` here or in an enclosing scope; ``UNBOUND`` when nothing binds it."""
        value = self.vars.get(name, UNBOUND)
        if value is UNBOUND and self.parent is not None:
            return self.parent.lookup(name)
        return value

    def is_global(self, name: str) -> bool:
        """Whether no function around binds a name."""
        return name not in self.vars and (self.parent is None or self.parent.is_global(name))

    def bind(self, name: str, value: Value) -> None:
        """Assign a local name, or the enclosing one when it was declared nonlocal."""
        if name in self.outer:
            scope = self.parent
            while scope is not None:
                if name in scope.vars:
                    scope.vars[name] = value
                    return
                scope = scope.parent
        self.vars[name] = value


    def replace(self, old: Value, new: Value) -> None:
        """Every local name of a value that was changed in place holds the new one."""
        self.vars.update({name: new for name, value in self.vars.items() if value is old})


class ModuleScope(Env):
    """The names of a module. A name costs nothing until it is looked up; then its statements are executed."""

    def __init__(self, tracer: Tracer, module: Module) -> None:
        super().__init__(None)
        self.tracer = tracer
        self.module = module
        self._pending: list[str] = []

    def is_global(self, name: str) -> bool:
        return True

    def lookup(self, name: str) -> Value:
        if name in self.vars:
            return self.vars[name]
        before = self._pending.count(name)
        if before and name not in self.module.imports:
            return UNBOUND
        if before > 1:  # imported from a module that imports it from here
            return External(self.module.imports[name])
        self._pending.append(name)
        try:  # the second time is `tf = tf.compat.v1`
            value = self.imported(self.module.imports[name]) if before else self._evaluate(name)
        finally:
            self._pending.pop()
        if value is not UNBOUND and not before:
            self.vars[name] = value
        return value

    def _evaluate(self, name: str) -> Value:
        statements = self.module.bindings.get(name, [])
        if statements and isinstance(last := statements[-1], (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return self.define(last)
        if statements:
            value = self.tracer.execute_bindings(self, name, statements[:MAX_BINDINGS])
            if value is not UNBOUND:
                return value
        if name in self.module.imports:
            value = self.imported(self.module.imports[name])
            return through_a_door(name, self.module.imports[name], value)
        for star in self.module.star_imports:
            source = self.tracer.project.find_module(star, self.module)
            if source is None and self.tracer.prefers_table(f"{star}.{name}"):
                return External(f"{star}.{name}")
            found = self.tracer.project.member(source, name) if source is not None else None
            if found is not None:
                return self.project_value(found)
        return UNBOUND

    def define(self, node: ast.stmt) -> Value:
        """The function or class a module-level definition makes."""
        if isinstance(node, ast.ClassDef):
            return ClassValue(self.module, node, self)
        unit = self.tracer.unit(self.module, node)
        return (
            self.tracer.make_function(unit, unit.statement, self)
            if unit is not None
            else External(f"{self.module.name}.{getattr(node, 'name', '')}")
        )

    def imported(self, dotted: str) -> Value:
        """The value behind an absolute dotted name: project code where it is found, else an external name."""
        if self.tracer.prefers_table(dotted):
            return External(dotted)
        found = self.tracer.project.resolve(dotted, self.module)
        return External(dotted) if found is None else self.project_value(found)

    def project_value(self, found: Definition | Module) -> Value:
        if isinstance(found, Module):
            return ModuleValue(found)
        return self.tracer.scope(found.module).lookup(found.name)


def through_a_door(name: str, dotted: str, value: Value) -> Value:
    """What ``K`` and ``tf`` mean where another library hands them on: ``from csbdeep.utils.tf import BACKEND as K``.

    The names mean the same to everyone; what stands behind such a door is often an object that looks its functions up
    by name, or a module that is loaded on first use.
    """
    framework, spellings = DOORS.get(name, ("", ()))
    if dotted.rpartition(".")[2].lower() not in spellings or not isinstance(value, Instance | External):
        return value
    known = isinstance(value, External) and canonical_name(value.name) == canonical_name(framework)
    return value if known else External(framework)


def method_unit(tracer: Tracer, cls: ClassValue, name: str) -> Func | None:
    """The method ``name`` defined in the body of ``cls`` itself, parsed on demand."""
    for statement in cls.node.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and statement.name == name:
            unit = tracer.unit(cls.module, statement)
            if unit is None:
                return None
            function = tracer.make_function(unit, unit.statement, cls.env)
            if isinstance(function, Func):
                function.owner = cls
                return function
    return None


__all__ = ["Env", "ModuleScope", "Unit", "method_unit"]
