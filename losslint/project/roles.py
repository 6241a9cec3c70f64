"""What each parameter of a loss holds: by its name, its default, and how the body uses it. Never by position alone."""

from __future__ import annotations

import ast
import enum
from collections.abc import Collection, Mapping
from functools import lru_cache

from losslint.project import names
from losslint.project.annotations import is_no_tensor
from losslint.project.index import Function, body_of, defaults, dotted_root, last_name, parameters, walk


class Role(enum.Enum):
    """What a parameter of a loss holds."""

    PREDICTION = "prediction"
    LABEL = "label"
    WEIGHT = "weight"  # sample weights, masks
    TENSOR = "tensor"  # a tensor, but nothing says which
    CONFIG = "config"  # a number, string or flag that is fixed when the loss is built
    UNKNOWN = "unknown"


# Keyword -> what is passed by it, in the losses of TensorFlow, Keras, PyTorch and optax.
_KEYWORD_ROLES = {
    "labels": Role.LABEL, "y_true": Role.LABEL, "target": Role.LABEL, "targets": Role.LABEL, "logits": Role.PREDICTION,
    "y_pred": Role.PREDICTION, "predictions": Role.PREDICTION, "sample_weight": Role.WEIGHT,
}  # fmt: skip
# Functions whose first two positional arguments have a known meaning, by the last part of their name.
_LABEL_FIRST = names.words(
    "binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy mean_squared_error huber "
    "mean_absolute_error kl_divergence log_cosh mse mae BinaryCrossentropy CategoricalCrossentropy",
    "MeanSquaredError MeanAbsoluteError SparseCategoricalCrossentropy Huber KLDivergence update_state",
)
_PREDICTION_FIRST = names.words(
    "cross_entropy nll_loss binary_cross_entropy binary_cross_entropy_with_logits mse_loss l1_loss smooth_l1_loss "
    "kl_div huber_loss CrossEntropyLoss BCELoss BCEWithLogitsLoss MSELoss L1Loss NLLLoss KLDivLoss SmoothL1Loss",
    "softmax_cross_entropy_with_integer_labels softmax_cross_entropy sigmoid_binary_cross_entropy",
)
_WITH_LOGITS = names.words(
    "sparse_softmax_cross_entropy_with_logits softmax_cross_entropy_with_logits sigmoid_cross_entropy_with_logits "
    "weighted_cross_entropy_with_logits softmax_cross_entropy_with_logits_v2",
)
_MAKES_CONSTANT = names.words("constant convert_to_tensor tensor as_tensor asarray array Variable isinstance callable")
_ACTIVATIONS = names.words("relu softplus sigmoid softmax log_softmax logsigmoid log_sigmoid ReLU Softplus Sigmoid Softmax")
_PARTS = names.words("split unstack unbind chunk array_split squeeze")  # methods and functions that give parts of a tensor
_TENSOR_ATTRIBUTES = names.words("shape dtype get_shape ndim device requires_grad unsqueeze squeeze view detach size")
_TENSOR_METHODS = names.words("pow sum mean abs square exp log sqrt norm clamp clamp_min clamp_max sigmoid softmax float")


_FLAG_STARTS = (("use",), ("is",), ("return",))


@lru_cache(maxsize=20_000)
def role_by_name(name: str) -> Role:
    """What the name of a parameter says by itself."""
    split = set(names.parts(name))
    if name in names.CONFIG_NAMES or names.parts(name)[:1] in _FLAG_STARTS:
        return Role.CONFIG  # return_outputs holds none
    label, prediction = bool(split & names.LABEL_WORDS), bool(split & names.PREDICTION_WORDS)
    output = bool(split & names.OUTPUT_WORDS)
    if split & {"weight", "weights"} or (split & names.WEIGHT_WORDS and not (prediction or label or output)):
        return Role.CONFIG if split & names.CLASS_WEIGHT_WORDS and not label else Role.WEIGHT
    if split & names.SIZE_WORDS:
        return Role.TENSOR if label or prediction or output else Role.UNKNOWN
    if "ignore" in split:
        return Role.CONFIG
    if (label and prediction) or "teacher" in split:
        # pred_label and label_logits are predictions; target_logits and what a teacher says may be either
        return Role.TENSOR if split & names.EITHER_WORDS else Role.PREDICTION
    if prediction:
        return Role.PREDICTION
    if label and output:
        return Role.PREDICTION if "real" in split else Role.TENSOR if "actual" in split else Role.LABEL
    if label:
        return Role.LABEL
    if output:
        return Role.PREDICTION
    if split & names.EMBEDDING_WORDS:
        return Role.TENSOR
    if split and (split <= names.CONFIG_WORDS or names.parts(name)[0] in {"with", "apply"}):
        return Role.CONFIG
    return Role.UNKNOWN


def roles_of(function: Function, called_by_keras: bool = False) -> dict[str, Role]:
    """The role of each parameter except ``self``/``cls``.

    ``called_by_keras``: Keras itself passes ``(y_true, y_pred)``, so that the first two positions have a meaning where
    the names do not say otherwise.
    """
    given = defaults(function)
    roles: dict[str, Role] = {}
    for position, parameter in enumerate(parameters(function)):
        name = parameter.arg
        if position == 0 and name in {"self", "cls", "_self"}:
            continue
        role = role_by_name(name)
        if name in given and is_literal(given[name]):
            role = Role.CONFIG
        if role in (Role.UNKNOWN, Role.TENSOR) and is_no_tensor(parameter.annotation):
            role = Role.CONFIG
        roles[name] = role
    _read_activations(function, roles, given.keys())
    _read_body(function, roles)
    order = [a.arg for a in (*function.args.posonlyargs, *function.args.args) if a.arg in roles]
    if called_by_keras:
        _fill(roles, order[:2])
    predicts = Role.PREDICTION in roles.values() or {"params", "x"} <= roles.keys()
    if predicts and roles.get("y") in (Role.UNKNOWN, Role.TENSOR):
        roles["y"] = Role.LABEL
    if not predicts and "y_true" in roles and roles.get("y") in (Role.UNKNOWN, Role.TENSOR):
        roles["y"] = Role.PREDICTION
    silent = {name for name in ("y", "p") if roles.get(name) in (Role.UNKNOWN, Role.TENSOR)}  # p=2 is an exponent
    if len(silent) == 2 and Role.PREDICTION not in roles.values():
        roles["y"], roles["p"] = Role.LABEL, Role.PREDICTION
    return roles


def _fill(roles: dict[str, Role], pair: list[str]) -> None:
    """Name the two parameters Keras fills, by position, unless one of them claims the other's role."""
    wanted = [Role.LABEL, Role.PREDICTION]
    if all(role_by_name(name) is Role.TENSOR for name in pair):
        return  # two views, a query and a key: neither is a label
    if any(roles[name] is wanted[1 - position] for position, name in enumerate(pair)):
        wanted.reverse()
    for name, role in zip(pair, wanted, strict=False):
        if roles[name] not in (Role.LABEL, Role.PREDICTION):
            roles[name] = role


def _read_body(function: Function, roles: dict[str, Role]) -> None:
    """Give a role to the parameters whose names say nothing, by what the body does with them."""
    silent = {name for name, role in roles.items() if role in (Role.UNKNOWN, Role.TENSOR)}
    if not silent:
        return
    called: set[str] = set()
    for node in walk(*body_of(function)):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                called.add(node.func.id)
            _read_call(node, silent, roles)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.BinOp) and node.attr in _TENSOR_METHODS:
            for side in (node.value.left, node.value.right):  # (a - b).pow(2)
                if isinstance(side, ast.Name) and side.id in silent:
                    _give(roles, side.id, Role.TENSOR)
        elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.value, ast.Name):
            name = node.value.id
            indexed = isinstance(node, ast.Subscript) and names.SIZE_WORDS.isdisjoint(names.parts(name)[-1:])
            if name in silent and (indexed or (isinstance(node, ast.Attribute) and node.attr in _TENSOR_ATTRIBUTES)):
                _give(roles, name, Role.TENSOR)
    for name in called & silent:
        roles[name] = Role.UNKNOWN  # a model or a function that is passed in


def _read_activations(function: Function, roles: dict[str, Role], given: Collection[str]) -> None:
    """What an activation is applied to is a network's output, whatever it is called: ``sigma = relu(params[:, 1])``."""
    part_of = {name: name for name, role in roles.items() if role in (Role.CONFIG, Role.UNKNOWN) and name not in given}
    if not part_of:
        return
    nodes = [*walk(*body_of(function))]
    made: dict[str, int] = {}  # names that hold something else from some line on
    for node in nodes:
        if isinstance(node, ast.Assign):
            whole = _whole(node.value, part_of)
            for target in node.targets:
                for name in (part.id for part in ast.walk(target) if isinstance(part, ast.Name)):
                    if whole:
                        part_of.setdefault(name, whole)
                    else:
                        made[name] = min(node.lineno, made.get(name, node.lineno))
    for node in nodes:
        value = _activated(node) if isinstance(node, ast.Call) else None
        if value is not None and (whole := _whole(value, part_of)) and made.get(
                dotted_root(value), value.lineno) >= value.lineno:
            roles[whole] = Role.TENSOR


def _activated(call: ast.Call) -> ast.expr | None:
    """What an activation is applied to: as a function, a method or a layer."""
    callee = call.func.func if isinstance(call.func, ast.Call) else call.func
    if last_name(callee) not in _ACTIVATIONS:
        return None
    if isinstance(callee, ast.Attribute) and dotted_root(callee) not in _FRAMEWORK_NAMES:
        return callee.value
    return call.args[0] if call.args else None


def _whole(value: ast.expr, part_of: Mapping[str, str]) -> str:
    """The parameter that a value is, or is a part of; "" for any other value."""
    match value:
        case ast.Name(id=name):
            return part_of.get(name, "")
        case ast.Subscript(value=inner, slice=index) if not (
                isinstance(index, ast.Constant) and isinstance(index.value, str)):
            return _whole(inner, part_of)
        case ast.Call(func=func, args=[first, *_]) if last_name(func) in _PARTS and dotted_root(func) in _FRAMEWORK_NAMES:
            return _whole(first, part_of)
        case ast.Call(func=ast.Attribute(value=inner, attr=attr)) if attr in _PARTS:
            return _whole(inner, part_of)
    return ""


def _read_call(call: ast.Call, silent: set[str], roles: dict[str, Role]) -> None:
    for keyword in call.keywords:
        if (name := _parameter(keyword.value, silent)) and (role := _KEYWORD_ROLES.get(keyword.arg or "")):
            _give(roles, name, role)
    callee = call.func.func if isinstance(call.func, ast.Call) else call.func
    op = last_name(callee)
    pair: tuple[Role, ...] = ()
    if op in _LABEL_FIRST or op in _WITH_LOGITS:
        pair = (Role.LABEL, Role.PREDICTION)
    elif op in _PREDICTION_FIRST:
        pair = (Role.PREDICTION, Role.LABEL)
    if any(isinstance(value, ast.Call) and last_name(value.func) in names.DETACHES for value in call.args[:2]):
        pair = ()  # mse_loss(z.detach(), code) pulls the second to the first, whichever comes first
    for role, value in zip(pair, call.args, strict=False):
        if name := _parameter(value, silent):
            _give(roles, name, role)
    if not pair and isinstance(callee, ast.Attribute) and op not in _MAKES_CONSTANT and call.args:
        first = call.args[0]
        if isinstance(first, ast.Name) and first.id in silent and dotted_root(callee) in _FRAMEWORK_NAMES:
            _give(roles, first.id, Role.TENSOR)


_FRAMEWORK_NAMES = names.words("tf K keras ops backend torch F jnp jax nn tfp tfm math_ops array_ops math")


def _give(roles: dict[str, Role], name: str, role: Role) -> None:
    if roles[name] in (Role.UNKNOWN, Role.TENSOR):
        roles[name] = role


def _parameter(value: ast.expr, silent: set[str]) -> str:
    """The silent parameter that an argument is, also inside one conversion: ``tf.cast(y, tf.int32)``."""
    if isinstance(value, ast.Call) and value.args:
        value = value.args[0]
    return value.id if isinstance(value, ast.Name) and value.id in silent else ""


def is_literal(node: ast.expr) -> bool:
    """A number, string, flag, or a tuple or list of them; not None, which says nothing."""
    if not isinstance(node, _LITERAL) or (isinstance(node, ast.Constant) and node.value is None):
        return False
    return all(isinstance(part, _LITERAL_PARTS) for part in ast.walk(node)) and not (
        isinstance(node, (ast.Tuple, ast.List)) and not node.elts)


_LITERAL = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.Tuple, ast.List)
_LITERAL_PARTS = (*_LITERAL, ast.operator, ast.unaryop, ast.expr_context)


def has_pair(roles: dict[str, Role]) -> bool:
    """Whether both a label and a prediction come in."""
    return Role.LABEL in roles.values() and Role.PREDICTION in roles.values()


def has_canonical_pair(function: Function) -> bool:
    """Whether the signature is Keras's own ``(y_true, y_pred)``, in either order and common spellings."""
    first = {a.arg.lower() for a in parameters(function)[:4]}
    return bool(first & names.TRUE_NAMES) and bool(first & names.PRED_NAMES)
