"""Which code is a loss, and why.

A *site* is the unit of analysis: one function, method, lambda, tape block or module-level expression that is
differentiated or minimised. Use decides before name, and the reason is kept for ``--show-losses``.
"""

from __future__ import annotations

import ast
import enum
from dataclasses import dataclass, field

from losslint.project.module import Module


class Mode(enum.Enum):
    """How a framework runs the code of a site."""

    GRAPH = "graph"  # traced without AutoGraph: Keras 3 fit, train_step, Layer.call
    AUTOGRAPH = "autograph"  # traced with AutoGraph: the user's own @tf.function, Keras 2 fit
    EAGER = "eager"  # plain Python under a GradientTape, or run_eagerly=True
    UNKNOWN = "unknown"  # a library function that nobody calls here


class Role(enum.Enum):
    """What a parameter of a loss holds."""

    PREDICTION = "prediction"
    LABEL = "label"
    WEIGHT = "weight"  # sample weights, masks
    TENSOR = "tensor"  # a tensor, but nothing says which
    CONFIG = "config"  # a number, string or flag that is fixed when the loss is built
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Site:
    """One loss.

    ``node`` is the code: a ``FunctionDef``/``Lambda`` for functions, methods, closures and lambdas; for ``tape`` and
    ``expression`` sites the statement or expression whose value is differentiated (inside ``owner`` when it stands
    in a function, at module level when ``owner`` is None). ``owner`` is also the factory of a closure. ``built_by``
    is the call that builds the loss where it is used (``FocalLoss(gamma=1.5)`` or ``make_loss(0.3)``), so that
    its constant arguments can be propagated. ``certain`` is False where only a signature speaks for the loss.
    """

    module: Module
    kind: str  # function | method | closure | lambda | tape | expression
    qualname: str
    node: ast.AST
    reason: str
    mode: Mode = Mode.UNKNOWN
    certain: bool = True
    roles: dict[str, Role] = field(default_factory=dict)
    framework: str = "tensorflow"  # tensorflow | torch | jax
    class_node: ast.ClassDef | None = None
    owner: ast.AST | None = None
    built_by: ast.Call | None = None

    @property
    def row(self) -> int:
        return getattr(self.node, "lineno", 1)
