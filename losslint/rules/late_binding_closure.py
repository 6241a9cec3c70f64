"""LL210."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import takewhile

from losslint.findings import Severity
from losslint.graph.source import AstSource
from losslint.project.index import body_of, last_name, walk
from losslint.project.module import Module, target_names
from losslint.rules.base import Loss, Problem, Rule

TRAINS = ("fit", "fit_generator", "train_on_batch")
RUNS = ("minimize", "lbfgs_minimize", "bfgs_minimize", "step", "run_step")  # they call what they are given and return
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


class LateBindingClosure(Rule):
    """Losses made in a loop all see the last value of the loop variable.

    What it does: finds lambdas and functions that are defined in a loop and use its variable without binding it. A loss
    that is compiled and fitted in the same turn of the loop is traced in time.

    Why it is bad: Python looks the variable up when the loss is called, after the loop has ended: every output is trained
    for the last quantile, weight or column.

    Use instead: bind it as a default, ``lambda y, f, q=q: ...``, or use ``functools.partial`` or a factory.

    Confirmed by: the losses of the list give the same value for different loop values.
    """

    code = "LL210"
    name = "late-binding-closure"
    severity = Severity.WARNING
    BAD = (
        """
import tensorflow as tf

def pinball(q, y, f):
    e = y - f
    return tf.reduce_mean(tf.maximum(q * e, (q - 1.0) * e))

losses = []
for q in (0.1, 0.5, 0.9):
    losses.append(lambda y, f: pinball(q, y, f))  # expect: LL210
model = tf.keras.Sequential([tf.keras.layers.Dense(3)])
model.compile(loss=losses)
""",
    )
    GOOD = (
        """
import tensorflow as tf

def pinball(q, y, f):
    e = y - f
    return tf.reduce_mean(tf.maximum(q * e, (q - 1.0) * e))

losses = [lambda y, f, q=q: pinball(q, y, f) for q in (0.1, 0.5, 0.9)]
model = tf.keras.Sequential([tf.keras.layers.Dense(3)])
model.compile(loss=losses)
""",
        """
import tensorflow as tf

features, targets = tf.ones((8, 3)), tf.ones((8, 1))
for q in (0.1, 0.9):
    model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    model.compile(loss=lambda y, f: tf.reduce_mean(tf.maximum(q * (y - f), (q - 1.0) * (y - f)), axis=-1))
    model.fit(features, targets)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        node = loss.site.node
        if not isinstance(node, (ast.Lambda, ast.FunctionDef)) or loss.site.kind == "tape":
            return
        variables = loop_variables(loss, node)
        module = loss.site.module
        late = [use for use in free_uses(node) if use.id in variables and not used_up(module, node, variables[use.id])]
        if not late:
            return
        first = min(late, key=lambda use: (use.lineno, use.col_offset))
        name, defaults = first.id, ", ".join(f"{n}={n}" for n in sorted({use.id for use in late}))
        yield Problem(
            AstSource(module, first),
            f"{name} is looked up when the loss is called, after the loop has ended: every loss of the loop uses the "
            f"last value of {name}",
            f"bind it now: lambda ..., {defaults}: ..."
            if isinstance(node, ast.Lambda)
            else f"give the function a default {defaults}, or make it in a factory",
        )


def loop_variables(loss: Loss, node: ast.AST) -> dict[str, ast.AST]:
    """Names bound by the loops around a function, up to the scope it is defined in."""
    module = loss.site.module
    scope = module.enclosing_scope(node)
    found: dict[str, ast.AST] = {}
    for ancestor in module.ancestors(node):
        if ancestor is scope:
            break
        if isinstance(ancestor, (ast.For, ast.AsyncFor)):
            found |= dict.fromkeys(target_names(ancestor.target), ancestor)
        elif isinstance(ancestor, COMPREHENSIONS):
            for generator in ancestor.generators:
                found |= dict.fromkeys(target_names(generator.target), ancestor)
    return found


def used_up(module: Module, node: ast.Lambda | ast.FunctionDef, loop: ast.AST) -> bool:
    """Whether a function is only called, or compiled and fitted with, in the turn of the loop that makes it."""
    inside = set(ast.walk(loop))
    fits = any(isinstance(n, ast.Call) and last_name(n.func) in TRAINS for n in inside)
    parent = module.parents[node]
    name = node.name if isinstance(node, ast.FunctionDef) else ""
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        name = parent.targets[0].id
    uses: list[ast.AST] = [node]
    if name:
        scope = ast.walk(module.enclosing_scope(node))
        uses = [n for n in scope if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)]
    return bool(uses) and inside.issuperset(uses) and all(
        called(module, use) or (fits and compiled(module, use)) for use in uses
    )


def called(module: Module, use: ast.AST) -> bool:
    """Whether a function is called where it stands: ``f(x)``, ``optimizer.minimize(f)``, ``jax.grad(f)(x)``."""
    parent = module.parents[use]
    if isinstance(parent, ast.keyword):
        parent = module.parents[parent]
    if not isinstance(parent, ast.Call):
        return False
    return parent.func is use or last_name(parent.func) in RUNS or called(module, parent)


def compiled(module: Module, use: ast.AST) -> bool:
    around = takewhile(lambda node: not isinstance(node, ast.stmt), module.ancestors(use))
    return any(isinstance(node, ast.Call) and last_name(node.func) == "compile" for node in around)


def free_uses(node: ast.Lambda | ast.FunctionDef) -> list[ast.Name]:
    """Where a function uses names that it does not bind itself; defaults are evaluated outside and do not count."""
    arguments = node.args
    bound = {a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
    bound |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None}
    names = [n for part in body_of(node) for n in walk(part) if isinstance(n, ast.Name)]
    bound |= {n.id for n in names if isinstance(n.ctx, ast.Store)}
    return [n for n in names if isinstance(n.ctx, ast.Load) and n.id not in bound]
