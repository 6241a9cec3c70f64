"""What a factory, a constructor or a training step is called with, where the code leaves it open."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from losslint.confirmation.cut import Body, Cutter
from losslint.confirmation.scopes import located
from losslint.project import names
from losslint.project.index import (
    Function,
    FunctionNode,
    argument,
    defaults,
    last_name,
    parameters,
    walk,
)
from losslint.project.module import Module
from losslint.project.resolve import resolver

CLASSES = 3  # of every made-up classification: as wide as the first rung of the ladder of shapes

# Name of a parameter -> what is passed for it, the first match of a word in the name wins.
BY_WORD: tuple[tuple[str, str], ...] = (
    ("from_logits logits_input apply_sigmoid use_sigmoid training verbose", "False"),
    ("axis dim", "-1"),
    ("class_weights class_weight classes_weights cls_weights alphas weights_list", f"[1.0] * {CLASSES}"),
    ("quantiles taus percentiles", "[0.1, 0.5, 0.9]"),
    ("num_classes n_classes nb_classes n_class num_class classes num_labels n_labels num_outputs n_outputs depth "
     "n_components num_mixtures output_dim n_actions num_actions vocab_size num_categories channels n_channels "
     "descriptors_dim embedding_dim feature_dim hidden_dim input_dim latent_dim",
     str(CLASSES)),
    ("batch_size bs", "8"),
    ("quantile q tau percentile", "0.5"),
    ("epsilon eps smoothing", "1e-06"),
    ("gamma", "2.0"),
    ("alpha", "0.25"),
    ("beta delta temperature temp threshold thresh sigma scale", "0.5"),
    ("kappa smooth margin power order p", "1.0"),
    ("lambda lam lmbda lamda coef coeff coefficient rate decay weight w penalty factor", "0.1"),
    ("reduction", "'sum_over_batch_size'"),
    ("bounding_box_format box_format", "'xyxy'"),
    ("data_format", "'channels_last'"),
    ("name", "'loss'"),
    ("step epoch iteration", "1"),
    ("num n nb k steps size width units length count horizon window", str(CLASSES)),
)
MODEL_WORDS = names.words(
    "model net network generator discriminator critic encoder decoder policy actor student teacher extractor backbone "
    "classifier vgg gen disc autoencoder vae target online",
)
KEYS = names.words("key rng prng")
OPTIMIZER_WORDS = names.words("optimizer opt optim optimiser")
_OF_MODELS = names.words("trainable_variables trainable_weights variables weights layers predict predict_on_batch "
                         "parameters named_parameters state_dict")


@dataclass(frozen=True)
class Objects:
    """Code that makes what a loss is given besides tensors. ``function`` takes one tensor, ``pair`` two; the slope of the
    ``model`` depends on its input, as a penalty of that slope asks for; a ``classifier`` gives probabilities."""

    ones: str
    optimizer: str
    loss: str
    model: str
    classifier: str
    function: str
    pair: str
    key: str = ""  # of random numbers
    several: str = ""  # a model with as many outputs as {count}, each by a {model} of its own


OBJECTS = {
    "tensorflow": Objects(
        "tf.ones((8, 3))", "tf.keras.optimizers.SGD(0.01)", "tf.keras.losses.MeanSquaredError()",
        f"tf.keras.Sequential([tf.keras.layers.Dense({CLASSES}, 'tanh')])",
        f"tf.keras.Sequential([tf.keras.layers.Dense({CLASSES}, 'sigmoid')])", "tf.tanh", "tf.math.squared_difference",
        several="(lambda start: tf.keras.Model(start, [{model}(start) for _ in range({count})]))"
                f"(tf.keras.Input(({CLASSES},)))",
    ),
    "torch": Objects(
        "torch.ones((8, 3))", "torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.01)", "torch.nn.MSELoss()",
        f"torch.nn.Sequential(torch.nn.Linear({CLASSES}, {CLASSES}), torch.nn.Tanh())",
        f"torch.nn.Sequential(torch.nn.Linear({CLASSES}, {CLASSES}), torch.nn.Sigmoid())", "torch.tanh",
        "torch.nn.functional.mse_loss",
    ),
    "jax": Objects(
        "jnp.ones((8, 3))", "None", "(lambda a, b: jnp.mean((a - b) ** 2))", "jnp.tanh", "jax.nn.sigmoid", "jnp.tanh",
        "(lambda a, b: jnp.mean((a - b) ** 2))", "jax.random.PRNGKey(0)",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Argument:
    """A parameter and what is passed for it; ``note`` says what was assumed."""

    name: str
    value: ast.expr
    note: str = ""


def given(cutter: Cutter, body: Body, function: Function, built_by: ast.Call | None) -> dict[str, ast.expr]:
    """What the place of use passes, as far as it can be run at the top of the file; then what other callers pass."""
    module = body.module
    method = isinstance(module.index.scope(function), ast.ClassDef)
    order = [a.arg for a in parameters(function)][int(method):]
    found: dict[str, ast.expr] = {}
    for position, name in enumerate(order):
        choices: list[tuple[ast.AST, ast.expr]] = []
        if built_by is not None and (value := _passed_by(built_by, position, name)) is not None:
            choices.append((built_by, value))
        elif built_by is None:
            choices += [(call, value) for call, value in resolver(module).passed(function, name)]
        for call, value in choices:
            if _literal(value) or (_at_top(module, value, call) and cutter.runs(cutter.body(module), value)):
                found[name] = value
                break
    return found


def _passed_by(call: ast.Call, position: int, name: str) -> ast.expr | None:
    if last_name(call.func) == "partial" and not any(k.arg == name for k in call.keywords):
        position += 1
    return argument(call, position, name)


def _at_top(module: Module, value: ast.expr, call: ast.AST) -> bool:
    """Whether every name in an argument is one of the module, not of the function that makes the call."""
    scope = module.index.scope(call) if call in module.parents else module.tree
    bound_inside = (
        n for n in walk(value) if isinstance(n, ast.Name)
        and not isinstance(module.index.lookup(n.id, scope)[1], ast.Module))
    return next(bound_inside, None) is None


def _literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False
    return True


def missing(function: Function, known: dict[str, ast.expr], method: bool) -> Iterator[ast.arg]:
    """Parameters without a default that nothing is known for."""
    with_default = defaults(function)
    for parameter in parameters(function)[int(method):]:
        if parameter.arg not in with_default and parameter.arg not in known:
            yield parameter


def made_up(
    parameter: ast.arg, function: Function, at: ast.AST, objects: Objects, home: ast.ClassDef | None = None,
) -> Argument | None:
    """A value for a parameter by its annotation and name, and by what the methods of the model ``home`` call that its
    constructor is given; None where nothing is known about it."""
    name = parameter.arg
    split = set(names.parts(name))
    calls = calls_of_kept(name, function, home) if home is not None else []
    if calls and all(len(call.args) == 1 for call, _ in calls) and not names.names_loss(name):
        count = max(outputs for _, outputs in calls)
        text = objects.several.format(model=objects.model, count=count) if count > 1 else objects.model
        return Argument(name, expression(text, at), f"{name} = {text}")
    if (kind := object_for(name, split, function)) is not None and (text := getattr(objects, kind)):
        return Argument(name, expression(text, at), f"{name} = {text}")
    annotated = ast.unparse(parameter.annotation) if parameter.annotation is not None else ""
    by_name = number_for(name, split)
    if by_name is None and names.names_loss(name):
        by_name = objects.loss
    by_kind = {"bool": "False", "str": "'mean'", "int": str(CLASSES), "float": "0.5"}
    for kind, value in by_kind.items():
        if annotated == kind:
            text = by_name if by_name and _fits(by_name, kind) else value
            return Argument(name, expression(text, at), f"{name} = {text}")
    return Argument(name, expression(by_name, at), f"{name} = {by_name}") if by_name else None


def _fits(text: str, kind: str) -> bool:
    value = ast.literal_eval(text) if "*" not in text and "(" not in text else None
    return type(value).__name__ == kind or (kind == "float" and isinstance(value, int))


def object_for(name: str, split: set[str], function: Function) -> str | None:
    """Which of the ``Objects`` the name of an argument, or its use in the function, asks for; None: a tensor."""
    uses = _uses(name, function)
    if split & OPTIMIZER_WORDS or uses & {"apply_gradients", "minimize"}:
        return "optimizer"
    if names.names_loss(name) or name in names.LOSS_KEYWORDS or split & {"criterion"}:
        return "loss" if "()" in uses else None
    if uses & _OF_MODELS or (uses & {"()", "self"} and split & MODEL_WORDS):
        return "model"
    if split & KEYS and "random" in uses:
        return "key"
    if "()" in uses or name in ("fn", "func", "function"):
        return "pair" if "(,)" in uses or "()" not in uses else "function"
    return None


def calls_of_kept(name: str, init: Function, home: ast.ClassDef) -> list[tuple[ast.Call, int]]:
    """The calls of what a constructor keeps of a parameter (``self.net = net``, ``self.net(x)``), each with the number of
    results that it is taken apart into."""
    kept = {
        target.attr for target, value in assigned(init) if isinstance(target, ast.Attribute) and isinstance(value, ast.Name)
        and value.id == name and isinstance(target.value, ast.Name) and target.value.id == "self"}
    outputs = {value: len(target.elts) for target, value in assigned(home) if isinstance(target, ast.Tuple)}
    return [
        (node, outputs.get(node, 1)) for node in walk(home) if isinstance(node, ast.Call) and kept
        and isinstance(node.func, ast.Attribute) and node.func.attr in kept and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "self"]


def assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What is assigned to what: ``a, b = x, y`` one by one."""
    for statement in walk(node):
        if not isinstance(statement, ast.Assign):
            continue
        for target in statement.targets:
            pair = (target, statement.value)
            match pair:
                case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
                    yield from zip(targets, values, strict=True)
                case _:
                    yield pair


def _uses(name: str, function: Function) -> set[str]:
    """Attributes read of a parameter, ``()`` where it is called, ``(,)`` where with several arguments, ``self`` where it is
    kept as it is, ``random`` where random numbers are drawn with it, as ``jax.random.normal(key, shape)`` does."""
    found: set[str] = set()
    for node in walk(*(function.body if isinstance(function, FunctionNode) else [function.body])):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            found.add(node.attr)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            found |= {"()", "(,)"} if len(node.args) > 1 else {"()"}
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"))], value=ast.Name(id=kept)) if kept == name:
                found.add("self")
            case ast.Call(func=ast.Attribute(value=module), args=[ast.Name(id=first), *_]) if (
                    first == name and last_name(module) == "random"):
                found.add("random")
    return found


def number_for(name: str, split: set[str]) -> str | None:
    """A number, flag or list by the name of a parameter: ``batch_size`` and ``train_batch_size``, not ``batch``."""
    for listed, value in BY_WORD:
        if name.lower() in listed.split():
            return value
    for listed, value in BY_WORD:
        if any(split.issuperset(names.parts(word)) for word in listed.split()):
            return value
    return None


def expression(text: str, at: ast.AST) -> ast.expr:
    """Code as a tree, at the place of a node of the file."""
    tree = ast.parse(text, mode="eval").body
    for node in ast.walk(tree):
        for name in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            if hasattr(node, name):
                delattr(node, name)
    return located(tree, at)
