"""Is this function a loss, and what says so? The user first, then use, then class, name and signature."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from losslint.project import names
from losslint.project.annotations import is_array
from losslint.project.bodies import (
    Bodies,
    Kind,
    ends_in_vain,
    forgets_return,
    framework_count,
    framework_in,
    framework_of,
)
from losslint.project.classes import Classes, ClassKind
from losslint.project.decisions import CALL_METHODS, Decisions
from losslint.project.index import Function, FunctionNode, Index, defaults, last_name, parameters
from losslint.project.module import Module
from losslint.project.resolve import Resolver, resolver
from losslint.project.roles import Role, has_canonical_pair, has_pair, roles_of
from losslint.project.terms import looks_like_loss
from losslint.project.uses import How, LocalUses, Purpose, Use, Uses, local_uses

MAX_FACTORIES = 3  # factories of factories

_NO_LOSS_CLASSES = (ClassKind.METRIC, ClassKind.TEST, ClassKind.LIGHTNING, ClassKind.MODEL)
_STEPS = ("compute_loss", "training_step")  # methods whose result a framework minimises
_PRINTS = names.words("print info debug write")
_NO_GRADIENT = names.words("no_grad inference_mode")


@dataclass(frozen=True)
class Evidence:
    """Why a function is believed to be a loss."""

    reason: str
    certain: bool = True  # False: only a signature or a word speaks for it
    keras_calls: bool = False  # Keras calls it with (y_true, y_pred)
    uses: tuple[Use, ...] = ()
    how: How = How.OTHER  # what the use that speaks for it does with it


class Judge:
    """Weighs the evidence for the functions of one file."""

    def __init__(self, module: Module, classes: Classes, decisions: Decisions, uses: Uses) -> None:
        self.module = module
        self.index: Index = module.index
        self.classes = classes
        self.decisions = decisions
        self.bodies = Bodies(module)
        self.resolver: Resolver = resolver(module)
        imported = framework_count(module)
        self.framework = framework_of(module)
        self.imports_framework = any(imported.values())
        self._mixed = sum(count > 0 for count in imported.values()) > 1
        self._roles: dict[Function, dict[str, Role]] = {}
        stem = names.parts(module.path.stem)
        folders = {module.path.parent.name, *module.name.split(".")[:-1]}
        self.in_metric_folder = not names.METRIC_FILES.isdisjoint(folders)
        self.in_metric_file = bool(stem) and (stem[-1] in names.METRIC_FILES or stem[0] == "metrics")  # not metric_learning
        self.uses: dict[ast.AST, list[Use]] = {}
        local: LocalUses = local_uses(module)
        self.minimised_in = {self.index.def_around(found.call) for found in local.expressions}
        for node, found in local.functions.items():
            for use in found:
                self._add(node, use)
        for name, called, use in uses.of(module):
            for value in self.index.bound.get(module.tree, {}).get(name, []):
                self._add_foreign(value, called, use)

    def framework_at(self, node: ast.AST) -> str:
        """The framework of one piece of code."""
        return framework_in(self.module, node) if self._mixed else self.framework

    def roles(self, function: Function) -> dict[str, Role]:
        """What the parameters hold, as far as names and the body tell."""
        if function not in self._roles:
            self._roles[function] = roles_of(function)
        return self._roles[function]

    # uses ----------------------------------------------------------------------------------------------------------

    def _add(self, node: ast.AST, use: Use, levels: int = MAX_FACTORIES) -> None:
        """A use of a class is one of its ``call``; a factory passed uncalled stands for what it returns."""
        if isinstance(node, ast.ClassDef):
            if (method := self._called_method(node, use)) is not None:
                self.uses.setdefault(method, []).append(use)
        elif isinstance(node, Function) and (made := self.resolver.returned(node)):
            for target in made:
                if target.node is not None and levels:
                    self._add(target.node, use, levels - 1)
        else:
            self.uses.setdefault(node, []).append(use)

    def _called_method(self, node: ast.ClassDef, use: Use) -> FunctionNode | None:
        kind = self.classes.kind(node)
        method = self.classes.method(node, *CALL_METHODS)
        if kind in _NO_LOSS_CLASSES or method is None:
            return None
        told = kind in (ClassKind.LOSS, ClassKind.REGULARIZER) or use.purpose is Purpose.COMPILE
        return method if told or has_pair(self.roles(method)) else None

    def _add_foreign(self, value: ast.AST, called: bool, use: Use) -> None:
        """A use in another file: of a name of this one, or of what calling it returned."""
        for target in self.resolver.targets(value, self.module.tree):
            node = target.node
            if node is None or target.called:
                continue
            if called and isinstance(node, Function):
                for made in self.resolver.returned(node):
                    if made.node is not None:
                        self._add(made.node, use)
            else:
                self._add(node, use)

    # judging -------------------------------------------------------------------------------------------------------

    def evidence(self, function: Function) -> Evidence | None:
        """Why ``function`` is a loss; None when it is not."""
        uses = self.uses.get(function, [])
        losses = tuple(use for use in uses if use.purpose is not Purpose.METRIC)
        keras_calls = any(use.purpose is Purpose.COMPILE for use in losses)
        if (decision := self.decisions.on_function(function)) is not None:
            return Evidence(decision.reason, keras_calls=keras_calls, uses=losses) if decision.is_loss else None
        if losses and (keras_calls or self._is_used_as_value(function, losses)):
            first = next((use for use in losses if use.purpose is Purpose.COMPILE), losses[0])
            return Evidence(self._describe(first), keras_calls=keras_calls, uses=losses, how=first.how)
        home = self.index.scope(function)
        if len(uses) > len(losses) and not (isinstance(home, ast.ClassDef) and getattr(
                function, "name", "") in CALL_METHODS and self.classes.kind(home) is ClassKind.LOSS):
            return None  # a metric and nothing else
        if isinstance(function, ast.Lambda):
            return self._by_maker(function)
        found: Evidence | None = None
        if isinstance(home, ast.ClassDef) and function.name in (*CALL_METHODS, *_STEPS):
            found = self._by_class(function, home)
        found = found or self._by_name(function)
        if found is None or function.name.startswith(("test_", "setUp")):
            return None
        if is_array(function.returns) and not self._is_numpy_loss(function):
            return None  # it says that nothing can be trained by it
        in_metric = isinstance(home, ast.ClassDef) and self.classes.kind(home) in (ClassKind.METRIC, ClassKind.TEST)
        return None if in_metric else found

    def _describe(self, use: Use) -> str:
        if use.module is not self.module:
            return f"{use.reason} in {use.module.path.name}"
        return use.reason + (f" in line {use.call.lineno}" if use.call is not None else "")

    def _is_used_as_value(self, function: Function, uses: tuple[Use, ...]) -> bool:
        """A used function is a loss unless it builds something, or is a mere factor or helper in a sum."""
        name = getattr(function, "name", "")
        if self.in_test(function) and not names.names_loss(name):
            return False
        if not self.imports_framework and all(use.module is self.module for use in uses) and (
                self.bodies.computes(function) is not True):
            return False  # scipy.optimize has losses too
        if isinstance(function, ast.Lambda) and all(use.call is None for use in uses) and (
                self.bodies.numpy_only(function) and not has_canonical_pair(function)):
            return False  # only its name says loss: a formula of NumPy among others
        if all(use.purpose is Purpose.TERM for use in uses):
            named = looks_like_loss(function)
            if self._rescales(function) or (not named and self._detaches(function)):
                return False
            here = any(use.module is self.module for use in uses)
            if not named and (not here or (parameters(function) and self.bodies.computes(function) is False)):
                return False
        if self.bodies.result(function) is Kind.NOTHING:  # jax.grad raises: LL404
            return any(use.purpose is Purpose.GRADIENT for use in uses)
        return self.bodies.result(function) is not Kind.OBJECT and not self.resolver.returned(function)

    def _by_class(self, function: FunctionNode, home: ast.ClassDef) -> Evidence | None:
        inherited, kind = self.classes.inherited(home), self.classes.kind(home)
        if function.name == "compute_loss" and inherited is ClassKind.MODEL and forgets_return(function) and (
                "y_pred" in self.roles(function)):
            return Evidence("Keras minimises what compute_loss returns")  # None: LL404
        if function.name == "forward" and kind is ClassKind.LOSS and ends_in_vain(function):
            return Evidence(f"{home.name} is a loss class")  # None as well
        if self.bodies.result(function) in (Kind.NOTHING, Kind.FUNCTION, Kind.OBJECT):
            return None
        if function.name == "compute_loss" and inherited is ClassKind.MODEL:
            return Evidence("Keras minimises what compute_loss returns")
        # NumPy in a class of a framework is a mistake in a loss; NumPy in a class of its own is NumPy's business
        computes = self.classes.derives(home) or self.bodies.computes(function) is not False
        if function.name in CALL_METHODS and computes and not (
                function in self.minimised_in and inherited is not ClassKind.LOSS):
            if kind is ClassKind.LOSS:
                keras = self.framework_at(function) == "tensorflow" and function.name == "call"
                return Evidence(f"{home.name} is a loss class", keras_calls=keras)
            if kind is ClassKind.REGULARIZER:
                return Evidence(f"{home.name} is a regularizer")
            if names.has_loss_word(home.name) and self._takes_pair(function) and kind is not ClassKind.MODEL:
                return Evidence(f"{home.name}.{function.name} takes labels and predictions", certain=False)
        if function.name == "training_step" and self.framework == "torch" and (
                kind is ClassKind.LIGHTNING or len(parameters(function)) >= 2):
            return Evidence("Lightning minimises what training_step returns")
        return None

    def _takes_pair(self, function: FunctionNode) -> bool:
        """Whether a label and a prediction come in; ``(input, target)`` are PyTorch's own names of the two. A head with a
        margin takes both and returns scores."""
        roles = self.roles(function)
        given = self.framework == "torch" and not roles.keys().isdisjoint({"input", "inputs"})
        return has_pair(roles) or (given and Role.LABEL in roles.values() and self.bodies.aggregates(function))

    def _by_name(self, function: FunctionNode) -> Evidence | None:
        name, maker = function.name, self._maker(function)
        named, made = names.names_loss(name), names.names_loss(maker)
        word = names.has_loss_word(name) or names.has_loss_word(maker)
        canonical = has_canonical_pair(function)
        if not (named or made or word or canonical or function.decorator_list):
            return None
        roles = self.roles(function)
        if (registry := self._registry(function)) and self.bodies.result(function) >= Kind.UNKNOWN:
            return Evidence(f"registered by @{registry}")
        if name == "losses" and not roles:
            return None  # a collection that a layer or model keeps
        pair = canonical or has_pair(roles)
        if self._is_helper(function, roles, pair, strong=canonical and (named or made)):
            return None
        if named:
            certain = not self.in_metric_file and not self._is_numpy_loss(function)
            return Evidence(f"its name contains 'loss': {name}", certain=certain)
        if made and roles:
            return Evidence(f"returned by {maker}", certain=not self.in_metric_file)
        if self.in_metric_file or names.names_metric(name) or names.names_helper(name) or takes_bits(function, roles):
            return None
        if function in self.minimised_in or self._hands_back(function):
            return None  # the loss is what it minimises, or what is made of what it hands back
        if canonical:
            listed = ", ".join(a.arg for a in parameters(function)[:3])
            return Evidence(f"its signature takes labels and predictions: ({listed})", certain=False)
        if word and self.imports_framework:
            if pair:
                return Evidence(f"it is named {maker or name} and takes labels and predictions", certain=False)
            if (label := self._aggregated(function)) is not None:
                return Evidence(f"it is named {maker or name} and takes the mean or sum over {label}", certain=False)
        return None

    def _aggregated(self, function: FunctionNode) -> str | None:
        """The label of ``gaussian_nll(y, mu, sigma)``: a mean or sum over it and all else that must be passed, by a function
        that does not measure."""
        given = defaults(function)
        needed = [a.arg for a in (*function.args.posonlyargs, *function.args.args) if a.arg not in given]
        if len(needed) < 2 or needed[0].lower() not in names.FIRST_LABELS or not names.MEASURES.isdisjoint(
                names.parts(function.name)) or isinstance(self.index.scope(function), ast.ClassDef):
            return None
        computes = self.bodies.computes(function) is True and self.bodies.aggregates(function)
        return needed[0] if computes and set(needed) <= self.bodies.inputs(function) else None

    def _registry(self, function: FunctionNode) -> str:
        """The decorator that registers it as a loss: ``@LOSSES.register_module()``, ``@register_loss("x")``."""
        for decorator in function.decorator_list:
            node = decorator.func if isinstance(decorator, ast.Call) else decorator
            dotted = self.module.dotted(node) or ""
            if any(names.names_loss(part) for part in dotted.split(".")[-2:]):
                return dotted
        return ""

    def _rescales(self, function: Function) -> bool:
        """``scale_loss(loss)``: works on a loss that was computed before."""
        given = [a.arg for a in parameters(function) if a.arg not in {"self", "cls"}]
        return bool(given) and names.names_loss(given[0]) and names.names_helper(getattr(function, "name", ""))

    def _detaches(self, function: Function) -> bool:
        """``return tf.stop_gradient(p)``: makes a target."""
        values = self.bodies.returned_values(function)
        return bool(values) and all(
            isinstance(value, ast.Call) and last_name(value.func) in names.DETACHES for value in values)

    def _hands_back(self, function: FunctionNode) -> bool:
        """``return y_true, y_pred``: prepares the arguments of a loss."""
        given = {a.arg for a in parameters(function)}
        return any(
            isinstance(value, ast.Tuple) and sum(isinstance(e, ast.Name) and e.id in given for e in value.elts) > 1
            for value in self.bodies.returned_values(function))

    def _by_maker(self, function: ast.Lambda) -> Evidence | None:
        """A lambda that a loss factory returns."""
        maker = self._maker(function)
        named = names.names_loss(maker)
        pair = has_canonical_pair(function) or has_pair(self.roles(function))
        if not (named or (names.has_loss_word(maker) and pair)) or self.in_metric_folder:
            return None
        if not parameters(function) or self.bodies.computes(function) is False:
            return None
        return Evidence(f"returned by {maker}", certain=named)

    def _maker(self, function: Function) -> str:
        """The name of the factory that returns the function; empty when none does."""
        owner = self.index.def_around(function)
        if owner is not None and any(target.node is function for target in self.resolver.returned(owner)):
            return owner.name
        return ""

    # what looks like a loss and is none ----------------------------------------------------------------------------

    def _is_helper(self, function: FunctionNode, roles: dict[str, Role], pair: bool, strong: bool) -> bool:
        """Whether a function named or shaped like a loss is something else: a plot, a factory, a NumPy twin."""
        result, computes = self.bodies.result(function), self.bodies.computes(function)
        if result in (Kind.PYTHON, Kind.NUMPY) and not self.bodies.depends(function):
            return True  # the best of some thresholds
        if names.parts(function.name)[:1] and names.parts(function.name)[0] in names.VALIDATES:
            return True  # its detached predictions are meant
        if self._is_numpy_loss(function):
            return False
        if names.names_helper(function.name) and not pair and not (
                names.names_maker(function.name) and roles and result is Kind.TENSOR):
            return True
        if self.in_metric_folder or self.resolver.returned(function):
            return True
        if result in (Kind.NOTHING, Kind.FUNCTION, Kind.OBJECT):
            return True
        if computes is False and not (pair and self.imports_framework and self._is_arithmetic(function)):
            return True
        if computes is None and not (pair or (self.imports_framework and roles)):
            return True
        if computes is not True and (result is Kind.NUMPY or not roles):
            return True
        return not strong and (
            result in (Kind.PYTHON, Kind.NUMPY) or self._without_gradient(function) or self._only_printed(function))

    def _is_numpy_loss(self, function: FunctionNode) -> bool:
        """``def my_loss(y_true, y_pred): return np.mean(...)`` beside Keras: the beginner's loss, unless it measures.

        A function that measures is called with arrays, says so in its name, or stands in a test or beside metrics.
        """
        split = names.parts(function.name)
        return (
            self.framework_at(function) == "tensorflow" and self.imports_framework
            and names.names_loss(function.name) and not names.names_helper(function.name)
            and self.bodies.numpy_only(function) and self.bodies.result(function) >= Kind.PYTHON
            and has_canonical_pair(function) and not isinstance(self.index.scope(function), ast.ClassDef)
            and function.name not in self.index.calls_by_name and names.MEASURES.isdisjoint(split)
            and not (self.in_metric_file or self.in_metric_folder or self.in_test(function)))

    def _is_arithmetic(self, function: FunctionNode) -> bool:
        """``return y_true * y_pred``, ``return min(y_true, y_pred)``: no call that could be NumPy's, no branch."""
        nodes = list(ast.walk(function))
        kinds = {type(node) for node in nodes}
        picks = any(isinstance(n, ast.Call) and last_name(n.func) in {"min", "max", "abs", "sum"} for n in nodes)
        return (ast.BinOp in kinds or picks) and ast.If not in kinds and not self.bodies.numpy_only(function)

    def _without_gradient(self, function: FunctionNode) -> bool:
        """Whether all of it runs under ``no_grad``, but for what makes a number of the result."""
        wrapped = [d.func if isinstance(d, ast.Call) else d for d in function.decorator_list]
        body = [s for s in function.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
        after = (n for s in body[1:] for n in ast.walk(s) if isinstance(n, ast.Call))
        goes_on = any(self.bodies.origin(call) == "framework" for call in after)
        for statement in body[-1:] if goes_on else body[:1] + body[-1:]:
            if isinstance(statement, ast.With):
                wrapped += [i.context_expr.func for i in statement.items if isinstance(i.context_expr, ast.Call)]
        return any(last_name(node) in _NO_GRADIENT for node in wrapped)

    def _only_printed(self, function: FunctionNode) -> bool:
        calls = self.index.calls_by_name.get(function.name, [])
        return bool(calls) and all(self._is_printed(call) for call in calls)

    def _is_printed(self, call: ast.Call) -> bool:
        for around in self.index.ancestors(call):
            if isinstance(around, ast.Call) and last_name(around.func) in _PRINTS:
                return True
            if isinstance(around, ast.stmt):
                return False
        return False

    def in_test(self, node: ast.AST) -> bool:
        """Whether the code stands in a test function or a test class."""
        around = (a for a in (node, *self.index.ancestors(node)) if isinstance(a, FunctionNode | ast.ClassDef))
        return any(a.name.startswith("test") or (isinstance(a, ast.ClassDef) and "test" in names.parts(a.name))
                   for a in around)


def takes_bits(function: FunctionNode, roles: dict[str, Role]) -> bool:
    """Whether a prediction is combined bit by bit, ``preds & target``: a mask that is counted, not trained."""
    pairs = (n for n in ast.walk(function) if isinstance(n, ast.BinOp) and isinstance(n.op, (ast.BitAnd, ast.BitOr)))
    return any(isinstance(side, ast.Name) and roles.get(side.id) is Role.PREDICTION
               for pair in pairs for side in (pair.left, pair.right))
