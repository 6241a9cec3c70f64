"""LL207."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.findings import Severity
from losslint.graph.nodes import Node
from losslint.project.modes import Mode
from losslint.rules.base import Loss, Problem, Rule

CLOCKS = ("time.time", "time.perf_counter", "time.monotonic", "datetime.datetime.now")


class FrozenAtTrace(Rule):
    """A Python value that should change from step to step is burned into the graph when it is traced.

    What it does: finds NumPy or Python random numbers, clocks and counters inside a loss that a graph is traced from, and
    attributes or globals that a callback of the same file changes.

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
        yield from self.changed_by_callback(loss)

    def changed_by_callback(self, loss: Loss) -> Iterator[Problem]:
        changed = names_changed_by_callbacks(loss)
        if not changed:
            return
        for read, name in loss.graph.plain_reads:
            if name in changed:
                yield Problem(
                    read,
                    f"{read.text} is a plain Python value: the one at the first trace is burned into the graph, and what "
                    f"the callback assigns in row {changed[name]} is never seen",
                    "make it tf.Variable(..., trainable=False) and let the callback call assign",
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


def names_changed_by_callbacks(loss: Loss) -> dict[str, int]:
    """Attribute and global names that methods of Callback classes of the file assign, with the row."""
    found: dict[str, int] = {}
    for node in loss.site.module.tree.body:
        if not (isinstance(node, ast.ClassDef) and any("Callback" in ast.unparse(b) for b in node.bases)):
            continue
        for inner in ast.walk(node):
            if not isinstance(inner, (ast.Assign, ast.AugAssign)):
                continue
            targets = inner.targets if isinstance(inner, ast.Assign) else [inner.target]
            declared = {n for g in ast.walk(node) if isinstance(g, ast.Global) for n in g.names}
            for target in targets:
                if isinstance(target, ast.Attribute) and ast.unparse(target.value) != "self":
                    found.setdefault(target.attr, inner.lineno)
                elif isinstance(target, ast.Name) and target.id in declared:
                    found.setdefault(target.id, inner.lineno)
    return found
