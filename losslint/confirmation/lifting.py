"""Losses that nobody calls with tensors: tape blocks, training steps, minimised expressions, compiled models."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from losslint.config import Settings
from losslint.confirmation.arguments import CLASSES, OBJECTS, expression, given
from losslint.confirmation.cut import Body, CannotCut, free_names, located
from losslint.confirmation.demands import asks_probabilities
from losslint.confirmation.effects import hazard
from losslint.confirmation.layers import Layer, live, outputs_of, with_arguments_for
from losslint.confirmation.program import TensorSpec
from losslint.confirmation.specs import Inputs, inputs_of, spec_role
from losslint.project.builders import losses_of
from losslint.project.classes import Classes, ClassKind
from losslint.project.index import Function, FunctionNode, argument, defaults, last_name, parameters, walk
from losslint.project.module import Module, bound_names, module_level_statements
from losslint.project.names import FIRST_LABELS
from losslint.project.resolve import resolver
from losslint.project.roles import Role, role_by_name
from losslint.project.sites import Site
from losslint.project.uses import How, local_uses

if TYPE_CHECKING:
    from losslint.confirmation.slicing import Draft

STEP, FITTING, MODEL, ENDS = "__losslint_step__", "__losslint_fitting__", "__losslint_model__", "__losslint_ends__"
FIRST = "__losslint_first__"
MOST_CALLERS = 6  # functions followed from a derivative to the top of its file
STEPS = ("train_step", "compute_loss", "test_step", "call", "_compute_loss")


def entry(draft: Draft, settings: Settings | None) -> None:
    """The callable of a site that is not called with its tensors.

    Raises:
        CannotCut: it is of a kind that is not run.
    """
    site = draft.loss.site
    if site.framework != "tensorflow":
        own_step(draft)
    elif site.kind == "model":
        compiled_model(draft, site.node)
    elif site.kind == "expression":
        expression_entry(draft, settings)
    elif isinstance(site.node, FunctionNode):
        if model_class_of(draft, site.node) is not None and site.node.name in STEPS:
            model_of_class(draft)
        else:
            training_step(draft, site.node, settings)
    elif isinstance(site.node, ast.With):
        script_step(draft, site.node)
    else:
        raise CannotCut("it is no block that can be run by itself")


def model_class_of(draft: Draft, function: ast.AST) -> ast.ClassDef | None:
    """The class of a model that a method belongs to."""
    site = draft.loss.site
    home = site.class_node if site.class_node is not None else draft.module.index.scope(function)
    if isinstance(home, ast.ClassDef) and classes(draft).inherited(home) is ClassKind.MODEL:
        return home
    return None


def classes(draft: Draft) -> Classes:
    return Classes(draft.module, draft.cutter.project)


# training steps ------------------------------------------------------------------------------------------------------


def training_step(draft: Draft, function: FunctionNode, settings: Settings | None) -> None:
    """A function that trains: called as the file calls it, else with a small model, an optimizer and a batch."""
    from losslint.confirmation.slicing import bound_arguments, callable_of

    draft.kind = "step"
    target = callable_of(draft, function)
    known = given(draft.cutter, draft.top, function, None)
    draft.inputs = inputs_of(draft.loss, settings, without=known)
    draft.entry = bound_arguments(draft, function, target, known)


def returned_step(draft: Draft, function: Function) -> None:
    """A ``training_step`` that returns its loss, with the ``backward`` that its trainer calls.

    Raises:
        CannotCut: its batch cannot be made up.
    """
    from losslint.confirmation.batches import batch_of
    from losslint.confirmation.slicing import callable_of, made_by, with_arguments

    target = callable_of(draft, function)
    draft.inputs = batch_of(draft.loss, function)
    draft.kind = "step"
    order = [spec.name for spec in draft.inputs.ladder[0]]
    call = located(ast.Call(with_arguments(draft, function, target), [ast.Name(n, ast.Load()) for n in order], []), function)
    body = ast.parse("returned = None\n(returned['loss'] if isinstance(returned, dict) else returned).backward()").body
    assert isinstance(body[0], ast.Assign)
    body[0].value = call
    for statement in body:
        unplaced(statement, function)
    made_by(draft, body, function, STEP)
    maker = draft.last[-1]
    assert isinstance(maker, ast.FunctionDef)
    maker.args.args = [located(ast.arg(name), function) for name in order]
    draft.entry = expression(STEP, function)


def script_step(draft: Draft, block: ast.With) -> None:
    """A tape block at the top of a script, with the statements that use its gradients, as a function of nothing."""
    from losslint.confirmation.slicing import made_by

    module, top = draft.module, draft.top
    statements = step_statements(draft, block)
    inside = {inner for statement in statements for inner in module_level_statements([statement])} | set(statements)
    last = max(statement.end_lineno or statement.lineno for statement in statements)
    later = {
        s for s in module_level_statements(module.tree.body)
        if s.lineno > last and not isinstance(s, FunctionNode | ast.ClassDef | ast.Import | ast.ImportFrom)}
    top.skip |= inside | later
    top.once |= {a for a in module.ancestors(block) if isinstance(a, ast.For | ast.While | ast.AsyncFor)}
    for statement in statements:
        draft.cutter.need_code(top, statement)
    for around in top.once:
        if isinstance(around, ast.For):
            draft.cutter.need_code(top, around.iter)
    bound = sorted({name for s in inside for name in bound_names(s) if not isinstance(s, ast.Expr)})
    copies = [draft.cutter.rewritten(module, statement) for statement in statements]
    draft.kind = "step"
    body: list[ast.stmt] = [located(ast.Global(bound), block), *copies] if bound else copies
    made_by(draft, body, block, STEP)
    draft.entry = expression(STEP, block)


def step_statements(draft: Draft, block: ast.With) -> list[ast.stmt]:
    """The block and what follows it, up to the last use of its gradients that trains."""
    parent = draft.module.parents[block]
    siblings: list[ast.stmt] = next(
        value for _, value in ast.iter_fields(parent) if isinstance(value, list) and block in value)
    following = siblings[siblings.index(block):]
    gradients = {id(call) for call in local_uses(draft.module).tapes.get(block, [])}
    end = 0
    for position, statement in enumerate(following):
        calls = [node for node in walk(statement) if isinstance(node, ast.Call)]
        if any(id(call) in gradients for call in calls):
            end = position
        elif end and any(last_name(call.func) == "apply_gradients" for call in calls):
            end = position
            break
        elif position and any(last_name(call.func) == "GradientTape" for call in calls):
            break
    return [s for s in following[: end + 1] if s is block or not is_report(s)]


def is_report(statement: ast.stmt) -> bool:
    """``print(...)``, ``log.append(...)``: a call as a statement that trains nothing."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and not any(
        isinstance(node, ast.Call) and last_name(node.func) in ("apply_gradients", "gradient", "minimize", "assign_sub")
        for node in walk(statement))


# steps of PyTorch and JAX, which ask for gradients in plain statements --------------------------------------------------


def own_step(draft: Draft) -> None:
    """The statement that differentiates a loss, with what the file computes it from, as a function of nothing.

    Raises:
        CannotCut: it stands in a function that nothing at the top of the file calls.
    """
    statement_step(draft, differentiating(draft))


def statement_step(draft: Draft, statement: ast.stmt) -> None:
    """A statement at the top of the file, with what it needs, as a function of nothing.

    Raises:
        CannotCut: it does more than compute, or something that it needs cannot be made.
    """
    from losslint.confirmation.slicing import made_by

    module, top = draft.module, draft.top
    if (why := hazard(statement, module)) is not None:
        raise CannotCut(f"it is not run: {why}")
    top.skip |= {
        s for s in module_level_statements(module.tree.body)
        if s.lineno > (statement.end_lineno or statement.lineno)
        and not isinstance(s, FunctionNode | ast.ClassDef | ast.Import | ast.ImportFrom)}
    top.once |= {a for a in module.ancestors(statement) if isinstance(a, ast.For | ast.While)}
    top.kept.add(statement)
    draft.cutter.need_code(top, statement)
    draft.cutter._take_around(top, statement)
    if draft.cutter.left_out:
        name, why = next(iter(draft.cutter.left_out.items()))
        raise CannotCut(f"it needs {name}, which is not made: {why}")
    moved = [s for s in module.tree.body if s in top.kept and not any(
        isinstance(inner, FunctionNode | ast.ClassDef | ast.Import | ast.ImportFrom)
        for inner in [s, *module_level_statements([s])])]
    copies = draft.cutter._cut(top, moved)
    top.kept -= set(moved)
    bound = sorted({name for s in copies for inner in [s, *module_level_statements([s])] for name in bound_names(inner)})
    draft.kind = "step"
    body: list[ast.stmt] = [located(ast.Global(bound), statement), *copies] if bound else copies
    made_by(draft, body, statement, STEP)
    draft.entry = expression(STEP, statement)


def differentiating(draft: Draft) -> ast.stmt:
    """The statement at the top of the file that asks for the gradients, itself or through a function that it calls."""
    module, site = draft.module, draft.loss.site
    index = module.index
    node: ast.AST = site.node
    asking = index.calls_by_name.get("grad", []) + index.calls_by_name.get("value_and_grad", [])
    if site.is_function:
        calls = [call for call in asking
                 if any(t.node is site.node for t in resolver(module).targets(call.args[0], index.scope(call)) if call.args)]
        if not calls:
            raise CannotCut("no call in this file differentiates it")
        node = calls[0]
    for _ in range(MOST_CALLERS):
        owner = index.def_around(node)
        if owner is None:
            made = next(a for a in [node, *module.ancestors(node)] if isinstance(a, ast.stmt))
            names = names_of_derivative(module, node, made)
            used = [call for name in names for call in index.calls_by_name.get(name, [])]
            if not used and names and node in asking:
                raise CannotCut(f"nothing in this file calls {names[0]}, its derivative")
            if not used:
                return made
            node = used[0]
            continue
        if isinstance(index.scope(owner), ast.ClassDef):
            raise CannotCut(f"it is differentiated in {owner.name}, a method that trains")
        callers = [call for call in index.calls_by_name.get(owner.name, []) if index.def_around(call) is not owner]
        if not callers:
            raise CannotCut(f"it is differentiated in {owner.name}, which nothing in this file calls")
        node = min(callers, key=lambda call: index.def_around(call) is not None)
    raise CannotCut("the call that differentiates it could not be found")


def names_of_derivative(module: Module, node: ast.AST, statement: ast.stmt) -> list[str]:
    """``step`` in ``step = jax.jit(jax.grad(loss))``, which makes a derivative and takes none."""
    while isinstance(parent := module.parents.get(node), ast.Call) and parent.func is not node:
        node = parent
    calls = isinstance(parent, ast.Call) or not isinstance(node, ast.Call)
    return bound_names(statement) if isinstance(statement, ast.Assign) and statement.value is node and not calls else []


# minimised expressions -----------------------------------------------------------------------------------------------


def expression_entry(draft: Draft, settings: Settings | None) -> None:
    """A cost of a TensorFlow 1 graph as a function of its placeholders, a term of a layer in the smallest model."""
    site = draft.loss.site
    home = site.class_node
    if home is not None and site.how is How.ADDED:
        if classes(draft).inherited(home) is ClassKind.MODEL:
            model_of_class(draft)
        else:
            model_with_layer(draft, home)
        return
    if home is not None:
        raise CannotCut("it is part of a graph that a class builds around placeholders and a session")
    owner = draft.module.index.def_around(site.node)
    if owner is not None:
        raise CannotCut(f"it is minimised inside of {owner.name}, which also reads its data and trains")
    if site.how is How.ADDED:
        statement_step(draft, next(a for a in draft.module.ancestors(site.node) if isinstance(a, ast.stmt)))
    else:
        placeholder_function(draft)


def placeholder_function(draft: Draft, layers: Sequence[Layer] = ()) -> None:
    """``cost`` as a function of the placeholders it is computed from and of what some layers compute."""
    from losslint.confirmation.slicing import made_by

    site, top = draft.loss.site, draft.top
    assert isinstance(site.node, ast.expr)
    specs = dict(placeholders(top))
    top.done |= specs.keys()
    row = site.node.lineno
    top.skip |= {s for s in module_level_statements(draft.module.tree.body)
                 if s.lineno > row and not isinstance(s, FunctionNode | ast.ClassDef | ast.Import | ast.ImportFrom)}
    draft.cutter.need_code(top, site.node)
    inner = dependent(top, set(specs))
    if not inner:
        raise CannotCut("it is not computed from placeholders, and its variables are not trained by a tape")
    used = {name for s in inner for name in free_names(s)}
    order = [name for name in specs if name in used]
    if not order:
        raise CannotCut("it takes no placeholder")
    top.kept -= set(inner)
    top.once.clear()
    body = [draft.cutter.rewritten(draft.module, statement) for statement in inner]
    body.append(located(ast.Return(draft.cutter.rewritten(draft.module, site.node)), site.node))
    if layers:
        body = live([with_arguments_for(layers, statement) for statement in body])
        left = {name for statement in body for name in free_names(statement)}
        specs |= outputs_of(layers, [spec for name, spec in specs.items() if name in left])
        order = [name for name in [*order, *(layer.name for layer in layers)] if name in left]
    made_by(draft, body, inner[0], STEP)
    maker = draft.last[-1]
    assert isinstance(maker, ast.FunctionDef)
    maker.args.args = [located(ast.arg(name), site.node) for name in order]
    draft.kind = "function"
    draft.entry = expression(STEP, site.node)
    draft.inputs = Inputs((tuple(specs[name] for name in order),))
    draft.untrained = not layers
    draft.notes.append("its placeholders are arguments; the session and the training loop are not run")
    draft.notes += [f"{layer.text} is an argument: its weights change as they are trained" for layer in layers]


def placeholder_step(draft: Draft) -> None:
    """``cost`` with its derivative to the variables, which hold what they are initialised with: a step that a session takes
    first."""
    from losslint.confirmation.slicing import made_by

    placeholder_function(draft)
    node = draft.loss.site.node
    names = [spec.name for spec in draft.inputs.ladder[0]]
    body = ast.parse(f"""\
with tf.GradientTape() as tape:
    cost = {STEP}({', '.join(names)})
tape.gradient(cost, tape.watched_variables())""").body
    for statement in body:
        unplaced(statement, node)
    made_by(draft, body, node, FIRST)
    maker = draft.last[-1]
    assert isinstance(maker, ast.FunctionDef)
    maker.args.args = [located(ast.arg(name), node) for name in names]
    draft.kind = "step"
    draft.entry = expression(FIRST, node)


def placeholders(body: Body) -> Iterator[tuple[str, TensorSpec]]:
    """Names bound to placeholders, with the shapes and types they are declared with."""
    for statement in module_level_statements(body.statements):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call) if last_name(call.func) in (
                    "placeholder", "placeholder_with_default"):
                dtype = argument(call, 0, "dtype")
                shape = argument(call, 1, "shape")
                kind = last_name(dtype) if dtype is not None else "float32"
                whole = kind.startswith(("int", "uint"))
                role = Role.LABEL if name.lower() in FIRST_LABELS else role_by_name(name)
                yield name, TensorSpec(
                    name, placeholder_shape(shape), kind or "float32", "class" if whole else "real",
                    spec_role(role), classes=2 if whole else 0)


def placeholder_shape(node: ast.expr | None) -> tuple[int, ...]:
    """``[None, 4]`` with a batch of 8; open axes get 4; no shape, one number."""
    if not isinstance(node, (ast.List, ast.Tuple)):
        return (8, 3)
    sizes = [e.value if isinstance(e, ast.Constant) and isinstance(e.value, int) else None for e in node.elts]
    return tuple(size or (8 if axis == 0 else 4) for axis, size in enumerate(sizes))


def dependent(body: Body, names: set[str]) -> list[ast.stmt]:
    """The kept statements whose values depend on some names, in order; those in a ``with``, of a graph or a scope, without
    it."""
    found: list[ast.stmt] = []
    for statement in module_level_statements(body.statements):
        other = isinstance(statement, FunctionNode | ast.ClassDef | ast.Import | ast.ImportFrom | ast.With)
        if statement in body.kept and not other and names & free_names(statement):
            found.append(statement)
            names = names | set(bound_names(statement))
    return found


# models --------------------------------------------------------------------------------------------------------------


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


def unplaced(statement: ast.stmt, at: ast.AST) -> None:
    """Put a made statement at a place of the file; what was copied from it keeps its own."""
    for node in ast.walk(statement):
        if "lineno" in node._attributes and getattr(node, "lineno", 0) <= 3:
            ast.copy_location(node, at)


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

