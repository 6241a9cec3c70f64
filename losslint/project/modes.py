"""How a framework runs the code of a loss: traced with or without AutoGraph, or as plain Python."""

from __future__ import annotations

import ast
import enum

from losslint.project import names
from losslint.project.classes import Classes, ClassKind
from losslint.project.index import Function, Index, Scope, keyword, last_name
from losslint.project.module import Module
from losslint.project.resolve import resolver
from losslint.project.uses import LocalUses, Purpose, Use, imports_root

MAX_CALLERS = 6  # levels of callers asked how a function is run

_TF1_NAMES = names.words(
    "placeholder Session InteractiveSession disable_v2_behavior disable_eager_execution get_variable",
)
_KERAS_STEPS = names.words("train_step test_step compute_loss")


class Mode(enum.Enum):
    """How a framework runs the code of a site."""

    GRAPH = "graph"  # traced without AutoGraph: Keras 3 fit, train_step, Layer.call
    AUTOGRAPH = "autograph"  # traced with AutoGraph: the user's own @tf.function, Keras 2 fit
    EAGER = "eager"  # plain Python under a GradientTape, or run_eagerly=True
    UNKNOWN = "unknown"  # a library function that nobody calls here


class Modes:
    """Answers for the functions of one file."""

    def __init__(self, module: Module, uses: LocalUses, classes: Classes, keras_version: int,
                 runs: tuple[str, ...]) -> None:
        self.module = module
        self.index: Index = module.index
        self.uses = uses
        self.classes = classes
        self.keras = Mode.AUTOGRAPH if keras_version == 2 or imports_root(module, "tf_keras") else Mode.GRAPH
        if "fit" not in runs:
            self.keras = Mode.AUTOGRAPH if "tf.function" in runs else Mode.EAGER
        compiles = [call for call in self.index.calls_by_name.get("compile", []) if call.keywords]
        eager = [call for call in compiles if is_true(keyword(call, "run_eagerly"))]
        self.fits_eagerly = (bool(eager) and len(eager) == len(compiles)) or self.keras is Mode.EAGER
        self.tf1 = not _TF1_NAMES.isdisjoint(self.index.calls_by_name) and not uses.tapes
        self._known: dict[Function, Mode] = {}

    def of_use(self, use: Use, framework: str) -> Mode:
        """The mode that one use of a loss fixes."""
        if use.purpose is Purpose.COMPILE and framework == "tensorflow":
            return Mode.EAGER if use.runs_eagerly else self.keras
        return Mode.UNKNOWN

    def of(self, function: Function, framework: str, levels: int = MAX_CALLERS) -> Mode:
        """How a function is run, by its decorators, its class and its callers."""
        if function not in self._known:
            self._known[function] = Mode.UNKNOWN  # cuts recursion
            self._known[function] = self._find(function, framework, levels)
        return self._known[function]

    def _find(self, function: Function, framework: str, levels: int) -> Mode:
        if (mode := self._decorated(function)) is not None:
            return mode
        if self._in_test(function):
            return Mode.UNKNOWN  # whoever wrote the test ran it as it stands
        home = self.index.scope(function)
        name = getattr(function, "name", "")
        if isinstance(home, ast.ClassDef) and framework == "tensorflow":
            kind = self.classes.kind(home)
            if kind is ClassKind.LOSS and name in {"call", "__call__"} and self.classes.derives(home):
                return Mode.EAGER if self.fits_eagerly else self.keras
            if name in _KERAS_STEPS and (kind is ClassKind.MODEL or (name != "compute_loss" and not home.bases)):
                return Mode.EAGER if self.fits_eagerly else Mode.GRAPH
            if kind in (ClassKind.MODEL, ClassKind.LAYER, ClassKind.REGULARIZER) and name in {"call", "__call__"}:
                return Mode.EAGER if self.fits_eagerly else self.keras
        if framework == "torch":
            return Mode.EAGER
        if levels == 0:
            return Mode.UNKNOWN
        if framework == "tensorflow" and self.tf1:
            return Mode.GRAPH
        return self._by_callers(function, framework, levels)

    def _in_test(self, function: Function) -> bool:
        """Whether a function is made inside a test."""
        owner = self.index.def_around(function)
        while owner is not None and not getattr(owner, "name", "").startswith("test_"):
            owner = self.index.def_around(owner)
        return owner is not None

    def _decorated(self, function: Function) -> Mode | None:
        for decorator in getattr(function, "decorator_list", []):
            if last_name(decorator) == "do_not_convert":
                return Mode.GRAPH
            call = decorator if isinstance(decorator, ast.Call) else None
            mode = self._wrapper_mode(self.module.dotted(call.func if call else decorator) or "", call)
            if mode is not None:
                return mode
            if call is not None and call.args:  # @partial(jax.jit, static_argnums=0)
                mode = self._wrapper_mode(self.module.dotted(call.args[0]) or "", None)
                if mode is not None:
                    return mode
        if (wrapper := self.uses.compiled.get(function)) is not None:
            return self._wrapper_mode(wrapper, None)
        return None

    def _wrapper_mode(self, dotted: str, call: ast.Call | None) -> Mode | None:
        root, last = dotted.partition(".")[0], dotted.rpartition(".")[2]
        if last == "function" and root in {"tensorflow", "tf"}:
            autograph = keyword(call, "autograph") if call is not None else None
            return Mode.GRAPH if isinstance(autograph, ast.Constant) and autograph.value is False else Mode.AUTOGRAPH
        if (last in {"jit", "pmap"} and root in {"jax", "flax"}) or (last == "script" and root == "torch"):
            return Mode.GRAPH
        return None

    def _by_callers(self, function: Function, framework: str, levels: int) -> Mode:
        callers: list[ast.AST] = list(self.uses.called_from.get(function, []))
        if isinstance(function, ast.Lambda):
            callers += [use.call for use in self.uses.functions.get(function, []) if use.call is not None]
        else:
            for call in self.index.calls_by_name.get(function.name, []):
                if self._calls(call, function):
                    callers.append(call)
        modes = {self._around(call, framework, levels - 1) for call in callers[:40]}
        if framework == "jax":  # jax.grad(loss) inside of what jax.jit traces
            used = [use.call for use in self.uses.functions.get(function, []) if use.call is not None]
            if any(self._is_compiled(call) or self._around(call, framework, levels - 1) is Mode.GRAPH for call in used):
                return Mode.GRAPH
        if not modes:
            return Mode.EAGER if self._holds_tape(function) and not self._called_elsewhere(function) else Mode.UNKNOWN
        for mode in (Mode.GRAPH, Mode.AUTOGRAPH, Mode.UNKNOWN):
            if mode in modes:
                return mode
        return Mode.EAGER

    def _is_compiled(self, call: ast.Call) -> bool:
        """Whether what a call gives is compiled at once: ``jax.jit(jax.grad(loss))``."""
        for around in self.index.ancestors(call):
            if not isinstance(around, ast.Call):
                return False
            if self._wrapper_mode(self.module.dotted(around.func) or "", around) is Mode.GRAPH:
                return True
        return False

    def _called_elsewhere(self, function: Function) -> bool:
        """A method of a subclass and a function that is handed out are called by code that is not in this file."""
        home, owner = self.index.scope(function), self.index.def_around(function)
        if isinstance(home, ast.ClassDef):
            return bool(home.bases)
        return owner is not None and any(target.node is function for target in resolver(self.module).returned(owner))

    def _calls(self, call: ast.Call, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a call by the function's name can mean it: methods through an attribute, functions by their name."""
        method = isinstance(self.index.scope(function), ast.ClassDef)
        return method == isinstance(call.func, ast.Attribute) and function is not self.index.function_around(call)

    def _holds_tape(self, function: Function) -> bool:
        return any(self.index.function_around(block) is function for block in self.uses.tapes)

    def _around(self, call: ast.AST, framework: str, levels: int) -> Mode:
        """The mode of the code a call stands in."""
        scope: Scope = self.index.scope(call)
        while isinstance(scope, ast.Lambda):
            scope = self.index.scope(scope)
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
            used = self.uses.functions.get(scope, [])
            if any(use.purpose is Purpose.COMPILE for use in used):
                return next(self.of_use(use, framework) for use in used if use.purpose is Purpose.COMPILE)
            return self.of(scope, framework, levels)
        return Mode.GRAPH if self.tf1 else Mode.EAGER


def is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True
