"""Where functions, classes and expressions are used as losses or as metrics: what the calls of a file say."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from losslint.project import names
from losslint.project.index import (
    Function,
    FunctionNode,
    Index,
    Scope,
    argument,
    defaults,
    dotted_root,
    keyword,
    last_name,
    parameters,
)
from losslint.project.module import Definition, Module, Project
from losslint.project.resolve import Target, resolver
from losslint.project.roles import has_pair, roles_of
from losslint.project.terms import terms

_JAX_GRAD = names.words(
    "grad value_and_grad filter_grad filter_value_and_grad jacfwd jacrev value_and_gradient hessian",
)
_LIBRARIES = names.words("tensorflow keras tf_keras torch jax flax optax numpy functools")
_ESTIMATOR_SPECS = names.words("EstimatorSpec TPUEstimatorSpec")
_VARIABLES = names.words("variables weights vars params parameters theta var variable")
_SOURCES = names.words("trainable_variables trainable_weights variables weights trainable_vars parameters params vars")


class Purpose(enum.Enum):
    """What a piece of code is used for."""

    COMPILE = "compile"  # Keras calls it with (y_true, y_pred)
    LOSS = "loss"
    GRADIENT = "gradient"  # jax.grad differentiates it
    TERM = "term"  # its result is part of a sum that is differentiated
    METRIC = "metric"


class How(enum.Enum):
    """What a call does with a loss that it is handed."""

    DIFFERENTIATED = "differentiated"  # by a tape, backward, jax.grad, gradients
    ADDED = "added"  # by add_loss to the loss of the model
    OTHER = "other"  # minimised, wrapped, named as an argument


@dataclass(frozen=True)
class Use:
    """One place that uses a function or class."""

    purpose: Purpose
    reason: str
    module: Module
    call: ast.Call | None = None  # the compile(...) or other call
    built_by: ast.Call | None = None
    scope: Scope | None = None
    runs_eagerly: bool = False
    how: How = How.OTHER


@dataclass(frozen=True)
class Minimised:
    """An expression whose value is differentiated or minimised."""

    node: ast.expr
    reason: str
    call: ast.Call
    graph: bool = False  # certainly TensorFlow 1 style
    framework: str = ""  # where the call itself tells
    how: How = How.OTHER


@dataclass
class LocalUses:
    """What the calls of one file say."""

    functions: dict[ast.AST, list[Use]] = field(default_factory=dict)
    foreign: list[tuple[str, bool, Use]] = field(default_factory=list)  # dotted name, whether it was called there
    expressions: list[Minimised] = field(default_factory=list)
    tapes: dict[ast.AST, list[ast.Call]] = field(default_factory=dict)  # with block -> gradient calls on its tape
    compiles: list[ast.Call] = field(default_factory=list)  # compile(loss=...)
    models: list[ast.expr] = field(default_factory=list)  # what is compiled with a loss, or given for it by callers
    compiled: dict[ast.AST, str] = field(default_factory=dict)  # function -> tf.function | jit around it
    called_from: dict[ast.AST, list[ast.AST]] = field(default_factory=dict)  # handed to strategy.run(...) and the like


@dataclass
class Uses:
    """Uses found in other files of the run: file -> its names, whether they were called first, and the use."""

    by_file: dict[Path, list[tuple[str, bool, Use]]] = field(default_factory=dict)

    def of(self, module: Module) -> list[tuple[str, bool, Use]]:
        """(name, called, use) for the names of one file."""
        return self.by_file.get(module.resolved_path, [])


def collect_uses(modules: Iterable[Module], project: Project) -> Uses:
    """Uses across the files of a run: ``compile(loss=pkg.losses.f)`` in one file makes ``f`` a loss in another."""
    found = Uses()
    for module in modules:
        own = module.name.partition(".")[0]
        for dotted, called, use in local_uses(module).foreign:
            if dotted.partition(".")[0] in _LIBRARIES - {own}:
                continue
            home = project.resolve(dotted, module)
            if isinstance(home, Definition) and home.module is not module:
                found.by_file.setdefault(home.module.resolved_path, []).append((home.name, called, use))
    return found


def local_uses(module: Module) -> LocalUses:
    """What the calls of this file say, computed once."""
    found = module.notes.get("uses")
    if not isinstance(found, LocalUses):
        found = module.notes["uses"] = _Collector(module).collect()
    return found


class _Collector:
    """Walks over the calls and assignments of one file."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.index: Index = module.index
        self.resolver = resolver(module)
        self.found = LocalUses()

    def collect(self) -> LocalUses:
        self._tapes()
        for call in self.index.calls:
            self._call(call)
        for assignment in self.index.assignments:
            self._assignment(assignment)
        for function in self.index.functions:
            for decorator in getattr(function, "decorator_list", []):
                self._decorated(function, decorator)
            for name, value in defaults(function).items():
                if _loss_keyword(name):
                    self._use(value, self.index.scope(function), Purpose.LOSS, f"default of {name}", None)
        return self.found

    # calls -----------------------------------------------------------------------------------------------------

    def _call(self, call: ast.Call) -> None:
        name = last_name(call.func)
        handler = _HANDLERS.get(name)
        if handler is not None:
            handler(self, call)
        for given in call.keywords:
            if given.arg is None or (name == "compile" and given.arg in {"loss", "metrics", "weighted_metrics"}):
                continue
            if _metric_keyword(given.arg):
                self._use(given.value, self.index.scope(call), Purpose.METRIC, f"{given.arg}=", call)
            elif _loss_keyword(given.arg):
                self._use(given.value, self.index.scope(call), Purpose.LOSS, f"passed as {given.arg}= to {name}", call)
                if name in _ESTIMATOR_SPECS and given.arg == "loss":
                    self._differentiated(given.value, call, f"loss of {name}")
            elif given.arg.endswith(("_regularizer", "_regulariser")):
                self._use(given.value, self.index.scope(call), Purpose.LOSS, f"passed as {given.arg}=", call)
        if name.endswith(("LossFunctionWrapper", "MeanMetricWrapper", "SumOverBatchSizeMetricWrapper")) and call.args:
            purpose = Purpose.COMPILE if "Loss" in name else Purpose.METRIC
            self._use(call.args[0], self.index.scope(call), purpose, f"wrapped by {name}", call)

    def _compile(self, call: ast.Call) -> None:
        if not isinstance(call.func, ast.Attribute):
            return
        receiver = (self.module.dotted(call.func.value) or "").partition(".")[0]
        if receiver in {"re", "torch", "regex", "jax", "nn", "sre_compile"} and keyword(call, "loss") is None:
            return
        scope = self.index.scope(call)
        eager = keyword(call, "run_eagerly")
        runs_eagerly = isinstance(eager, ast.Constant) and eager.value is True
        if (loss := argument(call, 1, "loss")) is not None:
            self._use(loss, scope, Purpose.COMPILE, "passed to compile(loss=...)", call, runs_eagerly, called=True)
            self.found.compiles.append(call)
            self._compiled_model(call.func.value, call)
        for metrics in (argument(call, 2, "metrics"), keyword(call, "weighted_metrics")):
            if metrics is not None:
                self._use(metrics, scope, Purpose.METRIC, "metrics=", call)

    def _compiled_model(self, model: ast.expr, call: ast.Call) -> None:
        """The place where the compiled model is known: here, or where a function that compiles is given one."""
        given = self._given_by_callers(model.id, self.index.scope(call)) if isinstance(model, ast.Name) else None
        self.found.models += [call] if given is None else [value for _, value in given]

    def _add_loss(self, call: ast.Call) -> None:
        home = self.index.class_around(call)
        if home is not None and any(getattr(s, "name", "") == "add_loss" for s in home.body):
            return  # the framework's own layer class
        if (value := argument(call, 0, "losses", "loss")) is not None:
            self._differentiated(value, call, "passed to add_loss", How.ADDED)

    def _minimize(self, call: ast.Call) -> None:
        dotted = self.module.dotted(call.func) or ""
        if dotted.startswith(("scipy", "lmfit")) or not isinstance(call.func, ast.Attribute):
            return
        if (value := argument(call, 0, "loss", "loss_fn")) is not None and keyword(call, "tape") is None:
            self._differentiated(value, call, f"fed to {call.func.attr}")

    def _train_op(self, call: ast.Call) -> None:
        """``create_train_op(loss, ...)``, ``optimize_loss(loss, ...)``, ``optimizer.get_updates(loss=..., params=...)``."""
        value = argument(call, 0, "total_loss", "loss")
        if value is not None and (value is keyword(call, "loss", "total_loss") or names.names_loss(last_name(value))):
            self._differentiated(value, call, f"fed to {last_name(call.func)}")

    def _gradients(self, call: ast.Call) -> None:
        if (value := argument(call, 0, "ys", "loss")) is not None and len(call.args) + len(call.keywords) > 1:
            dotted = self.module.dotted(call.func) or ""
            if isinstance(call.func, ast.Attribute) and dotted_root(call.func) not in {"self", "cls"}:
                reason = f"differentiated by {dotted or 'gradients'}"
                self._differentiated(value, call, reason, How.DIFFERENTIATED, graph=True)

    def _backward(self, call: ast.Call) -> None:
        if not isinstance(call.func, ast.Attribute) or not imports_root(self.module, "torch"):
            return
        receiver: ast.expr = call.func.value
        given = call.args[0] if call.args else None
        if given is not None and (call.func.attr == "manual_backward" or names.names_loss(last_name(given))
                                  or dotted_root(receiver) == "torch"):
            receiver = given
        if isinstance(receiver, ast.Call) and last_name(receiver.func) == "scale" and receiver.args:
            receiver = receiver.args[0]
        if isinstance(receiver, ast.Call) and last_name(receiver.func) == "super":
            return
        if isinstance(receiver, ast.Name) and receiver.id in {"self", "cls", "ctx"}:
            return
        self._differentiated(receiver, call, "differentiated by backward()", How.DIFFERENTIATED, framework="torch")

    def _jax_grad(self, call: ast.Call) -> None:
        if not call.args:
            return
        root = dotted_root(call.func)
        if isinstance(call.func, ast.Name) and root not in self.module.imports:
            return
        if root in {"self", "tape", "tf"}:
            return
        dotted = self.module.dotted(call.func) or ""
        if dotted.startswith(("torch.autograd", "numpy")):
            return
        reason = f"differentiated by {dotted}"
        self._use(call.args[0], self.index.scope(call), _purpose(dotted), reason, call, how=How.DIFFERENTIATED)

    def _decorated(self, function: Function, decorator: ast.expr) -> None:
        """``@jax.value_and_grad``, ``@partial(jax.grad, argnums=2)``, ``@eqx.filter_grad(has_aux=True)``."""
        call = decorator if isinstance(decorator, ast.Call) else None
        dotted = self.module.dotted(decorator if call is None else wrapper(call)) or ""
        if dotted.rpartition(".")[2] in _JAX_GRAD and dotted.startswith(("jax", "equinox", "flax")):
            self._mark(Target(function), _purpose(dotted), f"differentiated by {dotted}", call, how=How.DIFFERENTIATED)

    def _wrapped(self, call: ast.Call) -> None:
        """``tf.function(f)``, ``jax.jit(f)``."""
        dotted = self.module.dotted(call.func) or ""
        if call.args and dotted.startswith(("tensorflow", "tf", "jax", "torch")):
            for target in self.resolver.targets(call.args[0], self.index.scope(call)):
                if target.node is not None and not target.called:
                    self.found.compiled.setdefault(target.node, dotted)

    def _run(self, call: ast.Call) -> None:
        """``strategy.run(step, args=...)`` calls ``step``."""
        if call.args and isinstance(call.args[0], (ast.Name, ast.Attribute)):
            for target in self.resolver.targets(call.args[0], self.index.scope(call)):
                if target.node is not None and not target.called:
                    self.found.called_from.setdefault(target.node, []).append(call)

    def _wrapped_by_base(self, call: ast.Call) -> None:
        """``super().__init__(fn, ...)`` in a class that wraps a function as a loss or a metric."""
        home = self.index.class_around(call)
        if home is None or not call.args:
            return
        bases = [last_name(base) for base in home.bases]
        for base in bases:
            if base.endswith(("LossFunctionWrapper", "Loss")):
                # Keras passes (y_true, y_pred) to what its own wrapper holds; another class may pass anything
                purpose = Purpose.COMPILE if base.endswith("LossFunctionWrapper") else Purpose.LOSS
                reason = f"wrapped by the loss class {home.name}"
                self._use(call.args[0], self.index.scope(call), purpose, reason, call)
            elif "Metric" in base or base == "Mean":
                self._use(call.args[0], self.index.scope(call), Purpose.METRIC, f"wrapped by {home.name}", call)

    # tapes -----------------------------------------------------------------------------------------------------

    def _tapes(self) -> None:
        blocks: dict[tuple[Scope, str], list[ast.With | ast.AsyncWith]] = {}
        for block in self.index.withs:
            for item in block.items:
                if (name := self._tape_name(item, block)) is not None:
                    self.found.tapes[block] = []
                    blocks.setdefault((self.index.scope(block), name), []).append(block)
        if not blocks:
            return
        for attribute in ("gradient", "jacobian", "batch_jacobian"):
            for call in self.index.calls_by_name.get(attribute, []):
                tape = call.func.value if isinstance(call.func, ast.Attribute) else None
                if isinstance(tape, ast.Name):
                    self._tape_gradient(call, tape.id, blocks)
        for minimiser in ("minimize", "_compute_gradients"):
            for call in self.index.calls_by_name.get(minimiser, []):
                if isinstance(given := keyword(call, "tape"), ast.Name):
                    self._tape_gradient(call, given.id, blocks)

    def _tape_name(self, item: ast.withitem, block: ast.AST) -> str | None:
        made: ast.AST = item.context_expr
        name = item.optional_vars.id if isinstance(item.optional_vars, ast.Name) else None
        if isinstance(made, ast.Name):
            values, _ = self.index.lookup(made.id, self.index.scope(block))
            name, made = made.id, next((v for v in values if isinstance(v, ast.Call)), made)
        if isinstance(made, ast.Call) and last_name(made.func) == "GradientTape":
            return name
        return None

    def _tape_gradient(
        self, call: ast.Call, tape: str, blocks: dict[tuple[Scope, str], list[ast.With | ast.AsyncWith]],
    ) -> None:
        scope: Scope = self.index.scope(call)
        while (scope, tape) not in blocks:
            if isinstance(scope, ast.Module):
                return
            scope = self.index.scope(scope)
        candidates = [block for block in blocks[scope, tape] if block.lineno <= call.lineno]
        if not candidates:
            return
        self.found.tapes[candidates[-1]].append(call)
        target = argument(call, 0, "target", "loss")
        sources = argument(call, 1, "sources", "var_list")
        if target is not None and sources is not None and is_training(sources, self.index, self.index.scope(call)):
            reason = f"differentiated by {tape}.{last_name(call.func)}"
            self._mark_terms(target, call, reason, How.DIFFERENTIATED, self._before(candidates[-1]))

    def _before(self, block: ast.With | ast.AsyncWith) -> set[ast.AST]:
        """The calls that a function has made when it opens a tape: they are not recorded."""
        around = self.index.scope(block)
        return {call for call in self.index.calls if call.lineno < block.lineno and self.index.scope(call) is around}

    # what the value of an expression is made of ------------------------------------------------------------------

    def _differentiated(
        self, value: ast.expr, call: ast.Call, reason: str, how: How = How.OTHER, graph: bool = False, framework: str = "",
        levels: int = 2,
    ) -> None:
        """A function that is differentiated, or an expression with the functions it is a sum of."""
        scope = self.index.scope(call)
        around = self.index.def_around(call)
        if isinstance(around, FunctionNode) and around.name in _HANDLERS and around.name != "__init__":
            own = {parameter.arg for parameter in parameters(around)} - {"self"}
            if "ctx" in own or dotted_root(value) in own:
                return  # an optimizer's own minimize, a layer's own add_loss: they pass on what they are given
        functions = [] if isinstance(value, ast.Call) else [
            t for t in self.resolver.targets(value, scope) if not t.called and isinstance(t.node, Function)]
        if functions:
            for target in functions:
                self._mark(target, Purpose.LOSS, reason, call, how=how)
        elif isinstance(value, ast.Name) and (callers := self._given_by_callers(value.id, scope)) is not None:
            for caller, given in callers if levels else []:
                self._differentiated(given, caller, reason, how, graph, framework, levels - 1)
        elif not isinstance(value, ast.Constant):
            self._mark_terms(value, call, reason, how)
            self.found.expressions.append(Minimised(value, reason, call, graph, framework, how))

    def _given_by_callers(self, name: str, scope: Scope) -> list[tuple[ast.Call, ast.expr]] | None:
        """What callers in this file pass for a parameter that is minimised; None if the name is no parameter."""
        values, home = self.index.lookup(name, scope)
        if values or not isinstance(home, Function):
            return None
        return self.resolver.passed(home, name)

    def _mark_terms(
        self, value: ast.expr, call: ast.Call, reason: str, how: How, without: Iterable[ast.AST] = ()
    ) -> None:
        """Mark the functions that a differentiated value is a sum of; mere factors only if they look like losses."""
        for target in terms(value, self.index.scope(call), self.module, without):
            self._mark(target, Purpose.TERM, reason, call, how=how)

    # assignments -------------------------------------------------------------------------------------------------

    def _assignment(self, assignment: ast.Assign | ast.AnnAssign) -> None:
        value = assignment.value
        if value is None or isinstance(value, ast.Constant):
            return
        targets = assignment.targets if isinstance(assignment, ast.Assign) else [assignment.target]
        for target in targets:
            name = last_name(target.value if isinstance(target, ast.Subscript) else target)
            if not name:
                continue
            if _metric_keyword(name.lower()):
                self._use(value, self.index.scope(assignment), Purpose.METRIC, f"assigned to {name}", None)
            elif names.names_loss(name) or name.lower() in names.LOSS_KEYWORDS:
                self._use(value, self.index.scope(assignment), Purpose.LOSS, f"assigned to {name}", None)

    # recording -----------------------------------------------------------------------------------------------------

    def _use(
        self, value: ast.expr, scope: Scope, purpose: Purpose, reason: str, call: ast.Call | None,
        runs_eagerly: bool = False, called: bool = False, how: How = How.OTHER,
    ) -> None:
        if isinstance(value, ast.Constant):
            return
        for target in self.resolver.targets(value, scope):
            if target.called and target.node is not None and not (
                    called and isinstance(target.node, Function) and has_pair(roles_of(target.node))):
                continue  # loss=f(x): a value, not a function
            self._mark(target, purpose, reason, call, runs_eagerly, how)

    def _mark(
        self, target: Target, purpose: Purpose, reason: str, call: ast.Call | None, runs_eagerly: bool = False,
        how: How = How.OTHER,
    ) -> None:
        scope = self.index.scope(call) if call is not None else None
        use = Use(purpose, reason, self.module, call, target.built_by, scope, runs_eagerly, how)
        if target.node is not None:
            self.found.functions.setdefault(target.node, []).append(use)
        else:
            self.found.foreign.append((target.dotted, target.called, use))


_HANDLERS = {
    "compile": _Collector._compile,
    "add_loss": _Collector._add_loss,
    "minimize": _Collector._minimize,
    "compute_gradients": _Collector._minimize,
    "gradients": _Collector._gradients,
    "backward": _Collector._backward,
    "manual_backward": _Collector._backward,
    "create_train_op": _Collector._train_op,
    "optimize_loss": _Collector._train_op,
    "get_updates": _Collector._train_op,
    "get_gradients": _Collector._train_op,
    "function": _Collector._wrapped,
    "jit": _Collector._wrapped,
    "run": _Collector._run,
    "experimental_run_v2": _Collector._run,
    "__init__": _Collector._wrapped_by_base,
    **dict.fromkeys(_JAX_GRAD, _Collector._jax_grad),
}


def wrapper(call: ast.Call) -> ast.expr:
    """What a call wraps a function with: ``jax.grad`` in ``jax.grad(f)`` and in ``partial(jax.grad, argnums=1)``."""
    return call.args[0] if last_name(call.func) == "partial" and call.args else call.func


def _purpose(dotted: str) -> Purpose:
    return Purpose.GRADIENT if dotted in ("jax.grad", "jax.value_and_grad") else Purpose.LOSS


def _loss_keyword(name: str) -> bool:
    return name in names.LOSS_KEYWORDS or names.names_loss(name)


def _metric_keyword(name: str) -> bool:
    return name in names.METRIC_KEYWORDS


def is_training(sources: ast.expr, index: Index, scope: Scope) -> bool:
    """Whether a gradient is taken with respect to variables (training), not inputs (a physics term, a saliency map)."""
    for node in ast.walk(sources):
        name = last_name(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
        if not name:
            continue
        if not _VARIABLES.isdisjoint(names.parts(name)):
            return True
        if isinstance(node, ast.Name):
            values, _ = index.lookup(name, scope)
            for value in values:
                if any(isinstance(inner, (ast.Name, ast.Attribute)) and (
                        last_name(inner) in _SOURCES or last_name(inner) == "Variable") for inner in ast.walk(value)):
                    return True
    return False


def imports_root(module: Module, *roots: str) -> bool:
    """Whether the file imports one of these top-level packages."""
    return any(dotted.partition(".")[0] in roots for dotted in (*module.imports.values(), *module.star_imports))

