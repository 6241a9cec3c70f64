"""Which code is a loss, and why.

A *site* is the unit of analysis: one function, method, lambda, tape block or module-level expression that is
differentiated or minimised. Use decides before name, and the reason is kept for ``--show-losses``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from losslint.project import names
from losslint.project.bodies import Bodies, Kind, framework_in, framework_of, has_framework
from losslint.project.classes import Classes, ClassKind
from losslint.project.index import Function, FunctionNode, Index, last_name, parameters
from losslint.project.modes import Mode, Modes
from losslint.project.module import Module, Project
from losslint.project.resolve import Resolver, resolver
from losslint.project.roles import Role, has_canonical_pair, has_pair, roles_of
from losslint.project.uses import Minimised, Purpose, Use, Uses, collect_uses, local_uses

_MARKER = re.compile(r"#\s*losslint:\s*(not-loss|loss)\b")
_CALLS = ("call", "__call__", "forward")
_STEPS = names.words("apply_gradients minimize assign_sub")


@dataclass(frozen=True)
class SiteOptions:
    """What the user decides: patterns on names, and the Keras the project runs on."""

    loss_functions: tuple[str, ...] = ()
    not_loss_functions: tuple[str, ...] = ()
    keras_version: int = 3


@dataclass(frozen=True)
class Site:
    """One loss.

    ``node`` is the code: a ``FunctionDef``/``Lambda`` for functions, methods, closures and lambdas; for ``tape`` sites
    the function that holds the ``with`` block (the block itself at module level); for ``expression`` sites the
    expression whose value is differentiated. ``owner`` is the function around the node: the factory of a closure, the
    function an expression stands in, None at module level. ``class_node`` is the class whose ``self`` the code sees.
    ``built_by`` is the call that builds the loss where it is used (``FocalLoss(gamma=1.5)``, ``make_loss(0.3)``,
    ``partial(f, gamma=2)``), so that its constant arguments can be propagated. ``certain`` is False where only a
    signature or a word speaks for the loss.
    """

    module: Module
    kind: str  # function | method | closure | lambda | tape | expression
    qualname: str
    node: ast.AST
    reason: str
    mode: Mode = Mode.UNKNOWN
    certain: bool = True
    roles: dict[str, Role] = field(default_factory=dict)
    framework: str = "tensorflow"  # tensorflow | torch | jax
    class_node: ast.ClassDef | None = None
    owner: ast.AST | None = None
    built_by: ast.Call | None = None

    @property
    def row(self) -> int:
        return getattr(self.node, "lineno", 1)


@dataclass(frozen=True)
class _Evidence:
    reason: str
    certain: bool = True
    keras_calls: bool = False
    uses: tuple[Use, ...] = ()


def find_sites(
    module: Module, project: Project, options: SiteOptions = SiteOptions(), uses: Uses | None = None,
) -> list[Site]:
    """The losses of a file in source order.

    ``uses``: what ``collect_uses`` found in the other files of the run.
    """
    return _Finder(module, project, options, uses or Uses()).find()


class _Finder:
    def __init__(self, module: Module, project: Project, options: SiteOptions, uses: Uses) -> None:
        self.module = module
        self.options = options
        self.index: Index = module.index
        self.bodies = Bodies(module)
        self.resolver: Resolver = resolver(module)
        self.classes = Classes(module, project)
        self.local = local_uses(module)
        self.modes = Modes(module, self.local, self.classes, options.keras_version)
        self.framework = framework_of(module)
        self.in_framework_file = has_framework(module)
        self.mixed = self.in_framework_file and len({framework_of(module)}) > 1
        stem, folders = module.path.stem, {part.lower() for part in module.path.parts[-4:-1]}
        self.metric_folder = bool(folders & names.METRIC_FILES)
        self.metric_file = stem.lower() in names.METRIC_FILES or stem.lower().endswith(("_metrics", "_metric"))
        self.markers = self._markers()
        self.uses: dict[ast.AST, list[Use]] = {}
        for node, found in self.local.functions.items():
            for use in found:
                self._add_use(node, use)
        for name, called, use in uses.of(module):
            for value in self.index.bound.get(module.tree, {}).get(name, []):
                self._add_foreign(value, called, use)

    # uses --------------------------------------------------------------------------------------------------------

    def _add_foreign(self, value: ast.AST, called: bool, use: Use) -> None:
        """A use in another file: of a name of this one, or of what calling it returned."""
        for target in self.resolver.targets(value, self.module.tree):
            node = target.node
            if node is None or target.called:
                continue
            if called and isinstance(node, Function):
                for made in self.resolver.returned(node):
                    if made.node is not None:
                        self._add_use(made.node, use)
            else:
                self._add_use(node, use)

    def _add_use(self, node: ast.AST, use: Use) -> None:
        """A use of a class is one of its ``call``; a factory passed uncalled stands for what it returns."""
        if isinstance(node, ast.ClassDef):
            kind = self.classes.kind(node)
            if kind in (ClassKind.METRIC, ClassKind.TEST, ClassKind.LIGHTNING, ClassKind.MODEL):
                return
            method = self.classes.method(node, *_CALLS)
            if method is None or (kind not in (ClassKind.LOSS, ClassKind.REGULARIZER)
                                  and use.purpose is not Purpose.COMPILE and not has_pair(roles_of(method))):
                return
            self.uses.setdefault(method, []).append(use)
        elif isinstance(node, Function) and (made := self.resolver.returned(node)):
            for target in made:
                if target.node is not None:
                    self.uses.setdefault(target.node, []).append(use)
        else:
            self.uses.setdefault(node, []).append(use)

    # the sites -----------------------------------------------------------------------------------------------------

    def find(self) -> list[Site]:
        sites: list[Site] = []
        functions: set[ast.AST] = set()
        for function in self.index.functions:
            evidence = self._evidence(function)
            if evidence is not None:
                functions.add(function)
                sites.append(self._function_site(function, evidence))
        held: set[ast.AST] = set()
        for block, calls in self.local.tapes.items():
            if calls and (site := self._tape_site(block, calls, functions, held)) is not None:
                sites.append(site)
        sites += self._expression_sites(functions)
        return sorted(sites, key=lambda site: (site.row, getattr(site.node, "col_offset", 0)))

    def _function_site(self, function: Function, evidence: _Evidence) -> Site:
        home = self.index.scope(function)
        owner = self.index.def_around(function)
        framework = self._framework(function)
        if isinstance(home, ast.ClassDef):
            kind = "method"
        elif owner is not None and any(t.node is function for t in self.resolver.returned(owner)):
            kind = "closure"
        elif isinstance(function, ast.Lambda):
            kind = "lambda"
        else:
            kind = "closure" if owner is not None else "function"
        mode = self._mode(function, evidence, framework)
        built_by = next((use.built_by for use in evidence.uses
                         if use.built_by is not None and use.module is self.module), None)
        return Site(
            self.module, kind, self.module.qualname(function), function, evidence.reason, mode, evidence.certain,
            roles_of(function, evidence.keras_calls), framework, self.index.class_around(function), owner, built_by,
        )

    def _mode(self, function: Function, evidence: _Evidence, framework: str) -> Mode:
        mode = self.modes.of(function, framework)
        if mode is Mode.AUTOGRAPH and getattr(function, "decorator_list", None):
            return mode
        for use in evidence.uses:
            if (fixed := self.modes.of_use(use, framework)) is not Mode.UNKNOWN:
                return fixed
        if mode is Mode.UNKNOWN and framework == "tensorflow" and has_canonical_pair(function):
            return self.modes.keras
        return mode

    def _framework(self, node: ast.AST) -> str:
        return framework_in(self.module, node) if self.in_framework_file else self.framework

    # is this function a loss? ----------------------------------------------------------------------------------------

    def _evidence(self, function: Function) -> _Evidence | None:
        uses = self.uses.get(function, [])
        losses = tuple(use for use in uses if use.purpose is not Purpose.METRIC)
        keras_calls = any(use.purpose is Purpose.COMPILE for use in losses)
        decided, reason = self._decided(function)
        if decided is not None:
            return _Evidence(reason, keras_calls=keras_calls, uses=losses) if decided else None
        if losses and self._is_value(function, losses, keras_calls):
            first = next((use for use in losses if use.purpose is Purpose.COMPILE), losses[0])
            return _Evidence(self._where(first), keras_calls=keras_calls, uses=losses)
        if len(uses) > len(losses) or isinstance(function, ast.Lambda):
            return self._returned_lambda(function) if isinstance(function, ast.Lambda) and not uses else None
        return self._by_itself(function)

    def _where(self, use: Use) -> str:
        place = "" if use.module is self.module else f" in {use.module.path.name}"
        return f"{use.reason}{place}" + (f" in line {use.call.lineno}" if use.call is not None and not place else "")

    def _is_value(self, function: Function, uses: tuple[Use, ...], keras_calls: bool) -> bool:
        """A used function is a loss unless it is a factory or returns nothing that could be differentiated."""
        if keras_calls:
            return True
        if all(use.purpose is Purpose.TERM for use in uses):
            name = getattr(function, "name", "")
            named = names.names_loss(name) or names.has_loss_word(name) or has_pair(roles_of(function))
            here = any(use.module is self.module for use in uses)
            if not named and (not here or (parameters(function) and self.bodies.computes(function) is False)):
                return False
        elif self._in_test(function) and not names.names_loss(getattr(function, "name", "")):
            return False
        return self.bodies.result(function) is not Kind.NOTHING and (
            self.bodies.result(function) is not Kind.OBJECT) and not self.resolver.returned(function)

    def _by_itself(self, function: FunctionNode) -> _Evidence | None:
        """Evidence from the class, the name and the signature."""
        home = self.index.scope(function)
        kind = self.classes.kind(home) if isinstance(home, ast.ClassDef) else None
        if kind in (ClassKind.METRIC, ClassKind.TEST) or function.name.startswith(("test_", "setUp")):
            return None
        if isinstance(home, ast.ClassDef) and (evidence := self._by_class(function, home, kind)) is not None:
            return evidence
        return self._by_name(function)

    def _by_class(self, function: FunctionNode, home: ast.ClassDef, kind: ClassKind | None) -> _Evidence | None:
        if self.bodies.result(function) in (Kind.NOTHING, Kind.FUNCTION, Kind.OBJECT):
            return None
        if function.name in _CALLS and self.bodies.computes(function) is not False:
            if kind is ClassKind.LOSS:
                keras = self._framework(function) == "tensorflow" and function.name == "call"
                return _Evidence(f"{home.name} is a loss class", keras_calls=keras)
            if kind is ClassKind.REGULARIZER:
                return _Evidence(f"{home.name} is a regularizer")
            if names.has_loss_word(home.name) and has_pair(roles_of(function)) and kind is not ClassKind.MODEL:
                return _Evidence(f"{home.name}.{function.name} takes labels and predictions", certain=False)
        if function.name == "training_step" and self.framework == "torch" and (
                kind is ClassKind.LIGHTNING or len(parameters(function)) >= 2):
            return _Evidence("Lightning minimises what training_step returns")
        return None

    def _by_name(self, function: FunctionNode) -> _Evidence | None:
        name = function.name
        owner = self.index.def_around(function)
        factory = owner is not None and any(t.node is function for t in self.resolver.returned(owner))
        maker = owner.name if factory and owner is not None else ""
        loss_name = names.names_loss(name)
        by_maker = bool(maker) and names.names_loss(maker)
        canonical = has_canonical_pair(function)
        word = names.has_loss_word(name) or (bool(maker) and names.has_loss_word(maker))
        if not (loss_name or by_maker or canonical or word):
            return None
        roles = roles_of(function)
        pair = canonical or has_pair(roles)
        if self._is_helper(function, roles, pair, canonical, loss_name or by_maker):
            return None
        if loss_name:
            return _Evidence(f"its name contains 'loss': {name}", certain=not self.metric_file)
        if by_maker and (pair or len(roles) >= 1):
            return _Evidence(f"returned by {maker}", certain=not self.metric_file)
        if self.metric_file or self.metric_folder or names.names_metric(name) or names.names_helper(name):
            return None
        if canonical:
            return _Evidence("its signature takes labels and predictions: "
                             f"({', '.join(a.arg for a in parameters(function)[:3])})", certain=False)
        if word and pair:
            return _Evidence(f"it is named {maker or name} and takes labels and predictions", certain=False)
        return None

    def _is_helper(
        self, function: FunctionNode, roles: dict[str, Role], pair: bool, canonical: bool, named: bool,
    ) -> bool:
        """Whether a function named or shaped like a loss is something else: a plot, a factory, a NumPy twin."""
        if self.metric_folder or (names.names_helper(function.name) and not pair):
            return True
        if self.resolver.returned(function):
            return True
        result, computes = self.bodies.result(function), self.bodies.computes(function)
        if result in (Kind.NOTHING, Kind.FUNCTION, Kind.OBJECT):
            return True
        strong = canonical and named
        if computes is False and not (pair and self._is_arithmetic(function) and self.in_framework_file):
            return True
        if computes is None and not ((self.in_framework_file and roles) or pair):
            return True
        if not strong and (result in (Kind.PYTHON, Kind.NUMPY) or self._without_gradient(function)
                           or self._only_printed(function)):
            return True
        if result is Kind.NUMPY and computes is not True:
            return True
        return not roles and computes is not True

    def _is_arithmetic(self, function: FunctionNode) -> bool:
        """``return y_true * y_pred``: no call that could be NumPy's."""
        return not self.bodies.numpy_only(function) and any(
            isinstance(node, ast.BinOp) for node in ast.walk(function)) and not any(
            isinstance(node, ast.If) for node in ast.walk(function))

    def _returned_lambda(self, function: ast.Lambda) -> _Evidence | None:
        """A lambda that a loss factory returns."""
        owner = self.index.def_around(function)
        if owner is None or not any(t.node is function for t in self.resolver.returned(owner)):
            return None
        pair = has_canonical_pair(function) or has_pair(roles_of(function))
        named = names.names_loss(owner.name) or (names.has_loss_word(owner.name) and pair)
        if named and parameters(function) and self.bodies.computes(function) is not False and not self.metric_folder:
            return _Evidence(f"returned by {owner.name}", certain=names.names_loss(owner.name))
        return None

    def _without_gradient(self, function: FunctionNode) -> bool:
        """Under ``no_grad`` as a whole."""
        for decorator in function.decorator_list:
            call = decorator.func if isinstance(decorator, ast.Call) else decorator
            if last_name(call) in {"no_grad", "inference_mode"}:
                return True
        body = [s for s in function.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
        return bool(body) and any(
            isinstance(s, ast.With) and any(
                isinstance(i.context_expr, ast.Call) and last_name(i.context_expr.func) in {"no_grad", "inference_mode"}
                for i in s.items)
            for s in (body[0], body[-1]))

    def _only_printed(self, function: FunctionNode) -> bool:
        calls = self.index.calls_by_name.get(function.name, [])
        return bool(calls) and all(self._is_printed(call) for call in calls)

    def _is_printed(self, call: ast.Call) -> bool:
        for around in self.index.ancestors(call):
            if isinstance(around, ast.Call) and last_name(around.func) in {"print", "info", "debug", "write"}:
                return True
            if isinstance(around, ast.stmt):
                return False
        return False

    # what the user decided -------------------------------------------------------------------------------------------

    def _markers(self) -> dict[int, bool]:
        """Row -> True for ``# losslint: loss``, False for ``# losslint: not-loss``."""
        if "losslint:" not in self.module.text:
            return {}
        found = {row: _MARKER.search(comment) for row, comment in self.module.comments.items()}
        return {row: match[1] == "loss" for row, match in found.items() if match}

    def _marker_at(self, node: ast.AST) -> bool | None:
        if not self.markers:
            return None
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])  # type: ignore[attr-defined]
        body = getattr(node, "body", None)
        last = max(first, body[0].lineno - 1 if isinstance(body, list) else 0, node.lineno)  # type: ignore[attr-defined]
        above = self.markers.get(first - 1)
        if above is not None and self.module.lines[first - 2].lstrip().startswith("#"):
            return above
        return next((self.markers[row] for row in range(first, last + 1) if row in self.markers), None)

    def _decided(self, function: Function) -> tuple[bool | None, str]:
        """The user's word on a function: by a comment on it or its class, or by a pattern in the configuration."""
        home = self.index.scope(function)
        marked = self._marker_at(function)
        if marked is None and isinstance(home, ast.ClassDef) and getattr(function, "name", "") in _CALLS:
            marked = self._marker_at(home)
        if marked is not None:
            return marked, "marked with # losslint: loss"
        if not (self.options.loss_functions or self.options.not_loss_functions):
            return None, ""
        spelled = list(self._spellings(function))
        for pattern in self.options.not_loss_functions:
            if any(fnmatchcase(name, pattern) for name in spelled):
                return False, ""
        for pattern in self.options.loss_functions:
            if any(fnmatchcase(name, pattern) for name in spelled):
                return True, f"matches loss-functions = [{pattern!r}]"
        return None, ""

    def _spellings(self, function: Function) -> Iterator[str]:
        if isinstance(function, ast.Lambda):
            return
        qualname = self.module.qualname(function)
        yield from (function.name, qualname, f"{self.module.name}.{qualname}")
        home = self.index.scope(function)
        if isinstance(home, ast.ClassDef) and function.name in _CALLS:
            yield from (home.name, f"{self.module.name}.{home.name}")

    # tapes and expressions -------------------------------------------------------------------------------------------

    def _in_test(self, node: ast.AST) -> bool:
        return any(isinstance(a, ast.FunctionDef) and a.name.startswith("test") for a in self.index.ancestors(node))

    def _tape_site(
        self, block: ast.AST, calls: list[ast.Call], functions: set[ast.AST], held: set[ast.AST],
    ) -> Site | None:
        owner = self.index.def_around(block)
        node = owner if owner is not None else block
        if node in functions or node in held or self._in_test(block) or (owner is not None and self._in_test(owner)):
            return None
        marked = self._marker_at(node) if owner is None else self._decided(owner)[0]
        if marked is False:
            return None
        held.add(node)
        framework = self._framework(node)
        if owner is None:
            qualname, mode = "<tape>", Mode.GRAPH if self.modes.tf1 else Mode.EAGER
            roles: dict[str, Role] = {}
        else:
            qualname, mode, roles = self.module.qualname(owner), self.modes.of(owner, framework), roles_of(owner)
        reason = f"its GradientTape is differentiated in line {calls[0].lineno}"
        outer = self.index.def_around(owner) if owner is not None else None
        return Site(self.module, "tape", qualname, node, reason, mode, True, roles, framework,
                    self.index.class_around(node), outer)

    def _expression_sites(self, functions: set[ast.AST]) -> Iterator[Site]:
        seen: dict[tuple[ast.AST | None, str], int] = {}
        for found in self.local.expressions:
            owner = self.index.def_around(found.node)
            around = owner
            while around is not None and around not in functions:
                around = self.index.def_around(around)
            if around is not None or self._in_test(found.node) or self._marker_at(found.node) is False:
                continue
            text = last_name(found.node) if isinstance(found.node, (ast.Name, ast.Attribute)) else ""
            key = (owner, ast.unparse(found.node) if text else f"<{id(found.node)}>")
            if key in seen and not self._rebound(text, owner, seen[key], found.node.lineno):
                continue
            seen[key] = found.node.lineno
            prefix = f"{self.module.qualname(owner)}." if owner is not None else ""
            yield Site(
                self.module, "expression", prefix + (text or "<expression>"), found.node,
                f"{found.reason} in line {found.node.lineno}", self._expression_mode(found, owner), True, {},
                self._framework(owner if owner is not None else found.node), self.index.class_around(found.node), owner,
            )

    def _rebound(self, name: str, owner: ast.AST | None, after: int, before: int) -> bool:
        scope = owner if isinstance(owner, FunctionNode) else self.module.tree
        values = self.index.bound.get(scope, {}).get(name, [])
        return any(after < getattr(value, "lineno", 0) < before for value in values)

    def _expression_mode(self, found: Minimised, owner: FunctionNode | None) -> Mode:
        framework = self._framework(owner if owner is not None else found.node)
        if framework == "torch":
            return Mode.EAGER
        if owner is not None and (mode := self.modes.of(owner, framework)) is not Mode.UNKNOWN:
            return mode
        if self.modes.tf1 or found.graph:
            return Mode.GRAPH
        return Mode.EAGER if owner is None else Mode.UNKNOWN


__all__ = ["Mode", "Role", "Site", "SiteOptions", "Uses", "collect_uses", "find_sites"]
