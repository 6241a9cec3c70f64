"""Compiled Keras models: calls of ``compile`` that are replayed, classes with steps of their own, layers with penalties."""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from losslint.confirmation.arguments import CLASSES, OBJECTS, expression
from losslint.confirmation.cut import Body, CannotCut
from losslint.confirmation.demands import asks_probabilities
from losslint.confirmation.effects import hazard
from losslint.confirmation.scopes import located, unplaced
from losslint.project.builders import losses_of
from losslint.project.classes import Classes, ClassKind
from losslint.project.index import FunctionNode, argument, defaults, last_name, parameters, walk
from losslint.project.resolve import resolver
from losslint.project.sites import Site
from losslint.project.uses import local_uses

if TYPE_CHECKING:
    from losslint.confirmation.slicing import Draft

STEP, FITTING, MODEL, ENDS = "__losslint_step__", "__losslint_fitting__", "__losslint_model__", "__losslint_ends__"


def compiled_in(site: Site) -> list[ast.AST]:
    """What a model site compiles: the calls of ``compile``, and what is given to functions that compile, in its rows."""
    index = site.module.index
    owner = site.node if isinstance(site.node, FunctionNode) else None
    found: list[ast.AST] = [model for model in local_uses(site.module).models if index.def_around(model) is owner]
    return found or [site.node]


def compiled_model(draft: Draft, node: ast.AST) -> None:
    """The model that a function or script compiles, with data for ``fit``."""
    compiles = [call for call in compile_calls(draft) if node is call or node in set(draft.module.ancestors(call))]
    if compiles:
        replay(draft, compiles[-1])
        return
    for call in compile_calls(draft):  # compiled by a function that is given the model
        owner = draft.module.index.def_around(call)
        if owner is not None and isinstance(node, ast.expr):
            replay(draft, call, node)
            return
    raise CannotCut("the call that compiles it could not be found")


def compiled_with(draft: Draft) -> None:
    """The model that is compiled with the loss, in the same file."""
    site = draft.loss.site
    index = draft.module.index
    for call in compile_calls(draft):
        used = argument(call, 1, "loss")
        found = resolver(draft.module).targets(used, index.scope(call)) if used is not None else []
        if site.node in losses_of(call, draft.module) or any(
                t.node is not None and t.node in (site.node, site.owner, site.class_node) for t in found):
            replay(draft, call)
            return
    raise CannotCut("no call of compile in this file uses it")


def compile_calls(draft: Draft) -> list[ast.Call]:
    """The calls of this file that compile a model with a loss."""
    return [
        call for call in draft.module.index.calls_by_name.get("compile", [])
        if isinstance(call.func, ast.Attribute) and (call.keywords or len(call.args) > 1)]


def replay(draft: Draft, call: ast.Call, model: ast.expr | None = None) -> None:
    """One call of ``compile`` on the model it stands for (or on ``model``), and the data of the ``fit`` beside it."""
    from losslint.confirmation.slicing import body_around, cut_open, made_by

    module = draft.module
    statement = next(a for a in module.ancestors(call) if isinstance(a, ast.stmt))
    assert isinstance(call.func, ast.Attribute)
    owner = module.index.def_around(call)
    body = draft.top if owner is None else draft.cutter.function_body(module, owner, body_around(draft, owner))
    receiver = call.func.value
    if model is not None and isinstance(receiver, ast.Name):
        draft.fixed[receiver.id] = model
    draft.kind = "model"
    draft.last.append(located(ast.parse(f"from losslint.confirmation.smallest import fitting as {FITTING}").body[0], call))
    data = fit_data(draft, body, call)
    made = located(ast.Call(ast.Name(FITTING, ast.Load()), [copy.deepcopy(receiver)], data), call)
    if owner is not None:
        draft.entry = cut_open(draft, owner, made, call, wanted=(statement,)).func  # type: ignore[attr-defined]
        return
    body.skip.add(statement)
    for needed in (statement, receiver, *(k.value for k in data)):
        draft.cutter.need_code(body, needed)
    compiled = draft.cutter.rewritten(module, statement)
    if isinstance(receiver, ast.Call):  # Model(x, y).compile(...): the model that is compiled has no name
        keep_model(compiled, made)
    made_by(draft, [compiled, located(ast.Return(made), call)], call, STEP)
    draft.entry = expression(STEP, call)


def keep_model(compiled: ast.AST, made: ast.Call) -> None:
    """Give the model that a statement makes and compiles a name, and hand that on."""
    for node in ast.walk(compiled):
        if isinstance(node, ast.Attribute) and node.attr == "compile" and isinstance(node.value, ast.Call):
            node.value = located(ast.NamedExpr(ast.Name(MODEL, ast.Store()), node.value), node.value)
            made.args = [located(ast.Name(MODEL, ast.Load()), made)]
            return


def fit_data(draft: Draft, body: Body, call: ast.Call) -> list[ast.keyword]:
    """What ``fit`` is given for x and y, as far as it can be run here."""
    assert isinstance(call.func, ast.Attribute)
    receiver = ast.unparse(call.func.value)
    index = draft.module.index
    for fit in index.calls_by_name.get("fit", []):
        if isinstance(fit.func, ast.Attribute) and ast.unparse(fit.func.value) == receiver and (
                index.def_around(fit) is index.def_around(call)):
            return usable_data(draft, body, fit)
    return []


def usable_data(draft: Draft, body: Body, fit: ast.Call) -> list[ast.keyword]:
    """The x and y of one call of ``fit``."""
    found: list[ast.keyword] = []
    for position, name in enumerate(("x", "y")):
        value = argument(fit, position, name)
        if value is None:
            if found:
                found.append(ast.keyword("parts", expression("1", fit)))
            break
        reads = hazard(value, draft.module)
        if reads is not None or not draft.cutter.runs(body, value):
            draft.notes.append(f"{name} is random data in the shape that the model takes")
            break
        found.append(ast.keyword(name, copy.deepcopy(value)))
    return found


def model_of_class(draft: Draft) -> None:
    """An object of a model class, compiled as the file does it where that can be run."""
    from losslint.confirmation.slicing import instance_of, made_by

    site, module = draft.loss.site, draft.module
    home = site.class_node
    assert home is not None
    if module.index.def_around(home) is not None:
        raise CannotCut("its class is defined inside of a function")
    instance = as_the_file_makes_it(draft, home)
    if instance is None:
        instance = instance_of(draft, home)
        if isinstance(instance, ast.Call) and is_functional(draft, home):
            instance.keywords += between_ends(draft, home)
    keywords = compile_keywords(draft, home)
    fit = next(iter(calls_on(draft, "fit", home)), None)
    data = usable_data(draft, draft.top, fit) if fit is not None else []
    if not data and (parts := parts_taken(home)):
        data = [ast.keyword("parts", expression(str(parts), home))]
    draft.kind = "model"
    draft.last.append(located(ast.parse(f"from losslint.confirmation.smallest import fitting as {FITTING}").body[0], home))
    body = ast.parse("model = None\nmodel.compile()\nreturn None").body
    assign, compiling, returning = body
    assert isinstance(assign, ast.Assign)
    assert isinstance(compiling, ast.Expr)
    assert isinstance(compiling.value, ast.Call)
    assert isinstance(returning, ast.Return)
    assign.value = instance
    compiling.value.keywords = keywords
    returning.value = located(ast.Call(ast.Name(FITTING, ast.Load()), [ast.Name("model", ast.Load())], data), home)
    for statement in body:
        unplaced(statement, home)
    made_by(draft, body, home, STEP)
    draft.entry = expression(STEP, home)


def parts_taken(home: ast.ClassDef) -> int:
    """Into how many parts a step takes its data apart; 1 where it computes with them as they are, 0 where that is not to
    be seen."""
    step = next((s for s in home.body if isinstance(s, FunctionNode) and s.name == "train_step"), None)
    if step is None or len(step.args.args) < 2:
        return 0
    data = step.args.args[1].arg
    most, whole = 0, False
    for node in walk(*step.body):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=found), *_]) if found == data:
                return 0  # it takes either
            case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(), *others])], value=ast.Name(id=found)) if found == data:
                most = max(most, 1 + len(others))
            case ast.Subscript(value=ast.Name(id=found), slice=ast.Constant(value=int(position))) if found == data:
                most = max(most, position + 1)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self")) | ast.Name(id="self"), args=[ast.Name(id=found), *_]
                          ) if found == data:
                whole = True
    return most or int(whole)


def is_functional(draft: Draft, home: ast.ClassDef) -> bool:
    """Whether a model calls itself without a ``call`` of its own, as one does that is made of inputs and outputs, and hands
    these on to Keras."""
    from losslint.confirmation.slicing import init_of

    calls_itself = any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "self" for n in walk(home))
    plain = all(last_name(base) == "Model" for base in home.bases) and not any(
        isinstance(s, FunctionNode) and s.name == "call" for s in home.body)
    init = init_of(draft, home)
    return calls_itself and plain and (init is None or init[0].args.kwarg is not None)


def between_ends(draft: Draft, home: ast.ClassDef) -> list[ast.keyword]:
    """The inputs and outputs of the smallest functional model."""
    from losslint.confirmation.slicing import made_by

    model = OBJECTS["tensorflow"].classifier if asks_probabilities(draft.loss.graph) else OBJECTS["tensorflow"].model
    draft.assumed.append(f"its inputs and outputs to be those of {model}")
    body = ast.parse(f"start = tf.keras.Input(({CLASSES},))\nreturn {{'inputs': start, 'outputs': {model}(start)}}").body
    for statement in body:
        unplaced(statement, home)
    return [ast.keyword(None, made_by(draft, body, home, ENDS))]


def as_the_file_makes_it(draft: Draft, home: ast.ClassDef) -> ast.expr | None:
    """The call at the top of the file that makes an object of a class, where it can be run: a functional model gets its
    inputs and outputs from there."""
    index = draft.module.index
    for call in index.calls_by_name.get(home.name, []):
        plain = isinstance(call.func, ast.Name) and index.def_around(call) is None
        if plain and hazard(call, draft.module) is None and draft.cutter.runs(draft.top, call):
            made = copy.deepcopy(call)
            draft.cutter.need_code(draft.top, made)
            return made
    return None


def compile_keywords(draft: Draft, home: ast.ClassDef) -> list[ast.keyword]:
    """What ``compile`` of a model class is given: as far as it can be run what the file gives, else the plainest.

    Raises:
        CannotCut: the class has a ``compile`` of its own that takes more.
    """
    methods = {s.name: s for s in home.body if isinstance(s, FunctionNode)}
    own = methods.get("compile")
    names = [one.arg for one in parameters(own)[1:]] if own is not None else ["optimizer", "loss"]
    anything = own is None or own.args.kwarg is not None
    plain = {"optimizer": "'sgd'", "loss": "'mse'"}
    if "train_step" in methods or "compute_loss" in methods:
        del plain["loss"]
    compiled = next(iter(calls_on(draft, "compile", home)), None)
    keywords = usable_keywords(draft, compiled, names) if compiled is not None else []
    keywords = [keyword for keyword in keywords if anything or keyword.arg in names]
    told = {keyword.arg for keyword in keywords}
    made_up = {name: value for name, value in plain.items() if name not in told and (anything or name in names)}
    keywords += [ast.keyword(name, expression(value, home)) for name, value in made_up.items()]
    if compiled is None:
        draft.assumed.append(f"compile({', '.join(f'{name}={value}' for name, value in made_up.items())})")
    told |= {keyword.arg for keyword in keywords}
    missing = [name for name in names if own is not None and name not in told and name not in defaults(own)]
    if missing:
        raise CannotCut(f"nothing that can be run says what its compile takes for {', '.join(missing)}")
    return keywords


def calls_on(draft: Draft, name: str, home: ast.ClassDef) -> list[ast.Call]:
    """Calls of a method on objects of a class in this file; all calls of that name come after those that are sure."""
    index = draft.module.index
    calls = [call for call in index.calls_by_name.get(name, []) if isinstance(call.func, ast.Attribute)]

    def of_class(call: ast.Call) -> bool:
        assert isinstance(call.func, ast.Attribute)
        return any(t.node is home for t in resolver(draft.module).targets(call.func.value, index.scope(call)))

    return sorted(calls, key=lambda call: not of_class(call))


def usable_keywords(draft: Draft, call: ast.Call, names: Sequence[str]) -> list[ast.keyword]:
    """The arguments of a call, whose parameters have these names, that can be run at the top of the file."""
    pairs = [*zip(names, call.args, strict=False), *((k.arg, k.value) for k in call.keywords)]
    return [
        ast.keyword(name, copy.deepcopy(value)) for name, value in pairs
        if name and draft.cutter.runs(draft.top, value)]


def model_with_layer(draft: Draft, home: ast.ClassDef) -> None:
    """A layer that adds a term to the loss, in the model of the file that holds it, else in the smallest one."""
    from losslint.confirmation.slicing import instance_of, made_by

    if draft.module.index.def_around(home) is not None:
        raise CannotCut("its class is defined inside of a function")
    instance = instance_of(draft, home)
    call = next((s for s in home.body if getattr(s, "name", "") in ("call", "__call__")), None)
    assert call is None or isinstance(call, FunctionNode)
    first = call.args.args[1].arg if call is not None and len(call.args.args) > 1 else ""
    count = max([len(node.targets[0].elts) for node in walk(home)
                 if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id == first
                 and isinstance(node.targets[0], ast.Tuple)], default=0)
    hidden = f"[tf.keras.layers.Dense(4)(start) for _ in range({count})]" if count else "tf.keras.layers.Dense(4)(start)"
    body = ast.parse(f"""\
start = tf.keras.Input((4,))
model = tf.keras.Model(start, LAYER({hidden}))
model.compile(optimizer="sgd", loss="mse")
return {FITTING}(model)""").body
    made = body[1]
    assert isinstance(made, ast.Assign)
    assert isinstance(made.value, ast.Call)
    applied = made.value.args[1]
    assert isinstance(applied, ast.Call)
    applied.func = instance
    for statement in body:
        unplaced(statement, home)
    draft.kind = "model"
    draft.last.append(located(ast.parse(f"from losslint.confirmation.smallest import fitting as {FITTING}").body[0], home))
    made_by(draft, body, home, STEP)
    draft.entry = expression(STEP, home)


def model_class_of(draft: Draft, function: ast.AST) -> ast.ClassDef | None:
    """The class of a model that a method belongs to."""
    site = draft.loss.site
    home = site.class_node if site.class_node is not None else draft.module.index.scope(function)
    if isinstance(home, ast.ClassDef) and classes(draft).inherited(home) is ClassKind.MODEL:
        return home
    return None


def classes(draft: Draft) -> Classes:
    return Classes(draft.module, draft.cutter.project)
