"""From a loss to a program: the code it needs, the object that is called, and what it is called with."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from losslint.config import Settings
from losslint.confirmation.arguments import OBJECTS, Argument, expression, given, made_up, missing
from losslint.confirmation.cut import Body, CannotCut, Cutter
from losslint.confirmation.demands import asks_probabilities
from losslint.confirmation.program import ENTRY, NotSliced, Program
from losslint.confirmation.scopes import free_names, located
from losslint.confirmation.specs import Inputs, inputs_of
from losslint.confirmation.stated import configured
from losslint.graph.handed import handed_module
from losslint.project.classes import Classes, ClassKind
from losslint.project.decisions import CALL_METHODS
from losslint.project.index import Function, FunctionNode, defaults, last_name, parameters, walk
from losslint.project.modes import Mode
from losslint.project.module import Module, Project
from losslint.project.resolve import is_property
from losslint.rules.base import Loss

IMPORTED = {  # by name: what made-up arguments use
    "tf": ast.alias("tensorflow", "tf"), "torch": ast.alias("torch"), "jnp": ast.alias("jax.numpy", "jnp"),
    "jax": ast.alias("jax"), "functools": ast.alias("functools"),
}  # fmt: skip
MAKER, OBJECT = "__losslint_make__", "__losslint_object__"


@dataclass
class Draft:
    """A program while it is put together."""

    loss: Loss
    cutter: Cutter
    kind: str = "function"
    entry: ast.expr | None = None
    last: list[ast.stmt] = field(default_factory=list)  # statements that stand after the cut ones
    inputs: Inputs = field(default_factory=lambda: Inputs(((),)))
    untrained: bool = False
    notes: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)  # what the file does not say and is made up
    fixed: dict[str, ast.expr] = field(default_factory=dict)  # values of parameters of a function that is cut open
    told: dict[str, ast.expr] = field(default_factory=dict)  # settings that the configuration gives

    @property
    def module(self) -> Module:
        return self.loss.site.module

    @property
    def top(self) -> Body:
        return self.cutter.body(self.module)

    def told_to(self, function: Function) -> dict[str, ast.expr]:
        """The configured settings that a function takes."""
        return {a.arg: self.told[a.arg] for a in parameters(function) if a.arg in self.told}

    def note(self, argument: Argument) -> ast.expr:
        """An argument's value; what was assumed about it is told once."""
        if argument.note:
            self.assumed.append(argument.note)
        return argument.value


def program_of(loss: Loss, project: Project, settings: Settings | None = None, whole_file: bool = False
               ) -> Program | NotSliced:
    """The program that runs a loss, or why there is none.

    ``whole_file`` runs the real module instead of a slice; only what is called is put together here.
    """
    from losslint.confirmation import compiled, lifting

    def fill(draft: Draft) -> None:
        for name, value in configured(loss.site, settings).items():
            if not isinstance(value, str):
                draft.told[name] = expression(repr(value), loss.site.node)
        if loss.site.kind == "builtin":
            compiled.compiled_with(draft)
        elif loss.site.is_function:
            function_entry(draft, settings)
        else:
            lifting.entry(draft, settings)

    return drafted(loss, project, fill, whole_file)


def compiled_program_of(loss: Loss, project: Project, whole_file: bool = False) -> Program | NotSliced:
    """The program that replays the ``compile`` call which uses a loss, on its model and data: for what the loss
    captures from the model, and for how it is wired."""
    from losslint.confirmation import compiled

    return drafted(loss, project, compiled.compiled_with, whole_file)


def own_step_of(loss: Loss, project: Project, whole_file: bool = False) -> Program | NotSliced:
    """The program that differentiates a loss as its file does, on the data of the file."""
    from losslint.confirmation import lifting

    return drafted(loss, project, lifting.own_step, whole_file)


def model_programs_of(loss: Loss, project: Project, whole_file: bool = False) -> list[Program | NotSliced]:
    """The programs of a ``model`` site: one for each model that its function, or the script, compiles."""
    from losslint.confirmation import compiled

    return [
        drafted(loss, project, partial(compiled.compiled_model, node=node), whole_file)
        for node in compiled.compiled_in(loss.site)]


def head_programs_of(loss: Loss, project: Project, whole_file: bool = False) -> list[Program | NotSliced]:
    """The cost of a TensorFlow 1 graph as a function of what its last layers compute, where they are seen."""
    from losslint.confirmation import lifting
    from losslint.confirmation.layers import last_layers

    if not is_cost_of_graph(loss):
        return []
    layers = last_layers(loss)
    made = drafted(loss, project, partial(lifting.placeholder_function, layers=layers), whole_file)
    taken = {spec.name for spec in made.inputs[0]} if isinstance(made, Program) else set()
    return [made] if layers and all(layer.name in taken for layer in layers) else []


def first_steps_of(loss: Loss, project: Project, whole_file: bool = False) -> list[Program | NotSliced]:
    """The cost of a TensorFlow 1 graph with its derivative to the variables, as they are initialised."""
    from losslint.confirmation import lifting

    return [drafted(loss, project, lifting.placeholder_step, whole_file)] if is_cost_of_graph(loss) else []


def is_cost_of_graph(loss: Loss) -> bool:
    """Whether a loss is an expression of a script that a session minimises."""
    return loss.site.kind == "expression" and loss.site.framework == "tensorflow" and loss.site.class_node is None


def drafted(loss: Loss, project: Project, fill: Callable[[Draft], None], whole_file: bool) -> Program | NotSliced:
    """What ``fill`` makes of an empty draft."""
    site = loss.site
    draft = Draft(loss, Cutter(project))
    try:
        fill(draft)
        return finished(draft, whole_file)
    except CannotCut as error:
        return NotSliced(site.module.path, site.qualname, str(error))
    except RecursionError:
        return NotSliced(site.module.path, site.qualname, "its code nests too deeply")


def finished(draft: Draft, whole_file: bool) -> Program:
    """The program of a draft whose entry is known."""
    site, cutter = draft.loss.site, draft.cutter
    assert draft.entry is not None
    cutter.need_settings(site.module)
    cutter.need_initialisers(site.module)
    body = [] if whole_file else cutter.statements(draft.top)
    body += [*draft.last, located(ast.Assign([ast.Name(ENTRY, ast.Store())], draft.entry), site.node)]
    for name, imported in IMPORTED.items():
        if mentions(body, name) and not bound_in(body, name):
            body.insert(_after_futures(body), located(ast.Import([imported]), body[0]))
    left_out = [f"{name} is not run: {why}" for name, why in cutter.left_out.items()]
    return Program(
        path=site.module.path, name=site.qualname, tree=ast.Module(body, []), kind=draft.kind,
        inputs=draft.inputs.ladder, root=site.module.root, module=site.module.name,
        modules=() if whole_file else cutter.slices(site.module), called_by_keras=draft.loss.called_by_keras,
        run_eagerly=draft.loss.site.mode is Mode.EAGER,
        calls_models=draft.kind == "function" and any(node.op == "layer" for node in draft.loss.nodes),
        framework=site.framework, untrained=draft.untrained, stated=draft.inputs.stated,
        whole_file=whole_file, assumed=tuple(dict.fromkeys(draft.assumed)),
        notes=tuple(dict.fromkeys([*draft.notes, *cutter.notes, *left_out, *draft.inputs.notes])),
    )  # fmt: skip


def mentions(body: list[ast.stmt], name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for statement in body for node in ast.walk(statement))


def bound_in(body: list[ast.stmt], name: str) -> bool:
    """Whether statements at the top bind a name."""
    return any(
        (isinstance(node, ast.alias) and (node.asname or node.name) == name)
        or (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store))
        for statement in body if not isinstance(statement, FunctionNode | ast.ClassDef) for node in ast.walk(statement))


def _after_futures(body: list[ast.stmt]) -> int:
    return sum(isinstance(s, ast.ImportFrom) and s.module == "__future__" for s in body)


# losses that are called ----------------------------------------------------------------------------------------------


def function_entry(draft: Draft, settings: Settings | None) -> None:
    """The callable of a function, method, closure or lambda."""
    from losslint.confirmation import compiled, lifting

    site = draft.loss.site
    function = site.node
    assert isinstance(function, Function)
    if isinstance(function, FunctionNode) and function.name == "compute_loss" and compiled.model_class_of(
            draft, function) is not None:
        compiled.model_of_class(draft)
        return
    if draft.loss.is_step and site.framework == "torch":
        lifting.returned_step(draft, function)
        return
    target = callable_of(draft, function)
    draft.inputs = inputs_of(draft.loss, settings)
    draft.kind = "loss" if takes_a_pair(draft) else "function"
    draft.entry = with_arguments(draft, function, target)


def takes_a_pair(draft: Draft) -> bool:
    """Whether it is called as Keras calls losses."""
    return draft.loss.called_by_keras and len(draft.inputs.names) == 2 and not draft.inputs.wrapped


def callable_of(draft: Draft, function: Function) -> ast.expr:
    """An expression for the function, or for the object that it is a method of."""
    module = draft.module
    home = module.index.scope(function)
    if isinstance(home, ast.ClassDef) and isinstance(function, FunctionNode):
        return bound_method(draft, function, home)
    owner = module.index.def_around(function)
    if owner is None:
        expr: ast.expr = copy_of(draft, function)
        if isinstance(function, FunctionNode):
            draft.top.until[function.name] = function
        draft.cutter.need_code(draft.top, expr)
        return expr
    if isinstance(function, FunctionNode) and returns_only(module, owner, function) and not isinstance(
            module.index.scope(owner), ast.ClassDef) and module.index.def_around(owner) is None:
        return call_of(draft, draft.top, owner, located(ast.Name(owner.name, ast.Load()), function))
    return cut_open(draft, owner, copy_of(draft, function), function)


def copy_of(draft: Draft, function: Function) -> ast.expr:
    """The function's name, or the text of a lambda; of those that a comprehension makes, the last."""
    if isinstance(function, FunctionNode):
        return located(ast.Name(function.name, ast.Load()), function)
    made: ast.expr = draft.cutter.rewritten(draft.module, function)
    for around in draft.module.ancestors(function):
        if isinstance(around, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            generators = [draft.cutter.rewritten(draft.module, g) for g in around.generators]
            listed = located(ast.ListComp(made, generators), function)
            made = located(ast.Subscript(listed, expression("-1", function), ast.Load()), function)
        elif isinstance(around, ast.stmt | ast.Lambda):
            break
    return made


def returns_only(module: Module, owner: FunctionNode, function: FunctionNode) -> bool:
    """Whether a factory returns the function, maybe wrapped, whatever it is called with."""
    values = module.index.returns.get(owner, [])
    if len(values) != 1 or module.index.scope(function) is not owner:
        return False
    value = values[0]
    if isinstance(value, ast.Call) and value.args and last_name(value.func) in {"function", "custom_gradient"}:
        value = value.args[0]
    makes = module.index.bound.get(owner, {}).get(function.name, [])
    return isinstance(value, ast.Name) and value.id == function.name and makes == [function]


def bound_method(draft: Draft, function: FunctionNode, home: ast.ClassDef) -> ast.expr:
    """The object whose method the loss is; the object itself for what calling it runs."""
    site, module = draft.loss.site, draft.module
    derived = site.class_node if site.class_node is not None and function is site.node else home
    owner = module.index.def_around(derived)
    decorators = {d.id for d in function.decorator_list if isinstance(d, ast.Name)}
    if "staticmethod" in decorators or "classmethod" in decorators:
        instance: ast.expr = located(ast.Name(derived.name, ast.Load()), function)
        draft.cutter.need_code(draft.top, instance)
    else:
        instance = instance_of(draft, derived)
    if function.name in CALL_METHODS and function.name != "forward":
        expr = instance
    else:
        if owner is None and isinstance(instance, ast.Call):
            instance = kept_alive(draft, instance)
        expr = located(ast.Attribute(instance, function.name, ast.Load()), function)
        if is_property(function):
            raise CannotCut("it is a property, which nobody calls")
    if owner is None:
        return expr
    return cut_open(draft, owner, expr, function)


def kept_alive(draft: Draft, instance: ast.expr) -> ast.expr:
    """An object under a name: a method that ``tf.function`` wraps does not hold on to its object."""
    draft.last.append(located(ast.Assign([ast.Name(OBJECT, ast.Store())], instance), instance))
    return located(ast.Name(OBJECT, ast.Load()), instance)


def instance_of(draft: Draft, home: ast.ClassDef) -> ast.expr:
    """``C(...)`` with the arguments of the place of use, else with what can be made up."""
    module = draft.module
    if any(isinstance(n, ast.Call) and last_name(n.func) == "placeholder" for n in walk(home)):
        raise CannotCut(f"{home.name} builds a TensorFlow 1 graph around placeholders and a session")
    name = located(ast.Name(home.name, ast.Load()), home)
    body = body_around(draft, home)
    body.until[home.name] = home
    draft.cutter.need_code(body, name)
    init = init_of(draft, home)
    if init is None:
        return located(ast.Call(name, [], []), home)
    function, where = init
    built_by = draft.loss.site.built_by
    known = given(draft.cutter, where, function, built_by if where.module is module else None)
    return call_with(draft, function, name, known, method=True)


def init_of(draft: Draft, home: ast.ClassDef) -> tuple[FunctionNode, Body] | None:
    """The ``__init__`` of a class or of the nearest base class in the project, and the file it stands in."""
    from losslint.project.module import Definition

    module, node = draft.module, home
    for _ in range(8):
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                return statement, draft.cutter.body(module)
        for base in node.bases:
            found = None
            if isinstance(base, ast.Name):
                values, _ = module.index.lookup(base.id, module.index.scope(node))
                local = next((v for v in reversed(values) if isinstance(v, ast.ClassDef) and v is not node), None)
                if local is not None:
                    found = (module, local)
            if found is None and (dotted := module.dotted(base)):
                home_of = draft.cutter.resolve(dotted, module)
                if isinstance(home_of, Definition) and isinstance(home_of.node, ast.ClassDef):
                    found = (home_of.module, home_of.node)
            if found is not None:
                module, node = found
                break
        else:
            return None
    return None


def body_around(draft: Draft, node: ast.AST) -> Body:
    """The body that a definition stands in."""
    owner = draft.module.index.def_around(node)
    if owner is None:
        return draft.top
    return draft.cutter.function_body(draft.module, owner, body_around(draft, owner))


def call_of(draft: Draft, body: Body, function: FunctionNode, name: ast.expr) -> ast.expr:
    """``make_loss(0.3)``"""
    draft.cutter.need_code(body, name)
    return call_with(draft, function, name, given(draft.cutter, body, function, draft.loss.site.built_by))


def call_with(
    draft: Draft, function: FunctionNode, callee: ast.expr, known: dict[str, ast.expr], method: bool = False,
) -> ast.expr:
    """A call that passes what is known and makes up what is missing."""
    known = known | draft.told_to(function)
    keywords = {name: copy.deepcopy(value) for name, value in known.items()}
    for parameter in missing(function, known, method):
        keywords[parameter.arg] = value_for(draft, parameter, function)
    positional = {a.arg for a in function.args.posonlyargs}
    order = [a.arg for a in parameters(function) if a.arg in keywords]
    return located(ast.Call(callee, [keywords[n] for n in order if n in positional],
                            [ast.keyword(n, keywords[n]) for n in order if n not in positional]), callee)


def value_for(draft: Draft, parameter: ast.arg, function: Function) -> ast.expr:
    """A made-up value; a tensor of the shape of the first rung where nothing is known."""
    objects = OBJECTS[draft.loss.site.framework]
    if asks_probabilities(draft.loss.graph):
        objects = replace(objects, model=objects.classifier)
    home = draft.module.index.scope(function)
    kinds = Classes(draft.module, draft.cutter.project)
    model = home if isinstance(home, ast.ClassDef) and kinds.inherited(home) is ClassKind.MODEL else None
    argument = made_up(parameter, function, parameter, objects, model)
    if argument is None:
        text = objects.ones
        argument = Argument(parameter.arg, expression(text, parameter), f"{parameter.arg} = {text}")
    value = draft.note(argument)
    draft.cutter.need_code(draft.top, value)
    return value


def with_arguments(draft: Draft, function: Function, target: ast.expr) -> ast.expr:
    """A loss with its settings bound, so that only tensors are left to pass."""
    tensors = set(draft.inputs.names)
    known = {name: value for name, value in settings_of_partial(draft, function).items() if name not in tensors}
    return bound_arguments(draft, function, target, known)


def bound_arguments(draft: Draft, function: Function, target: ast.expr, known: dict[str, ast.expr]) -> ast.expr:
    """``partial(f, gamma=2.0)``: what is known and what has to be made up; the inputs are left to pass."""
    home = draft.module.index.scope(function)
    bound = isinstance(home, ast.ClassDef) and isinstance(function, FunctionNode) and not any(
        isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)
    known = {name: copy.deepcopy(value) for name, value in {**known, **draft.told_to(function)}.items()}
    known = handed_over(draft, function) | known
    for parameter in missing(function, {**known, **dict.fromkeys(draft.inputs.names, target)}, bound):
        known[parameter.arg] = value_for(draft, parameter, function)
    if draft.inputs.wrapped:
        return draft.inputs.wrap(target, known, function)
    if not known:
        return target
    binding = expression("functools.partial", function)
    return located(ast.Call(binding, [target], [ast.keyword(name, value) for name, value in known.items()]), function)


def handed_over(draft: Draft, function: Function) -> dict[str, ast.expr]:
    """The framework modules that a function takes as arguments: ``backend = kwargs["backend"]``, ``loss(y, p, K)``."""
    rest = function.args.kwarg.arg if function.args.kwarg is not None else None
    names = [a.arg for a in parameters(function)]
    for node in walk(function):
        match node:
            case ast.Subscript(value=ast.Name(id=owner), slice=ast.Constant(value=str(key))) if owner == rest:
                names.append(key)
    found = {name: module for name in names if (module := handed_module(draft.module, name)) is not None}
    return {name: expression(module.name.replace("tensorflow", "tf", 1), function) for name, module in found.items()}


def settings_of_partial(draft: Draft, function: Function) -> dict[str, ast.expr]:
    """What ``partial(f, gamma=2.0)`` binds where the loss is used."""
    built_by = draft.loss.site.built_by
    if built_by is None or draft.loss.site.kind == "closure" or isinstance(
            draft.module.index.scope(function), ast.ClassDef):
        return {}
    named = {k.arg for k in built_by.keywords}
    found = given(draft.cutter, draft.top, function, built_by)
    return {name: copy.deepcopy(value) for name, value in found.items() if name in named}


# functions that are cut open -----------------------------------------------------------------------------------------


def cut_open(draft: Draft, owner: FunctionNode, result: ast.expr, at: ast.AST, wanted: tuple[ast.stmt, ...] = ()
             ) -> ast.expr:
    """``make()`` that runs only the statements of a function which ``result`` needs, and returns it.

    ``wanted`` are statements that run whether or not the result needs them.
    """
    chain: list[Body] = []
    body: Body | None = body_around_owner(draft, owner)
    while body is not None and body.function is not None:
        chain.append(body)
        body = body.outer
    for statement in wanted:
        chain[0].kept.add(statement)
        draft.cutter._take_around(chain[0], statement)
        draft.cutter.need_code(chain[0], statement)
    if isinstance(result, ast.Name) and isinstance(at, FunctionNode):
        chain[0].until[result.id] = at
        enter_branches(draft, chain[0], at)
    draft.cutter.need_code(chain[0], result)
    assigned: dict[Body, dict[str, ast.expr]] = {b: {} for b in chain}
    for inner in chain:
        assign_parameters(draft, inner, assigned[inner])
    own = {name for body in chain for name in (*body.bindings, *assigned[body])}
    outside = {name: value for name, value in assigned[chain[-1]].items() if not own.isdisjoint(free_names(value))}
    statements: list[ast.stmt] = []
    for outer in reversed(chain):
        for name, value in assigned[outer].items():
            if outer is not chain[-1] or name not in outside:
                statements.append(located(ast.Assign([ast.Name(name, ast.Store())], value), at))
        statements += draft.cutter.statements(outer)
    statements.append(located(ast.Return(result), at))
    made = made_by(draft, statements, at)
    maker = draft.last[-1]
    assert isinstance(maker, ast.FunctionDef)
    maker.args.args = [located(ast.arg(name), at) for name in outside]
    maker.args.defaults = list(outside.values())  # made outside, where their names mean something else
    return made


def enter_branches(draft: Draft, body: Body, at: ast.AST) -> None:
    """Take the branches that a definition stands in, where the arguments of the function around do not decide them: on
    another machine ``if channels_last():`` goes the other way."""
    inner = at
    for around in body.module.ancestors(at):
        if around is body.function:
            return
        if isinstance(around, ast.If) and not any(body.binds(name) for name in free_names(around.test)):
            body.decided[around] = inner in around.body
            truth = "true" if inner in around.body else "false"
            draft.assumed.append(f"{ast.unparse(around.test)} to be {truth}")
        inner = around


def made_by(draft: Draft, statements: list[ast.stmt], at: ast.AST, name: str = MAKER) -> ast.expr:
    """A call of a function with these statements, which stands at the end of the program."""
    maker = ast.parse(f"def {name}(): pass").body[0]
    assert isinstance(maker, ast.FunctionDef)
    maker.body = statements
    ast.copy_location(maker, at)
    draft.last.append(located(maker, at))
    return expression(f"{name}()", at)


def body_around_owner(draft: Draft, owner: FunctionNode) -> Body:
    """The body of a function, inside of the bodies around it."""
    return draft.cutter.function_body(draft.module, owner, body_around(draft, owner))


def assign_parameters(draft: Draft, body: Body, assigned: dict[str, ast.expr]) -> None:
    """Values for those parameters of an opened function that are needed."""
    function = body.function
    assert function is not None
    assert body.outer is not None
    module, with_default = draft.module, defaults(function)
    home = module.index.scope(function)
    known = given(draft.cutter, draft.top, function, draft.loss.site.built_by) | draft.told_to(function)
    for position, parameter in enumerate(parameters(function)):
        name = parameter.arg
        if name not in body.done or name in assigned:
            continue
        if position == 0 and isinstance(home, ast.ClassDef) and name in {"self", "cls", "_self"}:
            value = instance_of(draft, home) if name != "cls" else located(ast.Name(home.name, ast.Load()), function)
            draft.cutter.need_code(body.outer, value)
        elif name in draft.fixed and body.outer is not None:
            value = copy.deepcopy(draft.fixed[name])
            draft.cutter.need_code(draft.top, value)
        elif name in known:
            value = copy.deepcopy(known[name])
        elif name in with_default:
            value = copy.deepcopy(with_default[name])
            draft.cutter.need_code(body.outer, value)
        else:
            value = value_for(draft, parameter, function)
        assigned[name] = value
    for rest, empty in ((function.args.vararg, "()"), (function.args.kwarg, "{}")):
        if rest is not None and rest.arg in body.done:
            assigned[rest.arg] = expression(empty, function)


__all__ = ["Draft", "compiled_program_of", "model_programs_of", "program_of"]
