"""Which code is a loss, and why.

A *site* is the unit of analysis: one function, method, lambda, tape block or module-level expression that is
differentiated or minimised. Use decides before name, and the reason is kept for ``--show-losses``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from losslint.project.bodies import framework_count, note_framework
from losslint.project.builders import builders, compiled_model, losses_of
from losslint.project.classes import Classes, ClassKind
from losslint.project.compiled import is_builtin, is_tensor, written
from losslint.project.decisions import Decisions, SiteOptions
from losslint.project.evidence import Evidence, Judge
from losslint.project.fed import fed_with_data
from losslint.project.files import FRAMEWORK_WORDS
from losslint.project.fits import weighted_fits
from losslint.project.heads import Head, head_compiled, heads_passed
from losslint.project.index import Function, FunctionNode, Index, argument, last_name, parameters, required
from losslint.project.modes import Mode, Modes
from losslint.project.module import Definition, Module, Project
from losslint.project.outputs import misnamed
from losslint.project.roles import Role, has_canonical_pair, roles_of
from losslint.project.uses import (
    How,
    Minimised,
    Purpose,
    Use,
    Uses,
    collect_uses,
    imports_root,
    is_training,
    local_uses,
    wrapper,
)

__all__ = ["Mode", "Role", "Site", "SiteOptions", "Uses", "collect_uses", "find_sites"]


DEFAULTS = SiteOptions()
TRAINED = ("params", "parameters", "theta")  # what losses of JAX call what they are differentiated to
MAX_BUILT = 4  # calls with different arguments that build one loss

_OTHER_FRAMEWORKS = ("mxnet", "paddle", "chainer", "mindspore", "oneflow", "theano")  # none that is known here
_FRAMEWORK_WORDS = tuple(word.decode() for word in FRAMEWORK_WORDS)


@dataclass(frozen=True)
class Site:
    """One loss.

    ``node`` is the code: a ``FunctionDef``/``Lambda`` for functions, methods, closures and lambdas; for ``tape`` sites
    the function that holds the ``with`` block (the block itself at module level); for ``expression`` sites the
    expression whose value is differentiated; for ``model`` sites, whose layers lie on the path of a loss, the function
    that compiles (at module level the last call that does); for ``builtin`` sites, a loss of Keras itself or a text that
    Keras is to find one by, what ``compile`` is given. ``owner`` is the function around the node: the factory of
    a closure, the function an expression stands in, None at module level. ``class_node`` is the class whose ``self``
    the code sees. ``built_by`` is the call that builds the loss where it is used (``FocalLoss(gamma=1.5)``,
    ``make_loss(0.3)``, ``partial(f, gamma=2)``), so that its constant arguments can be propagated; ``built_again`` the
    calls that build it with other arguments. ``differentiated`` are the parameters that ``jax.grad`` names,
    ``gradients`` its calls. ``how``: what the call that speaks for it does with it. ``certain`` is False where only a
    signature or a word speaks for the loss. ``compiled``: Keras is handed it, by ``compile`` or in a
    wrapper of its own, and calls it with (y_true, y_pred).
    ``weighted``: the calls that pass weights to a model which is compiled with it; ``models_in``: the files that compile it
    and those that they import; ``fitted``: the calls, in any file, that compile a model with it which is seen to be one of
    Keras, and ``heads``: what those models end in, as far as that is certain; ``misnamed``: the keys of the losses in
    those calls that no output of the model has for a name.
    ``given``: the heads of the models that callers pass to the function around the code, or to the class it stands in.
    ``meant_for_fit``: nobody runs it here, and it is shaped as Keras calls losses: label first, one prediction.
    """

    module: Module
    kind: str  # function | method | closure | lambda | tape | expression | model | builtin
    qualname: str
    node: ast.AST
    reason: str  # for people
    how: How = How.OTHER
    mode: Mode = Mode.UNKNOWN
    certain: bool = True
    compiled: bool = False
    meant_for_fit: bool = False
    roles: dict[str, Role] = field(default_factory=dict)
    framework: str = "tensorflow"  # tensorflow | torch | jax
    class_node: ast.ClassDef | None = None
    owner: ast.AST | None = None
    built_by: ast.Call | None = None
    built_again: tuple[ast.Call, ...] = ()
    differentiated: tuple[str, ...] = ()
    gradients: tuple[ast.Call, ...] = ()
    weighted: tuple[tuple[Module, ast.Call], ...] = ()
    models_in: tuple[Module, ...] = ()
    fitted: tuple[tuple[Module, ast.Call], ...] = ()
    heads: tuple[Head, ...] = ()
    misnamed: tuple[tuple[Module, ast.Constant], ...] = ()
    given: dict[str, Head] = field(default_factory=dict)

    @property
    def variants(self) -> list[Site]:
        """The loss as each of the calls builds it."""
        return [self, *(replace(self, built_by=call, built_again=()) for call in self.built_again)]

    @property
    def is_function(self) -> bool:
        """Whether the site is called with its tensors and returns the loss."""
        return self.kind not in ("tape", "expression", "model")

    @property
    def row(self) -> int:
        return getattr(self.node, "lineno", 1)


def find_sites(
    module: Module, project: Project, options: SiteOptions = DEFAULTS, uses: Uses | None = None,
) -> list[Site]:
    """The losses of a file in source order.

    ``uses``: what ``collect_uses`` found in the other files of the run.
    """
    uses = uses or Uses()
    foreign = imports_root(module, *_OTHER_FRAMEWORKS) or is_for_numpy(module)
    if foreign and not any(framework_count(module).values()):
        return []
    if not (uses.of(module) or options.loss_functions or any(word in module.text for word in _FRAMEWORK_WORDS)):
        return []  # as the byte search would have it, so that findings do not depend on it
    return _Finder(module, project, options, uses).find()


class _Finder:
    def __init__(self, module: Module, project: Project, options: SiteOptions, uses: Uses) -> None:
        self.module = module
        self.index: Index = module.index
        note_framework(module, project)
        self.local = local_uses(module)
        classes = Classes(module, project)
        self.decisions = Decisions(module, options)
        self.judge = Judge(module, classes, self.decisions, uses)
        self.classes = classes
        self.modes = Modes(module, self.local, classes, options.keras_version, options.runs)

    def find(self) -> list[Site]:
        sites: list[Site] = []
        functions: set[ast.AST] = set()
        steps = self._training_steps()
        for function in self.index.functions:
            evidence = self.judge.evidence(function)
            if evidence is not None and function in steps and not evidence.keras_calls:
                continue  # a tape site: its loss is what the tape differentiates
            if evidence is not None and not self._is_part(function, evidence, functions):
                functions.add(function)
                site = self._function_site(function, evidence)
                sites += [site, *self._inherited(site)]
        sites += self._tape_sites(functions)
        sites += self._expression_sites(functions)
        sites += self._model_sites()
        sites += self._builtin_sites()
        sites = [replace(site, given=self._given(site), misnamed=self._misnamed(site)) for site in sites]
        return sorted(sites, key=lambda site: (site.row, getattr(site.node, "col_offset", 0)))

    def _inherited(self, site: Site) -> Iterator[Site]:
        """The same method as the subclasses of this file run it, with their own helpers and settings."""
        home = site.class_node
        if site.kind != "method" or home is None:
            return
        name = getattr(site.node, "name", "")
        for other in self.module.tree.body:
            if (
                isinstance(other, ast.ClassDef)
                and any(isinstance(base, ast.Name) and base.id == home.name for base in other.bases)
                and all(getattr(statement, "name", "") != name for statement in other.body)
                and any(isinstance(statement, FunctionNode) for statement in other.body)
            ):
                yield replace(site, class_node=other, qualname=f"{other.name}.{name}", built_by=None, weighted=(),
                              models_in=(), fitted=(), heads=())  # who compiles the base class does not compile this one

    # functions -----------------------------------------------------------------------------------------------------

    def _function_site(self, function: Function, evidence: Evidence) -> Site:
        owner = self.index.def_around(function)
        by_jax = any(map(is_by_jax, evidence.uses))
        framework = "jax" if by_jax else self.judge.framework_at(function)
        calls = [use.built_by for use in evidence.uses if use.built_by is not None and use.module is self.module]
        built_by = [*{ast.dump(call): call for call in calls}.values()]
        mode = self._function_mode(function, evidence, framework)
        compiled = [(u.module, u.call) for u in evidence.uses if u.purpose is Purpose.COMPILE and u.call is not None]
        compiling = {u.module.path: u.module for u in evidence.uses if u.purpose is Purpose.COMPILE}
        roles = roles_of(function, evidence.keras_calls)
        silent = {name for name, role in roles.items() if role in (Role.UNKNOWN, Role.TENSOR)}
        if silent and isinstance(function, ast.FunctionDef) and not evidence.keras_calls:
            roles |= dict.fromkeys(silent & fed_with_data(function, self.module), Role.LABEL)
        kind = self._kind(function, owner)
        alone = mode is Mode.UNKNOWN and framework == "tensorflow" and kind != "method" and evidence.certain
        return Site(
            module=self.module,
            kind=kind,
            qualname=self.module.qualname(function),
            node=function,
            reason=evidence.reason,
            how=evidence.how,
            mode=mode,
            certain=evidence.certain,
            compiled=bool(compiling),
            meant_for_fit=alone and self._meant_for_fit(function, roles),
            roles=roles,
            framework=framework,
            class_node=self.index.class_around(function),
            owner=owner,
            built_by=built_by[0] if built_by else None,
            built_again=tuple(built_by[1:MAX_BUILT]),
            differentiated=differentiated(function, evidence) if framework == "jax" else (),
            gradients=tuple(u.call for u in evidence.uses if u.purpose is Purpose.GRADIENT and u.call is not None),
            weighted=tuple((module, fit) for module, call in compiled
                           for fit in weighted_fits(call, module)),
            models_in=tuple(imported(compiling.values(), self.classes.project)),
            fitted=(fitted := self._fitted(compiled)),
            heads=self._heads(fitted),
        )

    def _fitted(self, calls: Iterable[tuple[Module, ast.Call]]) -> tuple[tuple[Module, ast.Call], ...]:
        models = ((module, call, compiled_model(call)) for module, call in calls)
        return tuple((module, call) for module, call, model in models
                     if model is not None and builders(model, module, self.classes.project))

    def _heads(self, fitted: Iterable[tuple[Module, ast.Call]]) -> tuple[Head, ...]:
        found = [head_compiled(call, module, self.classes.project) for module, call in fitted]
        return tuple(head for head in found if head is not None)

    def _misnamed(self, site: Site) -> tuple[tuple[Module, ast.Constant], ...]:
        return tuple((module, key) for module, call in site.fitted for key in misnamed(call, module, self.classes.project))

    def _given(self, site: Site) -> dict[str, Head]:
        """What the models end in that the site is given by its own function, the one around it, or its class."""
        makers = [s for s in site.class_node.body if getattr(s, "name", "") == "__init__"] if site.class_node else []
        found: dict[str, Head] = {}
        for function in (*makers, site.owner, site.node):
            if isinstance(function, ast.FunctionDef):
                found |= heads_passed(function, self.module, self.classes.project)
        return found

    def _meant_for_fit(self, function: Function, roles: dict[str, Role]) -> bool:
        """A label and a prediction, in the order of Keras, and nothing in the file that runs it otherwise."""
        given = [roles.get(a.arg) for a in required(function)]
        return (
            len(given) == 2 and given[0] is Role.LABEL and given[1] in (Role.PREDICTION, Role.TENSOR)
            and getattr(function, "name", "") not in self.index.calls_by_name
            and not (self.local.tapes or self.modes.fits_eagerly or self.judge.in_test(function)))

    def _is_part(self, function: Function, evidence: Evidence, functions: set[ast.AST]) -> bool:
        """A helper written inside of a loss is a part of it, not a loss of its own."""
        owner = self.index.def_around(function)
        if owner not in functions or owner is None or evidence.keras_calls:
            return False
        home = self.index.scope(function)
        return not isinstance(home, ast.ClassDef) and all(
            target.node is not function for target in self.judge.resolver.returned(owner))

    def _kind(self, function: Function, owner: FunctionNode | None) -> str:
        if isinstance(self.index.scope(function), ast.ClassDef):
            return "method"
        if owner is not None and any(target.node is function for target in self.judge.resolver.returned(owner)):
            return "closure"
        if isinstance(function, ast.Lambda):
            return "lambda"
        return "closure" if owner is not None else "function"

    def _function_mode(self, function: Function, evidence: Evidence, framework: str) -> Mode:
        mode = self.modes.of(function, framework)
        wrapped = getattr(function, "decorator_list", None) or function in self.local.compiled
        if mode is Mode.AUTOGRAPH and wrapped:
            return mode  # tf.function converts, whoever calls it
        for use in evidence.uses:
            if (fixed := self.modes.of_use(use, framework)) is not Mode.UNKNOWN:
                return fixed
        asked = [argument.arg for argument in required(function) if argument.arg not in ("self", "cls")]
        if mode is Mode.UNKNOWN and framework == "tensorflow" and has_canonical_pair(function) and len(asked) <= 2:
            return self.modes.keras  # which calls it with nothing else
        return mode

    def _training_steps(self) -> set[FunctionNode | None]:
        """Functions whose own tape is asked for gradients with respect to variables."""
        return {
            self.index.def_around(block)
            for block, gradients in self.local.tapes.items() for call in gradients
            if (sources := argument(call, 1, "sources", "var_list")) is not None
            and is_training(sources, self.index, self.index.scope(call))
        }

    # tapes ---------------------------------------------------------------------------------------------------------

    def _tape_sites(self, functions: set[ast.AST]) -> Iterator[Site]:
        """One for each function, or each block at module level, whose tape is asked for a gradient."""
        held: set[ast.AST] = set()
        for block, gradients in self.local.tapes.items():
            owner = self.index.def_around(block)
            node = block if owner is None else owner
            if not gradients or node in functions or node in held or self.judge.in_test(node):
                continue
            decision = self.decisions.on_code(block) if owner is None else self.decisions.on_function(owner)
            if decision is not None and not decision.is_loss:
                continue
            held.add(node)
            framework = self.judge.framework_at(node)
            yield Site(
                module=self.module,
                kind="tape",
                qualname="<tape>" if owner is None else self.module.qualname(owner),
                node=node,
                reason=f"its GradientTape is differentiated in line {gradients[0].lineno}",
                mode=Mode.EAGER if owner is None else self.modes.of(owner, framework),
                roles={} if owner is None else self.judge.roles(owner),
                framework=framework,
                class_node=self.index.class_around(node),
                owner=None if owner is None else self.index.def_around(owner),
            )

    # expressions ---------------------------------------------------------------------------------------------------

    def _expression_sites(self, functions: set[ast.AST]) -> Iterator[Site]:
        """Values fed to minimize, compute_gradients, add_loss, backward and the like, not in losses found already."""
        seen: dict[tuple[ast.AST | None, str], int] = {}
        if not (self.judge.imports_framework or self.module.star_imports):
            return  # SciPy minimises too
        for found in self.local.expressions:
            owner = self.index.def_around(found.call)
            if self._inside(owner, functions) or self.judge.in_test(found.node):
                continue
            decision = self.decisions.on_code(found.node)
            if decision is not None and not decision.is_loss:
                continue
            named = isinstance(found.node, (ast.Name, ast.Attribute))
            text = ast.unparse(found.node) if named else ""
            row = found.node.lineno
            if text:
                before = seen.get((owner, text))
                if before is not None and not self._rebound(last_name(found.node), owner, before, row):
                    continue  # the same value once more
                seen[owner, text] = row
            prefix = "" if owner is None else f"{self.module.qualname(owner)}."
            framework = found.framework or self.judge.framework_at(found.node if owner is None else owner)
            yield Site(
                module=self.module,
                kind="expression",
                qualname=prefix + (last_name(found.node) if named else "<expression>"),
                node=found.node,
                reason=f"{found.reason} in line {row}",
                how=found.how,
                mode=self._expression_mode(found, owner, framework),
                framework=framework,
                class_node=self.index.class_around(found.node),
                owner=owner,
            )

    # models --------------------------------------------------------------------------------------------------------

    def _model_sites(self) -> Iterator[Site]:
        """The functions that compile a model with a loss, where layers of this file may lie on the path."""
        if not self._writes_layers():
            return
        found = {self.index.def_around(model): model for model in self.local.models}
        for owner in list(found):  # who calls a function that builds and compiles knows what it builds from
            if isinstance(owner, ast.FunctionDef) and parameters(owner):
                calls = self.index.calls_by_name.get(owner.name, [])
                found |= {self.index.def_around(c): c for c in calls if isinstance(c.func, ast.Name)}
        for owner, model in found.items():
            if self.judge.in_test(model) or (owner is not None and self.index.class_around(owner) in self._layers()):
                continue
            yield Site(
                module=self.module,
                kind="model",
                qualname="<model>" if owner is None else self.module.qualname(owner),
                node=model if owner is None else owner,
                reason=f"its layers lie before the loss compiled in line {model.lineno}",
                mode=Mode.EAGER if self.modes.fits_eagerly else self.modes.keras,
                class_node=None if owner is None else self.index.class_around(owner),
                owner=None if owner is None else self.index.def_around(owner),
            )

    def _builtin_sites(self) -> Iterator[Site]:
        """The losses of Keras itself, and the names for them, that Keras models are compiled with; and the tensors."""
        for call in self.local.compiles:
            parts = [(part, written(part, self.module)) for part in losses_of(call, self.module)]
            tensors = [part for part, value in parts if is_tensor(value, self.module)]
            wanted = [(part, value) for part, value in parts if part in tensors or is_builtin(value, self.module)]
            if not wanted or self.judge.in_test(call) or not (fitted := self._fitted([(self.module, call)])):
                continue
            heads = self._heads(fitted) if len(parts) == 1 else ()
            for part, value in wanted:
                yield Site(
                    module=self.module,
                    kind="builtin",
                    qualname=builtin_name(part if part in tensors else value),
                    node=part,
                    reason=f"passed to compile(loss=...) in line {call.lineno}",
                    mode=self.modes.keras,
                    compiled=True,
                    roles={"y_true": Role.LABEL, "y_pred": Role.PREDICTION},
                    class_node=self.index.class_around(call),
                    owner=self.index.def_around(call),
                    built_by=value if isinstance(value, ast.Call) and part not in tensors else None,
                    fitted=fitted,
                    heads=heads,
                )

    def _writes_layers(self) -> bool:
        """Whether the file has layers of its own, a ``Lambda`` among them."""
        return "Lambda" in self.index.calls_by_name or bool(self._layers())

    def _layers(self) -> list[ast.ClassDef]:
        kinds = (ClassKind.LAYER, ClassKind.MODEL)
        return [n for n in self.module.nodes if isinstance(n, ast.ClassDef) and self.classes.inherited(n) in kinds]

    def _inside(self, owner: FunctionNode | None, functions: set[ast.AST]) -> bool:
        while owner is not None and owner not in functions:
            owner = self.index.def_around(owner)
        return owner is not None

    def _rebound(self, name: str, owner: FunctionNode | None, after: int, before: int) -> bool:
        values = self.index.bound.get(self.module.tree if owner is None else owner, {}).get(name, [])
        return any(after < getattr(value, "lineno", 0) < before for value in values)

    def _expression_mode(self, found: Minimised, owner: FunctionNode | None, framework: str) -> Mode:
        if framework == "torch":
            return Mode.EAGER
        if owner is not None and (mode := self.modes.of(owner, framework)) is not Mode.UNKNOWN:
            return mode
        if self.modes.tf1 or found.graph:
            return Mode.GRAPH
        return Mode.EAGER if owner is None else Mode.UNKNOWN


def builtin_name(value: ast.expr) -> str:
    """What a loss is called that stands in a call of ``compile``."""
    if isinstance(value, ast.Constant):
        return str(value.value)
    return last_name(value.func if isinstance(value, ast.Call) else value) or "<expression>"


def imported(modules: Iterable[Module], project: Project) -> list[Module]:
    """Some files, and the files of the project that they import from."""
    found = {module.path: module for module in modules}
    for module in list(found.values()):
        for dotted in module.imports.values():
            home = project.resolve(dotted, module)
            home = home.module if isinstance(home, Definition) else home
            if home is not None:
                found.setdefault(home.path, home)
    return list(found.values())


def is_for_numpy(module: Module) -> bool:
    """Whether a file is the NumPy twin of a library that runs on several frameworks: nothing is differentiated there."""
    return "numpy" in module.name.split(".")[:-1]


def is_by_jax(use: Use) -> bool:
    """Whether a use is one of ``jax.grad`` and its like, whatever framework the function itself is written with."""
    return use.call is not None and use.how is How.DIFFERENTIATED and (
        use.module.dotted(wrapper(use.call)) or "").startswith("jax")


def differentiated(function: Function, evidence: Evidence) -> tuple[str, ...]:
    """The parameters that ``jax.grad(f, argnums=...)`` differentiates a function with respect to; the first by default, also
    where nobody does and its name says that it is what is trained."""
    names = [parameter.arg for parameter in parameters(function) if parameter.arg not in ("self", "cls")]
    found: list[str] = []
    for use in evidence.uses:
        if use.call is None or not is_by_jax(use):
            continue
        given = argument(use.call, 1, "argnums")
        try:
            positions = ast.literal_eval(given) if given is not None else 0
        except ValueError:
            return ()
        for position in positions if isinstance(positions, (tuple, list)) else [positions]:
            if isinstance(position, int) and position < len(names):
                found.append(names[position])
    return tuple(dict.fromkeys(found or [name for name in names[:1] if name in TRAINED]))
