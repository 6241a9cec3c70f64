"""Does a function compute a value that could be differentiated? What a body does, without executing it."""

from __future__ import annotations

import ast
import builtins
import enum
from collections import Counter
from collections.abc import Iterator

from losslint.project import names
from losslint.project.index import (
    Function,
    FunctionNode,
    Index,
    Scope,
    body_of,
    children,
    dotted_root,
    last_name,
    parameters,
    walk,
)
from losslint.project.module import Definition, Module, Project
from losslint.project.resolve import Resolver, resolver

MAX_HELPERS = 3  # levels of helper functions of the file that are asked in turn
MAX_VALUES = 6  # names followed from a return statement to what is returned

FRAMEWORKS = {
    "tensorflow": names.words(
        "tensorflow keras tf_keras keras_core tensorflow_addons tensorflow_probability tf_slim keras_hub keras_cv "
        "keras_nlp sonnet tensorflow_graphics tensorflow_similarity tensorflow_ranking tf K tfa tfp tfm slim kb"),
    "torch": names.words("torch torchvision pytorch_lightning lightning kornia monai torchmetrics"),
    "jax": names.words("jax flax optax haiku jnp equinox chex distrax rlax jaxtyping"),
}
_NUMPY_ROOTS = names.words("numpy scipy sklearn skimage cv2 math PIL pandas np statistics random")
# Parts of a framework that build objects, and parts that compute nothing.
_BUILDERS = names.words(
    "layers models optimizers callbacks applications initializers constraints estimator estimators metrics train",
)
_NO_OPS = _BUILDERS | names.words(
    "summary io data config saved_model utils logging distribute gfile flags saving debugging profiler dtypes app test "
    "tensorboard datasets preprocessing",
)
_CORE = names.words("tensorflow keras tf_keras keras_core torch jax flax tf K")
_GETTERS = names.words("get deserialize serialize get_loss from_config")
_NO_OP_NAMES = names.words(
    "epsilon floatx function constant Variable Tensor print device name_scope variable_scope placeholder Session "
    "convert_to_tensor standardize_dtype result_type is_tensor get_shape_invariants GradientTape no_grad is_available "
    "get_variable is_keras_tensor any_symbolic_tensors serialize_keras_object deserialize_keras_object "
    "image_data_format KerasTensor Input backend DType TensorShape TensorSpec get_logger get_default_graph "
    "control_dependencies custom_gradient Parameter manual_seed set_seed no_op group inference_mode load save "
    "standardize_shape compute_output_spec get_collection get_losses get_total_loss get_regularization_losses",
)
# Methods that only tensors have; ndarray has mean, sum, reshape and so on as well.
_TENSOR_METHODS = names.words(
    "clamp clamp_ detach unsqueeze view float long softmax log_softmax sigmoid log exp pow sqrt norm abs backward "
    "gather scatter_ permute expand expand_as masked_fill logsumexp log_prob kl_divergence div mul add sub matmul "
    "square numel contiguous",
)
_AGGREGATES = names.words("reduce_mean reduce_sum mean sum nanmean nansum reduce_logsumexp logsumexp")
_ARRAY_METHODS = names.words("mean sum min max std var prod")
_PYTHON_RESULTS = names.words("item numpy tolist format join eval as_dict to_dict")
_BUILTINS = frozenset(dir(builtins))
_TRACED_BUILTINS = {"sum", "abs", "max", "min", "pow", "round", "getattr", "zip", "map", "next"}


class Kind(enum.IntEnum):
    """What an expression evaluates to, from what says least about a loss to what says most."""

    NOTHING = 0  # None, a string, a flag, a number
    FUNCTION = 1
    OBJECT = 2  # a layer, a model, an instance
    PYTHON = 3  # float(x), x.item(): a number that no gradient reaches
    NUMPY = 4
    UNKNOWN = 5
    TENSOR = 6


class Bodies:
    """Answers for the functions of one file."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.index: Index = module.index
        self.resolver: Resolver = resolver(module)
        self.framework = framework_of(module)
        self._computes: dict[Function, bool | None] = {}

    def returned_values(self, function: Function) -> list[ast.expr]:
        """Expressions a function returns; for a generator nothing."""
        return [function.body] if isinstance(function, ast.Lambda) else self.index.returns.get(function, [])

    def result(self, function: Function) -> Kind:
        """The most loss-like thing the function returns."""
        return max((self.kind(value, function) for value in self.returned_values(function)), default=Kind.NOTHING)

    def depends(self, function: Function) -> bool:
        """Whether what is returned is computed from the parameters, or from the object, as far as names tell."""
        return bool(self.inputs(function))

    def inputs(self, function: Function) -> set[str]:
        """The parameters that what is returned is computed from, as far as names tell."""
        given = {parameter.arg for parameter in parameters(function)}
        return {node.id for node in self._reached(function) if isinstance(node, ast.Name) and node.id in given}

    def aggregates(self, function: Function) -> bool:
        """Whether what is returned is computed from a mean or sum of tensors."""
        return any(isinstance(node, ast.Call) and last_name(node.func) in _AGGREGATES
                   and self.origin(node) in ("framework", "method", "array") for node in self._reached(function))

    def _reached(self, function: Function) -> Iterator[ast.AST]:
        """The code of what is returned, and of the values of the function's own names in it."""
        stack, seen = self.returned_values(function).copy(), set[ast.AST]()
        while stack:
            for node in walk(stack.pop()):
                if node in seen:
                    continue
                seen.add(node)
                yield node
                if isinstance(node, ast.Name):
                    values, home = self.index.lookup(node.id, function)
                    stack += [v for v in values if home is function and isinstance(v, ast.expr)]

    def numpy_only(self, function: Function) -> bool:
        """Whether the body calls NumPy (or math, scipy) and no framework."""
        calls_numpy = False
        for call in self._calls(function):
            origin = self.origin(call)
            if origin == "framework" or origin == "method":
                return False
            calls_numpy = calls_numpy or origin == "numpy"
        return calls_numpy

    def computes(self, function: Function, levels: int = MAX_HELPERS) -> bool | None:
        """True: the body applies framework operations. False: it certainly does not. None: it calls code not seen."""
        if function in self._computes:
            return self._computes[function]
        self._computes[function] = None  # cuts recursion
        found: bool | None = False
        calls_numpy = False
        for call in self._calls(function):
            origin = self.origin(call)
            if origin in ("framework", "method"):
                found = True
                break
            calls_numpy = calls_numpy or origin == "numpy"
            if origin == "local" and levels:
                helper = self._helper(call, levels)
                if helper is True:
                    found = True
                    break
                found = found if helper is False else None
            elif origin in ("unknown", "array"):
                found = None
        if found is None and calls_numpy:
            found = False
        self._computes[function] = found
        return found

    def _helper(self, call: ast.Call, levels: int) -> bool | None:
        answers = {self.computes(t.node, levels - 1) for t in self.resolver.targets(call.func, self.index.scope(call))
                   if isinstance(t.node, FunctionNode | ast.Lambda)}
        return True if True in answers else None if None in answers else False

    def _calls(self, function: Function) -> list[ast.Call]:
        """Calls in the body, also in nested functions."""
        return [node for node in walk(*body_of(function)) if isinstance(node, ast.Call)]

    def origin(self, call: ast.Call) -> str:
        """Where the code behind a call is: framework | method | numpy | local | python | object | unknown."""
        func = call.func
        if isinstance(func, ast.Call):  # keras.losses.MeanSquaredError()(y, p), nn.MSELoss()(p, y)
            dotted = self.module.dotted(func.func) or ""
            return "framework" if dotted.partition(".")[0] in _ALL_FRAMEWORKS else "unknown"
        if isinstance(func, ast.Name):
            return self._origin_of_name(func.id, call)
        if not isinstance(func, ast.Attribute):
            return "unknown"
        root = dotted_root(func)
        if root and root not in {"self", "cls"} and (
                root in self.module.imports or (root in _FRAMEWORK_ALIASES and not self._is_bound(root, call))):
            return self._origin_of_dotted(self.module.dotted(func) or func.attr)
        if func.attr in _TENSOR_METHODS:
            return "method"
        if root in {"self", "cls"} and isinstance(func.value, ast.Name):
            home = self.index.class_around(call)
            return "local" if home is not None and func.attr in self.index.bound.get(home, {}) else "unknown"
        if func.attr in _ARRAY_METHODS:
            return "array"
        if func.attr in _PYTHON_RESULTS or func.attr in _CONTAINER_METHODS:
            return "python"
        return "unknown"

    def _origin_of_name(self, name: str, call: ast.Call) -> str:
        values, home = self.index.lookup(name, self.index.scope(call))
        if values:
            if any(isinstance(value, ast.ClassDef) for value in values):
                return "object"
            return "local" if any(isinstance(v, FunctionNode | ast.Lambda) for v in values) else "unknown"
        if not isinstance(home, ast.Module):
            return "unknown"  # a parameter
        if name in self.module.imports:
            return self._origin_of_dotted(self.module.imports[name])
        if name in _BUILTINS:
            return "python"
        return "unknown"

    def _origin_of_dotted(self, dotted: str) -> str:
        split = dotted.split(".")
        if split[0] in _NUMPY_ROOTS or ".backend.numpy." in dotted:
            return "python" if split[-1] in {"prod", "log"} and split[0] == "math" else "numpy"
        if split[0] in _ALL_FRAMEWORKS:
            if "keras" in split and split[-2:-1] == ["metrics"] and split[-1].islower():
                return "framework"  # keras.metrics.categorical_accuracy computes, keras.metrics.Mean builds
            if split[-1] in _NO_OP_NAMES | _GETTERS or (split[0] in _CORE and not _NO_OPS.isdisjoint(split[1:-1])):
                return "object"
            return "object" if split[-1][:1].isupper() else "framework"
        return "object" if split[-1][:1].isupper() else "unknown"

    def _is_bound(self, name: str, at: ast.AST) -> bool:
        values, home = self.index.lookup(name, self.index.scope(at))
        return bool(values) or not isinstance(home, ast.Module)

    def kind(self, node: ast.expr, scope: Scope, levels: int = MAX_VALUES) -> Kind:
        """What an expression evaluates to."""
        if levels == 0:
            return Kind.UNKNOWN
        match node:
            case ast.Constant() | ast.JoinedStr():
                return Kind.NOTHING
            case ast.Lambda():
                return Kind.FUNCTION
            case ast.Name():
                return self._kind_of_name(node, scope, levels)
            case ast.Call():
                return self._kind_of_call(node, scope, levels)
            case ast.BinOp():
                return max(self.kind(node.left, scope, levels - 1), self.kind(node.right, scope, levels - 1))
            case ast.UnaryOp():
                return self.kind(node.operand, scope, levels - 1)
            case ast.IfExp():
                return max(self.kind(node.body, scope, levels - 1), self.kind(node.orelse, scope, levels - 1))
            case ast.Tuple() | ast.List():
                return max((self.kind(e, scope, levels - 1) for e in node.elts[:20]), default=Kind.NOTHING)
            case ast.Dict():
                return max((self.kind(v, scope, levels - 1) for v in node.values[:20]), default=Kind.NOTHING)
        return Kind.UNKNOWN

    def _kind_of_name(self, node: ast.Name, scope: Scope, levels: int) -> Kind:
        values, home = self.index.lookup(node.id, scope)
        if not values:
            return Kind.UNKNOWN
        found = Kind.NOTHING
        for value in values[-20:]:
            if isinstance(value, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found = max(found, Kind.FUNCTION)
            elif isinstance(value, ast.ClassDef):
                found = max(found, Kind.OBJECT)
            elif isinstance(value, ast.expr):
                found = max(found, self.kind(value, home, levels - 1))
        return found

    def _kind_of_call(self, node: ast.Call, scope: Scope, levels: int) -> Kind:
        origin = self.origin(node)
        name = last_name(node.func)
        if name in {"partial", "wraps"}:
            return Kind.FUNCTION
        if origin == "python":
            return Kind.UNKNOWN if name in _TRACED_BUILTINS else Kind.PYTHON
        if origin == "object":
            path = (self.module.dotted(node.func) or "").split(".")
            builds = name[:1].isupper() or name in _GETTERS or not _BUILDERS.isdisjoint(path[:-1])
            return Kind.OBJECT if builds else Kind.UNKNOWN
        if origin == "framework":
            return Kind.TENSOR
        if origin == "numpy":
            return Kind.NUMPY
        if origin == "local":
            targets = [t.node for t in self.resolver.targets(node.func, scope) if t.node is not None]
            if targets and all(isinstance(t, FunctionNode | ast.Lambda) and self.resolver.returned(t) for t in targets):
                return Kind.FUNCTION
            return Kind.UNKNOWN
        if isinstance(node.func, ast.Attribute) and name in _PYTHON_RESULTS:
            return Kind.PYTHON
        if isinstance(node.func, ast.Name) and name[:1].isupper() and "_" not in name and not name.isupper():
            return Kind.OBJECT
        return Kind.UNKNOWN


_ALL_FRAMEWORKS = frozenset().union(*FRAMEWORKS.values())
_FRAMEWORK_ALIASES = names.words("tf K torch F jnp jax keras tfa tfp nn")
_CONTAINER_METHODS = names.words("append extend items keys values get pop update split strip startswith endswith lower")


def framework_count(module: Module) -> dict[str, int]:
    """Framework -> how many imports of the file are from it, beside those of its own package: TensorFlow Probability has
    itself in NumPy as well. A folder named jax or torch holds code that is written for it."""
    home = module.name.partition(".")[0]
    home = "" if home in ("jax", "torch") else home
    roots = [dotted.partition(".")[0] for dotted in (*module.imports.values(), *module.star_imports)]
    return {framework: sum(root in own and root != home for root in roots) for framework, own in FRAMEWORKS.items()}


def framework_of(module: Module) -> str:
    """The framework a file is written for, by its imports; TensorFlow where nothing tells."""
    count = framework_count(module)
    told = module.notes.get("framework")
    return told if isinstance(told, str) else max(count, key=lambda framework: count[framework])


def note_framework(module: Module, project: Project) -> None:
    """Keep the framework of a file that imports none itself, but files of its project that do."""
    if "framework" in module.notes or any(framework_count(module).values()):
        return
    found = Counter[str]()
    for dotted in dict.fromkeys((*module.imports.values(), *module.star_imports)):
        home = project.resolve(dotted, module)
        home = home.module if isinstance(home, Definition) else home
        if home is not None:
            found.update(framework for framework, count in framework_count(home).items() if count)
    module.notes["framework"] = found.most_common(1)[0][0] if found else None


def framework_in(module: Module, node: ast.AST) -> str:
    """The framework of one piece of code in a file that imports several: what it names itself, the bases of its class,
    the definitions it uses. Keras itself runs on any of them."""
    bases = [base for parent in module.ancestors(node) if isinstance(parent, ast.ClassDef) for base in parent.bases]
    used = {inner.id for inner in walk(node) if isinstance(inner, ast.Name)}
    definitions = [s for s in module.tree.body if isinstance(s, FunctionNode | ast.ClassDef) and s.name in used]
    for pieces in ([node], bases, definitions):
        roots = {root for piece in pieces for root in _roots(module, piece)}
        if "tensorflow" in roots:
            return "tensorflow"
        for framework in ("torch", "jax", "tensorflow"):
            if not roots.isdisjoint(FRAMEWORKS[framework]):
                return framework
    likeliest = framework_of(module)
    methods = {n.func.attr for n in walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
    imports_torch = any(name.partition(".")[0] == "torch" for name in module.imports.values())
    return "torch" if likeliest == "tensorflow" and imports_torch and methods & TENSOR_METHODS else likeliest


TENSOR_METHODS = {"mean", "sum", "pow", "abs", "clamp", "exp", "log", "detach", "item"}  # a tf.Tensor has none of them


def _roots(module: Module, node: ast.AST) -> set[str]:
    """The packages whose names a piece of code uses."""
    return {module.imports[inner.id].partition(".")[0] for inner in walk(node)
            if isinstance(inner, ast.Name) and inner.id in module.imports}


def forgets_return(function: FunctionNode) -> bool:
    """Whether a function computes something and ends without giving any of it back: no stub, no generator."""
    nodes, stack = [], list[ast.AST](function.body)
    while stack:
        nodes.append(node := stack.pop())
        stack += [] if isinstance(node, (ast.Lambda, ast.ClassDef, FunctionNode)) else children(node)
    gives = any(isinstance(n, (ast.Return, ast.Yield, ast.YieldFrom)) and n.value is not None for n in nodes)
    computes = any(isinstance(n, (ast.Assign, ast.AugAssign)) and isinstance(n.value, (ast.Call, ast.BinOp)) for n in nodes)
    return computes and not gives and not isinstance(function.body[-1], ast.Raise)


def ends_in_computing(statements: list[ast.stmt]) -> bool:
    """Whether statements may end with a name that is assigned, and that nothing can read afterwards."""
    match statements[-1]:
        case ast.Assign(targets=[ast.Name()]) | ast.AugAssign(target=ast.Name()) | ast.AnnAssign(target=ast.Name()):
            return True
        case ast.If(body=body, orelse=other):
            return ends_in_computing(body) or (bool(other) and ends_in_computing(other))
        case ast.For(body=body, orelse=[]) | ast.With(body=body):
            return ends_in_computing(body)
    return False


def ends_in_vain(function: ast.AST) -> bool:
    """Whether a function forgets to return what it computes last, and keeps nothing of it elsewhere."""
    if not isinstance(function, FunctionNode) or not forgets_return(function):
        return False
    last, stored = function.body[-1], (ast.Attribute, ast.Subscript)
    keeps = any(isinstance(node, stored) and isinstance(node.ctx, ast.Store) for node in ast.walk(function))
    runs = any(isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) for node in ast.walk(function))
    return isinstance(last, (ast.Assign, ast.AugAssign)) and not keeps and not runs
