"""Cuts out of the project's files the statements that some names need: backwards from the names, transitively.

Nothing of the original trees is changed; what is taken is copied with its positions.
"""

from __future__ import annotations

import ast
import builtins
import copy
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from losslint.confirmation.effects import hazard
from losslint.confirmation.program import ModuleSlice
from losslint.confirmation.scopes import N, free_names, located
from losslint.project.index import FunctionNode, last_name, parameter_names, walk
from losslint.project.module import Definition, Module, Project, absolute_module, bound_names, module_level_statements
from losslint.project.names import words

Import = ast.Import | ast.ImportFrom
Compound = ast.If | ast.Try | ast.With | ast.AsyncWith | ast.For | ast.AsyncFor | ast.While | ast.Match

# Never taken from the project's folders, even where a copy lies there: what a framework is made of is not cut.
INSTALLED = frozenset({"tensorflow", "keras", "tf_keras", "numpy", "scipy", "torch", "jax", *sys.stdlib_module_names})
# Calls as statements that change what a name holds or how the framework computes; all others are left out.
GROWS = words(
    "append add extend insert update setdefault build pop remove sort reverse set_weights clear register",
    "set_defaults",
)
# Methods, called or put as decorators, that complete a definition: without its rules, no gradient of it is taken.
COMPLETES = words(
    "defvjp defjvp defjvps def_vmap def_partition register register_autograd register_fake register_kernel",
)
SETTINGS = words(
    "set_floatx set_epsilon set_image_data_format set_global_policy set_policy set_dtype_policy",
    "run_functions_eagerly experimental_run_functions_eagerly set_seed set_random_seed enable_numpy_behavior",
    "experimental_enable_numpy_behavior",
)


class CannotCut(Exception):
    """Why code cannot be taken out of its file: one clause."""


@dataclass(eq=False)
class Body:
    """A module or a function whose statements are taken one by one."""

    module: Module
    statements: list[ast.stmt]
    function: ast.FunctionDef | ast.AsyncFunctionDef | None = None
    outer: Body | None = None
    kept: set[ast.stmt] = field(default_factory=set)
    aliases: dict[ast.stmt, set[str]] = field(default_factory=dict)  # import -> local names that are wanted of it
    starred: dict[ast.stmt, list[tuple[Module, str]]] = field(default_factory=dict)  # star import -> names behind it
    submodules: set[str] = field(default_factory=set)  # modules reached as attributes of packages
    done: set[str] = field(default_factory=set)
    until: dict[str, ast.stmt] = field(default_factory=dict)  # name -> the definition that is meant, of several
    skip: set[ast.stmt] = field(default_factory=set)  # statements that run elsewhere, or not at all
    once: set[ast.AST] = field(default_factory=set)  # loops of which one round is enough
    decided: dict[ast.AST, bool] = field(default_factory=dict)  # conditions that are taken to hold, or not to
    bindings: dict[str, list[ast.stmt]] = field(init=False)

    def __post_init__(self) -> None:
        self.bindings = {}
        for statement in module_level_statements(self.statements):
            for name in names_bound(statement):
                self.bindings.setdefault(name, []).append(statement)

    def binds(self, name: str) -> bool:
        return name in self.bindings or (self.function is not None and name in parameter_names(self.function))


def names_bound(statement: ast.stmt) -> list[str]:
    """Names a statement binds, imports or changes."""
    match statement:
        case ast.Import() | ast.ImportFrom():
            return [local_name(alias) for alias in statement.names]
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="add_argument")) as call):
            return [] if is_required(call) else bound_names(statement)
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=method))) if method not in GROWS | COMPLETES:
            return []
        case ast.FunctionDef():
            return [statement.name, *completed(statement)]
        case ast.AsyncFor() | ast.AsyncWith():
            return []
    return bound_names(statement)


def completed(function: ast.FunctionDef) -> list[str]:
    """Names whose definitions a function completes by its decorators: ``f`` under ``@f.defjvp``."""
    found = []
    for decorator in function.decorator_list:
        match decorator.func if isinstance(decorator, ast.Call) else decorator:
            case ast.Attribute(value=ast.Name(id=name), attr=method) if method in COMPLETES and name != function.name:
                found.append(name)
    return found


def is_required(call: ast.Call) -> bool:
    """Whether ``add_argument`` asks for something of the command line, which is empty here."""
    if any(k.arg == "required" and not (isinstance(k.value, ast.Constant) and not k.value.value)
           for k in call.keywords):
        return True
    return not any(isinstance(a, ast.Constant) and str(a.value).startswith("-") for a in call.args)


def local_name(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


class Cutter:
    """Collects what is needed, file by file; ``tree`` and ``slices`` give it in the order it stands there."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.bodies: dict[ast.AST, Body] = {}
        self.names: dict[str, Module] = {}
        self.notes: list[str] = []
        self.left_out: dict[str, str] = {}  # name -> why the statement that makes it is not run

    # what is needed -------------------------------------------------------------------------------------------------

    def body(self, module: Module) -> Body:
        """The statements of a file."""
        if module.tree not in self.bodies:
            self.bodies[module.tree] = Body(module, module.tree.body)
        return self.bodies[module.tree]

    def function_body(self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef, outer: Body) -> Body:
        """The statements of a function that is cut open."""
        if function not in self.bodies:
            self.bodies[function] = Body(module, function.body, function, outer)
        return self.bodies[function]

    def need_code(self, body: Body, node: ast.AST) -> None:
        """Everything that running ``node`` in a body looks up."""
        for name in sorted(free_names(node)):
            self.need(body, name)
        self._need_attributes(body, node)

    def need(self, body: Body, name: str) -> None:
        """The statements that make up one name."""
        if name in body.done:
            return
        if not body.binds(name) and body.outer is not None:
            self.need(body.outer, name)
            return
        body.done.add(name)
        statements = body.bindings.get(name, [])
        if (last := body.until.get(name)) is not None:
            statements = [s for s in statements if s is last or getattr(s, "name", None) != name]
        elif statements and isinstance(statements[-1], FunctionNode | ast.ClassDef):
            statements = statements_of_definition(statements, name)
        for statement in statements:
            if statement not in body.skip:
                self._take(body, statement, name)
        if not statements and body.function is None:
            self._need_starred(body, name)

    def _take(self, body: Body, statement: ast.stmt, name: str) -> None:
        if isinstance(statement, Import):
            self._take_import(body, statement, name)
        elif statement not in body.kept:
            runs = header(statement) if isinstance(statement, Compound) else statement
            if (why := hazard(runs, body.module)) is not None:
                self.left_out.setdefault(name, why)
                return
            body.kept.add(statement)
            self.need_code(body, runs)
        self._take_around(body, statement)

    def _take_around(self, body: Body, statement: ast.stmt) -> None:
        """The headers of the compound statements that a statement stands in."""
        for around in body.module.ancestors(statement):
            if around is body.function or isinstance(around, ast.Module):
                return
            if isinstance(around, Compound) and around not in body.kept:
                body.kept.add(around)
                if not is_main_guard(around) and around not in body.decided:
                    self.need_code(body, header(around))
                if isinstance(around, ast.Try):
                    self._take_tried(body, around)

    def _take_tried(self, body: Body, around: ast.Try) -> None:
        """What decides whether a handler runs: imports, and bare expressions such as ``unicode`` before Python 3."""
        for inner in around.body:
            if isinstance(inner, Import):
                for name in names_bound(inner):
                    self._take_import(body, inner, name)
            elif isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Name | ast.Attribute):
                body.kept.add(inner)
                self.need_code(body, inner)

    def _take_import(self, body: Body, statement: ast.stmt, name: str) -> None:
        wanted = body.aliases.setdefault(statement, set())
        if name in wanted:
            return
        wanted.add(name)
        body.kept.add(statement)
        self._need_imported(body.module, statement, wanted={name})

    def _need_imported(self, module: Module, statement: ast.AST, wanted: set[str] | None = None) -> None:
        """What an import takes from other files of the project."""
        if not isinstance(statement, ast.ImportFrom):
            return  # a module: its attributes say what is needed
        base = absolute_module(statement.module or "", statement.level, module.package)
        for alias in statement.names:
            if alias.name == "*" or (wanted is not None and local_name(alias) not in wanted):
                continue
            found = self.resolve(f"{base}.{alias.name}", module)
            if isinstance(found, Definition):
                self.need(self.body(found.module), found.name)
            elif isinstance(found, Module):
                self.canonical(found)
            elif (home := self.find(base, module)) is not None:
                self.need(self.body(home), alias.name)

    def _need_starred(self, body: Body, name: str) -> None:
        for statement in module_level_statements(body.statements):
            if not isinstance(statement, ast.ImportFrom) or statement.names[0].name != "*":
                continue
            base = absolute_module(statement.module or "", statement.level, body.module.package)
            home = self.find(base, body.module)
            if home is None:
                body.kept.add(statement)
                self._take_around(body, statement)
                continue
            found = self.project.member(home, name)
            if isinstance(found, Definition) and found.module is not body.module:
                body.kept.add(statement)
                self._take_around(body, statement)
                body.starred.setdefault(statement, []).append((found.module, found.name))
                self.need(self.body(found.module), found.name)
                return

    def _need_attributes(self, body: Body, node: ast.AST) -> None:
        """What code takes from modules of the project by attributes, and by imports inside of functions."""
        module = body.module
        parents = {child: parent for parent in walk(node) for child in ast.iter_child_nodes(parent)}
        for inner in walk(node):
            if isinstance(inner, Import) and inner is not node:
                self._need_imported(module, inner)
            if isinstance(inner, ast.Name) and inner.id in module.imports:
                chain, current = module.imports[inner.id].split("."), parents.get(inner)
                imported = len(chain)
                while isinstance(current, ast.Attribute):
                    chain.append(current.attr)
                    current = parents.get(current)
                self._need_chain(body, module, chain, imported)

    def _need_chain(self, body: Body, near: Module, chain: list[str], imported: int) -> None:
        """``package.module.name``, of which the first parts are imported."""
        for length in range(len(chain), 0, -1):
            if (home := self.find(".".join(chain[:length]), near)) is not None:
                break
        else:
            return
        name = self.canonical(home)
        if length > imported:
            body.submodules.add(name)  # a package's module, which somebody else imports
        if length < len(chain):
            self.need(self.body(home), chain[length])
            found = self.project.member(home, chain[length])
            if isinstance(found, Module) and found is not home:
                rest = chain[length + 1:]
                self._need_chain(body, found, [*found.name.split("."), *rest], len(chain))

    def need_settings(self, module: Module) -> None:
        """Calls at the top of a file that change how the framework computes: ``K.set_floatx("float64")``."""
        body = self.body(module)
        for statement in module_level_statements(module.tree.body):
            match statement:
                case ast.Expr(value=ast.Call() as call) if last_name(call.func) in SETTINGS:
                    body.kept.add(statement)
                    self.need_code(body, statement)
                    self._take_around(body, statement)

    def runs(self, body: Body, node: ast.AST) -> bool:
        """Whether code can be run here: every name it looks up is made by statements that are run. Takes them if so."""
        before = {key: replace(b, kept=set(b.kept), aliases={k: set(v) for k, v in b.aliases.items()},
                               starred={k: list(v) for k, v in b.starred.items()}, submodules=set(b.submodules),
                               done=set(b.done)) for key, b in self.bodies.items()}
        left_out = dict(self.left_out)
        self.need_code(body, node)
        unknown = [name for name in free_names(node) if not self.knows(body, name)]
        if self.left_out == left_out and not unknown:
            return True
        for key, b in self.bodies.items():
            old = before.get(key)
            b.kept, b.aliases, b.starred, b.submodules, b.done = (
                (old.kept, old.aliases, old.starred, old.submodules, old.done) if old else (set(), {}, {}, set(), set()))
        self.left_out = left_out
        return False

    def knows(self, body: Body | None, name: str) -> bool:
        """Whether anything binds a name."""
        while body is not None:
            if body.binds(name):
                return True
            if body.outer is None and body.module.star_imports:
                return True
            body = body.outer
        return hasattr(builtins, name)

    def need_initialisers(self, module: Module) -> None:
        """Calls in the packages around a file that set up what is needed of it: ``set_framework("keras")``."""
        for package in packages_around(module.name):
            home = self.find(package, module)
            if home is None or home is module:
                continue
            for statement in module_level_statements(home.tree.body):
                match statement:
                    case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if (
                            self._sets_up(home, name) and hazard(statement, home) is None):
                        body = self.body(home)
                        body.kept.add(statement)
                        self.need_code(body, statement)
                        self._take_around(body, statement)
                        self.body(module).submodules.add(self.canonical(home))

    def _sets_up(self, home: Module, name: str) -> bool:
        """Whether a function of a package calls a method of something that is needed."""
        for function in home.bindings.get(name, []):
            for call in walk(function) if isinstance(function, FunctionNode) else ():
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                    found = self._along(home, call.func.value)
                    body = self.bodies.get(found.module.tree) if isinstance(found, Definition) else None
                    if body is not None and isinstance(found, Definition) and found.name in body.done:
                        return True
        return False

    def _along(self, home: Module, node: ast.expr) -> Definition | Module | None:
        """What an attribute chain means in the project."""
        if isinstance(node, ast.Name):
            return self.resolve(home.imports.get(node.id, node.id), home)
        if isinstance(node, ast.Attribute):
            around = self._along(home, node.value)
            return self.project.member(around, node.attr) if isinstance(around, Module) else None
        return None

    # other files ------------------------------------------------------------------------------------------------------

    def find(self, dotted: str, near: Module) -> Module | None:
        """The project's file behind a dotted module name, never one of an installed framework."""
        if not dotted or dotted.partition(".")[0] in INSTALLED:
            return None
        return self.project.find_module(dotted, near)

    def resolve(self, dotted: str, near: Module) -> Definition | Module | None:
        if dotted.partition(".")[0] in INSTALLED:
            return None
        return self.project.resolve(dotted, near)

    def canonical(self, module: Module) -> str:
        """The name that a file's slice is imported by; no two files share one."""
        name = module.name
        if name.partition(".")[0] in INSTALLED:
            name = f"losslint_{name}"
        while self.names.setdefault(name, module) is not module:
            name += "_"
        self.body(module)
        return name

    # what was taken -------------------------------------------------------------------------------------------------

    def slices(self, main: Module) -> tuple[ModuleSlice, ...]:
        """The other files, as far as they are needed."""
        found: dict[str, ModuleSlice] = {}
        while True:
            waiting = [b.module for b in self.bodies.values() if b.function is None and b.module is not main]
            waiting = [m for m in waiting if self.canonical(m) not in found]
            if not waiting:
                return tuple(found[name] for name in sorted(found))
            for module in waiting:
                name = self.canonical(module)
                found[name] = ModuleSlice(name, module.path, ast.Module(self.statements(self.body(module)), []))

    def statements(self, body: Body) -> list[ast.stmt]:
        """Copies of what is needed of a body, in its order."""
        taken = self._cut(body, body.statements)
        first = taken[0] if taken else ast.Pass(lineno=1, col_offset=0)
        extra = [located(ast.Import([ast.alias(name)]), first) for name in sorted(body.submodules)]
        future = [s for s in taken if isinstance(s, ast.ImportFrom) and s.module == "__future__"]
        return [*future, *extra, *(s for s in taken if s not in future)]

    def _cut(self, body: Body, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        taken: list[ast.stmt] = []
        for statement in statements:
            if isinstance(statement, Compound):
                if statement in body.kept:
                    taken.append(self._cut_compound(body, statement))
            elif isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
                taken.append(copy.deepcopy(statement))
            elif isinstance(statement, Import):
                taken += self._imports(body, statement) if statement in body.kept else []
            elif statement in body.kept:
                taken.append(self.rewritten(body.module, statement))
        return taken

    def _cut_compound(self, body: Body, statement: ast.stmt) -> ast.stmt:
        """A compound statement around what is needed in it."""
        made: Any = copy.copy(statement)
        for name, value in ast.iter_fields(statement):
            if name in ("body", "orelse", "finalbody"):
                setattr(made, name, self._cut(body, value))
            elif name in ("handlers", "cases"):
                setattr(made, name, [self._cut_part(body, part) for part in value])
            elif isinstance(value, ast.AST):
                setattr(made, name, self.rewritten(body.module, value))
            else:
                setattr(made, name, copy.deepcopy(value))
        if is_main_guard(statement) or statement in body.decided:
            made.test = located(ast.Constant(body.decided.get(statement, True)), statement)
        if statement in body.once:
            made.body.append(located(ast.Break(), statement))
        made.body = made.body or [located(ast.Pass(), statement)]
        return made  # type: ignore[no-any-return]

    def _cut_part(self, body: Body, part: Any) -> Any:
        made = copy.copy(part)
        made.body = self._cut(body, part.body) or [located(ast.Pass(), part)]
        return made

    def _imports(self, body: Body, statement: Import) -> list[ast.stmt]:
        wanted = body.aliases.get(statement, set())
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            found = body.starred.get(statement)
            if found is None:
                return [copy.deepcopy(statement)]
            return [
                located(ast.ImportFrom(self.canonical(home), [ast.alias(name)], 0), statement) for home, name in found]
        kept = [alias for alias in statement.names if local_name(alias) in wanted]
        return self.imports(body.module, statement, kept)

    def imports(self, module: Module, statement: ast.AST, aliases: Iterable[ast.alias]) -> list[ast.stmt]:
        """An import as the program finds it: slices by their names, everything else as it stands."""
        return [
            located(self._import_from(module, statement, alias) if isinstance(statement, ast.ImportFrom)
                    else self._import(module, alias), statement)
            for alias in aliases]

    def _import(self, module: Module, alias: ast.alias) -> ast.stmt:
        if alias.name == "tensorflow" and is_of_sessions(module):
            self.notes.append("its TensorFlow 1 is tensorflow.compat.v1")
            return ast.Import([ast.alias("tensorflow.compat.v1", local_name(alias))])
        home = self.find(alias.name, module)
        name = self.canonical(home) if home is not None else alias.name
        renamed = alias.asname is None and name != alias.name
        return ast.Import([ast.alias(name, local_name(alias) if renamed else alias.asname)])

    def _import_from(self, module: Module, statement: ast.ImportFrom, alias: ast.alias) -> ast.stmt:
        base = absolute_module(statement.module or "", statement.level, module.package)
        found = self.resolve(f"{base}.{alias.name}", module)
        if isinstance(found, Module):
            return ast.Import([ast.alias(self.canonical(found), local_name(alias))])
        if isinstance(found, Definition):
            return ast.ImportFrom(self.canonical(found.module), [ast.alias(found.name, local_name(alias))], 0)
        home = self.find(base, module)
        return ast.ImportFrom(self.canonical(home) if home is not None else base, [copy.copy(alias)], 0)

    def rewritten(self, module: Module, node: N) -> N:
        """A copy of some code without the annotations of its functions, its imports as the program finds them."""
        made: N = Rewriter(self, module).visit(copy.deepcopy(node))
        return made


class Rewriter(ast.NodeTransformer):
    """What a copy differs in from the original: see the methods."""

    def __init__(self, cutter: Cutter, module: Module) -> None:
        self.cutter = cutter
        self.module = module

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        for argument in walk(node.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        node.returns = None
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        return self.cutter.imports(self.module, node, node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt] | ast.AST:
        return node if node.names[0].name == "*" else self.cutter.imports(self.module, node, node.names)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        dotted = self.module.dotted(node.func) or ""
        if last_name(node.func) in ("parse_args", "parse_known_args") and not node.args:
            node.args = [located(ast.List([], ast.Load()), node)]  # what the command line leaves at its defaults
        elif ".applications." in dotted and last_name(node.func)[:1].isupper():
            node.keywords = [k for k in node.keywords if k.arg != "weights"]
            node.keywords.append(ast.keyword("weights", located(ast.Constant(None), node)))
            self.cutter.notes.append(f"{last_name(node.func)} has random weights instead of downloaded ones")
        return node


def is_of_sessions(module: Module) -> bool:
    """Whether a file calls a name of ``tensorflow`` itself that only TensorFlow 1 has."""
    calls = module.index.calls_by_name.get("placeholder", [])
    return any(module.dotted(call.func) == "tensorflow.placeholder" for call in calls)


def statements_of_definition(statements: list[ast.stmt], name: str) -> list[ast.stmt]:
    """Of several bindings that end in a definition, those that can reach it: all in branches, else the last."""
    last = statements[-1]
    decorated = any(
        isinstance(node, ast.Name) and node.id == name
        for decorator in getattr(last, "decorator_list", []) for node in walk(decorator))
    return statements if decorated or any(s.col_offset for s in statements) else [last]


def packages_around(dotted: str) -> list[str]:
    """``a.b`` and ``a`` for ``a.b.c``."""
    parts = dotted.split(".")
    return [".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]


def header(statement: ast.AST) -> ast.Tuple:
    """What a compound statement evaluates before its body."""
    parts: list[ast.expr] = []
    match statement:
        case ast.If(test=test) | ast.While(test=test):
            parts = [test]
        case ast.For(iter=iterated) | ast.AsyncFor(iter=iterated):
            parts = [iterated]
        case ast.With(items=items) | ast.AsyncWith(items=items):
            parts = [item.context_expr for item in items]
        case ast.Try(handlers=handlers):
            parts = [handler.type for handler in handlers if handler.type is not None]
        case ast.Match(subject=subject, cases=cases):
            parts = [subject, *(case.guard for case in cases if case.guard is not None)]
    return located(ast.Tuple(parts, ast.Load()), statement)


def is_main_guard(statement: ast.AST) -> bool:
    """``if __name__ == "__main__":``"""
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Name) and node.id == "__name__" for node in walk(statement.test))
