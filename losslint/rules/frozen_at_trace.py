"""LL207."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.project.index import last_name, walk
from losslint.project.modes import Mode
from losslint.project.module import Module
from losslint.rules.base import Loss, Problem, Rule

COMPILERS = ("function", "jit", "pmap", "filter_jit")
BEFORE_TRACE = ("__init__", "set_params", "set_model", "on_train_begin")  # of a callback
CLOCKS = ("time.time", "time.perf_counter", "time.monotonic", "datetime.datetime.now")


class FrozenAtTrace(Rule):
    """A Python value that should change from step to step is burned into the graph when it is traced.

    What it does: finds NumPy or Python random numbers, clocks and counters inside a loss that a graph is traced from, and
    attributes or globals that a callback of the same file changes, or the loop that calls the compiled step.

    Why it is bad: Python runs once, while the graph is traced: every later step uses the first value, without a
    warning.

    Use instead: ``tf.random``; a ``tf.Variable(..., trainable=False)`` outside of the loss with ``assign`` in the
    callback.

    Confirmed by: two calls of one traced step after the state was changed give the same loss.
    """

    code = "LL207"
    name = "frozen-at-trace"
    severity = Severity.WARNING
    BAD = (
        """
import numpy as np
import tensorflow as tf

def noisy_loss(y_true, y_pred):
    noise = np.random.normal(size=(3,))  # expect: LL207
    return tf.reduce_mean(tf.square(y_true + noise - y_pred))
""",
        """
import tensorflow as tf

class AnnealedLoss(tf.keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.weight = 0.0

    def call(self, y_true, y_pred):
        return self.weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)  # expect: LL207

annealed = AnnealedLoss()

class Warmup(tf.keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        annealed.weight = epoch / 10.0
""",
        """
import jax
import jax.numpy as jnp

weight = 0.0

def ridge_loss(params, x, y):
    return jnp.mean((x @ params - y) ** 2) + weight * jnp.sum(params**2)  # expect: LL207

@jax.jit
def step(params, x, y):
    return params - 0.1 * jax.grad(ridge_loss)(params, x, y)

params, x, y = jnp.ones(3), jnp.ones((4, 3)), jnp.ones(4)
for epoch in range(10):
    weight = min(1.0, epoch / 5)
    params = step(params, x, y)
""",
    )
    GOOD = (
        """
import numpy as np
import tensorflow as tf

WEIGHTS = np.random.rand(3).astype("float32")
weight = tf.Variable(0.0, trainable=False)

def noisy_loss(y_true, y_pred):
    noise = tf.random.normal(tf.shape(y_true))
    return weight * tf.reduce_mean(WEIGHTS * tf.square(y_true + noise - y_pred))

class Warmup(tf.keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        weight.assign(epoch / 10.0)
""",
        """
import jax
import jax.numpy as jnp
import tensorflow as tf

weight, power, share = 0.0, 2.0, 0.0
params, x, y = jnp.ones(3), jnp.ones((4, 3)), jnp.ones(4)

def ridge_loss(params, x, y, weight):
    return jnp.mean((x @ params - y) ** 2) + weight * jnp.sum(params**2)

@jax.jit
def step(params, x, y, weight):
    return params - 0.1 * jax.grad(ridge_loss)(params, x, y, weight)

for epoch in range(10):
    weight = min(1.0, epoch / 5)
    params = step(params, x, y, weight)

def power_loss(params, x, y):
    return jnp.mean(jnp.abs(x @ params - y) ** power)

for power in (2.0, 3.0, 4.0):
    compiled = jax.jit(jax.grad(power_loss))
    params = params - 0.1 * compiled(params, x, y)

def share_loss(params, x, y):
    return share * jnp.mean((x @ params - y) ** 2)

for epoch in range(10):
    share = min(1.0, epoch / 5)
    params = step(params, x, y, 0.0) - 0.1 * jax.grad(share_loss)(params, x, y)
""",
    )

    def check(self, loss: Loss) -> Iterator[Problem]:
        if loss.site.mode not in (Mode.GRAPH, Mode.AUTOGRAPH):
            return
        for node in loss.nodes:
            counts = node.family != "sample" or node.name in CLOCKS or node.index in loss.relevant
            if counts and node.context.mode in (Mode.GRAPH, Mode.AUTOGRAPH) and (what := frozen(node)):
                what_runs = ("the assignment to " if node.op == "python.setattr" else "") + node.source.text
                yield Problem(
                    node.source,
                    f"{what_runs} runs once, while the graph is traced: every later step {what}",
                    "use tf.random, which samples anew in each step"
                    if "numbers" in what
                    else "keep it in a tf.Variable(..., trainable=False), and assign to it",
                )
        yield from self.changed_later(loss)

    def changed_later(self, loss: Loss) -> Iterator[Problem]:
        """What a callback, or the loop around the traced steps, changes after the trace."""
        if not loss.graph.plain_reads:
            return
        module = loss.site.module
        by_callbacks, by_loops = names_changed_by_callbacks(loss), names_changed_by_loops(module)
        instead = "make it tf.Variable(..., trainable=False), and call assign on it there"
        if loss.site.framework == "jax":
            instead = "make it an argument of the compiled function, and of the loss"
        for read, name in loss.graph.plain_reads:
            row, who = by_callbacks.get(name, by_callbacks.get(read.text)), "callback"
            if row is None and read.module is module:
                row, who = by_loops.get(name), "loop"
            if row is not None:
                yield Problem(
                    read,
                    f"{read.text} is read while the graph is traced, and what it is then is burned in: what the {who} "
                    f"assigns in row {row} is never seen",
                    instead,
                )


def frozen(node: Node) -> str:
    """What a node that runs only at trace time does to the later steps, "" for other nodes."""
    if node.name in CLOCKS:
        return "uses the same time"
    if node.family == "sample" and node.framework in ("numpy", "python"):
        return "uses the same numbers"
    if node.op == "python.setattr":
        return "sees it as the first one left it"
    return ""


def names_changed_by_loops(module: Module) -> dict[str, int]:
    """Globals that get another value in each turn of a loop that calls compiled code, with the row: not those of a loop
    that compiles anew."""
    found: dict[str, int] = {}
    traced = compiled_names(module)
    for loop in module.nodes if traced else ():
        if not isinstance(loop, (ast.For, ast.While)):
            continue
        inner = list(walk(loop))
        called = {last_name(node.func) for node in inner if isinstance(node, ast.Call)}
        again = not called.isdisjoint(COMPILERS) or any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in inner)
        if again or called.isdisjoint(traced):
            continue
        owner = module.index.def_around(loop)
        declared = {n for node in walk(owner) if isinstance(node, ast.Global) for n in node.names} if owner else None
        for name, row in rebound(loop, inner):
            if declared is None or name in declared:
                found.setdefault(name, row)
    return found


def rebound(loop: ast.For | ast.While, inner: list[ast.AST]) -> Iterator[tuple[str, int]]:
    """The names that a loop counts, or assigns to what is no constant."""
    targets = [loop.target] if isinstance(loop, ast.For) else []
    targets += [t for n in inner if isinstance(n, ast.Assign) and not isinstance(n.value, ast.Constant) for t in n.targets]
    targets += [node.target for node in inner if isinstance(node, ast.AugAssign)]
    for target in walk(*targets):
        if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store):
            yield target.id, target.lineno


def compiled_names(module: Module) -> set[str]:
    """The names of a file for functions that are traced once and called again."""
    def is_compiler(node: ast.expr) -> bool:
        called = node.func if isinstance(node, ast.Call) else node
        inside = isinstance(node, ast.Call) and last_name(called) == "partial" and node.args
        return last_name(node.args[0] if inside else called) in COMPILERS  # type: ignore[attr-defined]

    functions = (f for f in module.index.functions if isinstance(f, ast.FunctionDef))
    found = {function.name for function in functions if any(map(is_compiler, function.decorator_list))}
    assigned = (a for a in module.index.assignments if isinstance(a.value, ast.Call) and is_compiler(a.value))
    return found | {last_name(t) for a in assigned for t in (a.targets if isinstance(a, ast.Assign) else [a.target])}


def names_changed_by_callbacks(loss: Loss) -> dict[str, int]:
    """Attribute and global names that methods of Callback classes of the file assign once the training runs, with the row;
    an attribute of the callback itself with the name of the one object: ``annealing.weight``."""
    found: dict[str, int] = {}
    module = loss.site.module
    for node in module.tree.body:
        if not (isinstance(node, ast.ClassDef) and any("Callback" in ast.unparse(b) for b in node.bases)):
            continue
        declared = {n for g in ast.walk(node) if isinstance(g, ast.Global) for n in g.names}
        objects = [name for name, bound in module.index.bound.get(module.tree, {}).items() if is_made_by(node.name, bound)]
        later = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name not in BEFORE_TRACE]
        for inner in walk(*later):
            if not isinstance(inner, (ast.Assign, ast.AugAssign)):
                continue
            targets = inner.targets if isinstance(inner, ast.Assign) else [inner.target]
            for target in targets:
                if isinstance(target, ast.Attribute):
                    own = ast.unparse(target.value) == "self"
                    for name in [f"{it}.{target.attr}" for it in objects] if own else [target.attr]:
                        found.setdefault(name, inner.lineno)
                elif isinstance(target, ast.Name) and target.id in declared:
                    found.setdefault(target.id, inner.lineno)
    return found


def is_made_by(name: str, bound: list[ast.AST]) -> bool:
    """Whether a name has one value, an object of a class of the file."""
    return len(bound) == 1 and isinstance(bound[0], ast.Call) and last_name(bound[0].func) == name
