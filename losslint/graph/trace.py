"""From a loss site to its graph."""

from __future__ import annotations

import ast
from dataclasses import replace

import libcst as cst

import losslint.graph.control_calls
import losslint.graph.framework_calls
import losslint.graph.keras_models
import losslint.graph.python_calls
import losslint.graph.training_calls  # noqa: F401 - they register their handlers on import
from losslint.graph.building import arguments_given, function_of, statement_around
from losslint.graph.callers import handed_by_caller
from losslint.graph.calls import call
from losslint.graph.expressions import evaluate
from losslint.graph.functions import default_value, own_gradient
from losslint.graph.handed import handed_module
from losslint.graph.nodes import Context, Graph, Kind, Node, Target
from losslint.graph.scope import Env
from losslint.graph.statements import execute, run_function
from losslint.graph.tracer import BudgetExceeded, Frame, Tracer, Units
from losslint.graph.values import (
    UNBOUND,
    External,
    Func,
    Instance,
    Map,
    Seq,
    Value,
)
from losslint.ops.table import canonical_name, identifiers
from losslint.project.index import FunctionNode, argument, last_name, walk
from losslint.project.modes import Mode
from losslint.project.module import Module, Project
from losslint.project.resolve import resolver
from losslint.project.roles import Role
from losslint.project.sites import Site
from losslint.project.uses import local_uses

MAX_AROUND = 40_000  # nodes of all traces of one script, or of one function, that end at different losses
TENSOR_ROLES = (Role.PREDICTION, Role.LABEL, Role.WEIGHT, Role.TENSOR)


def trace(site: Site, project: Project, units: Units | None = None) -> Graph:
    """Execute a site symbolically. Never raises for what the code does: gaps say what could not be followed."""
    t = Tracer(project, units, site.framework)
    t.graph.floatx = floatx_of(site.module)
    if site.kind == "tape":
        t.differentiated = differentiated_names(site)
    around = None if site.is_function else site.owner or site.module.tree
    try:
        if around is not None and t.units.nodes[around] > MAX_AROUND:
            t.gap("what stands around it was followed too often, once for each loss before it")
        elif site.kind == "model":
            _trace_model(t, site)
        elif site.kind == "builtin":
            _trace_builtin(t, site)
        else:
            _trace(t, site)
    except BudgetExceeded:
        t.gap("it is too large to follow")
    except RecursionError:
        t.gap("it nests too deeply to follow")
    if around is not None:
        t.units.nodes[around] += len(t.graph.nodes)
    return t.graph


def floatx_of(module: Module) -> str:
    """The type of floating-point numbers that a file sets for those whose type nobody states."""
    named = module.index.calls_by_name
    for setting in (*named.get("set_floatx", ()), *named.get("set_default_dtype", ()), *named.get("update", ())):
        match setting:
            case ast.Call(func=ast.Attribute(attr="set_floatx"), args=[ast.Constant(value=str() as name)]):
                return name if name.startswith(("float", "bfloat")) else "float32"
            case ast.Call(func=ast.Attribute(attr="set_default_dtype"), args=[ast.Attribute(attr=name)]):
                return "float64" if name in ("float64", "double") else "float32"
            case ast.Call(args=[ast.Constant(value="jax_enable_x64"), ast.Constant(value=True)]):
                return "float64"
    return "float32"


def differentiated_names(site: Site) -> set[str]:
    """The names that the tapes of a file are asked for the gradient of."""
    gradients = (call for calls in local_uses(site.module).tapes.values() for call in calls)
    targets = (argument(call, 0, "target", "loss") for call in gradients)
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _trace(t: Tracer, site: Site) -> None:
    if not site.is_function and not isinstance(site.node, FunctionNode):
        owner = site.owner
        if owner is None:
            _trace_module_level(t, site)
            return
        function, instance = function_of(t, site, owner)
    else:
        function, instance = function_of(t, site, site.node)
    if function is None:
        t.gap("its definition could not be found")
        return
    frame = Frame(Env(function.env), function.unit, Context(site.mode), function=function)
    if function.autograph:
        frame.context = Context(Mode.AUTOGRAPH)
    _bind_parameters(t, frame, function, site, instance)
    t.stack.append(function.node)
    before = len(t.graph.targets)
    if isinstance(function.node, cst.Lambda):
        value = evaluate(t, frame, function.node.body)
        at: cst.CSTNode = function.node.body
    else:
        value = run_function(t, frame, function.node.body)
        at = frame.returns[-1].at if frame.returns else function.node
    if function.custom_gradient:
        tensors: list[Value] = [n for n in t.graph.params.values() if n.role is not Role.CONFIG]
        value = own_gradient(t, frame, function, value, tensors, {}, at)
    if site.is_function:  # what a tape inside of it differentiates is something else
        t.graph.targets.clear()
    if len(t.graph.targets) <= before:
        t.target(value, "return", frame.source(at))


def _trace_model(t: Tracer, site: Site) -> None:
    """Build the models of a function or script; each one's outputs are targets where it is compiled."""
    t.layer_mode = site.mode
    building = replace(site, mode=Mode.EAGER)
    if isinstance(site.node, FunctionNode):
        _trace(t, building)
    else:
        _run_module(t, building)
    t.graph.targets[:] = [target for target in t.graph.targets if target.how == "compile"]


def _trace_builtin(t: Tracer, site: Site) -> None:
    """A loss of Keras itself, called with a label and a prediction."""
    name = builtin_name(site)
    statement = statement_around(site.module.parents, site.node)
    unit = t.unit(site.module, statement) if statement is not None else None
    if name is None or unit is None:
        return  # LL405 says that Keras has no such loss
    at = unit.statement
    frame = Frame(t.scope(site.module), unit, Context(site.mode))
    args, named = arguments_given(t, site, site.built_by) if site.built_by is not None else ([], {})
    is_class = name.rpartition(".")[2][0].isupper()
    loss = External(canonical_name(name) + "()" * is_class, tuple(args), named)
    for parameter, role in site.roles.items():
        node = t.node(frame, "param", {}, at, Kind.TENSOR, dtype="float", name=parameter)
        node.role = role
        t.graph.params[parameter] = node
    t.target(call(t, frame, loss, [*t.graph.params.values()], {}, at), "return", frame.source(at))


def builtin_name(site: Site) -> str | None:
    """The dotted name of a builtin site's loss; None when Keras has none of that name."""
    if site.built_by is not None:
        return site.module.dotted(site.built_by.func)
    return identifiers().get(site.qualname)


def _bind_parameters(t: Tracer, frame: Frame, function: Func, site: Site, instance: Value | None) -> None:
    """Parameters of the loss itself: tensors by role, configuration by its defaults."""
    parameters = function.node.params
    names = frame.env.vars
    structured = structured_names(site)
    positional = [*parameters.posonly_params, *parameters.params]
    if instance is not None and positional and not is_static(site.node):
        names[positional[0].name.value] = instance
        positional = positional[1:]
    bound = _bound_by_partial(t, site, [p.name.value for p in positional])
    open_to_callers = _decides(site)
    for parameter in [*positional, *parameters.kwonly_params]:
        name = parameter.name.value
        role = site.roles.get(name, Role.UNKNOWN)
        if (given := bound.get(name)) is not None and given is not UNBOUND:
            names[name] = given
            continue
        fixed = role not in (Role.PREDICTION, Role.LABEL, Role.TENSOR) and name not in open_to_callers
        if given is None and parameter.default is not None and fixed:
            names[name] = default_value(t, frame, function, parameter)
            continue
        if role is Role.UNKNOWN and (handed := handed_module(site.module, name)) is not None:
            names[name] = handed
            continue
        if (passed := _object_passed(t, site, name)) is not None:
            names[name] = passed
            continue
        kind = Kind.TENSOR if role in TENSOR_ROLES and name not in structured and name != "inputs" else Kind.UNKNOWN
        dtype = "float" if role in (Role.PREDICTION, Role.TENSOR) else None
        node = t.node(frame, "param", {}, parameter.name, kind, dtype=dtype, name=name)
        node.role = role
        t.graph.params[name] = node
        names[name] = node
    if isinstance(parameters.star_arg, cst.Param):
        rest = [*KERAS_GIVES.items()][len(positional):] if site.compiled else []
        given_rest = [_tensor_parameter(t, frame, parameters.star_arg, name, role) for name, role in rest]
        names[parameters.star_arg.name.value] = Seq([*given_rest], "tuple", open=not given_rest)
    if parameters.star_kwarg is not None:
        names[parameters.star_kwarg.name.value] = Map({}, open=True)


def _decides(site: Site) -> set[str]:
    """The names that decide whether what a function minimises is reached: ``if optimizer is not None: loss.backward()``,
    also by way of ``train = optimizer is not None``. Their defaults say nothing of the calls that train."""
    if site.kind != "expression":
        return set()
    index = site.module.index
    tests = [node.test for node in index.ancestors(site.node) if isinstance(node, ast.If)]
    names = {name.id for test in tests for name in walk(test) if isinstance(name, ast.Name)}
    flags = [value for name in names for value in index.lookup(name, index.scope(site.node))[0]]
    return names | {name.id for flag in flags for name in walk(flag) if isinstance(name, ast.Name)}


def _object_passed(t: Tracer, site: Site, name: str) -> Value | None:
    """The model, criterion or loader that the only call of a training function passes, or that of the script that all its
    calls pass: ``run_epoch(net, loader, criterion)``; of the same name, where JAX differentiates by the model itself, as
    nnx and equinox do."""
    if site.framework == "jax" and site.is_function:
        value = t.scope(site.module).lookup(name)
        return value if isinstance(value, Instance) and holds_weights(value) else None
    if site.kind != "expression" or not isinstance(site.owner, ast.FunctionDef):
        return None
    if (handed := handed_by_caller(t, site.module, site.owner, name)) is not None:
        return handed
    index, passed = site.module.index, [value for _, value in resolver(site.module).passed(site.owner, name)]
    objects = {value.id: value for value in map(_itself, passed) if isinstance(value, ast.Name)}
    if len(objects) != 1 or not all(isinstance(_itself(value), ast.Name) for value in passed):
        return None
    (passed_name, node), = objects.items()
    if index.lookup(passed_name, index.scope(node))[1] is not site.module.tree:
        return None
    value = t.scope(site.module).lookup(passed_name)
    return value if isinstance(value, Instance | External) else None


def holds_weights(module: Instance) -> bool:
    """Whether an object of JAX has its weights in itself."""
    return any((module.cls.module.dotted(base) or "") in OWN_WEIGHTS for base in module.cls.node.bases)


def _itself(node: ast.expr) -> ast.expr:
    """A model behind the methods that give it back: ``net.eval()``."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in GIVES_ITSELF:
        node = node.func.value
    return node


OWN_WEIGHTS = ("flax.nnx.Module", "equinox.Module")
GIVES_ITSELF = ("eval", "train", "to", "cuda", "cpu", "float")
KERAS_GIVES = {"y_true": Role.LABEL, "y_pred": Role.PREDICTION}


def _tensor_parameter(t: Tracer, frame: Frame, at: cst.Param, name: str, role: Role) -> Node:
    """An argument that Keras passes and the signature leaves to ``*args``."""
    dtype = "float" if role is Role.PREDICTION else None
    node = t.node(frame, "param", {}, at.name, Kind.TENSOR, dtype=dtype, name=name)
    node.role = role
    t.graph.params[name] = node
    return node


def is_static(node: ast.AST) -> bool:
    """Whether a method is given no object."""
    return any(last_name(decorator) == "staticmethod" for decorator in getattr(node, "decorator_list", []))


def _bound_by_partial(t: Tracer, site: Site, names: list[str]) -> dict[str, Value]:
    """What ``functools.partial`` binds of the loss's own parameters; UNBOUND where it is no literal."""
    built = site.built_by
    if built is None or last_name(built.func) != "partial" or site.kind not in ("function", "lambda"):
        return {}
    args, named = arguments_given(t, site, built)
    return dict(zip(names, args[1:], strict=False)) | named


TELLING = (ast.Call, ast.Subscript, ast.Compare, ast.keyword, ast.For, ast.comprehension, ast.If, ast.IfExp, ast.Assign,
           ast.Starred)
CONTAINERS = ("list", "tuple", "dict", "Mapping", "Sequence")
MAPPING_METHODS = ("keys", "items", "values", "get", "pop", "update")
LOOPING = ("zip", "enumerate", "len", "list", "sorted")


def structured_names(site: Site) -> set[str]:
    """Names that a loss treats as a list or dict of tensors rather than as one tensor.

    Keras calls a loss with two tensors; every other name that is looped over, unpacked or asked for its truth is more
    likely a container.
    """
    found: set[str] = set()
    maybe: set[str] = set()
    nested = getattr(site.node, "name", "") in ("compute_loss", "train_step")  # these get what the model returns
    keras_calls = (
        not nested
        and site.is_function
        and (site.compiled or getattr(site.node, "name", "") == "call" or {"y_true", "y_pred"} <= site.roles.keys())
    )
    by_hand = getattr(site.node, "name", "") == "call" and not site.compiled  # who calls it so may give it tuples
    scopes = [site.class_node, site.node] if site.class_node is not None and keras_calls else [site.node]
    for node in walk(*scopes):  # a method may be inherited from another class
        if not isinstance(node, TELLING):
            continue
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=name), kinds]):
                if any(
                    isinstance(n, (ast.Name, ast.Attribute))
                    and (getattr(n, "id", "") or getattr(n, "attr", "")) in CONTAINERS
                    for n in walk(kinds)
                ):
                    found.add(name)
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str())):
                found.add(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in MAPPING_METHODS:
                found.add(name)
            case ast.Compare(
                left=ast.Constant(value=str()), ops=[ast.In() | ast.NotIn()], comparators=[ast.Name(id=name)]
            ):
                found.add(name)
            case ast.keyword(arg=None, value=ast.Name(id=name)):
                found.add(name)
            case ast.Starred(value=ast.Name(id=name), ctx=ast.Load()):
                maybe.add(name)
            case ast.Call(func=ast.Attribute(attr="flatten" | "map_structure"), args=arguments):
                found |= (
                    {a.id for a in arguments if isinstance(a, ast.Name)}
                    if "nest" in ast.unparse(node.func) or ("tree" in ast.unparse(node.func))
                    else set()
                )
            case ast.For(iter=ast.Name(id=name)) | ast.comprehension(iter=ast.Name(id=name)):
                maybe.add(name)
            case ast.Call(func=ast.Name(id=function), args=arguments) if function in LOOPING:
                maybe |= {a.id for a in arguments if isinstance(a, ast.Name)}
            case ast.If(test=ast.Name(id=name)) | ast.IfExp(test=ast.Name(id=name)):
                maybe.add(name)
            case ast.Assign(
                targets=[ast.Tuple()],
                value=ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=int())),
            ):
                (found if by_hand else maybe).add(name)
    found |= maybe - set(list(site.roles)[:2] if keras_calls else ())
    step = site.node
    if isinstance(step, FunctionNode) and step.name in ("train_step", "test_step") and site.class_node is not None:
        found |= {argument.arg for argument in step.args.args[1:2]}  # Keras passes a tuple, as nested as the model has it
    return found


def _trace_module_level(t: Tracer, site: Site) -> None:
    """A script: its top-level statements run in order until the value of the site is differentiated."""
    _run_module(t, site)
    found = t.graph.targets
    t.graph.targets[:] = _targets_of(site, found) or [x for x in found if x.source.row >= site.row][:1] or found[-1:]


def _run_module(t: Tracer, site: Site) -> None:
    module = site.module
    end = getattr(site.node, "end_lineno", site.row) or site.row
    scope = t.scope(module)
    for statement in module.tree.body:
        if statement.lineno > end and (site.kind == "model" or _targets_of(site, t.graph.targets)):
            break
        if isinstance(statement, FunctionNode | ast.ClassDef | ast.Import | ast.ImportFrom):
            continue
        unit = t.unit(module, statement)
        if unit is not None:
            frame = Frame(scope, unit, Context(site.mode))
            execute(t, frame, unit.statement)


def _targets_of(site: Site, targets: list[Target]) -> list[Target]:
    """The targets that belong to a module-level site: of the tape that it opens, or in its own rows."""
    first, last = site.row, getattr(site.node, "end_lineno", site.row) or site.row
    of_tape = [x for x in targets if x.tape is not None and first <= x.tape.row <= last]
    inside = [x for x in targets if x.source.unit.module is site.module and first <= x.source.row <= last]
    return of_tape or inside
