# mypy: ignore-errors
"""JAX losses as people write them; CASES at the end runs each one. ``# expect: CODE`` marks what shall be found."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from tests.frameworks.truth_jax import differs, of

# -- NumPy and Python on traced arrays


def numpy_log_loss(prob, target):
    return -jnp.mean(target * np.log(prob + 1e-6))  # expect: LL101


def numpy_mean_loss(pred, target):
    return np.mean((pred - target) ** 2)


def numpy_label_loss(pred, target):
    return jnp.mean(np.pi * (pred - target) ** 2 / np.prod(pred.shape))


def math_loss(pred, target):
    return math.sqrt(jnp.mean((pred - target) ** 2))  # expect: LL103


math_slope = jax.grad(math_loss)


def float_factor_loss(pred, target):
    mse = jnp.mean((pred - target) ** 2)
    return mse * float(mse)  # expect: LL102


def item_factor_loss(pred, target):
    mse = jnp.mean((pred - target) ** 2)
    return mse * mse.item()  # expect: LL109


def assigned_loss(pred, target):
    pred[0] = target[0]  # expect: LL206
    return jnp.mean((pred - target) ** 2)


def updated_loss(pred, target):
    return jnp.mean((pred.at[0].set(target[0]) - target) ** 2)


@jax.jit
def branching_loss(pred, target):
    error = jnp.mean(jnp.abs(pred - target))
    if error > 0.5:  # expect: LL201
        return error
    return error**2


def chosen_loss(pred, target):
    error = jnp.mean(jnp.abs(pred - target))
    return jax.lax.cond(error > 0.5, lambda e: e, lambda e: e**2, error)


# -- zero gradients


def accuracy_loss(logits, labels):
    return 1.0 - jnp.mean(jnp.argmax(logits, axis=-1) == labels)  # expect: LL107


def hard_dice_loss(pred, target):
    inside = (pred > 0.5).astype(jnp.float32)  # expect: LL106
    return 1.0 - 2.0 * jnp.sum(inside * target) / (jnp.sum(inside) + jnp.sum(target) + 1.0)


def rounded_loss(pred, target):
    return jnp.mean((jnp.round(pred) - target) ** 2)  # expect: LL107


def stopped_loss(pred, target):
    return jnp.mean(jax.lax.stop_gradient(pred - target) ** 2)  # expect: LL108


@jax.custom_vjp
def rounded(x):
    return jnp.round(x)


rounded.defvjp(lambda x: (jnp.round(x), None), lambda _, upstream: (upstream,))


def straight_through_loss(pred, target):
    return jnp.mean((rounded(pred) - target) ** 2)


@jax.custom_vjp
def cube(x):
    return x**3


def cube_forward(x):
    return x**3, x


def cube_backward(x, upstream):
    return (3.0 * x**2,)  # expect: LL511


cube.defvjp(cube_forward, cube_backward)


def cubic_loss(pred, target):
    return jnp.mean(jnp.abs(cube(pred - target)))


@jax.custom_vjp
def product(x, y):
    return x * y


def product_forward(x, y):
    return x * y, (x, y)


def product_backward(saved, upstream):
    _, y = saved
    return (upstream * y,)  # expect: LL512


product.defvjp(product_forward, product_backward)


def product_loss(pred, target):
    return -jnp.mean(product(pred, target))


@jax.custom_jvp
def safe_log(x):
    return jnp.log(jnp.maximum(x, 1e-6))


@safe_log.defjvp
def safe_log_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return safe_log(x), dx / jnp.maximum(x, 1e-6)


def safe_log_loss(prob, target):
    return -jnp.mean(target * safe_log(prob))


@jax.custom_jvp
def soft_sign(x):
    return jnp.sign(x)


@soft_sign.defjvp
def soft_sign_jvp(primals, tangents):
    (x,) = primals
    return soft_sign(x), 1.0 - jnp.tanh(x) ** 2  # expect: LL511


def soft_sign_loss(pred, target):
    return jnp.mean((soft_sign(2.0 * pred) - target) ** 2)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def scaled(x, scale):
    return x


def scaled_forward(x, scale):
    return x, None


def scaled_backward(scale, _, upstream):
    return (upstream * scale,)


scaled.defvjp(scaled_forward, scaled_backward)


def reversed_loss(pred, target):
    return jnp.mean((scaled(pred, -1.0) - target) ** 2)


# -- numerics


def rmse_loss(pred, target):
    return jnp.sqrt(jnp.mean((pred - target) ** 2))  # expect: LL303


def norm_loss(pred, target):
    return jnp.linalg.norm(pred - target)  # expect: LL303


def safe_norm_loss(pred, target):
    squares = jnp.sum((pred - target) ** 2)
    safe = jnp.where(squares > 0, squares, 1.0)
    return jnp.where(squares > 0, jnp.sqrt(safe), 0.0)


def where_root_loss(pred, target):
    gap = jnp.abs(pred - target)
    return jnp.mean(jnp.where(gap > 0, jnp.sqrt(gap), 0.0))  # expect: LL305


def cosine_loss(pred, target):
    norms = jnp.linalg.norm(pred) * jnp.linalg.norm(target)
    return 1.0 - jnp.dot(pred, target) / norms  # expect: LL304


# -- models


class Head(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(nn.relu(nn.Dense(8)(x)))


def classifier_loss(params, x, labels):
    logits = Head().apply({"params": params}, x)
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def classifier_accuracy_loss(params, x, labels):
    logits = Head().apply({"params": params}, x)
    return 1.0 - (logits.argmax(-1) == labels).mean()  # expect: LL107


def ridge_loss(params, x, y):
    pred = x @ params["w"] + params["b"]
    return jnp.mean(optax.l2_loss(pred, y)) + 1e-3 * sum(jnp.sum(p**2) for p in jax.tree.leaves(params))


def stopped_ridge_loss(params, x, y):
    l2 = sum(jnp.sum(jax.lax.stop_gradient(p) ** 2) for p in jax.tree.leaves(params))  # expect: LL112
    return jnp.mean((x @ params - y) ** 2) + l2


def item_lasso_loss(params, x, y):
    l1 = sum(jnp.abs(p).sum().item() for p in jax.tree_util.tree_leaves(params))  # expect: LL112
    return jnp.mean((x @ params - y) ** 2) + l1


def float_lasso_loss(params, x, y):
    l1 = sum(float(jnp.abs(p).sum()) for p in jax.tree_util.tree_leaves(params))  # expect: LL102
    return jnp.mean((x @ params - y) ** 2) + l1


def numpy_lasso_loss(params, x, y):
    l1 = sum(np.abs(p).sum() for p in jax.tree_util.tree_leaves(params))  # expect: LL101
    return jnp.mean((x @ params - y) ** 2) + l1


def proximal_loss(params, x, y, start=None):
    start = [jnp.ones(5)] if start is None else start
    pull = sum(jnp.sum((p - jax.lax.stop_gradient(q)) ** 2) for p, q in zip(jax.tree.leaves(params), start, strict=True))
    return jnp.mean((x @ params - y) ** 2) + 0.1 * pull


def softmaxed_twice_loss(logits, labels):
    return optax.softmax_cross_entropy(jax.nn.softmax(logits), labels).mean()  # expect: LL406


def squashed_twice_loss(logits, labels):
    return optax.sigmoid_binary_cross_entropy(jax.nn.sigmoid(logits), labels).mean()  # expect: LL406


def squashed_once_loss(logits, labels):
    return optax.sigmoid_binary_cross_entropy(logits, labels).mean()


def predict(params, x):
    return jnp.dot(x, params["w"]) + params["b"]


def root_loss(params, x, y):
    return jnp.sqrt(jnp.mean((predict(params, x) - y) ** 2))  # expect: LL303


def safe_root_loss(params, x, y):
    return jnp.sqrt(jnp.mean((predict(params, x) - y) ** 2) + 1e-6)


def head_root_loss(params, x, y):
    return jnp.sqrt(jnp.sum((Head().apply({"params": params}, x) - y) ** 2, axis=-1) + 1e-12).mean()


def selected_margin_loss(params, x, y):
    margin = 1.0 - (2.0 * y - 1.0) * predict(params, x)
    return jnp.sum(margin[margin > 0])  # expect: LL201


def chosen_margin_loss(params, x, y):
    margin = 1.0 - (2.0 * y - 1.0) * predict(params, x)
    return jnp.sum(jnp.where(margin > 0, margin, 0.0))


compiled = jax.jit(jax.grad(selected_margin_loss)), jax.jit(jax.grad(chosen_margin_loss))


P, Y = [0.2, 0.7, 0.9, 0.4], [0.0, 1.0, 1.0, 0.5]
LOGITS, LABELS = np.random.default_rng(0).normal(size=(4, 3)).astype("float32"), np.array([0, 1, 2, 1])
X = np.random.default_rng(1).normal(size=(4, 5)).astype("float32")
W = [0.5, -1.0, 0.3, 2.0, 1.5]
LINE = {"w": np.zeros(5, "float32"), "b": np.float32(0.0)}
HEAD = Head().init(jax.random.key(0), X)["params"]

CASES = {
    "numpy_log_loss": [of(numpy_log_loss, P, Y)],
    "numpy_mean_loss": [of(numpy_mean_loss, P, Y, jit=True)],
    "numpy_label_loss": [of(numpy_label_loss, P, Y, jit=True)],
    "math_loss": [of(math_loss, P, Y)],
    "float_factor_loss": [of(float_factor_loss, P, Y)],
    "item_factor_loss": [differs(item_factor_loss, P, np.asarray(Y))],
    "assigned_loss": [of(assigned_loss, P, Y)],
    "updated_loss": [of(updated_loss, P, Y, jit=True)],
    "branching_loss": [of(branching_loss, P, Y)],
    "chosen_loss": [of(chosen_loss, P, Y, jit=True)],
    "accuracy_loss": [of(accuracy_loss, LOGITS, LABELS)],
    "hard_dice_loss": [of(hard_dice_loss, P, Y)],
    "rounded_loss": [of(rounded_loss, P, Y)],
    "stopped_loss": [of(stopped_loss, P, Y)],
    "straight_through_loss": [of(straight_through_loss, P, Y)],
    "cubic_loss cube_backward": [differs(cubic_loss, P, np.array([0.0, 1.0, 1.5, 1.0]))],
    "product_loss product_backward": [of(product_loss, P, Y)],
    "safe_log_loss": [of(safe_log_loss, [0.0, 0.5, 1.0], [1.0, 0.5, 1.0])],
    "soft_sign_loss soft_sign_jvp": [of(soft_sign_loss, P, Y)],
    "reversed_loss": [of(reversed_loss, P, Y)],
    "rmse_loss": [of(rmse_loss, P, P)],
    "norm_loss": [of(norm_loss, P, P)],
    "safe_norm_loss": [of(safe_norm_loss, P, Y, jit=True)],
    "where_root_loss": [of(where_root_loss, [0.5, 0.2], [0.5, 0.9])],
    "cosine_loss": [of(cosine_loss, [0.0, 0.0], [0.5, 0.9])],
    "classifier_loss": [of(classifier_loss, HEAD, X, LABELS, jit=True)],
    "classifier_accuracy_loss": [of(classifier_accuracy_loss, HEAD, X, LABELS)],
    "ridge_loss": [of(ridge_loss, {"w": np.ones(5, "float32"), "b": np.float32(0.5)}, X, Y, jit=True)],
    "stopped_ridge_loss": [differs(stopped_ridge_loss, W, X, np.array(Y))],
    "item_lasso_loss": [differs(item_lasso_loss, W, X, np.array(Y))],
    "float_lasso_loss": [of(float_lasso_loss, W, X, Y)],
    "numpy_lasso_loss": [of(numpy_lasso_loss, W, X, Y)],
    "proximal_loss": [differs(proximal_loss, W, X, np.array(Y))],
    "squashed_twice_loss": [lambda: "" if squashed_twice_loss(40.0 * jnp.eye(3) - 20.0, jnp.eye(3)) < 0.1 else "stays high"],
    "squashed_once_loss": [lambda: "" if squashed_once_loss(40.0 * jnp.eye(3) - 20.0, jnp.eye(3)) < 0.1 else "stays high"],
    "root_loss": [of(root_loss, LINE, X, np.zeros(4, "float32"))],
    "safe_root_loss": [of(safe_root_loss, LINE, X, np.array(Y))],
    "head_root_loss": [of(head_root_loss, HEAD, X, np.ones((4, 3), "float32"))],
    "selected_margin_loss": [of(selected_margin_loss, LINE, X, np.array(Y), jit=True)],
    "chosen_margin_loss": [of(chosen_margin_loss, LINE, X, np.array(Y), jit=True)],
    "softmaxed_twice_loss": [lambda: "" if softmaxed_twice_loss(40.0 * jnp.eye(3), jnp.eye(3)) < 0.1 else "stays high"],
}
