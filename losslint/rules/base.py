"""What a rule is, and what it may ask about a loss."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import libcst as cst

from losslint.facts import rewrites
from losslint.facts.first_step import zero_starts
from losslint.facts.gradient import Cause, Cut, Edge, GradientFacts
from losslint.facts.hazards import Hazard, HazardFacts
from losslint.facts.precision import FLOAT16
from losslint.findings import Severity
from losslint.graph.nodes import Graph, Kind, Node, Target, nodes_in
from losslint.graph.source import AstSource, Source
from losslint.graph.values import Const, Map, Seq, Value
from losslint.ops.table import preferred
from losslint.project.heads import compiled_with_names, head_of
from losslint.project.index import keyword
from losslint.project.modes import Mode, is_true
from losslint.project.roles import Role
from losslint.project.sites import Site
from losslint.project.uses import How, imports_root
from losslint.project.zero_start import start_of


@dataclass(frozen=True)
class Problem:
    """What a rule found, before it is placed in the file."""

    source: Source | AstSource
    message: str
    help: str
    severity: Severity | None = None  # None: the rule's own
    related: tuple[Source | AstSource, ...] = ()
    example: tuple[tuple[str, float], ...] = ()  # argument -> the number that shows it where all of it holds that


class Rule:
    """A rule is a query over one loss: subclass it in a file of its own, and nothing else needs to change.

    The docstring is the documentation; ``BAD`` and ``GOOD`` are complete modules that the test-suite checks: each BAD
    one must give this rule on the lines marked ``# expect: CODE``, each GOOD one must give nothing of warning or error.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity] = Severity.ERROR
    BAD: ClassVar[tuple[str, ...]] = ()
    GOOD: ClassVar[tuple[str, ...]] = ()

    def check(self, loss: Loss) -> Iterator[Problem]:
        """The problems of one loss."""
        raise NotImplementedError

    @property
    def documentation(self) -> str:
        import inspect

        return inspect.getdoc(type(self)) or ""

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.documentation.partition("\n")[0]


@dataclass(frozen=True)
class Loss:
    """A traced loss with its facts: all that a rule sees."""

    site: Site
    graph: Graph
    keras_version: int = 3

    @cached_property
    def gradient(self) -> GradientFacts:
        only_variables = not (self.site.is_function or self.adds_loss) or self.is_step
        return GradientFacts(self.graph, trains_model=only_variables, differentiated=self.site.differentiated)

    @property
    def is_step(self) -> bool:
        """Whether the site is handed a batch and calls the model itself, as Lightning's ``training_step``."""
        return self.site.qualname.endswith(".training_step") and any(node.op == "layer" for node in self.graph.nodes)

    @property
    def adds_loss(self) -> bool:
        """Whether the site is a term that a layer hands to ``add_loss``: its activations are trained by other layers."""
        return any(target.how == "add_loss" for target in self.graph.targets)

    @property
    def nodes(self) -> list[Node]:
        return self.graph.nodes

    @property
    def called_by_keras(self) -> bool:
        """Whether Keras calls the loss, with (y_true, y_pred): it is compiled, or the ``call`` of a Loss class."""
        site = self.site
        if site.framework != "tensorflow" or not site.is_function:
            return False
        names = list(site.roles)
        return site.compiled or (
            site.mode is Mode.GRAPH
            and ((site.kind == "method" and site.qualname.endswith(".call")) or names[:2] == ["y_true", "y_pred"])
        )

    @cached_property
    def results(self) -> list[tuple[Value, Target]]:
        """The values to be judged. Of several returned values only those that carry a gradient are the loss."""
        found: list[tuple[Value, Target]] = []
        for target in self.graph.targets:
            parts = _parts(target.value)
            live = [p for p in parts if self.gradient_at(target).live(p)]
            found += [(part, target) for part in (live or parts)]
        return found

    def gradient_at(self, target: Target) -> GradientFacts:
        """The gradient facts of one target: only what it is differentiated with respect to is trained."""
        return self.gradient.towards(target.sources)

    @cached_property
    def dead_results(self) -> list[tuple[Value, Target]]:
        """Results that depend on the prediction but through which no derivative arrives."""
        return [
            (value, target)
            for value, target in self.results
            if target.how != "add_loss" and self.gradient_at(target).is_cut(value)  # only a term of the loss: LL112
            and not self._is_added_elsewhere(value) and not self._reaches_leaf(value)
        ]

    def _reaches_leaf(self, value: Value) -> bool:
        """Whether a derivative arrives at a tensor that a gradient is asked for, and that no model has computed."""
        lost = (Edge.NO_VALUE, Edge.UNRECORDED, Edge.NONE, Edge.ZERO)
        return any(asks_for_gradient(n) and not self.gradient.reach(n) for n in self.gradient.cone(value, lost))

    def _is_added_elsewhere(self, value: Value) -> bool:
        """Whether a value of weights alone comes from a function that a loss of this file calls: a penalty, and LL112 speaks
        of it where it is added."""
        return self.is_called_here and all(self.nodes[root].op == "weight" for root in self.gradient.reach(value))

    @property
    def is_called_here(self) -> bool:
        """Whether a loss of this file is made of what the function returns."""
        return self.site.is_function and self.site.how is How.DIFFERENTIATED

    @cached_property
    def decisive_cuts(self) -> list[Cut]:
        """The operations that leave a result without any gradient."""
        found: dict[int, Cut] = {}
        for value, target in self.dead_results:
            for cut in self.gradient_at(target).decisive_cuts(value):
                found.setdefault(cut.node.index, cut)
        return [cut for cut in found.values() if not keeps_a_mean(cut)]

    @cached_property
    def hazards(self) -> list[Hazard]:
        """Where a result or its derivative stops being finite; nothing for what could not be followed."""
        return [hazard for facts in self.evaluated for hazard in facts.find()]

    @cached_property
    def evaluated(self) -> list[HazardFacts]:
        """The results that can be evaluated at points."""
        if self.graph.gaps or not self.gradient.trained:
            return []
        live = [n for value, _ in self.results for n in nodes_in(value) if self.gradient.live(n)]
        xla = self.may_run_under_xla
        return [HazardFacts(self.gradient, node, self.head, xla=xla, starts=self.starts) for node in live]

    @cached_property
    def starts(self) -> dict[int, Source | AstSource]:
        """The nodes that are exactly 0 in the first step, and the code that makes them so."""
        heads = self.site.heads if self.site.compiled and len(self.site.heads) == len(self.site.fitted) else ()
        layers = [(head.module, layer) for head in heads if (layer := start_of(head)) is not None]
        predictions = [n.index for n in self.graph.params.values() if n.role is Role.PREDICTION]
        known = layers and len(layers) == len(heads)
        given = dict.fromkeys(predictions, AstSource(*layers[0])) if known else {}
        return given | zero_starts(self.graph, self.gradient.trained)

    @property
    def may_run_under_xla(self) -> bool:
        """Whether XLA is told to compile the loss, or Keras 3 is left the choice: it takes XLA where there is a GPU."""
        calls = [call for call in getattr(self.site.node, "decorator_list", ()) if isinstance(call, ast.Call)]
        if any(is_true(keyword(call, "jit_compile")) for call in calls):
            return True
        told = [keyword(call, "jit_compile") for _, call in self.site.fitted]
        left = self.keras_version >= 3 and self.site.mode is Mode.GRAPH
        return any(is_true(value) or (left and is_auto(value)) for value in told)

    def reached(self, node: Node) -> set[float]:
        """The numbers a node takes at the inputs that training plausibly meets."""
        return {value for facts in self.evaluated for value in facts.values(node)}

    def is_never_negative(self, value: Node) -> bool:
        """Whether a value is 0 or more for all inputs, for all that is known of them."""
        return any(facts.ranges.of(value).low >= 0.0 for facts in self.evaluated)

    def is_positive(self, value: Node) -> bool:
        """Whether a value is above 0 for all inputs, for all that is known of them."""
        return any(facts.ranges.of(value).low > 0.0 for facts in self.evaluated)

    def is_half(self, value: Value | None) -> bool:
        """Whether a value was cast to float16."""
        return isinstance(value, Node) and self.gradient.precisions[value.index] is FLOAT16

    @cached_property
    def terms(self) -> list[rewrites.Match]:
        """The terms of the result that are in the table of rewrites."""
        return [match for match in self._matches if not match.guarded]

    @property
    def guarded_terms(self) -> list[rewrites.Match]:
        """The terms that would be in the table without an epsilon within."""
        return [match for match in self._matches if match.guarded]

    @cached_property
    def _matches(self) -> list[rewrites.Match]:
        return list(rewrites.matches([node for node in self.nodes if node.index in self.relevant]))

    @cached_property
    def stable_forms(self) -> dict[int, rewrites.Match]:
        """Operation -> the largest term around it that has a stable form in this framework, an exact one before others."""
        if not self.hazards:
            return {}
        fit = [match for match in self.terms if not match.rewrite.rounds and match.form(self.spelling)]
        fit.reverse()  # of two that are as good, the one that stands first in the table
        fit.sort(key=lambda match: (match.rewrite.exact, len(match.nodes)))
        return {index: match for match in fit for index in match.nodes}

    @property
    def spelling(self) -> str:
        """The framework whose names help texts are written with."""
        tensorflow = self.site.framework == "tensorflow"
        return "keras" if tensorflow and not imports_root(self.site.module, "tensorflow") else self.site.framework

    @cached_property
    def head(self) -> str:
        """The activation that the models of the file end in; "" when the loss gets something else, or it is not known."""
        if not self.site.is_function or (not self.site.compiled and compiled_with_names(self.site.module)):
            return ""  # the models of the file are trained with other losses
        head = head_of(self.site.module)
        return head.activation if head is not None else ""

    def graph_severity(self, node: Node, *, autograph_converts: bool = False) -> Severity | None:
        """How bad it is that a node raises while a graph is traced; None where the code only ever runs eagerly."""
        mode = node.context.mode
        if mode is Mode.GRAPH:
            return Severity.ERROR
        if mode is Mode.AUTOGRAPH:
            return None if autograph_converts else Severity.ERROR
        if mode is Mode.UNKNOWN:
            return Severity.WARNING if self.site.meant_for_fit else Severity.INFO
        return None

    def doubt(self, cut: Cut) -> Severity | None:
        """Info where only a signature speaks for a loss and the cut is a threshold, a discrete operation, code that
        runs outside of the framework, or said in so many words: a metric is the likelier explanation there. None: the
        severity of the rule."""
        hard = cut.cause in (Cause.COMPARE, Cause.DISCRETE, Cause.ZERO, Cause.OPAQUE, Cause.DETACH)
        return Severity.INFO if hard and not self.site.certain else None

    def cuts_by(self, *causes: Cause) -> Iterator[Cut]:
        """Decisive cuts of some causes."""
        return (cut for cut in self.decisive_cuts if cut.cause in causes)

    @cached_property
    def prediction(self) -> str:
        """The name of the prediction for messages."""
        names = [n.name for n in self.graph.params.values() if n.role is Role.PREDICTION]
        return names[0] if len(names) == 1 else "the predictions" if names else "the model"

    def root_of(self, operand: Node) -> str:
        """The trained parameter an operand comes from, for messages."""
        roots = self.gradient.live(operand) or self.gradient.reach(operand)
        names = [self.nodes[i].name for i in sorted(roots) if self.nodes[i].op == "param"]
        if len(names) == 1:
            return names[0]
        called = {callee(self.nodes[i]) for i in roots}
        models = {callee(self.nodes[i]) for i in self.gradient.trained}
        return called.pop() if len(called) == 1 < len(models) and "" not in called else self.prediction

    def users(self, node: Node) -> list[Node]:
        """The nodes that take a node as an input."""
        return self._users.get(node.index, [])

    @cached_property
    def _users(self) -> dict[int, list[Node]]:
        found: dict[int, list[Node]] = {}
        for node in self.nodes:
            for _, operand in node.operands():
                found.setdefault(operand.index, []).append(node)
        return found

    @cached_property
    def relevant(self) -> set[int]:
        """Nodes that some result is computed from."""
        return {node.index for value, _ in self.results for node in self.gradient.cone(value)}


def asks_for_gradient(node: Node) -> bool:
    """Whether a tensor of PyTorch is a leaf that a gradient is wanted for, also one of data: ``images.requires_grad_()``."""
    asked = node.inputs.get("requires_grad")
    return node.name.rpartition(".")[2] == "requires_grad_" if asked is None else asked == Const(True)


def is_auto(jit_compile: ast.expr | None) -> bool:
    """Whether Keras 3 decides by itself whether it compiles."""
    return jit_compile is None or (isinstance(jit_compile, ast.Constant) and jit_compile.value == "auto")


def callee(node: Node) -> str:
    """What a call of a model names: ``generator`` for ``generator(noise)``; empty for other nodes."""
    call = node.source.node
    return node.source.unit.text(call.func) if node.op == "layer" and isinstance(call, cst.Call) else ""


def keeps_a_mean(cut: Cut) -> bool:
    """``loss_metric(loss)``: a running mean of a loss that was computed before, not a metric that a tape differentiates."""
    return cut.node.op == "metric" and len(cut.node.operands()) == 1 and not cut.node.context.tapes


def _parts(value: Value) -> list[Value]:
    if isinstance(value, Seq) and value.items:
        return [p for item in value.items for p in _parts(item)]
    if isinstance(value, Map) and value.items:
        return [p for item in value.items.values() for p in _parts(item)]
    return [value]


def tensor_operands(node: Node) -> list[Node]:
    """Operands that are tensors at run time."""
    return [operand for _, operand in node.operands() if operand.kind is Kind.TENSOR]


def where_it_raises(loss: Loss, node: Node) -> str:
    """The mode in words, for messages."""
    if loss.site.framework == "jax":
        return "jax.jit"
    return {
        Mode.GRAPH: "tracing without AutoGraph (as Keras 3 fit does)",
        Mode.AUTOGRAPH: "tf.function",
    }.get(node.context.mode, "graph mode")


def error_of_truth(loss: Loss) -> str:
    """What is raised where a traced value is asked whether it is true."""
    return "TracerBoolConversionError" if loss.site.framework == "jax" else "OperatorNotAllowedInGraphError"


def is_traced(loss: Loss, node: Node) -> bool:
    """Whether jax sees what enters an operation: grad traces what it differentiates, jit every argument, and neither what
    runs around the function."""
    if any(node.index < parameter.index for parameter in loss.graph.params.values()):
        return False
    if loss.site.mode is Mode.GRAPH:
        traced = {n.index for n in loss.graph.params.values()}
        return any(n.index in traced for o in tensor_operands(node) for n in loss.gradient.cone(o))
    return any(loss.gradient.reach(operand) for operand in tensor_operands(node))


def recorder_name(loss: Loss) -> str:
    """What follows a loss to find its gradient."""
    return {"torch": "autograd", "jax": "jax.grad"}.get(loss.site.framework, "the gradient tape")


def framework_name(loss: Loss) -> str:
    """The framework of a loss as its users spell it."""
    return {"torch": "PyTorch", "jax": "JAX"}.get(loss.site.framework, "TensorFlow")


def twin(loss: Loss, node: Node) -> str:
    """The framework's own spelling of the operation a NumPy or math function computes, e.g. ``tf.reduce_mean``."""
    framework = loss.site.framework
    text = loss.site.module.text
    if framework == "tensorflow" and ("keras.ops" in text or "import ops" in text) and "tensorflow" not in text:
        framework = "keras"
    return preferred(framework, node.op) or ""
