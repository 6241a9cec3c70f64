"""``rewrites.tsv`` against TensorFlow: each stable form is the same function, and right where the other one fails.

Both forms of a line are written out as a loss, so that what is compared is what a user would write and be told.
"""

from __future__ import annotations

import ast
import json
import math
import re
from typing import Any

import pytest

from losslint.facts.rewrite_table import Rewrite, table
from losslint.facts.rewrites import FRAMEWORKS, Match, Place
from losslint.graph.nodes import Node
from losslint.graph.values import Const
from tests.expectations import check

LINES = [pytest.param(rewrite, id=ast.unparse(rewrite.written)) for rewrite in table()]
PRECISION = {"exact": 1e-9, "labels": 1e-9, "one-hot": 1e-9, "guard": 1e-3}
LETTERS: dict[str, object] = {"a": -1, "b": -1, "k": True}


def spelled(rewrite: Rewrite, term: ast.expr, framework: str = "tensorflow") -> str:
    """A term of the table as code."""
    bound = {letter: Place(Const(value)) for letter, value in LETTERS.items()}
    written = Rewrite(term, {framework: ast.unparse(term)}, "exact", frozenset(), "", False)
    match = Match(written, Node(0, "", {}, None, None, None), bound=bound)  # type: ignore[arg-type]
    return match.form(framework)


def naive(rewrite: Rewrite) -> str:
    return spelled(rewrite, rewrite.written)


def point(rewrite: Rewrite) -> dict[str, list[float]]:
    """The input at which the first form fails."""
    given = (word.partition("=") for word in rewrite.fails_at.split())
    return {name: json.loads(text) if text.startswith("[") else [float(text)] for name, _, text in given}


def measured(code: str, given: dict[str, Any], dtype: str) -> tuple[Any, Any]:
    """The value, and its gradient with respect to x."""
    tf = pytest.importorskip("tensorflow")
    tensors = {name: tf.constant(value, dtype) for name, value in given.items()}
    with tf.GradientTape() as tape:
        tape.watch(tensors["x"])
        value = eval(code, {"tf": tf}, tensors)
    return value.numpy(), tape.gradient(value, tensors["x"]).numpy()


def rows_of(rewrite: Rewrite, generator: Any) -> dict[str, Any]:
    """A batch of rows on which both forms are finite, labels where y is one."""
    x = generator.uniform(0.05, 3.0, (5, 3))
    if rewrite.kind in ("labels", "one-hot"):
        return {"x": x, "y": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] * 1 + [[1.0, 0.0, 0.0]] * 2}
    return {"x": x, "y": generator.uniform(0.0, 1.0, (5, 3)), "z": generator.uniform(0.5, 2.0, (5, 3))}


@pytest.mark.parametrize("rewrite", LINES)
def test_is_the_same_function(rewrite: Rewrite) -> None:
    np = pytest.importorskip("numpy")
    given = rows_of(rewrite, np.random.default_rng(0))
    for first, second in zip(measured(naive(rewrite), given, "float64"),
                             measured(spelled(rewrite, rewrite.write["tensorflow"]), given, "float64"), strict=True):
        both = np.isfinite(np.broadcast_to(first, np.broadcast(first, second).shape))
        assert both.any()
        shown = np.broadcast_to(second, both.shape)
        assert np.allclose(np.broadcast_to(first, both.shape)[both], shown[both], rtol=PRECISION[rewrite.kind], atol=1e-6)


@pytest.mark.parametrize("rewrite", LINES)
def test_mends_the_failing_input(rewrite: Rewrite) -> None:
    np = pytest.importorskip("numpy")
    before = measured(naive(rewrite), point(rewrite), "float32")
    value, gradient = measured(spelled(rewrite, rewrite.write["tensorflow"]), point(rewrite), "float32")
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
    if rewrite.rounds:
        exact, _ = measured(spelled(rewrite, rewrite.write["tensorflow"]), point(rewrite), "float64")
        assert np.allclose(value, exact, rtol=1e-2)
        assert not np.allclose(before[0], exact, rtol=1e-1, atol=0.0)
    else:
        assert not all(np.isfinite(part).all() for part in before)


@pytest.mark.parametrize("rewrite", LINES)
def test_is_right_at_the_failing_input(rewrite: Rewrite) -> None:
    """Against the first form in float64, which still holds there, for what overflows in float32 only."""
    np = pytest.importorskip("numpy")
    precise, _ = measured(naive(rewrite), point(rewrite), "float64")
    if not np.isfinite(precise).all():
        pytest.skip("float64 is not enough either")
    value, _ = measured(spelled(rewrite, rewrite.write["tensorflow"]), point(rewrite), "float32")
    assert np.allclose(value, precise, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("rewrite", LINES)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_names_exist(rewrite: Rewrite, framework: str) -> None:
    packages = {"tensorflow": ["tensorflow"], "keras": ["keras", "tensorflow"], "torch": ["torch"], "jax": ["jax", "optax"]}
    modules = {name: pytest.importorskip(name) for name in packages[framework]}
    if framework not in rewrite.write:
        return
    spaces = {"tf": modules.get("tensorflow"), "jnp": getattr(modules.get("jax"), "numpy", None), **modules}
    term = ast.parse(spelled(rewrite, rewrite.write[framework], framework), mode="eval")
    for call in (node for node in ast.walk(term) if isinstance(node, ast.Call)):
        assert callable(eval(ast.unparse(call.func), spaces)), ast.unparse(call.func)


@pytest.mark.parametrize("rewrite", LINES)
def test_is_found_through_variables(rewrite: Rewrite) -> None:
    """The first form, each operation on a line of its own, is told of the second, with the names of its author."""
    if math.prod(point(rewrite)["x"]) == 0 and rewrite.kind == "guard":
        pytest.skip("said by the rule of the operation")
    x = "z" if rewrite.rounds else "y_pred"  # z: what neither overflows nor leaves the domain
    lines = ["z = 0.5 * tf.tanh(y_true - y_pred)"]
    root = flattened(ast.parse(named(naive(rewrite), x), mode="eval").body, lines)
    body = "\n    ".join([*lines, f"return tf.reduce_mean({root}) + tf.reduce_mean(y_true * y_pred)"])
    found = check(f"import tensorflow as tf\n\ndef some_loss(y_true, y_pred):\n    {body}\n")
    wanted = named(spelled(rewrite, rewrite.write["tensorflow"]), x)
    assert any(wanted in finding.help for finding in found), [(f.code, f.message, f.help) for f in found]


def named(code: str, x: str) -> str:
    return re.sub(r"\bx\b", x, re.sub(r"\by\b", "y_true", code))


def flattened(term: ast.expr, lines: list[str]) -> str:
    """A term as statements of one operation each; the name of the last."""
    negative = isinstance(term, ast.UnaryOp) and isinstance(term.operand, ast.Constant)
    if negative or isinstance(term, (ast.Constant, ast.Name)):
        return ast.unparse(term)
    if isinstance(term, ast.BinOp):
        term = ast.BinOp(ast.Name(flattened(term.left, lines)), term.op, ast.Name(flattened(term.right, lines)))
    elif isinstance(term, ast.UnaryOp):
        term = ast.UnaryOp(term.op, ast.Name(flattened(term.operand, lines)))
    elif isinstance(term, ast.Call):
        term = ast.Call(term.func, [ast.Name(flattened(a, lines)) for a in term.args], term.keywords)
    lines.append(f"t{len(lines)} = {ast.unparse(term)}")
    return f"t{len(lines) - 1}"
