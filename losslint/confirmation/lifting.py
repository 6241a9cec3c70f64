"""Losses that nobody calls with tensors: tape blocks, training steps, minimised expressions."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from losslint.config import Settings
from losslint.confirmation.arguments import expression, given
from losslint.confirmation.compiled import (
    STEP,
    classes,
    compiled_model,
    model_class_of,
    model_of_class,
    model_with_layer,
)
from losslint.confirmation.cut import Body, CannotCut
from losslint.confirmation.effects import hazard
from losslint.confirmation.layers import Layer, live, outputs_of, with_arguments_for
from losslint.confirmation.program import TensorSpec
from losslint.confirmation.scopes import free_names, located, unplaced
from losslint.confirmation.specs import Inputs, inputs_of, spec_role
from losslint.project.classes import ClassKind
from losslint.project.index import Function, FunctionNode, argument, last_name, walk
from losslint.project.module import Module, bound_names, module_level_statements
from losslint.project.names import FIRST_LABELS
from losslint.project.resolve import resolver
from losslint.project.roles import Role, role_by_name
from losslint.project.uses import How, local_uses

if TYPE_CHECKING:
    from losslint.confirmation.slicing import Draft

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
    defined = [s for s in module.tree.body if s in top.kept and any(
        isinstance(inner, FunctionNode | ast.ClassDef | ast.Import | ast.ImportFrom)
        for inner in [s, *module_level_statements([s])])]
    moved = [s for s in module.tree.body if s in top.kept and s not in defined]
    asked = {name for definition in defined for name in names_at_definition(definition)}
    for made in reversed(moved):  # what definitions ask for, and what that asks for, stays before them
        if not asked.isdisjoint(bound_names(made)):
            asked |= free_names(made)
            moved.remove(made)
    copies = draft.cutter._cut(top, moved)
    top.kept -= set(moved)
    bound = sorted({name for s in copies for inner in [s, *module_level_statements([s])] for name in bound_names(inner)})
    draft.kind = "step"
    body: list[ast.stmt] = [located(ast.Global(bound), statement), *copies] if bound else copies
    made_by(draft, body, statement, STEP)
    draft.entry = expression(STEP, statement)


def names_at_definition(statement: ast.stmt) -> set[str]:
    """The names that a function or class looks up as it is defined: in decorators, defaults, bases, the body of a class."""
    found = set[str]()
    if isinstance(statement, FunctionNode | ast.ClassDef):
        found |= {name for decorator in statement.decorator_list for name in free_names(decorator)}
    if isinstance(statement, FunctionNode):
        values = [*statement.args.defaults, *filter(None, statement.args.kw_defaults)]
        return found | {name for value in values for name in free_names(value)}
    if isinstance(statement, ast.ClassDef):
        found |= {name for value in (*statement.bases, *statement.keywords) for name in free_names(value)}
        for inner in statement.body:
            found |= names_at_definition(inner) if isinstance(inner, FunctionNode | ast.ClassDef) else free_names(inner)
    return found


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
